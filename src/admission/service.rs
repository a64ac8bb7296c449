//! How long an act takes just now: a mean in which the last ones count most.
//!
//! What is easily got wrong: a mean that only acts can lower. After a stall of the database it would refuse everybody, and
//! then no act would ever show that the stall is over; so it also falls by itself.

use std::time::Duration;

use tokio::time::Instant;

/// Each act counts for an eighth: twenty acts later an old one is forgotten, and one slow act alone is no trend.
const WEIGHT: f64 = 1.0 / 8.0;
/// Without an act the mean halves in so long.
const HALF_LIFE: Duration = Duration::from_secs(1);
/// No act is shorter: a begin and a commit on a local disk.
const LEAST: Duration = Duration::from_millis(1);

/// The mean.
#[derive(Debug, Default)]
pub(super) struct Service {
    last: Option<(Duration, Instant)>,
}

impl Service {
    /// One more act took so long.
    pub fn note(&mut self, took: Duration, now: Instant) {
        let mean = match self.last {
            Some(_) => self.mean(now).mul_f64(1.0 - WEIGHT) + took.mul_f64(WEIGHT),
            None => took,
        };
        self.last = Some((mean, now));
    }

    /// What the next one may take.
    pub fn mean(&self, now: Instant) -> Duration {
        let Some((mean, at)) = self.last else {
            return LEAST;
        };
        let quiet = now.saturating_duration_since(at);
        let halvings = quiet.as_secs_f64() / HALF_LIFE.as_secs_f64();
        mean.mul_f64(0.5_f64.powf(halvings)).max(LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACT: Duration = Duration::from_millis(8);

    #[test]
    fn the_mean_follows_the_acts_and_one_slow_one_is_no_trend() {
        let now = Instant::now();
        let mut service = Service::default();
        assert_eq!(service.mean(now), LEAST, "nothing is known yet");
        for _ in 0..20 {
            service.note(ACT, now);
        }
        assert_eq!(service.mean(now), ACT);
        service.note(ACT * 9, now);
        assert_eq!(service.mean(now), ACT * 2);
        for _ in 0..40 {
            service.note(ACT, now);
        }
        assert!(service.mean(now) < ACT.mul_f64(1.01));
    }

    #[test]
    fn a_stall_is_forgotten_without_an_act() {
        let now = Instant::now();
        let mut service = Service::default();
        service.note(Duration::from_secs(5), now);
        let later = |seconds| service.mean(now + Duration::from_secs(seconds));
        assert_eq!(later(1), Duration::from_millis(2_500));
        assert!(later(6) < Duration::from_millis(100));
        assert_eq!(later(3_600), LEAST);
    }
}
