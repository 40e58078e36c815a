//! A batch is applied once, whatever becomes of it, of its answer and of the consumer.

use crate::world::{World, confirmed, placed};
use bytes::Bytes;
use gyesan_edge::command::{Command, ConsumerCommand, Reply};
use gyesan_edge::query::Query;
use gyesan_edge::sql::Sql;

fn is_write(query: &Query) -> bool {
    matches!(query, Query::Write(_))
}

#[test]
fn events_become_rows_and_the_positions_agree() {
    let mut world = World::new();
    world.orders(0..700);
    world.wake();
    world.settle();
    assert_eq!((world.rows().len(), world.written()), (700, 700));
    assert_eq!(world.position().position, 700);
    assert_eq!(world.stored_position(), 700);
    let applied = world.query.query("SELECT next_offset FROM applied", &[]).unwrap();
    assert_eq!(applied[0].int(0).unwrap(), 700);
}

#[test]
fn a_batch_whose_answer_is_lost_is_not_applied_again_however_the_repeat_is_cut() {
    let mut world = World::new();
    world.orders(0..100);
    world.answer();
    let batch = world.lose();
    assert!(is_write(&batch));
    world.query.perform(&batch).unwrap();
    world.orders(100..150);
    world.wake();
    world.settle();
    assert_eq!((world.rows().len(), world.written()), (150, 150));
    assert_eq!(world.position().position, 150);
}

#[test]
fn a_batch_that_arrives_after_its_longer_repeat_is_refused_as_a_whole() {
    let mut world = World::new();
    world.orders(0..100);
    world.answer();
    let late = world.lose();
    world.orders(100..150);
    world.wake();
    world.settle();
    assert_eq!(world.written(), 150);
    let refused = world.query.perform(&late).unwrap_err();
    assert!(refused.0.contains("applied.next_offset"), "{refused}");
    assert_eq!((world.rows().len(), world.written()), (150, 150));
}

#[test]
fn a_repeat_that_meets_its_first_in_the_query_database_goes_on_behind_it() {
    let mut world = World::new();
    world.orders(0..100);
    world.answer();
    let first = world.lose();
    world.orders(100..150);
    world.wake();
    // It asks where it stands, and only then the first arrives: the repeat of all 150 is refused.
    world.answer();
    world.query.perform(&first).unwrap();
    world.settle();
    assert_eq!((world.rows().len(), world.written()), (150, 150));
    assert_eq!((world.position().position, world.position().dead_letters), (150, 0));
}

#[test]
fn a_crash_anywhere_applies_nothing_twice_and_loses_nothing() {
    for crash_at in 0..12 {
        for is_done in [true, false] {
            let mut world = World::new();
            world.orders(0..40);
            for step in 0.. {
                if step % 3 == 0 && step < 9 {
                    world.append(&[confirmed(step, 5)]);
                    world.wake();
                }
                if step == crash_at {
                    if let (Some((_, query)), true) = (world.asked.pop_front(), is_done) {
                        world.query.perform(&query).unwrap();
                    }
                    world.restart();
                }
                if step > crash_at && world.asked.is_empty() {
                    break;
                }
                if !world.asked.is_empty() {
                    world.answer();
                }
            }
            world.wake();
            world.settle();
            let (events, paid) = (world.position().position, i64::from(world.position().position > 40));
            assert_eq!(world.written(), i64::try_from(events).unwrap(), "{crash_at}, {is_done}");
            assert_eq!(world.rows().len(), 40);
            assert!(world.rows().iter().filter(|row| row.1 == "SUCCESS").count() >= usize::from(paid == 1));
            assert_eq!(u64::try_from(world.stored_position()).unwrap(), events);
        }
    }
}

#[test]
fn a_query_database_that_is_down_for_an_hour_is_asked_seldom_and_puts_nothing_aside() {
    let mut world = World::new();
    world.orders(0..10);
    let mut questions = 0;
    for _ in 0..3_600 {
        while !world.asked.is_empty() {
            world.lose();
            questions += 1;
        }
        world.pass();
    }
    assert!((100..=150).contains(&questions), "{questions} questions in an hour");
    let lines = world.lines("consumer.failing");
    assert!((50..=61).contains(&lines), "{lines} lines in an hour");
    world.settle();
    assert_eq!((world.rows().len(), world.position().dead_letters), (10, 0));
}

#[test]
fn a_record_that_is_no_event_is_put_aside_and_the_others_go_on() {
    let mut world = World::new();
    world.orders(0..3);
    world.append_value(Bytes::from_static(b"no event"));
    world.orders(3..5);
    world.wake();
    world.settle();
    assert_eq!(world.rows().len(), 5);
    let position = world.position();
    assert_eq!((position.position, position.dead_letters), (6, 1));
    assert_eq!(world.lines("alert.dead-letter"), 1);
}

#[test]
fn a_record_is_put_aside_before_the_batch_that_goes_past_it() {
    let mut world = World::new();
    world.append_value(Bytes::from_static(b"no event"));
    world.answer();
    let (_, batch) = world.asked.pop_front().unwrap();
    world.query.perform(&batch).unwrap();
    // Its process ends before it hears of that.
    world.restart();
    world.settle();
    assert_eq!((world.position().position, world.position().dead_letters), (1, 1));
}

#[test]
fn a_row_that_the_database_refuses_is_put_aside_alone_and_can_be_replayed() {
    let mut world = World::new();
    let broken = "CREATE TRIGGER broken BEFORE INSERT ON orders WHEN NEW.order_id = 'ord_000002'
                  BEGIN SELECT raise(ABORT, 'CHECK constraint failed: broken'); END";
    world.query.execute_all(broken).unwrap();
    world.orders(0..5);
    world.wake();
    world.settle();
    let position = world.position();
    assert_eq!((position.position, position.dead_letters), (5, 1), "{:?}", world.log);
    let listed: Vec<String> = world.rows().into_iter().map(|row| row.0).collect();
    assert_eq!(listed, ["ord_000000", "ord_000001", "ord_000003", "ord_000004"]);
    world.query.execute_all("DROP TRIGGER broken").unwrap();
    // What came later for the same order stays.
    world.append(&[confirmed(2, 5)]);
    world.wake();
    world.settle();
    world.replies.clear();
    world.command(Command::Consumer(ConsumerCommand::Replay { position: 3 }));
    world.settle();
    assert!(matches!(world.replies.pop(), Some(Ok(Reply::Replayed(_)))));
    assert_eq!(world.rows()[2].1, "SUCCESS");
    let created =
        world.query.query("SELECT created_at FROM orders WHERE order_id = 'ord_000002'", &[]).unwrap();
    assert_eq!(created[0].int(0).unwrap(), placed(2).occurred_at.0);
    assert_eq!((world.position().position, world.position().dead_letters), (6, 0));
}

#[test]
fn while_it_is_paused_nothing_is_asked() {
    let mut world = World::new();
    world.settle();
    world.command(Command::Consumer(ConsumerCommand::Pause { reason: "a look".into() }));
    world.orders(0..5);
    world.wake();
    world.settle();
    assert_eq!((world.rows().len(), world.position().position), (0, 0));
    world.command(Command::Consumer(ConsumerCommand::Resume { position: None }));
    world.settle();
    assert_eq!((world.rows().len(), world.position().position), (5, 5));
}
