//! The worker in Miniflare: starts `xtask/runtime/miniflare.mjs`, hands it the description of the run and reads
//! what it says.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use crate::wrangler::{Run, Wrangler};
use crate::{artifacts, process, workspace};

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
    let mut description = Wrangler::read()?.describe(run)?;
    own_files(&mut description, &run.state)?;
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

/// Gives the run a copy of the static files. The runtime opens the folder once and knows only the names that are in it then: a
/// build under it would leave it without any file.
fn own_files(description: &mut Value, state: &Path) -> Result<()> {
    let Some(directory) = description.pointer_mut("/assets/directory") else { return Ok(()) };
    let built: PathBuf = directory.as_str().unwrap_or_default().into();
    let own = state.join("public");
    if own.exists() {
        std::fs::remove_dir_all(&own).with_context(|| format!("{} cannot be emptied", own.display()))?;
    }
    artifacts::copy_folder(&built, &own)?;
    *directory = own.to_string_lossy().into();
    Ok(())
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
    use crate::stamp::write_file;
    use serde_json::json;

    #[test]
    fn lines_that_are_no_events_are_passed_over() {
        assert!(event("hello").is_none());
        assert!(event("{\"level\":\"info\"}").is_none());
        assert_eq!(event("{\"event\":\"ready\",\"workerdPid\":7}").unwrap().0, "ready");
    }

    #[test]
    fn a_run_keeps_its_files_when_the_build_is_replaced_and_has_the_new_ones_at_its_next_start() {
        let folder = std::env::temp_dir().join(format!("gyesan-files-{}", std::process::id()));
        let (built, state) = (folder.join("build/public"), folder.join("state"));
        let start = || {
            let mut description = json!({ "assets": { "directory": built } });
            own_files(&mut description, &state).unwrap();
            PathBuf::from(description.pointer("/assets/directory").unwrap().as_str().unwrap())
        };
        write_file(&built.join("assets/old.js"), b"old").unwrap();
        let own = start();
        std::fs::remove_dir_all(&built).unwrap();
        write_file(&built.join("assets/new.js"), b"new").unwrap();
        assert_eq!(std::fs::read(own.join("assets/old.js")).unwrap(), b"old");
        assert!(!own.join("assets/new.js").exists());
        let own = start();
        assert_eq!(std::fs::read(own.join("assets/new.js")).unwrap(), b"new");
        assert!(!own.join("assets/old.js").exists());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
