//! End to end on the real runtime: numbered scenarios, one line each, and a closing `N passed, N failed`.
//!
//! `gyesan-e2e [--kafka] [NAME…]` runs those whose name contains one of the words; with `--kafka` over a real broker, whose topics
//! are compared with the shards' logs at the end. Most run side by side, because faults are
//! armed for one order only; those that touch everybody (the clock, a kill) come last, one at a time.

mod scenarios;

use anyhow::{Context, Result, ensure};
use gyesan_e2e::broker::Broker;
use gyesan_e2e::interop;
use gyesan_e2e::shop::Shop;
use gyesan_e2e::stack::Stack;
use scenarios::{ALONE, Alone, SIDE_BY_SIDE, SideBySide};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Scenarios that run at the same time; most of them wait.
const THREADS: usize = 12;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("error: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Score {
    passed: AtomicUsize,
    failed: AtomicUsize,
    line: Mutex<()>,
}

impl Score {
    fn take(&self, number: usize, name: &str, since: Instant, outcome: &Result<()>) {
        let _line = self.line.lock();
        let seconds = since.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                self.passed.fetch_add(1, Ordering::Relaxed);
                println!("ok   {number:>2} {name} ({seconds:.1} s)");
            }
            Err(fault) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                println!("FAIL {number:>2} {name} ({seconds:.1} s)\n        {fault:#}");
            }
        }
    }
}

fn run() -> Result<bool> {
    let (options, words): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let over_kafka = options.iter().any(|option| option == "--kafka");
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let state = std::env::temp_dir().join(format!("gyesan-e2e-{}", std::process::id()));
    let broker = if over_kafka { Some(Broker::start(&state.join("broker"), &[])?) } else { None };
    let mut arguments = vec!["--var", "RATE_LIMIT_PER_ADDRESS=0", "--var", "RATE_LIMIT_PER_KEY=0"];
    let address = broker.as_ref().map(Broker::address);
    if let Some(address) = &address {
        arguments.extend(["--kafka", address]);
    }
    let mut stack = Stack::start(&state, &arguments).context("the stack does not start")?;
    println!("     started in {:.1} s", stack.started_in.as_secs_f64());
    let score = Score::default();
    let side_by_side: Vec<(usize, &SideBySide)> =
        SIDE_BY_SIDE.iter().enumerate().filter(|(_, (name, _))| wanted(name)).collect();
    let next = AtomicUsize::new(0);
    let (origin, emulator) = (stack.origin.clone(), stack.emulator.clone());
    std::thread::scope(|scope| {
        for _ in 0..THREADS.min(side_by_side.len()) {
            scope.spawn(|| {
                while let Some((number, (name, scenario))) =
                    side_by_side.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let since = Instant::now();
                    score.take(number + 1, name, since, &scenario(&mut Shop::at(&origin, &emulator)));
                }
            });
        }
    });
    let alone = ALONE.iter().enumerate().map(|(at, scenario)| (SIDE_BY_SIDE.len() + at, scenario));
    for (number, (name, scenario)) in alone.filter(|(_, (name, _)): &(usize, &Alone)| wanted(name)) {
        let since = Instant::now();
        score.take(number + 1, name, since, &scenario(&mut stack));
    }
    let log = stack.log.clone();
    drop(stack);
    if let Some(address) = &address {
        let since = Instant::now();
        let number = SIDE_BY_SIDE.len() + ALONE.len() + 1;
        score.take(
            number,
            "every_committed_event_is_in_its_topic_once",
            since,
            &topics_are_exact(address, &state),
        );
    }
    let (passed, failed) = (score.passed.into_inner(), score.failed.into_inner());
    println!("{passed} passed, {failed} failed");
    if failed > 0 {
        println!("the worker's log: {}", log.display());
    } else {
        drop(broker);
        let _ = std::fs::remove_dir_all(state);
    }
    Ok(failed == 0 && passed > 0)
}

fn topics_are_exact(brokers: &str, state: &Path) -> Result<()> {
    let topics = interop::read_topics(brokers, state)?;
    ensure!(topics.are_exact() && topics.events > 0, "{topics}");
    Ok(())
}
