//! How much of the server one terminal, one officer or one district may use: token buckets in memory for writes, streams
//! and attempts at a shift, and the day's limits of persons read, which the database counts for all servers together.
//!
//! What is easily got wrong: an officer is counted as a person, not as an account; a second account buys nothing.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};

use crate::{
    caller::{Caller, Nature},
    error::{Error, ErrorReason, Kind, Result},
    ids::District,
};

/// What is allowed. The defaults are some three times what the busiest office was measured to need.
#[derive(Debug, Clone, Copy)]
pub struct Quotas {
    /// Persons that one officer may read in a day.
    pub persons_per_officer_day: u32,
    /// Persons that may be read on one terminal in a day, by whoever works there.
    pub persons_per_terminal_day: u32,
    /// Persons that may be read in one district in a day.
    pub persons_per_district_day: u32,
    /// Card faces that one officer may fetch in a day: the queue's order and the leases say whose, so it is far above what
    /// may be looked up.
    pub faces_per_officer_day: u32,
    /// Writes of one terminal, and of one officer.
    pub writes: Rate,
    /// Writes of one district.
    pub writes_per_district: Rate,
    /// Streams opened by one terminal, and by one officer.
    pub streams: Rate,
    /// Streams opened by one district: after a server's death 500 terminals come back at once, each with four streams.
    pub streams_per_district: Rate,
    /// Attempts at opening a shift on one terminal.
    pub shifts: Rate,
}

/// A token bucket: so many each minute, so many at once.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Tokens that come back each minute.
    pub per_minute: NonZeroU32,
    /// The bucket's size.
    pub burst: NonZeroU32,
}

const fn rate(per_minute: u32, burst: u32) -> Rate {
    match (NonZeroU32::new(per_minute), NonZeroU32::new(burst)) {
        (Some(per_minute), Some(burst)) => Rate { per_minute, burst },
        (None, _) | (_, None) => panic!("a rate is not nought"),
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            persons_per_officer_day: 600,
            persons_per_terminal_day: 2_000,
            persons_per_district_day: 20_000,
            faces_per_officer_day: 3_000,
            writes: rate(12_000, 1_000),
            writes_per_district: rate(60_000, 5_000),
            streams: rate(60, 60),
            streams_per_district: rate(6_000, 2_000),
            shifts: rate(20, 20),
        }
    }
}

impl Quotas {
    /// As good as none, for who measures the server itself.
    pub fn unlimited() -> Self {
        let all = rate(u32::MAX, u32::MAX);
        Self {
            persons_per_officer_day: u32::MAX,
            persons_per_terminal_day: u32::MAX,
            persons_per_district_day: u32::MAX,
            faces_per_officer_day: u32::MAX,
            writes: all,
            writes_per_district: all,
            streams: all,
            streams_per_district: all,
            shifts: all,
        }
    }
}

type Buckets = DefaultKeyedRateLimiter<String>;

/// Keys of buckets that were not used are forgotten once there are so many.
const KEYS_MAX: usize = 100_000;

/// The buckets of this server.
pub struct Limits {
    quotas: Quotas,
    clock: DefaultClock,
    writes: Buckets,
    writes_per_district: Buckets,
    streams: Buckets,
    streams_per_district: Buckets,
    shifts: Buckets,
}

impl Limits {
    /// Full buckets.
    pub fn new(quotas: Quotas) -> Self {
        let buckets = |rate: Rate| {
            RateLimiter::keyed(Quota::per_minute(rate.per_minute).allow_burst(rate.burst))
        };
        Self {
            quotas,
            clock: DefaultClock::default(),
            writes: buckets(quotas.writes),
            writes_per_district: buckets(quotas.writes_per_district),
            streams: buckets(quotas.streams),
            streams_per_district: buckets(quotas.streams_per_district),
            shifts: buckets(quotas.shifts),
        }
    }

    /// Takes the tokens of one call, or refuses it.
    pub fn enter(&self, caller: &Caller, nature: Nature) -> Result<()> {
        let (name, own, districts) = match nature {
            Nature::Read => return Ok(()),
            Nature::Write => ("writes", &self.writes, &self.writes_per_district),
            Nature::Stream => ("streams", &self.streams, &self.streams_per_district),
        };
        self.take(own, name, "terminal", &caller.name())?;
        if let Some(officer) = &caller.officer {
            self.take(own, name, "officer", &officer.person_id.to_string())?;
        }
        if let Some(district) = caller.district() {
            self.take(districts, name, "district", &district.to_string())?;
        }
        Ok(())
    }

    /// Takes the token of one attempt at opening a shift.
    pub fn attempt_shift(&self, caller: &Caller) -> Result<()> {
        self.take(&self.shifts, "shifts", "terminal", &caller.name())
    }

    fn take(
        &self,
        buckets: &Buckets,
        quota: &'static str,
        of: &'static str,
        key: &str,
    ) -> Result<()> {
        if buckets.len() > KEYS_MAX {
            buckets.retain_recent();
        }
        buckets.check_key(&format!("{of}/{key}")).map_err(|early| {
            let wait = early.wait_time_from(self.clock.now());
            reached(quota, of, early.quota().burst_size().get(), wait)
        })
    }

    /// Whose day's count a disclosure to this caller goes on, and up to where.
    pub fn subjects(&self, caller: &Caller) -> Vec<(String, u32)> {
        let quotas = &self.quotas;
        let mut subjects = Vec::new();
        if let Some(officer) = &caller.officer {
            subjects.push((
                format!("officer/{}", officer.person_id),
                quotas.persons_per_officer_day,
            ));
        }
        subjects.push((
            format!("terminal/{}", caller.name()),
            quotas.persons_per_terminal_day,
        ));
        if let Some(district) = caller.district() {
            subjects.push((
                format!("district/{district}"),
                quotas.persons_per_district_day,
            ));
        }
        subjects
    }

    /// The count on which a card face goes.
    pub fn face_subjects(&self, caller: &Caller) -> Vec<(String, u32)> {
        let person = caller.officer.iter().map(|officer| officer.person_id);
        person
            .map(|person| {
                (
                    format!("printer/{person}"),
                    self.quotas.faces_per_officer_day,
                )
            })
            .collect()
    }
}

/// The refusal: which quota, of whom, how much there is, and when to come again.
pub fn reached(quota: &'static str, of: &str, limit: u32, wait: Duration) -> Error {
    let message = "the quota is reached; more is not answered before it has filled up again";
    Error::new(Kind::Exhausted, ErrorReason::QuotaReached, message)
        .with("quota", quota)
        .with("of", of)
        .with("limit", limit)
        .retry(wait)
}

/// A day's quota is full again at the next midnight of the office.
pub fn until_midnight(district: District, now: time::OffsetDateTime) -> Duration {
    let local = now.to_offset(crate::areas::TimeZone::of(district).offset());
    let tomorrow = local.date().next_day().unwrap_or(local.date());
    let midnight = tomorrow.midnight().assume_offset(local.offset());
    Duration::try_from(midnight - now).unwrap_or_default()
}
