//! The relay's protocol against the simulated cluster, from many seeds: each event is in its partition's log exactly once
//! and in order, whatever is cut, late, forgotten, moved or killed in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "publication/world.rs"]
mod world;

use bytes::Bytes;
use gyesan_kafka::TopicPartition;
use gyesan_kafka::relay::StopReason;
use gyesan_kafka::sim::Faults;
use world::{Chaos, TOPIC, World};

/// Runs a seed to the end and says what was wrong, with the seed.
fn run(seed: u64, faults: Faults, chaos: Chaos) -> World {
    let mut world = World::new(seed, faults, chaos);
    world.run_until_drained();
    world.check();
    world
}

fn place(partition: i32) -> TopicPartition {
    TopicPartition { topic: TOPIC.to_owned(), partition }
}

const ROUGH: Faults =
    Faults { cut_answer: 30, cut_request: 20, silence: 3, late_ms: 500, overtake: 0, delay_max_ms: 8 };

/// Without accidents, but slow enough to look in between.
const SLOW: Faults =
    Faults { cut_answer: 0, cut_request: 0, silence: 0, late_ms: 0, overtake: 0, delay_max_ms: 8 };

#[test]
fn nothing_goes_wrong_and_all_is_published() {
    let world = run(1, Faults { delay_max_ms: 3, ..Faults::default() }, Chaos::default());
    assert_eq!(world.repeats, 0);
    assert_eq!(world.stops, []);
}

#[test]
fn cuts_crashes_restarts_and_moves_lose_and_repeat_nothing() {
    let chaos = Chaos { crash: 8, broker: 15, leader: 15, refusal: 60, ..Chaos::default() };
    let mut repeats = 0;
    for seed in 0..400 {
        let world = run(seed, ROUGH, chaos);
        assert_eq!(world.stops, [], "seed {seed}");
        repeats += world.repeats;
    }
    assert!(repeats > 100, "the faults must be such that batches are found again; {repeats} were");
}

#[test]
fn a_broker_that_forgets_producers_between_crash_and_resend_gets_nothing_twice() {
    // Without refusals and late originals: both need a broker that remembers.
    let chaos = Chaos { crash: 20, forget: 150, ..Chaos::default() };
    let mut repeats = 0;
    for seed in 0..400 {
        let world = run(seed, Faults { late_ms: 0, ..ROUGH }, chaos);
        assert_eq!(world.stops, [], "seed {seed}");
        repeats += world.repeats;
    }
    assert!(repeats > 100, "{repeats}");
}

#[test]
fn expired_producers_after_long_pauses_are_no_danger_under_any_fault() {
    let chaos =
        Chaos { crash: 10, broker: 15, leader: 10, refusal: 40, pause: 10, expire: 100, ..Chaos::default() };
    for seed in 1_000..1_300 {
        let world = run(seed, ROUGH, chaos);
        assert_eq!(world.stops, [], "seed {seed}");
    }
}

#[test]
fn resending_blindly_would_be_found_out_by_these_tests() {
    // The same world with the read-back made useless: the publisher restarts from a store that claims the log's end.
    let chaos = Chaos { crash: 20, forget: 150, blind: true, ..Chaos::default() };
    let broken = (0..60).any(|seed| {
        let mut world = World::new(seed, Faults { late_ms: 0, ..ROUGH }, chaos);
        world.run_until_drained();
        world.first_fault().is_some()
    });
    assert!(broken);
}

#[test]
fn answers_out_of_turn_are_told_apart_by_their_correlation() {
    for seed in 0..100 {
        let faults = Faults { overtake: 200, delay_max_ms: 20, ..Faults::default() };
        let world = run(seed, faults, Chaos { crash: 5, ..Chaos::default() });
        assert_eq!(world.stops, [], "seed {seed}");
    }
}

#[test]
fn a_second_writer_under_the_same_producer_stops_the_first() {
    let mut world = World::new(7, Faults::default(), Chaos::default());
    world.run_for(200);
    world.write_as_newer_epoch(&place(0));
    world.run_for(20_000);
    assert!(world.stops.contains(&(place(0), StopReason::Fenced)), "{:?}", world.stops);
}

