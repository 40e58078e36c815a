//! wasm-bindgen's command line tools, built from the library of the version that `Cargo.lock` pins, so that the
//! glue generator and the crate it serves can never disagree. Called by xtask, never by a person.
//!
//! - `gyesan-bindgen bindgen ARGS…` is `wasm-bindgen ARGS…`.
//! - `gyesan-bindgen test-runner ARGS…` is `wasm-bindgen-test-runner ARGS…`.
//! - `gyesan-bindgen FILE.wasm ARGS…` is the test runner too: cargo calls a target's runner with the file first.

use std::ffi::OsString;

use wasm_bindgen_cli::{wasm_bindgen, wasm_bindgen_test_runner};

fn main() -> anyhow::Result<()> {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    let tool = args.get(1).and_then(|first| first.to_str()).unwrap_or_default().to_owned();
    match tool.as_str() {
        "bindgen" => {
            args.remove(1);
            wasm_bindgen::run_cli_with_args(args)
        }
        "test-runner" => {
            args.remove(1);
            wasm_bindgen_test_runner::run_cli_with_args(args)
        }
        file if file.ends_with(".wasm") => wasm_bindgen_test_runner::run_cli_with_args(args),
        other => anyhow::bail!("expected `bindgen`, `test-runner` or a .wasm file, got `{other}`"),
    }
}
