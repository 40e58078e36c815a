//! A topic that is not what it was: nothing is guessed, publishing stops with a sentence, and selling goes on.

use super::Shopping;
use anyhow::{Context, Result, ensure};
use gyesan_e2e::broker::Broker;
use gyesan_e2e::interop::administer;
use gyesan_e2e::selling::logged;
use gyesan_e2e::shop::Shop;
use gyesan_e2e::stack::Stack;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const MEANWHILE: Duration = Duration::from_secs(2);
const PAID_WITHIN: Duration = Duration::from_secs(5);

/// Something is done to a topic under way; the relay and the readers say which and why, and stop.
fn stops(
    state: &Path,
    topic: &str,
    consumer: &str,
    deed: impl FnOnce(&mut Stack, &mut Broker) -> Result<()>,
) -> Result<()> {
    let mut shopping = Shopping::begin(state)?;
    shopping.while_buying(|stack, broker| {
        deed(stack, broker)?;
        logged(stack, "alert.relay-stopped", topic)?;
        logged(stack, "alert.consumer-stopped", consumer)?;
        std::thread::sleep(MEANWHILE);
        Ok(())
    })?;
    let shop = &mut shopping.shop();
    let outbox = shop.operate("outbox")?;
    ensure!(
        outbox.to_string().contains(topic),
        "the operator is not told that {topic} stands still: {outbox}"
    );
    let consumers = shop.operate("consumers")?;
    let stopped = consumers.get("items").and_then(Value::as_array).into_iter().flatten().any(|item| {
        let reason = item.get("stopReason").map(Value::to_string).unwrap_or_default();
        item.get("consumer") == Some(&json!(consumer))
            && item.get("stopped") == Some(&json!(true))
            && (reason.contains("partitions") || reason.contains("changed"))
    });
    ensure!(stopped, "the operator is not told that {consumer} has stopped: {consumers}");
    sells(shop)
}

/// An order is paid, whatever becomes of its events.
fn sells(shop: &mut Shop) -> Result<()> {
    let order = shop.buy(&[("A", 1)]).context("nothing is sold any more")?;
    shop.wait_for_status(&order.id, "SUCCESS", PAID_WITHIN).map(drop)
}

pub fn more_partitions(state: &Path) -> Result<()> {
    stops(state, "gyesan.ledger", "completion", |stack, broker| {
        administer(&broker.address(), &["partitions", "gyesan.ledger", "4"])?;
        // Keys go where they went until somebody looks again: after five minutes, or at a start.
        stack.kill_workerd().map(drop)
    })
}

pub fn deleted_topic(state: &Path) -> Result<()> {
    stops(state, "gyesan.orders", "wallets", |stack, broker| {
        administer(&broker.address(), &["delete-topic", "gyesan.orders"])?;
        logged(stack, "relay.topic-unavailable", "gyesan.orders")?;
        administer(&broker.address(), &["create-topic", "gyesan.orders", "2", "1"]).map(drop)
    })
}
