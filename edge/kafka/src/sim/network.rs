//! The network between a client and a simulated cluster.
//!
//! Bytes of one connection stay in order, as TCP keeps them; everything else happens: they come late, in pieces, in part,
//! or never; requests that a closed connection still carried may arrive after the next connection's.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Chance, SimCluster};
use crate::Millis;
use crate::frame::Frames;
use crate::socket::{Address, Link, SocketNews, SocketOrder};

/// Nobody authenticates in a simulation.
const NONCE: [u8; 16] = [7; 16];

/// How often what goes wrong, of 1,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// An answer is cut somewhere, and the connection with it.
    pub cut_answer: u64,
    /// A request is lost with its connection before it arrives.
    pub cut_request: u64,
    /// From this request on the connection swallows everything in silence.
    pub silence: u64,
    /// What a closed connection still carried arrives all the same, up to this many milliseconds later; 0 never.
    pub late_ms: Millis,
    /// An answer overtakes the one before it. No broker does that.
    pub overtake: u64,
    /// Largest delay of a message each way, in milliseconds.
    pub delay_max_ms: Millis,
}

#[derive(Debug)]
enum Transit {
    Request {
        link: Link,
        node: i32,
        frame: Bytes,
    },
    /// A Fetch that has found nothing, until its time is over.
    Held {
        link: Link,
        node: i32,
        frame: Bytes,
    },
    News(SocketNews),
}

#[derive(Debug)]
struct Wire {
    node: i32,
    frames: Frames,
    request_after: Millis,
    answer_after: Millis,
    silent: bool,
    closed: bool,
}

/// The network.
#[derive(Debug)]
pub struct SimNetwork {
    /// What goes wrong.
    pub faults: Faults,
    /// Brokers hold a Fetch that finds nothing for so long in milliseconds, or longer if it says so itself. A busy broker is
    /// late like this; and a simulation of hours needs fewer steps.
    pub hold_min_ms: Millis,
    chance: Chance,
    wires: BTreeMap<Link, Wire>,
    transit: BTreeMap<(Millis, u64), Transit>,
    sequence: u64,
}

impl SimNetwork {
    /// A network whose accidents come from `seed`.
    pub fn new(seed: u64, faults: Faults) -> Self {
        let chance = Chance::new(seed ^ 0x6e65_7477_6f72_6b00);
        Self { faults, hold_min_ms: 0, chance, wires: BTreeMap::new(), transit: BTreeMap::new(), sequence: 0 }
    }

    /// When the next thing happens.
    pub fn next_at(&self) -> Option<Millis> {
        self.transit.keys().next().map(|(at, _)| *at)
    }

    /// True while requests of closed connections are still on their way.
    pub fn carries_late_requests(&self) -> bool {
        let late = |transit: &Transit| match transit {
            Transit::Request { link, .. } => self.wires.get(link).is_none_or(|wire| wire.closed),
            Transit::Held { .. } | Transit::News(_) => false,
        };
        self.transit.values().any(late)
    }

    /// The client wants something done.
    pub fn obey(&mut self, now: Millis, cluster: &SimCluster, order: SocketOrder) {
        match order {
            SocketOrder::Open(link, address) => self.open(now, cluster, link, &address),
            SocketOrder::Send(link, bytes) => self.send(now, link, &bytes),
            SocketOrder::Close(link) => self.close(now, link),
        }
    }

    fn open(&mut self, now: Millis, cluster: &SimCluster, link: Link, address: &Address) {
        let at = now + self.delay();
        match cluster.node_at(address).filter(|node| cluster.is_up(*node)) {
            Some(node) => {
                let frames = Frames::new(64 << 20);
                let wire =
                    Wire { node, frames, request_after: at, answer_after: at, silent: false, closed: false };
                self.wires.insert(link, wire);
                self.put(at, Transit::News(SocketNews::Opened(link, NONCE)));
            }
            None => self.put(at, Transit::News(SocketNews::Closed(link))),
        }
    }

    fn send(&mut self, now: Millis, link: Link, bytes: &Bytes) {
        let delay = self.delay();
        let Some(wire) = self.wires.get_mut(&link).filter(|wire| !wire.closed) else { return };
        wire.frames.push(bytes);
        while let Ok(Some(frame)) = wire.frames.next_frame() {
            wire.silent |= self.chance.happens(self.faults.silence);
            if wire.silent {
                continue;
            }
            wire.request_after = wire.request_after.max(now + delay);
            let at = wire.request_after;
            self.sequence += 1;
            if self.chance.happens(self.faults.cut_request) {
                wire.closed = true;
                self.transit.insert((at, self.sequence), Transit::News(SocketNews::Closed(link)));
                return;
            }
            let request = Transit::Request { link, node: wire.node, frame };
            self.transit.insert((at, self.sequence), request);
        }
    }

