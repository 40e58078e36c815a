//! A consumer of one partition of a topic, in Kafka mode.
//!
//! What it does with the records is the consumer's ([`crate::consumer`]); here is where they come from: a
//! [`Reader`] on sockets of its own, which reads on from the stored position. The reader lives until something fails: then it is
//! given up with all its connections, and after a pause a new one reads from the position again. Nobody wakes this actor, so its
//! alarm is always set.
//!
//! Nothing is ever reset: where going on would be guessing it stops, says so, and waits for an operator.

mod decoding;
mod letters;
mod links;
mod operate;

use crate::actor::{Actor, Effect, Fault, Input, Token, Turn};
use crate::alarm::Alarm;
use crate::command::{Command, ConsumerPosition, Halt, Rejection, Reply};
use crate::config::Kafka;
use crate::consumer::handling::{Handling, Progress, UNSAVED_MS};
use crate::consumer::store;
use crate::migration;
use crate::registrar::Registrar;
use crate::sql::{Sql, SqlError};
use crate::steady_clock::SteadyClock;
use crate::throttle::Throttle;
use crate::topology::{Subscription, Target, Topology};
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;
use gyesan_kafka::TopicPartition;
use gyesan_kafka::batch::Stored;
use gyesan_kafka::connection;
use gyesan_kafka::reader::{self, Output, Reader, Settings, StopReason};
use gyesan_kafka::relay::StoredTopic;
use letters::Letters;
use links::Links;
use std::collections::VecDeque;

/// The alarm is set so far ahead: the net for a process that has ended, in milliseconds.
const NET_MS: i64 = 30_000;
/// How long a broker may hold a Fetch while there is nothing new, in milliseconds.
const FETCH_WAIT_MS: i32 = 500;
/// Bytes of records fetched at once, unless a single batch is larger.
const FETCH_BYTES_MAX: i32 = 1 << 20;
/// While it is paused it looks at the topic's end so often, in milliseconds, so that operators see what waits. No pause is longer.
const PAUSED_LOOK_MS: i64 = 10_000;
/// A projection that has read everything rests so long before it reads again, in milliseconds: so it takes many records at
/// once, and not a transaction for each.
const LINGER_MS: i64 = 250;

/// A consumer of one partition of a topic.
pub struct Subscriber {
    handling: Handling,
    settings: Settings,
    /// How many partitions the topic must have.
    partitions: u32,
    topic: Option<StoredTopic>,
    /// Whether only an operator can say where to go on after a stop; as stored.
    position_in_doubt: bool,
    registrar: Registrar,
    reader: Option<Reader>,
    /// When the next reader is started, while there is none.
    not_before: Timestamp,
    /// The position behind the records that are being handled.
    fetched_until: Option<u64>,
    /// Everything is handled, and the reader hears of it then.
    rests_until: Option<Timestamp>,
    /// The topic's high watermark, as last seen.
    end: u64,
    /// When it was seen, by this process.
    end_seen_at: Option<Timestamp>,
    letters: Letters,
    links: Links,
    clock: SteadyClock,
    alarm: Alarm,
    /// The tick that has been asked for.
    tick: Option<Timestamp>,
    throttle: Throttle,
}

