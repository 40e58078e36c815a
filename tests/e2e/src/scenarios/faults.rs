//! One fault on the confirmation each, and what must come of it within which time.

use anyhow::{Context, Result, bail, ensure};
use gyesan_e2e::shop::{Authentication, OPERATOR_KEY, Order, Shop};
use gyesan_e2e::stack::Stack;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// What the contract calls "at once", with room for two busy cores.
const AT_ONCE: Duration = Duration::from_secs(3);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn order_with(shop: &mut Shop, fault: &Value) -> Result<(Order, Authentication)> {
    let order = shop.place(&[("A", 2), ("D", 1)])?;
    shop.fault(&order, fault)?;
    let authentication = shop.authenticate(&order)?;
    Ok((order, authentication))
}

/// The buyer comes back, and the order must be paid with one charge.
fn is_paid_once(shop: &mut Shop, fault: &Value, limit: Duration) -> Result<Order> {
    let (order, authentication) = order_with(shop, fault)?;
    shop.come_back(&authentication)?;
    shop.wait_for_status(&order.id, "SUCCESS", limit)?;
    charged_once(shop, &order)?;
    Ok(order)
}

/// The order's amount was charged, once.
pub fn charged_once(shop: &mut Shop, order: &Order) -> Result<()> {
    let charged = shop.charged(&order.id)?;
    ensure!(charged == (order.amount, 1), "charged {charged:?}, not {} once", order.amount);
    Ok(())
}

fn idempotency_keys(shop: &mut Shop, order: &Order) -> Result<Vec<String>> {
    let key = |entry: &Value| entry.get("idempotencyKey").and_then(Value::as_str).map(str::to_owned);
    let confirmations = shop.confirmations(&order.id)?;
    confirmations.iter().map(|entry| key(entry).context("a confirmation without a key")).collect()
}

pub fn slow_and_hung_up(shop: &mut Shop) -> Result<()> {
    let (order, authentication) = order_with(shop, &json!({"mode": "delay", "delayMs": 5000}))?;
    let mut buyer =
        Shop { worker: shop.worker.sibling(seconds(1)), emulator: shop.emulator.sibling(seconds(1)) };
    ensure!(buyer.come_back(&authentication).is_err(), "the buyer was answered within 1 s");
    shop.wait_for_status(&order.id, "SUCCESS", seconds(7))?;
    charged_once(shop, &order)
}

pub fn dropped_before(shop: &mut Shop) -> Result<()> {
    let order = is_paid_once(shop, &json!({"mode": "drop_before"}), seconds(10))?;
    let keys = idempotency_keys(shop, &order)?;
    ensure!(keys.len() == 2, "{} confirmations, not 2", keys.len());
    ensure!(keys.iter().collect::<BTreeSet<_>>().len() == 1, "the key changed: {keys:?}");
    Ok(())
}

pub fn dropped_after(shop: &mut Shop) -> Result<()> {
    is_paid_once(shop, &json!({"mode": "drop_after"}), seconds(10)).map(drop)
}

pub fn approved_and_500(shop: &mut Shop) -> Result<()> {
    let fault = json!({"mode": "status", "status": 500, "body": "", "effect": true});
    is_paid_once(shop, &fault, seconds(10)).map(drop)
}

pub fn approved_and_garbage(shop: &mut Shop) -> Result<()> {
    is_paid_once(shop, &json!({"mode": "garbage"}), seconds(10)).map(drop)
}

pub fn slow_body(shop: &mut Shop) -> Result<()> {
    is_paid_once(shop, &json!({"mode": "slow_body", "delayMs": 90_000}), seconds(75)).map(drop)
}

pub fn provider_error_twice(shop: &mut Shop) -> Result<()> {
    let fault = json!({"mode": "status", "code": "PROVIDER_ERROR", "times": 2});
    let order = is_paid_once(shop, &fault, seconds(20))?;
    let keys = idempotency_keys(shop, &order)?;
    ensure!(keys.len() == 3, "{} confirmations, not 3", keys.len());
    ensure!(keys.iter().collect::<BTreeSet<_>>().len() == 3, "a key was used again: {keys:?}");
    Ok(())
}

/// The first payment fails and the order stays payable: a second authentication pays it.
fn fails_and_is_paid_again(shop: &mut Shop, code: &str) -> Result<()> {
    let (order, authentication) = order_with(shop, &json!({"mode": "status", "code": code}))?;
    shop.come_back(&authentication)?;
    let view = shop.wait_for_status(&order.id, "FAILURE", AT_ONCE)?;
    let said = view.pointer("/failure/pspCode").and_then(Value::as_str);
    ensure!(said == Some(code), "the failure is not {code}: {view}");
    ensure!(view.pointer("/failure/retryable") == Some(&json!(true)), "not retryable: {view}");
    ensure!(shop.charged(&order.id)?.0 == 0, "charged for a failure");
    let second = shop.authenticate(&order)?;
    shop.come_back(&second)?;
    shop.wait_for_status(&order.id, "SUCCESS", AT_ONCE)?;
    charged_once(shop, &order)
}

pub fn refused_card(shop: &mut Shop) -> Result<()> {
    fails_and_is_paid_again(shop, "REJECT_CARD_PAYMENT")
}

pub fn lost_session(shop: &mut Shop) -> Result<()> {
    fails_and_is_paid_again(shop, "NOT_FOUND_PAYMENT_SESSION")
}

pub fn wrong_key(shop: &mut Shop) -> Result<()> {
    let (order, authentication) = order_with(shop, &json!({"mode": "status", "code": "UNAUTHORIZED_KEY"}))?;
    shop.come_back(&authentication)?;
    shop.wait_for_status(&order.id, "FAILURE", AT_ONCE)?;
    ensure!(shop.charged(&order.id)?.0 == 0, "charged for a failure");
    let unresolved = shop.operate("unresolved")?.to_string();
    ensure!(unresolved.contains(&order.id), "no operator was called: {unresolved}");
    Ok(())
}

/// The emulator's clock is moved past the window, so nobody else may be paying.
pub fn nothing_but_500(stack: &mut Stack) -> Result<()> {
    let shop = &mut Shop::of(stack);
    let fault = json!({"mode": "status", "status": 500, "body": "", "forever": true});
    let (order, authentication) = order_with(shop, &fault)?;
    shop.come_back(&authentication)?;
    shop.wait_for_status(&order.id, "UNKNOWN", seconds(15))?;
    let early = shop.wait_for_status(&order.id, "FAILURE", seconds(10));
    ensure!(early.is_err(), "called a failure without evidence: {early:?}");
    shop.emulate("clock", &json!({"advanceMs": 11 * 60_000}))?;
    let view = 'evidence: {
        for _ in 0..30 {
            let recheck = format!("/v1/ops/orders/{}/recheck", order.id);
            let answer = shop.ask(OPERATOR_KEY, "POST", &recheck, None)?;
            ensure!(answer.status < 300, "recheck answered HTTP {}", answer.status);
            if let Ok(view) = shop.wait_for_status(&order.id, "FAILURE", seconds(2)) {
                break 'evidence view;
            }
        }
        bail!("no failure after the window: {}", shop.view(&order.id)?);
    };
    ensure!(shop.charged(&order.id)?.0 == 0, "charged for a failure: {view}");
    shop.emulate("clock", &json!({"advanceMs": -11 * 60_000})).map(drop)
}
