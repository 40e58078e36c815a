//! The suites, in the order in which a fault is cheapest to find.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::counts::Counts;
use super::{Plan, smoke, stack};
use crate::kafka;
use crate::kafka::apicurio;
use crate::kafka::distribution::{self, Distribution};
use crate::progress::{self, Step};
use crate::tools::{browser, python};
use crate::{artifacts, process, tools, workspace};

/// A suite: its name on the command line, what it is, and how it runs.
pub struct Suite {
    pub name: &'static str,
    pub title: &'static str,
    pub run: fn(&Plan) -> Result<Counts>,
}

/// All of them.
pub const ALL: &[Suite] = &[
    Suite { name: "xtask", title: "these commands", run: commands },
    Suite { name: "core", title: "the rules, natively", run: |_| cargo_test("gyesan-core") },
    Suite { name: "core-wasm", title: "the rules, as WebAssembly", run: core_wasm },
    Suite {
        name: "emulator",
        title: "the payment provider's stand-in",
        run: |_| cargo_test("gyesan-emulator"),
    },
    Suite { name: "kafka", title: "the Kafka client, without a broker", run: |_| cargo_test("gyesan-kafka") },
    Suite {
        name: "kafka-broker",
        title: "the Kafka client against real brokers, the newest and the oldest",
        run: real_brokers,
    },
    Suite { name: "edge", title: "the back end over SQLite", run: |_| cargo_test("gyesan-edge") },
    Suite { name: "tools", title: "what the tests and measurements are made with", run: test_tools },
    Suite { name: "schemas", title: "the rules for event schemas", run: |_| cargo_test("gyesan-schemas") },
    Suite { name: "interop", title: "published events, read by other people's libraries", run: interop },
    Suite { name: "sim", title: "the back end in a simulated world", run: simulation },
    Suite { name: "widget", title: "the views in headless Chromium", run: widget },
    Suite { name: "e2e", title: "the stack on workerd", run: |_| scenarios("gyesan-e2e", &[]) },
    Suite {
        name: "e2e-kafka",
        title: "the same scenarios over Apache Kafka",
        run: |_| over_kafka("gyesan-e2e", &["--kafka"]),
    },
    Suite {
        name: "kafka-faults",
        title: "a broker that is away, silent, full, forbidding or changed",
        run: |_| over_kafka("gyesan-kafka-faults", &[]),
    },
    Suite {
        name: "kafka-chaos",
        title: "exactly once through kills and cuts",
        run: |_| over_kafka("gyesan-kafka-chaos", &[]),
    },
    Suite {
        name: "kafka-security",
        title: "brokers that want TLS, SASL and permission",
        run: kafka_security,
    },
    Suite { name: "kafka-registry", title: "schema registries, the real one too", run: schema_registry },
    Suite {
        name: "wrangler",
        title: "the same worker under `npx wrangler dev`",
        run: |_| smoke::wrangler_dev(),
    },
    Suite { name: "browser", title: "buying in Chromium, on a desktop and a phone", run: browser_flow },
];

/// Runs a test command, its output shown as it comes; answers what it counted.
pub fn count(step: &str, command: &mut Command) -> Result<Counts> {
    let counts = observed(step, command)?;
    if counts == Counts::default() {
        bail!("{step} ran no test");
    }
    Ok(counts)
}

/// The same for a command that is one test when it counts none itself.
fn outcome_of(step: &str, command: &mut Command) -> Result<Counts> {
    let counts = observed(step, command)?;
    Ok(if counts == Counts::default() { Counts { passed: 1, failed: 0 } } else { counts })
}

fn observed(step: &str, command: &mut Command) -> Result<Counts> {
    let alive = Step::begin(step);
    let (status, output) = process::observe(command, |line| {
        if process::is_cargo_chatter(line) {
            alive.doing(line);
        } else {
            alive.shown();
            println!("{line}");
        }
    })?;
    drop(alive);
    let mut counts = Counts::of_output(&output);
    if !status.success() && counts.failed == 0 {
        progress::say(&format!("{step} ended with {status}"));
        counts.failed = 1;
    }
    Ok(counts)
}

fn cargo_test(package: &str) -> Result<Counts> {
    count(&format!("testing {package}"), &mut tools::cargo(&["test", "--no-fail-fast", "--package", package]))
}

fn test_tools(_: &Plan) -> Result<Counts> {
    let mut counts = cargo_test("gyesan-e2e")?;
    counts.add(cargo_test("gyesan-bench")?);
    Ok(counts)
}

fn commands(_: &Plan) -> Result<Counts> {
    tools::node()?;
    let mut counts = cargo_test("xtask")?;
    let mut node = Command::new("node");
    node.args(["--test", "xtask/runtime/catalogue.test.mjs", "edge/worker/surprises.test.mjs"]);
    counts.add(count("testing the runtime's scripts", node.current_dir(workspace::root()))?);
    Ok(counts)
}

