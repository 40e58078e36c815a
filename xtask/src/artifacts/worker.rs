//! The worker: cargo, wasm-bindgen, our own shim, one bundle. (worker-build is not needed for any of it.)

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{process, tools, workspace};

/// Builds into `build/worker`.
pub fn build(bindgen: &Path) -> Result<()> {
    process::run(
        "compiling the worker",
        &mut tools::cargo(&[
            "build",
            "--profile",
            "worker",
            "--target",
            "wasm32-unknown-unknown",
            "--package",
            "gyesan-worker",
        ]),
    )?;
    let wasm = workspace::target().join("wasm32-unknown-unknown/worker/gyesan_worker.wasm");
    let stage = workspace::path("build/stage/worker");
    let _ = std::fs::remove_dir_all(&stage);
    std::fs::create_dir_all(&stage).context("build/stage cannot be made")?;

    let mut glue = Command::new(bindgen);
    glue.arg("bindgen").arg(&wasm).arg("--out-dir").arg(&stage);
    glue.args(["--out-name", "index", "--no-typescript", "--target", "module"]);
    glue.args(["--experimental-reset-state-function", "--force-enable-abort-handler"]);
    process::run("generating the worker's glue", &mut glue)?;

    for script in ["shim.js", "surprises.mjs"] {
        std::fs::copy(workspace::path("edge/worker").join(script), stage.join(script))
            .with_context(|| format!("edge/worker/{script} cannot be copied"))?;
    }
    let mut bundle = tools::npm_program("esbuild");
    bundle.args([
        "--external:./index_bg.wasm",
        "--external:cloudflare:*",
        "--format=esm",
        "--bundle",
        "--minify",
    ]);
    bundle.args(["--log-level=warning", "shim.js", "--outfile=bundle.js"]).current_dir(&stage);
    process::run("bundling the worker", &mut bundle)?;

    // workerd has no source phase imports: to it, importing a wasm file gives the module already.
    let script = std::fs::read_to_string(stage.join("bundle.js")).context("the bundle cannot be read")?;
    let folder = workspace::path("build/worker");
    std::fs::create_dir_all(&folder).context("build/worker cannot be made")?;
    std::fs::copy(stage.join("index_bg.wasm"), folder.join("index_bg.wasm")).context("copying the wasm")?;
    std::fs::write(folder.join("index.js"), script.replace("import source ", "import "))
        .context("writing index.js")?;
    Ok(())
}
