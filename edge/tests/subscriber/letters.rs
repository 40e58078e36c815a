//! What a subscriber puts aside is in the topic of dead letters, once, whatever breaks.

use crate::events::{payment, record, wanted};
use crate::world::{RELAY, World};
use bytes::Bytes;
use gyesan_edge::command::ConsumerCommand;
use gyesan_kafka::TopicPartition;
use gyesan_kafka::batch::{Record, decode, headers};
use gyesan_kafka::partitioner::partition_of;
use gyesan_kafka::sim::Faults;

const LETTERS: &str = "gyesan.orders.dlt";
const PARTITIONS: i32 = 3;
const HOUR_MS: i64 = 3_600_000;
const ROUGH: Faults =
    Faults { cut_answer: 40, cut_request: 20, silence: 5, late_ms: 0, overtake: 0, delay_max_ms: 8 };

/// What is no event, under a key.
fn junk(number: usize) -> Record {
    let key = format!("key-{}", number % 5);
    Record {
        key: Some(key.into()),
        value: Some(format!("{{\"number\":{number}}}").into()),
        headers: vec![(Bytes::from_static(b"traceparent"), Some(Bytes::from_static(b"00-1-2-01")))],
    }
}

/// The dead letters, each with its partition.
fn published(world: &World) -> Vec<(i32, Record)> {
    let partition = |partition| {
        let place = TopicPartition { topic: LETTERS.to_owned(), partition };
        let batches = world.cluster.log(&place).into_iter();
        let records = batches.flat_map(|batch| {
            let (header, bytes) = headers(batch).next().unwrap().unwrap();
            decode(&header, &bytes).unwrap()
        });
        records.map(move |stored| (partition, stored.record)).collect::<Vec<_>>()
    };
    (0..PARTITIONS).flat_map(partition).collect()
}

fn header<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    let found = record.headers.iter().find(|(header, _)| header.as_ref() == name.as_bytes());
    found.and_then(|(_, value)| value.as_deref()).map(|value| std::str::from_utf8(value).unwrap())
}

/// Their values, key by key in the order of their publication.
fn values(world: &World) -> Vec<Bytes> {
    let mut all: Vec<(Option<Bytes>, Bytes)> =
        published(world).into_iter().map(|(_, letter)| (letter.key, letter.value.unwrap())).collect();
    all.sort_by(|(left, _), (right, _)| left.cmp(right));
    all.into_iter().map(|(_, value)| value).collect()
}

/// The same of what was put aside.
fn expected(numbers: impl Iterator<Item = usize>) -> Vec<Bytes> {
    let mut all: Vec<Record> = numbers.map(junk).collect();
    all.sort_by(|left, right| left.key.cmp(&right.key));
    all.into_iter().map(|record| record.value.unwrap()).collect()
}

#[test]
fn a_dead_letter_is_what_was_read_with_where_it_lay_and_why() {
    let mut world = World::with_relay(1, Faults::default());
    world.cluster.create_topic(LETTERS, PARTITIONS);
    let nothing = Record::default();
    world.append(&[record(&payment(0, "A")), junk(1), nothing.clone(), record(&payment(3, "A"))]);
    assert!(world.run_until(2_000, |world| published(world).len() == 2), "{:?}", world.log);
    let letters = published(&world);
    let (partition, letter) = letters.iter().find(|(_, letter)| letter.value.is_some()).unwrap();
    let original = junk(1);
    assert_eq!((&letter.key, &letter.value), (&original.key, &original.value));
    let at = partition_of(&original.key.unwrap(), PARTITIONS.unsigned_abs());
    assert_eq!(*partition, at);
    let told: Vec<(&str, &str)> = letter
        .headers
        .iter()
        .map(|(name, _)| std::str::from_utf8(name).unwrap())
        .map(|name| (name, header(letter, name).unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("traceparent", "00-1-2-01"),
            ("__connect.errors.topic", "gyesan.orders"),
            ("__connect.errors.partition", "0"),
            ("__connect.errors.offset", "1"),
            ("__connect.errors.connector.name", "gyesan-wallets"),
            ("__connect.errors.exception.message", "not in the Confluent wire format"),
        ]
    );
    let (_, empty) = letters.iter().find(|(_, letter)| letter.value.is_none()).unwrap();
    assert_eq!((&empty.key, header(empty, "__connect.errors.offset")), (&None, Some("2")));
    assert_eq!(world.credited("A"), ["po_0", "po_3"]);
}

