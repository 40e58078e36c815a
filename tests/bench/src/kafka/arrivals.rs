//! Events under a steady load, as they reach somebody else's consumer.

use super::rig::Rig;
use crate::buyers::{Buyers, Cart};
use crate::distribution::Distribution;
use crate::{load, measure, say};
use anyhow::{Context, Result, ensure};
use gyesan_core::event::{LEDGER_TOPIC, ORDERS_TOPIC};
use gyesan_e2e::interop::script;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::Duration;

/// Orders placed and paid each second; each makes [`TYPES`], which is 500 events a second.
const ORDERS_PER_SECOND: u32 = 167;
/// What an order of one seller that is placed and paid makes.
const TYPES: [&str; 3] = ["order.placed", "payment.confirmed", "wallet.credited"];
const CONNECTIONS: usize = 16;

/// What was seen.
pub struct Arrivals {
    /// Events a second.
    pub rate: f64,
    /// From `ce_time` to the arrival at the consumer.
    pub latency: Distribution,
}

/// 1. Buyers, and a consumer of librdkafka at the ends of the topics.
/// 2. Orders placed and paid at a fixed rate.
/// 3. Each of their events has come once, and nothing else.
///
/// # Errors
/// When something fails or another number of events has come.
pub fn measure(rig: &Rig, buyers: &Buyers, orders: usize) -> Result<Arrivals> {
    // 1.
    let authenticated = buyers.authenticated(orders, Cart::OneSeller)?;
    let expected = orders * TYPES.len();
    let mut command = script("time_arrivals.py");
    command.args([&rig.brokers, &expected.to_string(), ORDERS_TOPIC, LEDGER_TOPIC]);
    let mut consumer = command.stdout(Stdio::piped()).spawn().context("Python cannot be run")?;
    let mut said = BufReader::new(consumer.stdout.take().context("the consumer has no output")?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    ensure!(line == "ready\n", "the consumer says {line:?}");
    // 2.
    let load = load::open(
        ORDERS_PER_SECOND,
        CONNECTIONS,
        &authenticated,
        || buyers.to_worker(),
        |client, buyer| measure::place_and_pay(buyers, client, buyer),
    );
    // 3.
    let mut found = String::new();
    said.read_to_string(&mut found)?;
    consumer.wait()?;
    let load = load?;
    let found: Value = serde_json::from_str(&found).context("the consumer has failed")?;
    let number = |pointer: &str| found.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let types = found.get("types").context("no types")?;
    ensure!(
        number("/read") == expected as u64,
        "{} events instead of {expected} came: {types}",
        number("/read")
    );
    for name in TYPES {
        let distinct = types.get(name).and_then(Value::as_u64);
        ensure!(distinct == Some(orders as u64), "{name}: {types}, and there are {orders} orders");
    }
    let milliseconds = found.get("milliseconds").and_then(Value::as_array).context("no times")?;
    let durations: Vec<Duration> =
        milliseconds.iter().filter_map(|ms| Duration::try_from_secs_f64(ms.as_f64()? / 1e3).ok()).collect();
    ensure!(durations.len() == expected, "events came before they happened");
    let latency = Distribution::of(durations);
    let rate = expected as f64 / load.took.as_secs_f64();
    let (p50, p99) = (latency.p50_ms(), latency.p99_ms());
    say(&format!("  committed → at a consumer, {rate:.0} events/s: p50 {p50:.2} ms, p99 {p99:.2} ms"));
    Ok(Arrivals { rate, latency })
}
