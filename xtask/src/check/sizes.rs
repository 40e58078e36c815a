//! How large the built files are, compressed as they are served, against their budgets.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{artifacts, process, workspace};

const KIB: u64 = 1024;

/// Minified bytes of the loader, which is not cached for long.
const LOADER_MAX_BYTES: u64 = 2 * KIB;
/// Brotli bytes of all that a buyer's browser loads: loader, glue, wasm, style.
const WIDGET_MAX_BROTLI_BYTES: u64 = 100 * KIB;
/// Gzip bytes of the worker's script and wasm.
const WORKER_MAX_GZIP_BYTES: u64 = 1024 * KIB;

/// Builds and measures.
pub fn faults() -> Result<Vec<String>> {
    artifacts::build()?;
    let mut node = Command::new("node");
    node.arg(workspace::path("xtask/runtime/sizes.mjs")).current_dir(workspace::root());
    let text = process::answer_of(&mut node).context("xtask/runtime/sizes.mjs failed")?;
    let sizes: Value = serde_json::from_str(&text).context("the sizes are not JSON")?;
    let size = |key: &str| sizes.get(key).and_then(Value::as_u64).unwrap_or(u64::MAX);
    println!(
        "       checkout, brotli: loader {} + glue {} + wasm {} + style {} = {} bytes; worker, gzip: {} bytes",
        size("loaderBrotli"),
        size("glueBrotli"),
        size("wasmBrotli"),
        size("cssBrotli"),
        size("widgetBrotli"),
        size("workerGzip")
    );
    let budgets = [
        ("the loader, minified", "loader", LOADER_MAX_BYTES),
        ("the checkout, brotli", "widgetBrotli", WIDGET_MAX_BROTLI_BYTES),
        ("the worker, gzip", "workerGzip", WORKER_MAX_GZIP_BYTES),
    ];
    let over = budgets.iter().filter(|(_, key, max)| size(key) > *max);
    Ok(over.map(|(what, key, max)| format!("{what}: {} bytes, more than {max}", size(key))).collect())
}
