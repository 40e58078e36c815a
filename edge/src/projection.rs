//! Projections: read models in the query database that consumers keep from events alone, and that can be emptied and read again.
//!
//! Where a reader stands is a row beside the model ([`applied`]), moved in the transaction that writes it: a batch is
//! applied once, and never behind one that was not. A reader asks for it when it starts and whenever it does not know
//! what became of a batch.

mod order_list;

use crate::params;
use crate::query::{Query, Statement};
use crate::sql::{Row, SqlError, Value};
use crate::topology::Subscription;
use gyesan_core::event::Event;

/// Where a reader stands, as the query database says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Which reading of the events it is.
    pub generation: u64,
    /// Behind the last record that is applied; `None` when none is.
    pub next: Option<u64>,
}

/// The question where a reader stands.
pub fn question(subscription: Subscription, reader: &str) -> Query {
    Query::Read(Statement::new(
        "SELECT g.generation, a.next_offset FROM generations g
         LEFT JOIN applied a ON a.reader = ?1 AND a.generation = g.generation WHERE g.consumer = ?2",
        params![reader, subscription.name()],
    ))
}

/// Reads the answer.
///
/// # Errors
/// When it is none: the database is not the one that this version's migrations make.
pub fn standing(rows: &[Row]) -> Result<Standing, SqlError> {
    let row = rows.first().ok_or_else(|| SqlError("the query database has no such read model".to_owned()))?;
    let next = match row.0.get(1) {
        Some(Value::Null) => None,
        _ => Some(row.count(1)?),
    };
    Ok(Standing { generation: row.count(0)?, next })
}

/// The guard of a batch: it goes from where the reader stands to `next`. Refused where that is not so any more, and with it
/// everything that follows in the transaction.
pub fn guard(subscription: Subscription, reader: &str, standing: Standing, next: u64) -> Statement {
    Statement::new(
        "INSERT INTO applied (reader, consumer, generation, next_offset)
         VALUES (?1, ?2, (SELECT generation FROM generations WHERE consumer = ?2 AND generation = ?3
                          AND (?4 IS NULL OR EXISTS (SELECT 1 FROM applied WHERE reader = ?1))), ?5)
         ON CONFLICT (reader) DO UPDATE SET next_offset =
             CASE WHEN applied.generation = ?3 AND applied.next_offset = ?4 THEN excluded.next_offset END",
        params![reader, subscription.name(), standing.generation, standing.next, next],
    )
}

/// Whether it was the guard that has refused a batch.
pub fn is_guarded(error: &SqlError) -> bool {
    error.0.contains("applied.next_offset") || error.0.contains("applied.generation")
}

/// What events make of the read model. Applied twice or late, it is the same.
///
/// # Errors
/// When they cannot be written as JSON, which means a bug.
pub fn effects<'e>(
    subscription: Subscription,
    events: impl Iterator<Item = &'e Event>,
) -> Result<Vec<Statement>, SqlError> {
    match subscription {
        Subscription::OrderList => order_list::effects(events),
        Subscription::Wallets | Subscription::Completion => Ok(Vec::new()),
    }
}

/// Empties the read model of a consumer and begins its next generation, in one transaction. `None`: it has none.
pub fn rebuild(subscription: Subscription) -> Option<Query> {
    let empty = match subscription {
        Subscription::OrderList => order_list::EMPTY,
        Subscription::Wallets | Subscription::Completion => return None,
    };
    let name = params![subscription.name()];
    Some(Query::Write(vec![
        Statement::new("UPDATE generations SET generation = generation + 1 WHERE consumer = ?1", name),
        Statement::new("DELETE FROM applied WHERE consumer = ?1", name),
        Statement::new(empty, &[]),
    ]))
}
