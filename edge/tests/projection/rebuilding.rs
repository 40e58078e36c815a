//! A rebuild leads to the same rows, whatever is under way when it begins.

use crate::world::{World, confirmed};
use gyesan_edge::command::{Command, ConsumerCommand};
use gyesan_edge::projection;
use gyesan_edge::sql::Sql;
use gyesan_edge::topology::Subscription;

fn filled() -> World {
    let mut world = World::new();
    world.orders(0..1_200);
    world.append(&[confirmed(1, 3), confirmed(7, 3)]);
    world.wake();
    world.settle();
    world
}

#[test]
fn a_rebuild_empties_the_list_and_reads_it_again() {
    let mut world = filled();
    let before = world.rows();
    world.query.execute_all("UPDATE orders SET order_status = 'SPOILT'").unwrap();
    world.rebuild();
    assert!(world.rows().is_empty());
    assert_eq!(world.position().position, 0, "its lag is seen at once");
    // One batch: what is there is shown, and the position says how far it is.
    while world.rows().is_empty() {
        world.answer();
    }
    let part = world.rows().len();
    assert!(part > 0 && part < 1_200, "{part}");
    assert_eq!(world.position().position, u64::try_from(part).unwrap());
    world.settle();
    assert_eq!(world.rows(), before);
    assert_eq!((world.position().position, world.stored_position()), (1_202, 1_202));
}

#[test]
fn a_rebuild_during_a_rebuild_and_one_after_it_lead_to_the_same_rows() {
    let mut world = filled();
    let before = world.rows();
    world.rebuild();
    for _ in 0..3 {
        world.answer();
    }
    world.rebuild();
    world.rebuild();
    world.settle();
    assert_eq!(world.rows(), before);
    world.rebuild();
    world.settle();
    assert_eq!(world.rows(), before);
    assert_eq!(world.position().position, 1_202);
}

#[test]
fn a_batch_from_before_the_rebuild_is_refused() {
    let mut world = filled();
    world.orders(1_200..1_210);
    world.wake();
    let late = world.lose();
    world.rebuild();
    let refused = world.query.perform(&late).unwrap_err();
    assert!(refused.0.contains("applied.generation"), "{refused}");
    assert!(world.rows().is_empty());
    world.settle();
    assert_eq!(world.rows().len(), 1_210);
    assert!(world.query.perform(&late).is_err(), "nor when the new generation has come as far");
    assert_eq!(world.position().position, 1_212);
}

#[test]
fn a_crash_in_the_middle_of_a_rebuild_goes_on_with_it() {
    let mut world = filled();
    let before = world.rows();
    world.rebuild();
    for _ in 0..2 {
        world.answer();
    }
    world.restart();
    world.settle();
    assert_eq!(world.rows(), before);
    assert_eq!(world.stored_position(), 1_202);
}

#[test]
fn a_rebuild_that_the_consumer_does_not_hear_of_is_found_out_by_the_cron() {
    let mut world = filled();
    let before = world.rows();
    world.query.perform(&projection::rebuild(Subscription::OrderList).unwrap()).unwrap();
    world.settle();
    assert!(world.rows().is_empty(), "nobody has told it");
    world.command(Command::Poke);
    world.settle();
    assert_eq!(world.rows(), before);
    // Told or not, it asks once in a while only.
    world.command(Command::Poke);
    let asked = world.asked.len();
    world.settle();
    world.command(Command::Poke);
    world.command(Command::Poke);
    assert!(asked <= 1 && world.asked.len() <= 1, "{asked}, {}", world.asked.len());
}

#[test]
fn a_rebuild_that_it_hears_of_only_by_its_next_batch_is_found_out_too() {
    let mut world = filled();
    world.query.perform(&projection::rebuild(Subscription::OrderList).unwrap()).unwrap();
    world.orders(1_200..1_201);
    world.wake();
    world.settle();
    assert_eq!(world.rows().len(), 1_201);
    assert_eq!(world.position().position, 1_203);
}

#[test]
fn a_query_database_that_was_lost_is_filled_again() {
    let mut world = filled();
    let before = world.rows();
    world.query = crate::world::query_database();
    world.command(Command::Poke);
    world.settle();
    assert_eq!(world.rows(), before);
}

#[test]
fn a_batch_into_a_query_database_that_was_lost_does_not_begin_in_the_middle() {
    let mut world = filled();
    world.query = crate::world::query_database();
    world.orders(1_200..1_201);
    world.wake();
    world.settle();
    assert_eq!((world.rows().len(), world.position().position), (1_201, 1_203));
}

#[test]
fn a_paused_consumer_stays_paused_and_reads_anew_once_it_is_resumed() {
    let mut world = filled();
    let before = world.rows();
    world.command(Command::Consumer(ConsumerCommand::Pause { reason: "a look".into() }));
    world.rebuild();
    world.settle();
    assert!(world.rows().is_empty());
    world.command(Command::Consumer(ConsumerCommand::Resume { position: None }));
    world.settle();
    assert_eq!(world.rows(), before);
}

#[test]
fn consumers_that_move_money_have_nothing_to_rebuild() {
    assert_eq!(projection::rebuild(Subscription::Wallets), None);
    assert_eq!(projection::rebuild(Subscription::Completion), None);
    let world = World::new();
    let generation = world.query.query("SELECT generation FROM generations", &[]).unwrap();
    assert_eq!(generation[0].int(0).unwrap(), 1);
}
