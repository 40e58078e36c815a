//! The client against a real Apache Kafka. `cargo xtask kafka --test` starts one and runs this; whoever runs the others
//! leaves these out.
//!
//! `GYESAN_KAFKA` is the broker's address, `GYESAN_KAFKA_SASL` that of its SASL listener, `GYESAN_KAFKA_HOME` the folder with
//! `broker.pid` and `start.sh`. The broker forgets producers after 1.5 s.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "broker/client.rs"]
mod client;
#[path = "broker/relay.rs"]
mod relay;
#[path = "broker/shell.rs"]
mod shell;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use client::Client;
use gyesan_kafka::TopicPartition;
use gyesan_kafka::api::{
    Answer, create_topics, describe_configs, describe_producers, fetch, init_producer_id, list_offsets,
    metadata, offset_commit, offset_fetch, produce,
};
use gyesan_kafka::batch::{self, Compression, Record, Stamp};
use gyesan_kafka::cluster::{Failure, Target};
use gyesan_kafka::connection::{Fault, Settings};
use gyesan_kafka::error_code::ErrorCode;
use gyesan_kafka::reader::{self, Reader};
use gyesan_kafka::sasl::{Credentials, Hash, Mechanism};
use relay::Relay;
use shell::now;

/// The broker's address.
fn broker() -> String {
    std::env::var("GYESAN_KAFKA").expect("GYESAN_KAFKA is not set: run `cargo xtask kafka --test`")
}

fn fresh_topic(client: &mut Client, name: &str, partitions: i32, configs: &[(&str, &str)]) -> String {
    let topic = format!("{name}-{}", now());
    let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let request = create_topics::Request {
        topic: topic.clone(),
        partitions,
        replication_factor: -1,
        configs,
        timeout_ms: 5_000,
    };
    client.insist(&Target::Any, request, |answer| match answer {
        Answer::CreateTopics(answer) => answer.error.is_ok().then_some(()),
        _ => None,
    });
    // A topic exists a moment before its leaders know of it.
    for partition in 0..partitions {
        let place = list_offsets::Place::Latest;
        let request = list_offsets::Request { topic: topic.clone(), partition, place };
        client.insist(&leader(&topic, partition), request, |answer| match answer {
            Answer::ListOffsets(answer) => answer.error.is_ok().then_some(()),
            _ => None,
        });
    }
    topic
}

fn leader(topic: &str, partition: i32) -> Target {
    Target::Leader { topic: topic.to_owned(), partition }
}

fn new_producer(client: &mut Client) -> i64 {
    client.insist(&Target::Any, init_producer_id::Request, |answer| match answer {
        Answer::InitProducerId(answer) => answer.error.is_ok().then_some(answer.producer_id),
        _ => None,
    })
}

fn records(from: usize, count: usize) -> Vec<Record> {
    let place = TopicPartition { topic: "t".into(), partition: 0 };
    (from..from + count).map(|number| relay::record(&place, number)).collect()
}

fn write(
    client: &mut Client,
    topic: &str,
    stamp: Stamp,
    count: usize,
    compression: Compression,
) -> produce::Answer {
    let batch = batch::encode(&records(0, count), stamp, now() as i64, compression).unwrap();
    let request = produce::Request { topic: topic.to_owned(), partition: 0, timeout_ms: 5_000, batch };
    client.insist(&leader(topic, 0), request, |answer| match answer {
        Answer::Produce(answer) if answer.error != ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => {
            Some(answer.clone())
        }
        _ => None,
    })
}

/// Everything in a partition.
fn read_all(client: &mut Client, topic: &str, partition: i32) -> Vec<batch::Stored> {
    let mut stored = Vec::new();
    let mut offset = 0;
    loop {
        let request = fetch::Request {
            topic: topic.to_owned(),
            partition,
            offset,
            max_wait_ms: 0,
            max_bytes: 100_000,
            isolation: fetch::Isolation::ReadCommitted,
        };
        let answer = client.insist(&leader(topic, partition), request, |answer| match answer {
            Answer::Fetch(answer) => answer.error.is_ok().then(|| answer.clone()),
            _ => None,
        });
        for item in batch::headers(answer.records.clone()) {
            let (header, bytes) = item.unwrap();
            stored.extend(batch::decode(&header, &bytes).unwrap());
            offset = header.next_offset;
        }
        if offset >= answer.high_watermark {
            return stored;
        }
    }
}

