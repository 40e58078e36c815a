//! The parts of a run while they run: waits for their readiness, passes on what they say, and ends them together
//! when one of them ends.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use serde_json::Value;

use super::local_kafka::{LocalKafka, News};
use crate::worker_runtime::{self, WorkerRuntime};
use crate::{process, progress};

const READY_LIMIT: Duration = Duration::from_secs(60);

/// What was started.
#[derive(Default)]
pub struct Parts {
    /// The emulator, unless another Toss is used.
    pub emulator: Option<Child>,
    /// The worker in its runtime.
    pub runtime: Option<WorkerRuntime>,
    /// The local Kafka, which is started once somebody listens.
    pub kafka: Option<LocalKafka>,
}

/// The parts with their output being read.
pub struct Running {
    parts: Parts,
    kafka_awaited: bool,
    said: Receiver<Said>,
}

/// What a driver may want to know of a run that is ready.
pub struct Ready {
    /// The process to kill when a crash is wanted.
    pub workerd_pid: u64,
    /// The local Kafka's.
    pub kafka_pid: Option<u64>,
    /// All processes that this one started.
    pub pids: Vec<u64>,
}

enum Said {
    Emulator(String),
    EmulatorEnded,
    Runtime(String),
    RuntimeEnded,
    Kafka(News),
}

impl Running {
    /// Begins to read what the parts say.
    pub fn of(mut parts: Parts) -> Self {
        let (sender, said) = mpsc::channel();
        if let Some(emulator) = &mut parts.emulator {
            read_lines(emulator, &sender, Said::Emulator, || Said::EmulatorEnded);
        }
        if let Some(runtime) = &mut parts.runtime {
            read_lines(&mut runtime.child, &sender, Said::Runtime, || Said::RuntimeEnded);
        }
        let kafka = parts.kafka.take();
        let kafka_awaited = kafka.is_some();
        if let Some(kafka) = kafka {
            kafka.keep(move |news| {
                let _ = sender.send(Said::Kafka(news));
            });
        }
        Self { parts, kafka_awaited, said }
    }

    /// Waits until every part accepts requests.
    pub fn wait_until_ready(&mut self) -> Result<Ready> {
        let step = progress::Step::begin("starting");
        let since = Instant::now();
        let mut emulator_ready = self.parts.emulator.is_none();
        let mut workerd_pid = None;
        let mut kafka_pid = None;
        loop {
            match self.said.recv_timeout(READY_LIMIT.saturating_sub(since.elapsed())) {
                Ok(Said::Emulator(line)) if line.starts_with("emulator ready") => emulator_ready = true,
                Ok(Said::Emulator(line)) => progress::say(&line),
                Ok(Said::EmulatorEnded) => bail!("the emulator ended: {}", self.ending_of_emulator()),
                Ok(Said::RuntimeEnded) => bail!("the worker's runtime ended before it was ready"),
                Ok(Said::Runtime(line)) => match worker_runtime::event(&line) {
                    Some((name, value)) if name == "ready" => {
                        workerd_pid = value.get("workerdPid").and_then(Value::as_u64);
                    }
                    Some((name, value)) if name == "failed" => return Err(failure(&value)),
                    Some((_, value)) => progress::say(text(&value, "text")),
                    None => progress::say(&line),
                },
                Ok(Said::Kafka(News::Ready { pid } | News::Restarted { pid, .. })) => {
                    kafka_pid = Some(u64::from(pid));
                }
                Ok(Said::Kafka(News::Failed(why))) => bail!("{why}"),
                Err(RecvTimeoutError::Timeout) => {
                    bail!("nothing answered within {} s", READY_LIMIT.as_secs())
                }
                Err(RecvTimeoutError::Disconnected) => bail!("everything ended"),
            }
            let others_ready = emulator_ready && (kafka_pid.is_some() || !self.kafka_awaited);
            if let (true, Some(workerd_pid)) = (others_ready, workerd_pid) {
                if let Some(runtime) = &mut self.parts.runtime {
                    runtime.poke()?;
                }
                step.done();
                let mut pids: Vec<u64> =
                    self.parts.emulator.iter().map(|child| u64::from(child.id())).collect();
                pids.extend(self.parts.runtime.iter().map(|runtime| u64::from(runtime.child.id())));
                pids.push(workerd_pid);
                pids.extend(kafka_pid);
                return Ok(Ready { workerd_pid, kafka_pid, pids });
            }
        }
    }

    /// Passes on what the parts say until one of them ends, which is an error: a signal ends the process elsewhere.
    pub fn wait_until_something_ends(&mut self, json: bool) -> Result<()> {
        loop {
            match self.said.recv() {
                Ok(Said::Emulator(line)) => progress::say(&line),
                Ok(Said::EmulatorEnded) => {
                    bail!("the emulator ended ({}); everything is stopped", self.ending_of_emulator())
                }
                Ok(Said::RuntimeEnded) => bail!("the worker's runtime ended; everything is stopped"),
                Ok(Said::Runtime(line)) => match worker_runtime::event(&line) {
                    Some((name, value)) if name == "restarted" => restarted(&value, json),
                    Some((name, value)) if name == "failed" => return Err(failure(&value)),
                    _ => progress::say(&line),
                },
                Ok(Said::Kafka(News::Restarted { pid, ms })) => kafka_restarted(pid, ms, json),
                Ok(Said::Kafka(News::Failed(why))) => bail!("{why}; everything is stopped"),
                Ok(Said::Kafka(News::Ready { .. })) => {}
                Err(_) => bail!("everything ended"),
            }
        }
    }

    fn ending_of_emulator(&mut self) -> String {
        let ended = self.parts.emulator.as_mut().and_then(|child| child.wait().ok());
        ended.map_or_else(|| "no status".to_owned(), |status| status.to_string())
    }
}

fn restarted(value: &Value, json: bool) {
    let ms = value.get("ms").and_then(Value::as_u64).unwrap_or_default();
    progress::say(&format!("workerd ended ({}) and is back after {ms} ms", text(value, "reason")));
    if json {
        let pid = value.get("workerdPid");
        println!("{}", serde_json::json!({ "restarted": true, "workerdPid": pid, "ms": ms }));
    }
}

fn kafka_restarted(pid: u32, ms: u64, json: bool) {
    progress::say(&format!("Kafka ended and is back after {ms} ms"));
    if json {
        println!("{}", serde_json::json!({ "kafkaRestarted": true, "kafkaPid": pid, "ms": ms }));
    }
}

fn failure(value: &Value) -> anyhow::Error {
    anyhow!("the worker's runtime: {}", text(value, "message"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn read_lines(child: &mut Child, sender: &Sender<Said>, line_said: fn(String) -> Said, ended: fn() -> Said) {
    let Some(stdout) = child.stdout.take() else { return };
    let sender = sender.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line_said(line));
        }
        // While everything is being stopped, the end of a part is no news.
        if process::stopping() {
            loop {
                std::thread::park();
            }
        }
        let _ = sender.send(ended());
    });
}
