//! The payment state machine, row by row: the attempts table and the recovery of the design.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "payment/story.rs"]
mod story;

use gyesan_core::api::{OrderStatus, PaymentStatus};
use gyesan_core::payment::{AttemptState, CONFIRM_WINDOW_MS, Command, PAYABLE_MS, Payment, Rejection};
use gyesan_core::toss::TossStatus::{self, *};
use story::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const AFTER_WINDOW: i64 = CONFIRM_WINDOW_MS + 31_000;

fn executing() -> Payment {
    told(vec![(0, back("P1"))])
}
fn two_tabs() -> Payment {
    told(vec![(0, back("P1")), (1_000, back("P2"))])
}
fn unknown() -> Payment {
    told(vec![(0, back("P1")), (100, answer(1, 1, nothing()))])
}
fn paid() -> Payment {
    told(vec![(0, back("P1")), (100, answer(1, 1, shows("P1", Done)))])
}
fn rejected() -> Payment {
    told(vec![(0, back("P1")), (100, answer(1, 1, error(403, "REJECT_CARD_PAYMENT")))])
}
fn canceled() -> Payment {
    told(vec![(0, Command::Cancel)])
}
fn expired() -> Payment {
    told(vec![(PAYABLE_MS, Command::Expire)])
}
fn state(payment: &Payment, number: u32) -> &'static str {
    payment.attempt(number).unwrap().state.name()
}

// The attempts table.

#[test]
fn the_first_return_is_confirmed() {
    let after = check(order(), 0, back("P1"), &["opened 1", "call 1 confirm key 1"]);
    assert_eq!((after.status, state(&after, 1)), (PaymentStatus::Executing, "EXECUTING"));
    let attempt = after.attempt(1).unwrap();
    let dialogue = attempt.state.dialogue().unwrap();
    assert_eq!(attempt.idempotency_key(dialogue), "confirm:att_P1:1");
}

#[test]
fn a_return_after_a_failure_is_confirmed() {
    let after = check(rejected(), 5_000, back("P2"), &["opened 2", "call 2 confirm key 1"]);
    let after = check(after, 6_000, answer(2, 1, shows("P2", Done)), &["confirmed 2"]);
    assert_eq!((after.status, after.order_status), (PaymentStatus::Success, OrderStatus::PaymentCompleted));
}

#[test]
fn the_same_return_again_joins_it() {
    for given in [executing(), unknown(), paid(), rejected()] {
        check(given, 5_000, back("P1"), &[]);
    }
}

#[test]
fn a_second_authentication_waits_for_the_first() {
    for given in [executing(), unknown()] {
        let after = check(given, 5_000, back("P2"), &["queued 2"]);
        assert_eq!(state(&after, 2), "WAITING");
        check(after, 5_500, back("P2"), &[]);
    }
}

#[test]
fn the_waiting_attempt_is_dropped_when_the_first_succeeds() {
    let after =
        check(two_tabs(), 2_000, answer(1, 1, shows("P1", Done)), &["confirmed 1", "dropped waiting 2"]);
    assert_eq!(state(&after, 2), "DROPPED");
}

#[test]
fn the_waiting_attempt_gets_its_turn_when_the_first_fails() {
    let answer = answer(1, 1, error(403, "REJECT_CARD_PAYMENT"));
    let then = ["failed 1 REJECT_CARD_PAYMENT", "opened waiting 2", "call 2 confirm key 1"];
    let after = check(two_tabs(), 2_000, answer, &then);
    assert_eq!((after.status, state(&after, 2)), (PaymentStatus::Executing, "EXECUTING"));
}

#[test]
fn the_waiting_attempt_fails_when_its_own_window_has_closed() {
    let late = 1_000 + CONFIRM_WINDOW_MS;
    let then = ["failed 1 EXPIRED_PAYMENT", "failed 2 NOT_FOUND_PAYMENT_SESSION"];
    check(two_tabs(), late, answer(1, 1, shows("P1", Expired)), &then);
}

#[test]
fn only_one_of_several_waiting_attempts_gets_its_turn() {
    let given = after(two_tabs(), 1_500, back("P3"));
    let answer_1 = answer(1, 1, error(403, "REJECT_CARD_PAYMENT"));
    let after = check(
        given,
        2_000,
        answer_1,
        &["failed 1 REJECT_CARD_PAYMENT", "opened waiting 2", "call 2 confirm key 1"],
    );
    assert_eq!(state(&after, 3), "WAITING");
    let then = ["failed 2 REJECT_CARD_PAYMENT", "opened waiting 3", "call 3 confirm key 1"];
    check(after, 3_000, answer(2, 1, error(403, "REJECT_CARD_PAYMENT")), &then);
}

