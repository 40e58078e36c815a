//! Relay processes over one store, one shard's log, the brokers, and one clock.

use bytes::Bytes;
use gyesan_core::event::{Event, EventData};
use gyesan_core::money::Currency;
use gyesan_core::time::Timestamp;
use gyesan_edge::actor::{Actor, Effect, Input, SocketOrder, turn};
use gyesan_edge::actors;
use gyesan_edge::command::*;
use gyesan_edge::config::Kafka;
use gyesan_edge::native::Database;
use gyesan_edge::outbox;
use gyesan_edge::params;
use gyesan_edge::schema;
use gyesan_edge::sql::{Row, Sql, SqlError, Value};
use gyesan_edge::topology::{Bus, Target, Topology};
use gyesan_kafka::batch;
use gyesan_kafka::partitioner::partition_of;
use gyesan_kafka::sim::{Faults, SimCluster, SimNetwork};
use gyesan_kafka::{Millis, TopicPartition};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

const TOPIC: &str = "gyesan.orders";
const PARTITIONS: u32 = 3;
const SHARD: Target = Target::Order(0);
const RELAY: Target = Target::Relay(0);
const TOPOLOGY: Topology = Topology {
    order_shards: 1,
    ledger_shards: 1,
    bus: Bus::Kafka { relays: 1, orders_partitions: PARTITIONS, ledger_partitions: 1 },
};
const START_MS: i64 = 1_700_000_000_000;
/// Numbers of connections of one process.
const PROCESS: u64 = 1 << 40;

struct Process {
    actor: Box<dyn Actor>,
    tick: Option<i64>,
    sockets: BTreeSet<u64>,
    facts: Vec<&'static str>,
    details: Vec<String>,
    dead: bool,
}

pub struct World {
    now: i64,
    pub cluster: SimCluster,
    network: SimNetwork,
    store: Database,
    pub shard: Database,
    ledger: Database,
    appended: u64,
    booked: u64,
    processes: Vec<Process>,
    arriving: BTreeMap<(i64, u64), (usize, Input)>,
    sequence: u64,
    fail_after: Option<u32>,
    /// Turns until a process ends after its commit and before any effect of it.
    crash_in: Option<u32>,
    replies: Vec<Result<Reply, Rejection>>,
}

/// A database whose writes fail from some statement of a turn on.
struct Failing<'a> {
    database: &'a Database,
    left: Cell<Option<u32>>,
    failed: Cell<bool>,
}

impl Sql for Failing<'_> {
    fn query(&self, statement: &'static str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        match self.left.get() {
            Some(0) if !statement.starts_with("SELECT") => {
                self.failed.set(true);
                return Err(SqlError("disk full".to_owned()));
            }
            Some(left) => self.left.set(Some(left.saturating_sub(1))),
            None => {}
        }
        self.database.query(statement, params)
    }

    fn savepoint(&self, body: &mut dyn FnMut() -> bool) -> Result<(), SqlError> {
        self.database.savepoint(body)
    }
}

fn kafka() -> Kafka {
    Kafka {
        brokers: vec![SimCluster::address(1)],
        tls: false,
        credentials: None,
        schema_registry: None,
        outbox_keep_ms: None,
    }
}

fn places() -> impl Iterator<Item = TopicPartition> {
    (0..i32::try_from(PARTITIONS).unwrap())
        .map(|partition| TopicPartition { topic: TOPIC.to_owned(), partition })
}

impl World {
    pub fn new() -> World {
        let mut cluster = SimCluster::new(2);
        cluster.create_topic(TOPIC, i32::try_from(PARTITIONS).unwrap());
        cluster.create_topic("gyesan.ledger", 1);
        let (shard, ledger) = (Database::in_memory().unwrap(), Database::in_memory().unwrap());
        for (target, database) in [(SHARD, &shard), (Target::Ledger(0), &ledger)] {
            let open =
                |sql: &dyn Sql| actors::open(target, TOPOLOGY, Some(&kafka()), sql, Timestamp(START_MS));
            database.transaction(open).unwrap().unwrap();
        }
        World {
            now: START_MS,
            cluster,
            network: SimNetwork::new(7, Faults { delay_max_ms: 3, ..Faults::default() }),
            store: Database::in_memory().unwrap(),
            shard,
            ledger,
            appended: 0,
            booked: 0,
            processes: Vec::new(),
            arriving: BTreeMap::new(),
            sequence: 0,
            fail_after: None,
            crash_in: None,
            replies: Vec::new(),
        }
    }

