//! Every payment in the topic is credited once and in order.

use crate::events::{event, payment, record, wanted};
use crate::world::{Ledger, World, registry_id};
use bytes::Bytes;
use gyesan_core::event::EventData;
use gyesan_edge::schema;
use gyesan_kafka::batch::Record;
use gyesan_kafka::sim::Faults;

const HOUR_MS: i64 = 3_600_000;
const ROUGH: Faults =
    Faults { cut_answer: 40, cut_request: 20, silence: 5, late_ms: 0, overtake: 0, delay_max_ms: 8 };

#[test]
fn payments_are_credited_once_and_in_order() {
    for ledger in [Ledger::Works, Ledger::HearsTwice] {
        let mut world = World::new(1, Faults::default());
        world.ledger = ledger;
        world.fill(0..300);
        world.run(2_000);
        assert_eq!(world.credited("A"), wanted(0..300));
        world.fill(300..310);
        world.run(100);
        assert_eq!(world.credited("A"), wanted(0..310), "what is new is read at once");
        let position = world.position();
        assert_eq!((position.position, position.end, position.dead_letters), (310, Some(310), 0));
    }
}

#[test]
fn kills_cuts_and_silent_brokers_repeat_nothing_and_lose_nothing() {
    let mut crashes = 0;
    for seed in 0..60 {
        let mut world = World::new(seed, ROUGH);
        world.crash = 30;
        world.ledger = if seed % 2 == 0 { Ledger::Works } else { Ledger::HearsTwice };
        world.fill(0..200);
        assert!(
            world.run_until(HOUR_MS, |world| world.credited("A").len() == 200),
            "seed {seed}: {:?}",
            world.log
        );
        assert_eq!(world.credited("A"), wanted(0..200), "seed {seed}");
        world.crash = 0;
        world.network.faults = Faults::default();
        world.run(120_000);
        assert_eq!((world.position().position, world.dead_letters().len()), (200, 0), "seed {seed}");
        assert_eq!(world.credited("A"), wanted(0..200), "seed {seed}");
        crashes += world.crashes;
    }
    assert!(crashes > 100, "{crashes}");
}

#[test]
fn a_process_that_is_killed_reads_on_from_the_stored_position() {
    let mut world = World::new(2, Faults::default());
    world.fill(0..50);
    world.run(3_000);
    let calls = world.calls;
    world.restart();
    world.fill(50..60);
    world.run(3_000);
    assert_eq!(world.credited("A"), wanted(0..60));
    assert!(world.calls <= calls + 10, "{} calls for what was stored already", world.calls - calls);
}

#[test]
fn an_operator_sees_whether_the_end_of_the_topic_is_known() {
    let mut world = World::new(7, Faults::default());
    world.fill(0..20);
    world.run(5_000);
    world.brokers_are_up(false);
    world.restart();
    world.run(5_000);
    let position = world.position();
    assert_eq!((position.position, position.end, position.end_seen_at), (20, Some(20), None));
    world.brokers_are_up(true);
    world.run(60_000);
    let position = world.position();
    assert_eq!(position.end, Some(20));
    assert!(position.end_seen_at.is_some(), "a topic without news has been looked at all the same");
}

#[test]
fn a_ledger_that_does_not_answer_is_asked_until_it_does() {
    for trouble in [Ledger::Silent, Ledger::LosesAnswers] {
        let mut world = World::new(3, Faults::default());
        world.ledger = trouble;
        world.fill(0..20);
        world.run(HOUR_MS);
        assert!(world.calls < 200, "{} calls in an hour", world.calls);
        let lines = world.lines("consumer.failing").len();
        assert!((30..=60).contains(&lines), "{lines} lines in an hour");
        let position = world.position();
        assert_eq!((position.position, position.end, position.dead_letters), (0, Some(20), 0));
        world.ledger = Ledger::Works;
        world.run(60_000);
        assert_eq!(world.credited("A"), wanted(0..20));
        assert_eq!(world.lines("consumer.works-again").len(), 1);
    }
}

#[test]
fn brokers_that_are_down_for_an_hour_cost_nothing_but_lag_and_a_line_a_minute() {
    let mut world = World::new(4, Faults::default());
    world.fill(0..20);
    world.run(5_000);
    world.brokers_are_up(false);
    world.run(HOUR_MS);
    let lines = world.lines("kafka.link-broken").len();
    assert!((50..=125).contains(&lines), "{lines} lines in an hour, for two brokers");
    world.brokers_are_up(true);
    world.fill(20..40);
    world.run(30_000);
    assert_eq!(world.credited("A"), wanted(0..40));
    let restored = world.lines("kafka.link-restored").len();
    assert!((1..=2).contains(&restored), "{restored} lines");
    world.log.clear();
    world.run(HOUR_MS);
    assert!(world.log.is_empty(), "{:?}", world.log);
}