#[test]
fn a_return_to_a_paid_order_is_dropped() {
    let after = check(paid(), 5_000, back("P2"), &["dropped 2"]);
    assert_eq!((after.status, state(&after, 2)), (PaymentStatus::Success, "DROPPED"));
}

#[test]
fn another_amount_is_refused_whatever_the_state() {
    let (expected, got) = (won(6_500), won(6_499));
    for given in [order(), executing(), unknown(), paid(), rejected(), canceled(), expired()] {
        check_refused(given.clone(), 0, back_with("P1", 6_499), Rejection::AmountMismatch { expected, got });
        check_refused(given, 0, back_with("P9", 6_499), Rejection::AmountMismatch { expected, got });
    }
}

#[test]
fn a_return_to_a_closed_order_is_not_confirmed() {
    check(canceled(), 10, back("P1"), &["refused 1"]);
    check(expired(), PAYABLE_MS + 10, back("P1"), &["refused 1"]);
    check(order(), PAYABLE_MS, back("P1"), &["refused 1"]);
}

#[test]
fn ten_attempts_an_order() {
    let mut given = order();
    for n in 1..=10 {
        given = after(given, n, back(&format!("P{n}")));
        given = after(given, n, answer(n as u32, 1, error(403, "REJECT_CARD_PAYMENT")));
    }
    check_refused(given.clone(), 60, back("P11"), Rejection::TooManyAttempts);
    check(given, 60, back("P10"), &[]);
}

#[test]
fn evidence_pays_an_order_that_is_not_paid() {
    check(executing(), 50, evidence(toss("P1", Done)), &["confirmed 1"]);
    check(unknown(), 200, evidence(toss("P1", Done)), &["confirmed 1"]);
    check(rejected(), 200, evidence(toss("P1", Done)), &["confirmed 1 late"]);
    check(order(), 200, evidence(toss("P7", Done)), &["queued 1", "confirmed 1"]);
    check(two_tabs(), 2_000, evidence(toss("P2", Done)), &["confirmed 2"]);
}

#[test]
fn evidence_that_says_nothing_of_a_charge_changes_nothing() {
    for status in
        [Ready, InProgress, WaitingForDeposit, Canceled, PartialCanceled, Aborted, Expired, Unlisted]
    {
        check(executing(), 50, evidence(toss("P1", status)), &[]);
    }
    let foreign = gyesan_core::toss::TossPayment { order_id: "ord_2".into(), ..toss("P1", Done) };
    check(executing(), 50, evidence(foreign), &[]);
}

#[test]
fn a_second_charge_is_given_back_under_its_own_key() {
    let second = after(paid(), 1_000, back("P2"));
    let after = check(second, 2_000, evidence(toss("P2", Done)), &["refund 2", "call 2 cancel key 1"]);
    let attempt = after.attempt(2).unwrap();
    assert_eq!(attempt.idempotency_key(attempt.state.dialogue().unwrap()), "cancel:att_P2:1");
    let after = check(after, 3_000, answer(2, 1, shows("P2", Canceled)), &["refunded 2 6500"]);
    assert_eq!(
        (after.status, state(&after, 1), state(&after, 2)),
        (PaymentStatus::Success, "SUCCESS", "REFUNDED")
    );
    check(after, 4_000, evidence(toss("P2", Done)), &[]);
}

#[test]
fn a_charge_of_a_closed_order_is_given_back() {
    check(canceled(), 50, evidence(toss("P1", Done)), &["queued 1", "refund 1", "call 1 cancel key 1"]);
    check(
        expired(),
        PAYABLE_MS + 50,
        evidence(toss("P1", Done)),
        &["queued 1", "refund 1", "call 1 cancel key 1"],
    );
}

#[test]
fn a_charge_of_another_amount_is_for_a_person() {
    let mut wrong = toss("P1", Done);
    wrong.total_amount = won(6_400);
    wrong.balance_amount = won(6_400);
    let after = check(executing(), 50, evidence(wrong.clone()), &["unresolved 1 AMOUNT_DIFFERS"]);
    assert!(after.unresolved);
    check(after, 60, evidence(wrong.clone()), &[]);
    let shown = gyesan_core::toss::Answer::Payment(Box::new(wrong));
    let then = ["missed", "unknown 1", "unresolved 1 AMOUNT_DIFFERS", "pause 1 query key 1 600000 ms"];
    check(executing(), 50, answer(1, 1, shown), &then);
}

