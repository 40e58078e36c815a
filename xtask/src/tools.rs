//! What the commands need beyond Rust itself: the WebAssembly target, Node, the npm packages, the wasm-bindgen
//! command line, and for tests a browser. Each is set up when it is missing and checked in milliseconds when it
//! is not; what cannot be set up is said in one sentence with its cure.

pub mod browser;
pub mod python;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use crate::stamp::Stamp;
use crate::{process, workspace};

const NODE_MAJOR_MIN: u32 = 20;
const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Cargo, in the workspace.
pub fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(workspace::root());
    command
}

/// A program of the npm packages.
pub fn npm_program(name: &str) -> Command {
    let mut command = Command::new(workspace::path("node_modules/.bin").join(name));
    command.current_dir(workspace::root());
    command
}

/// wrangler without questions, telemetry or look-ups.
pub fn wrangler() -> Command {
    let mut command = npm_program("wrangler");
    command.env("CI", "1").env("WRANGLER_SEND_METRICS", "false").env("WRANGLER_SEND_ERROR_REPORTS", "false");
    command.env("CLOUDFLARE_CF_FETCH_ENABLED", "false").env("WRANGLER_HIDE_BANNER", "true");
    command.env("NO_UPDATE_NOTIFIER", "1").stdin(Stdio::null());
    command
}

/// Adds the target that both WebAssembly crates are compiled for.
pub fn wasm_target() -> Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", WASM_TARGET]);
    if process::answer_of(&mut rustc).is_some_and(|folder| Path::new(&folder).exists()) {
        return Ok(());
    }
    let step = format!("adding Rust's {WASM_TARGET} target");
    process::run(&step, Command::new("rustup").args(["target", "add", WASM_TARGET])).with_context(|| {
        format!("Rust's {WASM_TARGET} target is missing: connect to the network and run `rustup target add {WASM_TARGET}`")
    })
}

/// Refuses a missing or old Node.
pub fn node() -> Result<()> {
    let cure = format!("install Node {NODE_MAJOR_MIN} or newer from https://nodejs.org");
    let Some(version) = process::answer_of(Command::new("node").arg("--version")) else {
        bail!("Node is missing: {cure}");
    };
    match node_major(&version) {
        Some(major) if major >= NODE_MAJOR_MIN => Ok(()),
        _ => bail!("Node {version} is too old: {cure}"),
    }
}

fn node_major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Node and the packages of package-lock.json.
pub fn npm_packages() -> Result<()> {
    node()?;
    let stamp = Stamp::new(
        "npm",
        &["package.json", "package-lock.json"],
        "",
        vec![workspace::path("node_modules/.package-lock.json")],
    );
    stamp.or_else(|| {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(workspace::root());
        process::run("installing the npm packages", &mut npm)
            .context("the npm packages could not be installed: check the network and that npm is there")
    })
}

/// The wasm-bindgen command line of the version in Cargo.lock, compiled once per machine.
pub fn bindgen() -> Result<PathBuf> {
    let lock = std::fs::read_to_string(workspace::path("Cargo.lock")).context("Cargo.lock cannot be read")?;
    let version = locked_version(&lock, "wasm-bindgen")
        .ok_or_else(|| anyhow!("Cargo.lock does not name wasm-bindgen"))?;
    let path = workspace::tool_cache().join(format!("gyesan-bindgen-{version}-{}", std::env::consts::ARCH));
    if path.exists() {
        return Ok(path);
    }
    process::run(
        "compiling the wasm-bindgen tool (once per machine, about 40 s)",
        &mut cargo(&["build", "--package", "gyesan-bindgen"]),
    )?;
    // Copied under another name first, so that an interrupted copy is never taken for the tool.
    let half = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::copy(workspace::target().join("debug/gyesan-bindgen"), &half)
        .and_then(|_| std::fs::rename(&half, &path))
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

fn locked_version(lock: &str, package: &str) -> Option<String> {
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{package}\""));
    let version = lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_read() {
        assert_eq!(node_major("v20.20.2"), Some(20));
        assert_eq!(node_major("v8.1.0"), Some(8));
        assert_eq!(node_major("what"), None);
    }

    #[test]
    fn the_locked_version_is_that_of_the_package_and_not_of_a_namesake() {
        let lock = "[[package]]\nname = \"a-b\"\nversion = \"2.0.0\"\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n";
        assert_eq!(locked_version(lock, "a").as_deref(), Some("1.0.0"));
        assert_eq!(locked_version(lock, "c"), None);
    }
}
