//! Brokers that lose what they had acknowledged: a person says to go on without it, and what is lost can be published again.

use crate::world::World;
use gyesan_core::problem::Code;
use gyesan_kafka::TopicPartition;
use std::collections::BTreeSet;

const PARTITION: &str = "gyesan.orders/1";

fn place() -> TopicPartition {
    TopicPartition { topic: "gyesan.orders".to_owned(), partition: 1 }
}

/// A relay whose partition 1 has stopped because the last acknowledged records are lost: those positions.
fn lost() -> (World, BTreeSet<usize>) {
    let mut world = World::new();
    world.start();
    for _ in 0..10 {
        world.append(20);
        world.tell_all();
        world.run_for(300);
    }
    world.run_for(3_000);
    let end = world.cluster.end_offset(&place());
    assert!(end > 20, "{end}");
    world.cluster.truncate(&place(), end - 5);
    let lost: BTreeSet<usize> = world
        .times_published()
        .iter()
        .enumerate()
        .filter(|(_, times)| **times == 0)
        .map(|(at, _)| at + 1)
        .collect();
    assert!(!lost.is_empty());
    world.append(30);
    world.tell_all();
    world.run_for(5_000);
    (world, lost)
}

fn all_but(lost: &BTreeSet<usize>, world: &World) {
    let times = world.times_published();
    let wanted: Vec<usize> =
        (1..=times.len()).map(|position| usize::from(!lost.contains(&position))).collect();
    assert_eq!(times, wanted);
}

#[test]
fn a_partition_with_lost_records_is_named_with_what_to_do() {
    let (mut world, _) = lost();
    let status = world.status();
    assert_eq!(status.stopped.len(), 1);
    assert_eq!((status.stopped[0].partition.as_str(), status.stopped[0].lost), (PARTITION, true));
    // Without the word it looks again, and stops again.
    let resumed = world.resume(None, false).unwrap();
    assert_eq!((resumed.partitions.len(), resumed.partitions[0].lost), (1, true));
    world.run_for(5_000);
    assert_eq!(world.status().stopped.len(), 1);
    assert_eq!(world.details("alert.relay-stopped").len(), 2);
    assert_eq!(world.resume(Some("gyesan.orders/0"), true).unwrap_err().code, Code::NotFound);
}

#[test]
fn with_the_word_it_goes_on_once_and_what_is_lost_can_be_published_again() {
    let (mut world, lost) = lost();
    world.resume(Some(PARTITION), true).unwrap();
    assert_eq!(
        world.resume(Some(PARTITION), true).unwrap_err().code,
        Code::NotFound,
        "it has not stopped any more"
    );
    world.run_for(10_000);
    assert_eq!(world.details("relay.loss-accepted").len(), 1);
    assert_eq!(world.status().stopped, []);
    all_but(&lost, &world);
    let (first, last) = (*lost.first().unwrap(), *lost.last().unwrap());
    world.republish("r1", first as u64, last as u64, 1).unwrap();
    world.run_for(5_000);
    assert!(world.times_published().iter().all(|times| *times >= 1));
    world.append(20);
    world.tell_all();
    world.restart();
    world.run_for(10_000);
    assert!(world.times_published().iter().all(|times| *times >= 1));
}

#[test]
fn a_crash_after_any_commit_neither_loses_nor_doubles_what_follows() {
    for turns in 0..25 {
        let (mut world, lost) = lost();
        world.resume(Some(PARTITION), true).unwrap();
        world.crash_in(turns);
        world.run_for(8_000);
        // The word is gone with the process where nothing of it was on disk.
        if !world.status().stopped.is_empty() {
            world.resume(Some(PARTITION), true).unwrap();
        }
        world.append(10);
        world.tell_all();
        world.run_for(10_000);
        assert_eq!(world.epoch(1), 1, "it moves on once; crash after {turns} turns");
        all_but(&lost, &world);
    }
}

#[test]
fn the_word_is_refused_for_a_partition_that_stopped_for_another_reason() {
    let mut world = World::new();
    world.start();
    world.run_for(2_000);
    world.cluster.refuse_next(&place(), 87, false);
    world.append(30);
    world.tell_all();
    world.run_for(5_000);
    let refusal = world.resume(Some(PARTITION), true).unwrap_err();
    assert_eq!(refusal.code, Code::InvalidValue);
    assert_eq!(world.status().stopped.len(), 1, "nothing is changed");
    assert_eq!(world.resume(Some(PARTITION), false).unwrap().partitions.len(), 1);
    world.run_for(5_000);
    assert_eq!(world.published(), world.committed());
}
