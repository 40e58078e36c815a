//! The reader against the simulated cluster: what it delivers is the log, each record once and in order, through cuts, moved
//! leaders and its own crashes; and it stops where going on would be guessing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use bytes::Bytes;
use gyesan_kafka::api::{Request, offset_fetch, produce};
use gyesan_kafka::batch::{self, Compression, Record, Stamp};
use gyesan_kafka::connection;
use gyesan_kafka::error_code::ErrorCode;
use gyesan_kafka::reader::{Input, Output, Reader, Settings, StopReason};
use gyesan_kafka::relay::StoredTopic;
use gyesan_kafka::sim::{Chance, Faults, SimCluster, SimNetwork};
use gyesan_kafka::{Millis, TopicPartition};

const TOPIC: &str = "gyesan.orders";
const GENERATION: u64 = 1_000_000;
const ROUGH: Faults =
    Faults { cut_answer: 40, cut_request: 20, silence: 5, late_ms: 0, overtake: 0, delay_max_ms: 8 };

/// A reader with a store: the effects (values in order) and the position, always together.
struct World {
    cluster: SimCluster,
    network: SimNetwork,
    chance: Chance,
    now: Millis,
    reader: Reader,
    generation: u64,
    topic: Option<StoredTopic>,
    position: Option<i64>,
    effects: Vec<Bytes>,
    stops: Vec<StopReason>,
    ends_seen: u32,
    crash: u64,
}

fn place() -> TopicPartition {
    TopicPartition { topic: TOPIC.to_owned(), partition: 0 }
}

fn settings() -> Settings {
    Settings {
        connection: connection::Settings::default(),
        bootstrap: vec![SimCluster::address(1), SimCluster::address(2)],
        place: place(),
        group: Some("wallets".to_owned()),
        max_wait_ms: 100,
        max_bytes: 700,
    }
}

fn value(number: usize) -> Bytes {
    Bytes::from(format!("event {number}"))
}

impl World {
    fn new(seed: u64, faults: Faults, crash: u64) -> Self {
        let mut cluster = SimCluster::new(2);
        cluster.create_topic(TOPIC, 1);
        Self {
            cluster,
            network: SimNetwork::new(seed, faults),
            chance: Chance::new(seed),
            now: 1_000,
            reader: Reader::new(1_000, settings(), None, None),
            generation: 0,
            topic: None,
            position: None,
            effects: Vec::new(),
            stops: Vec::new(),
            ends_seen: 0,
            crash,
        }
    }

    fn append(&mut self, numbers: std::ops::Range<usize>) {
        let record = |number| Record { value: Some(value(number)), ..Record::default() };
        let records: Vec<Record> = numbers.clone().map(record).collect();
        let stamp = Stamp { producer_id: 1, epoch: 0, base_sequence: numbers.start as i32 };
        let batch = batch::encode(&records, stamp, 1, Compression::Snappy).unwrap();
        let request = produce::Request { topic: TOPIC.to_owned(), partition: 0, timeout_ms: 1, batch };
        let frame = Request::Produce(request).encode(11, 1, "other").unwrap();
        let leader = self.cluster.leader(&place()).unwrap();
        self.cluster.answer(leader, frame.slice(4..)).unwrap();
    }

    fn fill(&mut self, events: usize) {
        let mut from = 0;
        while from < events {
            let until = events.min(from + 1 + self.chance.below(12) as usize);
            self.append(from..until);
            from = until;
        }
    }

    fn run(&mut self, for_ms: Millis, events: usize) {
        let end = self.now + for_ms;
        while self.now < end && self.effects.len() < events && self.stops.is_empty() {
            let next =
                [self.reader.deadline(), self.network.next_at(), Some(end)].into_iter().flatten().min();
            self.now = self.now.max(next.unwrap());
            if self.chance.happens(5) {
                let node = 1 + self.chance.below(2) as i32;
                self.cluster.move_leader(&place(), node);
            }
            while self.network.next_at().is_some_and(|at| at <= self.now) {
                let Some(news) = self.network.step(self.now, &mut self.cluster) else { continue };
                let link = news.link();
                if link / GENERATION == self.generation {
                    self.give(Input::Socket(news.renumbered(link % GENERATION)));
                }
            }
            if self.reader.deadline().is_some_and(|at| at <= self.now) {
                let generation = self.generation;
                self.give(Input::Tick);
                let moved = self.reader.deadline().is_none_or(|at| at > self.now);
                assert!(moved || generation != self.generation, "a tick must move the deadline");
            }
        }
    }

