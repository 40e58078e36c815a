//! Planted bugs: mistakes that payment back ends are known for, made by meddling with the actors' inputs, effects and
//! SQL from outside, so that the product's own code has no switches. The checks must find each of them.

use gyesan_core::money::Amount;
use gyesan_core::toss::{Answer, Refusal};
use gyesan_edge::actor::{Effect, Input, SocketNews};
use gyesan_edge::command::{Command, LedgerCommand, OrderCommand};
use gyesan_edge::native::Database;
use gyesan_edge::params;
use gyesan_edge::psp::{PspCall, PspCallId, PspRequest};
use gyesan_edge::query::Query;
use gyesan_edge::sql::{Row, Sql, SqlError, Value};
use gyesan_edge::topology::Target;
use gyesan_kafka::TopicPartition;
use gyesan_kafka::sim::SimCluster;
use std::cell::{Cell, RefCell};

/// One planted bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bug {
    /// No answer of the PSP is taken as a refusal.
    UnknownTakenAsFailure,
    /// Every call has an idempotency key of its own, answered or not.
    NewKeyAfterNoAnswer,
    /// The amount of the URL is believed, and charged.
    MissingAmountCheck,
    /// The outbox is written in a transaction of its own, after the state's.
    EventAfterCommit,
    /// A consumer stores its position before its effects are done.
    PositionBeforeEffect,
    /// A second authentication is confirmed at once, whatever the first is doing.
    SecondConfirmedWhileFirstOpen,
    /// Effects are performed before the commit.
    EffectsBeforeCommit,
    /// A transfer's id is drawn anew for each try.
    TransferIdPerTry,
    /// Calls that are under way are not written down as due work.
    CallNotDue,
    /// A relay sends a batch before it is stored.
    SentBeforeFrozen,
    /// A relay stores how far it has frozen a log, and the batches afterwards.
    FrozenWithoutBatch,
    /// A relay that starts sends what it has frozen without looking whether it is written already.
    ResentBlindly,
    /// The query database takes a batch's position and its rows in two transactions.
    AppliedApart,
    /// A batch moves the position in the query database to its own end, wherever that stands.
    AppliedUnguarded,
}

impl Bug {
    /// Every bug there is.
    pub const ALL: [Bug; 14] = [
        Bug::UnknownTakenAsFailure,
        Bug::NewKeyAfterNoAnswer,
        Bug::MissingAmountCheck,
        Bug::EventAfterCommit,
        Bug::PositionBeforeEffect,
        Bug::SecondConfirmedWhileFirstOpen,
        Bug::EffectsBeforeCommit,
        Bug::TransferIdPerTry,
        Bug::CallNotDue,
        Bug::SentBeforeFrozen,
        Bug::FrozenWithoutBatch,
        Bug::ResentBlindly,
        Bug::AppliedApart,
        Bug::AppliedUnguarded,
    ];

    /// Whether this actor's effects are performed even when its commit fails.
    pub fn acts_before_commit(self, target: Target) -> bool {
        match self {
            Bug::EffectsBeforeCommit => true,
            Bug::SentBeforeFrozen => matches!(target, Target::Relay(_)),
            _ => false,
        }
    }

    /// The bug of that name.
    pub fn named(name: &str) -> Option<Bug> {
        Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == name)
    }
}

/// What an actor is told instead. `believed` is the order's own amount, for a caller's that is believed.
pub fn input(bug: Option<Bug>, input: &mut Input, believed: impl Fn(&OrderCommand) -> Option<Amount>) {
    match (bug, input) {
        (Some(Bug::UnknownTakenAsFailure), Input::PspAnswered { answer, .. }) => {
            if let Answer::Nothing { why } = answer {
                let refusal = Refusal { code: "REJECT_CARD_PAYMENT".into(), message: why.clone() };
                *answer = Answer::Error { http_status: 403, refusal };
            }
        }
        (Some(Bug::MissingAmountCheck), Input::Command { command: Command::Order(command), .. }) => {
            let stored = believed(command);
            if let (OrderCommand::Confirm { amount, .. }, Some(stored)) = (command, stored) {
                *amount = stored;
            }
        }
        (
            Some(Bug::TransferIdPerTry),
            Input::Command { token, command: Command::Ledger(LedgerCommand::Apply(transfers)), .. },
        ) => {
            for transfer in transfers {
                transfer.id = format!("{}:{token}", transfer.id);
            }
        }
        _ => {}
    }
}

/// What is asked of the PSP instead.
pub fn psp_call(bug: Option<Bug>, call: &mut PspCall) {
    if let (Some(Bug::NewKeyAfterNoAnswer), PspRequest::Confirm { idempotency_key, .. }) =
        (bug, &mut call.request)
    {
        *idempotency_key = format!("{idempotency_key}:{}", call.id.call);
    }
}

/// The confirm of a second authentication that should have waited.
pub fn second_confirm(id: PspCallId, payment_key: String, amount: Amount) -> Effect {
    let idempotency_key = format!("confirm:{payment_key}:1");
    let request = PspRequest::Confirm { payment_key, order_id: id.order_id.clone(), amount, idempotency_key };
    Effect::Psp(PspCall { id, request, trace: None })
}

