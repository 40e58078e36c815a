//! Many worlds at once, on all cores.

use crate::world::{Plan, run};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What came of many worlds.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Seeds run.
    pub seeds: u64,
    /// The seeds that failed, with what was wrong, lowest first.
    pub failures: Vec<(u64, String)>,
    /// Turns of actors.
    pub turns: u64,
    /// Processes that ended.
    pub crashes: u64,
    /// Orders that were paid.
    pub paid: usize,
    /// The longest that an order took to say that it is charged, in milliseconds.
    pub slowest_ms: i64,
    /// How often what was seen: events, records in topics, states of attempts at the end, and lines of the log.
    pub tally: BTreeMap<String, u64>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (seed, violation) in &self.failures {
            writeln!(f, "seed {seed}: {violation}\n    to see it: cargo xtask test --sim-seed {seed}")?;
        }
        write!(
            f,
            "{} seeds, {} failed; {} turns, {} crashes, {} orders paid, the slowest known after {} ms",
            self.seeds,
            self.failures.len(),
            self.turns,
            self.crashes,
            self.paid,
            self.slowest_ms,
        )
    }
}

/// Runs the worlds of `count` seeds from `from` on.
pub fn run_many(from: u64, count: u64, plan: &Plan) -> Summary {
    let next = AtomicU64::new(from);
    let end = from.saturating_add(count);
    let summary = Mutex::new(Summary { seeds: count, ..Summary::default() });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let outcome = run(seed, plan.clone());
                    let mut summary = summary.lock().unwrap();
                    summary.turns += outcome.turns;
                    summary.crashes += outcome.crashes;
                    summary.paid += outcome.paid;
                    summary.slowest_ms = summary.slowest_ms.max(outcome.slowest_ms);
                    for (name, seen) in outcome.tally {
                        *summary.tally.entry(name).or_default() += seen;
                    }
                    summary.failures.extend(outcome.violation.map(|violation| (seed, violation)));
                }
            });
        }
    });
    let mut summary = summary.into_inner().unwrap();
    summary.failures.sort();
    summary
}
