//! A broker that is down, silent, full or short of replicas: a matter of waiting.

use super::Shopping;
use anyhow::{Result, bail, ensure};
use gyesan_e2e::broker::{Broker, End};
use gyesan_e2e::interop::administer;
use gyesan_e2e::selling::logged;
use gyesan_e2e::shop::Shop;
use gyesan_e2e::stack::Stack;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

const DOWN: Duration = Duration::from_secs(15);
const SILENT: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_secs(5);
/// Lines that the worker may log while Kafka is away, however long that is.
const LINES_MAX: usize = 40;
/// What a backlog may add to the memory of everything that runs, in bytes.
const MEMORY_MAX: u64 = 150 << 20;

pub fn tools(state: &Path) -> Result<()> {
    let shopping = Shopping::begin(state)?;
    let since = Instant::now();
    for (group, topic) in [
        ("gyesan-wallets", "gyesan.orders"),
        ("gyesan-completion", "gyesan.ledger"),
        ("gyesan-order-list", "gyesan.orders"),
    ] {
        loop {
            // A coordinator that is still loading answers with an error.
            let lag = administer(&shopping.broker.address(), &["lag", group]).unwrap_or_default();
            let places: Vec<(&String, &Value)> = lag.as_object().into_iter().flatten().collect();
            // A partition that no key has fallen into has no position.
            let read = !places.is_empty()
                && places.iter().all(|(place, at)| {
                    place.starts_with(topic)
                        && at.get("lag") == Some(&json!(0))
                        && at.get("committed").and_then(Value::as_i64) > Some(0)
                });
            if read {
                break;
            }
            if since.elapsed() > Duration::from_secs(20) {
                bail!("{group} is seen at {lag}");
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    shopping.end()
}

/// Buyers buy while Kafka is in trouble; then it is well again, and the backlog drains.
fn through_trouble(
    mut shopping: Shopping,
    trouble: impl FnOnce(&Stack, &mut Broker) -> Result<()>,
    cure: impl FnOnce(&mut Broker) -> Result<()>,
) -> Result<()> {
    let memory_before = shopping.stack.resident_bytes();
    let lines_before = shopping.stack.lines_logged();
    let (bought, (backlog, lines, memory)) = shopping.while_buying(|stack, broker| {
        trouble(stack, broker)?;
        let backlog = backlog(stack)?;
        let lines = stack.lines_logged() - lines_before;
        let memory = stack.resident_bytes();
        cure(broker)?;
        Ok((backlog, lines, memory))
    })?;
    let grown = memory.saturating_sub(memory_before);
    ensure!(lines <= LINES_MAX, "{lines} lines were logged about it");
    ensure!(grown <= MEMORY_MAX, "the backlog took {} MB of memory", grown >> 20);
    let took = shopping.settle(&bought)?;
    println!(
        "     {} orders meanwhile, slowest answer {} ms; {backlog} events waited, drained {:.1} s after the last order; \
         {lines} lines logged; memory {} → {} MB",
        bought.placed.len(),
        bought.slowest.as_millis(),
        took.as_secs_f64(),
        memory_before >> 20,
        memory >> 20
    );
    shopping.end()
}

/// The events that Kafka does not have while it is in trouble: there must be some, and the operator is told how old they are.
fn backlog(stack: &Stack) -> Result<u64> {
    let outbox = Shop::of(stack).operate("outbox")?;
    let number = |value: &Value, name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
    let shards = outbox.get("shards").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let committed: u64 = shards.iter().map(|shard| number(shard, "end")).sum();
    let waiting = committed.saturating_sub(number(&outbox, "published"));
    ensure!(waiting > 20, "nothing waits for Kafka: {outbox}");
    ensure!(number(&outbox, "oldestPendingMs") > 1_000, "the oldest waiting event is too young: {outbox}");
    ensure!(number(&outbox, "inFlightBatches") > 0, "nothing is in flight: {outbox}");
    Ok(waiting)
}

pub fn down(state: &Path) -> Result<()> {
    let trouble = |stack: &Stack, broker: &mut Broker| {
        broker.end(End::Killed)?;
        logged(stack, "relay.link-broken", "closed")?;
        std::thread::sleep(DOWN);
        Ok(())
    };
    through_trouble(Shopping::begin(state)?, trouble, Broker::resume)
}

pub fn silent(state: &Path) -> Result<()> {
    let trouble = |stack: &Stack, broker: &mut Broker| {
        broker.freeze(true)?;
        std::thread::sleep(SILENT);
        logged(stack, "relay.link-broken", "in time").map(drop)
    };
    through_trouble(Shopping::begin(state)?, trouble, |broker| broker.freeze(false))
}

/// Two brokers, both of which must have an event before it is acknowledged; one of them goes, and comes back.
pub fn too_few_replicas(state: &Path) -> Result<()> {
    let both = ["--topic", "unused:1", "--property", "min.insync.replicas=2"].map(str::to_owned);
    let first = Broker::start(&state.join("broker"), &both)?;
    let mut second = Broker::new(&state.join("second"), &both)?;
    second.resume_with(&format!(
        "--property node.id=2 --property process.roles=broker --property listeners=PLAINTEXT://{} \
         --property controller.quorum.voters=1@127.0.0.1:{}",
        second.address(),
        first.port + 1
    ))?;
    for topic in ["gyesan.orders", "gyesan.orders.dlt", "gyesan.ledger", "gyesan.ledger.dlt"] {
        administer(&first.address(), &["create-topic", topic, "2", "2"])?;
    }
    let second = RefCell::new(second);
    let trouble = |stack: &Stack, _: &mut Broker| {
        second.borrow_mut().end(End::Killed)?;
        std::thread::sleep(DOWN);
        logged(stack, "relay.postponed", "NOT_ENOUGH_REPLICAS").map(drop)
    };
    through_trouble(Shopping::begin_on(first, state)?, trouble, |_| second.borrow_mut().resume())
}

/// A broker whose only disk is full ends itself; it is started again when there is room.
pub fn full_disk(state: &Path) -> Result<()> {
    let trouble = |_: &Stack, broker: &mut Broker| {
        broker.fill_disk(broker.largest_file("gyesan.orders"))?;
        ensure!(broker.ends_within(Duration::from_secs(30)), "the broker lives without a disk");
        std::thread::sleep(SHORT);
        Ok(())
    };
    through_trouble(Shopping::begin(state)?, trouble, Broker::resume)
}
