//! Publishing again what is published already: once for each request, whatever ends in between.

use crate::world::World;
use gyesan_core::problem::Code;
use gyesan_edge::params;
use gyesan_edge::sql::Sql;

/// A relay that has published so many events.
fn published(count: u64) -> World {
    let mut world = World::new();
    world.append(count);
    world.start();
    world.run_for(5_000);
    assert_eq!(world.source().published, count);
    world
}

fn times(count: usize, again: std::ops::RangeInclusive<usize>) -> Vec<usize> {
    (1..=count).map(|position| if again.contains(&position) { 2 } else { 1 }).collect()
}

#[test]
fn what_is_wanted_is_published_once_more_and_in_order() {
    let mut world = published(3_000);
    let first = world.published();
    assert_eq!(world.republish("r1", 200, 2_700, 1).unwrap().state(), "running");
    world.append(50);
    world.tell_all();
    world.run_for(5_000);
    assert_eq!(world.times_published(), times(3_050, 200..=2_700));
    for (key, events) in world.published() {
        // Behind what was there, what came meanwhile may lie anywhere between.
        let number = |event: &String| event.strip_prefix("evt_").unwrap().parse::<u64>().unwrap();
        let again: Vec<u64> =
            events[first[&key].len()..].iter().map(number).filter(|n| *n <= 3_000).collect();
        let wanted: Vec<u64> = first[&key].iter().map(number).filter(|n| (200..=2_700).contains(n)).collect();
        assert_eq!(again, wanted, "{key}");
    }
    let status = world.status();
    assert_eq!(status.republications[0].state(), "done");
    assert_eq!((world.source().published, world.source().released), (3_050, 3_050));
}

#[test]
fn a_repeated_request_publishes_nothing_more() {
    let mut world = published(100);
    let first = world.republish("r1", 10, 20, 1).unwrap();
    assert_eq!(world.republish("r1", 10, 20, 1).unwrap(), first);
    world.run_for(2_000);
    world.restart();
    world.run_for(2_000);
    // Also when the shard has removed the records meanwhile.
    assert_eq!(world.republish("r1", 10, 20, 90).unwrap().state(), "done");
    assert_eq!(world.republish("r1", 10, 21, 1).unwrap_err().code, Code::IdempotencyKeyReused);
    world.run_for(2_000);
    assert_eq!(world.times_published(), times(100, 10..=20));
    world.republish("r2", 10, 20, 1).unwrap();
    world.run_for(2_000);
    assert_eq!(world.times_published()[9..20], [3; 11], "another request is another publication");
}

#[test]
fn a_crash_after_any_commit_neither_loses_nor_doubles_a_republication() {
    for turns in 0..40 {
        let mut world = published(400);
        world.republish("r1", 50, 350, 1).unwrap();
        world.crash_in(turns);
        world.run_for(3_000);
        world.append(30);
        world.tell_all();
        world.run_for(10_000);
        assert_eq!(world.times_published(), times(430, 50..=350), "crash after {turns} turns");
        assert_eq!(world.status().republications[0].state(), "done", "crash after {turns} turns");
    }
}

#[test]
fn republications_that_overlap_survive_crashes_with_batches_of_both_open() {
    let mut world = published(60);
    for round in 0..4 {
        world.brokers_are_up(false);
        world.republish(&format!("a{round}"), 5, 40, 1).unwrap();
        world.republish(&format!("b{round}"), 20, 60, 1).unwrap();
        world.run_for(200);
        assert!(world.open_batches() > 3);
        world.restart();
        world.run_for(200);
        world.brokers_are_up(true);
        world.run_for(20_000);
    }
    let wanted =
        |position| 1 + if (5..=40).contains(&position) { 4 } else { 0 } + if position >= 20 { 4 } else { 0 };
    assert_eq!(world.times_published(), (1..=60).map(wanted).collect::<Vec<usize>>());
}

#[test]
fn what_a_republication_needs_is_not_released_before_it_is_acknowledged() {
    let mut world = published(500);
    world.brokers_are_up(false);
    // With batches of something else there is no room for it.
    for _ in 0..6 {
        world.append(30);
        world.tell_all();
        world.run_for(50);
    }
    world.republish("r1", 100, 300, 1).unwrap();
    world.run_for(5_000);
    let source = world.source();
    assert_eq!((source.published, source.released), (500, 99), "published is not counted back");
    assert_eq!(world.status().republications[0].next, 100);
    world.restart();
    assert_eq!(world.source().released, 99);
    world.brokers_are_up(true);
    world.run_for(30_000);
    // What is frozen is still needed until it is acknowledged.
    world.brokers_are_up(false);
    world.republish("r2", 200, 210, 1).unwrap();
    world.run_for(200);
    assert_eq!((world.status().republications[0].next, world.source().released), (211, 199));
    world.brokers_are_up(true);
    world.run_for(30_000);
    assert_eq!(world.source().released, 680);
    assert_eq!(world.times_published()[..199], times(199, 100..=300));
    assert_eq!(world.times_published()[211..], times(680, 100..=300)[211..]);
}

#[test]
fn what_cannot_be_published_again_is_refused_with_the_positions_that_can() {
    let mut world = published(100);
    world.brokers_are_up(false);
    world.append(20);
    world.tell_all();
    world.run_for(100);
    for (first, last, kept) in [(0, 10, 1), (10, 9, 1), (90, 101, 1), (5, 10, 6), (1, 1_000_001, 1)] {
        let refusal = world.republish("r", first, last, kept).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidValue, "{first} to {last}");
        let detail = refusal.detail.unwrap();
        assert!(detail.contains(&format!("{kept} to 100 can")), "{detail}");
    }
    assert_eq!(world.status().republications, []);
}

#[test]
fn records_that_vanish_or_cannot_be_read_end_their_republication_and_nothing_else() {
    for (spoil, why) in [
        ("DELETE FROM outbox WHERE seq <= 70", "no longer has positions 50 to 70"),
        ("UPDATE outbox SET value = x'0000000099' WHERE seq = 60", "position 60"),
    ] {
        let mut world = published(100);
        // The shard was asked before, and answered that it has them.
        world.shard.query(spoil, params![]).unwrap();
        world.republish("r1", 50, 80, 1).unwrap();
        world.republish("r2", 90, 95, 1).unwrap();
        world.append(5);
        world.tell_all();
        world.run_for(10_000);
        let republications = world.status().republications;
        assert_eq!(republications.iter().map(|r| r.state()).collect::<Vec<_>>(), ["done", "failed"]);
        assert!(republications[1].failed.as_ref().unwrap().contains(why), "{republications:?}");
        assert!(world.details("alert.republication-failed")[0].contains("order-0"));
        assert_eq!(world.source().stopped, None);
        assert_eq!((world.source().published, world.source().released), (105, 105));
        assert_eq!(world.times_published()[89..95], [2; 6]);
    }
}