#[test]
fn an_answer_about_something_else_is_for_a_person() {
    let mut foreign = toss("P1", Done);
    foreign.order_id = "ord_2".into();
    let mut dollars = toss("P1", Done);
    dollars.currency = "USD".into();
    let mut partly = toss("P1", Done);
    partly.balance_amount = won(100);
    for (found, reason) in [
        (foreign, "ORDER_ID_DIFFERS"),
        (toss("P8", Done), "PAYMENT_KEY_DIFFERS"),
        (dollars, "CURRENCY_DIFFERS"),
        (partly, "BALANCE_DIFFERS"),
        (toss("P1", Unlisted), "STATUS_NOT_KNOWN"),
        (toss("P1", PartialCanceled), "PARTIALLY_CANCELED"),
    ] {
        let shown = gyesan_core::toss::Answer::Payment(Box::new(found));
        let raised = format!("unresolved 1 {reason}");
        let then = ["missed", "unknown 1", raised.as_str(), "pause 1 query key 1 600000 ms"];
        let after = check(executing(), 50, answer(1, 1, shown), &then);
        assert_eq!(after.status, PaymentStatus::Unknown);
    }
}

#[test]
fn a_virtual_account_is_cancelled_and_fails() {
    let after = check(executing(), 50, answer(1, 1, shows("P1", WaitingForDeposit)), &["call 1 void key 1"]);
    assert_eq!(state(&after, 1), "EXECUTING");
    let then = ["failed 1 PAYMENT_METHOD_NOT_SUPPORTED"];
    let after = check(after, 90, answer(1, 2, shows("P1", Canceled)), &then);
    assert_eq!((after.status, after.order_status), (PaymentStatus::Failure, OrderStatus::Completed));
}

#[test]
fn an_order_in_doubt_cannot_be_cancelled() {
    for given in [executing(), unknown(), two_tabs()] {
        check_refused(given, 5_000, Command::Cancel, Rejection::PaymentInDoubt);
    }
    check_refused(paid(), 5_000, Command::Cancel, Rejection::AlreadyPaid);
    check(order(), 5, Command::Cancel, &["canceled"]);
    check(rejected(), 500, Command::Cancel, &["canceled"]);
    check(canceled(), 5, Command::Cancel, &[]);
    check(expired(), PAYABLE_MS, Command::Cancel, &[]);
}

#[test]
fn an_order_expires_unless_it_is_in_doubt_or_paid() {
    check(order(), PAYABLE_MS - 1, Command::Expire, &[]);
    check(order(), PAYABLE_MS, Command::Expire, &["expired"]);
    check(rejected(), PAYABLE_MS, Command::Expire, &["expired"]);
    for given in [executing(), unknown(), paid(), canceled(), expired()] {
        check(given, PAYABLE_MS, Command::Expire, &[]);
    }
    let then = ["failed 1 EXPIRED_PAYMENT", "expired"];
    check(executing(), PAYABLE_MS, answer(1, 1, shows("P1", Expired)), &then);
}

// The recovery.

#[test]
fn no_answer_is_not_a_failure_and_repeats_the_same_key() {
    let after = check(
        executing(),
        100,
        answer(1, 1, nothing()),
        &["missed", "unknown 1", "pause 1 confirm key 1 500 ms"],
    );
    assert_eq!((after.status, state(&after, 1)), (PaymentStatus::Unknown, "UNKNOWN"));
    let after = check(after, 600, elapsed(1, 1), &["call 1 confirm key 1"]);
    let after = check(after, 700, answer(1, 2, nothing()), &["missed", "pause 1 confirm key 1 1000 ms"]);
    let after = check(after, 1_700, elapsed(1, 2), &["call 1 confirm key 1"]);
    let after = check(after, 1_800, answer(1, 3, nothing()), &["missed", "pause 1 confirm key 1 2000 ms"]);
    let after = check(after, 3_800, elapsed(1, 3), &["call 1 confirm key 1"]);
    // Three repeats are enough: the fourth silence leads to a query.
    let after = check(after, 3_900, answer(1, 4, nothing()), &["missed", "pause 1 query key 1 1000 ms"]);
    let after = check(after, 4_900, elapsed(1, 4), &["call 1 query key 1"]);
    check(after, 5_000, answer(1, 5, shows("P1", Done)), &["confirmed 1"]);
}

