//! A shard's log, the order list's consumer, and the query database between whose questions and answers a test can put anything.

use bytes::Bytes;
use gyesan_core::event::{Event, EventData, PaymentOrder};
use gyesan_core::money::{Amount, Currency};
use gyesan_core::pricing::Funder;
use gyesan_core::time::Timestamp;
use gyesan_edge::actor::{Actor, CallId, Effect, Input, LogLine, turn};
use gyesan_edge::actors;
use gyesan_edge::command::*;
use gyesan_edge::native::Database;
use gyesan_edge::query::Query;
use gyesan_edge::sql::{Row, Sql, SqlError};
use gyesan_edge::topology::{Bus, Subscription, Target, Topology};
use gyesan_edge::{migration, outbox, params, projection, schema};
use std::collections::VecDeque;

pub const CONSUMER: Target = Target::Consumer(Subscription::OrderList, 0);
const SHARD: Target = Target::Order(0);
const TOPOLOGY: Topology = Topology { order_shards: 1, ledger_shards: 1, bus: Bus::Embedded };
pub const START_MS: i64 = 1_700_000_000_000;

pub struct World {
    pub now: i64,
    pub query: Database,
    /// What the consumer has asked of the query database and has not been answered.
    pub asked: VecDeque<(CallId, Query)>,
    pub log: Vec<LogLine>,
    pub replies: Vec<Result<Reply, Rejection>>,
    shard: Database,
    database: Database,
    actor: Box<dyn Actor>,
    end: u64,
    alarm: Option<i64>,
}

/// A query database as the migrations leave it, that counts what is written to the list.
pub fn query_database() -> Database {
    let query = Database::in_memory().unwrap();
    query.execute_all(include_str!("../../migrations/query/0001_order_list.sql")).unwrap();
    query
        .execute_all(
            "CREATE TABLE written (order_id TEXT, order_version INTEGER);
             CREATE TRIGGER inserted AFTER INSERT ON orders BEGIN INSERT INTO written VALUES (NEW.order_id, NEW.order_version); END;
             CREATE TRIGGER updated AFTER UPDATE ON orders BEGIN INSERT INTO written VALUES (NEW.order_id, NEW.order_version); END;",
        )
        .unwrap();
    query
}

pub fn event(number: u32, at_ms: i64, data: impl FnOnce(gyesan_core::id::OrderId) -> EventData) -> Event {
    Event {
        event_id: format!("evt_{number}_{at_ms}"),
        merchant_id: "demo".into(),
        currency: Currency::Krw,
        occurred_at: Timestamp(START_MS + at_ms),
        data: data(format!("ord_{number:06}").as_str().into()),
    }
}

pub fn placed(number: u32) -> Event {
    let won = |amount| Amount::new(amount).unwrap();
    let line = PaymentOrder {
        payment_order_id: format!("po_{number}"),
        seller_id: "A".into(),
        gross_amount: won(5_000),
        discount: won(1_000),
        amount: won(4_000),
        funded_by: Funder::Merchant,
    };
    event(number, i64::from(number), |order_id| EventData::OrderPlaced {
        order_id,
        order_version: 1,
        amount: won(4_000),
        member_id: Some(format!("m_{}", number % 3)),
        payment_orders: vec![line],
    })
}

pub fn failed(number: u32, order_version: u32) -> Event {
    event(number, 5_000, |order_id| EventData::PaymentFailed {
        order_id,
        order_version,
        payment_key: "key".into(),
        psp_code: "REJECT_CARD_PAYMENT".into(),
    })
}

pub fn confirmed(number: u32, order_version: u32) -> Event {
    let EventData::OrderPlaced { amount, member_id, payment_orders, .. } = placed(number).data else {
        unreachable!()
    };
    event(number, 9_000, |order_id| EventData::PaymentConfirmed {
        order_id,
        order_version,
        payment_key: "key".into(),
        amount,
        method: None,
        approved_at: None,
        member_id,
        region: None,
        late: false,
        payment_orders,
    })
}

/// Order id, payment status, order status, amount and version of every row.
pub type Listed = (String, String, String, Option<i64>, i64);

pub fn rows(query: &Database) -> Vec<Listed> {
    let statement =
        "SELECT order_id, payment_status, order_status, amount, order_version FROM orders ORDER BY order_id";
    let text = |row: &Row, column| row.text(column).unwrap().to_owned();
    let rows = query.query(statement, &[]).unwrap();
    let listed = |row: &Row| (text(row, 0), text(row, 1), text(row, 2), row.int(3).ok(), row.int(4).unwrap());
    rows.iter().map(listed).collect()
}

