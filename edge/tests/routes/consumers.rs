//! What operators do with consumers and with records that could not be handled.

use crate::client::OP;
use crate::world::World;
use gyesan_edge::topology::Target;
use serde_json::{Value, json};

fn act(world: &World, path: &str, body: &Value) -> crate::client::Answer {
    world.write("POST", path, OP, &[], body)
}

fn pay(world: &World, id: &str) {
    world.order(id);
    assert_eq!(world.come_back(id, &format!("pay_{id}"), "6500").status, 303);
}

fn consumer(world: &World, name: &str, partition: u32) -> Value {
    let list = world.get("/v1/ops/consumers", OP).json();
    let items = list["items"].as_array().unwrap();
    items.iter().find(|item| item["consumer"] == name && item["partition"] == partition).unwrap().clone()
}

#[test]
fn a_paused_consumer_credits_nothing_until_it_is_resumed() {
    let world = World::new();
    let reason = json!({"reason": "the ledger is being looked at"});
    for partition in 0..2 {
        for _ in 0..2 {
            let path = format!("/v1/ops/consumers/wallets/{partition}/pause");
            let answer = act(&world, &path, &reason);
            assert_eq!((answer.status, &answer.json()["paused"]), (200, &json!(true)), "{}", answer.text);
            assert_eq!(answer.json()["pauseReason"], reason["reason"]);
        }
    }
    for number in 0..4 {
        pay(&world, &format!("ord_pause_{number}"));
    }
    world.pass(60_000);
    assert_eq!(world.view("ord_pause_0")["isWalletDone"], false);
    assert!(world.get("/v1/ops/outbox", OP).json()["pending"].as_u64().unwrap() >= 4);
    let lag: u64 =
        (0..2).map(|partition| consumer(&world, "wallets", partition)["lag"].as_u64().unwrap()).sum();
    assert_eq!(lag, 8);
    for partition in 0..2 {
        for _ in 0..2 {
            let answer = act(&world, &format!("/v1/ops/consumers/wallets/{partition}/resume"), &json!({}));
            assert_eq!((answer.status, &answer.json()["paused"]), (200, &json!(false)), "{}", answer.text);
        }
    }
    assert_eq!(world.view("ord_pause_0")["isWalletDone"], true, "it goes on at once");
    world.pass(60_000);
    assert_eq!(world.get("/v1/ops/outbox", OP).json()["pending"], 0);
    let item = consumer(&world, "wallets", 0);
    assert_eq!((&item["lag"], &item["stopped"], &item["pausedAt"]), (&json!(0), &json!(false), &json!(null)));
    assert!(item["endSeenAt"].is_string(), "{item}");
    let log = world.log.borrow();
    let lines: Vec<_> = log.iter().filter(|line| line.fact == "operator.pause").collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].detail.contains("actor=") && lines[0].detail.contains("the ledger is being looked at"));
    assert!(lines.iter().all(|line| !line.detail.contains("op_test_demo")));
}

#[test]
fn a_consumer_that_there_is_not_is_not_found() {
    let world = World::new();
    for path in ["wallets/2", "wallets/x", "wallets/-1", "nobody/0"] {
        for action in ["pause", "resume"] {
            let answer = act(&world, &format!("/v1/ops/consumers/{path}/{action}"), &json!({}));
            assert_eq!((answer.status, answer.code().as_str()), (404, "NOT_FOUND"), "{path}");
        }
    }
    let path = "/v1/ops/consumers/wallets/0/resume";
    for (body, code) in [
        (json!({"position": -1}), "INVALID_VALUE"),
        (json!({"position": "0"}), "INVALID_TYPE"),
        (json!({"position": 9_007_199_254_740_992_u64}), "INVALID_VALUE"),
        (json!({"offset": 1}), "UNKNOWN_FIELD"),
    ] {
        let answer = act(&world, path, &body);
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{body}");
    }
    // A shard's log is read from where it was left.
    assert_eq!(act(&world, path, &json!({"position": 0})).code(), "INVALID_VALUE");
}

