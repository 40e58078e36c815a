//! Durations, sorted, and what is read off them.

use std::time::Duration;

/// What many repeats of one thing took.
#[derive(Clone, Default)]
pub struct Distribution {
    sorted: Vec<Duration>,
}

impl Distribution {
    /// Of measured durations, in any order.
    pub fn of(mut durations: Vec<Duration>) -> Distribution {
        durations.sort_unstable();
        Distribution { sorted: durations }
    }

    /// The smallest duration that `percent` (0–100) of all do not exceed, in milliseconds; no interpolation. 0 of nothing.
    pub fn percentile_ms(&self, percent: f64) -> f64 {
        let rank = (percent / 100.0 * self.sorted.len() as f64).ceil() as usize;
        self.sorted.get(rank.saturating_sub(1)).map_or(0.0, |duration| duration.as_secs_f64() * 1e3)
    }

    /// The median, in milliseconds.
    pub fn p50_ms(&self) -> f64 {
        self.percentile_ms(50.0)
    }

    /// The 99th percentile, in milliseconds.
    pub fn p99_ms(&self) -> f64 {
        self.percentile_ms(99.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values_and_never_invented() {
        let distribution = Distribution::of((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!(distribution.p50_ms(), 100.0);
        assert_eq!(distribution.p99_ms(), 198.0);
        assert_eq!(distribution.percentile_ms(100.0), 200.0);
        assert_eq!(Distribution::of(vec![Duration::from_millis(7)]).p99_ms(), 7.0);
        assert_eq!(Distribution::default().p99_ms(), 0.0);
    }
}
