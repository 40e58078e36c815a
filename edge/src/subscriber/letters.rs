//! Telling the relay of new dead letters until it has heard of them. It reads them from [`dead_letter_log`] itself, also after a restart
//! of its own.

use crate::actor::{CallFault, CallId, Effect, Turn};
use crate::command::{Command, Reply};
use crate::dead_letter_log;
use crate::sql::{Sql, SqlError};
use crate::topology::{Target, Topology};
use gyesan_core::time::Timestamp;

/// News without an answer for so long are told again, in milliseconds.
const CALL_LIMIT_MS: i64 = 10_000;
/// The first pause after news that were not heard; doubled each time up to [`PAUSE_MAX_MS`].
const PAUSE_MS: i64 = 500;
const PAUSE_MAX_MS: i64 = 30_000;

/// What one consumer's relay has heard.
pub struct Letters {
    source: Target,
    relay: Option<Target>,
    /// The end of the log; `None` when it has to be looked up.
    end: Option<u64>,
    /// The end that the relay knows of.
    heard: u64,
    /// The call under way: which, since when, and of which end it tells.
    telling: Option<(CallId, Timestamp, u64)>,
    not_before: Timestamp,
    failures: u32,
}

impl Letters {
    /// As stored. A relay that was told before this process began is told once more.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn open(source: Target, topology: Topology, sql: &dyn Sql) -> Result<Letters, SqlError> {
        Ok(Letters {
            source,
            relay: topology.reader_of(source),
            end: Some(dead_letter_log::end(sql)?),
            heard: 0,
            telling: None,
            not_before: Timestamp(0),
            failures: 0,
        })
    }

    /// The log has grown, or has been about to when the turn was taken back.
    pub fn appended(&mut self) {
        self.end = None;
    }

    /// Tells the relay what it has not heard.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn tell(&mut self, turn: &mut Turn<'_>, call_id: impl FnOnce() -> CallId) -> Result<(), SqlError> {
        let end = match self.end {
            Some(end) => end,
            None => *self.end.insert(dead_letter_log::end(turn.sql)?),
        };
        // A clock that was set back must not make it wait for hours.
        if self.due_at().is_some_and(|at| at.ms_since(turn.now) > PAUSE_MAX_MS) {
            (self.telling, self.not_before) = (None, turn.now);
        }
        let Some(relay) = self.relay.filter(|_| self.due_at().is_some_and(|at| at <= turn.now)) else {
            return Ok(());
        };
        let id = call_id();
        self.telling = Some((id, turn.now, end));
        let command = Command::Appended { source: self.source, end, page: None };
        turn.push(Effect::Call { id: Some(id), target: relay, command });
        Ok(())
    }

    /// Takes the relay's answer. False when the call was another.
    pub fn answered(&mut self, id: CallId, result: &Result<Reply, CallFault>, now: Timestamp) -> bool {
        let Some((_, _, end)) = self.telling.filter(|(telling, ..)| *telling == id) else { return false };
        self.telling = None;
        match result {
            Ok(_) => {
                self.heard = end;
                self.failures = 0;
            }
            Err(_) => {
                self.failures = self.failures.saturating_add(1);
                let pause_ms = PAUSE_MS << self.failures.saturating_sub(1).min(6);
                self.not_before = now.plus_ms(pause_ms.min(PAUSE_MAX_MS));
            }
        }
        true
    }

    /// When the relay is to be told, if it has not heard everything.
    pub fn due_at(&self) -> Option<Timestamp> {
        let end = self.end?;
        (end > self.heard).then(|| match self.telling {
            Some((_, since, _)) => since.plus_ms(CALL_LIMIT_MS),
            None => self.not_before,
        })
    }
}
