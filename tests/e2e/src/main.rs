//! End to end on the real runtime: numbered scenarios, one line each, and a closing `N passed, N failed`.
//!
//! `gyesan-e2e [NAME…]` runs those whose name contains one of the words. Most run side by side, because faults are
//! armed for one order only; those that touch everybody (the clock, a kill) come last, one at a time.

mod scenarios;

use anyhow::{Context, Result};
use gyesan_e2e::shop::Shop;
use gyesan_e2e::stack::Stack;
use scenarios::{ALONE, Alone, SIDE_BY_SIDE, SideBySide};
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
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let state = std::env::temp_dir().join(format!("gyesan-e2e-{}", std::process::id()));
    let mut stack =
        Stack::start(&state, &["--var", "RATE_LIMIT_PER_ADDRESS=0", "--var", "RATE_LIMIT_PER_KEY=0"])
            .context("the stack does not start")?;
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
    let (passed, failed) = (score.passed.into_inner(), score.failed.into_inner());
    println!("{passed} passed, {failed} failed");
    if failed > 0 {
        println!("the worker's log: {}", stack.log.display());
    } else {
        drop(stack);
        let _ = std::fs::remove_dir_all(state);
    }
    Ok(failed == 0 && passed > 0)
}
