//! The shape of every actor, and one turn of it.
//!
//! An actor is a synchronous struct over a [`Sql`] database. It is given inputs (commands, answers to its earlier
//! effects, alarms), changes its database, and says what is to be done next as [`Effect`]s. It never waits, and knows
//! no clock, no socket and no randomness of its own: the shell (`edge/worker`) or the simulation (`tests/sim`) passes
//! them in and performs the effects *after the turn has been committed*.

use crate::command::{Command, Rejection, Reply};
use crate::outbox::LogPage;
use crate::psp::{PspCall, PspCallId};
use crate::query::Query;
use crate::sql::{Row, Sql, SqlError};
use crate::topology::Target;
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;
use gyesan_core::toss::Answer;
pub use gyesan_kafka::socket::{Address, Link, SocketNews, SocketOrder};

/// Names a caller who waits for a reply; given out by the shell.
pub type Token = u64;
/// Names a call to another actor whose answer is wanted; given out by the actor.
pub type CallId = u64;

/// What an actor is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// Somebody wants something, and waits for one [`Effect::Reply`] with this token.
    Command {
        /// To be named in the reply.
        token: Token,
        /// What is wanted.
        command: Command,
        /// W3C trace context of the request behind it.
        trace: Option<String>,
    },
    /// What came back from the PSP.
    PspAnswered {
        /// Which call.
        id: PspCallId,
        /// What it says, or that it says nothing.
        answer: Answer,
    },
    /// What came back from another actor.
    CallAnswered {
        /// Which call.
        id: CallId,
        /// Its reply.
        result: Result<Reply, CallFault>,
    },
    /// The alarm went off. Also the first input after every start.
    Alarm,
    /// Work that the actor took upon itself in an earlier, committed turn ([`Effect::Then`]).
    Due(Vec<DueWork>),
    /// A socket of the actor has news. Its number is the actor's own for it, never used again in the process.
    Socket(SocketNews),
    /// The moment of [`Effect::Tick`] has come. It may come early, and is lost with the process.
    Tick,
    /// What came back for [`Effect::ReadLog`].
    LogRead {
        /// Of which shard.
        source: Target,
        /// After which position.
        after: u64,
        /// The page, or nothing when no answer came.
        page: Option<LogPage>,
    },
    /// What came back for [`Effect::Http`]: status and body, or why there is none.
    HttpAnswered {
        /// Which request.
        id: CallId,
        /// What came.
        answer: Result<(u16, Vec<u8>), String>,
    },
    /// What came back for [`Effect::Query`].
    QueryAnswered {
        /// Which query.
        id: CallId,
        /// The rows, or why there are none. When no answer came, it may or may not have happened.
        result: Result<Vec<Row>, SqlError>,
    },
}

/// A piece of due work: which row of the actor's due table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DueWork {
    /// The order's row.
    pub order_row: i64,
    /// The attempt's number, 0 for the order itself.
    pub attempt: u32,
}

/// Why a call to another actor has no reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallFault {
    /// It refused.
    Rejected(Rejection),
    /// No answer came: it may or may not have happened.
    Lost,
}

/// What is to be done after the turn has been committed.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Answer a caller.
    Reply {
        /// Who.
        token: Token,
        /// With what.
        result: Result<Reply, Rejection>,
    },
    /// Ask the PSP; the answer comes back as [`Input::PspAnswered`].
    Psp(PspCall),
    /// Ask another actor; with an id, the answer comes back as [`Input::CallAnswered`].
    Call {
        /// Which call, when the answer is wanted.
        id: Option<CallId>,
        /// Whom.
        target: Target,
        /// What.
        command: Command,
    },
    /// Give the actor itself this input, in a turn of its own.
    Then(Input),
    /// Set the object's one alarm.
    Alarm(Timestamp),
    /// Do something with a socket: open it, with TLS when the configuration says so; write, once this turn's transaction is on disk;
    /// or close it.
    Socket(SocketOrder),
    /// Give the actor an [`Input::Tick`] at this time, instead of any it has asked for before. Kept in memory only.
    Tick(Timestamp),
    /// Read the log of a shard; the answer comes back as [`Input::LogRead`].
    ReadLog {
        /// Whose.
        source: Target,
        /// The last position already read.
        after: u64,
        /// Records, at most.
        limit: u32,
    },
    /// Make an HTTP request; the answer comes back as [`Input::HttpAnswered`].
    Http {
        /// Which request.
        id: CallId,
        /// What is asked.
        request: http::Request<String>,
    },
    /// Ask the query database; the answer comes back as [`Input::QueryAnswered`].
    Query {
        /// Which query.
        id: CallId,
        /// What is asked.
        query: Query,
    },
    /// Write a line to the log.
    Log(LogLine),
}