impl Subscriber {
    /// The consumer as stored.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn open(
        subscription: Subscription,
        partition: u32,
        topology: Topology,
        kafka: &Kafka,
        sql: &dyn Sql,
        now: Timestamp,
    ) -> Result<Subscriber, SqlError> {
        migration::apply(sql, migration::CONSUMER)?;
        let stored = store::load(sql)?;
        let handling = Handling::open(subscription, partition, topology, sql)?;
        let name = subscription.group();
        Ok(Subscriber {
            settings: Settings {
                connection: connection::Settings {
                    client_id: name.clone(),
                    credentials: kafka.credentials.clone(),
                    ..connection::Settings::default()
                },
                bootstrap: kafka.brokers.clone(),
                place: TopicPartition {
                    topic: subscription.topic().to_owned(),
                    partition: i32::try_from(partition).unwrap_or(i32::MAX),
                },
                group: Some(name),
                max_wait_ms: FETCH_WAIT_MS,
                max_bytes: FETCH_BYTES_MAX,
            },
            partitions: topology.partitions(subscription),
            topic: stored.topic,
            position_in_doubt: stored.position_in_doubt,
            registrar: Registrar::open(sql, kafka.schema_registry.clone())?,
            reader: None,
            not_before: now,
            fetched_until: None,
            rests_until: None,
            end: handling.position.unwrap_or(0),
            end_seen_at: None,
            letters: Letters::open(Target::Subscriber(subscription, partition), topology, sql)?,
            links: Links::default(),
            clock: SteadyClock::new(now),
            alarm: Alarm::default(),
            tick: None,
            throttle: Throttle::default(),
            handling,
        })
    }

    fn apply(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), Fault> {
        match input {
            Input::Command { token, command, .. } => self.command(turn, token, command),
            Input::CallAnswered { id, result } => {
                if self.letters.answered(id, &result, turn.now) {
                    return Ok(());
                }
                let progress = self.handling.answered(turn, id, result)?;
                self.proceed(turn, progress)
            }
            Input::QueryAnswered { id, result } => {
                let progress = self.handling.queried(turn, id, result)?;
                self.proceed(turn, progress)
            }
            Input::Socket(news) => {
                if let Some(news) = self.links.hear(news, turn.now) {
                    self.read(turn, news)?;
                }
                Ok(())
            }
            Input::Alarm => {
                self.alarm.went_off();
                self.look_after(turn)
            }
            Input::Tick => {
                self.tick = None;
                self.look_after(turn)
            }
            Input::HttpAnswered { id, answer } => {
                if let Some(notice) = self.registrar.answered(turn.sql, id, answer, turn.now)? {
                    self.handling.log(turn, notice.level, notice.fact, notice.detail);
                }
                self.look_after(turn)
            }
            Input::PspAnswered { .. } | Input::Due(_) | Input::LogRead { .. } => Ok(()),
        }
    }

    fn proceed(&mut self, turn: &mut Turn<'_>, progress: Progress) -> Result<(), Fault> {
        match progress {
            Progress::Waiting => Ok(()),
            Progress::Done => Ok(self.go_on(turn)?),
            Progress::Failed => {
                self.give_up(turn.now.plus_ms(self.handling.pause_ms()));
                Ok(())
            }
            Progress::Moved => {
                self.give_up(turn.now);
                self.look_after(turn)
            }
        }
    }

    fn command(&mut self, turn: &mut Turn<'_>, token: Token, command: Command) -> Result<(), Fault> {
        match command {
            Command::Poke => {
                turn.reply(token, Reply::Done);
                self.look_after(turn)?;
                if !self.handling.is_halted() {
                    self.handling.doubt(turn);
                }
                Ok(())
            }
            Command::Position => {
                turn.reply(token, Reply::Position(self.place()));
                Ok(())
            }
            Command::Consumer(order) => self.order(turn, token, order),
            Command::Order(_)
            | Command::Ledger(_)
            | Command::Log(_)
            | Command::Idempotency(_)
            | Command::Wake(_)
            | Command::Appended { .. }
            | Command::RelayStatus
            | Command::Relay(_) => {
                Err(Rejection::with(Code::Internal, "not a command for a consumer of a topic").into())
            }
        }
    }

    fn place(&self) -> ConsumerPosition {
        let place = self.handling.place();
        let end = Some(self.end.max(place.position));
        ConsumerPosition { end, end_seen_at: self.end_seen_at, ..place }
    }

    fn who(&self) -> String {
        format!("{}:{}", self.handling.subscription.name(), self.handling.partition)
    }

    /// Does what is due: stores the position, starts a reader or lets it look at its deadlines.
    fn look_after(&mut self, turn: &mut Turn<'_>) -> Result<(), Fault> {
        self.handling.save(turn.sql)?;
        let is_due = self.reader.is_none() && self.may_read() && self.has_rested(turn.now);
        // Where it is paused, only the end is looked at, and any place does.
        if is_due && (self.handling.paused.is_some() || self.handling.locate(turn)) {
            let mut settings = self.settings.clone();
            if self.handling.paused.is_some() {
                settings.max_bytes = 1;
            }
            let position = self.handling.position.and_then(|position| i64::try_from(position).ok());
            let now = self.clock.read(turn.now);
            self.reader = Some(Reader::new(now, settings, self.topic.clone(), position));
        }
        self.read(turn, reader::Input::Tick)?;
        // A rest that is too long to be one is left over from a clock that was set back.
        let is_over = |until: Timestamp| !(1..=LINGER_MS).contains(&until.ms_since(turn.now));
        if self.rests_until.take_if(|until| is_over(*until)).is_some() {
            self.read(turn, reader::Input::Handled)?;
        }
        Ok(())
    }

    /// Whether the pause is over. One that is too long to be a pause is left over from a clock that was set back.
    fn has_rested(&self, now: Timestamp) -> bool {
        now >= self.not_before || self.not_before.ms_since(now) > PAUSED_LOOK_MS
    }

    fn may_read(&self) -> bool {
        self.handling.stopped.is_none() && self.registrar.is_ready()
    }

    /// Gives the reader an input and does what it says.
    fn read(&mut self, turn: &mut Turn<'_>, input: reader::Input) -> Result<(), SqlError> {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let now = self.clock.read(turn.now);
            let Some(reader) = &mut self.reader else { return Ok(()) };
            for output in reader.handle(now, input) {
                if self.reader.is_none() {
                    return Ok(());
                }
                match output {
                    Output::Socket(order) => self.links.obey(turn, order),
                    Output::TopicSeen(topic) => self.see_topic(turn, topic)?,
                    Output::Records { records, next_offset, high_watermark } => {
                        self.see_end(turn, high_watermark);
                        if self.take(turn, records, next_offset)? {
                            inputs.push_back(reader::Input::Handled);
                        }
                    }
                    Output::End(high_watermark) => self.see_end(turn, high_watermark),
                    Output::Stopped(reason) => {
                        let in_doubt =
                            matches!(reason, StopReason::OutOfRange(_) | StopReason::TopicChanged(_));
                        self.stop(turn, reason.to_string(), in_doubt)?;
                    }
                    Output::TopicUnavailable(error) => {
                        if self.throttle.allows("topic", turn.now) {
                            let what = format!("the topic cannot be read: {error}");
                            self.handling.log(turn, "error", "consumer.topic-unavailable", what);
                        }
                    }
                    Output::LinkBroken { address, fault, .. } => {
                        let who = self.who();
                        self.links.broke(turn, &who, address, &fault);
                    }
                }
            }
        }
        Ok(())
    }

    fn see_end(&mut self, turn: &Turn<'_>, high_watermark: i64) {
        self.end = u64::try_from(high_watermark).unwrap_or(0);
        self.end_seen_at = Some(turn.now);
    }

    /// Takes over what was fetched. True when it is handled already.
    fn take(
        &mut self,
        turn: &mut Turn<'_>,
        records: Vec<Stored>,
        next_offset: i64,
    ) -> Result<bool, SqlError> {
        if self.handling.paused.is_some() {
            // Only its end was wanted.
            self.give_up(turn.now.plus_ms(PAUSED_LOOK_MS));
            return Ok(false);
        }
        self.fetched_until = u64::try_from(next_offset).ok();
        self.tell_of_missing_beginning(turn, &records);
        for stored in records {
            if let Some(item) = decoding::item(self.handling.subscription, &self.registrar, stored) {
                self.handling.push(item);
            }
        }
        self.handle_fetched(turn)
    }

    /// Starts on the next batch. True when all that was fetched is handled.
    fn handle_fetched(&mut self, turn: &mut Turn<'_>) -> Result<bool, SqlError> {
        if !self.handling.go_on(turn)? {
            return Ok(false);
        }
        let Some(position) = self.fetched_until.take() else { return Ok(false) };
        self.handling.reach(turn.sql, Some(position))?;
        if self.handling.subscription.is_projection() && position >= self.end {
            self.rests_until = Some(turn.now.plus_ms(LINGER_MS));
            return Ok(false);
        }
        Ok(true)
    }

    /// A read model of a topic that has deleted its beginning lacks what only that told.
    fn tell_of_missing_beginning(&self, turn: &mut Turn<'_>, records: &[Stored]) {
        let begins_at = records.first().map_or(0, |stored| stored.offset);
        if self.handling.subscription.is_projection() && self.handling.position.is_none() && begins_at > 0 {
            let what =
                format!("the topic begins at offset {begins_at}: what was before is not in the read model");
            self.handling.log(turn, "warn", "projection.beginning-missing", what);
        }
    }

    fn go_on(&mut self, turn: &mut Turn<'_>) -> Result<(), SqlError> {
        match self.handle_fetched(turn)? {
            true => self.read(turn, reader::Input::Handled),
            false => Ok(()),
        }
    }

    /// Stores the topic when it is first seen; it must have as many partitions as there are consumers.
    fn see_topic(&mut self, turn: &mut Turn<'_>, topic: StoredTopic) -> Result<(), SqlError> {
        if topic.partitions != self.partitions {
            let (there, wanted) = (topic.partitions, self.partitions);
            let reason = format!(
                "the topic {} has {there} partitions and the configuration says {wanted}",
                topic.topic
            );
            return self.stop(turn, reason, false);
        }
        store::save_topic(turn.sql, Some(&topic))?;
        self.topic = Some(topic);
        Ok(())
    }

    /// Reads nothing more until an operator has looked.
    fn stop(&mut self, turn: &mut Turn<'_>, reason: String, position_in_doubt: bool) -> Result<(), SqlError> {
        self.handling.save(turn.sql)?;
        let halt = Halt { since: turn.now, reason };
        store::save_stop(turn.sql, Some(&halt), position_in_doubt)?;
        let what = format!(
            "stopped: {}. Nothing is handled until an operator has looked and resumes it",
            halt.reason
        );
        self.handling.log(turn, "error", "alert.consumer-stopped", what);
        self.handling.stopped = Some(halt);
        self.position_in_doubt = position_in_doubt;
        self.give_up(turn.now);
        Ok(())
    }

    /// Gives the reader up, with its connections and the records that are not handled.
    fn give_up(&mut self, not_before: Timestamp) {
        self.reader = None;
        self.links.close_all();
        self.handling.forget();
        self.fetched_until = None;
        self.rests_until = None;
        self.not_before = not_before;
    }

    /// When the next tick is wanted.
    fn wanted_at(&self, now: Timestamp) -> Option<Timestamp> {
        let reader = match &self.reader {
            Some(reader) => reader.deadline().map(|at| self.clock.wall(at)),
            None => (self.may_read() && !self.handling.awaits_place()).then_some(self.not_before),
        };
        let unsaved = self.handling.is_unsaved().then(|| now.plus_ms(UNSAVED_MS));
        let others =
            self.registrar.retry_at().into_iter().chain(self.letters.due_at()).chain(self.rests_until);
        reader.into_iter().chain(unsaved).chain(others).min()
    }
}

