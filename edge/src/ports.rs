//! What routes need of the world: a clock, randomness, the actors, the catalogue's database, the site's files, a log.
//!
//! Two implementations: the Worker (`edge/worker`) and the native one of the tests. Futures are not `Send`: a Worker has one thread.

use crate::actor::{CallFault, LogLine};
use crate::command::{Command, Reply};
use crate::query::Query;
use crate::sql::{Row, SqlError, Value};
use crate::topology::Target;
use gyesan_core::time::Timestamp;

/// The world, as routes see it.
#[allow(async_fn_in_trait, reason = "only used within one thread; callers are generic, never boxed")]
pub trait Ports {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// 128 random bits from a cryptographic source.
    fn random(&self) -> u128;

    /// Asks an actor and waits at most `limit_ms` for its reply; what it began goes on after that.
    async fn call(
        &self,
        target: Target,
        command: Command,
        trace: Option<&str>,
        limit_ms: u32,
    ) -> Result<Reply, CallFault>;

    /// Asks the catalogue's database (D1): one statement, its rows.
    async fn catalogue(&self, statement: &'static str, params: &[Value]) -> Result<Vec<Row>, SqlError>;

    /// Asks the query database (D1).
    async fn query(&self, query: Query) -> Result<Vec<Row>, SqlError>;

    /// A file of the site (`build/public`) by its path, with the type that it has.
    async fn file(&self, path: &str) -> Option<SiteFile>;

    /// Writes a line to the log.
    fn log(&self, line: LogLine);
}

/// A static file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SiteFile {
    /// `Content-Type`.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}
