//! The relay's client: the lanes of all partitions over one cluster.
//!
//! The caller freezes, stores, and says so; everything else — finding leaders, sending, reading back, resending — happens
//! here. One publisher per producer id: who owns the store owns the publisher.

mod interface;
mod topics;

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::api::{Answer, Request, init_producer_id, produce};
use crate::backoff::Backoff;
use crate::batch::{Compression, Record};
use crate::cluster::{self, Channel, Cluster, Failure, Target};
use crate::error_code::Class;
use crate::relay::lane::{self, Lane};
use crate::relay::{Frozen, PartitionState, Producer, RebuildRefusal, StoredTopic};

use crate::{Millis, TopicPartition};

pub use interface::{FreezeRefusal, Input, Output, Settings, Stored};

/// Above the broker's own time-out, so that its answer comes first.
const ANSWER_MARGIN_MS: Millis = 2_000;
const QUESTION_TIMEOUT_MS: Millis = 10_000;

#[derive(Debug)]
enum Asked {
    Producer,
    Durability { topic: String, replicas: usize },
    Question(TopicPartition),
    Produce { place: TopicPartition, base_sequence: i32, bytes: usize },
}

/// The lanes of one producer.
#[derive(Debug)]
pub struct Publisher {
    settings: Settings,
    cluster: Cluster,
    producer: Option<Producer>,
    producer_asked: bool,
    producer_not_before: Millis,
    producer_backoff: Backoff,
    topics: BTreeMap<String, StoredTopic>,
    /// Topics that are not what they were, as they are now; a person has to say that this is right.
    changed: BTreeMap<String, StoredTopic>,
    durability_asked: Vec<String>,
    lanes: BTreeMap<TopicPartition, Lane>,
    asked: BTreeMap<u64, Asked>,
    ticket_next: u64,
    in_flight_bytes: usize,
    /// Lane that is served first next time, so that a busy one does not starve the others.
    turn: usize,
    outputs: Vec<Output>,
}

impl Publisher {
    /// Takes up what was stored.
    pub fn new(now: Millis, settings: Settings, stored: Stored) -> Self {
        let mut cluster = Cluster::new(settings.connection.clone(), settings.bootstrap.clone());
        for topic in &settings.topics {
            cluster.watch(now, topic);
        }
        let lanes =
            stored.partitions.into_iter().map(|state| (state.place.clone(), Lane::restore(now, state)));
        Self {
            cluster,
            producer: stored.producer,
            producer_asked: false,
            producer_not_before: 0,
            producer_backoff: Backoff::default(),
            topics: stored.topics.into_iter().map(|topic| (topic.topic.clone(), topic)).collect(),
            changed: BTreeMap::new(),
            durability_asked: Vec::new(),
            lanes: lanes.collect(),
            asked: BTreeMap::new(),
            ticket_next: 0,
            in_flight_bytes: 0,
            turn: 0,
            outputs: Vec::new(),
            settings,
        }
    }

    /// How many partitions a topic has, once it was seen.
    pub fn partitions(&self, topic: &str) -> Option<u32> {
        self.topics.get(topic).map(|topic| topic.partitions)
    }

    /// What is remembered of a partition.
    pub fn partition(&self, place: &TopicPartition) -> Option<&PartitionState> {
        self.lanes.get(place).map(Lane::state)
    }

    /// True when a batch may be frozen for the partition now.
    pub fn has_room(&self, place: &TopicPartition) -> bool {
        self.lanes.get(place).is_some_and(Lane::has_room)
    }

    /// Freezes `records` as the partition's next batch. Store it, with the outbox positions it covers, in one durable
    /// transaction, and then say [`Input::Stored`]. If the transaction fails, this publisher must be dropped and
    /// restored from the store. `now_ms` is the time since 1970 that the records will carry.
    pub fn freeze(
        &mut self,
        now_ms: i64,
        place: &TopicPartition,
        records: &[Record],
        compression: Compression,
    ) -> Result<Frozen, FreezeRefusal> {
        let lane = self.lanes.get_mut(place).ok_or(FreezeRefusal::NotReady)?;
        if lane.is_stopped() {
            return Err(FreezeRefusal::Stopped);
        }
        if lane.state().scan_from.is_none() {
            return Err(FreezeRefusal::NotReady);
        }
        if !lane.has_room() {
            return Err(FreezeRefusal::Full);
        }
        Ok(lane.freeze(now_ms, records, compression)?)
    }

