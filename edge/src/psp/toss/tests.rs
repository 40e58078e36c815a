#![allow(clippy::unwrap_used)]

use super::{parse, request};
use crate::config::Toss;
use crate::psp::{PspCall, PspCallId, PspRequest};
use gyesan_core::id::{MerchantId, OrderId};
use gyesan_core::money::Amount;
use gyesan_core::time::Timestamp;
use gyesan_core::toss::{Answer, TossStatus};
use serde_json::{Value, json};

/// A card payment as API version 2022-11-16 answers a confirm, with its personal fields replaced.
const DONE: &str = r#"{"mId":"tosspayments","lastTransactionKey":"9C62B18EEF0DE3EB7F4422EB6D14BC6E","paymentKey":"tgen_20260101abcd",
"orderId":"ord_01JD","orderName":"상품A 외 1건","taxExemptionAmount":0,"status":"DONE","requestedAt":"2026-02-13T12:17:57+09:00",
"approvedAt":"2026-02-13T12:18:14+09:00","useEscrow":false,"cultureExpense":false,"card":{"issuerCode":"71","acquirerCode":"71",
"number":"12345678****000*","installmentPlanMonths":0,"isInterestFree":false,"interestPayer":null,"approveNo":"00000000",
"useCardPoint":false,"cardType":"신용","ownerType":"개인","acquireStatus":"READY","amount":6500},"virtualAccount":null,"transfer":null,
"mobilePhone":null,"giftCertificate":null,"cashReceipt":null,"cashReceipts":null,"discount":null,"cancels":null,"secret":null,
"type":"NORMAL","easyPay":{"provider":"토스페이","amount":0,"discountAmount":0},"country":"KR","failure":null,"isPartialCancelable":true,
"receipt":{"url":"https://dashboard.tosspayments.com/receipt/redirection?transactionId=tgen"},"checkout":{"url":"https://api.tosspayments.com/v1/payments/tgen/checkout"},
"currency":"KRW","totalAmount":6500,"balanceAmount":6500,"suppliedAmount":5909,"vat":591,"taxFreeAmount":0,"metadata":null,
"method":"카드","version":"2022-11-16"}"#;

fn toss() -> Toss {
    Toss {
        api_base: "https://api.tosspayments.com".into(),
        sdk_url: "https://js.tosspayments.com/v2/standard".into(),
        client_key: "test_gck_demo".into(),
        secret_key: "test_gsk_demo".into(),
    }
}

fn call(request: PspRequest) -> PspCall {
    let id = PspCallId {
        merchant_id: MerchantId::from("demo"),
        order_id: OrderId::from("ord_01JD"),
        attempt: 1,
        call: 1,
    };
    let trace = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    PspCall { id, request, trace }
}

fn changed(field: &str, value: Value) -> Answer {
    let mut document: Value = serde_json::from_str(DONE).unwrap();
    document.as_object_mut().unwrap().insert(field.to_owned(), value);
    parse(200, document.to_string().as_bytes())
}

#[test]
fn a_confirm_carries_the_key_the_colon_and_the_stored_amount() {
    let confirm = call(PspRequest::Confirm {
        payment_key: "tgen_1".into(),
        order_id: OrderId::from("ord_01JD"),
        amount: Amount::new(6500).unwrap(),
        idempotency_key: "confirm:att_1:1".into(),
    });
    let request = request(&confirm, &toss()).unwrap();
    assert_eq!(request.uri(), "https://api.tosspayments.com/v1/payments/confirm");
    assert_eq!(request.method(), "POST");
    // base64("test_gsk_demo:")
    assert_eq!(request.headers()["authorization"], "Basic dGVzdF9nc2tfZGVtbzo=");
    assert_eq!(request.headers()["idempotency-key"], "confirm:att_1:1");
    assert!(request.headers()["traceparent"].to_str().unwrap().starts_with("00-0af7"));
    let body: Value = serde_json::from_str(request.body()).unwrap();
    assert_eq!(body, json!({"paymentKey": "tgen_1", "orderId": "ord_01JD", "amount": 6500}));
}

