//! A TCP proxy in front of the broker, which can cut, silence and refuse.

use anyhow::Result;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What happens to bytes and connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Mode {
    /// Everything passes.
    Pass = 0,
    /// Requests pass and are carried out; answers are lost.
    LoseAnswers = 1,
    /// Nothing passes, and nobody is told: connections stay open.
    Silence = 2,
    /// Connections are closed as soon as they are made.
    Refuse = 3,
}

/// A proxy that runs until it is dropped.
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    mode: AtomicU8,
    ended: AtomicBool,
    made: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Begins to pass connections on to `broker`, a port on 127.0.0.1, which may come and go.
    ///
    /// # Errors
    /// When there is no port to listen on.
    pub fn start(broker: u16) -> Result<Proxy> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            mode: AtomicU8::new(Mode::Pass as u8),
            ended: AtomicBool::new(false),
            made: AtomicU64::new(0),
            open: Mutex::default(),
        });
        let of_listener = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if of_listener.ended.load(Ordering::Relaxed) {
                    return;
                }
                of_listener.made.fetch_add(1, Ordering::Relaxed);
                // A broker that is down, or a mode that refuses, drops the client's socket.
                let _ = connect(&of_listener, client, broker);
            }
        });
        Ok(Proxy { port, shared })
    }

    /// Changes what happens from now on.
    pub fn set(&self, mode: Mode) {
        self.shared.mode.store(mode as u8, Ordering::Relaxed);
    }

    /// Ends all connections; how many there were. New ones are made as before.
    pub fn cut(&self) -> usize {
        let Ok(mut open) = self.shared.open.lock() else { return 0 };
        let cut = open.drain(..).filter(|stream| stream.shutdown(Shutdown::Both).is_ok()).count();
        cut / 2
    }

    /// How many connections have been made so far.
    pub fn connections(&self) -> u64 {
        self.shared.made.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        self.cut();
        // Wakes the listener, so that it sees the end.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn connect(shared: &Arc<Shared>, client: TcpStream, broker: u16) -> Result<()> {
    if shared.mode.load(Ordering::Relaxed) == Mode::Refuse as u8 {
        return Ok(());
    }
    let server = TcpStream::connect(("127.0.0.1", broker))?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
        if let Ok(mut open) = shared.open.lock() {
            open.retain(|stream| stream.peer_addr().is_ok());
            open.push(stream.try_clone()?);
        }
    }
    pass(shared, client.try_clone()?, server.try_clone()?, |mode| {
        mode == Mode::Pass as u8 || mode == Mode::LoseAnswers as u8
    });
    pass(shared, server, client, |mode| mode == Mode::Pass as u8);
    Ok(())
}

/// Passes bytes on in one direction, or swallows them; a stream is never joined together again after a hole, because
/// what follows would be garbage.
fn pass(shared: &Arc<Shared>, mut from: TcpStream, mut to: TcpStream, passes: fn(u8) -> bool) {
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        let mut swallowing = false;
        loop {
            match from.read(&mut bytes) {
                Ok(read) if read > 0 => {
                    swallowing |= !passes(shared.mode.load(Ordering::Relaxed));
                    let part = bytes.get(..read).unwrap_or_default();
                    if !swallowing && to.write_all(part).is_err() {
                        break;
                    }
                }
                _ => break,
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    fn echo() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
                });
            }
        });
        port
    }

    fn answers(stream: &mut TcpStream) -> bool {
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        stream.write_all(b"x").is_ok() && matches!(stream.read(&mut [0]), Ok(1))
    }

    #[test]
    fn bytes_pass_until_they_are_cut_silenced_or_refused() {
        let proxy = Proxy::start(echo()).unwrap();
        let connect = || TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
        let mut first = connect();
        assert!(answers(&mut first));
        assert_eq!(proxy.cut(), 1);
        assert!(!answers(&mut first));
        let mut second = connect();
        assert!(answers(&mut second));
        for mode in [Mode::LoseAnswers, Mode::Silence, Mode::Refuse] {
            proxy.set(mode);
            assert!(!answers(&mut connect()), "{mode:?}");
        }
        // A stream with a hole in it stays silent.
        assert!(!answers(&mut second));
        proxy.set(Mode::Pass);
        assert!(!answers(&mut second));
        assert!(answers(&mut connect()));
        assert_eq!(proxy.connections(), 6);
    }
}
