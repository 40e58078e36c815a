//! A backlog while it is worked off: when that begins, when it is over, and what it costs workerd.

use super::shards::Gauge;
use crate::machine;
use anyhow::{Context, Result, anyhow, ensure};
use gyesan_e2e::stack::Stack;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often the work is looked at.
const POLL: Duration = Duration::from_millis(5);
/// A backlog that takes longer is broken off.
const LIMIT: Duration = Duration::from_secs(180);

/// A backlog that is gone.
#[derive(Clone, Copy)]
pub struct Backlog {
    /// How many.
    pub events: u64,
    /// From the last look at which nothing was done to the first at which all was.
    pub took: Duration,
    /// Processor time of workerd, all threads, in microseconds for each event that was left when the stack was ready.
    pub processor_us: f64,
    /// Of workerd, meanwhile, in bytes.
    pub resident_max: u64,
}

impl Backlog {
    /// Events a second.
    pub fn rate(&self) -> f64 {
        self.events as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

/// Starts a stack and watches it work off exactly so many events beyond what `gauge` says at rest. The watch begins before the stack does:
/// a backlog is begun on before a start has been told of.
///
/// # Errors
/// When the stack does not start, the work does not end, or more is done than there was to do.
pub fn watch(
    mut gauge: Gauge,
    events: u64,
    start: impl FnOnce() -> Result<Stack>,
) -> Result<(Stack, Backlog)> {
    let before = gauge.at_rest()?;
    let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let follow = || -> Result<(Instant, Instant)> {
        let (mut idle_until, since) = (Instant::now(), Instant::now());
        let mut begun = None;
        while !stop.load(Ordering::Relaxed) && since.elapsed() < LIMIT {
            let looked = Instant::now();
            let progress = gauge.read().map_or(0, |number| number.saturating_sub(before));
            done.fetch_max(progress, Ordering::Relaxed);
            if progress > 0 {
                begun.get_or_insert(idle_until);
            } else {
                idle_until = looked;
            }
            if progress >= events {
                return Ok((begun.unwrap_or(idle_until), Instant::now()));
            }
            std::thread::sleep(POLL);
        }
        let done = done.load(Ordering::Relaxed);
        Err(anyhow!("{done} of {events} events are done"))
    };
    std::thread::scope(|scope| {
        let follower = scope.spawn(follow);
        let stack = start().inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
        let used_before = machine::processor_time(stack.workerd_pid);
        let left = events.saturating_sub(done.load(Ordering::Relaxed));
        let mut resident_max = 0;
        while !follower.is_finished() {
            let resident = machine::resident(stack.workerd_pid).map_or(0, |(_, bytes)| bytes);
            resident_max = resident.max(resident_max);
            std::thread::sleep(POLL);
        }
        let used = machine::processor_time(stack.workerd_pid).saturating_sub(used_before);
        let (begun, ended) = follower.join().map_err(|_| anyhow!("a thread ended"))??;
        let progress = done.load(Ordering::Relaxed);
        ensure!(progress == events, "{progress} events are done, and there were {events}");
        ensure!(left > 0, "everything was done before the stack was ready: take more events");
        let processor_us = used.as_secs_f64() * 1e6 / left as f64;
        Ok((stack, Backlog { events, took: ended - begun, processor_us, resident_max }))
    })
    .context("watching a backlog")
}
