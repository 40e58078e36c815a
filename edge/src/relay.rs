//! The relay: publishes the logs of its shards to Kafka, each record exactly once and in order per key; and in the same way what
//! the topics' consumers have put aside, to the topics of dead letters.
//!
//! It reads the logs ahead and *freezes* what it has read: which records make which batch is stored, together with how far it has read, and
//! only when that is on disk does it give the batches to the publisher ([`gyesan_kafka::relay`]), which sends them until they are
//! acknowledged. A crash before the commit leaves the records to be read again; one after it leaves the batches, which are
//! looked for in the topic, made again from the log's rows, which nobody edits, and sent again.
//! Nothing it knows in memory alone is needed: after a start it asks every log where it ends.
//!
//! The database is never behind what was sent, because sockets are effects; and never ahead of what the publisher knows, because a
//! turn that could not be stored makes the relay start over from the database.

mod again;
mod freeze;
mod operate;
mod rebuild;
mod republications;
mod source;
mod store;

use crate::actor::{Actor, Effect, Fault, Input, Link, LogLine, SocketNews, SocketOrder, Turn};
use crate::alarm::Alarm;
use crate::command::{Command, Rejection, RelayCommand, Reply};
use crate::config::Kafka;
use crate::migration;
use crate::registrar::Registrar;
use crate::sql::{Sql, SqlError};
use crate::steady_clock::SteadyClock;
use crate::throttle::Throttle;
use crate::topology::{Subscription, Target, Topology};
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;
use gyesan_kafka::relay::{self as protocol, Output, Publisher, Settings, StopReason};
use gyesan_kafka::{Millis, TopicPartition};
use source::Source;
use std::collections::{BTreeMap, BTreeSet};
use store::Origin;

/// How long after the last sign of work the alarm goes off, in milliseconds: the net for a process that ended.
const NET_MS: i64 = 10_000;

/// How long it may stay unsaved that a batch is acknowledged, in milliseconds.
const UNSAVED_MS: i64 = 1_000;
/// Connections that one publisher opens, at most.
const LINKS_MAX: Link = 1 << 32;

/// One relay.
pub struct Relay {
    index: u32,
    topology: Topology,
    settings: Settings,
    publisher: Publisher,
    /// What the publisher wants stored or told, in order, until this turn ends.
    outputs: Vec<Output>,
    sources: BTreeMap<Target, Source>,
    open: BTreeMap<(TopicPartition, i32), Origin>,
    /// Acknowledged, and not yet stored to be.
    acknowledged: Vec<(TopicPartition, i32, i64)>,
    /// When that is to be stored at the latest.
    unsaved_until: Option<Timestamp>,
    stopped: BTreeMap<TopicPartition, StopReason>,
    /// Sockets that are open or opening.
    links: BTreeSet<Link>,
    /// What this publisher's numbers of connections are moved by, so that no two publishers share one.
    link_base: Link,
    registrar: Registrar,
    /// The publisher's clock, which never goes back, and its time in this turn.
    clock: SteadyClock,
    steady: Millis,
    alarm: Alarm,
    /// The tick that has been asked for.
    tick: Option<Timestamp>,
    throttle: Throttle,
    started: bool,
    /// Which process of this relay's store it is.
    process: u64,
    /// Whether another process has opened the store: it is that one's, and this one does nothing more.
    superseded: bool,
    /// Whether the last turn could not be stored: what is in memory is not to be trusted.
    broken: bool,
}

