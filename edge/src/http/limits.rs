//! Rate limits: a token bucket per API key and per address, in the memory of one isolate. Against floods, not for billing:
//! a deployment in many places allows the rate in each of them.

use gyesan_core::time::Timestamp;
use std::cell::RefCell;
use std::collections::HashMap;

/// Callers remembered, at most.
const BUCKETS_MAX: usize = 10_000;
/// How many seconds' worth of requests may come at once.
const BURST_S: i64 = 2;

/// The buckets.
#[derive(Default)]
pub struct Limits {
    buckets: RefCell<HashMap<String, Bucket>>,
}

struct Bucket {
    /// Thousandths of a request that may still come.
    left_milli: i64,
    at: Timestamp,
}

impl Limits {
    /// Takes one request from the caller's bucket; `per_second` 0 = no limit.
    ///
    /// # Errors
    /// The seconds after which the next request is taken, when the bucket is empty.
    pub fn take(&self, caller: &str, per_second: u32, now: Timestamp) -> Result<(), u32> {
        if per_second == 0 {
            return Ok(());
        }
        let rate = i64::from(per_second);
        let full = rate * BURST_S * 1_000;
        let mut buckets = self.buckets.borrow_mut();
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(caller) {
            // A bucket that has filled up again is the same as none.
            buckets.retain(|_, bucket| now.ms_since(bucket.at) < BURST_S * 1_000);
            if buckets.len() >= BUCKETS_MAX {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(caller.to_owned()).or_insert(Bucket { left_milli: full, at: now });
        let elapsed_ms = now.ms_since(bucket.at).clamp(0, BURST_S * 1_000);
        // Requests a second are thousandths of a request a millisecond.
        bucket.left_milli = (bucket.left_milli + elapsed_ms * rate).min(full);
        bucket.at = now;
        if bucket.left_milli < 1_000 {
            return Err(1);
        }
        bucket.left_milli -= 1_000;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS_MAX, Limits};
    use gyesan_core::time::Timestamp;

    #[test]
    fn a_burst_is_taken_and_then_the_rate() {
        let limits = Limits::default();
        let taken = (0..100).filter(|_| limits.take("k", 10, Timestamp(0)).is_ok()).count();
        assert_eq!(taken, 20);
        assert_eq!(limits.take("k", 10, Timestamp(99)), Err(1));
        assert_eq!(limits.take("k", 10, Timestamp(200)), Ok(()));
        assert_eq!(limits.take("other", 10, Timestamp(200)), Ok(()));
    }

    #[test]
    fn no_limit_is_no_limit() {
        let limits = Limits::default();
        assert!((0..10_000).all(|_| limits.take("k", 0, Timestamp(0)).is_ok()));
    }

    #[test]
    fn the_memory_is_bounded() {
        let limits = Limits::default();
        for i in 0..=BUCKETS_MAX {
            let _ = limits.take(&i.to_string(), 1, Timestamp(0));
        }
        assert!(limits.buckets.borrow().len() <= BUCKETS_MAX);
    }
}
