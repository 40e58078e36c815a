//! `--kafka`: what Kafka between the shards and their readers costs, and what it can carry. One broker, one run.
//!
//! The broker, librdkafka (by Python) and the stack share the machine. librdkafka publishes while the stack is stopped, and the stack
//! while nothing else is asked of it; the rest is measured under load, as without Kafka.

mod arrivals;
mod credits;
mod drain;
mod ready;
mod rig;
mod seeds;
mod shards;
mod table;
mod watch;

use crate::buyers::{Buyers, Cart};
use crate::measure::{self, CONNECTIONS, DRAIN_LIMIT, Paid};
use crate::{UNLIMITED, machine, say};
use anyhow::{Context, Result, ensure};
use arrivals::Arrivals;
use credits::Credits;
use drain::Drain;
use gyesan_core::time::Timestamp;
use gyesan_e2e::interop;
use gyesan_e2e::shop::Shop;
use gyesan_e2e::stack::Stack;
use ready::Ready;
use rig::Rig;
use seeds::Seeder;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use watch::Backlog;

/// How much of each.
struct Sizes {
    paid: usize,
    credited: usize,
    arriving: usize,
    drained: u64,
    consumed: u64,
    rounds: u32,
}

const WHOLE: Sizes =
    Sizes { paid: 3_000, credited: 1_000, arriving: 1_670, drained: 1_000_000, consumed: 30_000, rounds: 3 };
const QUICK: Sizes =
    Sizes { paid: 750, credited: 300, arriving: 500, drained: 100_000, consumed: 5_000, rounds: 1 };

/// Everything that was measured.
struct Report {
    ready: Ready,
    embedded: Loads,
    kafka: Loads,
    arrivals: Arrivals,
    drain: Drain,
    consumer: Backlog,
    /// Of everything that runs after the load, Kafka's broker left out, in bytes by name.
    resident: Vec<(String, u64)>,
    /// What is in the topics, beside what the shards have committed.
    topics: interop::Topics,
    rounds: u32,
    load_before: String,
    quick: bool,
}

/// What is measured with Kafka and without.
struct Loads {
    paid: Paid,
    credits: Credits,
}

/// 1. Without Kafka: orders placed and paid, and credited.
/// 2. Kafka's start; then with Kafka: the same, and events on their way to others; the books.
/// 3. Backlogs.
/// 4. Another client reads everything.
///
/// # Errors
/// When something fails, is lost, or is there twice.
pub fn run(folder: &Path, quick: bool) -> Result<String> {
    let load_before = machine::load_average();
    let sizes = if quick { QUICK } else { WHOLE };
    // 1.
    say("without Kafka");
    let embedded = {
        let stack = Stack::start(folder, &UNLIMITED)?;
        loads(&stack, &Buyers::of(&stack), &sizes)?
    };
    // 2.
    say("starting Kafka, and a stack on it");
    let ready = ready::measure(folder)?;
    let rig = Rig::start(folder)?;
    let stack = rig.fresh()?;
    let buyers = Buyers::of(&stack);
    let kafka = loads(&stack, &buyers, &sizes)?;
    let arrivals = measure::best(
        || arrivals::measure(&rig, &buyers, sizes.arriving),
        |arrivals| -arrivals.latency.p50_ms(),
    )?;
    let books = Shop::of(&stack).operate("ledger/trial-balance")?;
    let unexplained = books.get("unexplained").and_then(serde_json::Value::as_i64);
    ensure!(unexplained == Some(0), "the books do not add up: {books}");
    let resident = stack.pids.iter().filter_map(|pid| machine::resident(*pid)).collect();
    drop(stack);
    // 3.
    drain::prepare(&rig)?;
    let order_shards = u32::try_from(rig.shards()?.orders().len())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    let mut seeder = Seeder::new(order_shards, Timestamp(i64::try_from(now.as_millis())?));
    say(&format!("a backlog of {} payments to credit", sizes.consumed));
    let consumer =
        measure::best_of(sizes.rounds, || drain::consumer(&rig, &mut seeder, sizes.consumed), Backlog::rate)?;
    say(&format!("a backlog of {} events to publish", sizes.drained));
    let rounds: Result<Vec<Drain>> =
        (0..sizes.rounds).map(|_| drain::relay(&rig, &mut seeder, sizes.drained)).collect();
    let drain = Drain::best(rounds?).context("no rounds")?;
    // 4.
    say("another client reads everything");
    let topics = interop::read_topics(&rig.brokers, &rig.state)?;
    ensure!(topics.are_exact() && topics.events > sizes.drained, "{topics}");
    let report = Report {
        ready,
        embedded,
        kafka,
        arrivals,
        drain,
        consumer,
        resident,
        topics,
        rounds: sizes.rounds,
        load_before,
        quick,
    };
    Ok(table::markdown(&report))
}

fn loads(stack: &Stack, buyers: &Buyers, sizes: &Sizes) -> Result<Loads> {
    let paid = paid(stack, buyers, sizes.paid)?;
    let credits = measure::best(
        || credits::measure(stack, buyers, sizes.credited),
        |credits| -credits.credited.p50_ms(),
    )?;
    let (p50, p99) = (credits.credited.p50_ms(), credits.credited.p99_ms());
    say(&format!("  credited at {:.0}/s: p50 {p50:.2} ms, p99 {p99:.2} ms", credits.rate));
    Ok(Loads { paid, credits })
}

/// Orders placed and paid at 32 connections, after some that warm up; all of them must be credited.
fn paid(stack: &Stack, buyers: &Buyers, count: usize) -> Result<Paid> {
    let mut shop = Shop::of(stack);
    let before = measure::wallet_version(&mut shop)?;
    measure::pay(stack, buyers, CONNECTIONS, count / 3, Cart::OneSeller)?;
    let pay = || measure::pay(stack, buyers, CONNECTIONS, count, Cart::OneSeller);
    let mut done = count / 3;
    let counted = || pay().inspect(|paid| done += paid.load.done);
    let paid = measure::best(counted, |paid| paid.load.rate())?;
    let (since, wanted) = (Instant::now(), before + done as u64);
    loop {
        let version = measure::wallet_version(&mut shop)?;
        if version == wanted {
            break;
        }
        ensure!(version < wanted && since.elapsed() < DRAIN_LIMIT, "{version} of {wanted} credits are made");
        std::thread::sleep(Duration::from_millis(5));
    }
    let (rate, processor_ms) = (paid.load.rate(), paid.processor_ms);
    say(&format!("  paid: {rate:.0}/s at {CONNECTIONS} connections, {processor_ms:.2} ms of workerd each"));
    Ok(paid)
}