/// An order in the first shard, whose credit cannot be booked because another one has taken its id.
fn with_a_dead_letter(world: &World) -> String {
    let id = (0..20).map(|number| format!("ord_dead_{number}")).find(|id| {
        world.config.topology.order_shard(&"demo".into(), &id.as_str().into()) == Target::Order(0)
    });
    let id = id.unwrap();
    let path = "/v1/ops/consumers/wallets/0/pause";
    assert_eq!(act(world, path, &json!({})).status, 200);
    pay(world, &id);
    for ledger in [Target::Ledger(0), Target::Ledger(1)] {
        world.spoil(
            ledger,
            "CREATE TEMP TRIGGER broken BEFORE INSERT ON transfers BEGIN SELECT raise(ABORT, 'broken'); END",
        );
    }
    assert_eq!(act(world, "/v1/ops/consumers/wallets/0/resume", &json!({})).status, 200);
    // The shard's outbox wakes it after pauses that grow to half a minute.
    for _ in 0..20 {
        world.pass(31_000);
    }
    id
}

#[test]
fn a_record_that_could_not_be_handled_is_shown_and_handled_again() {
    let world = World::new();
    let order_id = with_a_dead_letter(&world);
    assert_eq!(consumer(&world, "wallets", 0)["deadLetters"], 1, "{:?}", world.log.borrow());
    let list = world.get("/v1/ops/dead-letters", OP).json();
    let item = &list["items"][0];
    assert_eq!((&item["id"], &item["topic"]), (&json!("wallets:0:2"), &json!("gyesan.orders")));
    assert_eq!((&item["event"]["orderId"], &item["replayedAt"]), (&json!(order_id), &json!(null)));
    assert_eq!((list["items"].as_array().unwrap().len(), &list["nextCursor"]), (1, &json!(null)));
    let path = "/v1/ops/dead-letters/wallets:0:2/replay";
    assert_eq!(act(&world, path, &json!({})).code(), "IDEMPOTENCY_KEY_MISSING");
    let replay = |key: &str| {
        world.write(
            "POST",
            path,
            OP,
            &[("idempotency-key", key)],
            &json!({"reason": "the disk is whole again"}),
        )
    };
    let refused = replay("r1");
    assert_eq!((refused.status, refused.code().as_str()), (409, "REPLAY_FAILED"), "{}", refused.text);
    for ledger in [Target::Ledger(0), Target::Ledger(1)] {
        world.spoil(ledger, "DROP TRIGGER broken");
    }
    assert_eq!(replay("r1").status, 409, "the same key is the same answer");
    let handled = replay("r2");
    assert_eq!(handled.status, 200, "{}", handled.text);
    assert!(handled.json()["replayedAt"].is_string());
    assert_eq!(replay("r2").header("idempotency-replayed"), "true");
    assert_eq!(replay("r3").status, 200, "again does nothing");
    assert_eq!(world.view(&order_id)["isWalletDone"], true);
    assert_eq!(consumer(&world, "wallets", 0)["deadLetters"], 0);
    let list = world.get("/v1/ops/dead-letters", OP).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "it can still be explained");
    let log = world.log.borrow();
    assert!(log.iter().any(|line| line.fact == "alert.dead-letter" && line.order_id == order_id));
    let line = log.iter().find(|line| line.fact == "operator.replay").unwrap();
    assert!(line.detail.starts_with("wallets:0:2 actor="), "{}", line.detail);
}

#[test]
fn a_dead_letter_that_there_is_not_is_not_found() {
    let world = World::new();
    for id in ["wallets:0:1", "wallets:9:1", "nobody:0:1", "wallets:0", "wallets:0:1:2", "wallets:0:x", "x"] {
        let path = format!("/v1/ops/dead-letters/{id}/replay");
        let answer = world.write("POST", &path, OP, &[("idempotency-key", id)], &json!({}));
        assert_eq!((answer.status, answer.code().as_str()), (404, "NOT_FOUND"), "{id}");
    }
    assert_eq!(world.get("/v1/ops/dead-letters", OP).json()["items"], json!([]));
}
