//! The connections of a subscriber: their numbers, and what the log hears of them.
//!
//! A reader counts its connections from 1, and there is a new reader after each interruption; the numbers that the shell sees are
//! never used twice.

use crate::actor::{Address, Effect, Link, LogLine, SocketNews, SocketOrder, Turn};
use crate::throttle::Throttle;
use gyesan_core::time::Timestamp;
use gyesan_kafka::connection::Fault;
use gyesan_kafka::reader::Input;
use std::collections::BTreeMap;

/// Connections that one reader opens, at most.
const LINKS_MAX: Link = 1 << 32;
/// A connection that has held this long after its opening has passed its handshake, in milliseconds.
const HELD_MS: i64 = 5_000;

/// The connections.
#[derive(Default)]
pub struct Links {
    base: Link,
    open: BTreeMap<Link, Open>,
    /// To be closed when the turn ends.
    closing: Vec<Link>,
    broken: BTreeMap<Address, Broken>,
    throttle: Throttle,
}

struct Open {
    address: Address,
    since: Option<Timestamp>,
}

/// What is wrong with an address.
struct Broken {
    /// How often in a row its connections have broken.
    times: u32,
    last: Timestamp,
    /// Whether the log has heard of it.
    told: bool,
}

impl Links {
    /// The reader wants something done with a connection. It is closed when the turn ends.
    pub fn obey(&mut self, turn: &mut Turn<'_>, order: SocketOrder) {
        let number = self.base.saturating_add(order.link());
        match &order {
            SocketOrder::Open(_, address) => {
                self.open.insert(number, Open { address: address.clone(), since: None });
            }
            SocketOrder::Send(..) => {}
            SocketOrder::Close(_) => {
                self.open.remove(&number);
                self.closing.push(number);
                return;
            }
        }
        turn.push(Effect::Socket(order.renumbered(number)));
    }

    /// The reader is given up, and all its connections with it.
    pub fn close_all(&mut self) {
        self.closing.extend(std::mem::take(&mut self.open).into_keys());
        self.base = self.base.saturating_add(LINKS_MAX);
    }

    /// Orders the closing; at the end of a turn, where no error takes it back.
    pub fn order_closing(&mut self, turn: &mut Turn<'_>) {
        for link in std::mem::take(&mut self.closing) {
            turn.push(Effect::Socket(SocketOrder::Close(link)));
        }
    }

    /// What the reader is to hear of a connection; nothing when it is not one of its own.
    pub fn hear(&mut self, news: SocketNews, now: Timestamp) -> Option<Input> {
        let number = news.link();
        let open = self.open.get_mut(&number)?;
        let link = number.checked_sub(self.base)?;
        match news {
            SocketNews::Opened(..) => open.since = Some(now),
            SocketNews::Received(..) => {}
            SocketNews::Closed(_) => _ = self.open.remove(&number),
        }
        Some(Input::Socket(news.renumbered(link)))
    }

    /// A connection has broken. One line a minute for each address; none for the first time that one has merely ended, because brokers
    /// close idle connections and the next one tells more.
    pub fn broke(&mut self, turn: &mut Turn<'_>, who: &str, address: Address, fault: &Fault) {
        let name = address.to_string();
        let fresh = || Broken { times: 0, last: turn.now, told: false };
        let broken = self.broken.entry(address).or_insert_with(fresh);
        broken.times = broken.times.saturating_add(1);
        broken.last = turn.now;
        let times = broken.times;
        if times == 1 && *fault == Fault::Closed || !self.throttle.allows(&name, turn.now) {
            return;
        }
        broken.told = true;
        let detail = format!("{who}: {name}: {fault} ({times} times in a row)");
        turn.push(line("warn", "kafka.link-broken", detail));
    }

    /// Says of each address whose connections broke that one made since then holds.
    pub fn tell_of_recovery(&mut self, turn: &mut Turn<'_>, who: &str) {
        let open = &self.open;
        let held = |address: &Address, broken: &Broken| {
            let since = open.values().filter(|open| open.address == *address).filter_map(|open| open.since);
            since.max().is_some_and(|at| at >= broken.last && turn.now.ms_since(at) >= HELD_MS)
        };
        let mut restored = Vec::new();
        self.broken.retain(|address, broken| {
            let held = held(address, broken);
            if held && broken.told {
                restored.push(format!("{who}: {address} after {} times", broken.times));
            }
            !held
        });
        for detail in restored {
            turn.push(line("info", "kafka.link-restored", detail));
        }
    }
}

fn line(level: &'static str, fact: &'static str, detail: String) -> Effect {
    Effect::Log(LogLine { level, fact, merchant_id: String::new(), order_id: String::new(), detail })
}
