//! One ledger shard, a relay that says what the test wants, and one clock.

use gyesan_core::event::Fund;
use gyesan_core::money::Amount;
use gyesan_core::time::Timestamp;
use gyesan_edge::actor::{Actor, CallFault, Effect, Input, turn};
use gyesan_edge::actors;
use gyesan_edge::command::*;
use gyesan_edge::config::Kafka;
use gyesan_edge::native::Database;
use gyesan_edge::sql::Sql;
use gyesan_edge::topology::{Bus, Target, Topology};
use serde_json::json;
use std::collections::VecDeque;

pub const HOUR_MS: i64 = 3_600_000;
pub const DAY_MS: i64 = 24 * HOUR_MS;
pub const SHARD: Target = Target::Ledger(0);
const START_MS: i64 = 1_700_000_000_000;

pub struct World {
    pub now: i64,
    pub database: Database,
    /// How often the relay was asked how far it is.
    pub questions: usize,
    topology: Topology,
    keep_ms: Option<i64>,
    actor: Box<dyn Actor>,
    /// What the relay says; nothing when it does not answer.
    published: Option<u64>,
    appended: u64,
    queue: VecDeque<Input>,
    alarm: Option<i64>,
    replies: Vec<Reply>,
    facts: Vec<&'static str>,
}

impl World {
    pub fn new(keep_ms: Option<i64>) -> World {
        World::over(Bus::Kafka { relays: 1, orders_partitions: 1, ledger_partitions: 1 }, keep_ms)
    }

    pub fn embedded() -> World {
        World::over(Bus::Embedded, Some(DAY_MS))
    }

    fn over(bus: Bus, keep_ms: Option<i64>) -> World {
        let topology = Topology { order_shards: 1, ledger_shards: 1, bus };
        let database = Database::in_memory().unwrap();
        let actor = open(&database, topology, keep_ms, START_MS);
        let mut world = World {
            now: START_MS,
            database,
            questions: 0,
            topology,
            keep_ms,
            actor,
            published: None,
            appended: 0,
            queue: VecDeque::from([Input::Alarm]),
            alarm: None,
            replies: Vec::new(),
            facts: Vec::new(),
        };
        world.settle();
        world
    }

    /// The process ends and another begins.
    pub fn restart(&mut self) {
        self.queue.clear();
        self.actor = open(&self.database, self.topology, self.keep_ms, self.now);
        self.queue.push_back(Input::Alarm);
        self.settle();
    }

    pub fn relay_is_done_up_to(&mut self, position: u64) {
        self.published = Some(position);
    }

    /// Commits so many events.
    pub fn append(&mut self, count: u64) {
        for _ in 0..count {
            self.appended += 1;
            let transfer = Transfer {
                id: format!("t{}", self.appended),
                merchant_id: "demo".into(),
                debit: Account::PspClearing,
                credit: Account::Seller("A".into()),
                amount: Amount::new(100).unwrap(),
                order_id: "ord_1".into(),
                payment_order_id: format!("p{}", self.appended),
                fund: Fund::Payment,
                event_id: format!("e{}", self.appended),
            };
            self.ask(Command::Ledger(LedgerCommand::Apply(vec![transfer])));
        }
    }

    pub fn status(&mut self) -> LogStatus {
        match self.ask(Command::Log(LogCommand::Status)) {
            Reply::LogStatus(status) => status,
            other => panic!("{other:?}"),
        }
    }

    fn ask(&mut self, command: Command) -> Reply {
        self.queue.push_back(Input::Command { token: 1, command, trace: None });
        self.settle();
        self.replies.pop().unwrap()
    }

    /// The cron comes by, and nothing else happens yet.
    pub fn poke(&mut self) {
        self.queue.push_back(Input::Command { token: 1, command: Command::Poke, trace: None });
    }

