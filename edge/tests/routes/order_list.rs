//! The merchant's order list, and rebuilding it.

use crate::client::{OP, SK, cart};
use crate::world::{Psp, World};
use gyesan_edge::query::Query;
use gyesan_edge::sql::Sql;
use serde_json::{Value, json};

/// Orders of the members m_0, m_1 and m_2 in turn, a second apart; every second one is paid.
fn filled(count: usize) -> World {
    let world = World::new();
    for number in 0..count {
        let id = format!("ord_list_{number:03}");
        let body = json!({"items": cart()["items"], "memberId": format!("m_{}", number % 3)});
        assert_eq!(world.put_order(&id, &body).status, 201);
        if number % 2 == 0 {
            assert_eq!(world.come_back(&id, &format!("pay_{number}"), "6500").status, 303);
        }
        world.now_ms.set(world.now_ms.get() + 1_000);
    }
    world.pass(1_000);
    world
}

fn list(world: &World, query: &str) -> Value {
    let answer = world.get(&format!("/v1/orders?{query}"), SK);
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    answer.json()
}

fn ids(page: &Value) -> Vec<String> {
    let id = |item: &Value| item["orderId"].as_str().unwrap().trim_start_matches("ord_list_").to_owned();
    page["items"].as_array().unwrap().iter().map(id).collect()
}

#[test]
fn the_list_goes_from_the_newest_to_the_oldest_page_by_page() {
    let world = filled(25);
    let first = list(&world, "");
    assert_eq!(ids(&first).len(), 20, "by default");
    assert_eq!(ids(&first)[..2], ["024", "023"]);
    let (mut seen, mut query) = (Vec::new(), "limit=7".to_owned());
    loop {
        let page = list(&world, &query);
        seen.extend(ids(&page));
        // New orders at the top do not shift the pages below.
        world.order(&format!("ord_new_{}", seen.len()));
        world.pass(1_000);
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        query = format!("limit=7&cursor={cursor}");
    }
    let all: Vec<String> = (0..25).rev().map(|number| format!("{number:03}")).collect();
    assert_eq!(seen, all);
}

#[test]
fn orders_of_one_millisecond_are_on_one_page_each_and_once() {
    let world = World::new();
    for number in 0..9 {
        world.order(&format!("ord_list_{number:03}"));
    }
    world.pass(1_000);
    let (mut seen, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = list(&world, &query);
        seen.extend(ids(&page));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        query = format!("limit=2&cursor={cursor}");
    }
    assert_eq!(seen, (0..9).rev().map(|number| format!("{number:03}")).collect::<Vec<_>>());
}

#[test]
fn a_row_says_what_the_order_says() {
    let world = filled(3);
    let page = list(&world, "limit=1");
    let (item, view) = (&page["items"][0], world.view("ord_list_002"));
    for name in [
        "orderId",
        "currency",
        "grossAmount",
        "discount",
        "amount",
        "paymentStatus",
        "orderStatus",
        "createdAt",
    ] {
        assert_eq!(item[name], view[name], "{name}");
    }
    assert_eq!((&item["memberId"], &item["paymentStatus"]), (&json!("m_2"), &json!("SUCCESS")));
    assert!(item["orderVersion"].as_u64() <= view["orderVersion"].as_u64());
    assert_eq!(item.as_object().unwrap().len(), 11, "{item}");
}