#[test]
fn a_clock_that_is_set_back_by_an_hour_stops_nothing() {
    let mut world = World::new(5, Faults::default());
    world.fill(0..10);
    world.run(5_000);
    world.set_clock_back(HOUR_MS);
    world.fill(10..20);
    world.run(30_000);
    assert_eq!(world.credited("A"), wanted(0..20));
}

#[test]
fn what_is_no_event_is_put_aside_and_what_is_not_for_it_is_passed_over() {
    let mut world = World::new(6, Faults::default());
    let expired = event(1, |order_id| EventData::OrderExpired { order_id, order_version: 2 });
    let mut spoilt = record(&payment(3, "A"));
    spoilt.value = spoilt.value.map(|value| value.slice(..20));
    let value = |bytes: &'static [u8]| Record { value: Some(Bytes::from_static(bytes)), ..Record::default() };
    let mut foreign = value(b"\0\0\0\x27\x0fwhatever");
    foreign.headers = vec![(Bytes::from_static(b"ce_type"), Some(Bytes::from_static(b"loan.granted")))];
    let records = [
        record(&payment(0, "A")),
        record(&expired),
        value(b"{\"json\":true}"),
        value(b"\0\0\0\x27\x0fwhatever"),
        foreign,
        spoilt,
        Record::default(),
        record(&payment(7, "A")),
    ];
    world.append(&records);
    world.run(3_000);
    assert_eq!(world.credited("A"), ["po_0", "po_7"]);
    let letters = world.dead_letters();
    let reasons: Vec<(u64, &str)> =
        letters.iter().rev().map(|letter| (letter.position, letter.reason.as_str())).collect();
    assert_eq!(
        reasons,
        [
            (2, "not in the Confluent wire format"),
            (3, "unknown schema id 9999"),
            (5, "the value ends too early"),
            (6, "the record has no value"),
        ]
    );
    assert!(letters.iter().all(|letter| letter.event.is_none() && letter.tries == 1));
    assert_eq!(letters[3].value_base64.as_deref(), Some("eyJqc29uIjp0cnVlfQ=="));
    assert_eq!(world.lines("alert.dead-letter").len(), 4);
    assert_eq!((world.position().position, world.position().dead_letters), (8, 4));
}

#[test]
fn a_payment_that_is_refused_again_and_again_does_not_stop_the_others() {
    let mut world = World::new(7, Faults::default());
    world.ledger = Ledger::Refuses("poison");
    let mut records: Vec<Record> = (0..5).map(|number| record(&payment(number, "A"))).collect();
    records.insert(2, record(&payment(99, "poison")));
    world.append(&records);
    world.run(300_000);
    assert_eq!(world.credited("A"), wanted(0..5));
    let letters = world.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].position, letters[0].tries), (2, 8));
    assert_eq!(letters[0].event.as_ref().unwrap().event_id, "evt_99");
    assert!(letters[0].reason.contains("INTERNAL_ERROR: storage"), "{}", letters[0].reason);
}

/// The record as a relay publishes it that knows the registry.
fn registered(number: usize) -> Record {
    let mut record = record(&payment(number, "A"));
    let mut value = record.value.unwrap().to_vec();
    let id = registry_id(schema::id_of(&value).unwrap());
    schema::with_id(&mut value, id);
    record.value = Some(value.into());
    record
}

#[test]
fn ids_are_the_registrys_and_where_the_header_says_so_those_from_before_it_was_used() {
    let mut world = World::with(8, Faults::default(), Some("http://registry.example/"));
    world.registry_is_up = false;
    let stranger = Record { headers: Vec::new(), ..record(&payment(4, "A")) };
    let records =
        [record(&payment(0, "A")), registered(1), record(&payment(2, "A")), registered(3), stranger];
    world.append(&records);
    world.run(60_000);
    assert!(world.credited("A").is_empty(), "what the ids mean is not known");
    world.registry_is_up = true;
    world.run(30_000);
    // Without a header our id of a payment is the registry's of something else, and is passed over.
    assert_eq!(world.credited("A"), wanted(0..4));
    assert_eq!((world.position().position, world.position().dead_letters), (5, 0));
    // What the registry has said is kept.
    world.registry_is_up = false;
    world.append(&[registered(4)]);
    world.restart();
    world.run(30_000);
    assert_eq!(world.credited("A"), wanted(0..5));
}
