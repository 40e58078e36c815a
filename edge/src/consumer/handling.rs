//! The handling of records, the same wherever they come from: the calls of a batch, what became of them, and the position.
//!
//! The calls carry ids and do nothing when repeated, and the position is stored some time after all of a batch's calls were
//! answered: a crash anywhere repeats calls, never skips one. A batch whose calls fail is forgotten and its source gives
//! the same records again. A record that is refused again and again is put aside, so that it does not stop those behind it.

pub use super::batch::{Batch, Content, Item};
use super::projecting::Projecting;
use super::store;
use super::{batch, handlers, replay::Replay};
use crate::actor::{CallFault, CallId, Effect, LogLine, Turn};
use crate::command::{ConsumerPosition, Halt, Reply};
use crate::dead_letter_log::{self, Letter};
use crate::sql::{Sql, SqlError};
use crate::topology::{Subscription, Topology};
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;
use std::collections::VecDeque;

/// Records handled together, at most; more where they are one transaction.
const BATCH_MAX: usize = 256;
const PROJECTED_MAX: usize = 512;
/// Records handled since the position was stored, at most: what a restart repeats in vain.
const UNSAVED_MAX: u64 = 256;
/// How long a position stays unsaved, in milliseconds. Storing it with each batch would be a commit more for each order.
pub const UNSAVED_MS: i64 = 1_000;
/// Refusals of one record before it is put aside: with the pauses between tries, a minute.
const REFUSALS_MAX: u32 = 8;
/// Failures in a row before the log tells of them: a restart of a shard is none of its business.
const QUIET_FAILURES: u32 = 3;
/// Between two lines about the same trouble, in milliseconds.
const QUIET_MS: i64 = 60_000;
/// The pause after the first failure in milliseconds, doubled each time up to [`PAUSE_MAX_MS`].
const PAUSE_MS: i64 = 500;
const PAUSE_MAX_MS: i64 = 30_000;

/// What an answer has led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Nothing yet.
    Waiting,
    /// The effects of the batch are done.
    Done,
    /// They are not, or not known to be: the source gives the records after the position again, after a pause.
    Failed,
    /// The position is another one: the source gives the records after it.
    Moved,
}

/// What an input that fails must not have changed: its statements are taken back.
pub struct Mark {
    position: Option<u64>,
    saved: Option<u64>,
    dead_letters: u64,
    paused: Option<Halt>,
    stopped: Option<Halt>,
}

/// The bookkeeping of one consumer.
pub struct Handling {
    /// Which consumer.
    pub subscription: Subscription,
    /// Of which partition.
    pub partition: u32,
    topology: Topology,
    /// Behind the last record whose effects are done; `None` when nothing has been read.
    pub position: Option<u64>,
    /// The position as stored: never ahead of the effects.
    saved: Option<u64>,
    /// Records that wait for an operator; as stored.
    pub(super) dead_letters: u64,
    /// By an operator.
    pub paused: Option<Halt>,
    /// By itself.
    pub stopped: Option<Halt>,
    /// Records after the position and after the batch under way, in order.
    queue: VecDeque<Item>,
    batch: Option<Batch>,
    pub(super) replays: Vec<Replay>,
    /// Of a projection.
    pub(super) projecting: Option<Projecting>,
    /// Failures in a row.
    failures: u32,
    failure_logged_at: Option<Timestamp>,
    /// Refusals in a row of the record after the position, handled alone.
    refusals: u32,
    /// Up to here records are handled one by one: one of them was refused together with others.
    one_by_one_until: u64,
    next_call: CallId,
    /// Whether a record of a topic has been put aside since [`Self::take_lettered`].
    lettered: bool,
}

impl Handling {
    /// As stored.
    pub fn open(
        subscription: Subscription,
        partition: u32,
        topology: Topology,
        sql: &dyn Sql,
    ) -> Result<Handling, SqlError> {
        let stored = store::load(sql)?;
        Ok(Handling {
            subscription,
            partition,
            topology,
            position: stored.position,
            saved: stored.position,
            dead_letters: store::count_waiting(sql)?,
            paused: stored.paused,
            stopped: stored.stopped,
            queue: VecDeque::new(),
            batch: None,
            replays: Vec::new(),
            projecting: Projecting::of(
                subscription,
                topology.consumer(subscription, partition).name(),
                stored.move_to,
            ),
            failures: 0,
            failure_logged_at: None,
            refusals: 0,
            one_by_one_until: 0,
            next_call: 1,
            lettered: false,
        })
    }

