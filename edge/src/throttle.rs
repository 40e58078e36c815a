//! Log lines that would repeat for as long as something is broken: one a minute of each.

use gyesan_core::time::Timestamp;
use std::collections::BTreeMap;

/// A line that is due again is not written before this has passed, in milliseconds.
const PAUSE_MS: i64 = 60_000;

/// When each line was last written.
#[derive(Default)]
pub struct Throttle(BTreeMap<String, Timestamp>);

impl Throttle {
    /// Whether the line of this name may be written now; if so, it counts as written.
    pub fn allows(&mut self, name: &str, now: Timestamp) -> bool {
        // A line from the future, because the clock was set back, keeps nothing back.
        if self.0.get(name).is_some_and(|last| (0..PAUSE_MS).contains(&now.ms_since(*last))) {
            return false;
        }
        self.0.insert(name.to_owned(), now);
        true
    }

    /// Forgets a line, because what it tells of is over. True when it had been written.
    pub fn over(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }
}
