//! What operators and merchants' servers read: wallets, logs, consumers, the trial balance.

use crate::client::{OP, SK};
use crate::world::{Psp, World};
use gyesan_edge::topology::Target;
use serde_json::json;

fn paid(world: &World, count: usize) {
    for n in 0..count {
        let id = format!("ord_ops_{n:03}");
        world.order(&id);
        assert_eq!(world.come_back(&id, &format!("pay_{n}"), "6500").status, 303);
    }
}

#[test]
fn a_wallet_shows_its_balance_and_its_transactions_page_by_page() {
    let world = World::new();
    assert_eq!(
        world.get("/v1/wallets/A", SK).json(),
        json!({"sellerId": "A", "currency": "KRW", "balance": 0, "version": 0})
    );
    paid(&world, 5);
    assert_eq!(
        world.get("/v1/wallets/A", SK).json(),
        json!({"sellerId": "A", "currency": "KRW", "balance": 10000, "version": 5})
    );
    let first = world.get("/v1/wallets/A/transactions?limit=2", SK).json();
    assert_eq!(first["items"][0]["orderId"], "ord_ops_004");
    assert_eq!((&first["items"][0]["type"], &first["items"][0]["amount"]), (&json!("CREDIT"), &json!(2000)));
    assert_eq!(first["items"][0]["referenceType"], "PAYMENT_ORDER");
    let mut seen = Vec::new();
    let mut path = "/v1/wallets/A/transactions?limit=2".to_owned();
    loop {
        let page = world.get(&path, SK).json();
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["orderId"].as_str().unwrap().to_owned()),
        );
        // New rows at the top do not shift the pages below.
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("/v1/wallets/A/transactions?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ["ord_ops_004", "ord_ops_003", "ord_ops_002", "ord_ops_001", "ord_ops_000"]);
}

#[test]
fn limits_cursors_and_sellers_are_checked() {
    let world = World::new();
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "cursor=x",
        "cursor=-1",
        "cursor=99999999999999999999",
    ] {
        let answer = world.get(&format!("/v1/wallets/A/transactions?{query}"), SK);
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_VALUE"), "{query}");
    }
    assert_eq!(world.get("/v1/wallets/A/transactions?page=2", SK).code(), "UNKNOWN_FIELD");
    for seller in ["Z", "a%20b", "%00"] {
        assert_eq!(world.get(&format!("/v1/wallets/{seller}"), SK).code(), "NOT_FOUND");
    }
}

