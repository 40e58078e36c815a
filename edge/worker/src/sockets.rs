//! The TCP connections of an object. The shim holds them; here the orders of one turn are brought together, and so is
//! what came between two turns.

use crate::bindings::Shim;
use bytes::Bytes;
use gyesan_edge::actor::{Address, Input, Link, SocketNews, SocketOrder};
use js_sys::Uint8Array;
use std::collections::BTreeMap;

/// The orders of one turn.
#[derive(Default)]
pub struct Orders {
    /// What a connection is to send is written at once: the runtime writes each piece with a system call of its own.
    sends: BTreeMap<Link, Vec<Bytes>>,
}

impl Orders {
    /// Opens or closes a connection, or keeps what it is to send until [`Orders::send`].
    pub fn give(&mut self, shim: &Shim, arrivals: &mut Arrivals, order: SocketOrder, tls: bool) {
        match order {
            SocketOrder::Open(link, address) => {
                shim.open(number(link), &text(&address), if tls { "on" } else { "off" });
            }
            SocketOrder::Send(link, bytes) => self.sends.entry(link).or_default().push(bytes),
            SocketOrder::Close(link) => {
                shim.close(number(link));
                arrivals.end(link);
            }
        }
    }

    /// Sends what was kept. The shim waits until this turn's transaction is on disk, and passes over connections that
    /// are closed.
    pub fn send(self, shim: &Shim) {
        for (link, pieces) in self.sends {
            shim.send(number(link), &joined(&pieces));
        }
    }
}

/// Bytes of one connection that may wait for a turn, in bytes. Whoever sends without end is then read no further, and the
/// turn, which comes after reads that are ready, is not put off for ever.
const WAITING_MAX: usize = 1024 * 1024;

/// What connections have received since the last turn: the runtime hands it over in pieces of 4 KiB, the actor is given
/// one a connection.
#[derive(Default)]
pub struct Arrivals(BTreeMap<Link, Arrival>);

#[derive(Default)]
struct Arrival {
    waiting: Vec<u8>,
    place: Place,
}

impl Arrivals {
    /// Adds what was read. Answers how many bytes the next read should bring at least; 0 when it has to wait for a turn.
    pub fn add(&mut self, link: Link, bytes: &[u8]) -> u32 {
        let arrival = self.0.entry(link).or_default();
        arrival.waiting.extend_from_slice(bytes);
        arrival.place.advance(bytes);
        if arrival.waiting.len() < WAITING_MAX { arrival.place.missing.max(1) } else { 0 }
    }

    /// What has come of a connection that is no more.
    pub fn end(&mut self, link: Link) -> Option<Input> {
        self.0.remove(&link).and_then(|mut arrival| arrival.take(link))
    }

    /// What has come of all.
    pub fn take(&mut self) -> impl Iterator<Item = Input> {
        self.0.iter_mut().filter_map(|(link, arrival)| arrival.take(*link))
    }
}

impl Arrival {
    fn take(&mut self, link: Link) -> Option<Input> {
        let bytes = Bytes::from(std::mem::take(&mut self.waiting));
        (!bytes.is_empty()).then(|| Input::Socket(SocketNews::Received(link, bytes)))
    }
}

/// Where in a frame of Kafka's protocol (its length in 4 bytes, big-endian, then so many bytes) a connection stands. Part of
/// a frame is of no use to anybody; a read that waits for all of it spares the runtime many.
#[derive(Default)]
struct Place {
    /// Bytes that the frame still lacks.
    missing: u32,
    /// The next length, as far as it has come.
    length: u32,
    length_bytes: u8,
}

impl Place {
    fn advance(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.missing > 0 {
                let present = bytes.len().min(usize::try_from(self.missing).unwrap_or(usize::MAX));
                self.missing = self.missing.saturating_sub(u32::try_from(present).unwrap_or(u32::MAX));
                bytes = bytes.get(present..).unwrap_or_default();
                continue;
            }
            self.length = self.length << 8 | u32::from(*first);
            self.length_bytes += 1;
            bytes = rest;
            if self.length_bytes == 4 {
                *self = Place { missing: self.length, ..Place::default() };
            }
        }
    }
}

/// A link as JavaScript has it: they are counted from 1, so that a double holds them.
fn number(link: Link) -> f64 {
    link as f64
}

/// An IPv6 address stands in brackets before its port.
fn text(address: &Address) -> String {
    let Address { host, port } = address;
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// The pieces as one, copied out of the module's memory, which may move before they are sent.
fn joined(pieces: &[Bytes]) -> Uint8Array {
    let length = |bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let whole = Uint8Array::new_with_length(pieces.iter().map(length).sum());
    let mut at = 0_u32;
    for piece in pieces {
        let end = at.saturating_add(length(piece));
        whole.subarray(at, end).copy_from(piece);
        at = end;
    }
    whole
}