    /// Commits events of ten orders in turn.
    pub fn append(&mut self, count: u64) {
        for _ in 0..count {
            self.appended += 1;
            let order_id = format!("ord_{:04}", self.appended % 10);
            let event = Event {
                event_id: format!("evt_{}", self.appended),
                merchant_id: "demo".into(),
                currency: Currency::Krw,
                occurred_at: Timestamp(self.now),
                data: EventData::OrderExpired { order_id: order_id.as_str().into(), order_version: 2 },
            };
            let value = Bytes::from(schema::encode(&event).unwrap());
            let insert = "INSERT INTO outbox (seq, key, value, trace) VALUES (?, ?, ?, NULL)";
            self.shard.query(insert, params![self.appended, order_id, value]).unwrap();
        }
    }

    /// Commits events from a position on, in a log that was set back.
    pub fn commit_at(&mut self, position: u64, count: u64) {
        let appended = std::mem::replace(&mut self.appended, position - 1);
        self.append(count);
        self.tell_all();
        self.run_for(1);
        self.appended = self.appended.max(appended);
    }

    /// Commits credits in the ledger's shard.
    pub fn book(&mut self, count: u64) {
        for _ in 0..count {
            self.booked += 1;
            let event = Event {
                event_id: format!("led_{}", self.booked),
                merchant_id: "demo".into(),
                currency: Currency::Krw,
                occurred_at: Timestamp(self.now),
                data: EventData::OrderExpired { order_id: "ord_ledger".into(), order_version: 2 },
            };
            let value = Bytes::from(schema::encode(&event).unwrap());
            let insert = "INSERT INTO outbox (seq, key, value, trace) VALUES (?, 'A', ?, NULL)";
            self.ledger.query(insert, params![self.booked, value]).unwrap();
        }
        let number = self.processes.len() - 1;
        let command = Command::Appended { source: Target::Ledger(0), end: self.booked, page: None };
        self.arrives(0, number, Input::Command { token: 1, command, trace: None });
    }

    /// The relay's process ends, and another begins.
    pub fn restart(&mut self) -> usize {
        for process in &mut self.processes {
            process.dead = true;
        }
        self.start()
    }

    /// After so many turns a process ends, before any effect of the last one, and another begins.
    pub fn crash_in(&mut self, turns: u32) {
        self.crash_in = Some(turns);
    }

    /// Asks the latest process.
    pub fn ask(&mut self, command: Command) -> Result<Reply, Rejection> {
        self.crash_in = None;
        let number = self.processes.len() - 1;
        self.turn(number, Input::Command { token: 9, command, trace: None });
        self.replies.pop().unwrap()
    }

    pub fn status(&mut self) -> RelayStatus {
        match self.ask(Command::RelayStatus).unwrap() {
            Reply::Relay(status) => status,
            other => panic!("{other:?}"),
        }
    }

    /// Of the log of orders.
    pub fn source(&mut self) -> RelaySource {
        self.status().sources.into_iter().find(|source| source.source == SHARD).unwrap()
    }

    /// An operator tells the relay to go on.
    pub fn resume(&mut self, partition: Option<&str>, accept_loss: bool) -> Result<Resumed, Rejection> {
        let what = partition.map_or(Stopped::Everything, |name| Stopped::Partition(name.to_owned()));
        self.resume_what(what, accept_loss)
    }

    /// The same of what has stopped.
    pub fn resume_what(&mut self, what: Stopped, accept_loss: bool) -> Result<Resumed, Rejection> {
        let command = RelayCommand::Resume { what, accept_loss };
        match self.ask(Command::Relay(command))? {
            Reply::Resumed(resumed) => Ok(resumed),
            other => panic!("{other:?}"),
        }
    }

    /// An operator wants positions of the log of orders to be published again.
    pub fn republish(
        &mut self,
        id: &str,
        first: u64,
        last: u64,
        kept: u64,
    ) -> Result<Republication, Rejection> {
        let command = RelayCommand::Republish { id: id.to_owned(), source: SHARD, first, last, kept };
        match self.ask(Command::Relay(command))? {
            Reply::Republishing(republication) => Ok(republication),
            other => panic!("{other:?}"),
        }
    }

