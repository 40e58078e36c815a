//! Publishing records once more: for a topic that has lost them. A republication passes through the same batches as everything else, beside
//! what is new, and how far it is frozen is stored with them: so it happens once, whatever ends in between.

use super::Relay;
use crate::actor::{Fault, Turn};
use crate::command::{Rejection, Reply, Republication};
use crate::params;
use crate::sql::{Row, Sql, SqlError, to_json};
use crate::topology::Target;
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;

/// Records of one republication, at most.
pub const RECORDS_MAX: u64 = 1_000_000;
/// How long one that is done is remembered, in milliseconds: 30 days.
const REMEMBERED_MS: i64 = 30 * 86_400_000;
/// Those that operators are shown, at most.
const SHOWN_MAX: u32 = 20;

impl Relay {
    /// Takes on a republication of the positions from the first to the last, unless it has taken it on before. The shard has kept
    /// them from `kept` on.
    pub(super) fn republish(
        &mut self,
        turn: &mut Turn<'_>,
        id: &str,
        source: Target,
        (first, last): (u64, u64),
        kept: u64,
    ) -> Result<Reply, Fault> {
        if let Some(known) = find(turn.sql, id)? {
            return match (known.source, known.first, known.last) == (source, first, last) {
                true => Ok(Reply::Republishing(known)),
                false => Err(Rejection::new(Code::IdempotencyKeyReused).into()),
            };
        }
        let Some(log) = self.sources.get(&source).filter(|_| !matches!(source, Target::Subscriber(..)))
        else {
            return Err(Rejection::with(Code::NotFound, "not a log of this relay").into());
        };
        let published = self.published(source, log);
        let too_many = last.saturating_sub(first) >= RECORDS_MAX;
        if first < kept.max(1) || first > last || too_many || last > published {
            let detail = format!(
                "positions {first} to {last} cannot be published again: {kept} to {published} can, at most {RECORDS_MAX} at a time"
            );
            return Err(Rejection::with(Code::InvalidValue, detail).into());
        }
        let republication = insert(turn.sql, id, source, first, last, turn.now)?;
        turn.push(self.line(
            "info",
            "relay.republication",
            format!("{}: positions {first} to {last}", source.name()),
        ));
        if let Some(log) = self.sources.get_mut(&source) {
            log.again.add(republication.clone());
        }
        Ok(Reply::Republishing(republication))
    }

    /// Ends the republications that cannot be gone on with.
    pub(super) fn end_failed_republications(&mut self, turn: &mut Turn<'_>) -> Result<(), SqlError> {
        let mut lines = Vec::new();
        for (whose, source) in &mut self.sources {
            if let Some((number, why)) = source.again.take_failed() {
                turn.sql.query(
                    "UPDATE republications SET failed = ? WHERE number = ?",
                    params![why.as_str(), number],
                )?;
                lines.push(format!("{}: republication {number}: {why}", whose.name()));
            }
        }
        for line in lines {
            turn.push(self.line("error", "alert.republication-failed", line));
        }
        Ok(())
    }
}

fn insert(
    sql: &dyn Sql,
    id: &str,
    source: Target,
    first: u64,
    last: u64,
    now: Timestamp,
) -> Result<Republication, SqlError> {
    sql.query(
        "DELETE FROM republications WHERE created_at < ? AND (next > last OR failed IS NOT NULL)
             AND number NOT IN (SELECT republication FROM frozen WHERE republication IS NOT NULL)",
        params![now.plus_ms(-REMEMBERED_MS)],
    )?;
    let rows = sql.query(
        "INSERT INTO republications (id, source, first, last, next, created_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING number",
        params![id, to_json(&source)?, first, last, first, now],
    )?;
    let number =
        rows.first().ok_or_else(|| SqlError("a republication has no number".to_owned()))?.count(0)?;
    Ok(Republication { number, source, first, last, next: first, acknowledged: true, failed: None })
}

fn find(sql: &dyn Sql, id: &str) -> Result<Option<Republication>, SqlError> {
    let rows = sql.query(
        "SELECT number, source, first, last, next, failed, EXISTS (SELECT 1 FROM frozen WHERE republication = number)
         FROM republications WHERE id = ?",
        params![id],
    )?;
    rows.first().map(republication).transpose()
}

/// Those that are not all frozen, in the order of the requests.
pub fn unfinished(sql: &dyn Sql) -> Result<Vec<Republication>, SqlError> {
    let rows = sql.query(
        "SELECT number, source, first, last, next, failed, EXISTS (SELECT 1 FROM frozen WHERE republication = number)
         FROM republications WHERE next <= last AND failed IS NULL ORDER BY number",
        &[],
    )?;
    rows.iter().map(republication).collect()
}

/// The newest ones first.
pub fn newest(sql: &dyn Sql) -> Result<Vec<Republication>, SqlError> {
    let rows = sql.query(
        "SELECT number, source, first, last, next, failed, EXISTS (SELECT 1 FROM frozen WHERE republication = number)
         FROM republications ORDER BY number DESC LIMIT ?",
        params![SHOWN_MAX],
    )?;
    rows.iter().map(republication).collect()
}

/// Stores how far one is frozen, in the transaction that stores the batches.
pub fn advance(sql: &dyn Sql, number: u64, next: u64) -> Result<(), SqlError> {
    sql.query("UPDATE republications SET next = ? WHERE number = ?", params![next, number]).map(drop)
}

fn republication(row: &Row) -> Result<Republication, SqlError> {
    Ok(Republication {
        number: row.count(0)?,
        source: row.json(1)?,
        first: row.count(2)?,
        last: row.count(3)?,
        next: row.count(4)?,
        failed: row.text_or_null(5)?.map(str::to_owned),
        acknowledged: row.int(6)? == 0,
    })
}
