//! A relay's world: its store, its outbox, the network and the cluster, on one virtual clock.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use gyesan_kafka::batch::{self, Compression, Record, Stamp};
use gyesan_kafka::relay::{
    Frozen, Input, Output, PartitionState, Producer, Publisher, Settings, StopReason, Stored,
};
use gyesan_kafka::sim::{Chance, Faults, SimCluster, SimNetwork};
use gyesan_kafka::socket::{SocketNews, SocketOrder};
use gyesan_kafka::{Millis, TopicPartition};

pub const TOPIC: &str = "gyesan.orders";
pub const PARTITIONS: i32 = 3;
pub const NODES: i32 = 3;
pub const EVENTS: usize = 200;
const START: Millis = 1_790_000_000_000;
/// Connections that one publisher may open.
const GENERATION: u64 = 1_000_000;
/// Producers expire after this long in the worlds where they do.
const EXPIRY_MS: Millis = 90_000;

/// How often what happens, of 1,000: `crash` per output, the others every 20 ms.
#[derive(Clone, Copy, Default)]
pub struct Chaos {
    pub crash: u64,
    pub broker: u64,
    pub leader: u64,
    pub refusal: u64,
    pub forget: u64,
    pub pause: u64,
    pub expire: u64,
    /// The relay believes after a crash that all it may have sent is not in the log.
    pub blind: bool,
}

pub struct World {
    pub cluster: SimCluster,
    pub repeats: usize,
    pub opened: usize,
    pub unavailable: usize,
    pub postponed: usize,
    /// How often a partition has gone on under another epoch.
    pub moved: usize,
    pub stops: Vec<(TopicPartition, StopReason)>,
    seed: u64,
    now: Millis,
    chance: Chance,
    chaos: Chaos,
    chaos_at: Millis,
    quiet: bool,
    network: SimNetwork,
    publisher: Option<Publisher>,
    /// What survives a crash.
    stored: Stored,
    /// Outbox position behind the last frozen event, survives too.
    positions: BTreeMap<TopicPartition, usize>,
    restart_at: Millis,
    /// Frozen and on the way to the disk, in order, each with the time at which it is there.
    unstored: VecDeque<(Millis, TopicPartition, Frozen, usize)>,
    links: Vec<u64>,
    generation: u64,
    /// Where a partition has moved on: by how much the number of an event is ahead of its sequence.
    ahead: BTreeMap<TopicPartition, usize>,
}

impl World {
    pub fn new(seed: u64, faults: Faults, chaos: Chaos) -> Self {
        let mut cluster = SimCluster::new(NODES);
        cluster.create_topic(TOPIC, PARTITIONS);
        Self {
            cluster,
            repeats: 0,
            opened: 0,
            unavailable: 0,
            postponed: 0,
            moved: 0,
            stops: Vec::new(),
            seed,
            now: START,
            chance: Chance::new(seed),
            chaos,
            chaos_at: START,
            quiet: false,
            network: SimNetwork::new(seed, faults),
            publisher: None,
            stored: Stored::default(),
            positions: BTreeMap::new(),
            restart_at: START,
            unstored: VecDeque::new(),
            links: Vec::new(),
            generation: 0,
            ahead: BTreeMap::new(),
        }
    }

    pub fn run_until_drained(&mut self) {
        let calm_from = self.now + 600_000;
        let end = self.now + 7_200_000;
        while !places().all(|place| self.is_drained(&place)) {
            // The storms end at some time, so that every run has an end.
            if self.now > calm_from && !self.quiet {
                self.be_quiet();
            }
            assert!(self.now < end, "seed {}: not drained after two hours; {:?}", self.seed, self.stops);
            self.step(end);
        }
    }

    pub fn run_for(&mut self, duration: Millis) {
        let end = self.now + duration;
        while self.now < end {
            self.step(end);
        }
    }

    pub fn run_until(&mut self, mut done: impl FnMut(&Self) -> bool) {
        let end = self.now + 600_000;
        while !done(self) {
            assert!(self.now < end, "seed {}: it never came to that", self.seed);
            self.step(end);
        }
    }

    fn be_quiet(&mut self) {
        self.quiet = true;
        self.network.faults = Faults { delay_max_ms: self.network.faults.delay_max_ms, ..Faults::default() };
        for node in 1..=NODES {
            if !self.cluster.is_up(node) {
                self.cluster.set_up(node, true);
            }
        }
    }

