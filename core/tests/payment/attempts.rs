//! The attempts table of the design: returns, evidence, and the order's own end.

use crate::states::*;
use crate::story::*;
use gyesan_core::api::{OrderStatus, PaymentStatus};
use gyesan_core::payment::{CONFIRM_WINDOW_MS, Command, PAYABLE_MS, Rejection};
use gyesan_core::toss::TossStatus::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

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