    /// Where it stands, to go back to when the input that is about to be applied fails.
    pub fn mark(&self) -> Mark {
        Mark {
            position: self.position,
            saved: self.saved,
            dead_letters: self.dead_letters,
            paused: self.paused.clone(),
            stopped: self.stopped.clone(),
        }
    }

    /// Goes back to the mark, and forgets the records that are not handled: the source is to give them again.
    pub fn go_back(&mut self, mark: Mark) {
        let Mark { position, saved, dead_letters, paused, stopped } = mark;
        (self.position, self.saved, self.dead_letters) = (position, saved, dead_letters);
        (self.paused, self.stopped) = (paused, stopped);
        self.failures = self.failures.saturating_add(1);
        self.lose_place();
    }

    /// A number for a call or a request.
    pub fn call_id(&mut self) -> CallId {
        let id = self.next_call;
        self.next_call = self.next_call.wrapping_add(1);
        id
    }

    /// Where it stands.
    pub fn place(&self) -> ConsumerPosition {
        ConsumerPosition {
            position: self.position.unwrap_or(0),
            dead_letters: self.dead_letters,
            end: None,
            end_seen_at: None,
            paused: self.paused.clone(),
            stopped: self.stopped.clone(),
        }
    }

    /// Whether nothing is to be handled until an operator says so.
    pub fn is_halted(&self) -> bool {
        self.paused.is_some() || self.stopped.is_some()
    }

    /// Whether records wait or are under way.
    pub fn is_busy(&self) -> bool {
        self.batch.is_some() || !self.queue.is_empty()
    }

    /// The place of the last record that it has, handled or not.
    pub fn last_place(&self) -> Option<u64> {
        let under_way = self.batch.as_ref().and_then(|batch| batch.items.last());
        self.queue.back().or(under_way).map(|item| item.place)
    }

    /// Takes a record over, behind those it has.
    pub fn push(&mut self, item: Item) {
        self.queue.push_back(item);
    }

    /// Forgets the records that are not handled; answers to their calls mean nothing any more.
    pub fn forget(&mut self) {
        self.queue.clear();
        self.batch = None;
    }

    /// How long to wait after the last failure, in milliseconds.
    pub fn pause_ms(&self) -> i64 {
        (PAUSE_MS << self.failures.saturating_sub(1).min(6)).min(PAUSE_MAX_MS)
    }

    /// Starts on the next batch. True when there is nothing left to do.
    pub fn go_on(&mut self, turn: &mut Turn<'_>) -> Result<bool, SqlError> {
        while self.batch.is_none() && !self.is_halted() && self.is_located() {
            let alone = self.queue.front().is_some_and(|item| item.after <= self.one_by_one_until);
            let most = if self.projecting.is_some() { PROJECTED_MAX } else { BATCH_MAX };
            let count = self.queue.len().min(if alone { 1 } else { most });
            if count == 0 {
                return Ok(true);
            }
            let items = self.queue.drain(..count).collect();
            let batch = match self.projecting {
                Some(_) => self.project(turn, items)?,
                None => self.begin(turn, items),
            };
            if batch.open.is_empty() {
                self.complete(turn, &batch)?;
            } else {
                self.batch = Some(batch);
            }
        }
        Ok(false)
    }

    /// Makes the calls that records lead to.
    pub(super) fn begin(&mut self, turn: &mut Turn<'_>, items: Vec<Item>) -> Batch {
        let mut batch = Batch::of(items);
        for call in handlers::calls(self.subscription, self.topology, &batch.items) {
            let id = self.call_id();
            batch.open.push(id);
            batch.origins.push((id, call.origins));
            turn.push(Effect::Call { id: Some(id), target: call.target, command: call.command });
        }
        batch
    }