#[test]
fn a_slow_answer_is_asked_for_again_and_still_counts() {
    let after = check(executing(), 4_000, elapsed(1, 1), &["missed", "call 1 confirm key 1"]);
    assert_eq!(after.status, PaymentStatus::Executing);
    check(after.clone(), 5_000, answer(1, 1, shows("P1", Done)), &["confirmed 1"]);
    check(after.clone(), 5_000, answer(1, 1, shows("P1", Aborted)), &["failed 1 ABORTED_PAYMENT"]);
    // Other late answers may not be true any more.
    check(after.clone(), 5_000, answer(1, 1, error(400, "PROVIDER_ERROR")), &[]);
    check(after.clone(), 5_000, answer(1, 1, nothing()), &[]);
    check(after, 5_000, answer(1, 1, shows("P1", InProgress)), &[]);
}

#[test]
fn the_first_key_still_running_is_asked_again_under_the_same_key() {
    let after = check(
        executing(),
        100,
        answer(1, 1, error(409, "IDEMPOTENT_REQUEST_PROCESSING")),
        &["pause 1 confirm key 1 1000 ms"],
    );
    check(after, 1_100, elapsed(1, 1), &["call 1 confirm key 1"]);
}

#[test]
fn a_received_error_leads_to_a_query_and_a_new_key() {
    let then = ["missed", "unknown 1", "pause 1 query key 1 1000 ms"];
    let after = check(executing(), 100, answer(1, 1, error(400, "PROVIDER_ERROR")), &then);
    let after = check(after, 1_100, elapsed(1, 1), &["call 1 query key 1"]);
    let after = check(after, 1_200, answer(1, 2, shows("P1", InProgress)), &["call 1 confirm key 2"]);
    let then = ["missed", "pause 1 query key 2 4000 ms"];
    let after = check(after, 1_300, answer(1, 3, error(400, "PROVIDER_ERROR")), &then);
    let after = check(after, 5_300, elapsed(1, 3), &["call 1 query key 2"]);
    let after = check(after, 5_400, answer(1, 4, shows("P1", InProgress)), &["call 1 confirm key 3"]);
    check(after, 5_500, answer(1, 5, shows("P1", Done)), &["confirmed 1"]);
}

#[test]
fn without_an_answer_the_query_is_followed_by_the_same_key() {
    let mut given = executing();
    for call in 1..=4 {
        given = after(given, i64::from(call) * 5_000, answer(1, call, nothing()));
        given = after(given, i64::from(call) * 5_000, elapsed(1, call));
    }
    check(given, 25_000, answer(1, 5, shows("P1", InProgress)), &["call 1 confirm key 1"]);
}

#[test]
fn already_processed_is_looked_up() {
    let after = check(
        executing(),
        100,
        answer(1, 1, error(400, "ALREADY_PROCESSED_PAYMENT")),
        &["call 1 query key 1"],
    );
    check(after.clone(), 200, answer(1, 2, shows("P1", Done)), &["confirmed 1"]);
    check(after, 200, answer(1, 2, shows("P1", Canceled)), &["failed 1 CANCELED_AT_PSP"]);
}

#[test]
fn a_final_refusal_of_the_only_call_needs_no_second_word() {
    for (http_status, code) in [(403, "REJECT_CARD_PAYMENT"), (404, "NOT_FOUND_PAYMENT_SESSION")] {
        let then = [format!("failed 1 {code}")];
        let then: Vec<&str> = then.iter().map(String::as_str).collect();
        let after = check(executing(), 100, answer(1, 1, error(http_status, code)), &then);
        assert_eq!((after.status, after.order_status), (PaymentStatus::Failure, OrderStatus::Completed));
    }
}

#[test]
fn our_own_wrong_key_is_a_failure_and_an_alert() {
    let then = ["operator 1 UNAUTHORIZED_KEY", "failed 1 UNAUTHORIZED_KEY"];
    check(executing(), 100, answer(1, 1, error(401, "UNAUTHORIZED_KEY")), &then);
}

#[test]
fn a_refusal_after_an_unheard_call_waits_for_the_payments_end() {
    // The first call is silent and may still be at work; the repeat is refused for another reason.
    let given = after(executing(), 4_000, elapsed(1, 1));
    let given = check(given, 4_100, answer(1, 2, error(401, "UNAUTHORIZED_KEY")), &["call 1 query key 1"]);
    let then = ["missed", "unknown 1", "pause 1 query key 1 1000 ms"];
    let in_doubt = check(given.clone(), 4_200, answer(1, 3, shows("P1", InProgress)), &then);
    check(in_doubt, 4_300, answer(1, 1, shows("P1", Done)), &["confirmed 1"]);
    check(given.clone(), 4_200, answer(1, 3, shows("P1", Done)), &["confirmed 1"]);
    check(given, 4_200, answer(1, 3, shows("P1", Aborted)), &["failed 1 ABORTED_PAYMENT"]);
}

