//! The tail: one task per server that looks at the heads and reads what is new of the watched ledgers, once for all
//! their streams.
//!
//! ```text
//!   every 500 ms: all heads ─┐
//!   a doorbell: some heads ──┴─> new events, checked ──> rings ──> heads told to the streams
//! ```
//!
//! Nothing here trusts a doorbell or a number: each event must follow the one before, by number and by digest.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use sqlx::{PgConnection, Postgres, pool::PoolConnection};
use time::Date;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::{
    error::{Error, Result},
    feed::{
        Hub,
        bell::Bell,
        chain::Position,
        hub::Good,
        journal::{self, Event, Head, Span},
        ledger::{Ledger, RING},
        resume::Resync,
    },
    ids::District,
    scope::Scope,
};

/// Ledgers whose events one statement reads: with full rings, 16 times 1,024 events of some hundred bytes.
const SPANS_PER_STATEMENT: usize = 16;
/// Before a tail that has died by a defect is started again.
const RESTART_AFTER: Duration = Duration::from_secs(1);

struct Tail {
    hub: Hub,
    /// The connection is kept: borrowing it anew would cost each look two more round trips.
    connection: Option<PoolConnection<Postgres>>,
    well: bool,
}

/// Starts the tail, until the hub drains. `bell` is rung by the acts of this server; they are passed on to `outbox`.
pub(super) fn start(hub: &Hub, bell: Bell, outbox: Bell) {
    let hub = hub.clone();
    tokio::spawn(async move {
        loop {
            let tail = Tail {
                hub: hub.clone(),
                connection: None,
                well: true,
            };
            // A task of its own: if a defect ends it, the streams must not go blind for good.
            let running = tokio::spawn(tail.run(bell.clone(), outbox.clone()));
            match running.await {
                Ok(()) => return,
                Err(defect) => {
                    tracing::error!(%defect, "the tail of the ledgers died and is started again")
                }
            }
            sleep(RESTART_AFTER).await;
        }
    });
}

impl Tail {
    async fn run(mut self, bell: Bell, outbox: Bell) {
        let mut looks = interval(self.hub.timing().look_every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let draining = self.hub.draining().clone();
        loop {
            tokio::select! {
                () = draining.cancelled() => return,
                _ = looks.tick() => {
                    self.hub.shares().prune(self.hub.timing().share_for);
                    self.look(None).await;
                }
                grown = bell.rung() => {
                    outbox.ring(grown.iter().copied());
                    self.look(Some(grown)).await;
                }
                asked = self.hub.asked().rung() => self.look(Some(asked)).await,
            }
        }
    }

    /// Looks at all ledgers, or at some. A failure is told once; the next look tries again.
    async fn look(&mut self, only: Option<BTreeSet<District>>) {
        let only: Option<Vec<District>> = only.map(|districts| districts.into_iter().collect());
        // Before the ledgers are listed: a stream that comes later must not take this look for one at its own.
        let at = Instant::now();
        let ledgers = self.hub.ledgers(only.as_deref());
        if only.is_some() && ledgers.is_empty() {
            return;
        }
        let looked = self.try_look(only.is_none().then_some(at), &ledgers).await;
        if looked.is_ok() != self.well {
            self.well = looked.is_ok();
            match &looked {
                Ok(()) => tracing::info!("the ledgers can be read again"),
                Err(error) => tracing::warn!(%error, "the ledgers cannot be read"),
            }
        }
    }

    async fn try_look(
        &mut self,
        all: Option<Instant>,
        ledgers: &[(District, Arc<Ledger>)],
    ) -> Result<()> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.hub.pool().acquire().await?,
        };
        let looked = timeout(
            self.hub.timing().look_timeout,
            read(&self.hub, &mut connection, all, ledgers),
        )
        .await
        .unwrap_or_else(|_| Err(Error::database_away("a look at the ledgers took too long")));
        if looked.is_ok() {
            self.connection = Some(connection);
        } else {
            // It may be broken, or in the middle of an answer that nobody reads any more.
            connection.close_on_drop();
        }
        looked
    }
}

