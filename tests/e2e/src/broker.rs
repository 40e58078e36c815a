//! A real broker of the tests' own: `cargo xtask kafka` as a child process, killed and started again at will.

use crate::stack::{free_port_pair, signal, xtask};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A broker. Dropping it stops it.
pub struct Broker {
    /// Its own port on 127.0.0.1, whatever it tells clients.
    pub port: u16,
    /// Where it stores its logs.
    pub folder: PathBuf,
    arguments: Vec<String>,
    running: Option<Running>,
}

struct Running {
    command: Child,
    /// Kept open: what the command says later must find a reader.
    _output: BufReader<ChildStdout>,
    pid: u64,
}

/// How a broker is ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// SIGTERM: it writes everything and says goodbye.
    Clean,
    /// SIGKILL.
    Killed,
}

impl Broker {
    /// A broker with an empty folder; it does not run yet. `extra` goes to `cargo xtask kafka`.
    ///
    /// # Errors
    /// When there are no free ports.
    pub fn new(folder: &Path, extra: &[String]) -> Result<Broker> {
        let port = free_port_pair()?;
        Ok(Broker { port, folder: folder.to_owned(), arguments: extra.to_vec(), running: None })
    }

    /// The same, running.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(folder: &Path, extra: &[String]) -> Result<Broker> {
        let mut broker = Broker::new(folder, extra)?;
        broker.resume()?;
        Ok(broker)
    }

    /// `host:port` of the broker itself.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// One more setting from the next start on; it may hold spaces, and what it names may be set anew.
    pub fn set(&mut self, property: &str) {
        self.arguments.extend(["--property".to_owned(), property.to_owned()]);
    }

    /// Starts it on what it has stored, with one more argument for `cargo xtask kafka` from now on.
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume_with(&mut self, argument: &str) -> Result<()> {
        self.arguments.extend(argument.split(' ').map(str::to_owned));
        self.resume()
    }

    /// Starts it on what it has stored.
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume(&mut self) -> Result<()> {
        let mut command: Command = xtask();
        command.args(["kafka", "--json", "--port", &self.port.to_string(), "--state"]).arg(&self.folder);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        // What it says when it is killed is no news here.
        command.stderr(Stdio::null());
        let mut command = command.spawn().context("cargo cannot be run")?;
        let stdout = command.stdout.take().context("the child has no standard output")?;
        let mut output = BufReader::new(stdout);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let Some(pid) = said.get("pid").and_then(Value::as_u64) else {
            let _ = command.wait();
            bail!("Kafka does not start; its log is in {}", self.folder.display());
        };
        self.running = Some(Running { command, _output: output, pid });
        Ok(())
    }

    /// Ends it and waits until it is gone.
    ///
    /// # Errors
    /// When it does not run.
    pub fn end(&mut self, end: End) -> Result<()> {
        let mut running = self.running.take().context("Kafka does not run")?;
        signal(if end == End::Clean { "TERM" } else { "KILL" }, running.pid)?;
        running.command.wait()?;
        Ok(())
    }

    /// No file of its process may grow beyond this many bytes from now on: what a full disk does to it.
    ///
    /// # Errors
    /// When it does not run.
    pub fn fill_disk(&self, bytes: u64) -> Result<()> {
        let running = self.running.as_ref().context("Kafka does not run")?;
        let status = Command::new("prlimit")
            .args([&format!("--pid={}", running.pid), &format!("--fsize={bytes}")])
            .status()
            .context("prlimit (util-linux) is missing")?;
        if status.success() { Ok(()) } else { bail!("the limit cannot be set") }
    }

    /// The bytes of the largest file of a topic's partitions.
    pub fn largest_file(&self, topic: &str) -> u64 {
        let folders = std::fs::read_dir(self.folder.join("data")).into_iter().flatten().flatten();
        let of_topic = folders.filter(|folder| folder.file_name().to_string_lossy().starts_with(topic));
        let files = of_topic.filter_map(|folder| std::fs::read_dir(folder.path()).ok()).flatten().flatten();
        let logs = files.filter(|file| file.file_name().to_string_lossy().ends_with(".log"));
        logs.filter_map(|file| Some(file.metadata().ok()?.len())).max().unwrap_or(0)
    }

    /// Waits until it has ended by itself; false when it has not within `limit`.
    pub fn ends_within(&mut self, limit: Duration) -> bool {
        let since = Instant::now();
        let Some(running) = &mut self.running else { return true };
        while since.elapsed() < limit {
            if matches!(running.command.try_wait(), Ok(Some(_))) {
                self.running = None;
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }

    /// Stops it in the middle of whatever it does (SIGSTOP), or lets it go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn freeze(&self, frozen: bool) -> Result<()> {
        let running = self.running.as_ref().context("Kafka does not run")?;
        signal(if frozen { "STOP" } else { "CONT" }, running.pid)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // A clean end would wait for a controller that may be gone, and nobody reads its logs again.
        let _ = self.end(End::Killed);
    }
}
