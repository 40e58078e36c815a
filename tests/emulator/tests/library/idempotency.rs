use super::*;

#[test]
fn the_same_key_is_answered_byte_for_byte_and_executes_once() {
    let mut world = World::new();
    let key = world.authenticate("ord_0001", 6500);
    let request = confirm_request(&key, "ord_0001", 6500, "k1");
    let first = world.send(&request);
    world.now += MINUTE;
    world.cancel(&key, json!({"cancelReason": "변심", "cancelAmount": 500}), "c1");
    assert_eq!(world.send(&request), first);
    assert_eq!(world.toss.totals().charges, 6500);
}

#[test]
fn a_received_4xx_is_replayed_even_when_the_body_was_corrected() {
    let mut world = World::new();
    let key = world.authenticate("ord_0001", 6500);
    assert_eq!(code(&world.confirm(&key, "ord_0001", 1, "k1")), (400, "INVALID_REQUEST"));
    assert_eq!(code(&world.confirm(&key, "ord_0001", 6500, "k1")), (400, "INVALID_REQUEST"));
    assert_eq!(world.confirm(&key, "ord_0001", 6500, "k2").0, 200);
}

#[test]
fn one_key_for_two_payments_makes_the_second_a_replay_of_the_first() {
    let mut world = World::new();
    let first = world.authenticate("ord_0001", 6500);
    let second = world.authenticate("ord_0002", 100);
    let paid = world.confirm(&first, "ord_0001", 6500, "k1");
    assert_eq!(world.confirm(&second, "ord_0002", 100, "k1"), paid);
    // Another URL is another key.
    assert_eq!(world.cancel(&first, json!({"cancelReason": "r"}), "k1").1["status"], json!("CANCELED"));
}

#[test]
fn a_key_is_forgotten_after_fifteen_days() {
    let mut world = World::new();
    let key = world.authenticate("ord_0001", 6500);
    world.confirm(&key, "ord_0001", 6500, "k1");
    world.now += 15 * 24 * 60 * MINUTE - 1;
    assert_eq!(world.confirm(&key, "ord_0001", 6500, "k1").0, 200);
    world.now += 1;
    assert_eq!(code(&world.confirm(&key, "ord_0001", 6500, "k1")), (400, "ALREADY_PROCESSED_PAYMENT"));
}

#[test]
fn while_the_first_request_runs_its_key_answers_409() {
    let mut world = World::new();
    let key = world.authenticate("ord_0001", 6500);
    world.fault(json!({"path": "/v1/payments/confirm", "mode": "delay", "delayMs": 5000}));
    let request = confirm_request(&key, "ord_0001", 6500, "k1");
    let Outcome::Later { ticket, at_ms } = world.send(&request) else { panic!("not delayed") };
    assert_eq!(at_ms, NOW + 5000);
    assert_eq!(code(&world.call(&request)), (409, "IDEMPOTENT_REQUEST_PROCESSING"));
    assert_eq!(world.toss.totals().charges, 0);
    let paid = answered(world.toss.finish(at_ms, ticket));
    assert_eq!(paid.0, 200);
    assert_eq!(world.call(&request), paid);
    assert_eq!(world.toss.totals().charges, 6500);
    assert_eq!(world.toss.finish(at_ms, ticket), Delivery::Drop);
}

#[test]
fn two_keys_at_once_for_one_payment_charge_it_once() {
    let mut world = World::new();
    let key = world.authenticate("ord_0001", 6500);
    world.fault(json!({"path": "/v1/payments/confirm", "mode": "delay", "delayMs": 5000}));
    let Outcome::Later { ticket, at_ms } = world.send(&confirm_request(&key, "ord_0001", 6500, "k1")) else {
        panic!("not delayed")
    };
    assert_eq!(world.confirm(&key, "ord_0001", 6500, "k2").0, 200);
    let slow = answered(world.toss.finish(at_ms, ticket));
    assert_eq!(code(&slow), (400, "ALREADY_PROCESSED_PAYMENT"));
    assert_eq!(world.toss.totals().charges, 6500);
}

#[test]
fn a_key_of_more_than_300_characters_is_refused() {
    let mut world = World::new();
    let key = world.authenticate("ord_0001", 6500);
    let long = world.confirm(&key, "ord_0001", 6500, &"k".repeat(301));
    assert_eq!(code(&long), (400, "INVALID_IDEMPOTENCY_KEY"));
    assert_eq!(world.confirm(&key, "ord_0001", 6500, &"k".repeat(300)).0, 200);
}