    /// The client closes, or has died.
    pub fn close(&mut self, now: Millis, link: Link) {
        if let Some(wire) = self.wires.get_mut(&link) {
            wire.closed = true;
        }
        let gone: Vec<_> =
            self.transit.iter().filter(|(_, transit)| transit.link() == link).map(|(at, _)| *at).collect();
        let mut late_at = now;
        for at in gone {
            let Some(transit) = self.transit.remove(&at) else { continue };
            if matches!(transit, Transit::Request { .. })
                && self.faults.late_ms > 0
                && self.chance.happens(500)
            {
                late_at += self.chance.below(self.faults.late_ms);
                self.put(late_at.max(at.0), transit);
            }
        }
    }

    /// Ends all connections to a broker, as its death does. What was under way to it is lost.
    pub fn cut_node(&mut self, now: Millis, node: i32) {
        let links: Vec<Link> = self
            .wires
            .iter()
            .filter(|(_, wire)| wire.node == node && !wire.closed)
            .map(|(link, _)| *link)
            .collect();
        let to_it = |transit: &Transit| match transit {
            Transit::Request { node: of, .. } | Transit::Held { node: of, .. } => *of == node,
            Transit::News(_) => false,
        };
        self.transit.retain(|_, transit| !to_it(transit));
        for link in links {
            if let Some(wire) = self.wires.get_mut(&link) {
                wire.closed = true;
            }
            let at = now + self.delay();
            self.put(at, Transit::News(SocketNews::Closed(link)));
        }
    }

    /// Carries the next message, if it is due: a request to its broker, whose answer is then under way, or news to the
    /// client.
    pub fn step(&mut self, now: Millis, cluster: &mut SimCluster) -> Option<SocketNews> {
        let key = *self.transit.keys().next().filter(|(at, _)| *at <= now)?;
        match self.transit.remove(&key)? {
            Transit::News(news) => Some(news),
            Transit::Request { link, node, frame } => {
                if let Some(holds_ms) = cluster.holds_ms(&frame) {
                    let until = now + holds_ms.max(self.hold_min_ms);
                    self.put(until, Transit::Held { link, node, frame });
                } else {
                    self.answer(now, cluster, link, node, frame);
                    self.release(now, cluster);
                }
                None
            }
            Transit::Held { link, node, frame } => {
                self.answer(now, cluster, link, node, frame);
                None
            }
        }
    }

    fn answer(&mut self, now: Millis, cluster: &mut SimCluster, link: Link, node: i32, frame: Bytes) {
        if !cluster.is_up(node) {
            return;
        }
        match cluster.answer(node, frame) {
            Some(answer) => self.carry_back(now, link, answer),
            None => self.end(now, link),
        }
    }

    /// Lets go of the Fetches for which something has come.
    fn release(&mut self, now: Millis, cluster: &SimCluster) {
        let is_ready = |transit: &Transit| match transit {
            Transit::Held { frame, .. } => cluster.holds_ms(frame).is_none(),
            Transit::Request { .. } | Transit::News(_) => false,
        };
        let ready: Vec<_> =
            self.transit.iter().filter(|(_, transit)| is_ready(transit)).map(|(at, _)| *at).collect();
        for at in ready {
            let Some(transit) = self.transit.remove(&at) else { continue };
            self.put(now, transit);
        }
    }

    fn end(&mut self, now: Millis, link: Link) {
        if let Some(wire) = self.wires.get_mut(&link).filter(|wire| !wire.closed) {
            wire.closed = true;
            let at = wire.answer_after.max(now);
            self.put(at, Transit::News(SocketNews::Closed(link)));
        }
    }

    fn carry_back(&mut self, now: Millis, link: Link, answer: Bytes) {
        let delay = self.delay();
        let cut = self.chance.happens(self.faults.cut_answer);
        let overtakes = self.chance.happens(self.faults.overtake);
        let Some(wire) = self.wires.get_mut(&link).filter(|wire| !wire.closed) else { return };
        // An answer that overtakes comes whole and at once; all others keep their order.
        let at = if overtakes { now } else { wire.answer_after.max(now + delay) };
        wire.answer_after = wire.answer_after.max(at);
        let length = answer.len() as u64;
        let arriving = if cut { self.chance.below(length) } else { length };
        let split = if overtakes { arriving } else { self.chance.below(arriving + 1) };
        let (arriving, split) = (arriving as usize, split as usize);
        if cut {
            wire.closed = true;
        }
        for piece in [answer.slice(..split), answer.slice(split..arriving)] {
            if !piece.is_empty() {
                self.put(at, Transit::News(SocketNews::Received(link, piece)));
            }
        }
        if cut {
            self.put(at, Transit::News(SocketNews::Closed(link)));
        }
    }

    fn delay(&mut self) -> Millis {
        self.chance.below(self.faults.delay_max_ms + 1)
    }

    fn put(&mut self, at: Millis, transit: Transit) {
        self.sequence += 1;
        self.transit.insert((at, self.sequence), transit);
    }
}

impl Transit {
    fn link(&self) -> Link {
        match self {
            Self::Request { link, .. } | Self::Held { link, .. } => *link,
            Self::News(news) => news.link(),
        }
    }
}
