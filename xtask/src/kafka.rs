//! A local Apache Kafka: alone (`cargo xtask kafka`), as a part of `dev`, or for the tests that need a real broker.
//!
//! One process from Maven Central's jars, broker and controller in one, about 150 MB, ready in under two seconds once
//! the jars are there.

pub mod apicurio;
pub mod broker;
pub mod client;
pub mod distribution;
pub mod topics;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::args::Args;
use crate::test::{Counts, count};
use crate::wrangler::Wrangler;
use crate::{process, progress, tools, workspace};
use broker::Setting;
use distribution::Distribution;

const USAGE: &str = "\
usage: cargo xtask kafka [OPTIONS]

  --port PORT              the broker's port on 127.0.0.1 (9092); the controller takes the next one
  --state DIR              where its logs lie (target/kafka)
  --fresh                  begin with an empty folder
  --topic NAME:PARTITIONS  create a topic; may come several times (the product's own)
  --version VERSION        the Kafka to run (4.3.1)
  --sasl-port PORT         a second port that asks for SASL (user app, password app-secret)
  --advertise HOST:PORT    what clients are told to connect to, for a proxy in front of the broker
  --property NAME=VALUE    a setting of the broker; may come several times
  --json                   for programs: one line on stdout, {\"ready\":true,\"address\":…,\"pid\":…}
  --test                   run the tests that need a real broker, against a fresh one, and stop

Ctrl-C (SIGINT) or SIGTERM stops it.";

/// `cargo xtask kafka`.
pub fn run(mut args: Args) -> Result<()> {
    if args.help(USAGE) {
        return Ok(());
    }
    let version = args.option::<String>("--version")?.unwrap_or_else(|| distribution::VERSION.to_owned());
    if args.flag("--test") {
        args.finish()?;
        let Counts { passed, failed } = test(&version)?;
        anyhow::ensure!(failed == 0, "{failed} of {} tests against Kafka {version} failed", passed + failed);
        return Ok(());
    }
    let port = args.option("--port")?.unwrap_or(9092);
    let folder = args.option::<PathBuf>("--state")?;
    let folder = folder.map_or_else(|| Ok(workspace::target().join("kafka")), std::path::absolute)?;
    let fresh = args.flag("--fresh");
    let topics = topics_of(args.options("--topic")?)?;
    let sasl_port = args.option("--sasl-port")?;
    let advertised = args.option::<String>("--advertise")?;
    let properties = args.options::<String>("--property")?;
    let json = args.flag("--json");
    args.finish()?;
    let distribution = Distribution::ready(&version)?;
    if fresh && folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("emptying {}", folder.display()))?;
    }
    let properties: Vec<&str> = properties.iter().map(String::as_str).collect();
    let setting = Setting {
        folder: &folder,
        port,
        sasl_port,
        advertised: advertised.as_deref(),
        properties: &properties,
    };
    let mut broker = setting.start(&distribution)?;
    for difference in broker.create_topics(&topics)? {
        // A broker is of use with any topics; whoever needs them so will say it, too.
        progress::say(&format!("{difference}, or begin with an empty folder by --fresh"));
    }
    if json {
        let line = serde_json::json!({ "ready": true, "address": broker.address, "pid": broker.pid() });
        println!("{line}");
    } else {
        progress::say(&format!("Kafka {version} on {} (pid {})", broker.address, broker.pid()));
    }
    process::signal_is_the_ordinary_end();
    broker.wait()
}

fn topics_of(given: Vec<String>) -> Result<Vec<(String, i32)>> {
    if given.is_empty() {
        return topics::of(&Wrangler::read()?.vars());
    }
    let topic = |word: String| match word.rsplit_once(':') {
        Some((topic, count)) => match count.parse() {
            Ok(count) if count > 0 && !topic.is_empty() => Ok((topic.to_owned(), count)),
            _ => bail!("--topic takes NAME:PARTITIONS, not `{word}`"),
        },
        None => bail!("--topic takes NAME:PARTITIONS, not `{word}`"),
    };
    given.into_iter().map(topic).collect()
}

/// Runs the client's tests against a fresh broker that forgets producers after 1.5 s and asks for SASL on a second port.
pub fn test(version: &str) -> Result<Counts> {
    let distribution = Distribution::ready(version)?;
    let name = format!("{}-{version}", std::process::id());
    let folder: PathBuf = workspace::target().join("kafka-test").join(name);
    let setting = Setting {
        folder: &folder,
        port: broker::free_port()?,
        sasl_port: Some(broker::free_port()?),
        advertised: None,
        properties: &["producer.id.expiration.ms=1500", "producer.id.expiration.check.interval.ms=200"],
    };
    let broker = setting.start(&distribution)?;
    let mut cargo = tools::cargo(&["test", "--package", "gyesan-kafka", "--test", "broker", "--"]);
    // Without a broker they are ignored.
    cargo.args(["--ignored", "--nocapture", "--test-threads=1"]);
    cargo.env("GYESAN_KAFKA", &broker.address).env("GYESAN_KAFKA_HOME", &folder);
    if let Some(port) = setting.sasl_port {
        cargo.env("GYESAN_KAFKA_SASL", format!("127.0.0.1:{port}"));
    }
    let counts = count(&format!("testing against Kafka {version}"), &mut cargo);
    end_restarted(&folder);
    broker.stop();
    let counts = counts?;
    if counts.failed == 0 {
        std::fs::remove_dir_all(&folder)?;
    } else {
        progress::say(&format!("the log of Kafka {version} is in {}", folder.display()));
    }
    Ok(counts)
}

/// The tests kill the broker and start it again: ends the one that runs now, and waits for it.
fn end_restarted(folder: &Path) {
    let pid = std::fs::read_to_string(folder.join("broker.pid")).ok().and_then(|pid| pid.trim().parse().ok());
    let Some(pid) = pid.map(Pid::from_raw) else { return };
    let since = Instant::now();
    let _ = kill(pid, Signal::SIGTERM);
    while kill(pid, None).is_ok() && since.elapsed() < Duration::from_secs(5) {
        // Where it is still a child of ours it has to be waited for before it is gone.
        let _ = nix::sys::wait::waitpid(pid, Some(nix::sys::wait::WaitPidFlag::WNOHANG));
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = kill(pid, Signal::SIGKILL);
}