fn wasm_test(package: &str) -> Result<Command> {
    tools::wasm_target()?;
    tools::npm_packages()?;
    let mut command = tools::cargo(&["test", "--no-fail-fast", "--target", "wasm32-unknown-unknown"]);
    command.args(["--package", package, "--tests"]);
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", tools::bindgen()?);
    Ok(command)
}

fn core_wasm(_: &Plan) -> Result<Counts> {
    count("testing gyesan-core on wasm32", &mut wasm_test("gyesan-core")?)
}

fn widget(_: &Plan) -> Result<Counts> {
    let browser = browser::ready()?;
    let mut command = wasm_test("gyesan-widget")?;
    command.env("CHROMEDRIVER", &browser.driver);
    count("testing gyesan-widget in Chromium", &mut command)
}

fn simulation(plan: &Plan) -> Result<Counts> {
    let mut counts = cargo_test("gyesan-sim")?;
    let seeds = plan.sim_seeds.to_string();
    let mut run = tools::cargo(&["run", "--quiet", "--package", "gyesan-sim", "--", "--seeds", &seeds]);
    counts.add(outcome_of(&format!("simulating {seeds} seeds"), &mut run)?);
    Ok(counts)
}

/// `cargo xtask test --sim-seed N`.
pub fn simulate_one(seed: u64) -> Result<()> {
    let seed = seed.to_string();
    let mut child = process::spawn(&mut tools::cargo(&[
        "run",
        "--quiet",
        "--package",
        "gyesan-sim",
        "--",
        "--seed",
        &seed,
    ]))?;
    let status = child.wait().context("waiting for the simulation")?;
    process::forget(&child);
    anyhow::ensure!(status.success(), "seed {seed} breaks an invariant");
    Ok(())
}

fn real_brokers(_: &Plan) -> Result<Counts> {
    let mut counts = Counts::default();
    for version in [distribution::VERSION, distribution::OLDEST] {
        counts.add(kafka::test(version).unwrap_or_else(|fault| {
            println!("error: {fault:#}");
            Counts { passed: 0, failed: 1 }
        }));
    }
    Ok(counts)
}

fn interop(_: &Plan) -> Result<Counts> {
    let python = python::ready()?;
    let folder = workspace::path("tests/interop");
    let mut unit = Command::new(&python);
    // No compiled files beside the sources.
    unit.args(["-B", "-m", "unittest", "test_read_topics"]).current_dir(&folder);
    let mut counts = count("testing the reader of topics", &mut unit)?;
    let mut values = Command::new("sh");
    values.args(["-c", "exec \"$0\" -B read_values.py \"$1\" < values.txt"]).arg(&python);
    values.arg(workspace::path("edge/schemas")).current_dir(&folder);
    counts.add(outcome_of("reading published values", &mut values)?);
    Ok(counts)
}

/// A program of `tests/e2e`, which starts the stacks itself.
fn scenarios(program: &str, arguments: &[&str]) -> Result<Counts> {
    observed_scenarios(program, arguments, None)
}

/// The same with a real broker, and another client that reads its topics.
fn over_kafka(program: &str, arguments: &[&str]) -> Result<Counts> {
    Distribution::ready(distribution::VERSION)?;
    observed_scenarios(program, arguments, Some(python::ready()?))
}

fn kafka_security(_: &Plan) -> Result<Counts> {
    if process::answer_of(Command::new("openssl").arg("version")).is_none() {
        distribution::install(&["openssl"], "OpenSSL")?;
    }
    over_kafka("gyesan-kafka-security", &[])
}

fn schema_registry(_: &Plan) -> Result<Counts> {
    apicurio::ready()?;
    over_kafka("gyesan-kafka-registry", &[])
}

fn observed_scenarios(program: &str, arguments: &[&str], python: Option<PathBuf>) -> Result<Counts> {
    artifacts::build()?;
    artifacts::build_emulator(false)?;
    process::run("building the scenarios", &mut tools::cargo(&["build", "--package", "gyesan-e2e"]))?;
    let mut command = Command::new(workspace::target().join("debug").join(program));
    command.args(arguments).current_dir(workspace::root());
    command.env("GYESAN_XTASK", workspace::this_program()?);
    if let Some(python) = python {
        command.env("GYESAN_PYTHON", python);
    }
    count("running the scenarios", &mut command)
}

fn browser_flow(_: &Plan) -> Result<Counts> {
    let browser = browser::ready()?;
    artifacts::build()?;
    artifacts::build_emulator(false)?;
    let mut files: Vec<_> = std::fs::read_dir(workspace::path("tests/browser"))
        .context("tests/browser cannot be read")?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    anyhow::ensure!(!files.is_empty(), "tests/browser has no *.test.mjs");
    files.sort();
    let stack = stack::Stack::start(8797, "browser")?;
    let mut command = Command::new("node");
    // One file at a time: they share the shop and the emulator's faults.
    command.args(["--test", "--test-concurrency=1"]).args(files).current_dir(workspace::root());
    command.env("GYESAN_ORIGIN", &stack.origin).env("GYESAN_EMULATOR", &stack.emulator);
    command.env("GYESAN_CHROMIUM", &browser.browser);
    count("buying in Chromium", &mut command)
}
