//! What may stand in which file of the repository.

use std::process::Command;

use anyhow::{Context, Result};

use crate::{process, progress, workspace};

const LINES_MAX: usize = 500;

/// The only crates that may ask which machine they are compiled for.
const SHELLS: [&str; 3] = ["edge/worker/", "widget/", "xtask/"];

/// Folders of one machine or one person. Written in two parts so that this file passes its own check.
const MACHINE_PATHS: [(&str, &str); 3] = [("/ho", "me/"), ("/ro", "ot/"), ("/Use", "rs/")];

/// Beginnings of keys that move real money.
const LIVE_KEYS: [(&str, &str); 2] = [("live_", "sk_"), ("live_", "gsk_")];

/// Every rule that a tracked file breaks. A long file is only a warning.
pub fn faults() -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z"]).current_dir(workspace::root());
    let files = process::answer_of(&mut git).context("git ls-files failed")?;
    let mut faults = Vec::new();
    for file in files.split('\0').filter(|file| !file.is_empty()) {
        // What is not text has no rules here.
        if let Ok(text) = std::fs::read_to_string(workspace::path(file)) {
            if file.ends_with(".rs") && text.lines().count() > LINES_MAX {
                progress::say(&format!("{file} has {} lines: consider splitting it", text.lines().count()));
            }
            faults.extend(broken(file, &text));
        }
    }
    Ok(faults)
}

fn broken(file: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let code = file.ends_with(".rs") && file.contains("src/");
    let shell = SHELLS.iter().any(|shell| file.starts_with(shell));
    for (number, line) in text.lines().enumerate() {
        let mut fault = |what: &str| faults.push(format!("{file}:{}: {what}", number + 1));
        if code && !shell && line.contains("cfg(") && line.contains("target_arch") {
            fault("target_arch outside the shells");
        }
        for (one, two) in MACHINE_PATHS {
            if line.contains(&format!("{one}{two}")) {
                fault("a path of one machine");
            }
        }
        for (one, two) in LIVE_KEYS {
            if has_live_key(line, &format!("{one}{two}")) {
                fault("a live key");
            }
        }
    }
    faults
}

/// A key is its beginning and at least twelve more letters or digits; an example is shorter or has dots.
fn has_live_key(line: &str, beginning: &str) -> bool {
    line.match_indices(beginning).any(|(at, _)| {
        let rest = line.get(at + beginning.len()..).unwrap_or_default();
        rest.chars().take_while(char::is_ascii_alphanumeric).count() >= 12
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shells_may_ask_for_the_machine() {
        let line = "#[cfg(target_arch = \"wasm32\")]";
        assert_eq!(broken("core/src/money.rs", line).len(), 1);
        assert_eq!(broken("edge/src/actor.rs", line).len(), 1);
        assert!(broken("edge/worker/src/lib.rs", line).is_empty());
        assert!(broken("core/tests/money.rs", line).is_empty());
    }

    #[test]
    fn paths_of_a_machine_are_found_in_any_text() {
        assert_eq!(broken("README.md", &format!("cd {}{}me", "/ho", "me/")).len(), 1);
    }

    #[test]
    fn live_keys_are_found_and_examples_are_not() {
        let key = format!("{}{}", "live_", "sk_");
        assert_eq!(broken("a.md", &format!("{key}abcdefgh12345678")).len(), 1);
        assert!(broken("a.md", &format!("{key}…")).is_empty());
    }
}
