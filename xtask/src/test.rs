//! `cargo xtask test`: every test there is, one suite after the other, with a summary. A suite that fails does not
//! keep the others from running.

mod counts;
mod smoke;
mod stack;
mod suites;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::args::Args;
use crate::progress;
pub use counts::Counts;
pub use suites::count;

const USAGE: &str = "\
usage: cargo xtask test [OPTIONS]

  --only SUITE      xtask, core, core-wasm, emulator, kafka, kafka-broker, edge, schemas, interop, sim,
                    widget, e2e, e2e-kafka, kafka-faults, kafka-chaos, kafka-security, kafka-registry, wrangler
                    or browser; may come several times
  --sim-seeds N     how many seeds the simulation tries (2000)
  --sim-seed N      one simulation run, printed as a timeline, and nothing else

Everything that a suite needs (Rust target, npm packages, browser, Korean font) is set up first.";

/// What the suites are told.
pub struct Plan {
    /// Seeds for the simulation.
    pub sim_seeds: u64,
}

struct Outcome {
    suite: &'static str,
    counts: Counts,
    took: Duration,
}

/// `cargo xtask test`.
pub fn run(mut args: Args) -> Result<()> {
    if args.help(USAGE) {
        return Ok(());
    }
    let only = args.options::<String>("--only")?;
    let seed = args.option::<u64>("--sim-seed")?;
    let plan = Plan { sim_seeds: args.option("--sim-seeds")?.unwrap_or(2000) };
    args.finish()?;
    if let Some(seed) = seed {
        return suites::simulate_one(seed);
    }
    if let Some(unknown) =
        only.iter().find(|name| !suites::ALL.iter().any(|suite| suite.name == name.as_str()))
    {
        let names: Vec<&str> = suites::ALL.iter().map(|suite| suite.name).collect();
        bail!("no suite `{unknown}`: there are {}", names.join(", "));
    }

    let mut outcomes = Vec::new();
    for suite in suites::ALL {
        if !only.is_empty() && !only.iter().any(|name| name == suite.name) {
            continue;
        }
        println!("\n== {}: {}", suite.name, suite.title);
        let since = Instant::now();
        // A suite that cannot be built or started counts as one failed test.
        let counts = (suite.run)(&plan).unwrap_or_else(|fault| {
            println!("error: {fault:#}");
            Counts { passed: 0, failed: 1 }
        });
        outcomes.push(Outcome { suite: suite.name, counts, took: since.elapsed() });
    }
    summarise(&outcomes)
}

fn summarise(outcomes: &[Outcome]) -> Result<()> {
    println!("\n{:<12} {:>7} {:>7}  time", "suite", "passed", "failed");
    let mut all = Counts::default();
    for outcome in outcomes {
        let Counts { passed, failed } = outcome.counts;
        println!("{:<12} {passed:>7} {failed:>7}  {}", outcome.suite, progress::seconds(outcome.took));
        all.add(outcome.counts);
    }
    println!("\n{} passed, {} failed", all.passed, all.failed);
    if all.failed > 0 {
        bail!("{} tests failed", all.failed);
    }
    Ok(())
}
