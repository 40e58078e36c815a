//! How often a process makes the disk keep what it has written: once a commit. Counted by `perf`, where that is there and
//! allowed.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Calls that are counted.
const EVENTS: &str = "syscalls:sys_enter_fsync,syscalls:sys_enter_fdatasync";

/// A count under way.
pub struct Syncs(Option<Child>);

impl Syncs {
    /// Begins to count those of a process.
    pub fn of(pid: u64) -> Syncs {
        let mut perf = Command::new("perf");
        perf.args(["stat", "-x", ",", "-e", EVENTS, "-p", &pid.to_string()]);
        let child = perf.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok();
        // perf says nothing when it has begun.
        std::thread::sleep(Duration::from_millis(300));
        Syncs(child)
    }

    /// How many there were, or `None` when they cannot be counted here.
    pub fn count(self) -> Option<u64> {
        let child = self.0?;
        // perf prints its counts when it is interrupted.
        let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        let output = child.wait_with_output().ok()?;
        interrupted.ok()?;
        total(&String::from_utf8_lossy(&output.stderr))
    }
}

/// The sum over the lines `count,,event,…`; `None` when a line has no count (`<not supported>`) or there is none.
fn total(output: &str) -> Option<u64> {
    let lines: Vec<&str> = output.lines().filter(|line| line.contains("sys_enter_")).collect();
    let counts = lines.iter().map(|line| line.split(',').next().and_then(|count| count.parse::<u64>().ok()));
    counts.collect::<Option<Vec<u64>>>().filter(|counts| !counts.is_empty()).map(|counts| counts.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_added_and_a_missing_one_is_not_taken_for_zero() {
        assert_eq!(
            total("3,,syscalls:sys_enter_fsync,1,100.00,,\n39,,syscalls:sys_enter_fdatasync,1,100.00,,\n"),
            Some(42)
        );
        assert_eq!(total("<not supported>,,syscalls:sys_enter_fsync,0,100.00,,\n"), None);
        assert_eq!(total("Permission denied\n"), None);
    }
}
