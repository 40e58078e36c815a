//! The handling of a projection's records: each batch is one transaction of the query database, which also says where to read on.
//!
//! The position there is the truth, and that in the consumer's own database only shows it. So nothing is to be known of a batch
//! whose answer is lost: the query database is asked where it stands, and reading goes on from there. A record that is put aside
//! is so before the batch that goes past it: a crash in between puts it aside again, and loses nothing.

use super::handling::{Batch, Content, Handling, Item, Progress};
use super::store;
use crate::actor::{CallId, Effect, Turn};
use crate::projection::{self, Standing};
use crate::query::{self, Query};
use crate::sql::{Row, SqlError};
use crate::topology::Subscription;
use gyesan_core::event::Event;
use gyesan_core::time::Timestamp;

/// A reader that has nothing to do asks so often whether it still stands where it believes, in milliseconds: the model may
/// have been emptied without its hearing of it.
const DOUBT_MS: i64 = 50_000;

/// A question without an answer for so long is put again, in milliseconds.
const ASK_LIMIT_MS: i64 = 30_000;

/// What a projection knows of the query database.
pub struct Projecting {
    /// The name that its standing has there.
    reader: String,
    /// `None` while it has to be asked.
    standing: Option<Standing>,
    /// The question under way.
    asking: Option<CallId>,
    asked_at: Timestamp,
    /// Where an operator wants it to read on, until that stands in the query database; as stored.
    move_to: Option<u64>,
}

impl Projecting {
    /// Of a projection; nothing of the others.
    pub fn of(subscription: Subscription, reader: String, move_to: Option<u64>) -> Option<Projecting> {
        let asked_at = Timestamp(0);
        subscription.is_projection().then_some(Projecting {
            reader,
            standing: None,
            asking: None,
            asked_at,
            move_to,
        })
    }
}

impl Handling {
    /// Whether it is known where to read on. Where it is not, the query database is asked.
    pub fn locate(&mut self, turn: &mut Turn<'_>) -> bool {
        if self.is_located() {
            return true;
        }
        let is_late =
            |projecting: &Projecting| !(0..ASK_LIMIT_MS).contains(&turn.now.ms_since(projecting.asked_at));
        if !self.awaits_place() || self.projecting.as_ref().is_some_and(is_late) {
            self.lose_place();
            self.ask(turn);
        }
        false
    }

    /// Whether the query database has been asked where to read on, and has not answered.
    pub fn awaits_place(&self) -> bool {
        let awaits = |projecting: &Projecting| projecting.asking.is_some() || self.is_busy();
        !self.is_located() && self.projecting.as_ref().is_some_and(awaits)
    }

    /// Whether it is known where to read on.
    pub fn is_located(&self) -> bool {
        let is = |projecting: &Projecting| projecting.standing.is_some() && projecting.move_to.is_none();
        self.projecting.as_ref().is_none_or(is)
    }

    /// Forgets where to read on, and the records that are not handled.
    pub fn lose_place(&mut self) {
        self.forget();
        if let Some(projecting) = &mut self.projecting {
            (projecting.standing, projecting.asking) = (None, None);
        }
    }

    /// The read model was emptied: nothing of the partition is read, and no move is wanted any more.
    pub fn begin_anew(&mut self, turn: &Turn<'_>) -> Result<(), SqlError> {
        store::save_move(turn.sql, None)?;
        self.place_at(turn.sql, None)?;
        self.lose_place();
        if let Some(projecting) = &mut self.projecting {
            projecting.move_to = None;
        }
        Ok(())
    }

    /// Asks whether it still stands where it believes, when it has nothing to do and has not asked for a while.
    pub fn doubt(&mut self, turn: &mut Turn<'_>) {
        let is_due = |projecting: &Projecting| {
            let since_ms = turn.now.ms_since(projecting.asked_at);
            projecting.standing.is_some() && projecting.asking.is_none() && !(0..DOUBT_MS).contains(&since_ms)
        };
        if !self.is_busy() && self.projecting.as_ref().is_some_and(is_due) {
            self.ask(turn);
        }
    }

    /// Lets it read on from `position`, once that stands in the query database.
    pub(super) fn move_to(&mut self, turn: &Turn<'_>, position: u64) -> Result<(), SqlError> {
        store::save_move(turn.sql, Some(position))?;
        if let Some(projecting) = &mut self.projecting {
            projecting.move_to = Some(position);
        }
        Ok(())
    }

    fn ask(&mut self, turn: &mut Turn<'_>) {
        let id = self.call_id();
        let Some(projecting) = &mut self.projecting else { return };
        (projecting.asking, projecting.asked_at) = (Some(id), turn.now);
        let query = projection::question(self.subscription, &projecting.reader);
        turn.push(Effect::Query { id, query });
    }

    /// Writes what records lead to, in one transaction with the move behind them.
    pub(super) fn project(&mut self, turn: &mut Turn<'_>, items: Vec<Item>) -> Result<Batch, SqlError> {
        let mut batch = Batch::of(items);
        self.put_aside(turn, &batch)?;
        batch.refused.clear();
        let next = batch.items.last().map(|item| item.after).unwrap_or_default();
        let effects = projection::effects(self.subscription, events(&batch.items))?;
        batch.open.extend(self.write(turn, next, effects));
        Ok(batch)
    }