#[test]
fn a_refused_batch_stops_its_partition_alone_and_goes_on_when_told() {
    for error in [87, 2, 10, 32, 29] {
        let mut world = World::new(8, Faults::default(), Chaos::default());
        world.cluster.refuse_next(&place(1), error, false);
        world.run_for(30_000);
        let stopped = |(place, reason): &(TopicPartition, StopReason)| {
            place.partition == 1
                && matches!(reason, StopReason::Rejected { error: got, .. } if got.0 == error)
        };
        assert!(world.stops.iter().any(stopped), "{error}: {:?}", world.stops);
        assert!(world.is_drained(&place(0)) && !world.is_drained(&place(1)));
        world.resume(&place(1), false);
        world.run_until_drained();
        world.check();
    }
}

/// NOT_ENOUGH_REPLICAS, NOT_ENOUGH_REPLICAS_AFTER_APPEND and KAFKA_STORAGE_ERROR: told, and tried again until it is taken.
#[test]
fn a_broker_short_of_replicas_or_disk_is_waited_for() {
    for (error, written) in [(19, false), (20, true), (56, false)] {
        let mut world = World::new(8, Faults::default(), Chaos::default());
        for _ in 0..3 {
            world.cluster.refuse_next(&place(1), error, written);
        }
        world.run_until_drained();
        world.check();
        assert!(world.stops.is_empty(), "{error}: {:?}", world.stops);
        assert!(world.postponed > 0, "{error} is told");
    }
}

#[test]
fn acknowledged_records_that_are_lost_stop_the_partition() {
    let mut world = World::new(9, SLOW, Chaos::default());
    world.run_until(|world| world.acknowledged(&place(0)) > 40 && !world.is_drained(&place(0)));
    let acknowledged = world.acknowledged(&place(0));
    world.cluster.truncate(&place(0), acknowledged - 1);
    world.run_for(30_000);
    let lost = |(_, reason): &(_, StopReason)| matches!(reason, StopReason::AcknowledgedLost { .. });
    assert!(world.stops.iter().any(lost), "{:?}", world.stops);
}

/// Loses what was acknowledged last in partition 0, and runs until that is noticed. How many events are left in the log, and
/// how many were acknowledged.
fn lose_acknowledged(world: &mut World) -> (usize, usize) {
    world.run_until(|world| world.acknowledged(&place(0)) > 40 && !world.is_drained(&place(0)));
    let acknowledged = world.acknowledged(&place(0));
    world.cluster.truncate(&place(0), acknowledged - 1);
    let left = world.cluster.end_offset(&place(0));
    let lost = |(_, reason): &(_, StopReason)| matches!(reason, StopReason::AcknowledgedLost { .. });
    world.run_until(|world| world.stops.iter().any(lost));
    (usize::try_from(left).unwrap(), usize::try_from(world.acknowledged(&place(0))).unwrap())
}

#[test]
fn a_partition_with_lost_records_goes_on_when_a_person_accepts_the_loss_and_not_before() {
    let mut world = World::new(9, SLOW, Chaos::default());
    let (left, acknowledged) = lose_acknowledged(&mut world);
    world.run_for(60_000);
    world.resume(&place(0), false);
    world.run_for(60_000);
    assert_eq!((world.moved, world.stops.len()), (0, 2), "it looks, and stops again: {:?}", world.stops);
    assert_eq!(world.published(&place(0)).len(), left);
    // Said twice, done once.
    world.resume(&place(0), true);
    world.resume(&place(0), true);
    world.run_until_drained();
    assert_eq!((world.moved, world.stops.len()), (1, 2));
    let wanted = [World::events(&place(0), 0..left), World::events(&place(0), acknowledged..world::EVENTS)];
    assert_eq!(world.published(&place(0)), wanted.concat());
}

#[test]
fn accepting_a_loss_survives_crashes_and_cuts_at_any_point() {
    let mut moved = 0;
    for seed in 0..60 {
        let chaos = Chaos { crash: 25, ..Chaos::default() };
        let mut world = World::new(seed, Faults { silence: 0, ..ROUGH }, chaos);
        let (left, acknowledged) = lose_acknowledged(&mut world);
        // A crash takes the permission with it, unless it is on disk what follows from it.
        while !world.is_drained(&place(0)) {
            world.resume(&place(0), true);
            world.run_for(5_000);
        }
        world.run_until_drained();
        // A late copy may bring back what was lost, as long as nothing was written behind it.
        let published = world.published(&place(0));
        let missing = |event: &Bytes| !published.contains(event);
        let lost: Vec<Bytes> =
            World::events(&place(0), left..acknowledged).into_iter().filter(missing).collect();
        let mut wanted = World::events(&place(0), 0..world::EVENTS);
        wanted.retain(|event| !lost.contains(event));
        assert_eq!(published.len(), wanted.len(), "seed {seed}");
        assert!(published == wanted, "seed {seed}: out of order");
        moved += world.moved;
    }
    assert!(moved > 50, "{moved}");
}

