use super::*;

const CONFIRM: &str = "/v1/payments/confirm";

/// Confirms under one key with this fault armed; answers what came out of the connection.
fn struck(world: &mut World, fault: Value) -> (String, Outcome) {
    world.fault(fault);
    let key = world.authenticate("ord_0001", 6500);
    let outcome = world.send(&confirm_request(&key, "ord_0001", 6500, "k1"));
    (key, outcome)
}

#[test]
fn every_mode_leaves_the_payment_as_it_says_and_the_same_key_finds_the_truth() {
    let path = CONFIRM;
    // Fault, whether the payment is charged after it, and what the same key answers next.
    for (fault, charged, next) in [
        (json!({"path": path, "mode": "drop_before"}), 0, (200, "")),
        (json!({"path": path, "mode": "drop_after"}), 6500, (200, "")),
        (json!({"path": path, "mode": "garbage"}), 6500, (200, "")),
        (json!({"path": path, "mode": "garbage", "effect": false}), 0, (200, "")),
        (json!({"path": path, "mode": "slow_body"}), 6500, (200, "")),
        (json!({"path": path, "mode": "status", "status": 500}), 0, (200, "")),
        (json!({"path": path, "mode": "status", "status": 500, "effect": true}), 6500, (200, "")),
        (json!({"path": path, "mode": "status", "code": "PROVIDER_ERROR"}), 0, (400, "PROVIDER_ERROR")),
        (
            json!({"path": path, "mode": "status", "code": "PROVIDER_ERROR", "effect": true}),
            6500,
            (400, "PROVIDER_ERROR"),
        ),
        (
            json!({"path": path, "mode": "status", "code": "REJECT_CARD_PAYMENT"}),
            0,
            (403, "REJECT_CARD_PAYMENT"),
        ),
    ] {
        let mut world = World::new();
        let (key, outcome) = struck(&mut world, fault.clone());
        assert!(matches!(outcome, Outcome::Now(_)), "{fault}");
        assert_eq!(world.toss.totals().charges, charged, "{fault}");
        assert_eq!(code(&world.confirm(&key, "ord_0001", 6500, "k1")), next, "{fault}");
        assert!(world.toss.payment(&key).unwrap().approvals <= 1);
    }
}

