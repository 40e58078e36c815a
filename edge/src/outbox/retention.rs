//! How long published records stay in a shard's outbox, in Kafka mode.
//!
//! Once an hour the shard asks its relay how far it is done with the log, and notes the answer with the time. What was done with
//! before the time of keeping is removed, a piece a turn. The last row is never removed: the log's end is read from it.

use super::is_over;
use crate::actor::{CallFault, CallId, Effect, LogLine, Turn};
use crate::command::{Command, Reply};
use crate::params;
use crate::sql::SqlError;
use crate::topology::Target;
use gyesan_core::time::Timestamp;

/// How often the relay is asked, in milliseconds: an hour.
const EVERY_MS: i64 = 3_600_000;
/// How soon it is asked again when it did not answer.
const RETRY_MS: i64 = 60_000;
/// Rows removed in one turn, at most.
const PIECE_ROWS: u64 = 1_000;
/// The pause between two pieces, in milliseconds: payments come first.
const PIECE_PAUSE_MS: i64 = 100;

/// The removing of what is published.
pub struct Retention {
    /// Whose outbox.
    shard: Target,
    relay: Target,
    keep_ms: i64,
    /// When the relay is to be asked.
    due: Timestamp,
    asked: Option<(CallId, Timestamp)>,
    /// The last position that is to be removed, and from when on.
    removing: Option<(u64, Timestamp)>,
}

impl Retention {
    /// Of the outbox that `relay` publishes; records are kept for `keep_ms` after they are published. The relay is asked at once, in
    /// case the last process did not come to the end of removing.
    pub fn new(shard: Target, relay: Target, keep_ms: i64) -> Retention {
        Retention { shard, relay, keep_ms, due: Timestamp(0), asked: None, removing: None }
    }

    /// Asks the relay when it is time, and removes a piece of what may go. `end` is the log's.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn tend(&mut self, turn: &mut Turn<'_>, end: u64, next_call: &mut CallId) -> Result<(), SqlError> {
        if let Some((last, from)) = self.removing
            && has_come(from, PIECE_PAUSE_MS, turn.now)
        {
            self.remove(turn, last)?;
        }
        if self.asked.is_some_and(|(_, since)| is_over(since, turn.now)) {
            self.asked = None;
        }
        if end == 0 || self.asked.is_some() || !has_come(self.due, EVERY_MS, turn.now) {
            return Ok(());
        }
        let id = *next_call;
        *next_call = next_call.wrapping_add(1);
        self.asked = Some((id, turn.now));
        turn.push(Effect::Call { id: Some(id), target: self.relay, command: Command::RelayStatus });
        Ok(())
    }

    /// The relay has answered, or the question was lost. False when the answer is to another question. `end` is the log's.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn answered(
        &mut self,
        turn: &Turn<'_>,
        end: u64,
        id: CallId,
        result: &Result<Reply, CallFault>,
    ) -> Result<bool, SqlError> {
        if self.asked.is_none_or(|(asked, _)| asked != id) {
            return Ok(false);
        }
        let released = match result {
            Ok(Reply::Relay(status)) => {
                status.sources.iter().find(|source| source.source == self.shard).map(|source| source.released)
            }
            _ => None,
        };
        let (due, last) = match released {
            Some(released) => (EVERY_MS, self.note(turn, end, released)?),
            None => (RETRY_MS, None),
        };
        self.asked = None;
        self.due = turn.now.plus_ms(due);
        self.removing = last.map(|last| (last, turn.now));
        Ok(true)
    }

    /// When it wants a turn by itself: only while it removes. The cron's turns are often enough for asking.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.removing.map(|(_, from)| from)
    }

    /// Notes that the relay needs nothing up to `released` any more, and says up to where rows may be removed.
    fn note(&self, turn: &Turn<'_>, end: u64, released: u64) -> Result<Option<u64>, SqlError> {
        // Those to come were noted by a clock that was ahead; what they say may not be old enough when their time comes.
        turn.sql.query("DELETE FROM outbox_published WHERE at > ?", params![turn.now])?;
        turn.sql.query(
            "INSERT INTO outbox_published (at, seq) SELECT ?, ?
             WHERE ? > (SELECT coalesce(max(seq), 0) FROM outbox_published)
                 AND ? >= (SELECT coalesce(max(at), 0) FROM outbox_published)",
            params![turn.now, released, released, turn.now.plus_ms(-EVERY_MS)],
        )?;
        let long_ago = turn.now.plus_ms(-self.keep_ms);
        let rows = turn.sql.query(
            "SELECT seq FROM outbox_published WHERE at <= ? ORDER BY at DESC LIMIT 1",
            params![long_ago],
        )?;
        let Some(row) = rows.first() else { return Ok(None) };
        turn.sql.query(
            "DELETE FROM outbox_published WHERE at < (SELECT max(at) FROM outbox_published WHERE at <= ?)",
            params![long_ago],
        )?;
        // A relay that was set back, or that is to publish some of it again, needs what it did not need then.
        let last = row.count::<u64>(0)?.min(released).min(end.saturating_sub(1));
        Ok((last >= super::first(turn.sql)?).then_some(last))
    }

    fn remove(&mut self, turn: &mut Turn<'_>, last: u64) -> Result<(), SqlError> {
        let first = super::first(turn.sql)?;
        let piece = last.min(first.saturating_add(PIECE_ROWS - 1));
        turn.sql.query(
            "DELETE FROM outbox WHERE seq <= ? AND seq < (SELECT max(seq) FROM outbox)",
            params![piece],
        )?;
        if piece < last {
            self.removing = Some((last, turn.now.plus_ms(PIECE_PAUSE_MS)));
            return Ok(());
        }
        self.removing = None;
        let detail =
            format!("{}: what was published up to position {last} is no longer kept", self.shard.name());
        turn.push(Effect::Log(LogLine {
            level: "info",
            fact: "outbox.removed",
            merchant_id: String::new(),
            order_id: String::new(),
            detail,
        }));
        Ok(())
    }
}

/// Whether a moment has come. One that is farther ahead than anybody would have planned was planned by a clock that was ahead.
fn has_come(at: Timestamp, planned_ms: i64, now: Timestamp) -> bool {
    now >= at || at.ms_since(now) > planned_ms
}
