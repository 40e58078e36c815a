//! Growing pauses between tries, without a clock and without chance.

/// Pauses that double from 50 ms to 5 s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backoff {
    tries: u32,
}

impl Backoff {
    const FIRST_MS: u64 = 50;
    const LONGEST_MS: u64 = 5_000;

    /// The next pause in milliseconds.
    pub fn next_ms(&mut self) -> u64 {
        let pause_ms = (Self::FIRST_MS << self.tries.min(16)).min(Self::LONGEST_MS);
        self.tries = self.tries.saturating_add(1);
        pause_ms
    }

    /// Begins again with the shortest.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// Tries since the last success.
    pub fn tries(&self) -> u32 {
        self.tries
    }
}
