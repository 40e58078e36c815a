//! `cargo xtask bench`: starts a stack of its own, measures it over HTTP, and writes the table.
//!
//! Everything runs on one machine and shares its cores: driver, payment provider and the worker's one thread. The driver
//! keeps its connections, sends each request in one write, and takes the time at the socket. Rates are of closed loops
//! (each connection sends its next request when it has its answer); latencies are of open loops at a fixed rate,
//! counted from the moment at which the request was due, so that a stall counts for everything that it held up.

mod baseline;
mod buyers;
mod distribution;
mod kafka;
mod load;
mod machine;
mod measure;
mod report;
mod syncs;
mod widget;

use anyhow::{Context, Result, bail, ensure};
use baseline::Baseline;
use buyers::Buyers;
use gyesan_e2e::shop::Shop;
use gyesan_e2e::stack::{Stack, workspace};
use measure::Size;
use report::Report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "\
usage: gyesan-bench [OPTIONS]

  --orders N    measure with N orders in the store; may come several times (1000 and 100000);
                1000000 is the scale that the targets speak of
  --kafka       measure with Apache Kafka instead: relay, consumers, and the way through both
  --widget      measure in Chromium instead: how soon a buyer can pay
  --quick       short runs at 1000 orders: under a minute, and rougher
  --out FILE    where the table is written (artifacts/bench.md, bench-kafka.md, bench-widget.md)";

/// What every stack here is started with: an optimised emulator, and no limit of requests a second.
const UNLIMITED: [&str; 5] =
    ["--release", "--var", "RATE_LIMIT_PER_KEY=0", "--var", "RATE_LIMIT_PER_ADDRESS=0"];
const ONE_SHARD: [&str; 4] = ["--var", "ORDER_SHARDS=1", "--var", "LEDGER_SHARDS=1"];

/// What is measured, and for how long.
struct Plan {
    sizes: Vec<u64>,
    what: What,
    quick: bool,
    out: PathBuf,
}

/// Which of the three tables.
#[derive(Clone, Copy)]
enum What {
    Stack,
    Kafka,
    Widget,
}

impl Plan {
    /// Of the command line; `None` when help was asked for.
    fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Plan>> {
        let mut plan = Plan { sizes: Vec::new(), what: What::Stack, quick: false, out: PathBuf::new() };
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--orders" => plan.sizes.push(value()?.parse().context("--orders takes a number")?),
                "--out" => plan.out = value()?.into(),
                "--kafka" => plan.what = What::Kafka,
                "--widget" => plan.what = What::Widget,
                "--quick" => plan.quick = true,
                "--help" | "-h" => return Ok(None),
                other => bail!("`{other}` is not an option\n{USAGE}"),
            }
        }
        if plan.out.as_os_str().is_empty() {
            plan.out = workspace().join(match plan.what {
                What::Stack => "artifacts/bench.md",
                What::Kafka => "artifacts/bench-kafka.md",
                What::Widget => "artifacts/bench-widget.md",
            });
        }
        if plan.sizes.is_empty() {
            plan.sizes = if plan.quick { vec![1_000] } else { vec![1_000, 100_000] };
        }
        plan.sizes.sort_unstable();
        Ok(Some(plan))
    }
}

fn main() -> ExitCode {
    let outcome = match Plan::read(std::env::args().skip(1)) {
        Ok(Some(plan)) => write(&plan),
        Ok(None) => {
            println!("{USAGE}");
            Ok(())
        }
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("error: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, and writes the table.
fn write(plan: &Plan) -> Result<()> {
    let folder = std::env::var_os("GYESAN_BENCH_DIR")
        .map_or_else(|| workspace().join("target/stacks/bench"), PathBuf::from);
    let table = match plan.what {
        What::Stack => run(plan, &folder)?,
        What::Kafka => kafka::run(&folder, plan.quick)?,
        What::Widget => widget::run(&folder, plan.quick)?,
    };
    if let Some(folder) = plan.out.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&plan.out, &table).with_context(|| format!("{} cannot be written", plan.out.display()))?;
    println!("{table}");
    say(&format!("written to {}", plan.out.display()));
    Ok(())
}

/// 1. From nothing running to the first order paid and credited.
/// 2. What the runtime and the payment provider can do by themselves.
/// 3. Everything at each size of the store.
/// 4. The books.
/// 5. Rates with one shard of each kind: on one machine more of them are only smaller groups.
fn run(plan: &Plan, folder: &Path) -> Result<String> {
    let load_before = machine::load_average();
    // 1.
    say("starting a stack");
    let since = Instant::now();
    let stack = Stack::start(folder, &UNLIMITED)?;
    let mut shop = Shop::of(&stack);
    let order = shop.buy(&[("A", 1)])?;
    shop.wait(&order.id, Duration::from_secs(10), |view| {
        view.get("isWalletDone").is_some_and(|done| done == true)
    })?;
    let first_order = since.elapsed();
    say(&format!("first order paid and credited after {:.2} s", first_order.as_secs_f64()));
    // 2.
    let buyers = Buyers::of(&stack);
    let baseline = Baseline::measure(&buyers, plan.quick)?;
    // 3.
    let mut sizes = Vec::new();
    for orders in &plan.sizes {
        sizes.push(Size::measure(&stack, &buyers, *orders, plan.quick)?);
    }
    // 4.
    let books = shop.operate("ledger/trial-balance")?;
    let unexplained = books.get("unexplained").and_then(serde_json::Value::as_i64);
    ensure!(unexplained == Some(0), "the books do not add up: {books}");

    // 5.
    drop(shop);
    drop(stack);
    say("starting a stack with one shard of each kind");
    let stack = Stack::start(folder, &[&UNLIMITED[..], &ONE_SHARD[..]].concat())?;
    let one_shard = measure::one_shard(&stack, &Buyers::of(&stack), plan.quick)?;

    let report = Report { first_order, baseline, sizes, one_shard, load_before, quick: plan.quick };
    Ok(report.markdown())
}

/// Progress, on stderr: stdout belongs to the table.
fn say(line: &str) {
    eprintln!("  {line}");
}
