use super::*;

#[test]
fn a_confirm_charges_once_and_answers_the_whole_payment() {
    let mut world = World::new();
    let key = world.authenticate("ord_0001", 6500);
    let (status, payment) = world.confirm(&key, "ord_0001", 6500, "k1");
    assert_eq!(status, 200);
    for (field, expected) in [
        ("paymentKey", json!(key)),
        ("orderId", json!("ord_0001")),
        ("status", json!("DONE")),
        ("method", json!("카드")),
        ("currency", json!("KRW")),
        ("totalAmount", json!(6500)),
        ("balanceAmount", json!(6500)),
        ("suppliedAmount", json!(5909)),
        ("vat", json!(591)),
        ("requestedAt", json!("2026-01-09T09:00:00+09:00")),
        ("approvedAt", json!("2026-01-09T09:00:00+09:00")),
        ("failure", Value::Null),
        ("cancels", Value::Null),
        ("type", json!("NORMAL")),
    ] {
        assert_eq!(payment[field], expected, "{field}");
    }
    assert_eq!(payment["receipt"]["url"], json!(format!("http://127.0.0.1:8788/receipt/{key}")));
    assert_eq!(payment["card"]["amount"], json!(6500));
    assert_eq!(world.toss.totals().charges, 6500);

    assert_eq!(world.get(&format!("/v1/payments/{key}")).1, payment);
    assert_eq!(world.get("/v1/payments/orders/ord_0001").1, payment);
    let again = world.confirm(&key, "ord_0001", 6500, "k2");
    assert_eq!(code(&again), (400, "ALREADY_PROCESSED_PAYMENT"));
    assert_eq!(world.toss.totals().payments, 1);
}

#[test]
fn a_confirm_that_does_not_fit_its_session_is_refused_and_changes_nothing() {
    let mut world = World::new();
    let key = world.authenticate("ord_0001", 6500);
    for (payment_key, order_id, amount, expected) in [
        (key.as_str(), "ord_0001", 6501, (400, "INVALID_REQUEST")),
        (key.as_str(), "ord_0002", 6500, (404, "NOT_FOUND_PAYMENT_SESSION")),
        ("tgen_unknown", "ord_0001", 6500, (404, "NOT_FOUND_PAYMENT_SESSION")),
        ("", "ord_0001", 6500, (400, "INVALID_REQUEST")),
    ] {
        let idempotency_key = format!("{payment_key}{order_id}{amount}");
        let answer = world.confirm(payment_key, order_id, amount, &idempotency_key);
        assert_eq!(code(&answer), expected, "{payment_key} {order_id} {amount}");
    }
    let body =
        Request::new("POST", "/v1/payments/confirm").with_header("authorization", BASIC).with_body("{");
    assert_eq!(code(&world.call(&body)), (400, "INVALID_REQUEST"));
    assert_eq!(world.get(&format!("/v1/payments/{key}")).1["status"], json!("IN_PROGRESS"));
    assert_eq!(world.confirm(&key, "ord_0001", 6500, "right").0, 200);
}

#[test]
fn a_wrong_key_pair_is_told_apart_from_a_wrong_header() {
    let mut world = World::new();
    for (header, expected) in [
        (None, (401, "UNAUTHORIZED_KEY")),
        (Some("Bearer test_gsk_demo"), (401, "UNAUTHORIZED_KEY")),
        // `test_gsk_demo` without its colon.
        (Some("Basic dGVzdF9nc2tfZGVtbw=="), (403, "INCORRECT_BASIC_AUTH_FORMAT")),
        // `other:`
        (Some("Basic b3RoZXI6"), (401, "UNAUTHORIZED_KEY")),
        // `test_gck_demo:`
        (Some("Basic dGVzdF9nY2tfZGVtbzo="), (400, "INVALID_API_KEY")),
    ] {
        let request = Request::new("GET", "/v1/payments/tgen_x");
        let request =
            header.iter().fold(request, |request, value| request.with_header("authorization", value));
        assert_eq!(code(&world.call(&request)), expected, "{header:?}");
    }
    assert_eq!(code(&world.get("/v1/payments/tgen_x")), (404, "NOT_FOUND_PAYMENT"));
    assert_eq!(code(&world.get("/v1/nothing")), (404, "NOT_FOUND"));
}

#[test]
fn english_is_spoken_on_request() {
    let mut world = World::new();
    let key = world.authenticate("ord_0001", 6500);
    let english = |request: Request| request.with_header("accept-language", "en-US");
    let refused = world.call(&english(confirm_request(&key, "ord_0001", 1, "k1")));
    assert_eq!(refused.1["message"], json!("The request is invalid."));
    let paid = world.call(&english(confirm_request(&key, "ord_0001", 6500, "k2")));
    assert_eq!((&paid.1["method"], &paid.1["card"]["cardType"]), (&json!("CARD"), &json!("CREDIT")));
}

#[test]
fn a_test_code_is_answered_with_its_status_and_message() {
    let mut world = World::new();
    for (test_code, status, payment_status) in [
        ("REJECT_CARD_PAYMENT", 403, "ABORTED"),
        ("PROVIDER_ERROR", 400, "IN_PROGRESS"),
        ("NOT_FOUND_PAYMENT_SESSION", 404, "EXPIRED"),
        ("FAILED_INTERNAL_SYSTEM_PROCESSING", 500, "IN_PROGRESS"),
        ("IDEMPOTENT_REQUEST_PROCESSING", 409, "IN_PROGRESS"),
        ("UNAUTHORIZED_KEY", 401, "IN_PROGRESS"),
    ] {
        let key = world.authenticate("ord_0001", 6500);
        let request =
            confirm_request(&key, "ord_0001", 6500, &key).with_header("TossPayments-Test-Code", test_code);
        let answer = world.call(&request);
        assert_eq!(code(&answer), (status, test_code));
        assert_ne!(answer.1["message"], json!(""));
        let shown = world.get(&format!("/v1/payments/{key}")).1;
        assert_eq!(shown["status"], json!(payment_status), "{test_code}");
    }
    let key = world.authenticate("ord_0002", 6500);
    let request =
        confirm_request(&key, "ord_0002", 6500, "x").with_header("tosspayments-test-code", "NO_SUCH");
    assert_eq!(code(&world.call(&request)), (400, "INVALID_TEST_CODE"));
}