    fn step(&mut self, end: Millis) {
        let wake = match &self.publisher {
            Some(publisher) => publisher.deadline(),
            None => Some(self.restart_at),
        };
        let chaos_at = (!self.quiet).then_some(self.chaos_at);
        let stored_at = self.unstored.front().map(|(at, ..)| *at);
        let next = [wake, self.network.next_at(), chaos_at, stored_at, Some(end)]
            .into_iter()
            .flatten()
            .min()
            .unwrap();
        self.now = self.now.max(next);
        if !self.quiet && self.now >= self.chaos_at {
            self.chaos_at = self.now + 20;
            self.cause_chaos();
        }
        if self.publisher.is_none() && self.now >= self.restart_at {
            self.publisher = Some(Publisher::new(self.now, settings(), self.stored.clone()));
            self.give(Input::Tick);
        }
        while let Some(at) = self.network.next_at().filter(|at| *at <= self.now) {
            debug_assert!(at <= self.now);
            let event = self.network.step(self.now, &mut self.cluster);
            if let Some(input) = event.and_then(|event| self.addressed(event)) {
                self.give(input);
            }
        }
        let due = self.publisher.as_ref().and_then(Publisher::deadline).is_some_and(|at| at <= self.now);
        if due {
            self.give(Input::Tick);
            let still =
                self.publisher.as_ref().and_then(Publisher::deadline).is_some_and(|at| at <= self.now);
            assert!(!still, "seed {}: a tick must move the deadline", self.seed);
        }
        self.store_some();
        self.rebuild_some();
        self.freeze_some();
    }

    fn give(&mut self, input: Input) {
        let Some(publisher) = &mut self.publisher else { return };
        let outputs = publisher.handle(self.now, input);
        for output in outputs {
            if !self.quiet && self.chance.happens(self.chaos.crash) {
                return self.crash();
            }
            self.perform(output);
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Socket(order) => {
                // Links are numbered anew by each publisher; the network must not mix them up.
                let link = self.generation * GENERATION + order.link();
                if matches!(order, SocketOrder::Open(..)) {
                    self.opened += 1;
                    self.links.push(link);
                }
                self.network.obey(self.now, &self.cluster, order.renumbered(link));
            }
            Output::ProducerAssigned(producer) => self.stored.producer = Some(producer),
            Output::TopicSeen(topic) => {
                self.stored.topics.retain(|known| known.topic != topic.topic);
                self.stored.topics.push(topic);
            }
            Output::Located { place, producer, scan_from } => {
                let mut known = self.stored.partitions.iter_mut();
                match known.find(|state| state.place == place) {
                    Some(state) => state.scan_from = Some(scan_from),
                    None => {
                        let state = PartitionState::new(place, producer);
                        self.stored.partitions.push(PartitionState { scan_from: Some(scan_from), ..state });
                    }
                }
            }
            Output::Acknowledged { place, base_sequence, scan_from, repeat } => {
                let mut known = self.stored.partitions.iter_mut();
                let state = known.find(|state| state.place == place).unwrap();
                state.frozen.retain(|frozen| frozen.base_sequence != base_sequence);
                state.scan_from = Some(scan_from);
                self.repeats += usize::from(repeat);
            }
            Output::MovedOn { place, producer, scan_from, renamed, .. } => {
                self.move_on(&place, producer, scan_from, &renamed);
            }
            Output::Stopped { place, reason } => self.stops.push((place, reason)),
            Output::TopicUnavailable { .. } => self.unavailable += 1,
            Output::Postponed { .. } => self.postponed += 1,
            Output::Durability { .. } | Output::LinkBroken { .. } => {}
        }
    }

    /// What the network says, if it is to this publisher and not to one that has died.
    fn addressed(&self, news: SocketNews) -> Option<Input> {
        let link = news.link();
        let to_it = link / GENERATION == self.generation;
        to_it.then(|| Input::Socket(news.renumbered(link % GENERATION)))
    }

    /// After a restart the records come back at some time, in any order.
    fn rebuild_some(&mut self) {
        let mut rebuilt = false;
        for place in places() {
            let Some(publisher) = &mut self.publisher else { return };
            let open = publisher.partition(&place).map(|state| state.frozen.clone()).unwrap_or_default();
            for frozen in open.iter().filter(|frozen| frozen.bytes.is_none()) {
                if self.chance.happens(300) {
                    let ahead = self.ahead.get(&place).copied().unwrap_or(0);
                    let first = frozen.base_sequence as usize + ahead;
                    let numbers = first..first + frozen.count as usize;
                    let records: Vec<Record> = numbers.map(|number| record(&place, number)).collect();
                    let now_ms = self.now as i64;
                    publisher
                        .rebuild(now_ms, &place, frozen.base_sequence, &records, Compression::None)
                        .unwrap();
                    rebuilt = true;
                }
            }
        }
        if rebuilt {
            self.give(Input::Tick);
        }
    }

