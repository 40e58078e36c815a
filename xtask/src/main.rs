//! The workspace's commands: `cargo xtask dev | build | emulator | test | bench | check | deploy`.
//!
//! Each command sets up what it needs (compile target, npm packages, tools, browser), says what it is doing, and
//! does none of it twice. Nothing here is part of the product.

mod args;
mod artifacts;
mod bench;
mod check;
mod deploy;
mod dev;
mod emulator;
mod kafka;
mod process;
mod progress;
mod stamp;
mod test;
mod tools;
mod worker_runtime;
mod workspace;
mod wrangler;

use std::process::ExitCode;

use args::Args;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  dev        build, migrate, seed and run everything a person needs, until Ctrl-C
  build      build the worker and the checkout's files into build/
  emulator   run the payment provider's stand-in alone
  kafka      run a local Apache Kafka alone
  registry   run a local schema registry (Apicurio)
  test       run every test there is
  bench      measure the targets and print the table
  check      formatting, lints, dependency rules, size budgets
  deploy     the steps to Cloudflare; --dry-run does what needs no account

`cargo xtask COMMAND --help` names the options.";

fn main() -> ExitCode {
    process::stop_children_on_signals();
    let mut args = Args::from_command_line();
    let outcome = match args.command().as_deref() {
        Some("dev") => dev::run(args),
        Some("build") => artifacts::run(args),
        Some("emulator") => emulator::run(args),
        Some("kafka") => kafka::run(args),
        Some("registry") => kafka::apicurio::run(args),
        Some("test") => test::run(args),
        Some("bench") => bench::run(args),
        Some("check") => check::run(args),
        Some("deploy") => deploy::run(args),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some(other) => Err(anyhow::anyhow!("no command `{other}`\n{USAGE}")),
        None => Err(anyhow::anyhow!("a command is missing\n{USAGE}")),
    };
    // A child that a signal ended is no fault to report: the thread that took the signal ends the process.
    while process::stopping() {
        std::thread::park();
    }
    process::stop_children();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("error: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
