//! Programs of scenarios that bring their own stacks: numbered, one line each, and a closing `N passed, N failed`.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// A scenario with a folder of its own, which is kept when it fails.
pub type Scenario = (&'static str, fn(&Path) -> anyhow::Result<()>);

/// Runs those whose name contains one of the command line's words, or all.
pub fn run(program: &str, scenarios: &[Scenario]) -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let (mut passed, mut failed) = (0, 0);
    for (number, (name, scenario)) in scenarios.iter().enumerate().filter(|(_, (name, _))| wanted(name)) {
        let (number, since) = (number + 1, Instant::now());
        let state = std::env::temp_dir().join(format!("gyesan-{program}-{number}-{}", std::process::id()));
        let outcome = scenario(&state);
        let seconds = since.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                passed += 1;
                println!("ok   {number:>2} {name} ({seconds:.1} s)");
                let _ = std::fs::remove_dir_all(state);
            }
            Err(fault) => {
                failed += 1;
                println!("FAIL {number:>2} {name} ({seconds:.1} s)\n        {fault:#}");
                println!("        state and logs: {}", state.display());
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
