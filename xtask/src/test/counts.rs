//! How many tests passed and failed, read from what the runners print.

/// Tests of one suite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
}

impl Counts {
    /// Adds another suite's.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Sums the closing lines of `cargo test`, wasm-bindgen's runner, `node --test` and our own runners
    /// (`N passed, N failed`).
    pub fn of_output(output: &str) -> Self {
        let mut counts = Self::default();
        for line in output.lines() {
            counts.add(Self::of_line(line).unwrap_or_default());
        }
        counts
    }

    fn of_line(line: &str) -> Option<Self> {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("test result:") {
            let rest = rest.split_once(". ")?.1;
            return Some(Self { passed: before(rest, " passed")?, failed: before(rest, " failed")? });
        }
        // node: `# pass 3` where it writes TAP, `ℹ pass 3` where it writes for people.
        if let Some(rest) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
            let (word, number) = rest.split_once(' ')?;
            let number = number.parse().ok()?;
            return match word {
                "pass" => Some(Self { passed: number, failed: 0 }),
                "fail" | "cancelled" => Some(Self { passed: 0, failed: number }),
                _ => None,
            };
        }
        // Python's unittest; that one failed is seen by its status.
        if let Some(rest) = line.strip_prefix("Ran ") {
            return Some(Self { passed: before(rest, " tests in ")?, failed: 0 });
        }
        let (passed, failed) = line.split_once(" passed, ")?;
        let failed = failed.strip_suffix(" failed")?;
        Some(Self { passed: passed.parse().ok()?, failed: failed.parse().ok()? })
    }
}

/// The number that stands right before `word`.
fn before(text: &str, word: &str) -> Option<u64> {
    let (head, _) = text.split_once(word)?;
    head.rsplit([' ', ';']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failed: u64) -> Counts {
        Counts { passed, failed }
    }

    #[test]
    fn cargo_prints_one_line_per_test_binary() {
        let output = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
            test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
        assert_eq!(Counts::of_output(output), counts(13, 2));
    }

    #[test]
    fn node_prints_pass_and_fail_on_lines_of_their_own() {
        assert_eq!(Counts::of_output("# tests 4\n# pass 3\n# fail 1\n# cancelled 0\n"), counts(3, 1));
        assert_eq!(Counts::of_output("ℹ tests 4\nℹ pass 4\nℹ fail 0\n"), counts(4, 0));
    }

    #[test]
    fn python_says_how_many_it_ran() {
        assert_eq!(Counts::of_output("Ran 8 tests in 0.006s\n\nOK\n"), counts(8, 0));
    }

    #[test]
    fn our_own_runners_close_with_one_line() {
        assert_eq!(Counts::of_output("1. pays … ok\n27 passed, 1 failed\n"), counts(27, 1));
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(Counts::of_output("# pass\n3 passed, some failed\ntest result: what\n"), counts(0, 0));
    }
}
