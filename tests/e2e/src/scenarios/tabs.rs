//! Two tabs: two authentications of one order, with a fault on the confirmation of the first.

use super::faults::charged_once;
use anyhow::{Result, ensure};
use gyesan_e2e::shop::Shop;
use serde_json::{Value, json};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// Both buyers come back at nearly the same time, the faulty one first. One charge, whoever it is; the order says so.
fn one_charge(shop: &mut Shop, fault: &Value) -> Result<String> {
    let order = shop.place(&[("B", 3)])?;
    let first = shop.authenticate(&order)?;
    let second = shop.authenticate(&order)?;
    let mut fault = fault.clone();
    if let Some(fields) = fault.as_object_mut() {
        fields.insert("paymentKey".to_owned(), json!(first.payment_key));
    }
    shop.fault(&order, &fault)?;
    // One tab's request is cut off after a moment; what it began goes on while the other tab comes back.
    let mut tab = Shop {
        worker: shop.worker.sibling(Duration::from_millis(150)),
        emulator: shop.emulator.sibling(LIMIT),
    };
    let _ = tab.come_back(&first);
    shop.come_back(&second)?;
    let view = shop.wait_for_status(&order.id, "SUCCESS", LIMIT)?;
    std::thread::sleep(Duration::from_millis(500));
    charged_once(shop, &order)?;
    let paid_by = view.get("paymentKey").and_then(Value::as_str).unwrap_or_default().to_owned();
    let done = shop.payments(&order.id)?.into_iter().find(|p| p.get("approvals").is_some_and(|n| n != 0));
    let charged = done.and_then(|p| p.get("paymentKey").and_then(Value::as_str).map(str::to_owned));
    ensure!(charged.as_deref() == Some(&paid_by), "the order says {paid_by}, the charge is {charged:?}");
    Ok(if paid_by == second.payment_key { "second".to_owned() } else { "first".to_owned() })
}

/// The first is refused for good, so the second has to pay.
fn the_second_pays(shop: &mut Shop, code: &str) -> Result<()> {
    let who = one_charge(shop, &json!({"mode": "status", "code": code, "delayMs": 1000}))?;
    ensure!(who == "second", "the refused authentication paid");
    Ok(())
}

pub fn dropped_before(shop: &mut Shop) -> Result<()> {
    one_charge(shop, &json!({"mode": "drop_before", "delayMs": 300})).map(drop)
}

pub fn dropped_after(shop: &mut Shop) -> Result<()> {
    one_charge(shop, &json!({"mode": "drop_after"})).map(drop)
}

pub fn approved_and_500(shop: &mut Shop) -> Result<()> {
    one_charge(shop, &json!({"mode": "status", "status": 500, "body": "", "effect": true})).map(drop)
}

pub fn approved_and_garbage(shop: &mut Shop) -> Result<()> {
    one_charge(shop, &json!({"mode": "garbage"})).map(drop)
}

pub fn slow(shop: &mut Shop) -> Result<()> {
    one_charge(shop, &json!({"mode": "delay", "delayMs": 3000})).map(drop)
}

pub fn provider_error(shop: &mut Shop) -> Result<()> {
    one_charge(shop, &json!({"mode": "status", "code": "PROVIDER_ERROR", "times": 2})).map(drop)
}

pub fn refused_card(shop: &mut Shop) -> Result<()> {
    the_second_pays(shop, "REJECT_CARD_PAYMENT")
}

pub fn lost_session(shop: &mut Shop) -> Result<()> {
    the_second_pays(shop, "NOT_FOUND_PAYMENT_SESSION")
}
