//! Relays over one store and a simulated cluster: whoever opened the store last publishes, each record once, and an earlier
//! process that still runs stops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod losing;
mod republishing;
mod stopping;
mod world;

use world::World;

#[test]
fn a_relay_publishes_each_record_once_and_in_order() {
    let mut world = World::new();
    world.append(40);
    world.start();
    world.run_for(2_000);
    world.append(2_000);
    world.tell_all();
    world.run_for(10_000);
    assert_eq!(world.published(), world.committed());
    assert!(world.facts().iter().all(|fact| *fact == "relay.durability"), "{:?}", world.facts());
}

#[test]
fn of_two_relays_over_one_store_only_the_later_goes_on() {
    let mut world = World::new();
    world.append(40);
    let earlier = world.start();
    world.run_for(2_000);
    let later = world.start();
    // Both live, both hear that the log has grown, and both would freeze it.
    for _ in 0..50 {
        world.append(3);
        world.tell_all();
        world.run_for(20);
    }
    world.run_for(10_000);
    assert_eq!(world.published(), world.committed());
    assert_eq!(world.said(earlier, "relay.superseded"), 1, "it stops, and says so once");
    assert_eq!(world.said(later, "relay.superseded"), 0);
    assert_eq!(world.open_sockets(earlier), 0);
}

#[test]
fn a_relay_that_could_not_store_starts_over_and_publishes_each_record_once() {
    let mut world = World::new();
    let relay = world.start();
    world.run_for(2_000);
    for round in 0..60 {
        world.append(5);
        world.fail_writes_after(round % 9);
        world.tell_all();
        world.run_for(15);
    }
    world.run_for(20_000);
    assert!(world.said(relay, "storage.failed") > 20);
    assert_eq!(world.published(), world.committed());
}

#[test]
fn batches_that_were_open_when_a_process_ended_are_made_again_of_the_same_records() {
    let mut world = World::new();
    world.append(40);
    world.start();
    world.run_for(2_000);
    for round in 0..12 {
        // Without brokers what is frozen stays open, and a later process has nothing of it but what is stored.
        world.brokers_are_up(false);
        for _ in 0..4 {
            world.append(7);
            world.tell_all();
            world.run_for(30);
        }
        assert!(world.open_batches() > 0);
        world.start();
        world.run_for(400);
        world.start();
        world.append(5);
        world.tell_all();
        world.run_for(10);
        world.brokers_are_up(true);
        // Every second time also with batches on their way, or written without an answer.
        world.run_for(if round % 2 == 0 { 15_000 } else { 60 });
    }
    world.start();
    world.run_for(30_000);
    assert_eq!(world.open_batches(), 0);
    assert_eq!(world.published(), world.committed());
}
