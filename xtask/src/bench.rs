//! `cargo xtask bench`: builds everything optimised and runs the measurements of `tests/bench`.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::args::Args;
use crate::tools::{browser, python};
use crate::{artifacts, process, tools, workspace};

const USAGE: &str = "\
usage: cargo xtask bench [--kafka | --widget] [OPTIONS OF THE BENCHMARK]

Builds everything optimised, then measures on Miniflare with the emulator on the same machine and prints a table;
with --kafka on a local Apache Kafka, beside librdkafka; with --widget in Chromium, how soon a buyer can pay.
The benchmark's own options: cargo xtask bench --bench-help";

/// `cargo xtask bench`. The benchmark starts and stops its stacks with the program in `GYESAN_XTASK`, in the folder
/// `GYESAN_BENCH_DIR`.
pub fn run(mut args: Args) -> Result<()> {
    if args.help(USAGE) {
        return Ok(());
    }
    artifacts::build()?;
    artifacts::build_emulator(true)?;
    process::run(
        "building the benchmark",
        &mut tools::cargo(&["build", "--release", "--package", "gyesan-bench"]),
    )?;
    let folder = workspace::target().join("stacks/bench");
    std::fs::create_dir_all(&folder).context("the benchmark's folder cannot be made")?;
    let mut command = Command::new(workspace::target().join("release/gyesan-bench"));
    if args.flag("--bench-help") {
        command.arg("--help");
    }
    if args.flag("--kafka") {
        command.arg("--kafka").env("GYESAN_PYTHON", python::ready()?);
    }
    if args.flag("--widget") {
        command.arg("--widget").env("GYESAN_CHROMIUM", browser::ready()?.browser);
    }
    command.args(args.rest()).current_dir(workspace::root());
    command.env("GYESAN_XTASK", workspace::this_program()?);
    command.env("GYESAN_BENCH_DIR", &folder);
    let mut child = process::spawn(&mut command)?;
    let status = child.wait().context("waiting for the benchmark")?;
    process::forget(&child);
    ensure!(status.success(), "the benchmark ended ({status})");
    Ok(())
}
