//! What other people's Kafka client (librdkafka, by Python) sees and does. The interpreter is `GYESAN_PYTHON`.

use crate::stack::workspace;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// What was in the topics, beside what the shards committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Topics {
    /// Events that the shards committed.
    pub events: u64,
    /// Of them, how many are not in their topic.
    pub missing: u64,
    /// Copies beyond the first.
    pub duplicated: u64,
    /// Messages that nobody committed.
    pub extra: u64,
    /// Keys whose events are in another order.
    pub out_of_order: u64,
    /// Messages in a partition that is not their key's, or with wrong headers.
    pub malformed: u64,
    /// Dead letters.
    pub dead_letters: u64,
}

impl Topics {
    /// Whether each committed event is there exactly once, where and as it should be.
    pub fn are_exact(&self) -> bool {
        self.missing + self.duplicated + self.extra + self.out_of_order + self.malformed == 0
    }
}

impl std::fmt::Display for Topics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Topics { events, missing, duplicated, extra, out_of_order, malformed, dead_letters } = self;
        write!(
            formatter,
            "{events} events: {missing} missing, {duplicated} duplicated, {extra} extra, {out_of_order} out of order, \
             {malformed} malformed, {dead_letters} dead letters"
        )
    }
}

/// Reads every topic from the beginning and compares it with the logs of the shards, whose worker has been stopped.
///
/// # Errors
/// When they cannot be read.
pub fn read_topics(brokers: &str, state: &Path) -> Result<Topics> {
    compared(&python("read_topics.py", &[brokers, &state.to_string_lossy()])?)
}

/// The same by the schemas of a registry, whose ids the values carry.
///
/// # Errors
/// When they cannot be read.
pub fn read_registered(brokers: &str, state: &Path, registry: &str) -> Result<Topics> {
    let (state, schemas) = (state.to_string_lossy(), workspace().join("edge/schemas"));
    let arguments = [brokers, &state, registry, &schemas.to_string_lossy()];
    compared(&python("read_registered.py", &arguments)?)
}

fn compared(output: &Output) -> Result<Topics> {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let counts: Value =
        said.lines().last().and_then(|line| serde_json::from_str(line).ok()).with_context(|| {
            format!("the topics cannot be read: {said}{}", String::from_utf8_lossy(&output.stderr))
        })?;
    for line in said.lines().filter(|line| !line.starts_with('{')) {
        println!("     {line}");
    }
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        println!("     {line}");
    }
    let count = |name: &str| {
        counts
            .get(name)
            .and_then(Value::as_u64)
            .with_context(|| format!("`{name}` was not counted: {counts}"))
    };
    Ok(Topics {
        events: count("events")?,
        missing: count("missing")?,
        duplicated: count("duplicated")?,
        extra: count("extra")?,
        out_of_order: count("outOfOrder")?,
        malformed: count("misplaced")? + count("badHeaders")?,
        dead_letters: count("deadLetters")?,
    })
}

/// An administrator's deed: `delete-topic NAME`, `create-topic NAME COUNT REPLICAS`, `partitions NAME COUNT`,
/// `configure NAME KEY=VALUE`, `lag GROUP`, `ends NAME`, `write NAME KEY VALUE`, `read NAME`, `allow USER OPERATION,…` or `forbid USER OPERATION,…`; the answer as JSON.
///
/// # Errors
/// When it fails.
pub fn administer(brokers: &str, deed: &[&str]) -> Result<Value> {
    let output = python("administer.py", &[&[brokers], deed].concat())?;
    if !output.status.success() {
        bail!("{deed:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Makes the shards, whose worker has been stopped, believe that their events were published so many days earlier.
///
/// # Errors
/// When it fails.
pub fn age_outbox(state: &Path, days: u32) -> Result<()> {
    let output = python("age_outbox.py", &[&state.to_string_lossy(), &days.to_string()])?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// A script of `tests/interop` that is to be run.
pub fn script(name: &str) -> Command {
    let python = std::env::var_os("GYESAN_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(python);
    command.arg("-B").arg(workspace().join("tests/interop").join(name));
    command
}

fn python(name: &str, arguments: &[&str]) -> Result<Output> {
    script(name).args(arguments).output().context("Python cannot be run")
}
