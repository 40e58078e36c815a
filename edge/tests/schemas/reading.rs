//! What was written is read as it was, by us and by Apache's own library; what was not is refused.

use crate::samples;
use apache_avro::reader::datum::GenericDatumReader;
use gyesan_core::event::{Event, EventData, PaymentOrder};
use gyesan_core::money::Amount;
use gyesan_edge::schema::{EVENT_BYTES_MAX, Undecodable, by_id, decode, encode, id_of, with_id};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The event as JSON, with times as Avro has them and without the type, which is the schema's name.
fn as_avro_json(event: &Event) -> Value {
    let mut document = serde_json::to_value(event).unwrap();
    let fields = document.as_object_mut().unwrap();
    fields.remove("type");
    fields["occurredAt"] = json!(event.occurred_at.0);
    if let EventData::PaymentConfirmed { approved_at, .. } = &event.data {
        fields["approvedAt"] = json!(approved_at.map(|moment| moment.0));
    }
    document
}

/// What Apache's library makes of a value, by the schema that it names; nothing may be left over.
fn read_by_apache(value: &[u8]) -> Value {
    let schema = apache_avro::Schema::parse_str(by_id(id_of(value).unwrap()).unwrap().text).unwrap();
    let mut datum = &value[5..];
    let read = GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut datum).unwrap();
    assert!(datum.is_empty());
    read.try_into().unwrap()
}

proptest! {
    #[test]
    fn any_event_is_read_as_it_was_written(event in samples::any_event()) {
        prop_assert_eq!(decode(&encode(&event).unwrap()), Ok(event));
    }

    #[test]
    fn apache_avro_reads_any_event_as_its_json(event in samples::any_event()) {
        prop_assert_eq!(read_by_apache(&encode(&event).unwrap()), as_avro_json(&event));
    }

    #[test]
    fn a_cut_value_is_refused_at_every_byte(event in samples::any_event()) {
        let value = encode(&event).unwrap();
        for end in 0..value.len() {
            prop_assert!(decode(&value[..end]).is_err());
        }
    }

    #[test]
    fn garbage_under_a_known_schema_never_panics(id in 1..=9_u32, datum in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut value = vec![0; 5];
        value.extend(datum);
        with_id(&mut value, id);
        if let Ok(event) = decode(&value) {
            prop_assert_eq!(decode(&encode(&event).unwrap()), Ok(event));
        }
    }

    #[test]
    fn a_damaged_value_never_panics(event in samples::any_event(), at in any::<prop::sample::Index>(), bits in 1..=255_u8) {
        let mut value = encode(&event).unwrap();
        let at = at.index(value.len());
        value[at] ^= bits;
        if let Ok(read) = decode(&value) {
            prop_assert_eq!(decode(&encode(&read).unwrap()), Ok(read));
        }
    }
}

#[test]
fn the_fixed_samples_are_read_by_apache_avro_as_their_json() {
    for event in samples::fixed() {
        assert_eq!(read_by_apache(&encode(&event).unwrap()), as_avro_json(&event));
    }
}

fn placed(lines: usize) -> Event {
    let mut event = samples::fixed().swap_remove(0);
    if let EventData::OrderPlaced { payment_orders, .. } = &mut event.data {
        let line = payment_orders[0].clone();
        *payment_orders = vec![PaymentOrder { amount: Amount::ZERO, ..line }; lines];
    }
    event
}

#[test]
fn an_event_above_the_limit_is_refused_and_one_at_it_is_not() {
    let mut event = samples::fixed().swap_remove(0);
    let bytes = encode(&event).unwrap().len();
    // One byte more for each letter, and two more for the length of a long text.
    event.event_id.push_str(&"x".repeat(EVENT_BYTES_MAX - bytes - 2));
    assert_eq!(encode(&event).unwrap().len(), EVENT_BYTES_MAX);
    event.event_id.push('x');
    assert_eq!(encode(&event).unwrap_err().bytes, EVENT_BYTES_MAX + 1);
    assert!(encode(&placed(100_000)).is_err());
}

fn value_of(id: u32, parts: &[&[u8]]) -> Vec<u8> {
    let mut value = vec![0, 0, 0, 0, 0];
    value.extend(parts.concat());
    with_id(&mut value, id);
    value
}

/// A zig-zag varint of `i64::MAX`.
const HUGE: &[u8] = &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
/// The fields before `paymentOrders` of a small `order.placed`.
const PLACED: &[u8] = b"\x02e\x02m\x06KRW\x00\x02o\x02\x02\x00";

#[test]
fn a_length_is_not_believed() {
    assert_eq!(decode(&value_of(1, &[HUGE, b"abc"])), Err(Undecodable::Cut));
    assert_eq!(decode(&value_of(1, &[PLACED, HUGE])), Err(Undecodable::Cut));
    // -1 as a text's length.
    assert_eq!(decode(&value_of(1, &[&[1]])), Err(Undecodable::Number));
    // A varint of eleven bytes, and one with a 65th bit.
    assert_eq!(decode(&value_of(1, &[&[0x80; 11]])), Err(Undecodable::Number));
    assert_eq!(decode(&value_of(1, &[&[0xff; 9], &[0x02]])), Err(Undecodable::Number));
}

#[test]
fn an_array_in_several_blocks_with_sizes_is_read() {
    let line = b"\x02p\x02s\x04\x00\x04\x0cSELLER";
    let size = [line.len() as u8 * 2];
    let one = decode(&value_of(1, &[PLACED, b"\x02", line, b"\x00"])).unwrap();
    let sized = decode(&value_of(1, &[PLACED, b"\x01", &size, line, b"\x00"])).unwrap();
    assert_eq!(one, sized);
    let two = decode(&value_of(1, &[PLACED, b"\x02", line, b"\x02", line, b"\x00"])).unwrap();
    let EventData::OrderPlaced { payment_orders, .. } = two.data else { panic!("another type") };
    assert_eq!(payment_orders.len(), 2);
}

#[test]
fn what_is_no_event_is_refused_by_name() {
    let value = encode(&samples::fixed()[0]).unwrap();
    assert_eq!(decode(&[]), Err(Undecodable::Cut));
    assert_eq!(decode(b"{\"orderId\":1}"), Err(Undecodable::NotWireFormat));
    let mut unknown = value.clone();
    with_id(&mut unknown, 4_000_000_000);
    assert_eq!(decode(&unknown), Err(Undecodable::UnknownSchema { id: 4_000_000_000 }));
    let mut long = value.clone();
    long.push(0);
    assert_eq!(decode(&long), Err(Undecodable::TooLong { bytes: 1 }));
    let dollars = value_of(2, &[b"\x02e\x02m\x06USD\x00\x02o\x02"]);
    assert_eq!(decode(&dollars), Err(Undecodable::Field { field: "currency" }));
    let negative = value_of(1, &[b"\x02e\x02m\x06KRW\x00\x02o\x02\x01\x00\x00"]);
    assert_eq!(decode(&negative), Err(Undecodable::Field { field: "amount" }));
}

#[test]
fn with_id_changes_the_id_and_nothing_else() {
    let event = samples::fixed().swap_remove(0);
    let mut value = encode(&event).unwrap();
    with_id(&mut value, 0x0102_0304);
    assert_eq!(id_of(&value), Ok(0x0102_0304));
    with_id(&mut value, 1);
    assert_eq!(decode(&value), Ok(event));
    let mut short = vec![0, 9];
    with_id(&mut short, 1);
    assert_eq!(short, [0, 9]);
}
