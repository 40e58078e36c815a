//! A consumer: reads one partition of the events and turns them into effects elsewhere, each exactly once.
//!
//! This one reads a shard's log, in embedded mode; [`crate::subscriber`] reads a topic. What both do with the records is
//! [`handling`]. It is woken by the shard whose outbox is its partition. Once started it reads on from its position; then it is
//! passive: when a batch fails, it answers its wake with the position it has, and its source wakes it again after a pause.
//!
//! A projection reads pages of the log instead of taking over what comes with the wake: it is woken late, and by then there is
//! more than would be worth handing over.

mod batch;
mod handlers;
pub(crate) mod handling;
mod projecting;
mod replay;
pub(crate) mod store;

use crate::actor::{Actor, CallFault, CallId, Effect, Fault, Input, Token, Turn};
use crate::alarm::Alarm;
use crate::command::{Command, ConsumerCommand, LogCommand, Record, Rejection, Reply, Wake};
use crate::migration;
use crate::outbox::{LogEntry, LogPage};
use crate::schema;
use crate::sql::{Sql, SqlError};
use crate::topology::{Subscription, Target, Topology};
use gyesan_core::problem::Code;
use handling::{Content, Handling, Item, Progress, UNSAVED_MS};

/// Records read at once; of a projection, in a page.
const READ_MAX: u32 = 256;
const PAGE_MAX: u32 = 512;

/// One consumer of one partition.
pub struct Consumer {
    handling: Handling,
    source: Target,
    /// Whether the source has to be asked for what follows the position: after a start, and when records were lost.
    must_ask: bool,
    alarm: Alarm,
    /// The end of the partition, as far as is known.
    end: u64,
    /// The question to the source under way.
    reading: Option<CallId>,
    /// After which position a page of the source is under way.
    reading_page: Option<u64>,
    /// Who has woken us and waits to hear how far we got.
    waiting: Vec<Token>,
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
        let handling = Handling::open(subscription, partition, topology, sql)?;
        Ok(Consumer {
            end: handling.position.unwrap_or(0),
            handling,
            source: subscription.source(partition),
            must_ask: true,
            alarm: Alarm::default(),
            reading: None,
            reading_page: None,
            waiting: Vec::new(),
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
                turn.reply(token, Reply::Position(self.handling.place()));
                Ok(())
            }
            Command::Poke => {
                turn.reply(token, Reply::Done);
                self.handling.save(turn.sql)?;
                self.go_on(turn)?;
                if !self.handling.is_halted() {
                    self.handling.doubt(turn);
                }
                Ok(())
            }
            Command::Consumer(order) => self.order(turn, token, order),
            Command::Order(_)
            | Command::Ledger(_)
            | Command::Log(_)
            | Command::Idempotency(_)
            | Command::Appended { .. }
            | Command::RelayStatus
            | Command::Relay(_) => {
                Err(Rejection::with(Code::Internal, "not a command for a consumer").into())
            }
        }
    }

    /// Does what an operator orders.
    fn order(&mut self, turn: &mut Turn<'_>, token: Token, order: ConsumerCommand) -> Result<(), Fault> {
        match order {
            ConsumerCommand::Pause { reason } => {
                self.handling.pause(turn, reason)?;
                self.read_anew();
                turn.reply(token, Reply::Position(self.handling.place()));
                self.answer_waiting(turn);
                Ok(())
            }
            ConsumerCommand::Resume { position: Some(_) } => {
                let why =
                    "a shard's log is read from where it was left; a position can be given for a topic only";
                Err(Rejection::with(Code::InvalidValue, why).into())
            }
            ConsumerCommand::Resume { position: None } => {
                if self.handling.is_halted() {
                    self.handling.resume(turn, None)?;
                    self.read_anew();
                }
                turn.reply(token, Reply::Position(self.handling.place()));
                self.go_on(turn)
            }
            ConsumerCommand::Rebuild => {
                self.handling.begin_anew(turn)?;
                self.read_anew();
                turn.reply(token, Reply::Position(self.handling.place()));
                self.go_on(turn)
            }
            ConsumerCommand::DeadLetters => {
                turn.reply(token, Reply::DeadLetters(store::dead_letters(turn.sql)?));
                Ok(())
            }
            ConsumerCommand::Replay { position } => {
                let unread =
                    |value| Some(Content::Undecodable { value, reason: "the record is no event".to_owned() });
                self.handling.replay(turn, token, position, unread)
            }
        }
    }

    /// Takes over handed records that follow on what we have; what does not follow is read later.
    fn take(&mut self, wake: Wake) {
        self.end = self.end.max(wake.end);
        if self.handling.is_halted() || self.handling.subscription.is_projection() {
            return;
        }
        for Record { seq, event, .. } in wake.records {
            let last = self.handling.last_place().or(self.handling.position).unwrap_or(0);
            if seq == last.saturating_add(1) {
                let content = Content::Event(Box::new(event));
                self.handling.push(Item { place: seq, after: seq, content, record: None });
            }
        }
    }

    /// Starts on the next batch, or reads, or answers whoever waits when there is nothing left.
    fn go_on(&mut self, turn: &mut Turn<'_>) -> Result<(), Fault> {
        if self.handling.is_halted() {
            self.answer_waiting(turn);
            return Ok(());
        }
        if !self.handling.locate(turn) || self.reading.is_some() || self.reading_page.is_some() {
            return Ok(());
        }
        if !self.handling.go_on(turn)? {
            return Ok(());
        }
        let position = self.handling.position.unwrap_or(0);
        if position >= self.end && !self.must_ask {
            self.answer_waiting(turn);
            return Ok(());
        }
        if self.handling.subscription.is_projection() {
            turn.push(Effect::ReadLog { source: self.source, after: position, limit: PAGE_MAX });
            self.reading_page = Some(position);
            return Ok(());
        }
        let id = self.handling.call_id();
        let read = LogCommand::Read { after: position, limit: READ_MAX };
        turn.push(Effect::Call { id: Some(id), target: self.source, command: Command::Log(read) });
        self.reading = Some(id);
        Ok(())
    }

    fn answered(
        &mut self,
        turn: &mut Turn<'_>,
        id: CallId,
        result: Result<Reply, CallFault>,
    ) -> Result<(), Fault> {
        if self.reading == Some(id) {
            self.reading = None;
            let Ok(Reply::Records { records, end }) = result else {
                self.answer_waiting(turn);
                return Ok(());
            };
            self.must_ask = false;
            self.take(Wake { records, end });
            if self.handling.is_busy() {
                return self.go_on(turn);
            }
            self.answer_waiting(turn);
            return Ok(());
        }
        let progress = self.handling.answered(turn, id, result)?;
        self.proceed(turn, progress)
    }

    fn proceed(&mut self, turn: &mut Turn<'_>, progress: Progress) -> Result<(), Fault> {
        match progress {
            Progress::Waiting => Ok(()),
            Progress::Done => self.go_on(turn),
            Progress::Moved => {
                self.read_anew();
                self.go_on(turn)
            }
            Progress::Failed => {
                // Its source may believe that nothing is left to be read, after a rebuild.
                self.must_ask |= self.handling.subscription.is_projection();
                self.answer_waiting(turn);
                Ok(())
            }
        }
    }

    /// Takes a page of the log, if it is the one that was asked for last.
    fn take_page(&mut self, turn: &mut Turn<'_>, after: u64, page: Option<LogPage>) -> Result<(), Fault> {
        if self.reading_page != Some(after) {
            return Ok(());
        }
        let Some(page) = page else {
            self.read_anew();
            self.answer_waiting(turn);
            return Ok(());
        };
        self.reading_page = None;
        let mut count = 0;
        for LogEntry { seq, value, .. } in page.entries() {
            if count == 0 && seq > after.saturating_add(1) {
                // What was published through Kafka is not kept for ever.
                let what = format!("the log begins at {seq}: what was before is not in the read model");
                self.handling.log(turn, "warn", "projection.beginning-missing", what);
            }
            count += 1;
            self.end = self.end.max(seq);
            let content = match schema::decode(&value) {
                Ok(event) => Content::Event(Box::new(event)),
                Err(error) => Content::Undecodable { value, reason: error.to_string() },
            };
            self.handling.push(Item { place: seq, after: seq, content, record: None });
        }
        self.must_ask = count >= PAGE_MAX;
        if self.handling.is_busy() {
            return self.go_on(turn);
        }
        self.answer_waiting(turn);
        Ok(())
    }

    /// What was read and not handled is forgotten: it is asked for again, from the position.
    fn read_anew(&mut self) {
        self.reading = None;
        self.reading_page = None;
        self.must_ask = true;
    }

    fn answer_waiting(&mut self, turn: &mut Turn<'_>) {
        for token in std::mem::take(&mut self.waiting) {
            turn.reply(token, Reply::Position(self.handling.place()));
        }
    }
}