#[test]
#[ignore = "needs a broker: cargo xtask test --only kafka-broker"]
fn every_api_is_answered_as_expected() {
    let address = broker();
    let mut client = Client::new(Settings::default(), &address);
    let topic = fresh_topic(&mut client, "apis", 3, &[("min.insync.replicas", "1")]);
    let Ok(Answer::Metadata(answer)) =
        client.ask(Target::Any, metadata::Request { topics: vec![topic.clone(), "absent".into()] }, 5_000)
    else {
        panic!("no metadata")
    };
    assert_eq!(answer.topics.iter().map(|topic| topic.partitions.len()).max(), Some(3));
    assert!(answer.topics.iter().any(|topic| topic.error == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));

    let producer_id = new_producer(&mut client);
    for (number, compression) in [Compression::None, Compression::Snappy].into_iter().enumerate() {
        let stamp = Stamp { producer_id, epoch: 0, base_sequence: 50 * number as i32 };
        let answer = write(&mut client, &topic, stamp, 50, compression);
        assert_eq!((answer.error, answer.base_offset), (ErrorCode::NONE, 50 * number as i64));
    }
    let stored = read_all(&mut client, &topic, 0);
    assert_eq!(stored.len(), 100);
    let wanted: Vec<Record> = records(0, 50).into_iter().chain(records(0, 50)).collect();
    assert_eq!(stored.into_iter().map(|stored| stored.record).collect::<Vec<_>>(), wanted);

    let end = client.insist(
        &leader(&topic, 0),
        list_offsets::Request { topic: topic.clone(), partition: 0, place: list_offsets::Place::Latest },
        |answer| match answer {
            Answer::ListOffsets(answer) => answer.error.is_ok().then_some(answer.offset),
            _ => None,
        },
    );
    assert_eq!(end, 100);
    let request = describe_producers::Request { topic: topic.clone(), partition: 0 };
    let Ok(Answer::DescribeProducers(answer)) = client.ask(leader(&topic, 0), request, 5_000) else {
        panic!("no producers")
    };
    let listed = answer.producers.iter().find(|listed| listed.producer_id == producer_id);
    assert_eq!(listed.map(|listed| (listed.epoch, listed.last_sequence)), Some((0, 99)));
    let request =
        describe_configs::Request { topic: topic.clone(), names: vec!["min.insync.replicas".into()] };
    let Ok(Answer::DescribeConfigs(answer)) = client.ask(Target::Any, request, 5_000) else {
        panic!("no configs")
    };
    assert_eq!(answer.values, [("min.insync.replicas".to_owned(), Some("1".to_owned()))]);
}

#[test]
#[ignore = "needs a broker: cargo xtask test --only kafka-broker"]
fn a_groups_position_is_committed_and_read() {
    let address = broker();
    let mut client = Client::new(Settings::default(), &address);
    let topic = fresh_topic(&mut client, "offsets", 1, &[]);
    let group = format!("gyesan-{}", now());
    let coordinator = Target::Coordinator { group: group.clone() };
    let commit =
        offset_commit::Request { group: group.clone(), topic: topic.clone(), partition: 0, offset: 42 };
    client.insist(&coordinator, commit, |answer| match answer {
        Answer::OffsetCommit(answer) => answer.error.is_ok().then_some(()),
        _ => None,
    });
    let question = offset_fetch::Request { group: group.clone(), topic: topic.clone(), partition: 0 };
    let Ok(Answer::OffsetFetch(answer)) = client.ask(coordinator, question, 5_000) else {
        panic!("no offset")
    };
    assert_eq!((answer.error, answer.offset), (ErrorCode::NONE, 42));
}

