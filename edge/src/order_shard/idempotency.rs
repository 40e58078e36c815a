//! Answers by idempotency key (IETF draft-ietf-httpapi-idempotency-key-header): a request runs once, a repeat gets the
//! same answer for 24 hours.

use crate::actor::{Fault, Turn};
use crate::command::{Claimed, Rejection, Reply};
use crate::params;
use gyesan_core::problem::Code;

/// A claim whose request has not ended after so long is taken for dead (the process ended with it), in milliseconds. The
/// commands underneath are idempotent, so running it again does no harm.
const CLAIM_LIMIT_MS: i64 = 60_000;

/// May this request run? It may, or its answer is there, or it is running, or the key was used for something else.
pub fn claim(turn: &mut Turn<'_>, scope: &str, request: &str) -> Result<Reply, Fault> {
    let rows = turn
        .sql
        .query("SELECT request, status, body, created_at FROM idempotency WHERE scope = ?", params![scope])?;
    if let Some(row) = rows.first() {
        if row.text(0)? != request {
            return Err(Rejection::new(Code::IdempotencyKeyReused).into());
        }
        if let Some(body) = row.text_or_null(2)? {
            return Ok(Reply::Claimed(Claimed::Replay { status: row.count(1)?, body: body.to_owned() }));
        }
        if turn.now.ms_since(row.time(3)?) < CLAIM_LIMIT_MS {
            return Err(Rejection::new(Code::IdempotencyKeyInUse).into());
        }
    }
    turn.sql.query(
        "INSERT INTO idempotency (scope, request, created_at) VALUES (?, ?, ?)
         ON CONFLICT (scope) DO UPDATE SET created_at = excluded.created_at",
        params![scope, request, turn.now],
    )?;
    Ok(Reply::Claimed(Claimed::New))
}

/// Remembers the answer.
pub fn settle(turn: &mut Turn<'_>, scope: &str, status: u16, body: &str) -> Result<Reply, Fault> {
    turn.sql.query(
        "UPDATE idempotency SET status = ?, body = ? WHERE scope = ? AND body IS NULL",
        params![u32::from(status), body, scope],
    )?;
    Ok(Reply::Done)
}

/// Forgets a claim whose request failed on our side, so that a repeat runs.
pub fn release(turn: &mut Turn<'_>, scope: &str) -> Result<Reply, Fault> {
    turn.sql.query("DELETE FROM idempotency WHERE scope = ? AND body IS NULL", params![scope])?;
    Ok(Reply::Done)
}
