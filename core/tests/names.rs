//! Ids, moments, problem codes and Toss's error classes: what others have stored or rely on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use gyesan_core::id::{is_name, is_order_id, ulid};
use gyesan_core::problem::{Code, Language};
use gyesan_core::time::Timestamp;
use gyesan_core::toss::{ErrorClass, cancel_error_class, confirm_error_class, is_retryable, method_code};
use std::collections::HashSet;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn ids_are_a_prefix_and_a_ulid_in_order_of_time() {
    // The example of the ULID specification: this moment is written 01ARYZ6S41.
    assert_eq!(ulid("ord_", 1_469_918_176_385, 0), "ord_01ARYZ6S410000000000000000");
    assert_eq!(ulid("", 0, u128::MAX), "0000000000ZZZZZZZZZZZZZZZZ");
    assert_eq!(ulid("", (1 << 48) - 1, u128::MAX), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    let ids: Vec<String> =
        (0..100).map(|n| ulid("x", 1_700_000_000_000 + n, u128::from(n as u64) << 70)).collect();
    assert!(ids.is_sorted());
    assert!(ids.iter().all(|id| is_order_id(id)));
}

#[test]
fn order_ids_are_what_toss_takes() {
    let (longest, too_long) = ("a".repeat(64), "a".repeat(65));
    for id in ["ord-_1", "ABCDEF", longest.as_str()] {
        assert!(is_order_id(id), "{id}");
    }
    for id in [
        "",
        "12345",
        "ord 123",
        "ord/123",
        "주문번호입니다",
        "ord_1\n",
        "ord%31",
        "ord.123",
        too_long.as_str(),
    ] {
        assert!(!is_order_id(id), "{id}");
    }
    assert!(is_name("A") && is_name(&longest));
    assert!(!is_name("") && !is_name(&too_long) && !is_name("ａ"));
}

#[test]
fn moments_are_rfc_3339_in_utc_with_milliseconds() {
    for (text, written) in [
        ("2022-06-08T15:40:49+09:00", "2022-06-08T06:40:49.000Z"),
        ("2022-06-08T06:40:49.5Z", "2022-06-08T06:40:49.500Z"),
        ("2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59.999Z"),
    ] {
        let moment = Timestamp::parse(text).unwrap();
        assert_eq!(moment.to_string(), written);
        assert_eq!(Timestamp::parse(written), Some(moment));
        let json = serde_json::to_string(&moment).unwrap();
        assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), moment);
    }
    for text in ["", "2022-06-08", "2022-06-08T15:40:49", "2023-02-29T00:00:00Z", "1700000000000"] {
        assert_eq!(Timestamp::parse(text), None, "{text}");
    }
}

#[test]
fn every_problem_has_a_code_of_its_own_and_two_texts() {
    let mut seen = HashSet::new();
    for code in Code::ALL {
        let text = code.as_str();
        assert!(seen.insert(text), "{text} twice");
        assert!(text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'), "{text}");
        assert!((400..=599).contains(&code.status()));
        let (korean, english) = (code.title(Language::Ko), code.title(Language::En));
        assert!(korean.chars().any(|c| ('가'..='힣').contains(&c)), "{text} has no Korean text");
        assert!(english.is_ascii() && english.ends_with('.'), "{text} has no English text");
        assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Code>(&format!("\"{text}\"")).unwrap(), *code);
    }
}