impl World {
    pub fn new() -> World {
        let (shard, database) = (Database::in_memory().unwrap(), Database::in_memory().unwrap());
        shard.transaction(|sql| migration::apply(sql, migration::ORDER_SHARD)).unwrap().unwrap();
        let mut world = World {
            now: START_MS,
            query: query_database(),
            asked: VecDeque::new(),
            log: Vec::new(),
            replies: Vec::new(),
            actor: open(&database, START_MS),
            shard,
            database,
            end: 0,
            alarm: None,
        };
        world.input(Input::Alarm);
        world
    }

    /// Ends the consumer's process, and starts another.
    pub fn restart(&mut self) {
        self.asked.clear();
        self.actor = open(&self.database, self.now);
        self.input(Input::Alarm);
    }

    pub fn append(&mut self, events: &[Event]) {
        for event in events {
            self.append_value(Bytes::from(schema::encode(event).unwrap()));
        }
    }

    pub fn append_value(&mut self, value: Bytes) {
        self.end += 1;
        let statement = "INSERT INTO outbox (seq, key, value) VALUES (?, 'key', ?)";
        self.shard.query(statement, params![self.end, value]).unwrap();
    }

    pub fn orders(&mut self, numbers: std::ops::Range<u32>) {
        let events: Vec<Event> = numbers.map(placed).collect();
        self.append(&events);
    }

    pub fn input(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let (actor, now) = (self.actor.as_mut(), Timestamp(self.now));
            let run = |sql: &dyn Sql| turn(actor, sql, now, &mut || 1, vec![input]);
            for effect in self.database.transaction(run).unwrap() {
                match effect {
                    Effect::ReadLog { source, after, limit } => {
                        let page = outbox::page(&self.shard, source, after, limit).ok();
                        inputs.push_back(Input::LogRead { source: SHARD, after, page });
                    }
                    Effect::Query { id, query } => self.asked.push_back((id, query)),
                    Effect::Reply { result, .. } => self.replies.push(result),
                    Effect::Log(line) => self.log.push(line),
                    Effect::Alarm(at) => self.alarm = Some(at.0),
                    other => panic!("nothing of a projection: {other:?}"),
                }
            }
        }
    }

    pub fn command(&mut self, command: Command) {
        self.input(Input::Command { token: 1, command, trace: None });
    }

    pub fn wake(&mut self) {
        self.command(Command::Wake(Wake { records: Vec::new(), end: self.end }));
    }

    /// The query database answers the next question.
    pub fn answer(&mut self) {
        let (id, query) = self.asked.pop_front().expect("a question");
        let result = self.query.perform(&query);
        self.input(Input::QueryAnswered { id, result });
    }

    /// No answer comes; whether the query database has done it is for the test to decide.
    pub fn lose(&mut self) -> Query {
        let (id, query) = self.asked.pop_front().expect("a question");
        let result: Result<Vec<Row>, SqlError> = Err(SqlError("no answer".into()));
        self.input(Input::QueryAnswered { id, result });
        query
    }

    /// Lets time pass, alarms go off and questions be answered, until there are none.
    pub fn settle(&mut self) {
        for _ in 0..200 {
            while !self.asked.is_empty() {
                self.answer();
            }
            self.pass();
        }
        assert!(self.asked.is_empty(), "{:?}", self.asked);
    }

    /// Lets a second pass; the alarm goes off if it is set.
    pub fn pass(&mut self) {
        self.now += 1_000;
        if self.alarm.take_if(|at| *at <= self.now).is_some() {
            self.input(Input::Alarm);
        }
    }

    /// The route's own steps.
    pub fn rebuild(&mut self) {
        self.query.perform(&projection::rebuild(Subscription::OrderList).unwrap()).unwrap();
        self.command(Command::Consumer(ConsumerCommand::Rebuild));
    }

    pub fn position(&mut self) -> ConsumerPosition {
        self.replies.clear();
        self.command(Command::Position);
        match self.replies.pop() {
            Some(Ok(Reply::Position(position))) => position,
            other => panic!("{other:?}"),
        }
    }

    /// The position in the consumer's own database.
    pub fn stored_position(&self) -> i64 {
        self.database.query("SELECT position FROM position", &[]).unwrap()[0].int(0).unwrap()
    }

    pub fn rows(&self) -> Vec<Listed> {
        rows(&self.query)
    }

    /// How often a row of the list was written.
    pub fn written(&self) -> i64 {
        self.query.query("SELECT count(*) FROM written", &[]).unwrap()[0].int(0).unwrap()
    }

    pub fn lines(&self, fact: &str) -> usize {
        self.log.iter().filter(|line| line.fact == fact).count()
    }
}

fn open(database: &Database, now: i64) -> Box<dyn Actor> {
    database.transaction(|sql| actors::open(CONSUMER, TOPOLOGY, None, sql, Timestamp(now)).unwrap()).unwrap()
}
