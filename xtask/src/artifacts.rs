//! What is built: the worker (`build/worker/`) and the files of the checkout (`build/public/`).

mod widget;
mod worker;

use anyhow::{Result, bail};

use crate::args::Args;
use crate::stamp::Stamp;
use crate::{process, tools, workspace};
pub use widget::copy_folder;

const USAGE: &str = "\
usage: cargo xtask build [--only worker|widget]

Builds the worker into build/worker and the checkout's files into build/public. What is up to date is skipped.";

/// `cargo xtask build`.
pub fn run(mut args: Args) -> Result<()> {
    if args.help(USAGE) {
        return Ok(());
    }
    let only = args.option::<String>("--only")?;
    args.finish()?;
    match only.as_deref() {
        None => build(),
        Some("worker") => build_worker(),
        Some("widget") => build_widget(),
        Some(other) => bail!("--only is worker or widget, not `{other}`"),
    }
}

/// Both.
pub fn build() -> Result<()> {
    build_worker()?;
    build_widget()
}

fn set_up() -> Result<()> {
    tools::wasm_target()?;
    tools::npm_packages()
}

/// `build/worker/index.js` and `index_bg.wasm`.
pub fn build_worker() -> Result<()> {
    set_up()?;
    let inputs =
        ["Cargo.toml", "Cargo.lock", ".cargo", "package-lock.json", "core", "edge", "xtask/src/artifacts"];
    let outputs =
        vec![workspace::path("build/worker/index.js"), workspace::path("build/worker/index_bg.wasm")];
    let stamp = Stamp::new("worker", &inputs, "", outputs);
    stamp.or_else(|| worker::build(&tools::bindgen()?))
}

/// `build/public/`: the files of `public/` with the loader, its glue, wasm and style under hashed names.
pub fn build_widget() -> Result<()> {
    set_up()?;
    let inputs = [
        "Cargo.toml",
        "Cargo.lock",
        ".cargo",
        "package-lock.json",
        "core",
        "widget",
        "public",
        "xtask/src/artifacts",
    ];
    let stamp = Stamp::new("widget", &inputs, "", vec![workspace::path("build/public/checkout.js")]);
    stamp.or_else(|| widget::build(&tools::bindgen()?))
}

/// The emulator's program, optimised or not; answers its path.
pub fn build_emulator(release: bool) -> Result<std::path::PathBuf> {
    let profile = if release { "release" } else { "debug" };
    let program = workspace::target().join(profile).join("gyesan-emulator");
    let inputs = ["Cargo.toml", "Cargo.lock", "core", "tests/emulator"];
    let stamp = Stamp::new(&format!("emulator-{profile}"), &inputs, "", vec![program.clone()]);
    stamp.or_else(|| {
        let mut cargo = tools::cargo(&["build", "--package", "gyesan-emulator"]);
        if release {
            cargo.arg("--release");
        }
        process::run("building the emulator", &mut cargo)
    })?;
    Ok(program)
}