#[test]
fn limits_are_those_of_the_method() {
    let mut world = World::new();
    for (method, amount, expected) in [
        (Method::Card, 99, (400, "BELOW_MINIMUM_AMOUNT")),
        (Method::Card, 100, (200, "")),
        (Method::Transfer, 199, (400, "BELOW_MINIMUM_AMOUNT")),
        (Method::Transfer, 200, (200, "")),
        (Method::Transfer, 10_000_001, (400, "EXCEEDS_TRANSFER_AMOUNT_MAXIMUM")),
        (Method::Card, 10_000_001, (200, "")),
    ] {
        let key = world.authenticate_by("ord_0001", amount, method);
        let answer = world.confirm(&key, "ord_0001", amount, &key);
        assert_eq!(code(&answer), expected, "{method:?} {amount}");
        let status = if expected.0 == 200 { "DONE" } else { "ABORTED" };
        assert_eq!(world.get(&format!("/v1/payments/{key}")).1["status"], json!(status));
    }
}

#[test]
fn a_virtual_account_waits_for_its_deposit_and_charges_nothing() {
    let mut world = World::new();
    let key = world.authenticate_by("ord_0001", 6500, Method::VirtualAccount);
    let (status, payment) = world.confirm(&key, "ord_0001", 6500, "k1");
    assert_eq!((status, &payment["status"]), (200, &json!("WAITING_FOR_DEPOSIT")));
    assert_eq!((&payment["approvedAt"], &payment["method"]), (&Value::Null, &json!("가상계좌")));
    assert_eq!(payment["virtualAccount"]["dueDate"], json!("2026-01-16T09:00:00"));
    assert_eq!(world.toss.totals().charges, 0);

    let part = world.cancel(&key, json!({"cancelReason": "r", "cancelAmount": 1}), "c1");
    assert_eq!(code(&part), (403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT"));
    let whole = world.cancel(&key, json!({"cancelReason": "r"}), "c2");
    assert_eq!((whole.0, &whole.1["status"]), (200, &json!("CANCELED")));
    assert_eq!(world.toss.totals().refunds, 0);
    // What was stored under the first key is what was true then.
    assert_eq!(world.confirm(&key, "ord_0001", 6500, "k1").1, payment);
}

#[test]
fn a_query_by_order_prefers_the_approved_payment_to_the_newest() {
    let mut world = World::new();
    assert_eq!(code(&world.get("/v1/payments/orders/ord_0001")), (404, "NOT_FOUND_PAYMENT"));
    let first = world.authenticate("ord_0001", 6500);
    let second = world.authenticate("ord_0001", 6500);
    assert_ne!(first, second);
    assert_eq!(world.get("/v1/payments/orders/ord_0001").1["paymentKey"], json!(second));
    assert_eq!(world.confirm(&first, "ord_0001", 6500, "k1").0, 200);
    assert_eq!(world.get("/v1/payments/orders/ord_0001").1["paymentKey"], json!(first));
    // Toss would not keep a shop from charging an order twice, and neither does this.
    assert_eq!(world.confirm(&second, "ord_0001", 6500, "k2").0, 200);
    assert_eq!(world.toss.totals().charges, 13_000);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let run = |seed: u64| {
        let mut toss = Emulator::new(Settings { seed, ..Settings::default() });
        let paid = toss.authenticate(NOW, "ord_0001", 6500, Method::Card, AuthenticationResult::Success);
        let outcome = toss.handle(NOW, &confirm_request(&paid.payment_key, "ord_0001", 6500, "k"));
        format!("{paid:?} {outcome:?}")
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn the_journal_tells_what_was_asked_answered_and_delivered() {
    let mut world = World::new();
    let key = world.authenticate("ord_0001", 6500);
    world.fault(json!({"path": "/v1/payments/confirm", "mode": "drop_after"}));
    world.send(&confirm_request(&key, "ord_0001", 6500, "k1"));
    world.confirm(&key, "ord_0001", 6500, "k1");
    world.get("/v1/payments/orders/ord_0002");
    let told: Vec<String> = world
        .toss
        .journal()
        .map(|entry| {
            format!(
                "{} {} {:?} {:?} {:?} {:?} {}",
                entry.method,
                entry.path,
                entry.status,
                entry.code,
                entry.effect,
                entry.delivered,
                entry.replayed
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "POST /v1/payments/confirm Some(200) None Some(Approved) Nothing false",
            "POST /v1/payments/confirm Some(200) None None Whole true",
            "GET /v1/payments/orders/ord_0002 Some(404) Some(\"NOT_FOUND_PAYMENT\") None Whole false",
        ]
    );
    let (_, shown) = world.admin("GET", "/__emulator/journal?orderId=ord_0001", Value::Null);
    assert_eq!(shown["entries"].as_array().unwrap().len(), 2);
    assert_eq!(shown["entries"][0]["idempotencyKey"], json!("k1"));
    assert_eq!(shown["entries"][0]["amount"], json!(6500));
}
