//! The merchant's order list: it follows the orders, and a rebuild leads to the same rows.

use anyhow::{Context, Result, ensure};
use gyesan_e2e::books;
use gyesan_e2e::shop::{OPERATOR_KEY, SECRET_KEY, Shop, new_order_id};
use gyesan_e2e::stack::Stack;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// Every order of a list, page by page.
fn all(shop: &mut Shop, filter: &str) -> Result<Vec<Value>> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/orders?limit=100{filter}{cursor}");
        let page = shop.ask(SECRET_KEY, "GET", &path, None)?.expect(200)?;
        items.extend(page.get("items").and_then(Value::as_array).context("no items")?.iter().cloned());
        match page.get("nextCursor").and_then(Value::as_str) {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(items),
        }
    }
}

/// Waits until a list is as it should be.
fn wait(shop: &mut Shop, filter: &str, is_right: impl Fn(&[Value]) -> bool) -> Result<Vec<Value>> {
    let since = Instant::now();
    loop {
        let items = all(shop, filter)?;
        if is_right(&items) {
            return Ok(items);
        }
        ensure!(since.elapsed() < SOON, "after {SOON:?} the list of {filter} is {items:?}");
        std::thread::sleep(POLL);
    }
}

fn is(item: &Value, name: &str, value: &str) -> bool {
    item.get(name) == Some(&json!(value))
}

pub fn follows_the_orders(shop: &mut Shop) -> Result<()> {
    let member = format!("m_{}", new_order_id());
    let filter = format!("&memberId={member}");
    let mut orders = Vec::new();
    for quantity in 2..=4 {
        let items = json!([{"productId": "D", "quantity": quantity}]);
        let body = json!({"items": items, "memberId": member, "couponCode": "WELCOME"});
        orders.push(shop.place_with(&new_order_id(), &body)?);
        // Two of one millisecond stand in the order of their ids.
        std::thread::sleep(POLL);
    }
    let newest_first = |items: &[Value]| {
        let listed = items.iter().filter_map(|item| item.get("orderId")?.as_str());
        orders.iter().rev().map(|order| order.id.as_str()).eq(listed)
    };
    let items = wait(shop, &filter, newest_first)?;
    ensure!(items.iter().all(|item| is(item, "paymentStatus", "NOT_STARTED")), "{items:?}");
    let order = orders.get(1).context("three orders")?;
    let authentication = shop.authenticate(order)?;
    shop.come_back(&authentication)?;
    let paid = wait(shop, &format!("{filter}&paymentStatus=SUCCESS"), |items| items.len() == 1)?;
    let paid = paid.first().context("one is paid")?;
    let view = shop.view(&order.id)?;
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
        ensure!(paid.get(name) == view.get(name), "{name}: listed {paid}, viewed {view}");
    }
    ensure!(is(paid, "memberId", &member), "{paid}");
    let unpaid = all(shop, &format!("{filter}&orderStatus=ORDER_COMPLETED"))?;
    ensure!(unpaid.len() == 2, "{unpaid:?}");
    let first = shop.ask(SECRET_KEY, "GET", &format!("/v1/orders?limit=1{filter}"), None)?.expect(200)?;
    ensure!(first.get("nextCursor").is_some_and(Value::is_string), "{first}");
    let others =
        shop.ask("sk_test_other", "GET", &format!("/v1/orders?limit=100{filter}"), None)?.expect(200)?;
    ensure!(others.get("items") == Some(&json!([])), "another merchant sees {others}");
    Ok(())
}

/// Once everything is read, the list is what it was, and stays so.
fn same(shop: &mut Shop, before: &[Value]) -> Result<()> {
    wait(shop, "", |items| items == before)?;
    books::drained(shop, SOON)?;
    wait(shop, "", |items| items == before).map(drop)
}

pub fn is_rebuilt(stack: &mut Stack) -> Result<()> {
    let mut shop = Shop::of(stack);
    for _ in 0..3 {
        let order = shop.buy(&[("A", 1)])?;
        let is_paid = |item: &Value| is(item, "orderId", &order.id) && is(item, "paymentStatus", "SUCCESS");
        wait(&mut shop, "", |items| items.iter().any(is_paid))?;
    }
    books::drained(&mut shop, SOON * 3)?;
    let before = all(&mut shop, "")?;
    ensure!(before.len() >= 3, "{} orders are listed", before.len());
    for consumer in ["wallets", "completion"] {
        let path = format!("/v1/ops/consumers/{consumer}/rebuild");
        let refused = shop.ask(OPERATOR_KEY, "POST", &path, None)?.expect(409)?;
        ensure!(refused.get("code") == Some(&json!("NOT_REBUILDABLE")), "{refused}");
    }
    for _ in 0..2 {
        for times in [1, 3] {
            for _ in 0..times {
                let body = json!({"reason": "to see it come out the same"});
                let path = "/v1/ops/consumers/order-list/rebuild";
                let answer = shop.ask(OPERATOR_KEY, "POST", path, Some(&body))?.expect(200)?;
                let items = answer.get("items").and_then(Value::as_array).context("no items")?;
                ensure!(
                    !items.is_empty() && items.iter().all(|item| is(item, "consumer", "order-list")),
                    "{answer}"
                );
            }
            same(&mut shop, &before)?;
        }
        // And in the middle of it the process ends.
        shop.ask(OPERATOR_KEY, "POST", "/v1/ops/consumers/order-list/rebuild", None)?.expect(200)?;
        stack.kill_workerd()?;
        shop = Shop::of(stack);
        same(&mut shop, &before)?;
    }
    let balance = shop.operate("ledger/trial-balance")?;
    ensure!(balance.get("unexplained") == Some(&json!(0)), "{balance}");
    Ok(())
}