    /// Takes an answer to a call.
    pub fn answered(
        &mut self,
        turn: &mut Turn<'_>,
        id: CallId,
        result: Result<Reply, CallFault>,
    ) -> Result<Progress, SqlError> {
        if self.replay_answered(turn, id, &result)? {
            return Ok(Progress::Waiting);
        }
        let Some(mut batch) = self.take_batch(id) else { return Ok(Progress::Waiting) };
        match result {
            Ok(reply) => {
                batch.note(id, &reply);
                if !batch.open.is_empty() {
                    self.batch = Some(batch);
                    return Ok(Progress::Waiting);
                }
            }
            Err(fault) => {
                let why = match &fault {
                    CallFault::Lost => "no answer from a shard".to_owned(),
                    CallFault::Rejected(rejection) => batch::words(rejection),
                };
                // What is lost or unavailable is not the record's fault, however long it lasts.
                let refused = matches!(&fault, CallFault::Rejected(refusal) if refusal.code != Code::ServiceUnavailable);
                let Some(reason) = self.failed(turn, &batch, why, refused) else {
                    self.forget();
                    return Ok(Progress::Failed);
                };
                batch.refused = batch.items.iter().map(|item| (item.place, reason.clone())).collect();
            }
        }
        self.complete(turn, &batch)?;
        Ok(Progress::Done)
    }

    /// The batch under way, when this is a call of it.
    pub(super) fn take_batch(&mut self, id: CallId) -> Option<Batch> {
        self.batch.take_if(|batch| batch.open.contains(&id))
    }

    /// Waits for the calls of a batch.
    pub(super) fn put_under_way(&mut self, batch: Batch) {
        self.batch = Some(batch);
    }

    /// Counts a failure, and whether it was a refusal of what the records say. Returns why the batch, then a single record, is
    /// to be put aside, if it is.
    pub(super) fn failed(
        &mut self,
        turn: &mut Turn<'_>,
        batch: &Batch,
        why: String,
        refused: bool,
    ) -> Option<String> {
        if refused {
            self.one_by_one_until = batch.items.last().map_or(0, |item| item.after);
            self.refusals = if batch.items.len() == 1 { self.refusals.saturating_add(1) } else { 0 };
            if self.refusals >= REFUSALS_MAX {
                self.failures = self.failures.saturating_add(1);
                return Some(format!("refused {REFUSALS_MAX} times: {why}"));
            }
        }
        self.count_failure(turn, &why);
        None
    }

    /// Counts a failure, and tells of it when it is one of many.
    pub(super) fn count_failure(&mut self, turn: &mut Turn<'_>, why: &str) {
        self.failures = self.failures.saturating_add(1);
        let silent = self.failure_logged_at.is_some_and(|at| turn.now.ms_since(at) < QUIET_MS);
        if self.failures >= QUIET_FAILURES && !silent {
            self.failure_logged_at = Some(turn.now);
            let failures = self.failures;
            self.log(turn, "warn", "consumer.failing", format!("failed {failures} times in a row: {why}"));
        }
    }

    /// All effects of the batch are done: its end is our position now.
    pub(super) fn complete(&mut self, turn: &mut Turn<'_>, batch: &Batch) -> Result<(), SqlError> {
        self.put_aside(turn, batch)?;
        self.reach(turn.sql, batch.items.last().map(|item| item.after))?;
        if !batch.refused.is_empty() {
            // Read again after a crash, a record that is put aside could be handled meanwhile, and would be both.
            self.save(turn.sql)?;
        }
        if self.failure_logged_at.take().is_some() {
            self.log(turn, "info", "consumer.works-again", String::new());
        }
        self.failures = 0;
        self.refusals = 0;
        Ok(())
    }

