//! Who may import whom among the workspace's own crates. The shape of the whole depends on it: rules that see no
//! clock, a back end that runs natively, shells that are thin.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{process, tools};

const CORE: &str = "gyesan-core";
const EDGE: &str = "gyesan-edge";
const KAFKA: &str = "gyesan-kafka";
const WIDGET: &str = "gyesan-widget";
const EMULATOR: &str = "gyesan-emulator";

/// Each crate with the crates of ours it may name. Tests of the outside speak HTTP and name none;
/// the benchmark drives the same stack as they do.
const ALLOWED: &[(&str, &[&str])] = &[
    (CORE, &[]),
    (KAFKA, &[]),
    (EDGE, &[CORE, KAFKA]),
    ("gyesan-worker", &[CORE, EDGE]),
    (WIDGET, &[CORE]),
    ("gyesan-embed", &[WIDGET]),
    (EMULATOR, &[]),
    ("gyesan-sim", &[CORE, EDGE, KAFKA, EMULATOR]),
    ("gyesan-e2e", &[]),
    ("gyesan-bench", &[CORE, EDGE, KAFKA, "gyesan-e2e"]),
    ("gyesan-bindgen", &[]),
    ("gyesan-schemas", &[]),
    ("xtask", &[KAFKA]),
];

/// The core decides: it has no clock, no randomness, no I/O, and nothing that could bring them.
const BARRED_FROM_CORE: &[&str] =
    &["getrandom", "rand", "tokio", "futures", "wasm-bindgen", "js-sys", "web-sys", "http"];

/// Every rule that a manifest breaks.
pub fn faults() -> Result<Vec<String>> {
    let mut command = tools::cargo(&["metadata", "--no-deps", "--format-version", "1", "--offline"]);
    let text = process::answer_of(&mut command).context("cargo metadata failed")?;
    broken(&serde_json::from_str(&text).context("cargo metadata is not JSON")?)
}

fn broken(metadata: &Value) -> Result<Vec<String>> {
    let none = Vec::new();
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).unwrap_or(&none).clone();
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut faults = Vec::new();
    for package in list(metadata, "packages") {
        let name = text(&package, "name");
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            faults.push(format!(
                "{name} has no rule: say in xtask/src/check/dependencies.rs what it may import"
            ));
            continue;
        };
        for dependency in list(&package, "dependencies") {
            let imported = text(&dependency, "name");
            let ours = ALLOWED.iter().any(|(known, _)| *known == imported);
            // A crate may name itself for its own tests, with another feature.
            if ours && imported != name && !allowed.contains(&imported.as_str()) {
                faults.push(format!("{name} must not import {imported}"));
            }
            let for_tests = text(&dependency, "kind") == "dev";
            if name == CORE && !for_tests && BARRED_FROM_CORE.contains(&imported.as_str()) {
                faults.push(format!("{CORE} must not import {imported}: it decides and does nothing else"));
            }
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn package(name: &str, imports: &[&str]) -> Value {
        let imports: Vec<Value> =
            imports.iter().map(|import| json!({ "name": import, "kind": null })).collect();
        json!({ "packages": [{ "name": name, "dependencies": imports }] })
    }

    #[test]
    fn the_widget_must_not_see_the_back_end() {
        let faults = broken(&package(WIDGET, &[CORE, "leptos", EDGE])).unwrap();
        assert_eq!(faults, ["gyesan-widget must not import gyesan-edge"]);
    }

    #[test]
    fn the_core_must_not_see_a_clock_or_a_socket() {
        let faults = broken(&package(CORE, &["serde", "tokio"])).unwrap();
        assert_eq!(faults.len(), 1);
    }

    #[test]
    fn a_crate_without_a_rule_is_a_fault() {
        assert_eq!(broken(&package("gyesan-new", &[])).unwrap().len(), 1);
    }

    #[test]
    fn the_workspace_keeps_its_rules() {
        assert_eq!(faults().unwrap(), Vec::<String>::new());
    }
}
