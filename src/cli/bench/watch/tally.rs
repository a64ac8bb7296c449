//! Times counted in tenths of a millisecond: a million of them cost no more than one, and no reader waits for another.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde::Serialize;

/// The width of a bucket.
const STEP_MICROS: u64 = 100;
/// Everything beyond 20 seconds is in the last bucket; the longest is kept beside.
const BUCKETS: usize = 200_000;

/// Times of one kind.
pub struct Tally {
    buckets: Box<[AtomicU64]>,
    longest: AtomicU64,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Times {
    pub count: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Tally {
    /// Nothing counted.
    pub fn new() -> Self {
        Self {
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            longest: AtomicU64::new(0),
        }
    }

    /// One more.
    pub fn add(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = usize::try_from(micros / STEP_MICROS).unwrap_or(BUCKETS);
        self.buckets[bucket.min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
        self.longest.fetch_max(micros, Ordering::Relaxed);
    }

    /// All so far.
    pub fn times(&self) -> Times {
        let counts: Vec<u64> = self
            .buckets
            .iter()
            .map(|bucket| bucket.load(Ordering::Relaxed))
            .collect();
        let count: u64 = counts.iter().sum();
        let longest = self.longest.load(Ordering::Relaxed);
        Times {
            count,
            p50_ms: percentile(&counts, count.div_ceil(2), longest),
            p99_ms: percentile(&counts, count.saturating_mul(99).div_ceil(100), longest),
            max_ms: millis(longest),
        }
    }
}

/// The upper end of the bucket in which the `rank`-th time lies.
fn percentile(counts: &[u64], rank: u64, longest: u64) -> f64 {
    let mut seen = 0;
    for (count, end) in counts.iter().zip(1_u64..) {
        seen += count;
        if seen >= rank.max(1) {
            return millis((end * STEP_MICROS).min(longest));
        }
    }
    0.0
}

fn millis(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_times_have_the_fiftieth_and_the_ninety_ninth() {
        let tally = Tally::new();
        for millis in 1..=100 {
            tally.add(Duration::from_millis(millis));
        }
        let times = tally.times();
        assert_eq!(times.count, 100);
        assert!((times.p50_ms - 50.0).abs() < 0.2, "{times:?}");
        assert!((times.p99_ms - 99.0).abs() < 0.2, "{times:?}");
        assert!((times.max_ms - 100.0).abs() < 0.2, "{times:?}");
    }

    #[test]
    fn nothing_counted_is_nought_and_a_very_long_time_is_kept_as_the_longest() {
        let tally = Tally::new();
        assert!(tally.times().p99_ms < f64::EPSILON);
        tally.add(Duration::from_secs(60));
        assert!((tally.times().max_ms - 60_000.0).abs() < 1.0);
    }
}