    fn freeze_some(&mut self) {
        for place in places() {
            loop {
                let on_the_way = self.unstored.iter().rev().find(|(_, of, ..)| *of == place);
                let stored = self.positions.get(&place).copied().unwrap_or(0);
                let position = on_the_way.map_or(stored, |(.., position)| *position);
                let Some(publisher) = &mut self.publisher else { return };
                if position >= EVENTS || !publisher.has_room(&place) {
                    break;
                }
                let until = EVENTS.min(position + 1 + self.chance.below(20) as usize);
                let records: Vec<Record> = (position..until).map(|number| record(&place, number)).collect();
                let compression =
                    if self.chance.happens(500) { Compression::Snappy } else { Compression::None };
                let frozen = publisher.freeze(self.now as i64, &place, &records, compression).unwrap();
                // A crash here: frozen in memory, never stored, frozen anew after the restart.
                if !self.quiet && self.chance.happens(self.chaos.crash) {
                    return self.crash();
                }
                let after = self.unstored.back().map_or(self.now, |(at, ..)| *at);
                let at = after.max(self.now + self.chance.below(4));
                self.unstored.push_back((at, place.clone(), frozen, until));
            }
        }
    }

    /// What has reached the disk may be sent.
    fn store_some(&mut self) {
        while let Some((_, place, frozen, position)) = self.unstored.pop_front_if(|(at, ..)| *at <= self.now)
        {
            let base_sequence = frozen.base_sequence;
            self.store(&place, frozen, position);
            if !self.quiet && self.chance.happens(self.chaos.crash) {
                return self.crash();
            }
            self.give(Input::Stored { place, base_sequence });
        }
    }

    fn store(&mut self, place: &TopicPartition, frozen: Frozen, position: usize) {
        let state = self.stored.partitions.iter_mut().find(|state| state.place == *place).unwrap();
        state.next_sequence = batch::sequence_after(frozen.base_sequence, frozen.count);
        state.frozen.push_back(Frozen { bytes: None, ..frozen });
        self.positions.insert(place.clone(), position);
    }

    pub fn crash(&mut self) {
        self.publisher = None;
        // Of what was on its way to the disk, some arrived without anybody hearing of it; the rest never did.
        let arrived = self.chance.below(self.unstored.len() as u64 + 1) as usize;
        for (_, place, frozen, position) in std::mem::take(&mut self.unstored).into_iter().take(arrived) {
            self.store(&place, frozen, position);
        }
        self.restart_at = self.now + self.chance.below(200);
        for link in std::mem::take(&mut self.links) {
            self.network.close(self.now, link);
        }
        self.generation += 1;
        if self.chaos.blind {
            for state in &mut self.stored.partitions {
                state.scan_from = Some(self.cluster.end_offset(&state.place));
            }
        }
    }

    fn stored_frozen(&self, place: &TopicPartition) -> usize {
        self.stored
            .partitions
            .iter()
            .find(|state| state.place == *place)
            .map_or(0, |state| state.frozen.len())
    }

    pub fn acknowledged(&self, place: &TopicPartition) -> i64 {
        self.stored
            .partitions
            .iter()
            .find(|state| state.place == *place)
            .and_then(|state| state.scan_from)
            .unwrap_or(0)
    }

    /// Stores that a partition goes on under another epoch, or a crash comes first; or it comes before the publisher hears of it.
    fn move_on(
        &mut self,
        place: &TopicPartition,
        producer: Producer,
        scan_from: i64,
        renamed: &[(i32, i32)],
    ) {
        let rename = |frozen: &mut Frozen| {
            let (_, after) = renamed.iter().find(|(before, _)| *before == frozen.base_sequence).unwrap();
            frozen.base_sequence = *after;
        };
        let state = self.stored.partitions.iter_mut().find(|state| state.place == *place).unwrap();
        state.producer = producer;
        state.scan_from = Some(scan_from);
        state.frozen.iter_mut().for_each(rename);
        let next_after = |frozen: &Frozen| batch::sequence_after(frozen.base_sequence, frozen.count);
        state.next_sequence = state.frozen.back().map_or(0, next_after);
        let stored: Vec<i32> = state.frozen.iter().map(|frozen| frozen.base_sequence).collect();
        let position = self.positions.get(place).copied().unwrap_or(0);
        self.ahead.insert(place.clone(), position - state.next_sequence as usize);
        for (_, _, frozen, _) in self.unstored.iter_mut().filter(|(_, of, ..)| of == place) {
            rename(frozen);
        }
        self.moved += 1;
        if !self.quiet && self.chance.happens(self.chaos.crash) {
            return self.crash();
        }
        for base_sequence in stored {
            self.give(Input::Stored { place: place.clone(), base_sequence });
        }
    }

    pub fn resume(&mut self, place: &TopicPartition, accept_loss: bool) {
        self.give(Input::Resume { place: place.clone(), accept_loss });
    }

