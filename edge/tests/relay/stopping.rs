//! A log that cannot be read on stops alone, says why, and goes on when a person has seen to it.

use crate::world::World;
use gyesan_core::problem::Code;
use gyesan_edge::command::Stopped;
use gyesan_edge::params;
use gyesan_edge::sql::Sql;
use gyesan_edge::topology::Target;

fn alerts(world: &World) -> Vec<String> {
    world.details("alert.relay-source-stopped")
}

#[test]
fn a_record_that_cannot_be_read_stops_its_log_alone_until_it_can_be() {
    let mut world = World::new();
    world.append(40);
    let good = world.shard.query("SELECT value FROM outbox WHERE seq = 17", &[]).unwrap();
    let good = good[0].blob(0).unwrap().clone();
    world.shard.query("UPDATE outbox SET value = x'0000000099' WHERE seq = 17", &[]).unwrap();
    let relay = world.start();
    world.book(5);
    world.run_for(5_000);
    assert_eq!(world.said(relay, "storage.failed"), 0);
    assert_eq!(alerts(&world).len(), 1, "{:?}", alerts(&world));
    assert!(alerts(&world)[0].contains("order-0: position 17: "), "{:?}", alerts(&world));
    assert_eq!(world.source().published, 16);
    assert!(world.source().stopped.unwrap().contains("position 17"));
    world.append(5);
    world.tell_all();
    world.book(5);
    world.run_for(60_000);
    assert_eq!((world.booked_and_published(), world.source().published), (10, 16), "the other log goes on");
    assert_eq!(alerts(&world).len(), 1, "it is said once");
    // Looked at and not seen to: it stops again, at the same place.
    let resumed = world.resume(None, false).unwrap();
    assert!(resumed.sources[0].reason.contains("position 17") && !resumed.sources[0].lost, "{resumed:?}");
    let refusal = world.resume_what(Stopped::Source(Target::Order(0)), true);
    assert_eq!(refusal.unwrap_err().code, Code::NotFound, "it goes on already");
    world.run_for(5_000);
    assert_eq!((alerts(&world).len(), world.source().published), (2, 16));
    world.restart();
    world.run_for(5_000);
    assert_eq!((alerts(&world).len(), world.source().published), (3, 16));
    world.shard.query("UPDATE outbox SET value = ? WHERE seq = 17", params![good]).unwrap();
    world.resume(None, false).unwrap();
    world.run_for(5_000);
    assert_eq!(world.source().stopped, None);
    assert_eq!(world.published(), world.committed());
}

#[test]
fn an_open_batch_whose_records_cannot_be_read_after_a_restart_stops_its_log_alone() {
    let mut world = World::new();
    world.start();
    world.run_for(2_000);
    world.brokers_are_up(false);
    world.append(40);
    world.tell_all();
    world.run_for(200);
    assert!(world.open_batches() > 0);
    let good = world.shard.query("SELECT value FROM outbox WHERE seq = 17", &[]).unwrap();
    let good = good[0].blob(0).unwrap().clone();
    world.shard.query("UPDATE outbox SET value = x'0000000099' WHERE seq = 17", &[]).unwrap();
    let relay = world.restart();
    world.book(5);
    world.brokers_are_up(true);
    world.run_for(30_000);
    assert_eq!(world.said(relay, "storage.failed"), 0);
    assert!(alerts(&world)[0].contains("order-0: position 17: "), "{:?}", alerts(&world));
    assert_eq!(world.booked_and_published(), 5);
    world.shard.query("UPDATE outbox SET value = ? WHERE seq = 17", params![good]).unwrap();
    world.append(5);
    world.tell_all();
    world.resume(None, false).unwrap();
    world.run_for(30_000);
    assert_eq!(world.published(), world.committed());
}

#[test]
fn a_relay_that_was_set_back_skips_nothing_silently() {
    let mut world = World::new();
    world.append(40);
    world.shard.query("DELETE FROM outbox WHERE seq <= 20", &[]).unwrap();
    world.start();
    world.book(5);
    world.run_for(20_000);
    assert!(
        alerts(&world)[0].contains("order-0: positions 1 to 20 are no longer in the log"),
        "{:?}",
        alerts(&world)
    );
    assert_eq!((world.source().published, world.published().len(), world.booked_and_published()), (0, 0, 5));
    assert!(world.resume(None, false).unwrap().sources[0].lost);
    world.run_for(20_000);
    assert_eq!((alerts(&world).len(), world.published().len()), (2, 0));
    // With the word of a person it goes on without them, once.
    let source = Stopped::Source(Target::Order(0));
    world.resume_what(source.clone(), true).unwrap();
    world.restart();
    world.run_for(20_000);
    assert_eq!(world.resume_what(source, true).unwrap_err().code, Code::NotFound);
    world.append(5);
    world.tell_all();
    world.run_for(5_000);
    assert_eq!(world.published(), world.committed());
}

#[test]
fn a_log_that_was_set_back_is_not_taken_for_one_that_goes_on() {
    let mut world = World::new();
    world.append(40);
    world.start();
    world.run_for(5_000);
    world.shard.query("DELETE FROM outbox WHERE seq > 30", &[]).unwrap();
    world.restart();
    world.run_for(20_000);
    assert!(
        alerts(&world)[0]
            .contains("order-0: the log ends at position 30, and is published up to position 40")
    );
    // What is committed from here on has the positions of what was there before, and is published too.
    world.resume_what(Stopped::Source(Target::Order(0)), true).unwrap();
    world.run_for(5_000);
    world.commit_at(31, 4);
    world.run_for(20_000);
    assert_eq!(world.source().published, 34);
    assert_eq!(world.times_published()[30..34], [2; 4]);
}

#[test]
fn a_log_that_stopped_for_another_reason_skips_nothing() {
    let mut world = World::new();
    world.append(40);
    world.shard.query("UPDATE outbox SET value = x'0000000099' WHERE seq = 17", &[]).unwrap();
    world.start();
    world.run_for(5_000);
    let refusal = world.resume_what(Stopped::Source(Target::Order(0)), true).unwrap_err();
    assert_eq!(refusal.code, Code::InvalidValue);
    assert!(refusal.detail.unwrap().contains("position 17"));
    assert_eq!(world.source().published, 16);
}

#[test]
fn turns_that_cannot_be_stored_stop_no_log() {
    let mut world = World::new();
    world.start();
    for round in 0..40 {
        world.append(30);
        world.tell_all();
        world.fail_writes_after(round % 7);
        world.run_for(3);
    }
    world.run_for(20_000);
    assert_eq!(alerts(&world), [""; 0]);
    assert_eq!(world.published(), world.committed());
}
