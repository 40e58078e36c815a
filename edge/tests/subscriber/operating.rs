//! What operators do: pause, resume, replay.

use crate::events::{payment, record, wanted};
use crate::world::{Ledger, World};
use gyesan_core::problem::Code;
use gyesan_edge::command::{ConsumerCommand, Reply};
use gyesan_kafka::sim::Faults;

fn pause(reason: &str) -> ConsumerCommand {
    ConsumerCommand::Pause { reason: reason.to_owned() }
}

const RESUME: ConsumerCommand = ConsumerCommand::Resume { position: None };

#[test]
fn a_paused_consumer_handles_nothing_and_shows_what_waits() {
    let mut world = World::new(1, Faults::default());
    world.fill(0..10);
    world.run(3_000);
    for reason in ["the ledger is looked at", "again"] {
        world.order(pause(reason)).unwrap();
    }
    world.fill(10..30);
    world.restart();
    world.run(120_000);
    assert_eq!(world.credited("A"), wanted(0..10));
    let position = world.position();
    assert_eq!((position.position, position.end), (10, Some(30)));
    assert_eq!(position.paused.unwrap().reason, "the ledger is looked at");
    for _ in 0..2 {
        world.order(RESUME).unwrap();
    }
    world.run(100);
    assert_eq!(world.credited("A"), wanted(0..30), "it goes on at once");
    assert_eq!(world.position().paused, None);
}

#[test]
fn a_pause_in_the_middle_of_a_batch_credits_nothing_twice() {
    for lost in [Ledger::Silent, Ledger::LosesAnswers] {
        let mut world = World::new(2, Faults::default());
        world.ledger = lost;
        world.fill(0..10);
        world.run(100);
        world.order(pause("now")).unwrap();
        world.ledger = Ledger::Works;
        world.run(60_000);
        assert_eq!(world.position().position, 0);
        world.order(RESUME).unwrap();
        world.run(1_000);
        assert_eq!(world.credited("A"), wanted(0..10));
    }
}

#[test]
fn a_position_is_moved_only_while_it_is_paused() {
    let mut world = World::new(3, Faults::default());
    world.fill(0..10);
    world.run(3_000);
    let calls = world.calls;
    let back = ConsumerCommand::Resume { position: Some(0) };
    assert_eq!(world.order(back.clone()).unwrap_err().code, Code::InvalidValue);
    world.order(pause("read it all again")).unwrap();
    world.order(back).unwrap();
    world.run(3_000);
    assert!(world.calls > calls);
    assert_eq!((world.credited("A"), world.position().position), (wanted(0..10), 10));
}

#[test]
fn a_record_put_aside_is_handled_when_it_is_replayed() {
    let mut world = World::new(4, Faults::default());
    world.ledger = Ledger::Refuses("B");
    world.append(&[record(&payment(0, "A")), record(&payment(1, "B"))]);
    world.run(300_000);
    assert_eq!(world.position().dead_letters, 1);
    let replay = ConsumerCommand::Replay { position: 1 };
    let refused = world.order(replay.clone()).unwrap_err();
    assert_eq!(refused.code, Code::ReplayFailed);
    assert_eq!(world.dead_letters()[0].tries, 9);
    world.ledger = Ledger::HearsTwice;
    for _ in 0..2 {
        let Reply::Replayed(letter) = world.order(replay.clone()).unwrap() else { panic!() };
        assert_eq!((letter.position, letter.tries), (1, 10));
        assert!(letter.replayed_at.is_some() && letter.reason.contains("storage"));
    }
    assert_eq!(world.credited("B"), ["po_1"]);
    assert_eq!((world.position().dead_letters, world.dead_letters().len()), (0, 1));
    let unknown = world.order(ConsumerCommand::Replay { position: 77 }).unwrap_err();
    assert_eq!(unknown.code, Code::NotFound);
}

#[test]
fn what_is_no_event_stays_put_aside() {
    let mut world = World::new(5, Faults::default());
    let mut spoilt = record(&payment(0, "A"));
    spoilt.value = spoilt.value.map(|value| value.slice(..20));
    world.append(&[spoilt]);
    world.run(3_000);
    let refused = world.order(ConsumerCommand::Replay { position: 0 }).unwrap_err();
    assert_eq!(
        (refused.code, refused.detail.as_deref()),
        (Code::ReplayFailed, Some("the value ends too early"))
    );
    assert_eq!((world.position().dead_letters, world.dead_letters()[0].tries), (1, 2));
}
