//! The Python of the tests that read Kafka as another department would: a virtual environment with the pinned packages of
//! `tests/interop/requirements.txt`, made once per machine for each content of that file.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::kafka::distribution;
use crate::{process, workspace};

const REQUIREMENTS: &str = "tests/interop/requirements.txt";
const MINOR_MIN: u32 = 9;

/// The environment's interpreter, made ready if it is not.
pub fn ready() -> Result<PathBuf> {
    let cure = format!("install Python 3.{MINOR_MIN} or newer with venv (`apt-get install python3-venv`)");
    if process::answer_of(Command::new("python3").args(["-c", "import ensurepip"])).is_none() {
        distribution::install(&["python3", "python3-venv"], "Python with venv")?;
    }
    let version = process::answer_of(Command::new("python3").arg("--version"));
    match version.as_deref().map(minor) {
        Some(Some(minor)) if minor >= MINOR_MIN => {}
        Some(_) => bail!("{} is too old: {cure}", version.unwrap_or_default()),
        None => bail!("Python is missing: {cure}"),
    }
    let requirements = workspace::path(REQUIREMENTS);
    let text = std::fs::read_to_string(&requirements).context("the Python packages are not named")?;
    let mut hasher = DefaultHasher::new();
    (&text, &version).hash(&mut hasher);
    let home = workspace::tool_cache().join(format!("python-{:016x}", hasher.finish()));
    let python = home.join("bin/python");
    if home.join("complete").exists() {
        return Ok(python);
    }
    let mut venv = Command::new("python3");
    process::run("making a Python environment", venv.args(["-m", "venv", "--clear"]).arg(&home))
        .with_context(|| cure)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    process::run("installing the Python packages", pip.arg(&requirements)).context(
        "the Python packages could not be installed: connect to the network, or leave these suites out",
    )?;
    std::fs::write(home.join("complete"), "")?;
    Ok(python)
}

fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("Python 3.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_python_are_read() {
        assert_eq!(minor("Python 3.11.7"), Some(11));
        assert_eq!(minor("Python 2.7.18"), None);
    }
}
