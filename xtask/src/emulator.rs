//! The payment provider's stand-in: alone (`cargo xtask emulator`) or as a part of `dev`.

use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context, Result};

use crate::args::Args;
use crate::{artifacts, process};

const USAGE: &str = "\
usage: cargo xtask emulator [OPTIONS OF THE EMULATOR]

Builds and runs the emulator alone. Its own options: cargo xtask emulator --emulator-help";

/// What the worker and the emulator must agree on.
pub struct Setting<'a> {
    /// Port on 127.0.0.1.
    pub port: u16,
    /// Origin of the shop: buyers return to it.
    pub shop_origin: &'a str,
    /// The SDK's key.
    pub client_key: &'a str,
    /// The API's key.
    pub secret_key: &'a str,
    /// Where its state survives a restart.
    pub state: &'a Path,
}

/// `cargo xtask emulator`.
pub fn run(mut args: Args) -> Result<()> {
    if args.help(USAGE) {
        return Ok(());
    }
    let program = artifacts::build_emulator(false)?;
    let mut command = process::bound_to_us(&program);
    if args.flag("--emulator-help") {
        command.arg("--help");
    }
    command.args(args.rest());
    process::signal_is_the_ordinary_end();
    let mut child = process::spawn(&mut command)?;
    let status = child.wait().context("waiting for the emulator")?;
    process::forget(&child);
    anyhow::ensure!(status.success(), "the emulator ended ({status})");
    Ok(())
}

/// Starts the emulator; it says `emulator ready …` on its standard output, which is piped.
pub fn start(program: &Path, setting: &Setting<'_>) -> Result<Child> {
    let mut command = process::bound_to_us(program);
    command.args(["--port", &setting.port.to_string(), "--shop-origin", setting.shop_origin]);
    command.args(["--client-key", setting.client_key, "--secret-key", setting.secret_key]);
    command.arg("--state").arg(setting.state);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    process::spawn(&mut command)
}