impl Relay {
    /// The relay as stored.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn open(
        index: u32,
        topology: Topology,
        kafka: &Kafka,
        sql: &dyn Sql,
        now: Timestamp,
    ) -> Result<Relay, SqlError> {
        migration::apply(sql, migration::RELAY)?;
        let contents = store::read(sql)?;
        // Those of dead letters are looked for when there are some.
        let has = |topic: &str| contents.publisher.topics.iter().any(|stored| stored.topic == topic);
        let letters = Subscription::ALL.map(Subscription::dead_letter_topic).into_iter().filter(|t| has(t));
        let topics = Subscription::ALL.map(Subscription::topic).into_iter().chain(letters);
        let mut settings = Settings::new(kafka.brokers.clone(), topics.map(str::to_owned).collect());
        settings.connection.client_id = Target::Relay(index).name();
        settings.connection.credentials = kafka.credentials.clone();
        let source = |whose| (whose, Source::new(whose, &contents));
        Ok(Relay {
            index,
            topology,
            sources: topology.sources_of(index).map(source).collect(),
            publisher: Publisher::new(millis(now), settings.clone(), contents.publisher),
            settings,
            outputs: Vec::new(),
            open: contents.open,
            acknowledged: Vec::new(),
            unsaved_until: None,
            stopped: BTreeMap::new(),
            links: BTreeSet::new(),
            link_base: 0,
            registrar: Registrar::open(sql, kafka.schema_registry.clone())?,
            clock: SteadyClock::new(now),
            steady: millis(now),
            alarm: Alarm::default(),
            tick: None,
            throttle: Throttle::default(),
            started: false,
            process: store::begin_process(sql)?,
            superseded: false,
            broken: false,
        })
    }

    /// Starts over from the database, on new connections.
    fn reopen(&mut self, turn: &mut Turn<'_>) -> Result<(), SqlError> {
        let contents = store::read(turn.sql)?;
        for link in std::mem::take(&mut self.links) {
            turn.push(Effect::Socket(SocketOrder::Close(link)));
        }
        self.link_base = self.link_base.saturating_add(LINKS_MAX);
        for (whose, source) in &mut self.sources {
            *source = Source::new(*whose, &contents);
        }
        self.publisher = Publisher::new(self.steady, self.settings.clone(), contents.publisher);
        self.outputs.clear();
        self.acknowledged.clear();
        self.stopped.clear();
        self.unsaved_until = None;
        self.open = contents.open;
        self.broken = false;
        self.tell(protocol::Input::Tick);
        Ok(())
    }

    fn tell(&mut self, input: protocol::Input) {
        let outputs = self.publisher.handle(self.steady, input);
        self.outputs.extend(outputs);
    }

    fn command(&mut self, turn: &mut Turn<'_>, command: Command) -> Result<Reply, Fault> {
        match command {
            Command::Appended { source, end, page } => match self.sources.get_mut(&source) {
                Some(source) => {
                    source.appended(end, page.as_ref());
                    // The shard will not say it again, also if this turn cannot be stored.
                    self.alarm.wish(turn, Some(turn.now.plus_ms(NET_MS)));
                    Ok(Reply::Done)
                }
                None => Err(Rejection::with(Code::Internal, "not a log of this relay").into()),
            },
            Command::RelayStatus => Ok(Reply::Relay(self.status(turn.sql)?)),
            Command::Poke => {
                self.sources.values_mut().for_each(Source::doubt);
                Ok(Reply::Done)
            }
            Command::Relay(RelayCommand::Resume { what, accept_loss }) => {
                self.resume(turn, &what, accept_loss)
            }
            Command::Relay(RelayCommand::Republish { id, source, first, last, kept }) => {
                self.republish(turn, &id, source, (first, last), kept)
            }
            _ => Err(Rejection::with(Code::Internal, "not a command for a relay").into()),
        }
    }

    fn socket(&mut self, news: SocketNews) {
        let socket = news.link();
        let Some(link) = socket.checked_sub(self.link_base) else { return };
        if matches!(news, SocketNews::Closed(_)) {
            self.links.remove(&socket);
        }
        self.tell(protocol::Input::Socket(news.renumbered(link)));
    }

    /// Stores, tells and does what the publisher has said, until it says no more.
    fn carry_out(&mut self, turn: &mut Turn<'_>) -> Result<(), SqlError> {
        while !self.outputs.is_empty() {
            self.carry_out_once(turn)?;
        }
        Ok(())
    }

    fn carry_out_once(&mut self, turn: &mut Turn<'_>) -> Result<(), SqlError> {
        for output in std::mem::take(&mut self.outputs) {
            match output {
                Output::Socket(order) => {
                    let socket = self.link_base.saturating_add(order.link());
                    match order {
                        SocketOrder::Open(..) => _ = self.links.insert(socket),
                        SocketOrder::Send(..) => {}
                        SocketOrder::Close(_) => _ = self.links.remove(&socket),
                    }
                    turn.push(Effect::Socket(order.renumbered(socket)));
                }
                Output::ProducerAssigned(producer) => store::assign_producer(turn.sql, producer)?,
                Output::TopicSeen(topic) => store::see_topic(turn.sql, &topic)?,
                Output::Located { place, producer, scan_from } => {
                    // In their order: what was acknowledged before names an older offset.
                    self.save_acknowledged(turn)?;
                    store::locate(turn.sql, &place, producer, scan_from)?;
                }
                Output::Acknowledged { place, base_sequence, scan_from, repeat } => {
                    self.unsaved_until.get_or_insert(turn.now.plus_ms(UNSAVED_MS));
                    self.acknowledged.push((place.clone(), base_sequence, scan_from));
                    if repeat {
                        let detail = format!("{place}: batch {base_sequence} was in the log already");
                        turn.push(self.line("info", "relay.found", detail));
                    }
                    if let Some(origin) = self.open.remove(&(place.clone(), base_sequence))
                        && let Some(source) = self.sources.get_mut(&origin.source)
                    {
                        source.needs_no_more(&place, base_sequence);
                    }
                }
                Output::MovedOn { place, producer, next_sequence, scan_from, renamed } => {
                    self.save_acknowledged(turn)?;
                    store::move_on(turn.sql, &place, producer, next_sequence, scan_from, &renamed)?;
                    self.move_on(turn, &place, producer, scan_from, &renamed);
                }
                Output::Stopped { place, reason } => {
                    turn.push(self.line("error", "alert.relay-stopped", format!("{place}: {reason}")));
                    self.stopped.insert(place, reason);
                }
                Output::Postponed { place, error } => {
                    let detail = format!("{place}: {error}; what is committed waits here");
                    self.complain(turn, "relay.postponed", detail);
                }
                Output::TopicUnavailable { topic, error } => {
                    let is_it = |subscription: &Subscription| subscription.dead_letter_topic() == topic;
                    let detail = match Subscription::ALL.iter().any(is_it) {
                        true => format!("{topic}: {error}. Dead letters wait until it can be written"),
                        false => format!("{topic}: {error}"),
                    };
                    self.complain(turn, "relay.topic-unavailable", detail);
                }
                Output::Durability { topic, replicas, min_in_sync_replicas } => {
                    let safe = replicas >= 3 && min_in_sync_replicas.is_none_or(|count| count >= 2);
                    if !safe {
                        let minimum = min_in_sync_replicas.map_or("unknown".to_owned(), |n| n.to_string());
                        turn.push(self.line(
                            "warn",
                            "relay.durability",
                            format!(
                                "{topic} has {replicas} replica(s) and min.insync.replicas {minimum}: what is \
                                 acknowledged can be lost with a broker; 3 and 2 are safe"
                            ),
                        ));
                    }
                }
                Output::LinkBroken { address, fault, times } => {
                    let name = format!("relay.link-broken {address}");
                    if self.throttle.allows(&name, turn.now) {
                        let detail = format!("{address}: {fault} (time {times} in a row)");
                        turn.push(self.line("warn", "relay.link-broken", detail));
                    }
                }
            }
        }
        Ok(())
    }

    /// Stores which batches are acknowledged. Until then a restart finds them in Kafka's log, so this waits for a commit that comes
    /// anyway, or a second.
    fn save_acknowledged(&mut self, turn: &mut Turn<'_>) -> Result<(), SqlError> {
        for (place, base_sequence, scan_from) in self.acknowledged.drain(..) {
            store::acknowledge(turn.sql, &place, base_sequence, scan_from)?;
        }
        self.unsaved_until = None;
        Ok(())
    }

    /// Asks for what is missing, and when to be called again.
    fn look_ahead(&mut self, turn: &mut Turn<'_>) {
        let mut wishes: Vec<Timestamp> = Vec::new();
        for (shard, source) in &mut self.sources {
            if let Some((after, limit)) = source.wants_page(turn.now) {
                turn.push(Effect::ReadLog { source: *shard, after, limit });
            }
            wishes.extend(source.retry_at());
        }
        if let Some(question) = self.registrar.ask(turn.now) {
            turn.push(question);
        }
        wishes.extend(self.registrar.retry_at());
        wishes.extend(self.unsaved_until);
        wishes.extend(self.publisher.deadline().map(|at| self.clock.wall(at)));
        let wish = wishes.into_iter().min();
        if wish.is_some() && wish != self.tick {
            self.tick = wish;
            turn.push(Effect::Tick(wish.unwrap_or(turn.now)));
        }
        let done = self.open.is_empty() && self.sources.values().all(Source::is_done);
        self.alarm.wish(turn, (!done).then(|| turn.now.plus_ms(NET_MS)));
    }

    /// Another process has this relay's store: two writers under one producer id would lose records without an error.
    fn give_way(&mut self, turn: &mut Turn<'_>) {
        if !std::mem::replace(&mut self.superseded, true) {
            let detail = "another process has taken over this relay's store; this one does nothing more";
            turn.push(self.line("error", "relay.superseded", detail.to_owned()));
        }
        self.outputs.clear();
        for socket in std::mem::take(&mut self.links) {
            turn.push(Effect::Socket(SocketOrder::Close(socket)));
        }
    }

    /// A line of the log that repeats while something is wrong: once a minute.
    fn complain(&mut self, turn: &mut Turn<'_>, fact: &'static str, detail: String) {
        if self.throttle.allows(&format!("{fact} {detail}"), turn.now) {
            turn.push(self.line("error", fact, detail));
        }
    }

    fn line(&self, level: &'static str, fact: &'static str, detail: String) -> Effect {
        let detail = format!("{}: {detail}", Target::Relay(self.index).name());
        Effect::Log(LogLine { level, fact, merchant_id: String::new(), order_id: String::new(), detail })
    }
}

