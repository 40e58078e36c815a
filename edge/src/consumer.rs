//! A consumer: reads one partition of the events and turns them into effects elsewhere, each exactly once.
//!
//! It is woken by the shard whose outbox is its partition. Its effects are calls that carry ids and do nothing when repeated, and
//! its position is stored some time after all of a batch's calls were answered: a crash anywhere repeats calls, never skips
//! one. Once started it reads on from there; then it is passive: when a batch fails, it answers its wake with the position it has, and its source wakes it again after a pause.

mod handlers;

use crate::actor::{Actor, CallFault, CallId, Effect, Fault, Input, LogLine, Token, Turn};
use crate::alarm::Alarm;
use crate::command::{Command, ConsumerPosition, LogCommand, Record, Rejection, Reply, TransferResult, Wake};
use crate::migration;
use crate::params;
use crate::sql::{Sql, SqlError, to_json};
use crate::topology::{Subscription, Target, Topology};
use gyesan_core::problem::Code;
use std::collections::VecDeque;

/// Records handled together, at most.
const BATCH_MAX: usize = 256;
/// Records handled since the position was stored, at most: what a restart repeats in vain.
const UNSAVED_MAX: u64 = 256;
/// How long a position stays unsaved, in milliseconds. Storing it with each batch would be a commit more for each order.
const UNSAVED_MS: i64 = 1_000;

/// One consumer of one partition.
pub struct Consumer {
    subscription: Subscription,
    topology: Topology,
    source: Target,
    /// The last position whose effects are done.
    position: u64,
    /// The position as stored: never ahead of the effects.
    saved: u64,
    /// Whether the source has not been asked since the start for what follows the stored position.
    must_ask: bool,
    alarm: Alarm,
    /// The end of the partition, as far as is known.
    end: u64,
    /// Records put aside so far; as stored.
    dead_letters: u64,
    /// Consecutive records after the position (and after the batch under way).
    ahead: VecDeque<Record>,
    work: Work,
    /// Who has woken us and waits to hear how far we got.
    waiting: Vec<Token>,
    next_call: CallId,
}

/// What a consumer is doing.
enum Work {
    Nothing,
    Reading(CallId),
    Handling(Batch),
}

/// Records whose calls are under way.
struct Batch {
    records: Vec<Record>,
    /// Calls without an answer yet.
    open: Vec<CallId>,
    /// For each call, which record each transfer of it comes from.
    origins: Vec<(CallId, Vec<u64>)>,
    /// Records that cannot be handled, and why.
    refused: Vec<(u64, String)>,
}

