//! Where going on would be guessing it stops, says so, and goes on where an operator says.

use crate::events::wanted;
use crate::world::{TOPIC, World, place};
use gyesan_core::problem::Code;
use gyesan_edge::command::ConsumerCommand;
use gyesan_kafka::sim::Faults;

fn stopped_world(seed: u64, damage: impl Fn(&mut World)) -> World {
    let mut world = World::new(seed, Faults::default());
    world.fill(0..10);
    world.run(3_000);
    damage(&mut world);
    world.restart();
    world.run(30_000);
    world
}

fn assert_stopped(world: &mut World, words: &str) {
    let stopped = world.position().stopped.expect("it has stopped");
    assert!(stopped.reason.contains(words), "{}", stopped.reason);
    // It never goes on by itself, and says so once.
    for _ in 0..3 {
        world.restart();
        world.run(3_600_000);
    }
    assert_eq!(world.position().stopped, Some(stopped));
    let lines = world.lines("alert.consumer-stopped");
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].level, "error");
    assert!(lines[0].detail.starts_with("wallets:0 at position 10: stopped:"), "{}", lines[0].detail);
}

#[test]
fn a_position_whose_records_are_deleted_stops_it() {
    let mut world = stopped_world(1, |world| {
        world.brokers_are_up(false);
        world.brokers_are_up(true);
        world.fill(10..30);
        world.cluster.delete_records(&place(), 24);
    });
    assert_stopped(&mut world, "the log has no offset 10");
    let refused = world.order(ConsumerCommand::Resume { position: None }).unwrap_err();
    assert_eq!(refused.code, Code::Required);
    world.order(ConsumerCommand::Resume { position: Some(24) }).unwrap();
    world.run(3_000);
    let mut credited = wanted(0..10);
    credited.extend(wanted(24..30));
    assert_eq!(world.credited("A"), credited);
    assert_eq!(world.position().stopped, None);
    world.restart();
    world.run(3_000);
    assert_eq!((world.position().position, world.position().stopped), (30, None));
}

#[test]
fn a_topic_that_was_made_again_stops_it() {
    let mut world = stopped_world(2, |world| world.cluster.create_topic(TOPIC, 1));
    assert_stopped(&mut world, "deleted and created again");
    world.produce_anew();
    world.fill(10..13);
    world.order(ConsumerCommand::Resume { position: Some(0) }).unwrap();
    world.run(3_000);
    assert_eq!(world.credited("A"), wanted(0..13));
    assert_eq!(world.position().position, 3);
}

#[test]
fn a_topic_that_is_deleted_under_way_is_told_of_and_one_made_in_its_place_stops_it() {
    let mut world = World::new(5, Faults::default());
    world.fill(0..10);
    world.run(3_000);
    world.cluster.delete_topic(TOPIC);
    world.run(3_600_000);
    let lines = world.lines("consumer.topic-unavailable").len();
    assert!((20..=61).contains(&lines), "{lines} lines in an hour: {:?}", world.log);
    assert_eq!(world.position().stopped, None);
    world.cluster.create_topic(TOPIC, 1);
    world.run(600_000);
    assert_stopped(&mut world, "deleted and created again");
}

#[test]
fn a_topic_that_grew_stops_it() {
    let mut world = stopped_world(3, |world| world.cluster.add_partitions(TOPIC, 1));
    assert_stopped(&mut world, "2 partitions, 1 before");
}

#[test]
fn a_topic_of_another_size_than_configured_stops_it_before_it_reads() {
    let mut world = World::new(4, Faults::default());
    world.cluster.create_topic(TOPIC, 3);
    world.fill(0..10);
    world.run(5_000);
    let stopped = world.position().stopped.unwrap();
    assert_eq!(stopped.reason, "the topic gyesan.orders has 3 partitions and the configuration says 1");
    assert!(world.credited("A").is_empty());
    world.cluster.create_topic(TOPIC, 1);
    world.produce_anew();
    world.fill(0..10);
    world.order(ConsumerCommand::Resume { position: None }).unwrap();
    world.run(3_000);
    assert_eq!(world.credited("A"), wanted(0..10));
}