#[test]
#[ignore = "needs a broker: cargo xtask test --only kafka-broker"]
fn idempotence_is_as_the_simulation_has_it() {
    let address = broker();
    let mut client = Client::new(Settings::default(), &address);
    let topic = fresh_topic(&mut client, "idempotence", 1, &[("max.message.bytes", "4000")]);
    let producer_id = new_producer(&mut client);
    let stamp = |base_sequence| Stamp { producer_id, epoch: 0, base_sequence };
    let mut write = |stamp, count| {
        let answer = write(&mut client, &topic, stamp, count, Compression::None);
        (answer.error.0, answer.base_offset, answer.log_append_time_ms >= 0)
    };
    for batch in 0..6 {
        assert_eq!(write(stamp(batch * 3), 3), (0, i64::from(batch) * 3, false));
    }
    assert_eq!(write(stamp(15), 3), (0, 15, true), "the last again");
    assert_eq!(write(stamp(3), 3), (0, 3, true), "the fifth last again");
    assert_eq!(write(stamp(0), 3), (45, -1, false), "the sixth last again");
    assert_eq!(write(stamp(24), 3), (45, -1, false), "a gap");
    assert_eq!(
        write(Stamp { producer_id: 999_999, epoch: 7, base_sequence: 77 }, 1),
        (0, 18, false),
        "a stranger"
    );
    assert_eq!(write(stamp(18), 100), (10, -1, false), "too large");
    let next = |epoch, base_sequence| Stamp { producer_id, epoch, base_sequence };
    assert_eq!(write(next(1, 5), 1).0, 45, "a new epoch must begin at 0");
    assert_eq!(write(next(1, 0), 1), (0, 19, false), "a new epoch");
    assert_eq!(write(stamp(18), 3).0, 47, "the old epoch is fenced");
}

#[test]
#[ignore = "needs a broker: cargo xtask test --only kafka-broker"]
fn sasl_lets_in_who_knows_the_password() {
    let address = std::env::var("GYESAN_KAFKA_SASL").expect("GYESAN_KAFKA_SASL");
    let mechanisms = [Mechanism::Plain, Mechanism::Scram(Hash::Sha256), Mechanism::Scram(Hash::Sha512)];
    for mechanism in mechanisms {
        let with = |password: &str| Settings {
            credentials: Some(Credentials { mechanism, username: "app".into(), password: password.into() }),
            ..Settings::default()
        };
        let mut client = Client::new(with("app-secret"), &address);
        let answer = client.ask(Target::Any, metadata::Request { topics: Vec::new() }, 5_000);
        assert!(answer.is_ok(), "{mechanism:?}: {answer:?}");
        let mut stranger = Client::new(with("wrong"), &address);
        let answer = stranger.ask(Target::Any, metadata::Request { topics: Vec::new() }, 1_500);
        assert!(answer.is_err());
        let refused = |fault: &Fault| matches!(fault, Fault::Credentials { .. });
        assert!(stranger.faults.iter().any(refused), "{mechanism:?}: {:?}", stranger.faults);
    }
    // Without credentials the broker hangs up on the first question.
    let mut silent = Client::new(Settings::default(), &address);
    assert!(silent.ask(Target::Any, metadata::Request { topics: Vec::new() }, 1_000).is_err());
}

#[test]
#[ignore = "needs a broker: cargo xtask test --only kafka-broker"]
fn an_unknown_topic_is_named_when_the_time_is_over() {
    let address = broker();
    let mut client = Client::new(Settings::default(), &address);
    let request = list_offsets::Request {
        topic: "no-such-topic".into(),
        partition: 0,
        place: list_offsets::Place::Earliest,
    };
    let failure = client.ask(leader("no-such-topic", 0), request, 700);
    assert_eq!(failure, Err(Failure::Unreachable(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)));
}

/// Checks that each partition holds exactly the events, in order.
fn check(address: &str, topic: &str, partitions: i32, events: usize) {
    let mut client = Client::new(Settings::default(), address);
    for partition in 0..partitions {
        let place = TopicPartition { topic: topic.to_owned(), partition };
        let got: Vec<Record> =
            read_all(&mut client, topic, partition).into_iter().map(|stored| stored.record).collect();
        let wanted: Vec<Record> = (0..events).map(|number| relay::record(&place, number)).collect();
        let at = got.iter().zip(&wanted).position(|(got, wanted)| got != wanted);
        assert!(got == wanted, "{place}: {} of {events} events, first difference at {at:?}", got.len());
    }
}

#[test]
#[ignore = "needs a broker: cargo xtask test --only kafka-broker"]
fn a_relay_publishes_everything_once_and_tells_how_safe_it_is() {
    let address = broker();
    let topic = fresh_topic(&mut Client::new(Settings::default(), &address), "plain", 4, &[]);
    let mut relay = Relay::new(&address, &topic, 4, 5_000, 500);
    let began = std::time::Instant::now();
    relay.run(60_000);
    eprintln!("20,000 events in {:?}", began.elapsed());
    assert!(relay.is_drained(), "{:?}", relay.stops);
    assert_eq!((relay.repeats, relay.durability), (0, Some((1, Some(1)))));
    check(&address, &topic, 4, 5_000);
}

