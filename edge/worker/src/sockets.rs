//! The TCP connections of an object. The shim holds them; here the orders of one turn are brought together, and so is
//! what came between two turns.

use crate::bindings::Shim;
use bytes::Bytes;
use gyesan_edge::actor::{Input, SocketNews, SocketOrder};
use gyesan_kafka::cluster::{Address, Link};
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
    pub fn give(&mut self, shim: &Shim, order: SocketOrder, tls: bool) {
        match order {
            SocketOrder::Open(link, address) => {
                shim.open(number(link), &text(&address), if tls { "on" } else { "off" });
            }
            SocketOrder::Send(link, bytes) => self.sends.entry(link).or_default().push(bytes),
            SocketOrder::Close(link) => shim.close(number(link)),
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
pub struct Arrivals(BTreeMap<Link, Vec<u8>>);

impl Arrivals {
    /// Adds what was read. False when the next read has to wait for a turn.
    pub fn add(&mut self, link: Link, bytes: &[u8]) -> bool {
        let waiting = self.0.entry(link).or_default();
        waiting.extend_from_slice(bytes);
        waiting.len() < WAITING_MAX
    }

    /// What has come of one connection.
    pub fn take(&mut self, link: Link) -> Option<Input> {
        self.0.remove(&link).map(|bytes| received(link, bytes))
    }

    /// What has come of all.
    pub fn take_all(&mut self) -> impl Iterator<Item = Input> + use<> {
        std::mem::take(&mut self.0).into_iter().map(|(link, bytes)| received(link, bytes))
    }
}

fn received(link: Link, bytes: Vec<u8>) -> Input {
    Input::Socket(SocketNews::Received(link, Bytes::from(bytes)))
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
