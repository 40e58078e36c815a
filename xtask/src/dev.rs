//! `cargo xtask dev`: builds, migrates, seeds and runs everything a person needs; `--json` is the same for a
//! program that drives it.

mod local_kafka;
mod options;
mod running;

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::args::Args;
use crate::kafka::distribution::{self, Distribution};
use crate::kafka::topics;
use crate::wrangler::Run;
use crate::{artifacts, emulator, process, tools, workspace};
use local_kafka::LocalKafka;
use options::{Kafka, Options};
use running::{Parts, Running};

const USAGE: &str = "\
usage: cargo xtask dev [OPTIONS]

  --port PORT           the worker's port on 127.0.0.1 (8787)
  --emulator-port PORT  the emulator's (the worker's + 1)
  --toss-api URL        use this Toss instead of the emulator; keys come from .dev.vars
  --kafka [HOST:PORT,…] events go through Apache Kafka: a local one (the worker's port + 2, unless taken), or yours
  --state DIR           where the databases lie (.wrangler/state, as with `npx wrangler dev`)
  --fresh               begin with empty databases
  --var NAME=VALUE      set a variable of the worker; may come several times
  --no-build            run what is in build/
  --release             the optimised emulator, for measurements
  --json                for programs: one JSON object a line on stdout, the worker's log in DIR/worker.log
                          {\"ready\":true,\"origin\":…,\"emulator\":…,\"state\":…,\"log\":…,\"workerdPid\":…,\"pids\":[…],\"ms\":…}
                             with --kafka also \"kafka\":\"127.0.0.1:…\", and \"kafkaPid\" if it is a local one
                          {\"restarted\":true,\"workerdPid\":…,\"ms\":…}   workerd died and is back
                          {\"kafkaRestarted\":true,\"kafkaPid\":…,\"ms\":…}  the local Kafka died and is back
                          {\"failed\":\"why\"}                            and the end

Ctrl-C (SIGINT) or SIGTERM stops everything.";

/// `cargo xtask dev`.
pub fn run(mut args: Args) -> Result<()> {
    if args.help(USAGE) {
        return Ok(());
    }
    let options = Options::take(args)?;
    process::signal_is_the_ordinary_end();
    let outcome = serve(&options);
    if let (Err(fault), true) = (&outcome, options.json) {
        println!("{}", serde_json::json!({ "failed": format!("{fault:#}") }));
    }
    outcome
}

/// 1. Ports and state are free.
/// 2. Everything is built.
/// 3. Emulator, Kafka and worker start side by side.
/// 4. All are ready, and the worker's cron has been run once.
/// 5. Until something ends.
fn serve(options: &Options) -> Result<()> {
    // 1.
    port_is_free(options.port)?;
    if options.toss_api.is_none() {
        port_is_free(options.emulator_port)?;
    }
    let _lock = lock(&options.state)?;
    if options.fresh {
        empty(&options.state)?;
    }
    // 2.
    let program = build(options)?;
    let vars = options.vars()?;
    let distribution = match &options.kafka {
        Some(Kafka::Local { .. }) => Some(Distribution::ready(distribution::VERSION)?),
        Some(Kafka::Brokers(brokers)) => topics::ready(brokers, &vars).map(|()| None)?,
        None => None,
    };
    // 3.
    let since = Instant::now();
    let log = options.json.then(|| options.state.join("worker.log"));
    let mut parts = Parts::default();
    if let (Some(Kafka::Local { port }), Some(distribution)) = (&options.kafka, distribution) {
        let (folder, topics) = (options.state.join("kafka"), topics::of(&vars)?);
        parts.kafka = Some(LocalKafka { distribution, folder, port: *port, topics });
    }
    if let Some(program) = &program {
        let empty = String::new();
        parts.emulator = Some(emulator::start(
            program,
            &emulator::Setting {
                port: options.emulator_port,
                shop_origin: &options.origin(),
                client_key: vars.get("TOSS_CLIENT_KEY").unwrap_or(&empty),
                secret_key: vars.get("TOSS_SECRET_KEY").unwrap_or(&empty),
                state: &options.state.join("emulator.json"),
            },
        )?);
    }
    let run = Run { port: options.port, state: options.state.clone(), vars, log: log.clone() };
    parts.runtime = Some(crate::worker_runtime::start(&run)?);
    // 4.
    let mut running = Running::of(parts);
    let ready = running.wait_until_ready()?;
    let (origin, emulator) = (options.origin(), options.emulator_origin());
    if options.json {
        let mut line = serde_json::json!({
            "ready": true, "origin": origin, "emulator": emulator, "state": options.state, "log": log,
            "workerdPid": ready.workerd_pid, "pids": ready.pids, "ms": since.elapsed().as_millis(),
        });
        if let (Some(kafka), Some(fields)) = (&options.kafka, line.as_object_mut()) {
            fields.insert("kafka".to_owned(), kafka.brokers().into());
            fields.extend(ready.kafka_pid.map(|pid| ("kafkaPid".to_owned(), pid.into())));
        }
        println!("{line}");
    } else {
        println!("{}", greeting(&origin, emulator.as_deref(), options));
    }
    // 5.
    running.wait_until_something_ends(options.json)
}

fn greeting(origin: &str, emulator: Option<&str>, options: &Options) -> String {
    let psp = match (emulator, &options.toss_api) {
        (Some(emulator), _) => format!("{emulator}   (the stand-in for Toss: no real money moves)"),
        (None, api) => api.clone().unwrap_or_default(),
    };
    let events = match &options.kafka {
        None => "embedded   (--kafka sends them through Apache Kafka)".to_owned(),
        Some(kafka) => format!("{}   (Kafka: gyesan.orders, gyesan.ledger)", kafka.brokers()),
    };
    format!(
        "
  Gyesan is running.

  Demo shop     {origin}/demo/
  Payments      {psp}
  Events        {events}
  Keys          pk_test_demo (browser), sk_test_demo (server), op_test_demo (operator)
  A wallet      curl -H 'Authorization: Bearer sk_test_demo' {origin}/v1/wallets/A
  Data          {}   (--fresh empties it)

  Ctrl-C stops everything.
",
        options.state.display()
    )
}

fn build(options: &Options) -> Result<Option<PathBuf>> {
    if options.build {
        artifacts::build()?;
    } else {
        tools::npm_packages()?;
        std::fs::create_dir_all(workspace::path("build/public")).context("build/public cannot be made")?;
    }
    if options.toss_api.is_some() {
        return Ok(None);
    }
    artifacts::build_emulator(options.release).map(Some)
}

/// Says which port is taken before anything is begun.
pub(crate) fn port_is_free(port: u16) -> Result<()> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Ok(()),
        Err(fault) => bail!("port {port} on 127.0.0.1 cannot be used ({fault}): choose another with --port"),
    }
}

/// Two runs on one state folder would damage its databases. The lock goes with the process.
fn lock(state: &Path) -> Result<File> {
    std::fs::create_dir_all(state).with_context(|| format!("{} cannot be made", state.display()))?;
    let file = File::create(state.join("lock")).context("the state folder's lock cannot be made")?;
    if file.try_lock().is_err() {
        bail!(
            "another `cargo xtask dev` uses {}: stop it, or choose another folder with --state",
            state.display()
        );
    }
    Ok(file)
}

/// Removes what earlier runs left, by name: the folder itself may be anything that the caller chose.
fn empty(state: &Path) -> Result<()> {
    for name in ["v3", "kafka", "emulator.json", "emulator.json.log", "worker.log"] {
        let path = state.join(name);
        let outcome =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match outcome {
            Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => {
                return Err(fault).with_context(|| format!("{} cannot be removed", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_port_in_use_is_named_with_the_cure() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let fault = port_is_free(port).unwrap_err().to_string();
        assert!(fault.contains(&port.to_string()) && fault.contains("--port"));
    }

    #[test]
    fn a_state_folder_serves_one_run_at_a_time() {
        let folder = std::env::temp_dir().join(format!("gyesan-lock-{}", std::process::id()));
        let first = lock(&folder).unwrap();
        assert!(lock(&folder).is_err());
        drop(first);
        lock(&folder).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
    }
}