    /// Makes the bytes of a partition's open batch again, after a restart, from the records that it was frozen with. Say
    /// [`Input::Tick`] then. Of a batch that is acknowledged meanwhile nothing happens.
    pub fn rebuild(
        &mut self,
        now_ms: i64,
        place: &TopicPartition,
        base_sequence: i32,
        records: &[Record],
        compression: Compression,
    ) -> Result<(), RebuildRefusal> {
        let Some(lane) = self.lanes.get_mut(place) else { return Ok(()) };
        lane.rebuild(base_sequence, now_ms, records, compression)
    }

    /// Takes one input and says what follows.
    pub fn handle(&mut self, now: Millis, input: Input) -> Vec<Output> {
        let from_cluster = match input {
            Input::Socket(news) => self.cluster.handle(now, cluster::Input::Socket(news)),
            Input::Tick => self.cluster.handle(now, cluster::Input::Tick),
            Input::Watch { topic } => {
                self.cluster.watch(now, &topic);
                if !self.settings.topics.contains(&topic) {
                    self.settings.topics.push(topic);
                }
                self.cluster.handle(now, cluster::Input::Tick)
            }
            Input::Stored { place, base_sequence } => {
                self.tell(now, &place, lane::Input::Stored(base_sequence));
                Vec::new()
            }
            Input::Resume { place, accept_loss } => {
                self.adopt(now, &place.topic);
                self.tell(now, &place, lane::Input::Resume { accept_loss });
                Vec::new()
            }
        };
        self.absorb(now, from_cluster);
        self.want_producer(now);
        self.serve_lanes(now);
        std::mem::take(&mut self.outputs)
    }

    /// When [`Input::Tick`] is due at the latest.
    pub fn deadline(&self) -> Option<Millis> {
        let lanes = self.lanes.values().filter_map(Lane::deadline);
        let waiting_for_producer = self.producer.is_none() && !self.producer_asked;
        let producer = waiting_for_producer.then_some(self.producer_not_before);
        lanes.chain(self.cluster.deadline()).chain(producer).min()
    }

    fn tell(&mut self, now: Millis, place: &TopicPartition, input: lane::Input) {
        if let Some(lane) = self.lanes.get_mut(place) {
            lane.handle(now, input);
        }
    }

    fn ask(&mut self, now: Millis, asked: Asked, target: Target, request: Request, timeout_ms: Millis) {
        let ticket = self.ticket_next;
        self.ticket_next += 1;
        self.asked.insert(ticket, asked);
        let call = cluster::Input::Call { ticket, target, channel: Channel::Prompt, request, timeout_ms };
        let outputs = self.cluster.handle(now, call);
        self.absorb(now, outputs);
    }

    fn absorb(&mut self, now: Millis, outputs: Vec<cluster::Output>) {
        for output in outputs {
            match output {
                cluster::Output::Socket(order) => self.outputs.push(Output::Socket(order)),
                cluster::Output::LinkBroken { address, fault, times } => {
                    self.outputs.push(Output::LinkBroken { address, fault, times });
                }
                cluster::Output::TopicSeen(topic) => self.see_topic(now, &topic),
                cluster::Output::Answered { ticket, answer } => self.take(now, ticket, Ok(answer)),
                cluster::Output::Failed { ticket, failure } => self.take(now, ticket, Err(failure)),
            }
        }
    }

    fn take(&mut self, now: Millis, ticket: u64, outcome: Result<Answer, Failure>) {
        match self.asked.remove(&ticket) {
            Some(Asked::Producer) => self.take_producer(now, outcome),
            Some(Asked::Durability { topic, replicas }) => self.take_durability(topic, replicas, outcome),
            Some(Asked::Question(place)) => self.tell(now, &place, lane::Input::Answered(outcome)),
            Some(Asked::Produce { place, base_sequence, bytes }) => {
                self.in_flight_bytes = self.in_flight_bytes.saturating_sub(bytes);
                self.tell(now, &place, lane::Input::Produced(base_sequence, outcome));
            }
            None => {}
        }
    }

    fn want_producer(&mut self, now: Millis) {
        if self.producer.is_some() || self.producer_asked || now < self.producer_not_before {
            return;
        }
        self.producer_asked = true;
        let request = init_producer_id::Request.into();
        self.ask(now, Asked::Producer, Target::Any, request, QUESTION_TIMEOUT_MS);
    }