    fn give(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for output in self.reader.handle(self.now, input) {
                if self.chance.happens(self.crash) {
                    return self.restart();
                }
                match output {
                    Output::Socket(order) => {
                        let link = self.generation * GENERATION + order.link();
                        self.network.obey(self.now, &self.cluster, order.renumbered(link));
                    }
                    Output::TopicSeen(topic) => self.topic = Some(topic),
                    Output::Records { records, next_offset, .. } => {
                        self.effects.extend(records.into_iter().filter_map(|stored| stored.record.value));
                        self.position = Some(next_offset);
                        inputs.push(Input::Handled);
                    }
                    Output::Stopped(reason) => self.stops.push(reason),
                    Output::End(end) => {
                        assert!(end >= self.position.unwrap_or(0), "the end lies before the position");
                        self.ends_seen += 1;
                    }
                    Output::TopicUnavailable(_) | Output::LinkBroken { .. } => {}
                }
            }
        }
    }

    fn restart(&mut self) {
        self.generation += 1;
        self.reader = Reader::new(self.now, settings(), self.topic.clone(), self.position);
    }
}

#[test]
fn the_log_is_delivered_once_and_in_order_through_everything() {
    for seed in 0..300 {
        let mut world = World::new(seed, ROUGH, 15);
        world.fill(300);
        world.run(3_600_000, 300);
        let wanted: Vec<Bytes> = (0..300).map(value).collect();
        assert!(world.effects == wanted, "seed {seed}: {} effects, {:?}", world.effects.len(), world.stops);
    }
}

#[test]
fn the_end_of_a_log_without_news_is_told_at_once() {
    let mut world = World::new(3, Faults::default(), 0);
    world.fill(50);
    world.run(60_000, 50);
    world.restart();
    world.ends_seen = 0;
    world.run(200, usize::MAX);
    assert!(world.ends_seen > 0, "the first fetch waits for records");
}

#[test]
fn the_position_is_shown_to_others_within_seconds() {
    let mut world = World::new(1, Faults::default(), 0);
    world.fill(50);
    world.run(60_000, 50);
    // Time goes on, though there is nothing more to read.
    let end = world.now + 3_000;
    while world.now < end {
        world.run(50, usize::MAX);
    }
    let request = offset_fetch::Request { group: "wallets".into(), topic: TOPIC.into(), partition: 0 };
    let frame = Request::OffsetFetch(request).encode(8, 1, "tool").unwrap().slice(4..);
    let answer = world.cluster.answer(1, frame).unwrap().slice(4..);
    let answer = gyesan_kafka::api::Api::OffsetFetch.decode(8, answer).unwrap();
    let wanted = gyesan_kafka::api::offset_fetch::Answer { error: ErrorCode::NONE, offset: 50 };
    assert_eq!(answer, gyesan_kafka::api::Answer::OffsetFetch(wanted));
}

#[test]
fn a_position_that_the_log_does_not_have_stops_the_reader() {
    let mut world = World::new(2, Faults::default(), 0);
    world.fill(50);
    world.position = Some(5);
    world.cluster.delete_records(&place(), 20);
    world.restart();
    world.run(60_000, 50);
    assert_eq!(world.stops, [StopReason::OutOfRange(5)]);
    assert!(world.effects.is_empty());
}

#[test]
fn a_new_reader_begins_where_the_log_begins() {
    let mut world = World::new(3, Faults::default(), 0);
    world.fill(50);
    world.cluster.delete_records(&place(), 20);
    world.run(60_000, 30);
    assert_eq!(world.effects, (20..50).map(value).collect::<Vec<_>>());
}

#[test]
fn a_topic_that_was_made_again_or_grew_stops_the_reader() {
    for grown in [false, true] {
        let mut world = World::new(4, Faults::default(), 0);
        world.fill(10);
        world.run(60_000, 10);
        if grown {
            world.cluster.add_partitions(TOPIC, 1);
        } else {
            world.cluster.create_topic(TOPIC, 1);
        }
        world.restart();
        world.run(60_000, usize::MAX);
        assert!(matches!(&world.stops[..], [StopReason::TopicChanged(_)]), "{:?}", world.stops);
        assert_eq!(world.effects.len(), 10);
    }
}