impl Actor for Subscriber {
    fn handle(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), Fault> {
        let mark = (self.handling.mark(), self.topic.is_some(), self.position_in_doubt);
        let result = self.apply(turn, input);
        if matches!(result, Err(Fault::Storage(_))) {
            // What the reader has said was taken back with what was written: a new one begins at the position.
            let (handling, knew_topic, position_in_doubt) = mark;
            self.handling.go_back(handling);
            self.topic = self.topic.take().filter(|_| knew_topic);
            self.position_in_doubt = position_in_doubt;
            self.give_up(turn.now.plus_ms(self.handling.pause_ms()));
        }
        result
    }

    fn finish(&mut self, turn: &mut Turn<'_>) -> Result<(), Fault> {
        if self.handling.take_lettered() {
            self.letters.appended();
        }
        self.letters.tell(turn, || self.handling.call_id())?;
        if let Some(question) = self.registrar.ask(turn.now) {
            turn.push(question);
        }
        let who = self.who();
        self.links.tell_of_recovery(turn, &who);
        self.links.order_closing(turn);
        let wanted = self.wanted_at(turn.now);
        // A tick that is wanted at once although none has come is due now.
        if let Some(at) = wanted
            && self.tick.is_none_or(|asked| at < asked || asked <= turn.now)
        {
            self.tick = Some(at);
            turn.push(Effect::Tick(at));
        }
        self.alarm.wish(turn, Some(turn.now.plus_ms(NET_MS)));
        Ok(())
    }
}
