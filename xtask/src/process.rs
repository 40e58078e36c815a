//! Child processes: each in a process group of its own, so that it can be ended together with everything it
//! started, and all of them ended when this process is.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::progress::Step;

const GRACE: Duration = Duration::from_secs(4);

static GROUPS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());
static EXIT_CODE_ON_SIGNAL: AtomicI32 = AtomicI32::new(130);
static STOPPING: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT, SIGTERM and SIGHUP end every child group, then this process.
pub fn stop_children_on_signals() {
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            stop_children();
            std::process::exit(EXIT_CODE_ON_SIGNAL.load(Ordering::Relaxed));
        }
    });
}

/// Ctrl-C is the ordinary end of this command, not a failure.
pub fn signal_is_the_ordinary_end() {
    EXIT_CODE_ON_SIGNAL.store(0, Ordering::Relaxed);
}

/// Ends every child group that is left: TERM, and KILL after a grace of four seconds.
pub fn stop_children() {
    STOPPING.store(true, Ordering::SeqCst);
    let groups: Vec<Pid> = GROUPS.lock().map(|mut groups| std::mem::take(&mut *groups)).unwrap_or_default();
    for group in groups.iter().rev() {
        let _ = killpg(*group, Signal::SIGTERM);
    }
    let since = Instant::now();
    while since.elapsed() < GRACE && groups.iter().any(|group| alive(*group)) {
        std::thread::sleep(Duration::from_millis(10));
    }
    for group in groups {
        let _ = killpg(group, Signal::SIGKILL);
    }
}

/// Ends one child with its group and waits for it.
pub fn end(child: &mut Child) {
    if let Ok(id) = i32::try_from(child.id()) {
        let group = Pid::from_raw(id);
        let _ = killpg(group, Signal::SIGTERM);
        let since = Instant::now();
        while since.elapsed() < GRACE && matches!(child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = killpg(group, Signal::SIGKILL);
    }
    let _ = child.wait();
    forget(child);
}

/// Whether the end has begun, so that the end of a child is no news.
pub fn stopping() -> bool {
    STOPPING.load(Ordering::SeqCst)
}

fn alive(group: Pid) -> bool {
    // A child that has ended but was not waited for still counts as a member of its group.
    let _ = nix::sys::wait::waitpid(group, Some(nix::sys::wait::WaitPidFlag::WNOHANG));
    killpg(group, None).is_ok()
}

/// Starts a child in a group of its own.
pub fn spawn(command: &mut Command) -> Result<Child> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command.process_group(0).spawn().with_context(|| format!("{name} cannot be started"))?;
    if let (Ok(mut groups), Ok(id)) = (GROUPS.lock(), i32::try_from(child.id())) {
        groups.push(Pid::from_raw(id));
    }
    Ok(child)
}

/// The child has been waited for: its group is no longer ours to end.
pub fn forget(child: &Child) {
    if let (Ok(mut groups), Ok(id)) = (GROUPS.lock(), i32::try_from(child.id())) {
        groups.retain(|group| group.as_raw() != id);
    }
}

/// Runs a step of the set-up or the build quietly; its output is shown only when it fails.
pub fn run(step: &str, command: &mut Command) -> Result<()> {
    let step_shown = Step::begin(step);
    let (status, output) = observe(command, |line| step_shown.doing(line))?;
    if !status.success() {
        drop(step_shown);
        if stopping() {
            bail!("{step} was stopped");
        }
        let faults: Vec<&str> = output.lines().filter(|line| !is_cargo_chatter(line)).collect();
        eprintln!("{}", faults.join("\n"));
        bail!("{step} failed ({status})");
    }
    step_shown.done();
    Ok(())
}

/// Runs a command to its end, showing each line to `watch`; answers its status and all of its output.
pub fn observe(command: &mut Command, watch: impl Fn(&str) + Send + Sync) -> Result<(ExitStatus, String)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command)?;
    let output = Arc::new(Mutex::new(String::new()));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        let watch = &watch;
        if let Some(pipe) = stdout {
            let output = Arc::clone(&output);
            scope.spawn(move || collect(pipe, &output, watch));
        }
        if let Some(pipe) = stderr {
            let output = Arc::clone(&output);
            scope.spawn(move || collect(pipe, &output, watch));
        }
    });
    let status = child.wait().context("waiting for a child")?;
    forget(&child);
    let text = output.lock().map(|text| text.clone()).unwrap_or_default();
    Ok((status, text))
}

/// Lines in which cargo tells what it is busy with.
pub fn is_cargo_chatter(line: &str) -> bool {
    let busy = [
        "Blocking ",
        "Checking ",
        "Compiling ",
        "Downloaded ",
        "Downloading ",
        "Finished ",
        "Locking ",
        "Updating ",
    ];
    busy.iter().any(|word| line.trim_start().starts_with(word))
}

fn collect(pipe: impl Read, output: &Mutex<String>, watch: &(impl Fn(&str) + Sync)) {
    let mut reader = BufReader::new(pipe);
    let mut bytes = Vec::new();
    while matches!(reader.read_until(b'\n', &mut bytes), Ok(read) if read > 0) {
        let line = String::from_utf8_lossy(&bytes);
        watch(line.trim_end());
        if let Ok(mut output) = output.lock() {
            output.push_str(&line);
        }
        bytes.clear();
    }
}

/// The trimmed standard output of a short command, or `None` when it cannot be started or fails.
pub fn answer_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A command that the kernel ends when this process ends, however it ends. Where `setpriv` is missing (not
/// Linux) the ordinary ways must do: the process group and the closed standard input.
pub fn bound_to_us(program: &std::path::Path) -> Command {
    if answer_of(Command::new("setpriv").arg("--version")).is_some() {
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig").arg("TERM").arg(program);
        command
    } else {
        Command::new(program)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn output_of_both_pipes_is_collected_with_the_status() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let seen = Mutex::new(Vec::new());
        let (status, output) =
            observe(&mut command, |line| seen.lock().unwrap().push(line.to_owned())).unwrap();
        assert_eq!(status.code(), Some(3));
        assert!(output.contains("out\n") && output.contains("err\n"));
        assert_eq!(seen.lock().unwrap().len(), 2);
    }

    #[test]
    fn a_group_ends_with_everything_it_started() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & echo $!; wait"]).stdout(Stdio::piped());
        let mut child = spawn(&mut command).unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let grandchild = Pid::from_raw(line.trim().parse().unwrap());
        let group = Pid::from_raw(i32::try_from(child.id()).unwrap());
        killpg(group, Signal::SIGTERM).unwrap();
        child.wait().unwrap();
        forget(&child);
        let since = Instant::now();
        let mut gone = false;
        while !gone && since.elapsed() < Duration::from_secs(2) {
            let state = std::fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
            gone = state.is_empty() || state.contains(") Z ");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(gone);
    }
}