impl Consumer {
    fn apply(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), Fault> {
        match input {
            Input::Command { token, command, .. } => self.command(turn, token, command),
            Input::CallAnswered { id, result } => self.answered(turn, id, result),
            Input::QueryAnswered { id, result } => {
                let progress = self.handling.queried(turn, id, result)?;
                self.proceed(turn, progress)
            }
            Input::LogRead { after, page, .. } => self.take_page(turn, after, page),
            Input::Alarm => {
                self.alarm.went_off();
                self.handling.save(turn.sql)?;
                self.go_on(turn)
            }
            Input::PspAnswered { .. }
            | Input::Due(_)
            | Input::Socket(_)
            | Input::Tick
            | Input::HttpAnswered { .. } => Ok(()),
        }
    }
}

impl Actor for Consumer {
    fn handle(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), Fault> {
        let mark = self.handling.mark();
        let result = self.apply(turn, input);
        if matches!(result, Err(Fault::Storage(_))) {
            // The records are forgotten: they are asked for again.
            self.handling.go_back(mark);
            self.read_anew();
        }
        result
    }

    fn finish(&mut self, turn: &mut Turn<'_>) -> Result<(), Fault> {
        let must_ask = (self.must_ask || !self.handling.is_located()) && !self.handling.is_halted();
        let unsettled = must_ask || self.handling.is_unsaved();
        // Nobody but the alarm makes a projection try again.
        let pause_ms = match self.handling.subscription.is_projection() {
            true => self.handling.pause_ms().max(UNSAVED_MS),
            false => UNSAVED_MS,
        };
        self.alarm.wish(turn, unsettled.then(|| turn.now.plus_ms(pause_ms)));
        Ok(())
    }
}
