//! CloudEvents in the headers.

use crate::samples;
use gyesan_core::time::Timestamp;
use gyesan_edge::schema::{Undecodable, encode, headers, with_id};
use proptest::prelude::*;

fn texts(value: &[u8], key: &str, trace: Option<&str>) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let headers = headers(value, key, trace).unwrap();
    headers.iter().map(|(name, value)| (text(name), text(value.as_ref().unwrap()))).collect()
}

#[test]
fn headers_are_those_of_the_cloud_events_binding() {
    let event = samples::fixed().swap_remove(0);
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let found = texts(&encode(&event).unwrap(), "ord_1", Some(trace));
    let expected = [
        ("ce_specversion", "1.0"),
        ("ce_id", "evt_00000000000000000000000000"),
        ("ce_type", "order.placed"),
        ("ce_source", "/gyesan/demo"),
        ("ce_subject", "ord_1"),
        ("ce_time", "2026-01-02T03:04:05.678Z"),
        ("content-type", "application/avro"),
        ("traceparent", trace),
    ];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn every_type_has_its_name_and_no_trace_means_no_header() {
    for event in samples::fixed() {
        let (_, key) = event.data.topic_and_key();
        let found = texts(&encode(&event).unwrap(), key, None);
        assert!(found.contains(&("ce_type".to_owned(), event.data.name().to_owned())));
        assert!(found.contains(&("ce_time".to_owned(), event.occurred_at.to_string())));
        assert!(found.iter().all(|(name, _)| name != "traceparent"));
    }
}

proptest! {
    #[test]
    fn times_are_written_as_everywhere_else(ms in -62_167_219_200_000..253_402_300_800_000_i64) {
        let mut event = samples::fixed().swap_remove(0);
        event.occurred_at = Timestamp(ms);
        let found = texts(&encode(&event).unwrap(), "ord_1", None);
        prop_assert!(found.contains(&("ce_time".to_owned(), event.occurred_at.to_string())));
    }

    #[test]
    fn no_value_makes_headers_panic(id in 0..=12_u32, datum in proptest::collection::vec(any::<u8>(), 0..60)) {
        let mut value = vec![0; 5];
        value.extend(datum);
        with_id(&mut value, id);
        let _ = headers(&value, "key", None);
    }
}

#[test]
fn a_time_beyond_four_digits_of_year_is_left_out() {
    for ms in [i64::MIN, -62_167_219_200_001, 253_402_300_800_000, i64::MAX] {
        let mut event = samples::fixed().swap_remove(0);
        event.occurred_at = Timestamp(ms);
        let found = texts(&encode(&event).unwrap(), "ord_1", Some("t"));
        assert!(found.iter().all(|(name, _)| name != "ce_time"));
        assert!(found.contains(&("traceparent".to_owned(), "t".to_owned())));
    }
}

#[test]
fn headers_of_what_is_no_event_are_refused() {
    assert_eq!(headers(b"{}", "k", None).unwrap_err(), Undecodable::NotWireFormat);
    assert_eq!(headers(&[0, 0, 0, 0, 99], "k", None).unwrap_err(), Undecodable::UnknownSchema { id: 99 });
    assert_eq!(headers(&[0, 0, 0, 0, 1, 200], "k", None).unwrap_err(), Undecodable::Cut);
}
