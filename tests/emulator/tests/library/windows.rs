use super::*;

#[test]
fn a_confirm_after_ten_minutes_finds_no_session() {
    for (minutes, status) in [(9, 200), (10, 404), (11, 404)] {
        let mut world = World::new();
        let key = world.authenticate("ord_0001", 6500);
        world.toss.advance_clock(minutes * MINUTE);
        let answer = world.confirm(&key, "ord_0001", 6500, "k1");
        assert_eq!(answer.0, status, "{minutes} min");
        if status == 404 {
            assert_eq!(code(&answer), (404, "NOT_FOUND_PAYMENT_SESSION"));
            let (_, shown) = world.get("/v1/payments/orders/ord_0001");
            assert_eq!(
                (&shown["status"], &shown["failure"]["code"]),
                (&json!("EXPIRED"), &json!("EXPIRED_PAYMENT"))
            );
        }
    }
}

#[test]
fn a_window_that_is_not_authenticated_closes_after_thirty_minutes() {
    let mut world = World::new();
    let canceled =
        world.toss.authenticate(world.now, "ord_0001", 6500, Method::Card, AuthenticationResult::Cancel);
    let path = format!("/v1/payments/{}", canceled.payment_key);
    assert_eq!(world.get(&path).1["status"], json!("READY"));
    world.now += 29 * MINUTE;
    assert_eq!(world.get(&path).1["status"], json!("READY"));
    let early = world.confirm(&canceled.payment_key, "ord_0001", 6500, "k1");
    assert_eq!(code(&early), (404, "NOT_FOUND_PAYMENT_SESSION"));
    world.now += MINUTE;
    assert_eq!(world.get(&path).1["status"], json!("EXPIRED"));
}

#[test]
fn a_confirm_that_came_in_time_is_worked_on_past_the_end_of_its_window() {
    let mut world = World::new();
    let key = world.authenticate("ord_0001", 6500);
    world.now += 10 * MINUTE - 1;
    world.fault(json!({"path": "/v1/payments/confirm", "mode": "delay", "delayMs": 60_000}));
    let Outcome::Later { ticket, at_ms } = world.send(&confirm_request(&key, "ord_0001", 6500, "k1")) else {
        panic!("not delayed")
    };
    world.now = at_ms;
    assert_eq!(world.get(&format!("/v1/payments/{key}")).1["status"], json!("IN_PROGRESS"));
    let answer = answered(world.toss.finish(at_ms, ticket));
    assert_eq!((answer.0, &answer.1["status"]), (200, &json!("DONE")));
}

#[test]
fn the_clock_can_be_put_forward_and_set() {
    let mut world = World::new();
    let (_, clock) = world.admin("GET", "/__emulator/clock", Value::Null);
    assert_eq!(clock, json!({"now": "2026-01-09T00:00:00.000Z", "offsetMs": 0}));
    let (_, clock) = world.admin("POST", "/__emulator/clock", json!({"advanceMs": 1500}));
    assert_eq!(clock["now"], json!("2026-01-09T00:00:01.500Z"));
    let (_, clock) = world.admin("POST", "/__emulator/clock", json!({"now": "2026-02-01T09:00:00+09:00"}));
    assert_eq!(clock["now"], json!("2026-02-01T00:00:00.000Z"));
    for wrong in [json!({}), json!({"now": "tomorrow"}), json!({"advance": 1}), json!({"advanceMs": "1"})] {
        assert_eq!(world.admin("POST", "/__emulator/clock", wrong.clone()).0, 400, "{wrong}");
    }
}
