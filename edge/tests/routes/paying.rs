//! The buyer comes back: redirects, confirmation by the merchant, idempotency keys.

use crate::client::{SK, cart};
use crate::world::{Psp, World};
use serde_json::json;

fn location(answer: &crate::client::Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.header("location").to_owned()
}

#[test]
fn a_return_charges_once_and_ends_on_the_result_page() {
    let world = World::new();
    world.order("ord_pay_01");
    for _ in 0..3 {
        let answer = world.come_back("ord_pay_01", "pay_1", "6500");
        let to = location(&answer);
        assert!(to.starts_with("/checkout/result?orderId=ord_pay_01&token=st_"), "{to}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        let token = to.split("token=").nth(1).unwrap();
        assert_eq!(world.get("/v1/orders/ord_pay_01", token).json()["paymentStatus"], "SUCCESS");
    }
    assert_eq!(*world.charges.borrow(), [("pay_1".to_owned(), 6500)]);
    let view = world.view("ord_pay_01");
    assert_eq!(
        (&view["isPaymentDone"], &view["isWalletDone"], &view["balance"]),
        (&json!(true), &json!(true), &json!(6500))
    );
    assert_eq!(view["method"], json!({"code": "CARD", "label": "카드"}));
    assert_eq!(world.trial_balance()["unexplained"], 0);
}

#[test]
fn a_second_authentication_of_a_paid_order_charges_nothing() {
    let world = World::new();
    world.order("ord_pay_02");
    world.come_back("ord_pay_02", "pay_1", "6500");
    world.come_back("ord_pay_02", "pay_2", "6500");
    assert_eq!(world.charges.borrow().len(), 1);
    assert_eq!(world.view("ord_pay_02")["attempts"][1]["state"], "DROPPED");
}

#[test]
fn a_tampered_amount_changes_nothing_and_is_logged() {
    let world = World::new();
    world.order("ord_pay_03");
    let to = location(&world.come_back("ord_pay_03", "pay_1", "100"));
    assert_eq!(to, "/checkout/result?error=AMOUNT_MISMATCH&orderId=ord_pay_03");
    assert!(world.charges.borrow().is_empty());
    assert_eq!(world.view("ord_pay_03")["attempts"], json!([]));
    let log = world.log.borrow();
    let line = log.iter().find(|line| line.fact == "security.amount-mismatch").expect("a line in the log");
    assert_eq!((line.level, line.order_id.as_str()), ("warn", "ord_pay_03"));
}

#[test]
fn every_fault_of_a_return_ends_on_the_result_page() {
    let world = World::new();
    world.order("ord_pay_04");
    let cases = [
        ("", "REQUIRED"),
        ("?orderId=ord_pay_04&amount=6500", "REQUIRED"),
        ("?orderId=ord_pay_04&paymentKey=p", "REQUIRED"),
        ("?orderId=ord_pay_04&paymentKey=p&amount=6500&amount=6500", "REQUIRED"),
        ("?orderId=x&paymentKey=p&amount=6500", "ORDER_NOT_FOUND"),
        ("?orderId=ord_nobody&paymentKey=p&amount=6500", "ORDER_NOT_FOUND"),
        ("?orderId=ord_pay_04&paymentKey=&amount=6500", "INVALID_VALUE"),
        ("?orderId=ord_pay_04&paymentKey=%00&amount=6500", "INVALID_VALUE"),
        ("?orderId=ord_pay_04&paymentKey=p&amount=6500.0", "AMOUNT_MISMATCH"),
        ("?orderId=ord_pay_04&paymentKey=p&amount=-6500", "AMOUNT_MISMATCH"),
        ("?orderId=ord_pay_04&paymentKey=p&amount=%2B6500", "AMOUNT_MISMATCH"),
        ("?orderId=ord_pay_04&paymentKey=p&amount=9007199254740992", "AMOUNT_MISMATCH"),
        ("?orderId=ord_pay_04&paymentKey=p&amount=0", "AMOUNT_MISMATCH"),
    ];
    for (query, code) in cases {
        let to = location(&world.request("GET", &format!("/payments/success{query}"), &[], Vec::new()));
        assert!(to.starts_with(&format!("/checkout/result?error={code}")), "{query}: {to}");
        assert!(!to.contains("token="));
    }
    let long = format!("?orderId=ord_pay_04&paymentKey={}&amount=6500", "k".repeat(201));
    let to = location(&world.request("GET", &format!("/payments/success{long}"), &[], Vec::new()));
    assert!(to.contains("error=INVALID_VALUE"));
    // Another merchant's URL does not reach this merchant's order.
    let other = "/payments/other/success?orderId=ord_pay_04&paymentKey=p&amount=6500";
    assert!(location(&world.request("GET", other, &[], Vec::new())).contains("error=ORDER_NOT_FOUND"));
    assert!(world.charges.borrow().is_empty());
    assert_eq!(world.view("ord_pay_04")["orderVersion"], 1);
}

#[test]
fn the_buyer_goes_back_to_the_stored_return_url_only() {
    let world = World::new();
    let body = json!({"items": cart()["items"], "returnUrl": "http://127.0.0.1:8787/thanks?x=1#done"});
    assert_eq!(world.put_order("ord_pay_05", &body).status, 201);
    let path =
        "/payments/success?paymentKey=p&orderId=ord_pay_05&amount=6500&returnUrl=https://evil.example/";
    let to = location(&world.request("GET", path, &[], Vec::new()));
    assert_eq!(to, "http://127.0.0.1:8787/thanks?x=1&orderId=ord_pay_05#done");
}

#[test]
fn a_return_whose_outcome_is_not_known_in_time_ends_on_the_polling_page() {
    let world = World::new();
    world.order("ord_pay_06");
    *world.psp.borrow_mut() = Psp::Silent;
    let before = world.now_ms.get();
    let to = location(&world.come_back("ord_pay_06", "pay_1", "6500"));
    assert!(world.now_ms.get() - before <= 8_000);
    let token = to.split("token=").nth(1).unwrap();
    let view = world.get("/v1/orders/ord_pay_06", token).json();
    assert_eq!(view["paymentStatus"], "EXECUTING");
}

#[test]
fn a_refused_buyer_can_pay_again() {
    let world = World::new();
    world.order("ord_pay_07");
    *world.psp.borrow_mut() = Psp::Refuses(403, "REJECT_CARD_PAYMENT");
    assert!(location(&world.come_back("ord_pay_07", "pay_1", "6500")).contains("token="));
    let view = world.view("ord_pay_07");
    assert_eq!(
        (&view["paymentStatus"], &view["failure"]["pspCode"]),
        (&json!("FAILURE"), &json!("REJECT_CARD_PAYMENT"))
    );
    *world.psp.borrow_mut() = Psp::Approves;
    world.come_back("ord_pay_07", "pay_2", "6500");
    assert_eq!(world.view("ord_pay_07")["paymentStatus"], "SUCCESS");
}

#[test]
fn the_fail_url_changes_no_state_and_shows_nobodys_words() {
    let world = World::new();
    world.order("ord_pay_08");
    let path = "/payments/fail?code=PAY_PROCESS_CANCELED&message=call+010-1234&orderId=ord_pay_08";
    let to = location(&world.request("GET", path, &[], Vec::new()));
    assert_eq!(to, "/checkout/result?code=PAY_PROCESS_CANCELED&orderId=ord_pay_08");
    let view = world.view("ord_pay_08");
    assert_eq!(
        (&view["paymentStatus"], &view["orderStatus"]),
        (&json!("NOT_STARTED"), &json!("ORDER_COMPLETED"))
    );
    for path in [
        "/payments/fail",
        "/payments/fail?code=%3Cscript%3E&orderId=..%2F..",
        "/payments/other/fail?orderId=ord_pay_08&code=X",
    ] {
        let to = location(&world.request("GET", path, &[], Vec::new()));
        assert!(to.starts_with("/checkout/result?code="), "{to}");
        assert!(!to.contains('<') && !to.contains(".."));
    }
    world.come_back("ord_pay_08", "pay_1", "6500");
    world.request("GET", "/payments/fail?code=X&orderId=ord_pay_08", &[], Vec::new());
    assert_eq!(world.view("ord_pay_08")["paymentStatus"], "SUCCESS");
}

#[test]
fn the_fail_url_leads_to_the_order_only_with_its_own_token() {
    let world = World::new();
    let (token, other) = (world.order("ord_pay_09"), world.order("ord_pay_10"));
    let go = |path: &str, token: &str| {
        let path = format!("{path}?token={token}&code=PAY_PROCESS_CANCELED&orderId=ord_pay_09");
        location(&world.request("GET", &path, &[], Vec::new()))
    };
    let without = "/checkout/result?code=PAY_PROCESS_CANCELED&orderId=ord_pay_09";
    assert_eq!(go("/payments/fail", &token), format!("{without}&token={token}"));
    assert_eq!(world.get("/v1/orders/ord_pay_09", &token).json()["paymentStatus"], "NOT_STARTED");
    for wrong in [other.as_str(), "st_nonsense", "", &token[..token.len() - 1]] {
        assert_eq!(go("/payments/fail", wrong), without, "{wrong}");
    }
    assert_eq!(go("/payments/other/fail", &token), without);
}

#[test]
fn a_confirmation_answers_by_outcome() {
    let world = World::new();
    let token = world.order("ord_con_01");
    let paid = world.confirm(&token, "k1", "pay_1", "ord_con_01", 6500);
    assert_eq!((paid.status, &paid.json()["paymentStatus"]), (200, &json!("SUCCESS")));

    *world.psp.borrow_mut() = Psp::Refuses(403, "REJECT_CARD_PAYMENT");
    world.order("ord_con_02");
    let refused = world.confirm(SK, "k2", "pay_2", "ord_con_02", 6500);
    assert_eq!((refused.status, refused.code().as_str()), (402, "PAYMENT_REJECTED"));
    assert_eq!(refused.json()["pspCode"], "REJECT_CARD_PAYMENT");
    assert!(refused.json()["pspMessage"].as_str().unwrap().starts_with("한도초과"));

    *world.psp.borrow_mut() = Psp::Silent;
    world.order("ord_con_03");
    let unknown = world.confirm(SK, "k3", "pay_3", "ord_con_03", 6500);
    assert_eq!((unknown.status, &unknown.json()["paymentStatus"]), (202, &json!("EXECUTING")));

    let wrong = world.confirm(SK, "k4", "pay_3", "ord_con_03", 6400);
    assert_eq!((wrong.status, wrong.code().as_str()), (409, "AMOUNT_MISMATCH"));
    let nobody = world.confirm(SK, "k5", "pay_3", "ord_nobody", 6500);
    assert_eq!((nobody.status, nobody.code().as_str()), (404, "ORDER_NOT_FOUND"));
}

#[test]
fn an_expired_order_is_not_confirmed() {
    let world = World::new();
    world.order("ord_con_04");
    world.pass(46 * 60_000);
    let answer = world.confirm(SK, "k1", "pay_1", "ord_con_04", 6500);
    assert_eq!((answer.status, answer.code().as_str()), (409, "ORDER_EXPIRED"));
    assert_eq!(
        location(&world.come_back("ord_con_04", "pay_1", "6500")),
        "/checkout/result?error=ORDER_EXPIRED&orderId=ord_con_04"
    );
    assert!(world.charges.borrow().is_empty());
}

#[test]
fn an_order_is_not_tried_for_ever() {
    let world = World::new();
    world.order("ord_con_05");
    *world.psp.borrow_mut() = Psp::Refuses(403, "REJECT_CARD_PAYMENT");
    for n in 0..10 {
        assert_eq!(world.confirm(SK, &format!("k{n}"), &format!("pay_{n}"), "ord_con_05", 6500).status, 402);
    }
    assert_eq!(world.confirm(SK, "k10", "pay_10", "ord_con_05", 6500).code(), "TOO_MANY_ATTEMPTS");
}

#[test]
fn a_replayed_request_gets_the_same_bytes() {
    let world = World::new();
    world.order("ord_idem_1");
    let first = world.confirm(SK, "key-1", "pay_1", "ord_idem_1", 6500);
    let again = world.confirm(SK, "key-1", "pay_1", "ord_idem_1", 6500);
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(first.header("idempotency-replayed"), "");
    assert_eq!(again.header("idempotency-replayed"), "true");
    let other_body = world.confirm(SK, "key-1", "pay_2", "ord_idem_1", 6500);
    assert_eq!((other_body.status, other_body.code().as_str()), (422, "IDEMPOTENCY_KEY_REUSED"));
    assert_eq!(world.charges.borrow().len(), 1);
}

#[test]
fn a_refusal_is_replayed_as_a_problem() {
    let world = World::new();
    world.order("ord_idem_2");
    let first = world.confirm(SK, "key-1", "pay_1", "ord_idem_2", 1);
    let again = world.confirm(SK, "key-1", "pay_1", "ord_idem_2", 1);
    assert_eq!((again.status, &again.text), (409, &first.text));
    assert_eq!(again.header("content-type"), "application/problem+json");
}

#[test]
fn the_same_key_of_another_holder_is_another_key() {
    let world = World::new();
    let token = world.order("ord_idem_3");
    assert_eq!(world.confirm(SK, "key-1", "pay_1", "ord_idem_3", 6500).status, 200);
    let answer = world.confirm(&token, "key-1", "pay_1", "ord_idem_3", 6500);
    assert_eq!((answer.status, answer.header("idempotency-replayed")), (200, ""));
}

#[test]
fn a_request_without_an_idempotency_key_is_refused() {
    let world = World::new();
    world.order("ord_idem_4");
    let body = json!({"paymentKey": "p", "orderId": "ord_idem_4", "amount": 6500});
    let answer = world.write("POST", "/v1/payments/confirm", SK, &[], &body);
    assert_eq!((answer.status, answer.code().as_str()), (400, "IDEMPOTENCY_KEY_MISSING"));
    for key in ["", &"k".repeat(256), "é"] {
        let answer = world.write("POST", "/v1/payments/confirm", SK, &[("idempotency-key", key)], &body);
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_VALUE"), "{key:?}");
    }
    assert!(world.charges.borrow().is_empty());
}
