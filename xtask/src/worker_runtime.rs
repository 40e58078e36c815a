//! The worker in Miniflare: starts `xtask/runtime/miniflare.mjs`, hands it the description of the run and reads
//! what it says.

use std::io::Write as _;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use crate::wrangler::{Run, Wrangler};
use crate::{process, workspace};

/// The running script. It stops when its standard input is closed, so the handle is kept as long as it is wanted.
pub struct WorkerRuntime {
    /// The process, its standard output piped: one JSON event a line.
    pub child: Child,
    stdin: ChildStdin,
}

impl WorkerRuntime {
    /// Has the worker's cron run now: every actor sees to what is due, and those that nobody calls come to life.
    pub fn poke(&mut self) -> Result<()> {
        writeln!(self.stdin, "poke").context("the runtime takes no more words")
    }
}

/// Starts the worker. It answers when its `ready` event has come.
pub fn start(run: &Run) -> Result<WorkerRuntime> {
    let description = Wrangler::read()?.describe(run)?;
    let mut command = Command::new("node");
    // Miniflare reads its own bundle and is idle from then on: 100 MB resident instead of 160.
    command.args(["--max-semi-space-size=1", "--max-old-space-size=96"]);
    command.arg(workspace::path("xtask/runtime/miniflare.mjs")).current_dir(workspace::root());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = process::spawn(&mut command)?;
    let mut stdin = child.stdin.take().ok_or_else(|| anyhow!("node has no standard input"))?;
    writeln!(stdin, "{description}").context("the runtime did not take its description")?;
    Ok(WorkerRuntime { child, stdin })
}

/// One event of the script, or `None` for a line that is not one.
pub fn event(line: &str) -> Option<(String, Value)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let name = value.get("event")?.as_str()?.to_owned();
    Some((name, value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_that_are_no_events_are_passed_over() {
        assert!(event("hello").is_none());
        assert!(event("{\"level\":\"info\"}").is_none());
        assert_eq!(event("{\"event\":\"ready\",\"workerdPid\":7}").unwrap().0, "ready");
    }
}