#[test]
fn an_unlisted_refusal_is_final_once_a_query_agrees() {
    let given = check(executing(), 100, answer(1, 1, error(400, "NEW_CODE")), &["call 1 query key 1"]);
    check(given.clone(), 200, answer(1, 2, shows("P1", InProgress)), &["failed 1 NEW_CODE"]);
    check(given, 200, answer(1, 2, shows("P1", Done)), &["confirmed 1"]);
}

#[test]
fn a_payment_that_is_not_found_is_in_doubt_until_its_window_has_closed() {
    let given = querying();
    let given =
        check(given, 300, answer(1, 2, error(404, "NOT_FOUND_PAYMENT")), &["call 1 query order key 1"]);
    let wait = format!("pause 1 query key 1 {} ms", CONFIRM_WINDOW_MS + 30_000 - 400);
    let then = ["missed", wait.as_str()];
    let given = check(given, 400, answer(1, 3, error(404, "NOT_FOUND_PAYMENT")), &then);
    assert_eq!(given.status, PaymentStatus::Unknown);
    let given = check(given, AFTER_WINDOW, elapsed(1, 3), &["call 1 query key 1"]);
    let given = check(
        given,
        AFTER_WINDOW,
        answer(1, 4, error(404, "NOT_FOUND_PAYMENT")),
        &["call 1 query order key 1"],
    );
    check(
        given,
        AFTER_WINDOW,
        answer(1, 5, error(404, "NOT_FOUND_PAYMENT")),
        &["failed 1 NOT_FOUND_PAYMENT"],
    );
}

/// A transient error was received, and the query about it is under way.
fn querying() -> Payment {
    let given = after(executing(), 100, answer(1, 1, error(400, "PROVIDER_ERROR")));
    after(given, 200, elapsed(1, 1))
}

#[test]
fn an_order_query_that_finds_another_charge_pays_the_order_by_it() {
    let given = after(querying(), 250, back("P2"));
    let given = after(given, 300, answer(1, 2, error(404, "NOT_FOUND_PAYMENT")));
    let wait = format!("pause 1 query key 1 {} ms", CONFIRM_WINDOW_MS + 30_000 - 400);
    let then = ["confirmed 2", "missed", wait.as_str()];
    let given = check(given, 400, answer(1, 3, shows("P2", Done)), &then);
    // Should the first be found charged after all, it is given back.
    let given = after(given, AFTER_WINDOW, elapsed(1, 3));
    check(given, AFTER_WINDOW, answer(1, 4, shows("P1", Done)), &["refund 1", "call 1 cancel key 1"]);
}

#[test]
fn after_the_window_nothing_is_confirmed_any_more() {
    let paused = unknown();
    check(paused, CONFIRM_WINDOW_MS, elapsed(1, 1), &["call 1 query key 1"]);
    let given = after(querying(), CONFIRM_WINDOW_MS, elapsed(1, 2));
    let then = ["missed", "pause 1 query key 1 4000 ms"];
    let after = check(given, CONFIRM_WINDOW_MS, answer(1, 3, shows("P1", InProgress)), &then);
    let after = story::after(after, AFTER_WINDOW, elapsed(1, 3));
    check(after, AFTER_WINDOW, answer(1, 4, shows("P1", Expired)), &["failed 1 EXPIRED_PAYMENT"]);
}

#[test]
fn a_person_is_called_after_the_window_and_the_threshold_only() {
    let mut given = executing();
    let mut raised_at = None;
    for round in 1..=60_u32 {
        let now = i64::from(round) * 20_000;
        let call = given.attempt(1).unwrap().state.dialogue().unwrap().call;
        given = after(given, now, elapsed(1, call));
        let call = given.attempt(1).unwrap().state.dialogue().unwrap().call;
        given = after(given, now, answer(1, call, nothing()));
        if given.unresolved && raised_at.is_none() {
            raised_at = Some((now, given.failed_count));
        }
    }
    let (at_ms, missed) = raised_at.unwrap();
    assert!((CONFIRM_WINDOW_MS..CONFIRM_WINDOW_MS + 60_000).contains(&at_ms), "raised at {at_ms} ms");
    assert!(missed >= 5);
    assert_eq!(given.status, PaymentStatus::Unknown);
    let call = given.attempt(1).unwrap().state.dialogue().unwrap().call;
    let given = after(given, 3_000_000, elapsed(1, call));
    let after = check(given, 3_000_000, answer(1, call + 1, shows("P1", Done)), &["confirmed 1"]);
    assert!(!after.unresolved);
}

