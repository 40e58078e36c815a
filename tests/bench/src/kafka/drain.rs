//! How fast relay and consumer work off a backlog, beside librdkafka with the same records on the same broker.

use super::rig::Rig;
use super::seeds::Seeder;
use super::shards::{self, Record};
use super::watch::{Backlog, watch};
use crate::say;
use anyhow::{Context, Result, ensure};
use gyesan_core::event::ORDERS_TOPIC;
use gyesan_e2e::interop::{administer, script};
use gyesan_e2e::stack::Stack;
use gyesan_edge::topology::Subscription;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// Where librdkafka writes.
const BASELINE_TOPIC: &str = "gyesan-bench-librdkafka";
/// A consumer stores how far it has passed over what is not its own once a second.
const POSITION_LIMIT: Duration = Duration::from_secs(10);

/// One round: the same records, published by librdkafka and by the relay.
pub struct Drain {
    /// The relay.
    pub relay: Backlog,
    /// librdkafka with the relay's headers, one call a record, in records a second.
    pub librdkafka: f64,
    /// librdkafka without headers, in lists, in records a second.
    pub librdkafka_lists: f64,
}

impl Drain {
    /// The relay's rate as a part of librdkafka's with the same records.
    pub fn ratio(&self) -> f64 {
        self.relay.rate() / self.librdkafka
    }

    /// The best of the relay beside the best of librdkafka, whichever round they are of: a slow round of one is no merit of
    /// the other.
    pub fn best(rounds: Vec<Drain>) -> Option<Drain> {
        rounds.into_iter().reduce(|best, next| Drain {
            relay: if next.relay.rate() > best.relay.rate() { next.relay } else { best.relay },
            librdkafka: best.librdkafka.max(next.librdkafka),
            librdkafka_lists: best.librdkafka_lists.max(next.librdkafka_lists),
        })
    }
}

/// A topic like the product's for the baseline.
///
/// # Errors
/// When it cannot be made.
pub fn prepare(rig: &Rig) -> Result<()> {
    let partitions = rig.ends(ORDERS_TOPIC)?.len().to_string();
    administer(&rig.brokers, &["create-topic", BASELINE_TOPIC, &partitions, "1"]).map(drop)
}

/// 1. Records are put into the logs of the stopped stack, whose readers of topics are halted: only the relay works.
/// 2. librdkafka publishes them to a topic of its own.
/// 3. The relay publishes them.
/// 4. Each is in its topic once.
///
/// # Errors
/// When something fails, or one of them is missing or there twice.
pub fn relay(rig: &Rig, seeder: &mut Seeder, count: u64) -> Result<Drain> {
    // 1.
    let shards = rig.shards()?;
    shards.pause(Subscription::Wallets, true)?;
    shards.pause(Subscription::Completion, true)?;
    shards.pause(Subscription::OrderList, true)?;
    let places = append(&shards.orders(), &seeder.unresolved(count)?)?;
    // 2.
    let before: u64 = rig.ends(BASELINE_TOPIC)?.iter().sum();
    let output =
        script("produce_librdkafka.py").args([&rig.brokers, BASELINE_TOPIC]).args(places).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let baseline: Value =
        serde_json::from_slice(&output.stdout).with_context(|| format!("librdkafka: {said}"))?;
    ensure!(baseline.get("records").and_then(Value::as_u64) == Some(count), "librdkafka took {baseline}");
    let produced = rig.ends(BASELINE_TOPIC)?.iter().sum::<u64>() - before;
    ensure!(produced == 2 * count, "librdkafka has written {produced} records instead of twice {count}");
    let rate = |name: &str| -> Result<f64> {
        let seconds = baseline.get(name).and_then(Value::as_f64).context("no time of librdkafka")?;
        Ok(count as f64 / seconds)
    };
    // 3.
    let (stack, relay) = watch(shards.acknowledged(), count, || rig.resume())?;
    drop(stack);
    // 4.
    rig.everything_is_published(&shards.committed())?;
    let drain = Drain { relay, librdkafka: rate("withHeaders")?, librdkafka_lists: rate("inLists")? };
    say(&format!(
        "  relay {:.0}/s, {:.1} µs of workerd an event, {:.0} MB at most; librdkafka {:.0}/s, without headers {:.0}/s",
        drain.relay.rate(),
        relay.processor_us,
        relay.resident_max as f64 / 1e6,
        drain.librdkafka,
        drain.librdkafka_lists,
    ));
    Ok(drain)
}

/// 1. Payments are put into the logs and published while the readers of topics are halted.
/// 2. The readers that credit wallets go on, and each payment is credited once.
/// 3. They have read everything, and put nothing aside.
///
/// # Errors
/// When something fails, or a payment is not credited exactly once.
pub fn consumer(rig: &Rig, seeder: &mut Seeder, count: u64) -> Result<Backlog> {
    // 1.
    let shards = rig.shards()?;
    shards.pause(Subscription::Wallets, true)?;
    shards.pause(Subscription::Completion, true)?;
    shards.pause(Subscription::OrderList, true)?;
    append(&shards.orders(), &seeder.confirmed(count)?)?;
    drop(watch(shards.acknowledged(), count, || rig.resume())?);
    rig.everything_is_published(&shards.committed())?;
    // 2.
    shards.pause(Subscription::Wallets, false)?;
    let (stack, credited) = watch(shards.transfers(), count, || rig.resume())?;
    // 3.
    settle(rig, &shards, stack)?;
    say(&format!("  credited {:.0}/s, {:.1} µs of workerd an event", credited.rate(), credited.processor_us));
    Ok(credited)
}

/// Everything is read and published, then the stack is stopped and nothing has been put aside.
fn settle(rig: &Rig, shards: &shards::Shards, stack: Stack) -> Result<()> {
    let end: u64 = rig.ends(ORDERS_TOPIC)?.iter().sum();
    let (mut position, mut committed, mut acknowledged) =
        (shards.position(Subscription::Wallets), shards.committed(), shards.acknowledged());
    let since = Instant::now();
    while position.read() != Some(end) || committed.read() != acknowledged.read() {
        let at = position.read();
        ensure!(since.elapsed() < POSITION_LIMIT, "the wallets' readers are at {at:?} of {end}");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(stack);
    let aside = shards.dead_letters(Subscription::Wallets).at_rest()?;
    ensure!(aside == 0, "{aside} payments were put aside");
    rig.everything_is_published(&shards.committed())
}

/// Puts records into the shards' logs; where they begin, as `database:position`.
fn append(paths: &[&Path], records: &[Vec<Record>]) -> Result<Vec<String>> {
    ensure!(paths.len() == records.len(), "{} order shards", paths.len());
    let append = |(path, records): (&&Path, &Vec<Record>)| {
        Ok(format!("{}:{}", path.display(), shards::append(path, records)?))
    };
    paths.iter().zip(records).map(append).collect()
}