    /// Puts the records of a batch aside that cannot be handled.
    pub(super) fn put_aside(&mut self, turn: &mut Turn<'_>, batch: &Batch) -> Result<(), SqlError> {
        if batch.refused.is_empty() {
            return Ok(());
        }
        let tries = self.refusals.max(1);
        for (place, reason) in &batch.refused {
            let Some(item) = batch.items.iter().find(|item| item.place == *place) else { continue };
            store::put_aside(turn.sql, item, reason, tries, turn.now)?;
            if let Some(record) = &item.record {
                let (subscription, partition) = (self.subscription, self.partition);
                let letter = Letter { subscription, partition, offset: *place, record, reason };
                dead_letter_log::append(turn.sql, &letter)?;
                self.lettered = true;
            }
            let (merchant_id, order_id) = match &item.content {
                Content::Event(event) => {
                    (event.merchant_id.0.clone(), event.data.topic_and_key().1.to_owned())
                }
                Content::Undecodable { .. } => (String::new(), String::new()),
            };
            turn.push(Effect::Log(LogLine {
                level: "error",
                fact: "alert.dead-letter",
                merchant_id,
                order_id,
                detail: format!("{}:{}:{place}: {reason}", self.subscription.name(), self.partition),
            }));
        }
        self.dead_letters = store::count_waiting(turn.sql)?;
        Ok(())
    }

    /// Whether the log of dead letters may have grown since this was last asked.
    pub fn take_lettered(&mut self) -> bool {
        std::mem::take(&mut self.lettered)
    }

    /// Everything before this position is dealt with.
    pub fn reach(&mut self, sql: &dyn Sql, position: Option<u64>) -> Result<(), SqlError> {
        let position = position.max(self.position);
        let unsaved = position.unwrap_or(0).saturating_sub(self.saved.unwrap_or(0));
        if unsaved >= UNSAVED_MAX
            && let Some(position) = position
        {
            store::save_position(sql, position)?;
            self.saved = Some(position);
        }
        self.position = position;
        Ok(())
    }

    /// Goes to another position, on whose word that is the truth.
    pub(super) fn place_at(&mut self, sql: &dyn Sql, position: Option<u64>) -> Result<(), SqlError> {
        if position.is_none() && self.saved.is_some() {
            store::forget_position(sql)?;
            self.saved = None;
        }
        self.position = position;
        Ok(())
    }

    /// Whether the position is ahead of what is stored.
    pub fn is_unsaved(&self) -> bool {
        self.saved != self.position
    }

    /// Stores the position.
    pub fn save(&mut self, sql: &dyn Sql) -> Result<(), SqlError> {
        if let Some(position) = self.position.filter(|_| self.is_unsaved()) {
            store::save_position(sql, position)?;
            self.saved = Some(position);
        }
        Ok(())
    }

    /// Handles nothing from now on. A pause that is there already stays as it is.
    pub fn pause(&mut self, turn: &mut Turn<'_>, reason: String) -> Result<(), SqlError> {
        self.save(turn.sql)?;
        if self.paused.is_none() {
            let halt = Halt { since: turn.now, reason };
            store::save_pause(turn.sql, Some(&halt))?;
            self.paused = Some(halt);
        }
        self.forget();
        Ok(())
    }

    /// Goes on after a pause or a stop, from `position` if that is given.
    pub fn resume(&mut self, turn: &mut Turn<'_>, position: Option<u64>) -> Result<(), SqlError> {
        store::save_pause(turn.sql, None)?;
        store::save_stop(turn.sql, None, false)?;
        if let Some(position) = position {
            if self.projecting.is_some() {
                self.move_to(turn, position)?;
            } else {
                store::save_position(turn.sql, position)?;
                (self.position, self.saved) = (Some(position), Some(position));
            }
        }
        (self.paused, self.stopped) = (None, None);
        (self.failures, self.refusals, self.one_by_one_until) = (0, 0, 0);
        self.lose_place();
        Ok(())
    }

    /// Writes a line about this consumer.
    pub fn log(&self, turn: &mut Turn<'_>, level: &'static str, fact: &'static str, what: String) {
        let (name, partition) = (self.subscription.name(), self.partition);
        let place = self.position.map_or(String::new(), |position| format!(" at position {position}"));
        let detail = format!("{name}:{partition}{place}: {what}");
        let detail = detail.trim_end_matches(": ").to_owned();
        turn.push(Effect::Log(LogLine {
            level,
            fact,
            merchant_id: String::new(),
            order_id: String::new(),
            detail,
        }));
    }
}
