//! `--widget`: how soon a buyer can pay in the demo shop, by Chromium, with nothing cached and with everything.

use crate::distribution::Distribution;
use crate::{UNLIMITED, machine, say};
use anyhow::{Context, Result, ensure};
use gyesan_e2e::stack::{Stack, workspace};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Visits of each kind.
const VISITS: usize = 10;
const VISITS_QUICK: usize = 3;

/// What is told of a visit, what it is called, and its target.
const MOMENTS: [(&str, &str, &str); 4] = [
    ("formDrawn", "form drawn", ""),
    ("sdkLoaded", "Toss SDK (the stand-in) loaded", ""),
    ("methodsDrawn", "its payment methods and terms drawn", ""),
    ("payable", "pay button can be pressed", "≤ 300 / ≤ 100 ms, cold / warm"),
];
const AFTER_SDK: &str = "pay button, after the SDK's methods and terms";

/// The visits with one state of the cache, as the script tells them.
struct Visits(Vec<Value>);

impl Visits {
    fn of(told: &Value, cache: &str, count: usize) -> Result<Visits> {
        let visits = told.get(cache).and_then(Value::as_array).cloned().unwrap_or_default();
        let whole = visits.iter().all(|visit| MOMENTS.iter().all(|(name, ..)| moment(visit, name).is_some()));
        ensure!(visits.len() == count && whole, "{count} {cache} visits were wanted: {told}");
        Ok(Visits(visits))
    }

    fn moments(&self, name: &str) -> Distribution {
        Distribution::of(self.0.iter().filter_map(|visit| moment(visit, name)).collect())
    }

    /// What the widget adds when everything of the SDK is there.
    fn after_sdk(&self) -> Distribution {
        let added =
            |visit: &Value| Some(moment(visit, "payable")?.saturating_sub(moment(visit, "methodsDrawn")?));
        Distribution::of(self.0.iter().filter_map(added).collect())
    }
}

fn moment(visit: &Value, name: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(visit.get(name)?.as_f64()? / 1e3).ok()
}

/// A stack, a browser, and the visits.
///
/// # Errors
/// When the shop cannot be used.
pub fn run(folder: &Path, quick: bool) -> Result<String> {
    let load_before = machine::load_average();
    let count = if quick { VISITS_QUICK } else { VISITS };
    say("starting a stack");
    let stack = Stack::start(folder, &UNLIMITED)?;
    say(&format!("visiting the demo shop, {count} times with nothing cached and {count} times again"));
    let mut node = Command::new("node");
    node.arg("tests/bench/widget.mjs").arg(count.to_string()).current_dir(workspace());
    node.env("GYESAN_ORIGIN", &stack.origin).env("GYESAN_EMULATOR", &stack.emulator);
    let output = node.stderr(Stdio::inherit()).output().context("node cannot be run")?;
    ensure!(output.status.success(), "the visits failed ({})", output.status);
    let told = serde_json::from_slice(&output.stdout).context("the visits are not told")?;
    let (cold, warm) = (Visits::of(&told, "cold", count)?, Visits::of(&told, "warm", count)?);
    let command = if quick { "cargo xtask bench --widget --quick" } else { "cargo xtask bench --widget" };
    let head = format!(
        "`{command}`, {}, {}, load average {load_before} before and {} after. Chromium without a window and without throttling, \
         Miniflare and the stand-in for Toss on the same cores; {count} visits of each kind.",
        machine::today(),
        machine::processor(),
        machine::load_average(),
    );
    Ok(markdown(&head, &cold, &warm))
}

/// As Markdown: one row a moment, one column a state of the cache, the target last.
fn markdown(head: &str, cold: &Visits, warm: &Visits) -> String {
    let mut text = format!(
        "{head}\n\n| from the start of navigation until ¹ | nothing cached, p50 / p95 ² | cached, p50 / p95 ² | target |\n\
         |---|---|---|---|\n"
    );
    let mut row = |what: &str, cold: &Distribution, warm: &Distribution, target: &str| {
        let _ = writeln!(text, "| {what} | {} | {} | {target} |", pair(cold), pair(warm));
    };
    for (name, what, target) in MOMENTS {
        row(what, &cold.moments(name), &warm.moments(name), target);
    }
    row(AFTER_SDK, &cold.after_sdk(), &warm.after_sdk(), "with the SDK");
    text.push_str(
        "\n¹ By the page's own clock, seen in the document: not yet painted, which is up to 16 ms later.\n\
         ² A browser context of its own for each visit, or one for all of them, whose first visit is not counted. Measured \
         values, not interpolated: p95 of ten is the slowest.\n",
    );
    text
}

fn pair(moments: &Distribution) -> String {
    format!("{:.0} / {:.0} ms", moments.p50_ms(), moments.percentile_ms(95.0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn visit(at: f64) -> Value {
        json!({"formDrawn": at, "sdkLoaded": at + 1.0, "methodsDrawn": at + 10.0, "payable": at + 12.0})
    }

    #[test]
    fn visits_become_a_row_each_moment() {
        let told = json!({"cold": [visit(200.0), visit(300.0)], "warm": [visit(50.0), visit(40.0)]});
        let visits = |cache: &str| Visits::of(&told, cache, 2).unwrap();
        let table = markdown("head", &visits("cold"), &visits("warm"));
        for row in [
            "| form drawn | 200 / 300 ms | 40 / 50 ms |  |",
            "| pay button can be pressed | 212 / 312 ms | 52 / 62 ms | ≤ 300 / ≤ 100 ms, cold / warm |",
            "| pay button, after the SDK's methods and terms | 2 / 2 ms | 2 / 2 ms | with the SDK |",
        ] {
            assert!(table.contains(row), "{row} is not in\n{table}");
        }
    }

    #[test]
    fn a_visit_that_lacks_a_moment_is_no_measurement() {
        let told = json!({"cold": [{"formDrawn": 1.0}], "warm": []});
        assert!(Visits::of(&told, "cold", 1).is_err());
        assert!(Visits::of(&told, "warm", 1).is_err());
    }
}