/// One fact for the log: readable alone, fields queryable, nothing personal or secret.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// `info`, `warn`, `error`.
    pub level: &'static str,
    /// What happened, as a stable name: `payment.amount-mismatch`.
    pub fact: &'static str,
    /// Of which merchant.
    pub merchant_id: String,
    /// Of which order or other thing.
    pub order_id: String,
    /// More, as a sentence.
    pub detail: String,
}

/// Why an input changed nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// The rules say no.
    #[error("rejected: {}", .0.code.as_str())]
    Rejected(Rejection),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] SqlError),
}

impl From<Rejection> for Fault {
    fn from(rejection: Rejection) -> Fault {
        Fault::Rejected(rejection)
    }
}

/// What an actor may use during a turn.
pub struct Turn<'a> {
    /// Its database.
    pub sql: &'a dyn Sql,
    /// The time, the same through the whole turn.
    pub now: Timestamp,
    /// Draws 128 random bits.
    pub random: &'a mut dyn FnMut() -> u128,
    effects: Vec<Effect>,
}

impl Turn<'_> {
    /// To be done after the commit.
    pub fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Answers a caller after the commit.
    pub fn reply(&mut self, token: Token, reply: Reply) {
        self.push(Effect::Reply { token, result: Ok(reply) });
    }

    /// A fresh id: the prefix and a ULID.
    pub fn new_id(&mut self, prefix: &str) -> String {
        gyesan_core::id::ulid(prefix, self.now.0, (self.random)())
    }
}

/// An order shard, a ledger shard or a consumer.
pub trait Actor {
    /// Applies one input, in a savepoint of its own: with an error, everything that it wrote and every effect that it
    /// pushed is taken back. Memory of the actor is changed last, where nothing can fail any more.
    ///
    /// # Errors
    /// A rejection by the rules, or a failure of the database.
    fn handle(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), Fault>;

    /// Ends the turn: collects what the inputs have in common, such as waking readers once and setting the alarm.
    ///
    /// # Errors
    /// A failure of the database.
    fn finish(&mut self, turn: &mut Turn<'_>) -> Result<(), Fault>;
}

/// Runs one turn: each input in its own savepoint, then [`Actor::finish`]. What is returned is performed after the commit.
pub fn turn(
    actor: &mut dyn Actor,
    sql: &dyn Sql,
    now: Timestamp,
    random: &mut dyn FnMut() -> u128,
    inputs: Vec<Input>,
) -> Vec<Effect> {
    let mut turn = Turn { sql, now, random, effects: Vec::new() };
    for input in inputs {
        let token = match &input {
            Input::Command { token, .. } => Some(*token),
            _ => None,
        };
        let mut input = Some(input);
        // A savepoint runs its body once, so the input is there.
        attempt(&mut turn, token, |turn| input.take().map_or(Ok(()), |input| actor.handle(turn, input)));
    }
    attempt(&mut turn, None, |turn| actor.finish(turn));
    turn.effects
}

fn attempt(
    turn: &mut Turn<'_>,
    token: Option<Token>,
    mut step: impl FnMut(&mut Turn<'_>) -> Result<(), Fault>,
) {
    let mark = turn.effects.len();
    let sql = turn.sql;
    let mut result = Ok(());
    let savepoint = sql.savepoint(&mut || {
        result = step(turn);
        result.is_ok()
    });
    let Err(fault) = savepoint.map_err(Fault::from).and(result) else { return };
    turn.effects.truncate(mark);
    let rejection = match fault {
        Fault::Rejected(rejection) => rejection,
        Fault::Storage(error) => {
            turn.push(Effect::Log(LogLine {
                level: "error",
                fact: "storage.failed",
                merchant_id: String::new(),
                order_id: String::new(),
                detail: error.to_string(),
            }));
            Rejection::new(Code::Internal)
        }
    };
    if let Some(token) = token {
        turn.push(Effect::Reply { token, result: Err(rejection) });
    }
}
