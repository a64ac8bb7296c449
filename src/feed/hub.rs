//! What all streams of a server share: the ledgers that somebody watches, the snapshots, the last good look, the seats.
//!
//! What is easily got wrong: a ledger is here only while somebody watches it. All other districts cost this server
//! nothing but their row in the look at the heads.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use sqlx::{PgPool, postgres::PgConnectOptions};
use time::OffsetDateTime;
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    error::{Error, ErrorReason, Kind, Result},
    feed::{Timing, bell::Bell, doorbell, journal, late, ledger::Ledger, share::Shares, tail},
    ids::District,
    scope::Scope,
    seal::Keys,
    telemetry::{Gauge, Reading, gauge},
    work::Desk,
};

/// Open streams of one terminal: its screens, with room for those that a broken line has left behind.
const STREAMS_PER_CALLER: usize = 8;
/// Open streams of one server; at 36 KiB each they stay below half a gigabyte.
const STREAMS_MAX: usize = 10_000;

/// One server's streams; its copies are one hub.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    pool: PgPool,
    keys: Arc<Keys>,
    timing: Timing,
    draining: CancellationToken,
    watched: Mutex<Watched>,
    /// Rung to have ledgers looked at; unlike the desk's bell it is not passed on to other servers.
    asked: Bell,
    good: watch::Sender<Good>,
    late: watch::Receiver<bool>,
    turns: Semaphore,
    shares: Shares,
    counts: Arc<Counts>,
    _gauges: [Gauge; 3],
}

#[derive(Default)]
struct Watched {
    ledgers: HashMap<District, (Arc<Ledger>, usize)>,
    callers: HashMap<String, usize>,
    streams: usize,
}

#[derive(Default)]
struct Counts {
    streams: AtomicU64,
    gaps: AtomicU64,
    /// The longest way of a change, in microseconds, since it was last read.
    lag: AtomicU64,
}

/// The last look at all heads that went well.
#[derive(Debug, Clone, Copy)]
pub(super) struct Good {
    /// When it began, here.
    pub at: Instant,
    /// Everything committed before this time, by the database, is in it.
    pub as_of: OffsetDateTime,
    /// Which history it saw.
    pub feed_id: Uuid,
}

/// A stream's place; given back when dropped.
pub(super) struct Seat {
    hub: Hub,
    caller: String,
    district: District,
    /// What the stream watches.
    pub ledger: Arc<Ledger>,
}

impl Hub {
    /// Takes a first look and starts following the ledgers until the desk drains; `database` is where to listen for
    /// other servers' doorbells.
    pub async fn start(desk: &Desk, database: PgConnectOptions, timing: Timing) -> Result<Self> {
        let pool = desk.pools().feed.clone();
        let at = Instant::now();
        let mut connection = pool.acquire().await?;
        let mut view = journal::read(&mut connection, Scope::Nation).await?;
        let heads = journal::heads(&mut view, None).await?;
        view.rollback().await?;
        // All connections but the tail's. In the pool's own queue who waits too long would fail.
        let connections = pool.options().get_max_connections();
        let turns = usize::try_from(connections)
            .unwrap_or(0)
            .saturating_sub(1)
            .max(1);
        let counts = Arc::new(Counts::default());
        let (tell_late, late) = watch::channel(false);
        let hub = Self(Arc::new(Inner {
            pool,
            keys: Arc::clone(desk.keys()),
            timing,
            draining: desk.draining().clone(),
            watched: Mutex::default(),
            asked: Bell::default(),
            good: watch::Sender::new(Good {
                at,
                as_of: heads.as_of,
                feed_id: heads.feed_id,
            }),
            late,
            turns: Semaphore::new(turns),
            shares: Shares::default(),
            _gauges: gauges(&counts),
            counts,
        }));
        tokio::spawn(late::tell(hub.clone(), tell_late));
        let outbox = doorbell::start(&hub, database);
        tail::start(&hub, desk.bell().clone(), outbox);
        Ok(hub)
    }