#[test]
fn filters_are_met_together() {
    let world = filled(12);
    assert_eq!(ids(&list(&world, "memberId=m_1")), ["010", "007", "004", "001"]);
    assert_eq!(ids(&list(&world, "paymentStatus=SUCCESS")), ["010", "008", "006", "004", "002", "000"]);
    assert_eq!(ids(&list(&world, "memberId=m_1&paymentStatus=SUCCESS")), ["010", "004"]);
    assert_eq!(ids(&list(&world, "orderStatus=ORDER_COMPLETED&memberId=m_0")), ["009", "003"]);
    assert_eq!(ids(&list(&world, "orderStatus=PAYMENT_COMPLETED&limit=2")), ["010", "008"]);
    assert!(ids(&list(&world, "memberId=m_9")).is_empty());
    assert!(ids(&list(&world, "orderStatus=ORDER_EXPIRED")).is_empty());
    let at = |number: usize| {
        let view = world.view(&format!("ord_list_{number:03}"));
        view["createdAt"].as_str().unwrap().to_owned()
    };
    assert_eq!(ids(&list(&world, &format!("from={}&to={}", at(3), at(6)))), ["005", "004", "003"]);
    assert_eq!(ids(&list(&world, &format!("from={}&paymentStatus=SUCCESS", at(7)))), ["010", "008"]);
    assert!(ids(&list(&world, &format!("from={}&to={}", at(6), at(3)))).is_empty());
    // Korea's time is as good.
    assert_eq!(ids(&list(&world, "to=2023-11-15T07:13:22%2B09:00")), ["001", "000"]);
}

#[test]
fn what_is_no_filter_is_refused() {
    let world = World::new();
    for query in [
        "paymentStatus=PAID",
        "paymentStatus=",
        "paymentStatus=success",
        "orderStatus=SUCCESS",
        "memberId=",
        "from=yesterday",
        "to=2023-13-01T00:00:00Z",
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=x",
        "cursor=1.x",
        "cursor=-1.ord_list_000",
        "cursor=9007199254740992.ord_list_000",
        "memberId=a&memberId=b",
        "paymentStatus=SUCCESS&paymentStatus=FAILURE",
    ] {
        let answer = world.get(&format!("/v1/orders?{query}"), SK);
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_VALUE"), "{query}");
    }
    assert_eq!(world.get("/v1/orders?status=SUCCESS", SK).code(), "UNKNOWN_FIELD");
}

#[test]
fn another_merchants_orders_are_not_listed() {
    let world = filled(3);
    let answer = world.get("/v1/orders", "sk_test_other");
    assert_eq!((answer.status, answer.json()), (200, json!({"items": [], "nextCursor": null})));
    let cursor = list(&world, "limit=1")["nextCursor"].as_str().unwrap().to_owned();
    let answer = world.get(&format!("/v1/orders?cursor={cursor}"), "sk_test_other");
    assert_eq!(answer.json()["items"], json!([]));
}

#[test]
fn each_filter_is_searched_by_an_index_and_nothing_is_sorted() {
    let world = filled(12);
    for (query, index) in [
        ("", "orders_by_age"),
        ("paymentStatus=SUCCESS", "orders_by_payment_status"),
        ("orderStatus=ORDER_COMPLETED", "orders_by_order_status"),
        ("memberId=m_1&paymentStatus=SUCCESS", "orders_by_member"),
    ] {
        for more in ["", "&from=2023-11-14T22:13:21Z", "&cursor=1700000005000.ord_list_005"] {
            list(&world, &format!("{query}{more}"));
            let Some(Query::Read(asked)) = world.queries.borrow_mut().pop() else {
                panic!("nothing is asked")
            };
            let explain: &'static str = format!("EXPLAIN QUERY PLAN {}", asked.text).leak();
            let plan = world.query.query(explain, &asked.params).unwrap();
            let steps: Vec<&str> = plan.iter().map(|row| row.text(3).unwrap()).collect();
            assert_eq!(steps.len(), 1, "{steps:?}");
            assert!(
                steps[0].starts_with(&format!("SEARCH orders USING INDEX {index} (merchant_id=?")),
                "{steps:?}"
            );
            assert!(steps[0].contains("created_at"), "{steps:?}");
        }
    }
}

