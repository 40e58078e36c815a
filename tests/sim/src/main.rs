//! `gyesan-sim --seed N`: one world as a readable timeline. `gyesan-sim --seeds N [--from M]`: many worlds on all cores, the failing
//! ones by their number. `--bug NAME` plants a bug.
#![allow(clippy::print_stdout, reason = "a command line tool")]

use gyesan_sim::{Bug, Plan, run, run_many};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let number = |name: &str| value(name).and_then(|text| text.parse::<u64>().ok());
    let bug = value("--bug").and_then(|name| Bug::named(&name));
    if value("--bug").is_some() && bug.is_none() {
        println!("--bug takes one of {:?}", Bug::ALL);
        return ExitCode::FAILURE;
    }
    match (number("--seed"), number("--seeds")) {
        (Some(seed), _) => one(seed, bug),
        (None, Some(count)) => many(number("--from").unwrap_or(0), count, bug),
        (None, None) => {
            println!("usage: gyesan-sim --seed N | --seeds N [--from M]; [--bug NAME]");
            ExitCode::FAILURE
        }
    }
}

fn one(seed: u64, bug: Option<Bug>) -> ExitCode {
    let outcome = run(seed, Plan { bug, timeline: true, ..Plan::default() });
    for line in &outcome.timeline {
        println!("{line}");
    }
    println!(
        "{} turns, {} crashes, {} orders paid, {} won charged: {}",
        outcome.turns,
        outcome.crashes,
        outcome.paid,
        outcome.charged,
        outcome.violation.as_deref().unwrap_or("nothing wrong"),
    );
    if outcome.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn many(from: u64, count: u64, bug: Option<Bug>) -> ExitCode {
    let summary = run_many(from, count, &Plan { bug, ..Plan::default() });
    println!("{summary}");
    if summary.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