/// Reads `events` records with a reader that is dropped and taken up again at its position now and then.
fn read_with_restarts(address: &str, place: &TopicPartition, group: &str, events: usize) -> Vec<Record> {
    let settings = reader::Settings {
        connection: Settings::default(),
        bootstrap: vec![client::parse(address)],
        place: place.clone(),
        group: Some(group.to_owned()),
        max_wait_ms: 300,
        max_bytes: 20_000,
    };
    let (mut topic, mut position, mut effects) = (None, None, Vec::new());
    let end = now() + 30_000;
    while effects.len() < events {
        let mut sockets = shell::Sockets::new();
        let mut reader = Reader::new(now(), settings.clone(), topic.clone(), position);
        let mut inputs = std::collections::VecDeque::from([reader::Input::Tick]);
        let restart_after = effects.len() + events / 3 + 1;
        // The last one stays for the second after which the group's position is committed.
        let mut stay_until = None;
        while effects.len() < restart_after.min(events) || stay_until.is_some_and(|until| now() < until) {
            assert!(now() < end, "{} of {events}", effects.len());
            let input = inputs.pop_front().unwrap_or_else(|| {
                match sockets.wait(reader.deadline().unwrap_or(now() + 50)) {
                    Some(news) => reader::Input::Socket(news),
                    None => reader::Input::Tick,
                }
            });
            for output in reader.handle(now(), input) {
                match output {
                    reader::Output::Socket(order) => sockets.obey(order),
                    reader::Output::TopicSeen(seen) => topic = Some(seen),
                    reader::Output::Records { records, next_offset, .. } => {
                        effects.extend(records.into_iter().map(|stored| stored.record));
                        position = Some(next_offset);
                        inputs.push_back(reader::Input::Handled);
                        if effects.len() == events {
                            stay_until = Some(now() + 2_500);
                        }
                    }
                    reader::Output::Stopped(reason) => panic!("{reason}"),
                    reader::Output::End(_)
                    | reader::Output::TopicUnavailable(_)
                    | reader::Output::LinkBroken { .. } => {}
                }
            }
        }
        sockets.close_all();
    }
    effects
}

#[test]
#[ignore = "needs a broker: cargo xtask test --only kafka-broker"]
fn a_reader_sees_each_event_once_and_shows_its_position() {
    let address = broker();
    let mut client = Client::new(Settings::default(), &address);
    let topic = fresh_topic(&mut client, "read", 1, &[]);
    let mut relay = Relay::new(&address, &topic, 1, 4_000, 300);
    relay.run(30_000);
    let place = TopicPartition { topic: topic.clone(), partition: 0 };
    let group = format!("reader-{}", now());
    let wanted: Vec<Record> = (0..4_000).map(|number| relay::record(&place, number)).collect();
    assert!(read_with_restarts(&address, &place, &group, 4_000) == wanted);
    let question = offset_fetch::Request { group: group.clone(), topic, partition: 0 };
    let Ok(Answer::OffsetFetch(answer)) = client.ask(Target::Coordinator { group }, question, 5_000) else {
        panic!("no offset")
    };
    assert_eq!((answer.error, answer.offset), (ErrorCode::NONE, 4_000));
}

#[test]
#[ignore = "needs a broker: cargo xtask test --only kafka-broker"]
fn crashes_with_pauses_in_which_the_broker_forgets_the_producer_repeat_nothing() {
    let address = broker();
    let topic = fresh_topic(&mut Client::new(Settings::default(), &address), "forgetful", 2, &[]);
    let mut relay = Relay::new(&address, &topic, 2, 3_000, 20);
    let mut rounds = 0;
    while !relay.is_drained() {
        relay.run(60);
        relay.crash();
        rounds += 1;
        if rounds < 6 {
            // The producer expires after 1.5 s; the check runs every 0.2 s.
            std::thread::sleep(Duration::from_millis(2_200));
        }
        assert!(rounds < 500 && relay.stops.is_empty(), "{:?}", relay.stops);
    }
    eprintln!("{rounds} crashes, {} batches found in the log", relay.repeats);
    check(&address, &topic, 2, 3_000);
}

