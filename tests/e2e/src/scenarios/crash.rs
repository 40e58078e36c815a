//! workerd is killed without warning, twice, while 200 orders are being paid.

use anyhow::{Result, ensure};
use gyesan_e2e::books::{drained, explained};
use gyesan_e2e::shop::{Order, SECRET_KEY, Shop, new_order_id};
use gyesan_e2e::stack::Stack;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const ORDERS: usize = 200;
const BUYERS: usize = 8;
/// How many orders have been begun when workerd is killed.
const KILLS_AT: [usize; 2] = [60, 140];
const SERVING_AGAIN: Duration = Duration::from_secs(5);
const PAID_AGAIN: Duration = Duration::from_secs(30);
const EXPLAINED_WITHIN: Duration = Duration::from_secs(10);

/// What the world outside knows when the dust has settled.
#[derive(Default)]
struct Acknowledged {
    placed: Vec<Order>,
    /// Orders whose view said SUCCESS.
    paid: Vec<String>,
    /// Orders that nothing was heard of after the first attempt.
    silent: usize,
}

pub fn killed_while_paying(stack: &mut Stack) -> Result<()> {
    // Toss takes a moment, so that many confirmations are under way at any time.
    let shop = &mut Shop::of(stack);
    shop.emulate(
        "faults",
        &json!({"path": "/v1/payments/confirm", "mode": "delay", "delayMs": 40, "forever": true}),
    )?;
    let before = wallets(shop)?;
    let known = Mutex::new(Acknowledged::default());
    let begun = AtomicUsize::new(0);
    let (origin, emulator) = (stack.origin.clone(), stack.emulator.clone());
    let down = std::thread::scope(|scope| {
        for _ in 0..BUYERS {
            scope.spawn(|| {
                let mut shop = Shop::at(&origin, &emulator);
                while begun.fetch_add(1, Ordering::Relaxed) < ORDERS {
                    pay(&mut shop, &known);
                }
            });
        }
        let mut longest = Duration::ZERO;
        for kill_at in KILLS_AT {
            while begun.load(Ordering::Relaxed) < kill_at {
                std::thread::sleep(Duration::from_millis(2));
            }
            longest = longest.max(stack.kill_workerd()?);
        }
        anyhow::Ok(longest)
    })?;
    ensure!(down <= SERVING_AGAIN, "serving again after {down:?}");
    let back = Instant::now();
    let shop = &mut Shop::of(stack);
    shop.emulator.send("DELETE", "/__emulator/faults", &[], None)?.expect(200)?;
    let known = known.into_inner().map_err(|_| anyhow::anyhow!("a buyer panicked"))?;
    ensure!(known.silent > 0, "the kill met nobody: all {ORDERS} orders went through");

    let mut sold: BTreeMap<&str, i64> = BTreeMap::new();
    let mut charged_orders = 0;
    for order in &known.placed {
        let (charged, times) = shop.charged(&order.id)?;
        if charged == 0 {
            let view = shop.view(&order.id)?;
            ensure!(view.get("paymentStatus") != Some(&json!("SUCCESS")), "paid without a charge: {view}");
            continue;
        }
        ensure!(
            (charged, times) == (order.amount, 1),
            "{} was charged {charged} won in {times} charges",
            order.id
        );
        let rest = PAID_AGAIN.saturating_sub(back.elapsed());
        shop.wait(&order.id, rest, |view| {
            view.get("paymentStatus") == Some(&json!("SUCCESS"))
                && view.get("isWalletDone") == Some(&json!(true))
        })?;
        charged_orders += 1;
        *sold.entry("A").or_default() += 1_000;
        *sold.entry("B").or_default() += 4_500;
    }
    for id in &known.paid {
        let view = shop.view(id)?;
        ensure!(
            view.get("paymentStatus") == Some(&json!("SUCCESS")),
            "an acknowledged payment was lost: {view}"
        );
    }
    let after = wallets(shop)?;
    for (seller, amount) in &sold {
        let grown = after.get(*seller).unwrap_or(&0) - before.get(*seller).unwrap_or(&0);
        ensure!(grown == *amount, "the wallet of {seller} grew by {grown}, not {amount}");
    }
    println!(
        "     {} orders placed, {charged_orders} charged, {} in doubt at a kill; serving after {:.2} s, all paid after {:.2} s",
        known.placed.len(),
        known.silent,
        down.as_secs_f64(),
        back.elapsed().as_secs_f64()
    );
    explained(shop, EXPLAINED_WITHIN)
}

/// Places and pays one order; what fails because the server is gone is noted and, like a browser's request, not repeated.
fn pay(shop: &mut Shop, known: &Mutex<Acknowledged>) {
    let id = new_order_id();
    let since = Instant::now();
    // The widget repeats the PUT on a bad network.
    let order = loop {
        match shop.place_as(&id, &[("A", 1), ("D", 1)]) {
            Ok(order) => break order,
            Err(_) if since.elapsed() < PAID_AGAIN => std::thread::sleep(Duration::from_millis(100)),
            Err(_) => return,
        }
    };
    if let Ok(mut known) = known.lock() {
        known.placed.push(order.clone());
    }
    let came_back = shop.authenticate(&order).and_then(|authentication| shop.come_back(&authentication));
    let paid = came_back.and_then(|_| shop.view(&order.id));
    if let Ok(mut known) = known.lock() {
        match paid {
            Ok(view) if view.get("paymentStatus") == Some(&json!("SUCCESS")) => known.paid.push(order.id),
            _ => known.silent += 1,
        }
    }
}

fn wallets(shop: &mut Shop) -> Result<BTreeMap<&'static str, i64>> {
    let mut balances = BTreeMap::new();
    for seller in ["A", "B"] {
        let answer = shop.ask(SECRET_KEY, "GET", &format!("/v1/wallets/{seller}"), None)?;
        let wallet = if answer.status == 404 { Value::Null } else { answer.expect(200)? };
        balances.insert(seller, wallet.get("balance").and_then(Value::as_i64).unwrap_or(0));
    }
    Ok(balances)
}

pub fn every_won_is_explained(stack: &mut Stack) -> Result<()> {
    let shop = &mut Shop::of(stack);
    explained(shop, EXPLAINED_WITHIN)?;
    drained(shop, EXPLAINED_WITHIN).map(drop)
}
