//! The event schemas, judged by `gyesan-schemas`: a program of its own, so that the Avro library is not built before the
//! first `cargo xtask dev`.

use anyhow::{Result, bail};

use crate::{process, progress, tools};

/// Every rule that a schema breaks.
pub fn faults() -> Result<Vec<String>> {
    let step = progress::Step::begin("judging the event schemas");
    let mut command = tools::cargo(&["run", "--quiet", "--package", "gyesan-schemas", "--", "edge/schemas"]);
    let (status, output) = process::observe(&mut command, |line| step.doing(line))?;
    step.done();
    if status.success() {
        return Ok(Vec::new());
    }
    let faults: Vec<String> = output.lines().map(str::to_owned).collect();
    if faults.is_empty() {
        bail!("gyesan-schemas ended with {status}");
    }
    Ok(faults)
}