fn millis(at: Timestamp) -> Millis {
    Millis::try_from(at.0).unwrap_or(0)
}

impl Actor for Relay {
    fn handle(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), Fault> {
        self.steady = self.clock.read(turn.now);
        match input {
            Input::Command { .. } if self.superseded => {
                return Err(
                    Rejection::with(Code::ServiceUnavailable, "another process has this store").into()
                );
            }
            Input::Command { token, command, .. } => {
                let reply = self.command(turn, command)?;
                turn.reply(token, reply);
            }
            Input::Alarm => {
                self.alarm.went_off();
                if self.broken {
                    self.alarm.wish(turn, Some(turn.now.plus_ms(NET_MS)));
                }
                self.tell(protocol::Input::Tick);
                // Nobody else wakes those who read topics after all processes have ended.
                if !std::mem::replace(&mut self.started, true) && self.index == 0 {
                    for target in self.topology.consumers() {
                        turn.push(Effect::Call { id: None, target, command: Command::Poke });
                    }
                }
            }
            Input::Tick => {
                self.tick = None;
                self.tell(protocol::Input::Tick);
            }
            Input::Socket(news) => self.socket(news),
            Input::LogRead { source, page, .. } => {
                if let Some(source) = self.sources.get_mut(&source) {
                    source.take(page, turn.now);
                }
            }
            Input::HttpAnswered { id, answer } => {
                if let Some(notice) = self.registrar.answered(turn.sql, id, answer, turn.now)? {
                    turn.push(self.line(notice.level, notice.fact, notice.detail));
                }
            }
            Input::CallAnswered { .. }
            | Input::PspAnswered { .. }
            | Input::Due(_)
            | Input::QueryAnswered { .. } => {}
        }
        Ok(())
    }

    fn finish(&mut self, turn: &mut Turn<'_>) -> Result<(), Fault> {
        if self.superseded || !store::is_latest(turn.sql, self.process)? {
            self.give_way(turn);
            return Ok(());
        }
        if self.broken {
            self.reopen(turn)?;
        }
        // From here on memory and database part ways until all is stored; an error leaves this set.
        self.broken = true;
        self.carry_out(turn)?;
        let is_over = |at: Timestamp| turn.now >= at || at.ms_since(turn.now) > UNSAVED_MS;
        let mut commits = self.unsaved_until.is_some_and(is_over);
        self.rebuild(turn)?;
        while self.freeze(turn)? {
            self.carry_out(turn)?;
            commits = true;
        }
        self.end_failed_republications(turn)?;
        self.tell_stopped_sources(turn);
        // A topic may have become of interest.
        self.carry_out(turn)?;
        if commits {
            self.save_acknowledged(turn)?;
        }
        self.broken = false;
        self.look_ahead(turn);
        Ok(())
    }
}
