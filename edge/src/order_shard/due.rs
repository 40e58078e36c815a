//! Due work: what has to happen at a time even if nobody calls.
//!
//! An alarm first notes that the rows are being worked on, and only the turn after that commit does the work: a row whose work ends
//! the process is thereby tried less and less often, and the others are not held up by it.

use super::{OrderShard, orders};
use crate::actor::{DueWork, Effect, Fault, Input, Turn};
use crate::params;
use crate::sql::{Sql, SqlError};
use gyesan_core::payment::{self, Signal};
use gyesan_core::time::Timestamp;

/// Rows taken at once, at most; the rest follows in the next turn.
const TAKEN_MAX: u32 = 200;
/// A call that was under way when the process ended is recovered at once, unless it has been tried so often already.
const RECOVERIES_MAX: u32 = 3;
/// Answers by idempotency key are kept so long, in milliseconds: 24 hours.
const IDEMPOTENCY_MS: i64 = 24 * 3_600_000;

/// After a restart: nobody waits for the answers of calls that the last process made, so they are due now. Looks through all that
/// is to come, which is the open orders of the last 45 minutes; a bound on the time would miss calls when the clock is set back.
pub fn recover(sql: &dyn Sql, now: Timestamp) -> Result<(), SqlError> {
    sql.query(
        "UPDATE due SET at = ? WHERE at > ? AND kind = 'call' AND tries < ?",
        params![now, now, RECOVERIES_MAX],
    )?;
    Ok(())
}

/// When the next row is due.
pub fn next(sql: &dyn Sql) -> Result<Option<Timestamp>, SqlError> {
    sql.query("SELECT at FROM due ORDER BY at LIMIT 1", &[])?.first().map(|row| row.time(0)).transpose()
}

impl OrderShard {
    /// Remembers when something has to be done, in case nothing comes by itself: `expire` for attempt 0, or the `call` or
    /// `pause` that an attempt's dialogue is at.
    pub(super) fn plan(
        &mut self,
        turn: &Turn<'_>,
        order_row: i64,
        attempt: u32,
        kind: &'static str,
        at: Timestamp,
    ) -> Result<(), SqlError> {
        turn.sql.query(
            "INSERT INTO due (order_row, attempt, kind, at) VALUES (?, ?, ?, ?)
             ON CONFLICT (order_row, attempt) DO UPDATE SET kind = excluded.kind, at = excluded.at, tries = 0",
            params![order_row, attempt, kind, at],
        )?;
        self.planned = Some(self.planned.map_or(at, |planned| planned.min(at)));
        Ok(())
    }

    /// Notes which rows are being worked on, and does the work after that has been committed.
    pub(super) fn take_due_work(&mut self, turn: &mut Turn<'_>) -> Result<(), Fault> {
        let rows = turn.sql.query(
            "SELECT order_row, attempt, tries FROM due WHERE at <= ? ORDER BY at LIMIT ?",
            params![turn.now, TAKEN_MAX],
        )?;
        let mut work = Vec::with_capacity(rows.len());
        for row in &rows {
            let (order_row, attempt, tries) = (row.int(0)?, row.count::<u32>(1)?, row.count::<u32>(2)?);
            let again = turn.now.plus_ms(1_000_i64 << tries.min(10));
            turn.sql.query(
                "UPDATE due SET tries = tries + 1, at = ? WHERE order_row = ? AND attempt = ?",
                params![again, order_row, attempt],
            )?;
            work.push(DueWork { order_row, attempt });
        }
        if !work.is_empty() {
            turn.push(Effect::Then(Input::Due(work)));
        }
        turn.sql.query(
            "DELETE FROM idempotency WHERE created_at < ?",
            params![turn.now.plus_ms(-IDEMPOTENCY_MS)],
        )?;
        Ok(())
    }

    /// Does the work. A row that has gone, or was planned anew since it was taken (its tries are zero again), needs none.
    pub(super) fn do_due_work(&mut self, turn: &mut Turn<'_>, work: &[DueWork]) -> Result<(), Fault> {
        for DueWork { order_row, attempt } in work {
            let taken = turn.sql.query(
                "SELECT 1 FROM due WHERE order_row = ? AND attempt = ? AND tries > 0",
                params![*order_row, *attempt],
            )?;
            if taken.is_empty() {
                continue;
            }
            let Some(mut order) = orders::by_row(turn.sql, *order_row)? else { continue };
            let command = match order.payment.attempt(*attempt).and_then(|attempt| attempt.state.dialogue()) {
                None => payment::Command::Expire,
                Some(dialogue) => payment::Command::Signal {
                    attempt: *attempt,
                    call: dialogue.call,
                    signal: Signal::Elapsed,
                },
            };
            let trace = order.trace_of(*attempt);
            self.pay(turn, &mut order, command, trace.as_deref())?;
        }
        Ok(())
    }
}
