//! The order list read from a topic: each order is listed once whatever breaks, in few transactions, and a rebuild leads to the same rows.

use crate::events::{event, payment, record};
use crate::world::{Ledger, ORDER_LIST, World, place};
use bytes::Bytes;
use gyesan_core::event::EventData;
use gyesan_edge::command::{ConsumerCommand, Reply};
use gyesan_edge::projection;
use gyesan_edge::sql::Sql;
use gyesan_edge::topology::Subscription;
use gyesan_kafka::batch::Record;
use gyesan_kafka::sim::Faults;

const HOUR_MS: i64 = 3_600_000;
const ROUGH: Faults =
    Faults { cut_answer: 40, cut_request: 20, silence: 5, late_ms: 0, overtake: 0, delay_max_ms: 8 };

fn world(seed: u64, faults: Faults) -> World {
    World::of(ORDER_LIST, seed, faults, None)
}

/// What [`World::fill`] leads to.
fn wanted(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("ord_{number:06}")).collect()
}

fn rebuild(world: &mut World) {
    world.query.perform(&projection::rebuild(Subscription::OrderList).unwrap()).unwrap();
    world.order(ConsumerCommand::Rebuild).unwrap();
}

#[test]
fn payments_are_listed_and_the_positions_agree() {
    let mut world = world(1, Faults::default());
    world.fill(0..900);
    world.run(5_000);
    assert_eq!(world.listed(), wanted(0..900));
    let position = world.position();
    assert_eq!((position.position, position.end, position.dead_letters), (900, Some(900), 0));
    let applied = world.query.query("SELECT next_offset FROM applied", &[]).unwrap();
    assert_eq!(applied[0].int(0).unwrap(), 900);
}

#[test]
fn under_load_there_are_at_most_four_transactions_a_second() {
    let mut world = world(1, Faults::default());
    world.run(2_000);
    for number in 0..500 {
        world.fill(number..number + 1);
        world.run(20);
    }
    world.run(1_000);
    assert_eq!(world.listed().len(), 500);
    let (first, last) = (world.written_at[0], world.written_at[world.written_at.len() - 1]);
    let most = usize::try_from((last - first) / 250).unwrap() + 1;
    assert!(world.written_at.len() <= most, "{} in {} ms", world.written_at.len(), last - first);
    assert!(world.written_at.windows(2).all(|pair| pair[1] - pair[0] < 500), "{:?}", world.written_at);
}

#[test]
fn kills_cuts_and_lost_answers_list_everything_once() {
    let mut crashes = 0;
    for seed in 0..60 {
        let mut world = world(seed, ROUGH);
        world.crash = 30;
        world.query_is = if seed % 2 == 0 { Ledger::Works } else { Ledger::HearsTwice };
        world.fill(0..200);
        if seed % 3 == 0 {
            world.query_is = Ledger::LosesAnswers;
            world.run(20_000);
            world.query_is = Ledger::Works;
        }
        let is_done = |world: &World| world.listed().len() == 200;
        assert!(world.run_until(HOUR_MS, is_done), "seed {seed}: {:?}", world.log);
        world.crash = 0;
        world.network.faults = Faults::default();
        world.run(120_000);
        assert_eq!((world.position().position, world.dead_letters().len()), (200, 0), "seed {seed}");
        assert_eq!(world.listed(), wanted(0..200), "seed {seed}");
        crashes += world.crashes;
    }
    assert!(crashes > 100, "{crashes}");
}

#[test]
fn a_query_database_that_does_not_answer_costs_nothing_but_lag() {
    let mut world = world(3, Faults::default());
    world.query_is = Ledger::Silent;
    world.fill(0..20);
    world.run(HOUR_MS);
    let lines = world.lines("consumer.failing").len();
    assert!((30..=61).contains(&lines), "{lines} lines in an hour");
    assert_eq!((world.position().position, world.position().dead_letters), (0, 0));
    world.query_is = Ledger::Works;
    world.run(60_000);
    assert_eq!(world.listed(), wanted(0..20));
}

#[test]
fn a_rebuild_reads_the_topic_from_its_beginning() {
    let mut world = world(4, ROUGH);
    world.fill(0..300);
    world.run(60_000);
    for seed in 0..4 {
        world.query.execute_all("UPDATE orders SET payment_status = 'SPOILT'").unwrap();
        world.crash = if seed % 2 == 0 { 0 } else { 30 };
        rebuild(&mut world);
        if seed == 2 {
            world.run(30);
            rebuild(&mut world);
        }
        let is_done = |world: &World| world.listed().len() == 300;
        assert!(world.run_until(HOUR_MS, is_done), "{seed}: {:?}", world.log);
        world.crash = 0;
        world.run(120_000);
        assert_eq!(world.listed(), wanted(0..300));
        assert_eq!(world.position().position, 300);
    }
    assert!(world.lines("projection.beginning-missing").is_empty());
}