#[test]
fn the_log_of_an_order_can_be_read() {
    let world = World::new();
    paid(&world, 1);
    let events = world.get("/v1/ops/events?orderId=ord_ops_000", OP).json();
    let types: Vec<&str> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["event"]["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["order.placed", "payment.confirmed"]);
    assert_eq!(events["items"][1]["event"]["paymentOrders"][0]["sellerId"], "A");
    assert_eq!(
        world.get("/v1/ops/events?orderId=ord_ops_000&merchantId=other", OP).json()["items"],
        json!([])
    );
    assert_eq!(world.get("/v1/ops/events", OP).code(), "REQUIRED");
}

#[test]
fn the_log_of_an_order_says_whether_it_is_all_there() {
    let world = World::new();
    paid(&world, 2);
    let events = || world.get("/v1/ops/events?orderId=ord_ops_000", OP).json();
    let all = events();
    assert_eq!(
        (&all["complete"], &all["firstKept"], &all["unreadable"]),
        (&json!(true), &json!(1), &json!([]))
    );
    let shard = match all["items"][0]["shard"].as_str().unwrap() {
        "order-0" => Target::Order(0),
        _ => Target::Order(1),
    };
    world.spoil(
        shard,
        "UPDATE outbox SET value = x'00' WHERE seq = (SELECT max(seq) FROM outbox WHERE key = 'ord_ops_000')",
    );
    let unreadable = events();
    assert_eq!(unreadable["complete"], false);
    assert_eq!(unreadable["items"].as_array().unwrap().len(), 1, "the others are not hidden");
    assert_eq!(unreadable["unreadable"], json!([all["items"][1]["position"]]));
    world.spoil(
        shard,
        "DELETE FROM outbox WHERE seq <= (SELECT min(seq) FROM outbox WHERE key = 'ord_ops_000')",
    );
    let gone = events();
    assert_eq!((&gone["complete"], &gone["items"]), (&json!(false), &json!([])));
    let outbox = world.get("/v1/ops/outbox", OP).json();
    let index = usize::from(shard == Target::Order(1));
    assert_eq!(outbox["shards"][index]["firstKept"], gone["firstKept"]);
}

#[test]
fn nothing_is_published_again_without_kafka_nor_by_a_request_that_says_too_little() {
    let world = World::new();
    paid(&world, 1);
    let path = "/v1/ops/outbox/republish";
    let key = [("idempotency-key", "r1")];
    let good = json!({"source": "order-0", "from": 1, "to": 2, "reason": "the topic was emptied"});
    let answer = world.write("POST", path, OP, &key, &good);
    assert_eq!((answer.status, answer.code().as_str()), (404, "NOT_FOUND"));
    assert!(answer.text.contains("EVENT_BUS is embedded"), "{}", answer.text);
    let bad = world.write("POST", path, OP, &key, &json!({"from": 0, "to": "2"}));
    let mut faults = bad.faults();
    faults.sort();
    let expected = [("/from", "INVALID_VALUE"), ("/source", "REQUIRED"), ("/to", "INVALID_TYPE")];
    assert_eq!(faults, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    let backwards = world.write("POST", path, OP, &key, &json!({"source": "order-0", "from": 3, "to": 2}));
    assert_eq!(backwards.faults(), [("/to".to_owned(), "INVALID_VALUE".to_owned())]);
    assert_eq!(world.write("POST", path, SK, &key, &good).code(), "FORBIDDEN");
}

#[test]
fn nothing_is_left_behind_when_all_is_done() {
    let world = World::new();
    paid(&world, 6);
    world.pass(1_000);
    let outbox = world.get("/v1/ops/outbox", OP).json();
    assert_eq!(
        (&outbox["pending"], &outbox["oldestPendingMs"], &outbox["inFlightBatches"]),
        (&json!(0), &json!(0), &json!(0))
    );
    assert_eq!(outbox["published"], 6 * 2 + 6 * 2);
    assert_eq!(outbox["shards"].as_array().unwrap().len(), 4);
    let consumers = world.get("/v1/ops/consumers", OP).json();
    for consumer in consumers["items"].as_array().unwrap() {
        assert_eq!((&consumer["lag"], &consumer["deadLetters"]), (&json!(0), &json!(0)), "{consumer}");
        assert_eq!(consumer["position"], consumer["end"]);
    }
    assert_eq!(world.get("/v1/ops/unresolved", OP).json()["items"], json!([]));
}

#[test]
fn the_trial_balance_is_zero_and_finds_a_missing_won() {
    let world = World::new();
    let empty = world.trial_balance();
    assert_eq!(
        (&empty["unexplained"], &empty["charges"], &empty["accounts"]),
        (&json!(0), &json!(0), &json!(0))
    );
    paid(&world, 4);
    let books = world.trial_balance();
    assert_eq!(
        (&books["charges"], &books["pspClearing"], &books["refunds"]),
        (&json!(26000), &json!(26000), &json!(0))
    );
    assert_eq!(
        (&books["sum"], &books["interShardClearing"], &books["unexplained"]),
        (&json!(0), &json!(0), &json!(0))
    );
    assert_eq!((&books["sellers"], &books["uncredited"]), (&json!(26000), &json!(0)));
    world.spoil(Target::Order(0), "UPDATE totals SET charges = charges + 1");
    assert_eq!(world.trial_balance()["unexplained"], 1);
}

#[test]
fn a_spoiled_account_is_found() {
    let world = World::new();
    paid(&world, 4);
    for shard in [Target::Ledger(0), Target::Ledger(1)] {
        world.spoil(shard, "UPDATE accounts SET balance = balance + 7 WHERE account LIKE '%seller%'");
    }
    assert!(world.trial_balance()["unexplained"].as_i64().unwrap() > 0);
}

#[test]
fn an_operator_has_an_order_asked_about_again() {
    let world = World::new();
    world.order("ord_recheck");
    *world.psp.borrow_mut() = Psp::Silent;
    world.come_back("ord_recheck", "pay_1", "6500");
    *world.psp.borrow_mut() = Psp::Approves;
    let body = json!({"reason": "the buyer called"});
    let path = "/v1/ops/orders/ord_recheck/recheck";
    assert_eq!(world.write("POST", path, OP, &[], &body).code(), "IDEMPOTENCY_KEY_MISSING");
    let answer = world.write("POST", path, OP, &[("idempotency-key", "r1")], &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["orderId"], "ord_recheck");
    assert_eq!(
        world.write("POST", path, OP, &[("idempotency-key", "r1")], &body).header("idempotency-replayed"),
        "true"
    );
    let log = world.log.borrow();
    let line = log.iter().find(|line| line.fact == "operator.recheck").expect("a line in the log");
    assert!(line.detail.contains("actor=") && line.detail.contains("reason=the buyer called"));
    assert!(!line.detail.contains("op_test_demo"));
    assert_eq!(log.iter().filter(|line| line.fact == "operator.recheck").count(), 1);
}

#[test]
fn a_recheck_of_nothing_is_not_found() {
    let world = World::new();
    let answer = world.write(
        "POST",
        "/v1/ops/orders/ord_nobody/recheck",
        OP,
        &[("idempotency-key", "r1")],
        &json!({}),
    );
    assert_eq!((answer.status, answer.code().as_str()), (404, "ORDER_NOT_FOUND"));
    let unknown = world.write(
        "POST",
        "/v1/ops/orders/ord_nobody/recheck",
        OP,
        &[("idempotency-key", "r2")],
        &json!({"force": true}),
    );
    assert_eq!(unknown.faults(), [("/force".to_owned(), "UNKNOWN_FIELD".to_owned())]);
}