/// One look: the heads, then the events that are new; of all ledgers when it says since when.
async fn read(
    hub: &Hub,
    connection: &mut PgConnection,
    all: Option<Instant>,
    ledgers: &[(District, Arc<Ledger>)],
) -> Result<()> {
    let before = hub.good();
    let only: Vec<District> = ledgers.iter().map(|(district, _)| *district).collect();
    // The districts' streams are all served from here; each was asked for its own right when it was opened.
    let mut view = journal::read(connection, Scope::Nation).await?;
    let seen = journal::heads(&mut view, all.is_none().then_some(only.as_slice())).await?;
    let restored = seen.feed_id != before.feed_id;
    if restored && all.is_none() {
        // The next look at all heads tells every stream.
        view.rollback().await?;
        return Ok(());
    }
    let heads: HashMap<District, Head> = seen
        .heads
        .into_iter()
        .map(|head| (head.district, head))
        .collect();
    let mut grown = BTreeMap::new();
    for (district, ledger) in ledgers {
        // A certificate may name a district that has no ledger; its stream is refused.
        let Some(head) = heads.get(district) else {
            continue;
        };
        let head = Position {
            revision: head.revision,
            digest: head.digest.clone(),
            day: seen.as_of.date(),
        };
        if restored {
            turn(hub, *district, ledger, head, Resync::Restored);
        } else if compare(hub, *district, ledger, &head) {
            grown.insert(*district, (ledger, head));
        }
    }
    // Whatever is new was committed after the last good look at all heads.
    let since = before.as_of.date().previous_day().unwrap_or(Date::MIN);
    follow(hub, &mut view, grown, since).await?;
    if let Some(at) = all {
        hub.looked(Good {
            at,
            as_of: seen.as_of,
            feed_id: seen.feed_id,
        });
    }
    for (_, ledger) in ledgers {
        ledger.prune(seen.as_of);
    }
    // Last: between the events and the good look that they are part of, nobody may wait.
    view.rollback().await?;
    Ok(())
}

/// Whether the ledger has events to be read; what needs none is settled here.
fn compare(hub: &Hub, district: District, ledger: &Ledger, head: &Position) -> bool {
    let Some(known) = ledger.head() else {
        ledger.begin_at(head.clone());
        return false;
    };
    if head.revision < known.revision {
        hub.count_gap(district);
        turn(hub, district, ledger, head.clone(), Resync::Ahead);
        return false;
    }
    if head.revision == known.revision {
        if head.digest != known.digest {
            hub.count_gap(district);
            turn(hub, district, ledger, head.clone(), Resync::Diverged);
        }
        return false;
    }
    let fits = usize::try_from(head.revision - known.revision).is_ok_and(|new| new <= RING);
    if !fits {
        // The ring would keep only the end. The streams read what lies between from the table, and check it there.
        ledger.begin_at(head.clone());
    }
    fits
}

/// Reads the new events of grown ledgers and hands them over, if they follow from what is known.
async fn follow(
    hub: &Hub,
    db: &mut PgConnection,
    grown: BTreeMap<District, (&Arc<Ledger>, Position)>,
    since: Date,
) -> Result<()> {
    let spans: Vec<Span> = grown
        .iter()
        .filter_map(|(district, (ledger, head))| {
            Some(Span {
                district: *district,
                after: ledger.head()?.revision,
                up_to: head.revision,
            })
        })
        .collect();
    let mut new: HashMap<District, Vec<Arc<Event>>> = HashMap::new();
    for spans in spans.chunks(SPANS_PER_STATEMENT) {
        let limit = i64::try_from(RING).unwrap_or(i64::MAX);
        for (district, event) in journal::events(db, spans, since, limit).await? {
            new.entry(district).or_default().push(event);
        }
    }
    for (district, (ledger, head)) in grown {
        let events = new.remove(&district).unwrap_or_default();
        let arrives = events
            .last()
            .is_some_and(|last| (last.revision, &last.digest) == (head.revision, &head.digest));
        let follows = ledger
            .head()
            .is_some_and(|known| known.is_followed_by(&events));
        if arrives && follows {
            ledger.extend(events, head);
        } else {
            hub.count_gap(district);
            turn(hub, district, ledger, head, Resync::Diverged);
        }
    }
    Ok(())
}

fn turn(hub: &Hub, district: District, ledger: &Ledger, head: Position, why: Resync) {
    hub.shares().forget(district);
    ledger.turn(head, why);
}
