//! The refund of a charge that must not be.

use crate::states::*;
use crate::story::*;
use gyesan_core::api::PaymentStatus;
use gyesan_core::toss::TossStatus::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_refund_without_an_answer_is_repeated_under_the_same_key_and_looked_up() {
    let given =
        check(refunding(), 2_100, answer(2, 1, nothing()), &["missed", "pause 2 cancel key 1 500 ms"]);
    let mut given = check(given, 2_600, elapsed(2, 1), &["call 2 cancel key 1"]);
    for call in 2..=4 {
        given = after(given, 3_000, answer(2, call, nothing()));
        given = after(given, 3_000, elapsed(2, call));
    }
    check(given.clone(), 4_000, answer(2, 5, shows("P2", Canceled)), &["refunded 2 6500"]);
    check(given, 4_000, answer(2, 5, shows("P2", Done)), &["pause 2 cancel key 1 2000 ms"]);
}

#[test]
fn a_refund_that_was_made_already_is_looked_up() {
    let given = check(
        refunding(),
        2_100,
        answer(2, 1, error(400, "ALREADY_CANCELED_PAYMENT")),
        &["call 2 query key 1"],
    );
    check(given, 2_200, answer(2, 2, shows("P2", Canceled)), &["refunded 2 6500"]);
}

#[test]
fn a_refused_refund_is_for_a_person_and_asked_about_on() {
    let then = ["missed", "unresolved 2 REFUND_REFUSED", "pause 2 query key 1 600000 ms"];
    let after = check(refunding(), 2_100, answer(2, 1, error(403, "NOT_CANCELABLE_PAYMENT")), &then);
    assert_eq!((after.status, state(&after, 2)), (PaymentStatus::Success, "REFUNDING"));
}

#[test]
fn a_late_answer_to_the_charge_is_not_taken_for_the_refunds() {
    // P1 is silent, P2 is found charged; then P1 is found charged too.
    let given = after(querying(), 250, back("P2"));
    let given = after(given, 300, evidence(toss("P2", Done)));
    let given = check(given, 400, answer(1, 2, shows("P1", Done)), &["refund 1", "call 1 cancel key 1"]);
    let dialogue = given.attempt(1).unwrap().state.dialogue().unwrap().clone();
    assert_eq!(dialogue.call, 3);
    check(given, 500, answer(1, 1, error(403, "REJECT_CARD_PAYMENT")), &[]);
}
