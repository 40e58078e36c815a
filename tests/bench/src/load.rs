//! Loads: a list of jobs, done by connections that each have a thread.

use crate::distribution::Distribution;
use anyhow::{Context, Result, anyhow};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A load that takes longer is broken off, so that a slow machine still gets a table.
const LIMIT: Duration = Duration::from_secs(120);
/// A thread is woken this much too early, and looks at the clock until its job is due: timers are late by about as much.
const TIMER_SLACK: Duration = Duration::from_micros(150);

/// What came of a load.
pub struct Load {
    /// Jobs that were done.
    pub done: usize,
    /// From the first job's start to the last one's end.
    pub took: Duration,
    /// Of each job: closed loop from its start, open loop from when it was due.
    pub latency: Distribution,
}

impl Load {
    /// Jobs a second.
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

/// Does the jobs as fast as `connections` can that wait for their answers.
///
/// # Errors
/// The first job's that failed; the others are not begun.
pub fn closed<J: Sync, C>(
    connections: usize,
    jobs: &[J],
    connect: impl Fn() -> C + Sync,
    work: impl Fn(&mut C, &J) -> Result<()> + Sync,
) -> Result<Load> {
    run(connections, jobs, None, connect, work)
}

/// Begins `per_second` jobs a second whatever their answers, as long as one of `connections` is free.
///
/// # Errors
/// The first job's that failed; the others are not begun.
pub fn open<J: Sync, C>(
    per_second: u32,
    connections: usize,
    jobs: &[J],
    connect: impl Fn() -> C + Sync,
    work: impl Fn(&mut C, &J) -> Result<()> + Sync,
) -> Result<Load> {
    run(connections, jobs, Some(Duration::from_secs(1) / per_second.max(1)), connect, work)
}

fn run<J: Sync, C>(
    connections: usize,
    jobs: &[J],
    interval: Option<Duration>,
    connect: impl Fn() -> C + Sync,
    work: impl Fn(&mut C, &J) -> Result<()> + Sync,
) -> Result<Load> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let one_connection = || -> Result<Vec<Duration>> {
        let mut connection = connect();
        let mut latencies = Vec::new();
        while !stop.load(Ordering::Relaxed) && begun.elapsed() < LIMIT {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(number) else { break };
            let since = match interval {
                None => Instant::now(),
                Some(interval) => {
                    let due = begun + interval.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX));
                    wait_until(due);
                    due
                }
            };
            work(&mut connection, job).inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
            latencies.push(since.elapsed());
        }
        Ok(latencies)
    };
    let parts: Vec<Result<Vec<Duration>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(one_connection)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow!("a thread ended"))))
            .collect()
    });
    let took = begun.elapsed();
    let latencies =
        parts.into_iter().collect::<Result<Vec<_>>>().context("a job of the load failed")?.concat();
    Ok(Load { done: latencies.len(), took, latency: Distribution::of(latencies) })
}

fn wait_until(due: Instant) {
    let left = due.saturating_duration_since(Instant::now());
    std::thread::sleep(left.saturating_sub(TIMER_SLACK));
    while Instant::now() < due {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_stall_counts_for_the_jobs_that_were_due_meanwhile() {
        let jobs: Vec<u64> = vec![30, 0, 0];
        let wait = |(): &mut (), ms: &u64| {
            std::thread::sleep(Duration::from_millis(*ms));
            Ok(())
        };
        let load = open(1_000, 1, &jobs, || (), wait).unwrap();
        assert_eq!(load.done, 3);
        assert!(load.latency.p50_ms() > 20.0);
    }

    #[test]
    fn a_job_that_fails_ends_the_load() {
        let jobs: Vec<u32> = (0..1_000).collect();
        let done = AtomicUsize::new(0);
        let work = |(): &mut (), job: &u32| {
            done.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(1));
            if *job == 3 { Err(anyhow!("no")) } else { Ok(()) }
        };
        assert!(closed(2, &jobs, || (), work).is_err());
        assert!(done.load(Ordering::Relaxed) < 100);
    }
}
