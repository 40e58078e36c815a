//! A shell over blocking sockets: what a Worker does with its sockets, with threads.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use gyesan_kafka::Millis;
use gyesan_kafka::socket::{Address, SocketNews, SocketOrder};

/// The sockets.
pub struct Sockets {
    open: BTreeMap<u64, TcpStream>,
    sender: Sender<SocketNews>,
    receiver: Receiver<SocketNews>,
}

impl Sockets {
    pub fn new() -> Self {
        let (sender, receiver) = channel();
        Self { open: BTreeMap::new(), sender, receiver }
    }

    /// Does what a client wants done.
    pub fn obey(&mut self, order: SocketOrder) {
        match order {
            SocketOrder::Open(link, address) => self.open(link, &address),
            SocketOrder::Send(link, bytes) => self.send(link, &bytes),
            SocketOrder::Close(link) => self.close(link),
        }
    }

    fn open(&mut self, link: u64, address: &Address) {
        let Ok(socket) = TcpStream::connect((address.host.as_str(), address.port)) else {
            let _ = self.sender.send(SocketNews::Closed(link));
            return;
        };
        let _ = socket.set_nodelay(true);
        let mut reader = socket.try_clone().unwrap();
        let sender = self.sender.clone();
        let _ = sender.send(SocketNews::Opened(link, nonce()));
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(length) = reader.read(&mut buffer) {
                if length == 0
                    || sender
                        .send(SocketNews::Received(link, Bytes::copy_from_slice(&buffer[..length])))
                        .is_err()
                {
                    break;
                }
            }
            let _ = sender.send(SocketNews::Closed(link));
        });
        self.open.insert(link, socket);
    }

    fn send(&mut self, link: u64, bytes: &Bytes) {
        if let Some(socket) = self.open.get_mut(&link) {
            // A failed write shows as the end of reading too.
            let _ = socket.write_all(bytes);
        }
    }

    fn close(&mut self, link: u64) {
        if let Some(socket) = self.open.remove(&link) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Cuts everything, as a crash does.
    pub fn close_all(&mut self) {
        for link in self.open.keys().copied().collect::<Vec<_>>() {
            self.close(link);
        }
    }

    /// The next thing that happens before `until`.
    pub fn wait(&self, until: Millis) -> Option<SocketNews> {
        let left = until.saturating_sub(now());
        self.receiver.recv_timeout(Duration::from_millis(left)).ok()
    }
}

pub fn now() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// From the clock: good enough for tests, and for nothing else.
fn nonce() -> [u8; 16] {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos().to_be_bytes()
}