    fn take_producer(&mut self, now: Millis, outcome: Result<Answer, Failure>) {
        self.producer_asked = false;
        match outcome {
            Ok(Answer::InitProducerId(answer)) if answer.error.is_ok() => {
                let producer = Producer { producer_id: answer.producer_id, epoch: answer.epoch };
                self.producer = Some(producer);
                self.outputs.push(Output::ProducerAssigned(producer));
                self.make_lanes(now);
            }
            outcome => {
                self.producer_not_before = now + self.producer_backoff.next_ms();
                if let Ok(Answer::InitProducerId(answer)) = outcome
                    && answer.error.class() == Class::Fatal
                {
                    let topic = self.settings.topics.first().cloned().unwrap_or_default();
                    self.outputs.push(Output::TopicUnavailable { topic, error: answer.error });
                }
            }
        }
    }

    /// Carries out what the lanes want and sends what may be sent, until nothing changes any more.
    fn serve_lanes(&mut self, now: Millis) {
        let places: Vec<TopicPartition> = self.lanes.keys().cloned().collect();
        self.turn = self.turn.wrapping_add(1);
        let first = self.turn % places.len().max(1);
        for place in places.iter().cycle().skip(first).take(places.len()) {
            let due = self.lanes.get(place).and_then(Lane::deadline).is_some_and(|at| now >= at);
            if due {
                self.tell(now, place, lane::Input::Tick);
            }
            while self.serve(now, place) {}
        }
    }

    /// One round of one lane; false when there was nothing to do.
    fn serve(&mut self, now: Millis, place: &TopicPartition) -> bool {
        // A batch that is larger than the bound by itself goes when nothing else is under way.
        let bound = self.settings.in_flight_bytes_max;
        let room =
            if self.in_flight_bytes == 0 { usize::MAX } else { bound.saturating_sub(self.in_flight_bytes) };
        let Some(lane) = self.lanes.get_mut(place) else { return false };
        let outputs = lane.take_outputs();
        let batch = lane.next_to_send(now, room);
        let producer = lane.state().producer;
        let busy = !outputs.is_empty() || batch.is_some();
        for output in outputs {
            self.carry_out(now, place, producer, output);
        }
        if let Some((base_sequence, batch)) = batch {
            self.produce(now, place, base_sequence, batch);
        }
        busy
    }

    fn carry_out(&mut self, now: Millis, place: &TopicPartition, producer: Producer, output: lane::Output) {
        let place = place.clone();
        match output {
            lane::Output::Ask(request) => {
                let target = Target::Leader { topic: place.topic.clone(), partition: place.partition };
                self.ask(now, Asked::Question(place), target, request, QUESTION_TIMEOUT_MS);
            }
            lane::Output::Located(scan_from) => {
                self.outputs.push(Output::Located { place, producer, scan_from })
            }
            lane::Output::MovedOn { renamed } => {
                let Some(state) = self.lanes.get(&place).map(Lane::state) else { return };
                let (next_sequence, scan_from) = (state.next_sequence, state.scan_from.unwrap_or(0));
                self.outputs.push(Output::MovedOn { place, producer, next_sequence, scan_from, renamed });
            }
            lane::Output::Acknowledged { base_sequence, scan_from, repeat } => {
                self.outputs.push(Output::Acknowledged { place, base_sequence, scan_from, repeat });
            }
            lane::Output::Postponed(error) => self.outputs.push(Output::Postponed { place, error }),
            lane::Output::Distrust => self.cluster.distrust(now, &place.topic),
            lane::Output::Stopped(reason) => self.outputs.push(Output::Stopped { place, reason }),
        }
    }

    fn produce(&mut self, now: Millis, place: &TopicPartition, base_sequence: i32, batch: Bytes) {
        let bytes = batch.len();
        let timeout_ms = self.settings.produce_timeout_ms;
        let (topic, partition) = (place.topic.clone(), place.partition);
        let target = Target::Leader { topic: topic.clone(), partition };
        let request = produce::Request { topic, partition, timeout_ms, batch }.into();
        let asked = Asked::Produce { place: place.clone(), base_sequence, bytes };
        self.in_flight_bytes += bytes;
        let wait_ms = Millis::try_from(timeout_ms).unwrap_or(0) + ANSWER_MARGIN_MS;
        self.ask(now, asked, target, request, wait_ms);
    }
}