    /// The cron comes by after some time, and everything that follows from it happens.
    pub fn pass(&mut self, ms: i64) {
        self.now += ms;
        self.poke();
        self.settle();
        while let Some(at) = self.alarm.filter(|at| *at <= self.now + 1_000) {
            self.now = self.now.max(at);
            self.alarm = None;
            self.queue.push_back(Input::Alarm);
            self.settle();
        }
    }

    pub fn passed(&self) -> i64 {
        self.now - START_MS
    }

    /// One turn, whatever is next; or a process that ends before the turn's commit and the next one's first. How many rows there
    /// are then.
    pub fn next_turn(&mut self, crash: bool) -> usize {
        if crash {
            self.database.begin().unwrap();
            if let Some(input) = self.queue.pop_front() {
                turn(self.actor.as_mut(), &self.database, Timestamp(self.now), &mut || 7, vec![input]);
            }
            self.database.roll_back().unwrap();
            self.queue.clear();
            self.actor = open(&self.database, self.topology, self.keep_ms, self.now);
            self.poke();
        }
        if self.queue.is_empty() {
            self.now += 200;
            self.queue.push_back(Input::Alarm);
        }
        self.turn();
        self.kept().len()
    }

    fn settle(&mut self) {
        while !self.queue.is_empty() {
            self.turn();
        }
    }

    fn turn(&mut self) {
        let Some(input) = self.queue.pop_front() else { return };
        let (actor, now) = (self.actor.as_mut(), Timestamp(self.now));
        let effects = self.database.transaction(|sql| turn(actor, sql, now, &mut || 7, vec![input])).unwrap();
        for effect in effects {
            match effect {
                Effect::Reply { result, .. } => self.replies.push(result.unwrap()),
                Effect::Call { id: Some(id), command: Command::RelayStatus, .. } => {
                    self.questions += 1;
                    let source = |released| RelaySource {
                        source: SHARD,
                        taken_over: released + 7,
                        published: released + 3,
                        released,
                        stopped: None,
                    };
                    let status = |released| RelayStatus {
                        sources: vec![source(released)],
                        in_flight_batches: 0,
                        stopped: Vec::new(),
                        republications: Vec::new(),
                    };
                    let result = self.published.map(|position| Reply::Relay(status(position)));
                    self.queue.push_back(Input::CallAnswered { id, result: result.ok_or(CallFault::Lost) });
                }
                Effect::Call { id: Some(id), command: Command::Appended { .. }, .. } => {
                    self.queue.push_back(Input::CallAnswered { id, result: Ok(Reply::Done) });
                }
                Effect::Call { id: Some(id), command: Command::Wake(wake), .. } => {
                    let place = json!({"position": wake.end, "deadLetters": 0});
                    let place = serde_json::from_value(place).unwrap();
                    self.queue.push_back(Input::CallAnswered { id, result: Ok(Reply::Position(place)) });
                }
                Effect::Alarm(at) => self.alarm = Some(at.0),
                Effect::Log(line) => self.facts.push(line.fact),
                other => panic!("nothing of a shard: {other:?}"),
            }
        }
    }

    /// The positions that are still there.
    pub fn kept(&self) -> Vec<u64> {
        let rows = self.database.query("SELECT seq FROM outbox ORDER BY seq", &[]).unwrap();
        rows.iter().map(|row| row.count(0).unwrap()).collect()
    }

    pub fn said(&self, fact: &str) -> usize {
        self.facts.iter().filter(|said| **said == fact).count()
    }
}

fn open(database: &Database, topology: Topology, keep_ms: Option<i64>, now: i64) -> Box<dyn Actor> {
    let kafka = Kafka {
        brokers: Vec::new(),
        tls: false,
        credentials: None,
        schema_registry: None,
        outbox_keep_ms: keep_ms,
    };
    let open = |sql: &dyn Sql| actors::open(SHARD, topology, Some(&kafka), sql, Timestamp(now)).unwrap();
    database.transaction(open).unwrap()
}