#[test]
fn a_refused_query_says_nothing_about_the_charge() {
    let then = ["operator 1 UNAUTHORIZED_KEY", "missed", "pause 1 query key 1 2000 ms"];
    check(querying(), 300, answer(1, 2, error(401, "UNAUTHORIZED_KEY")), &then);
    let then = ["missed", "pause 1 query key 1 2000 ms"];
    check(querying(), 300, answer(1, 2, error(403, "REJECT_CARD_PAYMENT")), &then);
}

#[test]
fn a_recheck_asks_at_once_and_only_what_is_paused() {
    check(unknown(), 110, Command::Recheck, &["call 1 confirm key 1"]);
    for given in [order(), executing(), paid(), rejected(), canceled(), expired()] {
        check(given, 110, Command::Recheck, &[]);
    }
}

#[test]
fn a_late_answer_that_the_buyer_is_charged_corrects_a_failure() {
    let given = after(executing(), 4_000, elapsed(1, 1));
    let given = after(given, 4_100, answer(1, 2, shows("P1", Aborted)));
    assert_eq!(given.status, PaymentStatus::Failure);
    check(given, 4_200, answer(1, 1, shows("P1", Done)), &["confirmed 1 late"]);
}

// The refund of a charge that must not be.

fn refunding() -> Payment {
    let given = after(paid(), 1_000, back("P2"));
    after(given, 2_000, evidence(toss("P2", Done)))
}

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

// Every pair answers.

#[test]
fn every_state_answers_every_command() {
    let states = [
        order(),
        executing(),
        unknown(),
        two_tabs(),
        paid(),
        rejected(),
        canceled(),
        expired(),
        querying(),
        refunding(),
        after(executing(), 50, answer(1, 1, shows("P1", WaitingForDeposit))),
        after(after(refunding(), 60, answer(2, 1, shows("P2", Canceled))), 70, back("P3")),
    ];
    let statuses: [TossStatus; 9] =
        [Ready, InProgress, WaitingForDeposit, Done, Canceled, PartialCanceled, Aborted, Expired, Unlisted];
    let mut commands = vec![back("P1"), back("P9"), Command::Recheck, Command::Expire, Command::Cancel];
    for attempt in 0..=3 {
        for call in 0..=3 {
            commands.push(elapsed(attempt, call));
            commands.push(answer(attempt, call, nothing()));
            for key in ["P1", "P2"] {
                commands.extend(statuses.iter().map(|status| answer(attempt, call, shows(key, *status))));
            }
            for code in ["REJECT_CARD_PAYMENT", "PROVIDER_ERROR", "UNAUTHORIZED_KEY", "NEW_CODE"] {
                commands.push(answer(attempt, call, error(400, code)));
            }
            commands.push(answer(attempt, call, error(404, "NOT_FOUND_PAYMENT")));
            commands.push(answer(attempt, call, error(409, "IDEMPOTENT_REQUEST_PROCESSING")));
        }
    }
    commands.extend(
        statuses.iter().flat_map(|status| [evidence(toss("P1", *status)), evidence(toss("P5", *status))]),
    );
    for given in &states {
        for command in &commands {
            for at_ms in [5_000, AFTER_WINDOW, PAYABLE_MS] {
                let decided = gyesan_core::payment::decide(given, command.clone(), START.plus_ms(at_ms));
                let Ok(events) = decided else { continue };
                let then = events.iter().fold(given.clone(), Payment::evolve);
                assert!(
                    then.attempts.iter().filter(|attempt| attempt.state.is_open()).count() <= 1,
                    "{command:?}"
                );
                let was_paid = given.status == PaymentStatus::Success;
                assert!(!was_paid || then.status == PaymentStatus::Success, "{command:?} left SUCCESS");
                let paid_by =
                    then.attempts.iter().filter(|attempt| attempt.state == AttemptState::Success).count();
                assert_eq!(paid_by, usize::from(then.status == PaymentStatus::Success), "{command:?}");
            }
        }
    }
}
