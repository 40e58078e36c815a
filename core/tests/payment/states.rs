//! The payments that the tables begin with.

use crate::story::*;
use gyesan_core::payment::{CONFIRM_WINDOW_MS, Command, PAYABLE_MS, Payment};
use gyesan_core::toss::TossStatus::*;

pub const AFTER_WINDOW: i64 = CONFIRM_WINDOW_MS + 31_000;

pub fn executing() -> Payment {
    told(vec![(0, back("P1"))])
}

pub fn two_tabs() -> Payment {
    told(vec![(0, back("P1")), (1_000, back("P2"))])
}

pub fn unknown() -> Payment {
    told(vec![(0, back("P1")), (100, answer(1, 1, nothing()))])
}

pub fn paid() -> Payment {
    told(vec![(0, back("P1")), (100, answer(1, 1, shows("P1", Done)))])
}

pub fn rejected() -> Payment {
    told(vec![(0, back("P1")), (100, answer(1, 1, error(403, "REJECT_CARD_PAYMENT")))])
}

pub fn canceled() -> Payment {
    told(vec![(0, Command::Cancel)])
}

pub fn expired() -> Payment {
    told(vec![(PAYABLE_MS, Command::Expire)])
}

pub fn state(payment: &Payment, number: u32) -> &'static str {
    payment.attempt(number).unwrap().state.name()
}

/// A transient error was received, and the query about it is under way.
pub fn querying() -> Payment {
    let given = after(executing(), 100, answer(1, 1, error(400, "PROVIDER_ERROR")));
    after(given, 200, elapsed(1, 1))
}

pub fn refunding() -> Payment {
    let given = after(paid(), 1_000, back("P2"));
    after(given, 2_000, evidence(toss("P2", Done)))
}
