//! One sale through Kafka and what becomes of it: for scenarios in which something stands between the shop and its topics.

use crate::books::{drained, explained};
use crate::interop::Topics;
use crate::shop::{Order, Shop};
use crate::stack::Stack;
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PAID_WITHIN: Duration = Duration::from_secs(3);
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
const NOTICED_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

/// A buyer buys, and is not kept waiting by a broker or a registry.
///
/// # Errors
/// When the order is not paid at once.
pub fn sell(stack: &Stack) -> Result<Order> {
    let shop = &mut Shop::of(stack);
    let order = shop.buy(&[("A", 1), ("D", 1)])?;
    shop.wait_for_status(&order.id, "SUCCESS", PAID_WITHIN)?;
    Ok(order)
}

/// The order's sellers are credited.
///
/// # Errors
/// When they are not within a minute.
pub fn credited(stack: &Stack, order: &Order) -> Result<()> {
    let done = |view: &Value| view.get("isWalletDone") == Some(&json!(true));
    Shop::of(stack).wait(&order.id, SETTLED_WITHIN, done).map(drop)
}

/// How many events Kafka has acknowledged.
///
/// # Errors
/// When the operator is not answered.
pub fn published(stack: &Stack) -> Result<Option<u64>> {
    Ok(Shop::of(stack).operate("outbox")?.get("published").and_then(Value::as_u64))
}

/// Waits until the worker has logged `fact` with `words` in its detail; the last such detail, which is shown.
///
/// # Errors
/// When nobody has within half a minute.
pub fn logged(stack: &Stack, fact: &str, words: &str) -> Result<String> {
    logged_by(stack, fact, "", words)
}

/// The same of an actor whose name begins with `who`.
///
/// # Errors
/// When it has not within half a minute.
pub fn logged_by(stack: &Stack, fact: &str, who: &str, words: &str) -> Result<String> {
    let since = Instant::now();
    loop {
        let lines = stack.facts(fact);
        let details = lines.iter().filter_map(|line| line.get("detail").and_then(Value::as_str));
        let mut details = details.filter(|detail| detail.starts_with(who) && detail.contains(words));
        if let Some(detail) = details.next_back() {
            println!("     {fact}: {detail}");
            return Ok(detail.to_owned());
        }
        ensure!(
            since.elapsed() < NOTICED_WITHIN,
            "no `{fact}` of `{who}` with `{words}`; there are {lines:?}"
        );
        std::thread::sleep(POLL);
    }
}

/// Everything has arrived and the books agree; the stack is stopped.
///
/// # Errors
/// When it does not within a minute.
pub fn close(stack: Stack) -> Result<()> {
    let shop = &mut Shop::of(&stack);
    drained(shop, SETTLED_WITHIN)?;
    explained(shop, SETTLED_WITHIN)
}

/// Another client has found each committed event exactly once, and no dead letter.
///
/// # Errors
/// When it has found something else.
pub fn found_exactly(topics: &Topics) -> Result<()> {
    println!("     {topics}");
    ensure!(topics.are_exact() && topics.events > 0 && topics.dead_letters == 0, "{topics}");
    Ok(())
}