    /// A place for one more stream of `caller`.
    pub(super) fn seat(&self, caller: &str, district: District) -> Result<Seat> {
        let mut watched = self.watched();
        if watched.streams >= STREAMS_MAX {
            return Err(Error::overloaded());
        }
        if watched.callers.get(caller).copied().unwrap_or(0) >= STREAMS_PER_CALLER {
            let message = "the terminal has too many open streams; close one first";
            return Err(
                Error::new(Kind::Exhausted, ErrorReason::TooManyStreams, message)
                    .with("limit", STREAMS_PER_CALLER),
            );
        }
        watched.streams += 1;
        *watched.callers.entry(caller.to_owned()).or_default() += 1;
        let (ledger, watchers) = watched
            .ledgers
            .entry(district)
            .or_insert_with(|| (Arc::new(Ledger::new()), 0));
        *watchers += 1;
        let ledger = Arc::clone(ledger);
        drop(watched);
        self.0.counts.streams.fetch_add(1, Ordering::Relaxed);
        if ledger.head().is_none() {
            self.0.asked.ring([district]);
        }
        Ok(Seat {
            hub: self.clone(),
            caller: caller.to_owned(),
            district,
            ledger,
        })
    }

    /// The watched ledgers; all of them, or those of `only`.
    pub(super) fn ledgers(&self, only: Option<&[District]>) -> Vec<(District, Arc<Ledger>)> {
        let watched = self.watched();
        let pair = |(district, (ledger, _)): (&District, &(Arc<Ledger>, usize))| {
            (*district, Arc::clone(ledger))
        };
        match only {
            None => watched.ledgers.iter().map(pair).collect(),
            Some(only) => only
                .iter()
                .filter_map(|district| watched.ledgers.get_key_value(district))
                .map(pair)
                .collect(),
        }
    }

    /// The last good look.
    pub(super) fn good(&self) -> Good {
        *self.0.good.borrow()
    }

    /// To be told of the next good look.
    pub(super) fn watch_good(&self) -> watch::Receiver<Good> {
        self.0.good.subscribe()
    }

    /// To be told when the last good look is too old, and when there is a new one.
    pub(super) fn watch_late(&self) -> watch::Receiver<bool> {
        self.0.late.clone()
    }

    /// Says that a look went well; call it after everything seen was handed to the ledgers.
    pub(super) fn looked(&self, good: Good) {
        self.0.good.send_replace(good);
    }

    /// Counts a ledger that does not follow from what was read of it before; must stay 0.
    pub(super) fn count_gap(&self, district: District) {
        self.0.counts.gaps.fetch_add(1, Ordering::Relaxed);
        tracing::error!(%district, "the ledger does not continue what was read of it; its streams begin anew");
    }

    /// Notes the way of a change that was written at `at`, by the database's clock as far as it is known here.
    pub(super) fn note_lag(&self, at: OffsetDateTime) {
        let good = self.good();
        let lag = good.as_of + good.at.elapsed() - at;
        let micros = u64::try_from(lag.whole_microseconds()).unwrap_or(0);
        self.0.counts.lag.fetch_max(micros, Ordering::Relaxed);
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(super) fn timing(&self) -> &Timing {
        &self.0.timing
    }

    pub(super) fn draining(&self) -> &CancellationToken {
        &self.0.draining
    }

    pub(super) fn asked(&self) -> &Bell {
        &self.0.asked
    }

    /// The turns in which streams read from the database.
    pub(super) fn turns(&self) -> &Semaphore {
        &self.0.turns
    }

    /// What streams have read just now.
    pub(super) fn shares(&self) -> &Shares {
        &self.0.shares
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0
            .watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut watched = self.hub.watched();
        watched.streams -= 1;
        leave(&mut watched.callers, &self.caller, |count| count);
        leave(&mut watched.ledgers, &self.district, |(_, watchers)| {
            watchers
        });
        drop(watched);
        self.hub.0.counts.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One less; the last one takes the entry along.
fn leave<K: Hash + Eq, V>(map: &mut HashMap<K, V>, key: &K, count: fn(&mut V) -> &mut usize) {
    if let Some(entry) = map.get_mut(key) {
        let left = count(entry);
        *left -= 1;
        if *left == 0 {
            map.remove(key);
        }
    }
}

fn gauges(counts: &Arc<Counts>) -> [Gauge; 3] {
    let one = |value: f64| {
        vec![Reading {
            value,
            labels: Vec::new(),
        }]
    };
    // No count comes near the 52 bits that a float keeps whole.
    let (streams, gaps, lag) = (Arc::clone(counts), Arc::clone(counts), Arc::clone(counts));
    [
        gauge("ektp.feed.streams", "{stream}", move || {
            one(streams.streams.load(Ordering::Relaxed) as f64)
        }),
        gauge("ektp.feed.gaps", "{gap}", move || {
            one(gaps.gaps.load(Ordering::Relaxed) as f64)
        }),
        gauge("ektp.feed.lag", "s", move || {
            one(lag.lag.swap(0, Ordering::Relaxed) as f64 / 1_000_000.0)
        }),
    ]
}
