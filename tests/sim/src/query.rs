//! The query database: questions and transactions that come late, twice or not at all, and answers that are lost. What was given
//! up may still happen. Now and then an operator has the read model rebuilt.

use crate::bug;
use crate::network::Caller;
use crate::world::{Happening, World};
use gyesan_edge::actor::{CallId, Input};
use gyesan_edge::command::{Command, ConsumerCommand};
use gyesan_edge::native::Database;
use gyesan_edge::projection;
use gyesan_edge::query::Query;
use gyesan_edge::sql::{Row, SqlError};
use gyesan_edge::topology::{Subscription, Target};

/// How long the shell waits for an answer, in milliseconds.
const LIMIT_MS: i64 = 20_000;

/// A database as the migrations leave it.
pub fn database() -> Database {
    let database = Database::in_memory().unwrap();
    database.execute_all(include_str!("../../../edge/migrations/query/0001_order_list.sql")).unwrap();
    database
}

/// A question of a process.
#[derive(Clone, Debug)]
pub struct Asked {
    pub target: Target,
    pub boot: u64,
    pub id: CallId,
    pub query: Query,
}

impl World {
    /// An actor asks.
    pub fn query(&mut self, asked: Asked) {
        let arrives = !self.strikes(self.weather.lose);
        if !arrives {
            self.tell(|| format!("              a query of {} is lost", asked.target.name()));
            self.no_answer(&asked);
            return;
        }
        let copies = if self.strikes(self.weather.double) { 2 } else { 1 };
        for copy in 0..copies {
            let in_ms = self.delay_ms();
            let is_heard = copy == 0 && in_ms < LIMIT_MS;
            if copy == 0 && !is_heard {
                self.no_answer(&asked);
            }
            self.later(in_ms, Happening::AtQuery { asked: asked.clone(), is_heard });
        }
    }

    /// The query database takes it.
    pub fn at_query(&mut self, asked: Asked, is_heard: bool) {
        if self.strikes(self.weather.disk) {
            let overloaded = SqlError("D1_ERROR: D1 DB is overloaded. Too many requests queued.".to_owned());
            self.query_answers(&asked, is_heard, Err(overloaded));
            return;
        }
        let stops_after = self.strikes(self.weather.lose).then_some(1);
        let result = bug::perform(self.plan.bug, &self.query, &asked.query, stops_after);
        if let (Query::Write(_), true) = (&asked.query, self.plan.timeline) {
            let said = match &result {
                Ok(_) => "is applied".to_owned(),
                Err(error) => format!("is refused: {error}"),
            };
            self.tell(|| format!("              a batch of {} {said}", asked.target.name()));
        }
        let checked = self.checker.check_list(&self.query);
        self.wrong(checked);
        self.query_answers(&asked, is_heard, result);
    }

    fn query_answers(&mut self, asked: &Asked, is_heard: bool, result: Result<Vec<Row>, SqlError>) {
        if !is_heard {
            return;
        }
        if self.strikes(self.weather.lose) {
            self.tell(|| format!("              the answer to a query of {} is lost", asked.target.name()));
            self.no_answer(asked);
            return;
        }
        let in_ms = self.delay_ms();
        let input = Input::QueryAnswered { id: asked.id, result };
        self.later(in_ms, Happening::Arrives { target: asked.target, boot: Some(asked.boot), input });
    }

    fn no_answer(&mut self, asked: &Asked) {
        let in_ms = self.random.between(10, LIMIT_MS);
        let input = Input::QueryAnswered { id: asked.id, result: Err(SqlError("no answer".to_owned())) };
        self.later(in_ms, Happening::Arrives { target: asked.target, boot: Some(asked.boot), input });
    }

    /// An operator has the order list rebuilt: the route's own steps.
    pub fn rebuild(&mut self) {
        self.tell(|| "the order list is rebuilt".into());
        *self.facts.entry("rebuilt".to_owned()).or_default() += 1;
        self.query.perform(&projection::rebuild(Subscription::OrderList).unwrap()).unwrap();
        for partition in 0..self.topology.partitions(Subscription::OrderList) {
            let consumer = self.topology.consumer(Subscription::OrderList, partition);
            self.send(Caller::Nobody, consumer, Command::Consumer(ConsumerCommand::Rebuild));
        }
    }
}