/// Stores the position that the records just handed over end at. Those of a topic, which has `topic_end`, come as bytes.
pub fn store_position(
    sql: &dyn Sql,
    target: Target,
    inputs: &[Input],
    topic_end: usize,
) -> Result<(), SqlError> {
    for input in inputs {
        let position = match (target, input) {
            (Target::Consumer(..), Input::Command { command: Command::Wake(wake), .. }) => {
                wake.records.last().map(|last| last.seq)
            }
            (Target::Subscriber(..), Input::Socket(SocketNews::Received(..))) => {
                u64::try_from(topic_end).ok()
            }
            _ => None,
        };
        if let Some(position) = position {
            sql.query("UPDATE position SET position = max(position, ?)", params![position])?;
        }
    }
    Ok(())
}

/// Lets a relay believe that nothing which it may have sent can be behind where it would look.
pub fn look_nowhere(sql: &dyn Sql, cluster: &SimCluster) -> Result<(), SqlError> {
    // A relay that has never got as far as a commit has no such table, and nothing to look for.
    for row in sql.query("SELECT topic, partition FROM partitions", &[]).unwrap_or_default() {
        let (topic, partition) = (row.text(0)?, row.int(1)?);
        let place = TopicPartition { topic: topic.to_owned(), partition: row.count(1)? };
        sql.query(
            "UPDATE partitions SET scan_from = ? WHERE topic = ? AND partition = ?",
            params![cluster.end_offset(&place), topic, partition],
        )?;
    }
    Ok(())
}

/// What the query database does with a query. `stops_after` is how many statements a transaction has when the database
/// fails: then nothing of it has happened.
pub fn perform(
    bug: Option<Bug>,
    database: &Database,
    query: &Query,
    stops_after: Option<usize>,
) -> Result<Vec<Row>, SqlError> {
    let Query::Write(statements) = query else { return database.perform(query) };
    match (bug, stops_after) {
        (Some(Bug::AppliedUnguarded), _) => {
            let mut statements = statements.clone();
            statements[0].text = "INSERT INTO applied (reader, consumer, generation, next_offset)
                 SELECT ?1, ?2, coalesce(generation, ?3 + ?4), ?5 FROM generations WHERE consumer = ?2
                 ON CONFLICT (reader) DO UPDATE SET next_offset = excluded.next_offset";
            database.perform(&Query::Write(statements))
        }
        (Some(Bug::AppliedApart), Some(stops_after)) => {
            database.perform(&Query::Write(statements[..stops_after.min(statements.len())].to_vec()))?;
            Err(SqlError("D1_ERROR: storage caused the object to be reset".to_owned()))
        }
        (_, Some(_)) => Err(SqlError("D1_ERROR: storage caused the object to be reset".to_owned())),
        (_, None) => database.perform(query),
    }
}

/// A database that holds some statements back, and whose disk may fail.
pub struct Meddler<'a> {
    database: &'a Database,
    bug: Option<Bug>,
    /// Statements until one fails, once.
    fails_after: Cell<Option<u32>>,
    held: RefCell<Vec<(&'static str, Vec<Value>)>>,
}

impl<'a> Meddler<'a> {
    /// The database as this bug would have it.
    pub fn over(database: &'a Database, bug: Option<Bug>) -> Meddler<'a> {
        Meddler { database, bug, fails_after: Cell::new(None), held: RefCell::default() }
    }

    /// Lets a statement fail, after so many.
    pub fn fail_after(&self, statements: Option<u32>) {
        self.fails_after.set(statements);
    }

    /// What was held back.
    pub fn held(self) -> Vec<(&'static str, Vec<Value>)> {
        self.held.into_inner()
    }
}

impl Sql for Meddler<'_> {
    fn query(&self, statement: &'static str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        match self.fails_after.get() {
            Some(0) => {
                self.fails_after.set(None);
                return Err(SqlError("disk I/O error".into()));
            }
            left => self.fails_after.set(left.map(|left| left - 1)),
        }
        match self.bug {
            Some(Bug::EventAfterCommit) if statement.starts_with("INSERT INTO outbox") => {
                self.held.borrow_mut().push((statement, params.to_vec()));
                Ok(Vec::new())
            }
            Some(Bug::FrozenWithoutBatch) if statement.starts_with("INSERT INTO frozen") => {
                self.held.borrow_mut().push((statement, params.to_vec()));
                Ok(Vec::new())
            }
            Some(Bug::CallNotDue)
                if statement.starts_with("INSERT INTO due")
                    && params.get(2) == Some(&Value::from("call")) =>
            {
                self.database.query("DELETE FROM due WHERE order_row = ? AND attempt = ?", &params[..2])
            }
            _ => self.database.query(statement, params),
        }
    }

    fn savepoint(&self, body: &mut dyn FnMut() -> bool) -> Result<(), SqlError> {
        let mark = self.held.borrow().len();
        self.database.savepoint(&mut || {
            let kept = body();
            if !kept {
                self.held.borrow_mut().truncate(mark);
            }
            kept
        })
    }
}