impl Consumer {
    /// The consumer as stored.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn open(
        subscription: Subscription,
        partition: u32,
        topology: Topology,
        sql: &dyn Sql,
    ) -> Result<Consumer, SqlError> {
        migration::apply(sql, migration::CONSUMER)?;
        let rows = sql.query("SELECT position FROM position", &[])?;
        let position = rows.first().map_or(Ok(0), |row| row.count(0))?;
        let dead_letters = count_dead_letters(sql)?;
        Ok(Consumer {
            subscription,
            topology,
            source: subscription.source(partition),
            position,
            saved: position,
            must_ask: true,
            alarm: Alarm::default(),
            end: position,
            dead_letters,
            ahead: VecDeque::new(),
            work: Work::Nothing,
            waiting: Vec::new(),
            next_call: 1,
        })
    }

    fn command(&mut self, turn: &mut Turn<'_>, token: Token, command: Command) -> Result<(), Fault> {
        match command {
            Command::Wake(wake) => {
                self.take(wake);
                self.waiting.push(token);
                self.go_on(turn)
            }
            Command::Position => {
                turn.reply(token, Reply::Position(self.place()));
                Ok(())
            }
            Command::Poke => {
                turn.reply(token, Reply::Done);
                self.save(turn.sql)?;
                self.go_on(turn)
            }
            Command::Order(_)
            | Command::Ledger(_)
            | Command::Log(_)
            | Command::Idempotency(_)
            | Command::Appended { .. }
            | Command::Consumer(_)
            | Command::RelayStatus
            | Command::ResumeRelay => {
                Err(Rejection::with(Code::Internal, "not a command for a consumer").into())
            }
        }
    }

    /// Takes over handed records that follow on what we have; what does not follow is read later.
    fn take(&mut self, wake: Wake) {
        self.end = self.end.max(wake.end);
        for record in wake.records {
            if record.seq == self.next_wanted() {
                self.ahead.push_back(record);
            }
        }
    }

    fn next_wanted(&self) -> u64 {
        let under_way = match &self.work {
            Work::Handling(batch) => batch.records.last().map(|record| record.seq),
            Work::Nothing | Work::Reading(_) => None,
        };
        let last = self.ahead.back().map(|record| record.seq).or(under_way);
        last.unwrap_or(self.position).saturating_add(1)
    }

    /// Starts on the next batch, or reads, or answers whoever waits when there is nothing left.
    fn go_on(&mut self, turn: &mut Turn<'_>) -> Result<(), Fault> {
        while matches!(self.work, Work::Nothing) {
            if self.ahead.is_empty() {
                if self.position >= self.end && !self.must_ask {
                    self.answer_waiting(turn);
                    return Ok(());
                }
                let id = self.call_id();
                let read = LogCommand::Read { after: self.position, limit: 256 };
                turn.push(Effect::Call { id: Some(id), target: self.source, command: Command::Log(read) });
                self.work = Work::Reading(id);
                return Ok(());
            }
            let count = self.ahead.len().min(BATCH_MAX);
            let records: Vec<Record> = self.ahead.drain(..count).collect();
            let mut batch = Batch { records, open: Vec::new(), origins: Vec::new(), refused: Vec::new() };
            for call in handlers::calls(self.subscription, self.topology, &batch.records) {
                let id = self.call_id();
                batch.open.push(id);
                batch.origins.push((id, call.origins));
                turn.push(Effect::Call { id: Some(id), target: call.target, command: call.command });
            }
            if batch.open.is_empty() {
                self.complete(turn, &batch)?;
            } else {
                self.work = Work::Handling(batch);
            }
        }
        Ok(())
    }

    /// All effects of the batch are done: its end is our position now.
    fn complete(&mut self, turn: &mut Turn<'_>, batch: &Batch) -> Result<(), SqlError> {
        let position = batch.records.last().map_or(self.position, |record| record.seq);
        for (seq, reason) in &batch.refused {
            let Some(record) = batch.records.iter().find(|record| record.seq == *seq) else { continue };
            turn.sql.query(
                "INSERT OR IGNORE INTO dead_letters (seq, event, reason, created_at) VALUES (?, ?, ?, ?)",
                params![*seq, to_json(&record.event)?, reason.as_str(), turn.now],
            )?;
            turn.push(Effect::Log(LogLine {
                level: "error",
                fact: "alert.dead-letter",
                merchant_id: record.event.merchant_id.0.clone(),
                order_id: record.event.data.topic_and_key().1.to_owned(),
                detail: format!("{} {seq}: {reason}", self.subscription.name()),
            }));
        }
        if !batch.refused.is_empty() {
            self.dead_letters = count_dead_letters(turn.sql)?;
        }
        self.position = position;
        if position.saturating_sub(self.saved) >= UNSAVED_MAX { self.save(turn.sql) } else { Ok(()) }
    }

    fn save(&mut self, sql: &dyn Sql) -> Result<(), SqlError> {
        if self.saved != self.position {
            sql.query("UPDATE position SET position = ?", params![self.position])?;
            self.saved = self.position;
        }
        Ok(())
    }

    fn answered(
        &mut self,
        turn: &mut Turn<'_>,
        id: CallId,
        result: Result<Reply, CallFault>,
    ) -> Result<(), Fault> {
        match std::mem::replace(&mut self.work, Work::Nothing) {
            Work::Reading(reading) if reading == id => match result {
                Ok(Reply::Records { records, end }) => {
                    self.must_ask = false;
                    self.take(Wake { records, end });
                    self.end = self.end.max(end);
                    if !self.ahead.is_empty() {
                        return self.go_on(turn);
                    }
                    self.answer_waiting(turn);
                }
                _ => self.answer_waiting(turn),
            },
            Work::Handling(mut batch) if batch.open.contains(&id) => match result {
                Ok(reply) => {
                    batch.open.retain(|open| *open != id);
                    note_refusals(&mut batch, id, &reply);
                    if !batch.open.is_empty() {
                        self.work = Work::Handling(batch);
                        return Ok(());
                    }
                    self.complete(turn, &batch)?;
                    return self.go_on(turn);
                }
                Err(_) => {
                    // Not known whether it was done: all of the batch again, when the source wakes us next.
                    self.ahead.clear();
                    self.answer_waiting(turn);
                }
            },
            other => self.work = other,
        }
        Ok(())
    }

    fn answer_waiting(&mut self, turn: &mut Turn<'_>) {
        for token in std::mem::take(&mut self.waiting) {
            turn.reply(token, Reply::Position(self.place()));
        }
    }

    fn place(&self) -> ConsumerPosition {
        let (position, dead_letters) = (self.position, self.dead_letters);
        ConsumerPosition { position, dead_letters, end: None, paused: None, stopped: None }
    }

    fn call_id(&mut self) -> CallId {
        let id = self.next_call;
        self.next_call = self.next_call.wrapping_add(1);
        id
    }
}

fn count_dead_letters(sql: &dyn Sql) -> Result<u64, SqlError> {
    let rows = sql.query("SELECT count(*) FROM dead_letters", &[])?;
    rows.first().map_or(Ok(0), |row| row.count(0))
}

/// Transfers that the ledger will never book: their records are put aside, with the reason.
fn note_refusals(batch: &mut Batch, id: CallId, reply: &Reply) {
    let Reply::Applied(results) = reply else { return };
    let Some((_, origins)) = batch.origins.iter().find(|(call, _)| *call == id) else { return };
    for (seq, result) in origins.iter().zip(results) {
        let reason = match result {
            TransferResult::Booked | TransferResult::Exists => continue,
            TransferResult::Differs(field) => format!("booked before with another {field}"),
            TransferResult::Overflow => "the balance would leave its range".to_owned(),
        };
        batch.refused.push((*seq, reason));
    }
}

impl Actor for Consumer {
    fn handle(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), Fault> {
        match input {
            Input::Command { token, command, .. } => self.command(turn, token, command),
            Input::CallAnswered { id, result } => self.answered(turn, id, result),
            Input::Alarm => {
                self.alarm.went_off();
                self.save(turn.sql)?;
                self.go_on(turn)
            }
            Input::PspAnswered { .. }
            | Input::Due(_)
            | Input::Socket(_)
            | Input::Tick
            | Input::LogRead { .. }
            | Input::HttpAnswered { .. } => Ok(()),
        }
    }

    fn finish(&mut self, turn: &mut Turn<'_>) -> Result<(), Fault> {
        let unsettled = self.must_ask || self.saved != self.position;
        self.alarm.wish(turn, unsettled.then(|| turn.now.plus_ms(UNSAVED_MS)));
        Ok(())
    }
}