#[test]
#[ignore = "needs a broker: cargo xtask test --only kafka-broker"]
fn kill_9_of_the_broker_and_crashes_of_the_relay_lose_and_repeat_nothing() {
    let address = broker();
    let topic = fresh_topic(&mut Client::new(Settings::default(), &address), "killed", 2, &[]);
    const EVENTS: usize = 60_000;
    let mut relay = Relay::new(&address, &topic, 2, EVENTS, 20);
    let kills = std::thread::spawn(|| {
        for round in 0..6 {
            std::thread::sleep(Duration::from_millis(300 + 70 * round));
            kill_and_restart_broker();
        }
    });
    let end = now() + 120_000;
    while !relay.is_drained() && relay.stops.is_empty() && now() < end {
        relay.run(150);
        relay.crash_sometimes(300);
    }
    kills.join().unwrap();
    eprintln!("{} crashes of the relay, {} batches found in the log", relay.crashes, relay.repeats);
    assert!(relay.is_drained(), "{:?}", relay.stops);
    check(&address, &topic, 2, EVENTS);
}

#[test]
#[ignore = "needs a broker: cargo xtask test --only kafka-broker"]
fn a_broker_that_is_stopped_is_noticed_by_the_deadline() {
    let address = broker();
    let mut client = Client::new(Settings::default(), &address);
    let request = metadata::Request { topics: Vec::new() };
    client.ask(Target::Any, request.clone(), 5_000).unwrap();
    signal("STOP");
    let began = std::time::Instant::now();
    let answer = client.ask(Target::Any, request.clone(), 800);
    signal("CONT");
    assert!(matches!(answer, Err(Failure::Broken(Fault::AnswerTimeout(_)))), "{answer:?}");
    assert!(began.elapsed() < Duration::from_secs(2));
    client.insist(&Target::Any, request, |answer| matches!(answer, Answer::Metadata(_)).then_some(()));
}

fn home() -> PathBuf {
    PathBuf::from(std::env::var_os("GYESAN_KAFKA_HOME").expect("GYESAN_KAFKA_HOME"))
}

fn signal(name: &str) {
    let pid = std::fs::read_to_string(home().join("broker.pid")).unwrap();
    assert!(Command::new("kill").arg(format!("-{name}")).arg(pid.trim()).status().unwrap().success());
}

fn kill_and_restart_broker() {
    signal("KILL");
    // Until the kernel has freed its port.
    std::thread::sleep(Duration::from_millis(100));
    let log = std::fs::OpenOptions::new().append(true).open(home().join("broker.log")).unwrap();
    let mut start = Command::new("sh");
    start.arg(home().join("start.sh")).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    let mut child = start.spawn().unwrap();
    std::fs::write(home().join("broker.pid"), child.id().to_string()).unwrap();
    std::thread::spawn(move || child.wait());
}

#[test]
#[ignore = "needs a broker: cargo xtask test --only kafka-broker"]
fn the_bytes_that_were_frozen_are_the_bytes_in_the_log() {
    let address = broker();
    let mut client = Client::new(Settings::default(), &address);
    let topic = fresh_topic(&mut client, "bytes", 1, &[]);
    let stamp = Stamp { producer_id: new_producer(&mut client), epoch: 0, base_sequence: 0 };
    let batch = batch::encode(&records(0, 5), stamp, now() as i64, Compression::Snappy).unwrap();
    let request =
        produce::Request { topic: topic.clone(), partition: 0, timeout_ms: 5_000, batch: batch.clone() };
    client.insist(&leader(&topic, 0), request, |answer| match answer {
        Answer::Produce(answer) => answer.error.is_ok().then_some(()),
        _ => None,
    });
    let request = fetch::Request {
        topic: topic.clone(),
        partition: 0,
        offset: 3,
        max_wait_ms: 0,
        max_bytes: 1_000,
        isolation: fetch::Isolation::ReadUncommitted,
    };
    let Ok(Answer::Fetch(answer)) = client.ask(leader(&topic, 0), request, 5_000) else {
        panic!("no records")
    };
    // All but base offset and leader epoch, and from the batch's start although the offset lies inside.
    assert_eq!(answer.records.slice(16..), batch.slice(16..));
    assert_eq!(answer.records.slice(..8), Bytes::from_static(&[0; 8]));
}