#[test]
fn connections_break_in_the_way_that_was_asked_for() {
    let mut world = World::new();
    let (_, dropped) = struck(&mut world, json!({"path": CONFIRM, "mode": "drop_after"}));
    assert_eq!(dropped, Outcome::Now(Delivery::Drop));

    let mut world = World::new();
    let (_, outcome) = struck(&mut world, json!({"path": CONFIRM, "mode": "garbage"}));
    let Outcome::Now(Delivery::Respond { status: 200, body, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(body.starts_with('{') && serde_json::from_str::<Value>(&body).is_err());

    let mut world = World::new();
    let (_, outcome) = struck(&mut world, json!({"path": CONFIRM, "mode": "slow_body"}));
    let Outcome::Now(Delivery::SlowBody { status: 200, body, over_ms: 90_000, .. }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["status"], json!("DONE"));

    let mut world = World::new();
    let (_, outcome) = struck(&mut world, json!({"path": CONFIRM, "mode": "status", "status": 502}));
    let Outcome::Now(Delivery::Respond { status: 502, body, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(serde_json::from_str::<Value>(&body).is_err());

    let mut world = World::new();
    let fault = json!({"path": CONFIRM, "mode": "status", "status": 429, "body": "{\"a\":1}"});
    let (_, outcome) = struck(&mut world, fault);
    let Outcome::Now(delivery) = outcome else { panic!("{outcome:?}") };
    assert_eq!(answered(delivery), (429, json!({"a": 1})));
}

#[test]
fn a_code_that_refuses_for_good_ends_the_payment_and_a_transient_one_does_not() {
    for (forced, status) in [
        ("REJECT_CARD_PAYMENT", "ABORTED"),
        ("INVALID_STOPPED_CARD", "ABORTED"),
        ("NOT_FOUND_PAYMENT_SESSION", "EXPIRED"),
        ("PROVIDER_ERROR", "IN_PROGRESS"),
        ("UNKNOWN_PAYMENT_ERROR", "IN_PROGRESS"),
        ("UNAUTHORIZED_KEY", "IN_PROGRESS"),
    ] {
        let mut world = World::new();
        let (key, _) = struck(&mut world, json!({"path": CONFIRM, "mode": "status", "code": forced}));
        let (_, shown) = world.get(&format!("/v1/payments/{key}"));
        assert_eq!(shown["status"], json!(status), "{forced}");
        let again = world.confirm(&key, "ord_0001", 6500, "k2");
        assert_eq!(again.0 == 200, status == "IN_PROGRESS", "{forced}");
        if status == "ABORTED" {
            assert_eq!(shown["failure"]["code"], json!(forced));
        }
    }
}

#[test]
fn a_fault_hits_as_often_as_it_says_after_letting_some_pass() {
    let mut world = World::new();
    let key = world.authenticate("ord_0001", 6500);
    world.fault(json!({"path": "/v1/payments/", "mode": "status", "status": 503, "times": 2, "after": 1}));
    let path = format!("/v1/payments/{key}");
    let statuses: Vec<u16> = (0..5).map(|_| world.get(&path).0).collect();
    assert_eq!(statuses, [200, 503, 503, 200, 200]);
    assert_eq!(world.toss.faults().count(), 0);

    for endless in [json!({"times": 0}), json!({"times": -1}), json!({"forever": true})] {
        let mut fault = json!({"path": "/v1/", "mode": "status", "status": 503});
        fault.as_object_mut().unwrap().extend(endless.as_object().unwrap().clone());
        world.fault(fault);
        assert!((0..10).all(|_| world.get(&path).0 == 503));
        let (_, shown) = world.admin("GET", "/__emulator/faults", Value::Null);
        assert_eq!(shown["faults"][0]["hits"], json!(10));
        world.admin("DELETE", "/__emulator/faults", Value::Null);
        assert_eq!(world.get(&path).0, 200);
    }
}

#[test]
fn a_fault_can_be_aimed_at_one_order_payment_or_method() {
    let mut world = World::new();
    let first = world.authenticate("ord_0001", 6500);
    let second = world.authenticate("ord_0002", 6500);
    for aim in [json!({"orderId": "ord_0002"}), json!({"paymentKey": second}), json!({"method": "POST"})] {
        let mut fault = json!({"path": "/v1/", "mode": "status", "status": 503, "forever": true});
        fault.as_object_mut().unwrap().extend(aim.as_object().unwrap().clone());
        world.fault(fault);
        assert_eq!(world.get(&format!("/v1/payments/{first}")).0, 200, "{aim}");
        let post = aim.get("method").is_some();
        assert_eq!(world.get(&format!("/v1/payments/{second}")).0, if post { 200 } else { 503 }, "{aim}");
        assert_eq!(world.confirm(&second, "ord_0002", 6500, "k").0, 503, "{aim}");
        world.toss.clear_faults();
    }
}

#[test]
fn a_cancel_whose_answer_is_lost_has_given_the_money_back_once() {
    let mut world = World::new();
    let key = world.authenticate("ord_0001", 6500);
    world.confirm(&key, "ord_0001", 6500, "k1");
    world.fault(json!({"path": "/v1/payments/", "method": "POST", "mode": "drop_after"}));
    let request = Request::new("POST", &format!("/v1/payments/{key}/cancel"))
        .with_header("authorization", BASIC)
        .with_header("idempotency-key", "c1")
        .with_body(json!({"cancelReason": "r"}).to_string());
    assert_eq!(world.send(&request), Outcome::Now(Delivery::Drop));
    assert_eq!(world.call(&request).1["status"], json!("CANCELED"));
    assert_eq!(world.toss.totals().refunds, 6500);
}

#[test]
fn a_fault_that_makes_no_sense_is_refused_with_the_reason() {
    let mut world = World::new();
    for (fault, reason) in [
        (json!({"mode": "delay", "delayMs": 1}), "missing field `path`"),
        (json!({"path": "/v1/", "mode": "explode"}), "unknown variant `explode`"),
        (json!({"path": "/v1/", "mode": "drop_after", "tmes": 1}), "unknown field `tmes`"),
        (json!({"path": "v1", "mode": "drop_after"}), "path must start"),
        (json!({"path": "/v1/", "mode": "delay"}), "needs delayMs"),
        (json!({"path": "/v1/", "mode": "status"}), "needs a status"),
        (json!({"path": "/v1/", "mode": "status", "status": 99}), "needs a status"),
        (json!({"path": "/v1/", "mode": "status", "code": "NO_SUCH"}), "needs a status"),
        (json!({"path": "/v1/", "mode": "drop_after", "status": 500}), "belongs to mode \"status\""),
        (json!({"path": "/v1/", "mode": "drop_before", "effect": true}), "effect belongs"),
    ] {
        let (status, body) = world.admin("POST", "/__emulator/faults", fault.clone());
        assert_eq!(status, 400, "{fault}");
        let message = body["message"].as_str().unwrap();
        assert!(message.contains(reason), "{fault}: {message}");
    }
    assert_eq!(world.toss.faults().count(), 0);
}
