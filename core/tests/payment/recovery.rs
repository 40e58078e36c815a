//! The recovery of the design: what is asked of the payment provider after what it has said, or not.

use crate::states::*;
use crate::story::{self, *};
use gyesan_core::api::{OrderStatus, PaymentStatus};
use gyesan_core::payment::{CONFIRM_WINDOW_MS, Command};
use gyesan_core::toss::TossStatus::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

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