#[test]
fn a_key_from_a_url_cannot_leave_its_path_segment() {
    let request =
        request(&call(PspRequest::QueryPayment { payment_key: "../orders/x?y#z".into() }), &toss()).unwrap();
    assert_eq!(request.uri(), "https://api.tosspayments.com/v1/payments/..%2Forders%2Fx%3Fy%23z");
    assert!(!request.headers().contains_key("idempotency-key"));
}

#[test]
fn a_recorded_payment_is_read() {
    let Answer::Payment(payment) = parse(200, DONE.as_bytes()) else { unreachable!("not read") };
    assert_eq!(payment.payment_key, "tgen_20260101abcd");
    assert_eq!(payment.status, TossStatus::Done);
    assert_eq!(payment.total_amount, Amount::new(6500).unwrap());
    assert_eq!(payment.method.as_deref(), Some("카드"));
    assert_eq!(payment.approved_at, Timestamp::parse("2026-02-13T03:18:14Z"));
    assert!(payment.receipt_url.is_some() && payment.failure.is_none());
}

#[test]
fn new_fields_and_a_new_status_are_no_fault() {
    assert!(matches!(changed("somethingNew", json!({"a": 1})), Answer::Payment(_)));
    let Answer::Payment(payment) = changed("status", json!("HALF_DONE")) else { unreachable!("not read") };
    assert_eq!(payment.status, TossStatus::Unlisted);
}

#[test]
fn a_payment_that_is_not_whole_says_nothing() {
    let faults = [
        ("totalAmount", json!(6500.5)),
        ("totalAmount", json!("6500")),
        ("totalAmount", json!(-6500)),
        ("totalAmount", json!(9_007_199_254_740_992_i64)),
        ("totalAmount", Value::Null),
        ("balanceAmount", json!(6501)),
        ("paymentKey", Value::Null),
        ("paymentKey", json!("k".repeat(201))),
        ("orderId", json!("")),
        ("status", json!(1)),
        ("currency", Value::Null),
    ];
    for (field, value) in faults {
        let answer = changed(field, value.clone());
        assert!(matches!(answer, Answer::Nothing { .. }), "{field} = {value}: {answer:?}");
    }
}

#[test]
fn an_error_is_read_in_both_versions() {
    let first = r#"{"code":"REJECT_CARD_PAYMENT","message":"한도초과 혹은 잔액부족으로 결제에 실패했습니다.","data":null}"#;
    let second = r#"{"version":"2022-11-16","traceId":"t","error":{"code":"REJECT_CARD_PAYMENT","message":"한도초과 혹은 잔액부족으로 결제에 실패했습니다."}}"#;
    for body in [first, second] {
        let Answer::Error { http_status: 403, refusal } = parse(403, body.as_bytes()) else {
            unreachable!("{body}")
        };
        assert_eq!(refusal.code, "REJECT_CARD_PAYMENT");
        assert!(refusal.message.starts_with("한도초과"));
    }
}

#[test]
fn a_receipt_link_is_a_web_address() {
    let Answer::Payment(payment) = changed("receipt", json!({"url": "javascript:alert(1)"})) else {
        unreachable!()
    };
    assert_eq!(payment.receipt_url, None);
}

#[test]
fn what_is_no_answer_says_nothing() {
    let half = DONE.get(..DONE.len() / 3).unwrap_or_default();
    let cases: [(u16, &str); 10] = [
        (200, ""),
        (200, half),
        (200, "{}"),
        (200, "[]"),
        (200, r#"{"code":"REJECT_CARD_PAYMENT","message":"x"}"#),
        (302, DONE),
        (500, "<html>Internal Server Error</html>"),
        (500, "{}"),
        (502, r#"{"code":""}"#),
        (429, r#"{"message":"too many requests"}"#),
    ];
    for (status, body) in cases {
        let answer = parse(status, body.as_bytes());
        assert!(matches!(answer, Answer::Nothing { .. }), "{status} {body}: {answer:?}");
    }
}
