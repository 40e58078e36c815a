use super::*;

fn open(world: &mut World, body: Value) -> (u16, Value) {
    let mut request = json!({
        "clientKey": "test_gck_demo", "orderId": "ord_0001", "orderName": "<상품A> 외 1건", "method": "CARD",
        "amount": {"currency": "KRW", "value": 6500},
        "successUrl": "http://shop.test/payments/success?x=1", "failUrl": "http://shop.test/payments/fail",
    });
    request.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    world.call(&Request::new("POST", "/sdk/payments").with_body(request.to_string()))
}

fn path_of(answer: &(u16, Value)) -> String {
    answer.1["url"].as_str().unwrap().trim_start_matches("http://127.0.0.1:8788").into()
}

fn press(world: &mut World, window: &str, button: &str) -> String {
    let (path, query) = window.split_once('?').unwrap();
    let outcome = world.send(&Request::new("POST", &format!("{path}/{button}?{query}")));
    match outcome {
        Outcome::Now(Delivery::Respond { status: 303, headers, .. }) => {
            headers.iter().find(|(name, _)| *name == "location").unwrap().1.clone()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_buyer_opens_the_window_approves_and_is_sent_back() {
    let mut world = World::new();
    let window = path_of(&open(&mut world, json!({"language": "ko"})));
    let (status, page) = world.call(&Request::new("GET", &window));
    let page = page.as_str().unwrap();
    assert_eq!(status, 200);
    for wanted in
        ["6,500원", "&#60;상품A&#62; 외 1건", "id=\"approve\"", "id=\"cancel\"", "id=\"decline\"", "결제하기"]
    {
        assert!(page.contains(wanted), "{wanted}");
    }
    assert!(!page.contains("{{"), "every placeholder is filled");

    let redirect = press(&mut world, &window, "approve");
    let key = world.toss.payments()[0].payment_key.clone();
    let expected = format!(
        "http://shop.test/payments/success?x=1&paymentType=NORMAL&orderId=ord_0001&paymentKey={key}&amount=6500"
    );
    assert_eq!(redirect, expected);
    // Back, and the button again: the same address.
    assert_eq!(press(&mut world, &window, "approve"), expected);
    assert_eq!(world.confirm(&key, "ord_0001", 6500, "k1").0, 200);
    let (_, receipt) = world.call(&Request::new("GET", &format!("/receipt/{key}")));
    assert!(receipt.as_str().unwrap().contains("6,500원"));
}

#[test]
fn a_buyer_who_cancels_or_is_declined_is_sent_to_the_failure_address() {
    for (button, code, status) in
        [("cancel", "PAY_PROCESS_CANCELED", "READY"), ("decline", "REJECT_CARD_COMPANY", "ABORTED")]
    {
        let mut world = World::new();
        let window = path_of(&open(&mut world, json!({"language": "en"})));
        assert!(window.ends_with("?lang=en"));
        let redirect = press(&mut world, &window, button);
        assert!(
            redirect.starts_with(&format!("http://shop.test/payments/fail?code={code}&message=%")),
            "{redirect}"
        );
        assert!(redirect.ends_with("&orderId=ord_0001"), "{redirect}");
        let (_, shown) = world.get("/v1/payments/orders/ord_0001");
        assert_eq!(shown["status"], json!(status));
    }
}

#[test]
fn a_request_of_the_sdk_that_toss_would_refuse_is_refused() {
    let mut world = World::new();
    for (body, expected) in [
        (json!({"clientKey": "test_gck_other"}), (401, "INVALID_CLIENT_KEY")),
        (json!({"orderId": "short"}), (400, "INVALID_ORDER_ID")),
        (json!({"amount": {"currency": "USD", "value": 1}}), (400, "INVALID_AMOUNT_CURRENCY")),
        (json!({"amount": {"currency": "KRW", "value": 0}}), (400, "BELOW_ZERO_AMOUNT")),
        (json!({"successUrl": "/payments/success"}), (400, "INCORRECT_SUCCESS_URL_FORMAT")),
        (json!({"failUrl": "javascript:alert(1)"}), (400, "INCORRECT_FAIL_URL_FORMAT")),
        (json!({"method": "CASH"}), (400, "INVALID_PARAMETER")),
    ] {
        assert_eq!(code(&open(&mut world, body.clone())), expected, "{body}");
    }
    assert!(world.toss.payments().is_empty());
}

#[test]
fn a_buyer_without_a_browser_goes_where_the_order_was_last_opened() {
    let mut world = World::new();
    let (status, first) =
        world.admin("POST", "/__emulator/authenticate", json!({"orderId": "ord_0001", "amount": 6500}));
    assert_eq!(status, 200);
    let key = first["paymentKey"].as_str().unwrap();
    assert_eq!(
        first["redirect"],
        json!(format!(
            "http://127.0.0.1:8787/payments/success?paymentType=NORMAL&orderId=ord_0001&paymentKey={key}&amount=6500"
        ))
    );
    let elsewhere = json!({"orderId": "ord_0001", "amount": 6500, "method": "CARD", "result": "reject",
        "successUrl": "http://shop.test/ok", "failUrl": "http://shop.test/no#pay"});
    let (_, rejected) = world.admin("POST", "/__emulator/authenticate", elsewhere);
    let redirect = rejected["redirect"].as_str().unwrap();
    assert!(redirect.starts_with("http://shop.test/no?code=REJECT_CARD_COMPANY&"), "{redirect}");
    assert!(redirect.ends_with("#pay"), "{redirect}");
    let (_, third) =
        world.admin("POST", "/__emulator/authenticate", json!({"orderId": "ord_0001", "amount": 6500}));
    assert!(third["redirect"].as_str().unwrap().starts_with("http://shop.test/ok?"));

    for wrong in
        [json!({"orderId": "x", "amount": 1}), json!({"orderId": "ord_0001", "amount": 0}), json!({})]
    {
        assert_eq!(world.admin("POST", "/__emulator/authenticate", wrong.clone()).0, 400, "{wrong}");
    }
}

#[test]
fn the_admin_sees_payments_and_totals_and_can_start_over() {
    let mut world = World::new();
    let key = world.authenticate("ord_0001", 6500);
    world.confirm(&key, "ord_0001", 6500, "k1");
    world.cancel(&key, json!({"cancelReason": "r", "cancelAmount": 500}), "c1");
    let (_, shown) = world.admin("GET", &format!("/__emulator/payments/{key}"), Value::Null);
    assert_eq!(
        (&shown["approvals"], &shown["charged"], &shown["refunded"], &shown["orderId"]),
        (&json!(1), &json!(6500), &json!(500), &json!("ord_0001"))
    );
    let (_, listed) = world.admin("GET", "/__emulator/payments?orderId=ord_0001", Value::Null);
    assert_eq!(listed["payments"][0], shown);
    let (_, totals) = world.admin("GET", "/__emulator/totals", Value::Null);
    assert_eq!(totals, json!({"charges": 6500, "refunds": 500, "payments": 1}));
    assert_eq!(world.admin("GET", "/__emulator/payments/none", Value::Null).0, 404);
    assert_eq!(world.admin("GET", "/__emulator/nothing", Value::Null).0, 404);
    world.admin("POST", "/__emulator/reset", Value::Null);
    assert_eq!(world.toss.totals().charges, 0);
    assert_eq!(code(&world.get(&format!("/v1/payments/{key}"))), (404, "NOT_FOUND_PAYMENT"));
    assert_ne!(world.authenticate("ord_0001", 6500), key);
}

#[test]
fn the_sdk_script_knows_where_it_came_from() {
    let mut world = World::new();
    let (status, script) = world.call(&Request::new("GET", "/v2/standard"));
    assert_eq!(status, 200);
    assert!(script.as_str().unwrap().contains("'http://127.0.0.1:8788'"));
}
