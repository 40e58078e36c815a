//! `cargo xtask check`: the rules that matter, executed. Everything is checked before the first fault ends it.

mod dependencies;
mod schemas;
mod sizes;
mod sources;

use anyhow::{Result, bail};

use crate::args::Args;
use crate::{process, progress, tools};

const USAGE: &str = "\
usage: cargo xtask check

Formatting, clippy natively and for wasm32, who may import whom, what may stand in which file, whether the event
schemas were edited or are incompatible, and how large the built files are. Prints every fault it finds.";

const SHELLS: [&str; 3] = ["gyesan-worker", "gyesan-widget", "gyesan-embed"];

/// Answers the faults it found; an error means that it could not look.
type Check = fn() -> Result<Vec<String>>;

/// `cargo xtask check`.
pub fn run(mut args: Args) -> Result<()> {
    if args.help(USAGE) {
        return Ok(());
    }
    args.finish()?;
    tools::wasm_target()?;
    let checks: [(&str, Check); 7] = [
        ("formatting", formatting),
        ("clippy, native", clippy_native),
        ("clippy, wasm32", clippy_wasm),
        ("dependency rules", dependencies::faults),
        ("source rules", sources::faults),
        ("event schemas", schemas::faults),
        ("size budgets", sizes::faults),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        let found = check().unwrap_or_else(|fault| vec![format!("{fault:#}")]);
        println!("{} {name}", if found.is_empty() { "ok    " } else { "FAULT " });
        for fault in &found {
            println!("       {fault}");
        }
        if !found.is_empty() {
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("not as it should be: {}", failed.join("; "));
    }
    Ok(())
}

fn formatting() -> Result<Vec<String>> {
    let (status, output) =
        process::observe(&mut tools::cargo(&["fmt", "--all", "--", "--check", "-l"]), |_| ())?;
    if status.success() {
        return Ok(Vec::new());
    }
    Ok(output.lines().map(|file| format!("{file}: run cargo fmt")).collect())
}

fn clippy_native() -> Result<Vec<String>> {
    let mut command = tools::cargo(&["clippy", "--workspace", "--all-targets"]);
    for shell in SHELLS {
        command.args(["--exclude", shell]);
    }
    clippy("clippy", &mut command)
}

fn clippy_wasm() -> Result<Vec<String>> {
    let target = ["clippy", "--target", "wasm32-unknown-unknown"];
    let mut command = tools::cargo(&target);
    command.args(["--package", "gyesan-core", "--package", "gyesan-kafka", "--package", "gyesan-edge"]);
    for shell in SHELLS {
        command.args(["--package", shell]);
    }
    let mut faults = clippy("clippy for wasm32", &mut command)?;
    let mut tests = tools::cargo(&target);
    tests.args(["--package", "gyesan-core", "--package", "gyesan-widget", "--tests"]);
    faults.extend(clippy("clippy for the tests on wasm32", &mut tests)?);
    Ok(faults)
}

/// Every warning is a fault. They are not made errors, because an error in one crate hides the rest of the others.
fn clippy(step: &str, command: &mut std::process::Command) -> Result<Vec<String>> {
    command.args(["--quiet", "--keep-going"]);
    let step = progress::Step::begin(step);
    let (status, output) = process::observe(command, |line| step.doing(line))?;
    step.done();
    if status.success() && !output.lines().any(|line| line.starts_with("warning")) {
        return Ok(Vec::new());
    }
    Ok(output.lines().map(str::to_owned).collect())
}
