//! A process ends at every place where it can: before each commit, and between each commit and each of its effects, in turn.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use gyesan_sim::{Crash, Outcome, Plan, Weather, run};

/// Effects after which a process ends, from none; few turns have more.
const EFFECTS_MAX: usize = 3;
/// Turns after which a fair world has nothing left to do but to wait.
const TURNS_MAX: u64 = 120;

#[test]
fn a_crash_at_any_place_loses_nothing() {
    let whole = fair_run(0, None);
    let turns: Vec<u64> = (0..whole.turns.min(TURNS_MAX)).collect();
    let crashes = crash_in_each(0, &turns);
    assert!(crashes > 250, "{crashes} crashes");
}

/// With a Kafka, most of the many turns only carry bytes; it is the others in which something can be lost or done twice.
#[test]
fn a_crash_at_any_place_loses_nothing_on_the_way_through_kafka() {
    let whole = fair_run(1, None);
    let crashes = crash_in_each(1, &whole.eventful);
    assert!(crashes > 150, "{crashes} crashes");
}

fn fair_run(seed: u64, crash: Option<Crash>) -> Outcome {
    let outcome = run(seed, Plan { weather: Some(Weather::fair()), crash, ..Plan::default() });
    assert_eq!(outcome.violation, None, "seed {seed}, {crash:?}");
    outcome
}

fn crash_in_each(seed: u64, turns: &[u64]) -> u64 {
    let mut crashes = 0;
    for turn in turns {
        for performed in std::iter::once(None).chain((0..EFFECTS_MAX).map(Some)) {
            let crash = Crash { turn: *turn, performed };
            let outcome = fair_run(seed, Some(crash));
            // The cron comes once a minute: at the latest then the process is back.
            assert!(outcome.slowest_ms < 75_000, "seed {seed}, {crash:?}: {} ms", outcome.slowest_ms);
            crashes += outcome.crashes;
        }
    }
    crashes
}