    /// Another process of the relay, beside those that run.
    pub fn start(&mut self) -> usize {
        let now = Timestamp(self.now);
        let open = |sql: &dyn Sql| actors::open(RELAY, TOPOLOGY, Some(&kafka()), sql, now).unwrap();
        let actor = self.store.transaction(open).unwrap();
        self.processes.push(Process {
            actor,
            tick: None,
            sockets: BTreeSet::new(),
            facts: Vec::new(),
            details: Vec::new(),
            dead: false,
        });
        let number = self.processes.len() - 1;
        self.arrives(0, number, Input::Alarm);
        number
    }

    /// Every process hears that the log has grown.
    pub fn tell_all(&mut self) {
        for number in 0..self.processes.len() {
            let command = Command::Appended { source: SHARD, end: self.appended, page: None };
            self.arrives(0, number, Input::Command { token: 1, command, trace: None });
        }
    }

    /// All brokers stop, or come back.
    pub fn brokers_are_up(&mut self, up: bool) {
        for node in 1..=2 {
            if self.cluster.is_up(node) != up {
                self.cluster.set_up(node, up);
            }
        }
    }

    /// The epoch under which a partition of the topic of orders is published to, as it is stored.
    pub fn epoch(&self, partition: i32) -> i64 {
        let sql = "SELECT epoch FROM partitions WHERE topic = ? AND partition = ?";
        self.store.query(sql, params![TOPIC, i64::from(partition)]).unwrap()[0].int(0).unwrap()
    }

    /// Batches that the store holds as not acknowledged.
    pub fn open_batches(&self) -> u64 {
        self.store.query("SELECT count(*) FROM frozen", &[]).unwrap()[0].count(0).unwrap()
    }

    /// In the next turn that writes more than so many statements, they fail.
    pub fn fail_writes_after(&mut self, statements: u32) {
        self.fail_after = Some(statements);
    }

    fn arrives(&mut self, in_ms: i64, process: usize, input: Input) {
        self.sequence += 1;
        self.arriving.insert((self.now + in_ms, self.sequence), (process, input));
    }