#[test]
fn a_permission_to_go_on_without_lost_records_is_not_used_when_nothing_is_lost() {
    let mut world = World::new(8, Faults::default(), Chaos::default());
    world.cluster.refuse_next(&place(1), 87, false);
    world.run_for(30_000);
    world.resume(&place(1), true);
    world.run_until_drained();
    assert_eq!(world.moved, 0);
    world.check();
}

#[test]
fn records_deleted_before_the_check_are_judged_by_the_brokers_memory() {
    for remembers in [true, false] {
        let mut world = World::new(10, SLOW, Chaos::default());
        // Written and not yet answered; the relay dies, and retention is faster than its restart.
        world.run_until(|world| world.cluster.end_offset(&place(0)) > world.acknowledged(&place(0)));
        world.crash();
        let end = world.cluster.end_offset(&place(0));
        let read = world.published(&place(0));
        world.cluster.delete_records(&place(0), end);
        if !remembers {
            world.cluster.forget_producers(i64::MAX);
        }
        world.run_for(60_000);
        let stopped = world.stops.iter().any(|(_, reason)| matches!(reason, StopReason::DeletedUnchecked(_)));
        assert_eq!(stopped, !remembers, "{:?}", world.stops);
        if remembers {
            world.check_after_deletion(&place(0), read);
        }
    }
}

#[test]
fn a_changed_topic_stops_and_is_never_published_to() {
    let mut grown = World::new(11, Faults::default(), Chaos::default());
    grown.run_for(100);
    grown.cluster.add_partitions(TOPIC, 1);
    grown.run_for(400_000);
    assert!(
        grown.stops.iter().any(|(_, reason)| matches!(reason, StopReason::TopicChanged(_))),
        "{:?}",
        grown.stops
    );

    let mut made_again = World::new(12, Faults::default(), Chaos::default());
    made_again.run_for(25);
    made_again.cluster.create_topic(TOPIC, world::PARTITIONS);
    made_again.crash();
    made_again.run_for(30_000);
    let changed = |(_, reason): &(_, StopReason)| matches!(reason, StopReason::TopicChanged(_));
    assert!(made_again.stops.iter().any(changed), "{:?}", made_again.stops);
    assert_eq!(made_again.cluster.end_offset(&place(0)), 0);
}

#[test]
fn a_topic_that_was_made_again_is_published_to_once_a_person_has_looked() {
    let mut world = World::new(12, Faults::default(), Chaos::default());
    world.run_for(25);
    let before: Vec<_> = (0..world::PARTITIONS)
        .map(|partition| {
            let acknowledged = usize::try_from(world.acknowledged(&place(partition))).unwrap();
            world.published(&place(partition)).into_iter().take(acknowledged).collect::<Vec<_>>()
        })
        .collect();
    world.cluster.create_topic(TOPIC, world::PARTITIONS);
    world.crash();
    world.run_for(30_000);
    for partition in 0..world::PARTITIONS {
        world.resume(&place(partition), false);
    }
    world.run_until_drained();
    for (partition, before) in (0..).zip(before) {
        world.check_after_deletion(&place(partition), before);
    }
}

#[test]
fn a_missing_topic_and_a_cluster_that_is_down_are_waited_for() {
    let mut world = World::new(13, Faults::default(), Chaos::default());
    world.cluster.delete_topic(TOPIC);
    for node in 1..=world::NODES {
        world.cluster.set_up(node, false);
    }
    // An hour: the pauses grow, so the tries stay few.
    world.run_for(3_600_000);
    assert!(world.opened < 3_600, "{} connections in an hour", world.opened);
    for node in 1..=world::NODES {
        world.cluster.set_up(node, true);
    }
    world.run_for(60_000);
    assert!(world.unavailable > 0);
    world.cluster.create_topic(TOPIC, world::PARTITIONS);
    world.run_until_drained();
    world.check();
}
