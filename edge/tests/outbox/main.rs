//! A shard's outbox and its relay's word: what is published long enough ago is removed, and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod world;

use gyesan_edge::outbox;
use world::{DAY_MS, HOUR_MS, SHARD, World};

#[test]
fn what_was_published_seven_days_ago_is_removed_and_what_came_later_stays() {
    let mut world = World::new(Some(7 * DAY_MS));
    world.append(30);
    world.relay_is_done_up_to(30);
    world.pass(HOUR_MS);
    world.append(20);
    world.relay_is_done_up_to(50);
    for _ in 0..7 * 24 - 1 {
        world.pass(HOUR_MS);
        assert_eq!(world.kept(), (1..=50).collect::<Vec<u64>>(), "{} ms", world.passed());
    }
    world.pass(HOUR_MS);
    assert_eq!(world.kept(), (31..=50).collect::<Vec<u64>>());
    assert_eq!(world.status().first, 31);
    assert_eq!(world.said("outbox.removed"), 1);
    world.pass(HOUR_MS);
    assert_eq!(world.kept(), [50], "the last row is where the log ends");
    world.pass(2 * DAY_MS);
    assert_eq!(world.said("outbox.removed"), 2, "it is not said again");
}

#[test]
fn nothing_is_removed_that_the_relay_still_needs() {
    let mut world = World::new(Some(DAY_MS));
    world.append(30);
    world.relay_is_done_up_to(10);
    for _ in 0..100 {
        world.pass(HOUR_MS);
    }
    assert_eq!(world.kept(), (11..=30).collect::<Vec<u64>>());
    // A restored backup of the relay's store.
    world.append(10);
    world.relay_is_done_up_to(40);
    world.pass(HOUR_MS);
    world.relay_is_done_up_to(15);
    for _ in 0..100 {
        world.pass(HOUR_MS);
    }
    assert_eq!(world.kept(), (16..=40).collect::<Vec<u64>>());
}

#[test]
fn positions_go_on_where_they_were_when_everything_is_removed() {
    let mut world = World::new(Some(DAY_MS));
    world.append(5);
    world.relay_is_done_up_to(5);
    world.pass(HOUR_MS);
    world.pass(2 * DAY_MS);
    world.restart();
    assert_eq!(world.kept(), [5]);
    world.append(2);
    assert_eq!(world.kept(), [5, 6, 7]);
    assert_eq!(world.status().end, 7);
}

#[test]
fn a_crash_anywhere_removes_no_more_and_the_rest_is_removed_afterwards() {
    let mut world = World::new(Some(DAY_MS));
    world.append(3_500);
    world.relay_is_done_up_to(3_000);
    world.pass(HOUR_MS);
    world.now += 2 * DAY_MS;
    world.poke();
    let mut turns = 0;
    while world.kept()[0] <= 3_000 {
        let before = world.kept().len();
        // Every fourth turn ends before its commit, with the process.
        let removed = before - world.next_turn(turns % 4 == 0);
        assert!(removed <= 1_000, "{removed} rows in one turn");
        turns += 1;
        assert!(turns < 200, "it never ends");
    }
    assert_eq!(world.kept(), (3_001..=3_500).collect::<Vec<u64>>());
}

#[test]
fn for_ever_and_embedded_mode_keep_everything() {
    for mut world in [World::new(None), World::embedded()] {
        world.append(5);
        world.relay_is_done_up_to(5);
        for _ in 0..10 {
            world.pass(30 * DAY_MS);
        }
        assert_eq!(world.kept(), [1, 2, 3, 4, 5]);
        assert_eq!(world.questions, 0);
    }
}

#[test]
fn a_relay_that_does_not_answer_is_asked_again_and_nothing_is_removed() {
    let mut world = World::new(Some(DAY_MS));
    world.append(5);
    for _ in 0..100 {
        world.pass(HOUR_MS);
    }
    assert_eq!(world.kept().len(), 5);
    assert!(world.questions >= 100);
    world.relay_is_done_up_to(4);
    world.pass(HOUR_MS);
    assert_eq!(world.kept().len(), 5, "published just now");
    world.pass(DAY_MS);
    assert_eq!(world.kept(), [5]);
}

#[test]
fn a_clock_that_was_ahead_does_not_make_records_old() {
    let mut world = World::new(Some(7 * DAY_MS));
    world.append(5);
    world.relay_is_done_up_to(1);
    let right = world.now;
    world.now = right + 300 * DAY_MS;
    world.restart();
    world.poke();
    world.relay_is_done_up_to(5);
    world.pass(HOUR_MS);
    world.now = right;
    for _ in 0..7 * 24 - 1 {
        world.pass(HOUR_MS);
    }
    assert_eq!(world.kept().len(), 5);
    world.pass(2 * HOUR_MS);
    assert_eq!(world.kept(), [5], "it does not wait for the wrong day to come either");
}

#[test]
fn a_page_says_where_it_begins_and_an_empty_one_where_the_log_ends() {
    let mut world = World::new(Some(DAY_MS));
    let first = |world: &World, after| outbox::page(&world.database, SHARD, after, 10).unwrap().first();
    assert_eq!(first(&world, 0), 1);
    world.append(30);
    assert_eq!((first(&world, 0), first(&world, 29), first(&world, 30)), (1, 30, 31));
    assert_eq!(first(&world, 400), 31, "a log that was set back");
    world.relay_is_done_up_to(20);
    world.pass(HOUR_MS);
    world.pass(2 * DAY_MS);
    assert_eq!(first(&world, 7), 21);
    let page = outbox::page(&world.database, SHARD, 7, 10).unwrap();
    assert_eq!(page.entries().next().unwrap().seq, 21);
}