    /// The transaction of a batch. Questions under way are about what was before it, and are forgotten.
    fn write(&mut self, turn: &mut Turn<'_>, next: u64, effects: Vec<query::Statement>) -> Option<CallId> {
        let id = self.call_id();
        let projecting = self.projecting.as_mut()?;
        let standing = projecting.standing?;
        projecting.asking = None;
        let guard = projection::guard(self.subscription, &projecting.reader, standing, next);
        let statements = std::iter::once(guard).chain(effects).collect();
        turn.push(Effect::Query { id, query: Query::Write(statements) });
        Some(id)
    }

    /// What records that were put aside lead to, without a move.
    pub(super) fn project_again(&mut self, turn: &mut Turn<'_>, items: Vec<Item>) -> Result<Batch, SqlError> {
        let mut batch = Batch::of(items);
        let effects = projection::effects(self.subscription, events(&batch.items))?;
        if !effects.is_empty() {
            let id = self.call_id();
            batch.open.push(id);
            turn.push(Effect::Query { id, query: Query::Write(effects) });
        }
        Ok(batch)
    }

    /// Takes an answer of the query database.
    pub fn queried(
        &mut self,
        turn: &mut Turn<'_>,
        id: CallId,
        result: Result<Vec<Row>, SqlError>,
    ) -> Result<Progress, SqlError> {
        if self.replay_queried(turn, id, &result)? {
            return Ok(Progress::Waiting);
        }
        if let Some(projecting) = self.projecting.as_mut().filter(|p| p.asking == Some(id)) {
            projecting.asking = None;
            return match result.and_then(|rows| projection::standing(&rows)) {
                Ok(standing) => self.stand(turn, standing),
                Err(_) if projecting.standing.is_some() => Ok(Progress::Waiting),
                Err(error) => {
                    self.count_failure(turn, &error.to_string());
                    Ok(Progress::Failed)
                }
            };
        }
        let Some(batch) = self.take_batch(id) else { return Ok(Progress::Waiting) };
        match result {
            Ok(_) => self.applied(turn, &batch),
            Err(error) => self.not_applied(turn, batch, &error),
        }
    }

    /// It stands there. When that is news, reading goes on from there.
    fn stand(&mut self, turn: &mut Turn<'_>, standing: Standing) -> Result<Progress, SqlError> {
        let Some(projecting) = &mut self.projecting else { return Ok(Progress::Waiting) };
        if projecting.standing == Some(standing) {
            return Ok(Progress::Waiting);
        }
        projecting.standing = Some(standing);
        if let Some(to) = projecting.move_to {
            let mut batch = Batch::of(Vec::new());
            batch.open.extend(self.write(turn, to, Vec::new()));
            self.put_under_way(batch);
            return Ok(Progress::Waiting);
        }
        self.settle_at(turn, standing.next)
    }

    fn settle_at(&mut self, turn: &mut Turn<'_>, position: Option<u64>) -> Result<Progress, SqlError> {
        self.forget();
        self.place_at(turn.sql, position)?;
        Ok(Progress::Moved)
    }

    fn applied(&mut self, turn: &mut Turn<'_>, batch: &Batch) -> Result<Progress, SqlError> {
        let Some(projecting) = &mut self.projecting else { return Ok(Progress::Waiting) };
        let moved_to = if batch.items.is_empty() { projecting.move_to.take() } else { None };
        let next = moved_to.or(batch.items.last().map(|item| item.after));
        if let Some(standing) = &mut projecting.standing {
            standing.next = next;
        }
        if moved_to.is_some() {
            store::save_move(turn.sql, None)?;
            return self.settle_at(turn, moved_to);
        }
        self.complete(turn, batch)?;
        Ok(Progress::Done)
    }

    /// The batch was refused, or nobody knows what became of it.
    fn not_applied(
        &mut self,
        turn: &mut Turn<'_>,
        batch: Batch,
        error: &SqlError,
    ) -> Result<Progress, SqlError> {
        if projection::is_guarded(error) {
            // It was applied before, or the model was emptied: it stands somewhere else.
            self.lose_place();
            self.locate(turn);
            return Ok(Progress::Waiting);
        }
        let refused = query::is_refusal(error) && !batch.items.is_empty();
        let Some(reason) = self.failed(turn, &batch, error.to_string(), refused) else {
            if refused {
                self.forget()
            } else {
                self.lose_place()
            }
            return Ok(Progress::Failed);
        };
        // Past the record, without it.
        let mut batch = batch;
        batch.refused = batch.items.iter().map(|item| (item.place, reason.clone())).collect();
        self.put_aside(turn, &batch)?;
        batch.refused.clear();
        let next = batch.items.last().map(|item| item.after).unwrap_or_default();
        batch.open = self.write(turn, next, Vec::new()).into_iter().collect();
        self.put_under_way(batch);
        Ok(Progress::Waiting)
    }
}

fn events(items: &[Item]) -> impl Iterator<Item = &Event> {
    items.iter().filter_map(|item| match &item.content {
        Content::Event(event) => Some(event.as_ref()),
        Content::Undecodable { .. } => None,
    })
}
