//! One broker: formatted, started, waited for, stopped.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use gyesan_kafka::api::{Request, metadata};

use super::client::Client;
use super::distribution::Distribution;
use super::topics;
use crate::process;

const PROPERTIES: &str = include_str!("server.properties");
const READY_WITHIN: Duration = Duration::from_secs(30);
/// User and password of the SASL listener, which only tests have.
pub const SASL_USER: &str = "app";
/// See [`SASL_USER`].
pub const SASL_PASSWORD: &str = "app-secret";

/// Where and how a broker runs.
pub struct Setting<'a> {
    /// Its logs, configuration and process id.
    pub folder: &'a Path,
    /// Its port on 127.0.0.1; the controller takes the next one.
    pub port: u16,
    /// A second port that asks for SASL.
    pub sasl_port: Option<u16>,
    /// Where clients are told to find the broker, `host:port`, when that is not its own port: a proxy in front of it.
    pub advertised: Option<&'a str>,
    /// Settings beside the usual ones, `name=value`.
    pub properties: &'a [&'a str],
}

/// A broker that runs. Dropping it leaves it running; what ends the command ends it.
pub struct Broker {
    child: Child,
    /// `host:port`.
    pub address: String,
}

impl Setting<'_> {
    /// Writes the configuration, formats the folder if it is new, and writes `start.sh`, which starts the same broker
    /// again after it was killed.
    pub fn format(&self, distribution: &Distribution) -> Result<()> {
        let data = self.folder.join("data");
        std::fs::create_dir_all(self.folder)?;
        let properties = self.folder.join("server.properties");
        std::fs::write(&properties, self.text(&data))?;
        let mut script = String::from("#!/bin/sh\n# Starts this broker again.\nexec java");
        for argument in self.arguments(distribution) {
            script.push_str(&format!(" '{argument}'"));
        }
        std::fs::write(self.folder.join("start.sh"), script + "\n")?;
        if data.join("meta.properties").exists() {
            return Ok(());
        }
        let mut format = Command::new("java");
        format.args(distribution.arguments("kafka.tools.StorageTool"));
        // Any 16 bytes will do for the cluster's id; nothing outside this folder knows it.
        format.args(["format", "--ignore-formatted", "-t", "Z3llc2FuLWxvY2FsLWthZg", "-c"]).arg(&properties);
        if self.sasl_port.is_some() {
            for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
                format.arg("--add-scram");
                format.arg(format!("{mechanism}=[name={SASL_USER},password={SASL_PASSWORD}]"));
            }
        }
        process::run("formatting Kafka's folder", &mut format)
    }

    /// Starts the broker and waits until it answers.
    pub fn start(&self, distribution: &Distribution) -> Result<Broker> {
        self.format(distribution)?;
        self.launch(distribution, &[])
    }

    /// The start itself, with `extra` arguments for Java; the folder is formatted.
    pub(super) fn launch(&self, distribution: &Distribution, extra: &[String]) -> Result<Broker> {
        for port in [self.port, self.port + 1] {
            if TcpListener::bind(("127.0.0.1", port)).is_err() {
                bail!(
                    "port {port} is in use: choose another with --port (Kafka takes the one after it, too)"
                );
            }
        }
        let mut command = process::bound_to_us(Path::new("java"));
        command.args(extra).args(self.arguments(distribution));
        let log = File::options().create(true).append(true).open(self.folder.join("broker.log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = process::spawn(&mut command)?;
        std::fs::write(self.folder.join("broker.pid"), child.id().to_string())?;
        let mut broker = Broker { child, address: format!("127.0.0.1:{}", self.port) };
        broker.wait_until_ready(self.folder)?;
        Ok(broker)
    }

    fn arguments(&self, distribution: &Distribution) -> Vec<String> {
        let mut arguments = distribution.arguments("kafka.Kafka");
        arguments.push(self.folder.join("server.properties").to_string_lossy().into_owned());
        arguments
    }

    fn text(&self, data: &Path) -> String {
        let (port, controller) = (self.port, self.port + 1);
        let mut listeners = format!("PLAINTEXT://127.0.0.1:{port}");
        let mut advertised =
            self.advertised.map_or_else(|| listeners.clone(), |to| format!("PLAINTEXT://{to}"));
        if let Some(sasl) = self.sasl_port {
            let listener = format!(",SASL_PLAINTEXT://127.0.0.1:{sasl}");
            listeners.push_str(&listener);
            advertised.push_str(&listener);
        }
        let mut text = format!(
            "{PROPERTIES}log.dirs={}\nadvertised.listeners={advertised}\n\
             listeners={listeners},CONTROLLER://127.0.0.1:{controller}\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n",
            data.display()
        );
        if self.sasl_port.is_some() {
            let security = "org.apache.kafka.common.security";
            let listener = "listener.name.sasl_plaintext";
            text.push_str("sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n");
            text.push_str(&format!(
                "{listener}.plain.sasl.jaas.config={security}.plain.PlainLoginModule required \
                 user_{SASL_USER}=\"{SASL_PASSWORD}\";\n"
            ));
            for mechanism in ["scram-sha-256", "scram-sha-512"] {
                let module = format!("{security}.scram.ScramLoginModule required;");
                text.push_str(&format!("{listener}.{mechanism}.sasl.jaas.config={module}\n"));
            }
        }
        for property in self.properties {
            text.push_str(property);
            text.push('\n');
        }
        text
    }
}

impl Broker {
    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the broker ends by itself.
    pub fn wait(&mut self) -> Result<()> {
        let status = self.child.wait().context("waiting for Kafka")?;
        process::forget(&self.child);
        anyhow::ensure!(status.success(), "Kafka ended ({status})");
        Ok(())
    }

    /// Ends the broker cleanly and waits for it, however long what it has to write at its end takes.
    pub fn stop_patiently(mut self) -> Result<()> {
        let group = nix::unistd::Pid::from_raw(i32::try_from(self.child.id())?);
        nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGTERM)?;
        self.child.wait().context("waiting for Kafka")?;
        process::forget(&self.child);
        Ok(())
    }

    /// Ends the broker, cleanly if it is quick about it.
    pub fn stop(mut self) {
        process::end(&mut self.child);
    }

    /// Creates the topics that do not exist, each with its number of partitions. Answers a sentence for each that exists
    /// with another number.
    pub fn create_topics(&self, topics: &[(String, i32)]) -> Result<Vec<String>> {
        let client = Client::open(&self.address);
        let mut others = Vec::new();
        for (topic, wanted) in topics {
            let found = client.create_topic(topic, *wanted)?;
            others.extend(topics::difference(topic, &found, *wanted));
        }
        Ok(others)
    }

    fn wait_until_ready(&mut self, folder: &Path) -> Result<()> {
        let since = Instant::now();
        let client = Client::open(&self.address);
        let request = Request::from(metadata::Request { topics: Vec::new() });
        loop {
            // The port was free, and opens when the broker may serve.
            if client.ask(&request).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                process::forget(&self.child);
                let log = std::fs::read_to_string(folder.join("broker.log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(12).collect();
                bail!(
                    "Kafka ended at once ({status}):\n{}",
                    tail.into_iter().rev().collect::<Vec<_>>().join("\n")
                );
            }
            if since.elapsed() > READY_WITHIN {
                bail!("Kafka did not answer on {} within {} s", self.address, READY_WITHIN.as_secs());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A port that is free now, with a free one after it.
pub fn free_port() -> Result<u16> {
    for _ in 0..50 {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        if port < u16::MAX
            && TcpListener::bind(("127.0.0.1", port)).is_ok()
            && TcpListener::bind(("127.0.0.1", port + 1)).is_ok()
        {
            return Ok(port);
        }
    }
    bail!("no two neighbouring ports are free")
}
