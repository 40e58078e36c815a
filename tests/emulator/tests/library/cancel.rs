use super::*;

fn paid(world: &mut World) -> String {
    let key = world.authenticate("ord_0001", 1000);
    assert_eq!(world.confirm(&key, "ord_0001", 1000, "k1").0, 200);
    key
}

#[test]
fn a_full_cancel_gives_everything_back_once() {
    let mut world = World::new();
    let key = paid(&mut world);
    let (status, payment) = world.cancel(&key, json!({"cancelReason": "고객 변심"}), "c1");
    assert_eq!(status, 200);
    assert_eq!((&payment["status"], &payment["balanceAmount"]), (&json!("CANCELED"), &json!(0)));
    assert_eq!((&payment["totalAmount"], &payment["vat"]), (&json!(1000), &json!(0)));
    let cancel = &payment["cancels"][0];
    assert_eq!((&cancel["cancelAmount"], &cancel["refundableAmount"]), (&json!(1000), &json!(0)));
    assert_eq!(cancel["cancelReason"], json!("고객 변심"));
    assert_eq!(cancel["transactionKey"], payment["lastTransactionKey"]);
    let again = world.cancel(&key, json!({"cancelReason": "r"}), "c2");
    assert_eq!(code(&again), (400, "ALREADY_CANCELED_PAYMENT"));
    assert_eq!(world.toss.totals().refunds, 1000);
}

#[test]
fn parts_stay_partial_even_when_nothing_is_left() {
    let mut world = World::new();
    let key = paid(&mut world);
    let (_, part) = world.cancel(&key, json!({"cancelReason": "r", "cancelAmount": 300}), "c1");
    assert_eq!((&part["status"], &part["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(700)));
    let too_much = world.cancel(&key, json!({"cancelReason": "r", "cancelAmount": 701}), "c2");
    assert_eq!(code(&too_much), (403, "NOT_CANCELABLE_AMOUNT"));
    let (_, rest) = world.cancel(&key, json!({"cancelReason": "r"}), "c3");
    assert_eq!((&rest["status"], &rest["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(0)));
    assert_eq!(rest["cancels"].as_array().unwrap().len(), 2);
    let none_left = world.cancel(&key, json!({"cancelReason": "r"}), "c4");
    assert_eq!(code(&none_left), (403, "NOT_CANCELABLE_AMOUNT"));
    // The first answer again, as it was.
    assert_eq!(world.cancel(&key, json!({"cancelReason": "r", "cancelAmount": 300}), "c1").1, part);
    assert_eq!(world.toss.totals().refunds, 1000);
}

#[test]
fn a_cancel_that_cannot_be_is_refused_and_changes_nothing() {
    let mut world = World::new();
    let key = paid(&mut world);
    let open = world.authenticate("ord_0002", 1000);
    for (number, (payment_key, body, expected)) in [
        (key.as_str(), json!({}), (400, "INVALID_REQUEST")),
        (key.as_str(), json!({"cancelReason": "x".repeat(201)}), (400, "INVALID_REQUEST")),
        (key.as_str(), json!({"cancelReason": "r", "cancelAmount": 0}), (400, "INVALID_REQUEST")),
        (key.as_str(), json!({"cancelReason": "r", "cancelAmount": "1"}), (400, "INVALID_REQUEST")),
        (key.as_str(), json!({"cancelReason": "r", "taxFreeAmount": 1}), (400, "INVALID_REQUEST")),
        (
            key.as_str(),
            json!({"cancelReason": "r", "refundableAmount": 999}),
            (400, "NOT_MATCHES_REFUNDABLE_AMOUNT"),
        ),
        (open.as_str(), json!({"cancelReason": "r"}), (403, "NOT_CANCELABLE_PAYMENT")),
        ("tgen_unknown", json!({"cancelReason": "r"}), (404, "NOT_FOUND_PAYMENT")),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = world.cancel(payment_key, body.clone(), &format!("c{number}"));
        assert_eq!(code(&answer), expected, "{body}");
    }
    assert_eq!(world.toss.totals().refunds, 0);
    let right = json!({"cancelReason": "r", "cancelAmount": 400, "refundableAmount": 1000});
    assert_eq!(world.cancel(&key, right, "right").1["balanceAmount"], json!(600));
}
