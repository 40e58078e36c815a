//! A running stack: `cargo xtask dev --json` as a child process, on ports and a state folder of its own.

use crate::client::Client;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A first start builds everything.
const START_LIMIT: Duration = Duration::from_secs(1200);

/// A running stack. Dropping it stops everything.
pub struct Stack {
    child: Child,
    events: Receiver<Value>,
    /// Where the worker answers.
    pub origin: String,
    /// Where the emulator answers.
    pub emulator: String,
    /// Of workerd; changes when it is restarted.
    pub workerd_pid: u64,
    /// Everything that runs, without the program that started it.
    pub pids: Vec<u64>,
    /// From the start of the child to readiness.
    pub started_in: Duration,
    /// The worker's log.
    pub log: PathBuf,
    /// Of the local Kafka; 0 without one. Changes when it is restarted.
    pub kafka_pid: u64,
}

impl Stack {
    /// Starts a stack with an empty state. `extra` goes to `cargo xtask dev`.
    ///
    /// The program that runs it is `GYESAN_XTASK`, which has built everything already, or else cargo.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start(state: &Path, extra: &[&str]) -> Result<Stack> {
        Stack::start_again(state, &[&["--fresh"], extra].concat())
    }

    /// The same on what an earlier one has stored.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start_again(state: &Path, extra: &[&str]) -> Result<Stack> {
        Stack::start_in(state, extra, &[])
    }

    /// The same with variables of the environment, such as `NODE_EXTRA_CA_CERTS`: whom the worker's runtime trusts.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start_in(state: &Path, extra: &[&str], environment: &[(&str, &Path)]) -> Result<Stack> {
        let port = free_port_pair()?;
        let mut command = xtask();
        command.args(["dev", "--json", "--port", &port.to_string()]);
        if has_built() {
            command.arg("--no-build");
        }
        command.arg("--state").arg(state).args(extra).envs(environment.iter().copied());
        let since = Instant::now();
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cargo cannot be run")?;
        let stdout = child.stdout.take().context("the child has no standard output")?;
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Ok(event) = serde_json::from_str(&line) {
                    let _ = sender.send(event);
                }
            }
        });
        let mut stack = Stack {
            child,
            events,
            origin: String::new(),
            emulator: String::new(),
            workerd_pid: 0,
            pids: Vec::new(),
            started_in: Duration::ZERO,
            log: PathBuf::new(),
            kafka_pid: 0,
        };
        let ready = stack.event("ready", START_LIMIT)?;
        let text = |name: &str| ready.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        (stack.origin, stack.emulator, stack.log) = (text("origin"), text("emulator"), text("log").into());
        stack.workerd_pid = ready.get("workerdPid").and_then(Value::as_u64).context("no workerdPid")?;
        stack.kafka_pid = ready.get("kafkaPid").and_then(Value::as_u64).unwrap_or(0);
        let pids = ready.get("pids").and_then(Value::as_array);
        stack.pids = pids.into_iter().flatten().filter_map(Value::as_u64).collect();
        stack.started_in = since.elapsed();
        Ok(stack)
    }

    /// Kills workerd without warning and waits until the worker answers again; how long that took.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn kill_workerd(&mut self) -> Result<Duration> {
        let since = Instant::now();
        signal("KILL", self.workerd_pid)?;
        let restarted = self.event("restarted", Duration::from_secs(30))?;
        let pid = restarted.get("workerdPid").and_then(Value::as_u64).context("no workerdPid")?;
        for known in self.pids.iter_mut().filter(|known| **known == self.workerd_pid) {
            *known = pid;
        }
        self.workerd_pid = pid;
        while since.elapsed() < Duration::from_secs(30) {
            let answer = Client::new(&self.origin).send("GET", "/healthz", &[], None);
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(since.elapsed());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("the worker does not answer after the restart")
    }

    /// Kills the local Kafka without warning and waits until it runs again; how long that took.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn kill_kafka(&mut self) -> Result<Duration> {
        let since = Instant::now();
        signal("KILL", self.kafka_pid)?;
        let restarted = self.event("kafkaRestarted", Duration::from_secs(30))?;
        self.kafka_pid = restarted.get("kafkaPid").and_then(Value::as_u64).context("no kafkaPid")?;
        Ok(since.elapsed())
    }

    /// The worker's log lines that state this fact.
    pub fn facts(&self, fact: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line.get("fact").is_some_and(|is| is == fact)).collect()
    }

    /// How many lines the worker has logged.
    pub fn lines_logged(&self) -> usize {
        std::fs::read_to_string(&self.log).unwrap_or_default().lines().count()
    }

    /// Resident memory of everything that runs, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        self.pids.iter().map(|pid| resident(*pid)).sum()
    }

    fn event(&mut self, name: &str, limit: Duration) -> Result<Value> {
        let mut seen = VecDeque::new();
        let since = Instant::now();
        loop {
            match self.events.recv_timeout(limit.saturating_sub(since.elapsed())) {
                Ok(event) if event.get(name).is_some() => return Ok(event),
                Ok(event) if event.get("failed").is_some() => bail!("the stack failed: {event}"),
                Ok(event) => seen.push_back(event),
                Err(RecvTimeoutError::Timeout) => bail!("no `{name}` within {limit:?}; seen: {seen:?}"),
                Err(RecvTimeoutError::Disconnected) => bail!("the stack ended; seen: {seen:?}"),
            }
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _ = signal("TERM", u64::from(self.child.id()));
        let _ = self.child.wait();
    }
}

/// The workspace's folder.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether whoever runs this test has built everything.
fn has_built() -> bool {
    std::env::var_os("GYESAN_XTASK").is_some()
}

/// The program of `cargo xtask`: the one that runs this test, or cargo.
pub fn xtask() -> Command {
    let mut command = match std::env::var_os("GYESAN_XTASK") {
        Some(program) => Command::new(program),
        None => {
            let mut cargo = Command::new("cargo");
            cargo.arg("xtask");
            cargo
        }
    };
    command.current_dir(workspace());
    command
}

/// Sends a signal by name.
///
/// # Errors
/// When there is no such process.
pub fn signal(name: &str, pid: u64) -> Result<()> {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status()?;
    if status.success() { Ok(()) } else { bail!("process {pid} cannot be signalled") }
}

fn resident(pid: u64) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// A port with a free one after it, for the emulator or Kafka's controller.
///
/// # Errors
/// When none is found.
pub fn free_port_pair() -> Result<u16> {
    for _ in 0..100 {
        let first = TcpListener::bind(("127.0.0.1", 0))?;
        let port = first.local_addr()?.port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no two free ports side by side")
}
