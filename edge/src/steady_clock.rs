//! The clock of those who talk to Kafka: it goes on with the wall's and stands still while that one is set back, so that no deadline is moved into
//! the far future by it.

use gyesan_core::time::Timestamp;
use gyesan_kafka::Millis;

/// A clock that never goes back.
pub struct SteadyClock {
    wall: Timestamp,
    steady: Millis,
}

impl SteadyClock {
    /// A clock that begins with the wall's time.
    pub fn new(now: Timestamp) -> SteadyClock {
        SteadyClock { wall: now, steady: Millis::try_from(now.0).unwrap_or(0) }
    }

    /// Its time when the wall's is this.
    pub fn read(&mut self, now: Timestamp) -> Millis {
        let passed = Millis::try_from(now.ms_since(self.wall)).unwrap_or(0);
        self.wall = now;
        self.steady = self.steady.saturating_add(passed);
        self.steady
    }

    /// When it will be `at`, by the wall's time, as that goes now.
    pub fn wall(&self, at: Millis) -> Timestamp {
        let left = at.saturating_sub(self.steady);
        self.wall.plus_ms(i64::try_from(left).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_is_set_back_stops_it_for_that_moment_only() {
        let mut clock = SteadyClock::new(Timestamp(10_000));
        assert_eq!(clock.read(Timestamp(10_500)), 10_500);
        assert_eq!(clock.read(Timestamp(4_000)), 10_500);
        assert_eq!(clock.wall(11_000), Timestamp(4_500));
        assert_eq!(clock.read(Timestamp(4_600)), 11_100);
        assert_eq!(clock.wall(11_000), Timestamp(4_600));
    }
}