#[test]
fn a_query_database_that_is_down_is_told_of_and_costs_payments_nothing() {
    let world = World::new();
    world.query_down.set(true);
    let answer = world.get("/v1/orders", SK);
    assert_eq!((answer.status, answer.code().as_str()), (503, "SERVICE_UNAVAILABLE"));
    assert!(world.log.borrow().iter().any(|line| line.fact == "query.failed"));
    world.order("ord_list_000");
    assert_eq!(world.come_back("ord_list_000", "pay_1", "6500").status, 303);
    assert_eq!(world.view("ord_list_000")["isWalletDone"], true);
    world.pass(60_000);
    assert_eq!(world.get("/v1/ops/outbox", OP).json()["pending"], 0, "a projection is not waited for");
    world.query_down.set(false);
    for _ in 0..40 {
        world.pass(1_000);
    }
    assert_eq!(ids(&list(&world, "paymentStatus=SUCCESS")), ["000"]);
}

#[test]
fn failures_and_ends_are_listed() {
    let world = World::new();
    *world.psp.borrow_mut() = Psp::Refuses(403, "REJECT_CARD_PAYMENT");
    world.order("ord_list_000");
    world.come_back("ord_list_000", "pay_1", "6500");
    world.pass(1_000);
    assert_eq!(ids(&list(&world, "paymentStatus=FAILURE&orderStatus=ORDER_COMPLETED")), ["000"]);
    world.pass(46 * 60_000);
    world.pass(1_000);
    assert_eq!(ids(&list(&world, "paymentStatus=FAILURE&orderStatus=ORDER_EXPIRED")), ["000"]);
}

fn rebuild(world: &World, name: &str, body: &Value) -> crate::client::Answer {
    world.write("POST", &format!("/v1/ops/consumers/{name}/rebuild"), OP, &[], body)
}

#[test]
fn an_operator_rebuilds_the_list() {
    let world = filled(9);
    let before = list(&world, "");
    world.query.execute_all("UPDATE orders SET payment_status = 'FAILURE'").unwrap();
    let answer = rebuild(&world, "order-list", &json!({"reason": "the rows were spoilt"}));
    assert_eq!(answer.status, 200, "{}", answer.text);
    let items = answer.json()["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| item["consumer"] == "order-list" && item["topic"] == "gyesan.orders"));
    assert_eq!(items.iter().map(|item| item["end"].as_u64().unwrap()).sum::<u64>(), 14);
    world.pass(1_000);
    assert_eq!(list(&world, ""), before);
    let consumers = world.get("/v1/ops/consumers", OP).json();
    let of_it = consumers["items"].as_array().unwrap().iter().filter(|item| item["consumer"] == "order-list");
    assert_eq!(of_it.filter(|item| item["lag"] == 0).count(), 2);
    let log = world.log.borrow();
    let line = log.iter().find(|line| line.fact == "operator.rebuild").unwrap();
    assert!(line.detail.contains("order-list actor=") && line.detail.contains("the rows were spoilt"));
    assert!(!line.detail.contains(OP));
}

#[test]
fn what_cannot_be_rebuilt_is_refused_and_nothing_changes() {
    let world = filled(3);
    let before = list(&world, "");
    for name in ["wallets", "completion"] {
        let answer = rebuild(&world, name, &json!({}));
        assert_eq!((answer.status, answer.code().as_str()), (409, "NOT_REBUILDABLE"));
        assert!(answer.json()["detail"].as_str().unwrap().contains(name));
    }
    for name in ["nobody", "order-list-0", "orders"] {
        assert_eq!(rebuild(&world, name, &json!({})).status, 404, "{name}");
    }
    for body in [json!({"partition": 0}), json!({"reason": 1}), json!([])] {
        assert_eq!(rebuild(&world, "order-list", &body).status, 400, "{body}");
    }
    world.query_down.set(true);
    assert_eq!(rebuild(&world, "order-list", &json!({})).status, 503);
    world.query_down.set(false);
    assert_eq!(list(&world, ""), before);
    assert_eq!(world.get("/v1/wallets/A", SK).json()["balance"], 4000);
}