    pub fn run_for(&mut self, duration_ms: i64) {
        let end = self.now + duration_ms;
        while self.now < end {
            let ticks =
                self.processes.iter().filter(|process| !process.dead).filter_map(|process| process.tick);
            let network = self.network.next_at().map(|at| i64::try_from(at).unwrap());
            let next = ticks.chain(network).chain(self.arriving.keys().map(|(at, _)| *at)).chain([end]).min();
            self.now = self.now.max(next.unwrap());
            while self.network.next_at().is_some_and(|at| i64::try_from(at).unwrap() <= self.now) {
                let now = Millis::try_from(self.now).unwrap();
                let Some(news) = self.network.step(now, &mut self.cluster) else { continue };
                let link = news.link();
                let process = usize::try_from(link / PROCESS).unwrap();
                self.arrives(0, process, Input::Socket(news.renumbered(link % PROCESS)));
            }
            while let Some(entry) = self.arriving.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (process, input) = entry.remove();
                self.turn(process, input);
            }
            for number in 0..self.processes.len() {
                let process = &self.processes[number];
                if !process.dead && process.tick.is_some_and(|at| at <= self.now) {
                    self.processes[number].tick = None;
                    self.turn(number, Input::Tick);
                }
            }
        }
    }

    fn turn(&mut self, number: usize, input: Input) {
        if self.processes[number].dead {
            return;
        }
        let now = Timestamp(self.now);
        let failing =
            Failing { database: &self.store, left: Cell::new(self.fail_after), failed: Cell::default() };
        let actor = self.processes[number].actor.as_mut();
        self.store.begin().unwrap();
        let effects = turn(actor, &failing, now, &mut || 7, vec![input]);
        if failing.failed.get() {
            self.fail_after = None;
        }
        self.store.commit().unwrap();
        if let Some(left) = self.crash_in {
            self.crash_in = left.checked_sub(1);
            if left == 0 {
                self.restart();
                return;
            }
        }
        let base = u64::try_from(number).unwrap() * PROCESS;
        let now = Millis::try_from(self.now).unwrap();
        for effect in effects {
            let process = &mut self.processes[number];
            match effect {
                Effect::Socket(order) => {
                    let link = order.link();
                    match order {
                        SocketOrder::Open(..) => _ = process.sockets.insert(link),
                        SocketOrder::Send(..) => {}
                        SocketOrder::Close(_) => _ = process.sockets.remove(&link),
                    }
                    self.network.obey(now, &self.cluster, order.renumbered(base + link));
                }
                Effect::Tick(at) => process.tick = Some(at.0),
                Effect::ReadLog { source, after, limit } => {
                    let page = match source {
                        SHARD => outbox::page(&self.shard, source, after, limit).ok(),
                        Target::Ledger(_) => outbox::page(&self.ledger, source, after, limit).ok(),
                        _ => None,
                    };
                    self.arrives(1, number, Input::LogRead { source, after, page });
                }
                Effect::Log(line) => {
                    process.facts.push(line.fact);
                    process.details.push(format!("{} {}", line.fact, line.detail));
                }
                Effect::Reply { token: 9, result } => self.replies.push(result),
                Effect::Reply { .. } | Effect::Call { .. } | Effect::Alarm(_) => {}
                Effect::Psp(_) | Effect::Then(_) | Effect::Http { .. } | Effect::Query { .. } => {
                    panic!("nothing of a relay: {effect:?}")
                }
            }
        }
    }

    /// The event ids of the log by key, in order.
    pub fn committed(&self) -> BTreeMap<String, Vec<String>> {
        let rows = self.shard.query("SELECT key, value FROM outbox ORDER BY seq", &[]).unwrap();
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in &rows {
            let event = schema::decode(row.blob(1).unwrap()).unwrap();
            keys.entry(row.text(0).unwrap().to_owned()).or_default().push(event.event_id);
        }
        keys
    }

    /// How often each position of the log of orders is in the topic; position 1 comes first.
    pub fn times_published(&self) -> Vec<usize> {
        let mut times = vec![0; usize::try_from(self.appended).unwrap()];
        for event_id in self.published().into_values().flatten() {
            times[event_id.strip_prefix("evt_").unwrap().parse::<usize>().unwrap() - 1] += 1;
        }
        times
    }

    /// Of the log of the ledger's shard, how many events are in its topic.
    pub fn booked_and_published(&self) -> usize {
        self.in_topic([TopicPartition { topic: "gyesan.ledger".to_owned(), partition: 0 }].into_iter(), 1)
            .into_values()
            .map(|events| events.len())
            .sum()
    }

    /// The event ids in the topic by key, in order; each key in its partition.
    pub fn published(&self) -> BTreeMap<String, Vec<String>> {
        self.in_topic(places(), PARTITIONS)
    }

    fn in_topic(
        &self,
        places: impl Iterator<Item = TopicPartition>,
        partitions: u32,
    ) -> BTreeMap<String, Vec<String>> {
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for place in places {
            for found in batch::headers(Bytes::from(self.cluster.log(&place).concat())) {
                let (header, bytes) = found.unwrap();
                for stored in batch::decode(&header, &bytes).unwrap() {
                    let key = stored.record.key.unwrap();
                    assert_eq!(partition_of(&key, partitions), place.partition);
                    let event = schema::decode(&stored.record.value.unwrap()).unwrap();
                    keys.entry(String::from_utf8(key.to_vec()).unwrap()).or_default().push(event.event_id);
                }
            }
        }
        keys
    }

    pub fn facts(&self) -> Vec<&'static str> {
        self.processes.iter().flat_map(|process| process.facts.clone()).collect()
    }

    /// What was logged as a fact, in order.
    pub fn details(&self, fact: &str) -> Vec<String> {
        let all = self.processes.iter().flat_map(|process| process.details.clone());
        all.filter(|detail| detail.starts_with(fact)).collect()
    }

    pub fn said(&self, process: usize, fact: &str) -> usize {
        self.processes[process].facts.iter().filter(|said| **said == fact).count()
    }

    pub fn open_sockets(&self, process: usize) -> usize {
        self.processes[process].sockets.len()
    }
}
