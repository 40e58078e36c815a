//! A process ends at every place where it can: before each commit, and between each commit and each of its effects, in turn.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use gyesan_sim::{Crash, Plan, Weather, run};

/// Effects after which a process ends, from none; few turns have more.
const EFFECTS_MAX: usize = 3;
/// Turns after which a fair world has nothing left to do but to wait.
const TURNS_MAX: u64 = 120;

#[test]
fn a_crash_at_any_place_loses_nothing() {
    let crashes: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|seed| scope.spawn(move || crash_everywhere(seed))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(crashes > 500, "{crashes} crashes");
}

fn crash_everywhere(seed: u64) -> u64 {
    let fair = Plan { weather: Some(Weather::fair()), ..Plan::default() };
    let whole = run(seed, fair.clone());
    assert_eq!(whole.violation, None);
    let mut crashes = 0;
    for turn in 0..whole.turns.min(TURNS_MAX) {
        for performed in std::iter::once(None).chain((0..EFFECTS_MAX).map(Some)) {
            let crash = Crash { turn, performed };
            let outcome = run(seed, Plan { crash: Some(crash), ..fair.clone() });
            assert_eq!(outcome.violation, None, "seed {seed}, {crash:?}");
            // The cron comes once a minute: at the latest then the process is back.
            assert!(outcome.slowest_ms < 75_000, "seed {seed}, {crash:?}: {} ms", outcome.slowest_ms);
            crashes += outcome.crashes;
        }
    }
    crashes
}
