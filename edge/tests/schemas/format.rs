//! Published bytes never change their meaning: `tests/interop/values.txt` has a line for each fixed sample, which the
//! Python readers of `tests/interop` read too. A line is added for a new version, and none is changed.

use crate::samples;
use gyesan_core::event::Event;
use gyesan_edge::schema::{by_id, decode, encode, id_of};
use std::fmt::Write;

const VALUES: &str = include_str!("../../../tests/interop/values.txt");

/// `subject hex json` of a value.
fn written(event: &Event) -> String {
    let value = encode(event).unwrap();
    let mut line = format!("{} ", by_id(id_of(&value).unwrap()).unwrap().subject);
    for byte in &value {
        write!(line, "{byte:02x}").unwrap();
    }
    write!(line, " {}", serde_json::to_string(event).unwrap()).unwrap();
    line
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn pinned(subject: &str) -> Vec<&'static str> {
    let subject = format!("{subject} ");
    VALUES.lines().filter(|line| line.starts_with(&subject)).collect()
}

/// The newest version's bytes are written as ever, and all that were ever written are read.
#[track_caller]
fn check(event_type: &str, subject: &str) {
    let samples: Vec<Event> =
        samples::fixed().into_iter().filter(|event| event.data.name() == event_type).collect();
    assert!(!samples.is_empty());
    let pinned = pinned(subject);
    let mut lines: Vec<String> = samples.iter().map(written).collect();
    lines.retain(|line| !pinned.contains(&line.as_str()));
    assert!(lines.is_empty(), "not in values.txt:\n{}", lines.join("\n"));
    for line in pinned {
        let (_, rest) = line.split_once(' ').unwrap();
        let (hex, json) = rest.split_once(' ').unwrap();
        let event: Event = serde_json::from_str(json).unwrap();
        assert_eq!(decode(&unhex(hex)).unwrap(), event);
    }
}

#[test]
fn order_placed_format_unchanged() {
    check("order.placed", "gyesan.orders-com.gyesan.OrderPlaced");
}

#[test]
fn order_expired_format_unchanged() {
    check("order.expired", "gyesan.orders-com.gyesan.OrderExpired");
}

#[test]
fn order_canceled_format_unchanged() {
    check("order.canceled", "gyesan.orders-com.gyesan.OrderCanceled");
}

#[test]
fn payment_confirmed_format_unchanged() {
    check("payment.confirmed", "gyesan.orders-com.gyesan.PaymentConfirmed");
}

#[test]
fn payment_failed_format_unchanged() {
    check("payment.failed", "gyesan.orders-com.gyesan.PaymentFailed");
}

#[test]
fn payment_unknown_format_unchanged() {
    check("payment.unknown", "gyesan.orders-com.gyesan.PaymentUnknown");
}

#[test]
fn payment_unresolved_format_unchanged() {
    check("payment.unresolved", "gyesan.orders-com.gyesan.PaymentUnresolved");
}

#[test]
fn duplicate_refunded_format_unchanged() {
    check("payment.duplicate-refunded", "gyesan.orders-com.gyesan.PaymentDuplicateRefunded");
}

#[test]
fn wallet_credited_format_unchanged() {
    check("wallet.credited", "gyesan.ledger-com.gyesan.WalletCredited");
}
