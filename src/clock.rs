//! The only place that reads the time.
//!
//! Business time (dates, validity, seniority) comes from here; fencing time (leases, the ledger) is the database's own
//! `clock_timestamp()` and never passes through. A simulated clock stands still until it is moved by hand, and only the
//! embedded mode allows one.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use time::OffsetDateTime;

/// Where business time comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock moved by hand.
    Simulated(SimulatedClock),
}

/// A clock that stands still until it is set; its copies share the time.
#[derive(Debug, Clone)]
pub struct SimulatedClock(Arc<AtomicI64>);

impl Clock {
    /// Now, in UTC, to the microsecond: what Postgres can store.
    pub fn now(&self) -> OffsetDateTime {
        match self {
            #[expect(
                clippy::disallowed_methods,
                reason = "this is the one place that may read the machine's clock"
            )]
            Self::System => whole_microseconds(OffsetDateTime::now_utc()),
            Self::Simulated(clock) => clock.now(),
        }
    }
}

impl SimulatedClock {
    /// A clock that shows `start`.
    pub fn new(start: OffsetDateTime) -> Self {
        let clock = Self(Arc::new(AtomicI64::new(0)));
        clock.set(start);
        clock
    }

    /// Moves the clock; never backwards, as no clock of an office does.
    pub fn set(&self, to: OffsetDateTime) {
        self.0.fetch_max(micros(to), Ordering::SeqCst);
    }

    /// What it shows.
    pub fn now(&self) -> OffsetDateTime {
        let micros = i128::from(self.0.load(Ordering::SeqCst));
        OffsetDateTime::from_unix_timestamp_nanos(micros * 1_000)
            .expect("only valid times are ever stored")
    }
}

fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000)
        .expect("years within 9999 fit 64 bits of microseconds")
}

fn whole_microseconds(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(at.nanosecond() / 1_000 * 1_000)
        .expect("fewer nanoseconds are still a valid time")
}