/// The codes of the HTTP contract with their statuses.
#[test]
fn problem_codes_format_unchanged() {
    let written: Vec<(u16, &str)> = Code::ALL.iter().map(|code| (code.status(), code.as_str())).collect();
    for pair in [
        (400, "MALFORMED_JSON"),
        (400, "REQUIRED"),
        (400, "INVALID_TYPE"),
        (400, "UNKNOWN_FIELD"),
        (400, "INVALID_VALUE"),
        (400, "IDEMPOTENCY_KEY_MISSING"),
        (400, "INVALID_ORDER_ID"),
        (401, "UNAUTHORIZED"),
        (402, "PAYMENT_REJECTED"),
        (403, "FORBIDDEN"),
        (403, "ORIGIN_NOT_ALLOWED"),
        (404, "NOT_FOUND"),
        (404, "ORDER_NOT_FOUND"),
        (405, "METHOD_NOT_ALLOWED"),
        (409, "IDEMPOTENCY_KEY_IN_USE"),
        (409, "ORDER_ID_REUSED"),
        (409, "PREVIOUS_PAYMENT_IN_DOUBT"),
        (409, "ORDER_NOT_PAYABLE"),
        (409, "ORDER_EXPIRED"),
        (409, "AMOUNT_MISMATCH"),
        (409, "TOO_MANY_ATTEMPTS"),
        (409, "PAYMENT_IN_PROGRESS"),
        (413, "BODY_TOO_LARGE"),
        (422, "IDEMPOTENCY_KEY_REUSED"),
        (422, "ORDER_EMPTY"),
        (422, "DUPLICATE_ORDER_ITEM"),
        (422, "QUANTITY_OUT_OF_RANGE"),
        (422, "PRODUCT_NOT_FOUND"),
        (422, "AMOUNT_TOO_SMALL"),
        (422, "AMOUNT_TOO_LARGE"),
        (422, "PAYMENT_METHOD_NOT_SUPPORTED"),
        (422, "COUPON_NOT_FOUND"),
        (422, "COUPON_EXPIRED"),
        (422, "COUPON_MINIMUM_NOT_MET"),
        (422, "RETURN_URL_NOT_ALLOWED"),
        (422, "INVALID_BUYER"),
        (429, "RATE_LIMITED"),
        (503, "SERVICE_UNAVAILABLE"),
    ] {
        assert!(written.contains(&pair), "{pair:?}");
    }
}

#[test]
fn the_language_is_the_first_of_ours_that_is_asked_for() {
    for (tags, language) in [
        ("", Language::Ko),
        ("en", Language::En),
        ("en-US,ko;q=0.9", Language::En),
        ("ko-KR,en;q=0.9", Language::Ko),
        ("fr,EN", Language::En),
        ("ja,fr", Language::Ko),
    ] {
        assert_eq!(Language::from_tags(tags), language, "{tags}");
    }
}

const F: ErrorClass = ErrorClass::Final;
const C: ErrorClass = ErrorClass::Configuration;
const T: ErrorClass = ErrorClass::Transient;
const Q: ErrorClass = ErrorClass::Decided;

/// Toss's published table of confirm errors.
#[test]
fn every_confirm_error_has_its_class() {
    let table: &[(u16, ErrorClass, &[&str])] = &[
        (400, Q, &["ALREADY_PROCESSED_PAYMENT"]),
        (400, T, &["PROVIDER_ERROR", "CARD_PROCESSING_ERROR", "UNAPPROVED_ORDER_ID"]),
        (
            400,
            C,
            &[
                "INVALID_API_KEY",
                "NOT_FOUND_TERMINAL_ID",
                "INVALID_UNREGISTERED_SUBMALL",
                "NOT_REGISTERED_BUSINESS",
            ],
        ),
        (
            400,
            F,
            &[
                "EXCEED_MAX_CARD_INSTALLMENT_PLAN",
                "INVALID_REQUEST",
                "NOT_ALLOWED_POINT_USE",
                "INVALID_REJECT_CARD",
                "BELOW_MINIMUM_AMOUNT",
                "INVALID_CARD_EXPIRATION",
                "INVALID_STOPPED_CARD",
                "EXCEED_MAX_DAILY_PAYMENT_COUNT",
                "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT",
                "INVALID_CARD_INSTALLMENT_PLAN",
                "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN",
                "EXCEED_MAX_PAYMENT_AMOUNT",
                "INVALID_AUTHORIZE_AUTH",
                "INVALID_CARD_LOST_OR_STOLEN",
                "RESTRICTED_TRANSFER_ACCOUNT",
                "INVALID_CARD_NUMBER",
                "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT",
                "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT",
                "EXCEED_MAX_AMOUNT",
                "INVALID_ACCOUNT_INFO_RE_REGISTER",
                "NOT_AVAILABLE_PAYMENT",
                "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT",
                "EXCEEDS_TRANSFER_AMOUNT_MAXIMUM",
            ],
        ),
        (401, C, &["UNAUTHORIZED_KEY", "ANYTHING"]),
        (403, C, &["FORBIDDEN_REQUEST", "INCORRECT_BASIC_AUTH_FORMAT"]),
        (403, T, &["FORBIDDEN_CONSECUTIVE_REQUEST"]),
        (
            403,
            F,
            &[
                "REJECT_ACCOUNT_PAYMENT",
                "REJECT_CARD_PAYMENT",
                "REJECT_CARD_COMPANY",
                "REJECT_TOSSPAY_INVALID_ACCOUNT",
                "EXCEED_MAX_AUTH_COUNT",
                "EXCEED_MAX_ONE_DAY_AMOUNT",
                "NOT_AVAILABLE_BANK",
                "INVALID_PASSWORD",
                "FDS_ERROR",
            ],
        ),
        (404, F, &["NOT_FOUND_PAYMENT", "NOT_FOUND_PAYMENT_SESSION"]),
        (409, ErrorClass::StillRunning, &["IDEMPOTENT_REQUEST_PROCESSING"]),
        (429, T, &["", "TOO_MANY_REQUESTS"]),
        (
            500,
            T,
            &[
                "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
                "FAILED_INTERNAL_SYSTEM_PROCESSING",
                "UNKNOWN_PAYMENT_ERROR",
                "COMMON_ERROR",
                "NEVER_SEEN",
                "REJECT_CARD_PAYMENT",
            ],
        ),
        (400, ErrorClass::Unlisted, &["NEVER_SEEN", "reject_card_payment", ""]),
        (404, ErrorClass::Unlisted, &["NOT_FOUND"]),
    ];
    for (http_status, class, codes) in table {
        for code in *codes {
            assert_eq!(confirm_error_class(*http_status, code), *class, "{http_status} {code}");
        }
    }
}