    /// The values of the events of a partition from one number to before another.
    pub fn events(place: &TopicPartition, numbers: std::ops::Range<usize>) -> Vec<Bytes> {
        numbers.filter_map(|number| record(place, number).value).collect()
    }

    /// Somebody else writes under our producer id with the next epoch.
    pub fn write_as_newer_epoch(&mut self, place: &TopicPartition) {
        let producer = self.stored.producer.unwrap();
        let stamp = Stamp { producer_id: producer.producer_id, epoch: producer.epoch + 1, base_sequence: 0 };
        let batch = batch::encode(&[Record::default()], stamp, self.now as i64, Compression::None).unwrap();
        let request = gyesan_kafka::api::produce::Request {
            topic: place.topic.clone(),
            partition: place.partition,
            timeout_ms: 1,
            batch,
        };
        let frame = gyesan_kafka::api::Request::Produce(request).encode(11, 1, "other").unwrap();
        let leader = self.cluster.leader(place).unwrap();
        self.cluster.answer(leader, frame.slice(4..)).unwrap();
        // Open the outbox again, so that there is something to be refused.
        self.positions.insert(place.clone(), 0);
    }

    fn cause_chaos(&mut self) {
        let chaos = self.chaos;
        let node = 1 + self.chance.below(NODES as u64) as i32;
        let place = place_of(self.chance.below(PARTITIONS as u64) as i32);
        if self.chance.happens(chaos.broker) {
            let up = !self.cluster.is_up(node);
            self.cluster.set_up(node, up);
            if !up {
                self.network.cut_node(self.now, node);
            }
        }
        if self.chance.happens(chaos.leader) && self.cluster.is_up(node) {
            self.cluster.move_leader(&place, node);
        }
        if self.chance.happens(chaos.refusal) {
            let errors = [
                (7, true),
                (7, false),
                (19, false),
                (20, true),
                (6, false),
                (3, false),
                (56, false),
                (-1, true),
            ];
            let (error, written) = errors[self.chance.below(errors.len() as u64) as usize];
            self.cluster.refuse_next(&place, error, written);
        }
        if self.chance.happens(chaos.forget) && !self.network.carries_late_requests() {
            self.cluster.forget_producers(i64::MAX);
        }
        if self.chance.happens(chaos.expire) {
            self.cluster.forget_producers((self.now - EXPIRY_MS) as i64);
        }
        if self.chance.happens(chaos.pause) {
            self.crash();
            self.restart_at = self.now + 2 * EXPIRY_MS;
        }
    }

    pub fn is_drained(&self, place: &TopicPartition) -> bool {
        self.positions.get(place) == Some(&EVENTS) && self.stored_frozen(place) == 0
    }

    /// Values in a partition's log, in order.
    pub fn published(&self, place: &TopicPartition) -> Vec<Bytes> {
        let log = self.cluster.log(place).concat();
        let mut values = Vec::new();
        for item in batch::headers(log.into()) {
            let (header, bytes) = item.unwrap();
            values.extend(
                batch::decode(&header, &bytes).unwrap().into_iter().filter_map(|stored| stored.record.value),
            );
        }
        values
    }

    pub fn first_fault(&self) -> Option<String> {
        places().find_map(|place| {
            let got = self.published(&place);
            let wanted: Vec<Bytes> = (0..EVENTS).filter_map(|number| record(&place, number).value).collect();
            (got != wanted).then(|| {
                let at = got.iter().zip(&wanted).position(|(got, wanted)| got != wanted);
                format!(
                    "seed {}: {place} has {} of {EVENTS} events, first difference at {at:?}",
                    self.seed,
                    got.len()
                )
            })
        })
    }

    pub fn check(&self) {
        assert_eq!(self.first_fault(), None);
    }

    /// `before` are the values that were there when everything was deleted.
    pub fn check_after_deletion(&self, place: &TopicPartition, before: Vec<Bytes>) {
        let all: Vec<Bytes> = before.into_iter().chain(self.published(place)).collect();
        let wanted: Vec<Bytes> = (0..EVENTS).filter_map(|number| record(place, number).value).collect();
        assert_eq!(all, wanted);
    }
}

fn settings() -> Settings {
    Settings::new((1..=NODES).map(SimCluster::address).collect(), vec![TOPIC.to_owned()])
}

fn place_of(partition: i32) -> TopicPartition {
    TopicPartition { topic: TOPIC.to_owned(), partition }
}

fn places() -> impl Iterator<Item = TopicPartition> {
    (0..PARTITIONS).map(place_of)
}

fn record(place: &TopicPartition, number: usize) -> Record {
    let value = Bytes::from(format!("{place} event {number}"));
    Record { key: Some(Bytes::from(format!("key-{}", number % 7))), value: Some(value), headers: Vec::new() }
}
