//! A relay with a store in memory, over real sockets.

use std::collections::BTreeMap;

use bytes::Bytes;
use gyesan_kafka::TopicPartition;
use gyesan_kafka::batch::{self, Compression, Record};
use gyesan_kafka::relay::{Frozen, Input, Output, PartitionState, Publisher, Settings, StopReason, Stored};
use gyesan_kafka::sim::Chance;

use crate::client::parse;
use crate::shell::{Sockets, now};

pub struct Relay {
    settings: Settings,
    events: usize,
    batch_max: u64,
    partitions: i32,
    stored: Stored,
    positions: BTreeMap<TopicPartition, usize>,
    publisher: Publisher,
    sockets: Sockets,
    chance: Chance,
    pub crashes: usize,
    pub repeats: usize,
    pub stops: Vec<StopReason>,
    pub durability: Option<(usize, Option<u32>)>,
}

impl Relay {
    /// Publishes `events` to each partition of `topic`, up to `batch_max` in a batch.
    pub fn new(address: &str, topic: &str, partitions: i32, events: usize, batch_max: u64) -> Self {
        let settings = Settings::new(vec![parse(address)], vec![topic.to_owned()]);
        let publisher = Publisher::new(now(), settings.clone(), Stored::default());
        Self {
            settings,
            events,
            batch_max,
            partitions,
            stored: Stored::default(),
            positions: BTreeMap::new(),
            publisher,
            sockets: Sockets::new(),
            chance: Chance::new(now()),
            crashes: 0,
            repeats: 0,
            stops: Vec::new(),
            durability: None,
        }
    }

    pub fn is_drained(&self) -> bool {
        let drained = |state: &PartitionState| {
            state.frozen.is_empty() && self.positions.get(&state.place) == Some(&self.events)
        };
        self.stored.partitions.len() == self.partitions as usize && self.stored.partitions.iter().all(drained)
    }

    /// Loses everything but the store.
    pub fn crash(&mut self) {
        self.crashes += 1;
        self.sockets.close_all();
        self.sockets = Sockets::new();
        self.publisher = Publisher::new(now(), self.settings.clone(), self.stored.clone());
        for state in &self.stored.partitions {
            for frozen in &state.frozen {
                let first = frozen.base_sequence as usize;
                let numbers = first..first + frozen.count as usize;
                let records: Vec<Record> = numbers.map(|number| record(&state.place, number)).collect();
                let (now, base_sequence) = (now() as i64, frozen.base_sequence);
                let rebuilt =
                    self.publisher.rebuild(now, &state.place, base_sequence, &records, Compression::None);
                rebuilt.unwrap();
            }
        }
    }

    pub fn crash_sometimes(&mut self, per_mille: u64) {
        if self.chance.happens(per_mille) {
            self.crash();
        }
    }

    /// Runs until everything is published or `for_ms` have passed.
    pub fn run(&mut self, for_ms: u64) {
        let end = now() + for_ms;
        self.give(Input::Tick);
        while now() < end && !self.is_drained() && self.stops.is_empty() {
            self.freeze();
            let until = self.publisher.deadline().unwrap_or(end).min(end);
            match self.sockets.wait(until) {
                Some(news) => self.give(Input::Socket(news)),
                None => self.give(Input::Tick),
            }
        }
    }

    fn give(&mut self, input: Input) {
        for output in self.publisher.handle(now(), input) {
            match output {
                Output::Socket(order) => self.sockets.obey(order),
                Output::ProducerAssigned(producer) => self.stored.producer = Some(producer),
                Output::TopicSeen(topic) => self.stored.topics.push(topic),
                Output::Located { place, producer, scan_from } => {
                    let state = PartitionState::new(place, producer);
                    self.stored.partitions.push(PartitionState { scan_from: Some(scan_from), ..state });
                }
                Output::Acknowledged { place, base_sequence, scan_from, repeat } => {
                    let mut states = self.stored.partitions.iter_mut();
                    let state = states.find(|state| state.place == place).unwrap();
                    state.frozen.retain(|frozen| frozen.base_sequence != base_sequence);
                    state.scan_from = Some(scan_from);
                    self.repeats += usize::from(repeat);
                }
                Output::Stopped { reason, .. } => self.stops.push(reason),
                Output::MovedOn { place, .. } => {
                    panic!("{place} has moved on, and nobody has accepted a loss")
                }
                Output::Durability { replicas, min_in_sync_replicas, .. } => {
                    self.durability = Some((replicas, min_in_sync_replicas));
                }
                Output::TopicUnavailable { .. } | Output::Postponed { .. } | Output::LinkBroken { .. } => {}
            }
        }
    }

    fn freeze(&mut self) {
        for place in self.stored.partitions.iter().map(|state| state.place.clone()).collect::<Vec<_>>() {
            loop {
                let position = self.positions.get(&place).copied().unwrap_or(0);
                if position >= self.events || !self.publisher.has_room(&place) {
                    break;
                }
                let until = self.events.min(position + 1 + self.chance.below(self.batch_max) as usize);
                let records: Vec<Record> = (position..until).map(|number| record(&place, number)).collect();
                let compression =
                    if self.chance.happens(500) { Compression::Snappy } else { Compression::None };
                let frozen = self.publisher.freeze(now() as i64, &place, &records, compression).unwrap();
                let mut states = self.stored.partitions.iter_mut();
                let state = states.find(|state| state.place == place).unwrap();
                state.next_sequence = batch::sequence_after(frozen.base_sequence, frozen.count);
                state.frozen.push_back(Frozen { bytes: None, ..frozen.clone() });
                self.positions.insert(place.clone(), until);
                self.give(Input::Stored { place: place.clone(), base_sequence: frozen.base_sequence });
            }
        }
    }
}

pub fn record(place: &TopicPartition, number: usize) -> Record {
    let value = format!("{place} event {number} {}", "·".repeat(40));
    let header = (Bytes::from_static(b"ce_id"), Some(Bytes::from(number.to_string())));
    Record {
        key: Some(Bytes::from(format!("key-{}", number % 7))),
        value: Some(value.into()),
        headers: vec![header],
    }
}