#[test]
fn a_topic_that_has_deleted_its_beginning_is_read_from_what_is_left_and_the_log_says_so() {
    let mut world = world(5, Faults::default());
    world.fill(0..30);
    world.run(5_000);
    world.cluster.delete_records(&place(), 21);
    rebuild(&mut world);
    world.run(5_000);
    assert_eq!(world.listed(), wanted(21..30));
    let lines = world.lines("projection.beginning-missing");
    assert_eq!(lines.len(), 1);
    assert!(lines[0].detail.contains("begins at offset 21"), "{}", lines[0].detail);
}

#[test]
fn one_that_has_stopped_is_moved_by_an_operator_and_keeps_its_rows() {
    let mut world = world(6, Faults::default());
    world.fill(0..10);
    world.run(5_000);
    world.order(ConsumerCommand::Pause { reason: "for long".into() }).unwrap();
    world.fill(10..30);
    world.cluster.delete_records(&place(), 24);
    world.order(ConsumerCommand::Resume { position: None }).unwrap();
    world.run(30_000);
    let stopped = world.position().stopped.expect("it has stopped");
    assert!(stopped.reason.contains("the log has no offset 10"), "{}", stopped.reason);
    // Its process ends after the order, and before the query database has heard of it.
    world.query_is = Ledger::Silent;
    world.order(ConsumerCommand::Resume { position: Some(24) }).unwrap();
    world.run(1_000);
    world.restart();
    world.query_is = Ledger::Works;
    world.run(60_000);
    let listed: Vec<String> = wanted(0..10).into_iter().chain(wanted(24..30)).collect();
    assert_eq!(world.listed(), listed);
    world.fill(30..31);
    world.restart();
    world.run(5_000);
    assert_eq!((world.position().position, world.listed().len()), (31, 17));
}

#[test]
fn one_that_has_stopped_goes_on_with_a_rebuild() {
    let mut world = world(7, Faults::default());
    world.fill(0..10);
    world.run(5_000);
    world.cluster.create_topic(crate::world::TOPIC, 1);
    world.restart();
    world.run(60_000);
    assert!(world.position().stopped.is_some());
    world.produce_anew();
    world.fill(0..12);
    rebuild(&mut world);
    world.run(5_000);
    assert_eq!(world.listed(), wanted(0..12));
    assert_eq!((world.position().position, world.position().stopped), (12, None));
}

#[test]
fn what_is_no_event_is_put_aside_and_what_others_write_is_passed_over() {
    let mut world = world(8, Faults::default());
    let expired = event(1, |order_id| EventData::OrderExpired { order_id, order_version: 2 });
    let mut spoilt = record(&payment(2, "A"));
    spoilt.value = spoilt.value.map(|value| value.slice(..value.len() - 3));
    let mut foreign =
        Record { key: None, value: Some(Bytes::from_static(b"\0\0\0\x01\0")), headers: Vec::new() };
    foreign.headers.push(("ce_type".into(), Some(Bytes::from_static(b"order.shipped"))));
    world.append(&[record(&expired), spoilt, foreign, record(&payment(3, "A"))]);
    world.run(5_000);
    assert_eq!(world.listed(), ["ord_000003"]);
    assert_eq!((world.position().position, world.position().dead_letters), (4, 1));
    match world.order(ConsumerCommand::DeadLetters).unwrap() {
        Reply::DeadLetters(letters) => assert_eq!(letters[0].position, 1),
        other => panic!("{other:?}"),
    }
    let rows = world.query.query("SELECT order_status FROM orders ORDER BY order_id", &[]).unwrap();
    assert_eq!(rows[0].text(0).unwrap(), "ORDER_EXPIRED");
}

#[test]
fn a_clock_that_is_set_back_by_an_hour_stops_nothing() {
    let mut world = world(9, Faults::default());
    world.fill(0..10);
    world.run(5_000);
    world.set_clock_back(HOUR_MS);
    world.fill(10..20);
    world.run(30_000);
    assert_eq!(world.listed(), wanted(0..20));
}