#[test]
fn an_event_that_is_refused_is_published_with_its_own_headers() {
    let mut world = World::with_relay(2, Faults::default());
    world.cluster.create_topic(LETTERS, PARTITIONS);
    world.ledger = crate::world::Ledger::Refuses("poison");
    let event = record(&payment(9, "poison"));
    world.append(std::slice::from_ref(&event));
    assert!(world.run_until(300_000, |world| !published(world).is_empty()), "{:?}", world.log);
    let (_, letter) = published(&world).remove(0);
    assert_eq!(letter.value, event.value);
    assert_eq!(header(&letter, "ce_id"), Some("evt_9"));
    let reason = header(&letter, "__connect.errors.exception.message").unwrap();
    assert!(reason.contains("refused 8 times: INTERNAL_ERROR: storage"), "{reason}");
}

#[test]
fn kills_of_both_processes_and_cuts_lose_no_letter_and_publish_none_twice() {
    let mut crashes = 0;
    for seed in 0..60 {
        let mut world = World::with_relay(seed, ROUGH);
        world.cluster.create_topic(LETTERS, PARTITIONS);
        world.crash = 30;
        let mixed = |number: usize| match number % 3 {
            0 => junk(number),
            _ => record(&payment(number, "A")),
        };
        let all: Vec<Record> = (0..120).map(mixed).collect();
        for batch in all.chunks(7) {
            world.append(batch);
        }
        assert!(
            world.run_until(HOUR_MS, |world| values(world).len() >= 40 && world.credited("A").len() == 80),
            "seed {seed}: {} letters; {:?}",
            values(&world).len(),
            world.log
        );
        world.crash = 0;
        world.network.faults = Faults::default();
        world.run(120_000);
        assert_eq!(values(&world), expected((0..120).filter(|number| number % 3 == 0)), "seed {seed}");
        crashes += world.crashes;
    }
    assert!(crashes > 100, "{crashes}");
}

#[test]
fn without_their_topic_letters_wait_and_stop_nothing() {
    let mut world = World::with_relay(3, Faults::default());
    world.fill(0..10);
    world.run(HOUR_MS);
    assert!(world.lines("relay.topic-unavailable").is_empty(), "nobody asks for a topic that nobody needs");
    world.append(&(0..100).map(junk).collect::<Vec<_>>());
    world.fill(10..20);
    world.run(HOUR_MS);
    assert_eq!(world.credited("A"), wanted(0..20));
    assert_eq!(world.position().position, 120);
    let lines = world.lines("relay.topic-unavailable");
    assert!((50..=61).contains(&lines.len()), "{} lines in an hour", lines.len());
    let line = lines.first().unwrap();
    assert!(line.detail.contains(LETTERS) && line.detail.contains("Dead letters wait"), "{}", line.detail);
    world.cluster.create_topic(LETTERS, PARTITIONS);
    world.run(30_000);
    assert_eq!(values(&world), expected(0..100));
}

#[test]
fn news_that_the_relay_did_not_hear_are_told_again_also_after_a_restart() {
    let mut world = World::with_relay(4, Faults::default());
    world.cluster.create_topic(LETTERS, PARTITIONS);
    world.run(30_000);
    world.deaf = Some(RELAY);
    world.append(&[junk(0)]);
    world.run(5_000);
    world.restart();
    world.append(&[junk(1)]);
    world.run(5_000);
    assert!(published(&world).is_empty());
    world.deaf = None;
    world.run(60_000);
    assert_eq!(values(&world), expected(0..2));
}

#[test]
fn a_position_moved_back_by_an_operator_publishes_no_letter_again_and_a_topic_made_anew_does() {
    let mut world = World::with_relay(5, Faults::default());
    world.cluster.create_topic(LETTERS, PARTITIONS);
    world.append(&(0..10).map(junk).collect::<Vec<_>>());
    world.run(5_000);
    world.order(ConsumerCommand::Pause { reason: "look".to_owned() }).unwrap();
    world.order(ConsumerCommand::Resume { position: Some(0) }).unwrap();
    world.run(5_000);
    assert_eq!(world.position().position, 10);
    assert_eq!(values(&world), expected(0..10));
    world.cluster.create_topic("gyesan.orders", 1);
    world.produce_anew();
    world.append(&[junk(10)]);
    world.run(600_000);
    world.order(ConsumerCommand::Resume { position: Some(0) }).unwrap();
    world.run(60_000);
    assert_eq!(values(&world), expected(0..11));
}