#[test]
fn every_cancel_error_has_its_class() {
    let table: &[(u16, ErrorClass, &[&str])] = &[
        (400, Q, &["ALREADY_CANCELED_PAYMENT", "ALREADY_REFUND_PAYMENT", "NOT_MATCHES_REFUNDABLE_AMOUNT"]),
        (403, Q, &["NOT_CANCELABLE_AMOUNT"]),
        (
            400,
            F,
            &[
                "REFUND_REJECTED",
                "INVALID_REFUND_ACCOUNT_INFO",
                "INVALID_BANK",
                "FORBIDDEN_BANK_REFUND_REQUEST",
            ],
        ),
        (403, F, &["NOT_CANCELABLE_PAYMENT", "EXCEED_MAX_REFUND_DUE", "NOT_ALLOWED_PARTIAL_REFUND"]),
        (404, F, &["NOT_FOUND_PAYMENT"]),
        (400, T, &["PROVIDER_ERROR"]),
        (403, T, &["FORBIDDEN_CONSECUTIVE_REQUEST", "NOT_AVAILABLE_BANK"]),
        (
            500,
            T,
            &[
                "FAILED_REFUND_PROCESS",
                "FAILED_METHOD_HANDLING_CANCEL",
                "FAILED_PARTIAL_REFUND",
                "COMMON_ERROR",
            ],
        ),
        (401, C, &["UNAUTHORIZED_KEY"]),
        (403, C, &["FORBIDDEN_REQUEST", "INCORRECT_BASIC_AUTH_FORMAT", "EXCEED_CANCEL_LIMIT"]),
        (409, ErrorClass::StillRunning, &["IDEMPOTENT_REQUEST_PROCESSING"]),
    ];
    for (http_status, class, codes) in table {
        for code in *codes {
            assert_eq!(cancel_error_class(*http_status, code), *class, "{http_status} {code}");
        }
    }
}

#[test]
fn a_buyer_may_try_again_unless_the_shop_is_set_up_wrongly() {
    assert!(is_retryable("REJECT_CARD_PAYMENT") && is_retryable("NOT_FOUND_PAYMENT_SESSION"));
    assert!(!is_retryable("UNAUTHORIZED_KEY") && !is_retryable("NOT_REGISTERED_BUSINESS"));
    assert_eq!(
        (method_code("카드"), method_code("간편결제"), method_code("새 수단")),
        ("CARD", "EASY_PAY", "OTHER")
    );
}
