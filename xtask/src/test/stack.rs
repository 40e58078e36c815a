//! A whole stack for a suite: `xtask dev --json` with databases of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::{process, workspace};

/// A running stack; it is stopped when it is dropped.
pub struct Stack {
    /// The worker's origin.
    pub origin: String,
    /// The emulator's origin.
    pub emulator: String,
    child: Child,
    // Kept open: what the stack says later must find a reader.
    _output: BufReader<ChildStdout>,
}

impl Stack {
    /// Starts one on `port` and `port + 1`, with what was built before and an empty state called `name`.
    pub fn start(port: u16, name: &str) -> Result<Self> {
        let state = workspace::target().join("stacks").join(name);
        let mut command = Command::new(workspace::this_program()?);
        command.args(["dev", "--json", "--no-build", "--fresh", "--port", &port.to_string()]);
        command.arg("--state").arg(&state).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = process::spawn(&mut command)?;
        let stdout = child.stdout.take().ok_or_else(|| anyhow!("the stack has no output"))?;
        let mut line = String::new();
        let mut output = BufReader::new(stdout);
        output.read_line(&mut line).context("reading from the stack")?;
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let text = |key: &str| said.get(key).and_then(Value::as_str).map(str::to_owned);
        let (Some(origin), Some(emulator)) = (text("origin"), text("emulator")) else {
            let _ = child.wait();
            process::forget(&child);
            bail!("the stack did not start: {}", text("failed").unwrap_or(line));
        };
        Ok(Self { origin, emulator, child, _output: output })
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        process::end(&mut self.child);
    }
}
