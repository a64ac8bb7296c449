//! The periodic work of every server: bounded rounds, each a unit of work of the caller `system`.
//!
//! All servers do all chores; SKIP LOCKED and idempotent statements keep them out of each other's way, so there is no
//! leader to lose. A chore that fails is tried again at its next turn, and its age is a metric.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI32, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    audit::{self, Signing},
    caller::{Caller, Principal},
    db,
    error::Result,
    feed::journal,
    handover::{self, Gateway},
    inventory, print_queue, requests, telemetry,
    work::Desk,
};

/// Rows of one round; a full round is followed by the next one at once.
const ROUND: i64 = 500;
/// Leases are 90 seconds long; a place in the queue comes back within two more.
const EXPIRE_LEASES_EVERY: Duration = Duration::from_secs(2);
/// A rule is met on a day, or when blanks come: nobody counts the seconds.
const RELEASE_HELD_EVERY: Duration = Duration::from_secs(10);
/// A person who has just been told at the counter should get the message soon.
const SEND_NOTICES_EVERY: Duration = Duration::from_secs(1);
/// Partitions are made a week ahead, so an hour's delay is nothing.
const PARTITIONS_EVERY: Duration = Duration::from_secs(3_600);
/// Old answers, old counts and old events only take room.
const RETENTION_EVERY: Duration = Duration::from_secs(600);
/// Events are kept at least so long; tokens are promised 14 days.
const FEED_KEPT_DAYS: i32 = 31;
/// An office's day is over before it is over by UTC, and its count is read by nobody then; a day more for clocks that err.
const DISCLOSURE_COUNTS_KEPT: time::Duration = time::Duration::days(1);

/// Stock runs low over days; a round costs a few hundred short reads.
const LOW_STOCK_EVERY: Duration = Duration::from_secs(300);

/// When each chore last went well.
type Ages = Arc<Mutex<BTreeMap<&'static str, Instant>>>;

/// The running chores. A drain ends them at their next pause; dropped, they end where they wait, and an act under way is
/// carried to its end by its own task.
pub struct Chores {
    _tasks: JoinSet<()>,
    _gauge: telemetry::Gauge,
}

/// One round of a chore; answers whether more work may wait, so that the next round begins at once.
type Round = Box<dyn Fn(Desk) -> BoxFuture<'static, Result<bool>> + Send>;

impl Chores {
    /// Starts all chores.
    pub fn start(desk: &Desk, gateway: Gateway, signing: Arc<Signing>) -> Self {
        let ages = Ages::default();
        let mut tasks = JoinSet::new();
        for (name, every, round) in all(gateway, signing) {
            ages.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(name, Instant::now());
            tasks.spawn(repeat(name, every, round, desk.clone(), Arc::clone(&ages)));
        }
        let gauge = telemetry::gauge("ektp.chore.age", "s", move || {
            let ages = ages.lock().unwrap_or_else(PoisonError::into_inner);
            let readings = ages.iter().map(|(name, at)| telemetry::Reading {
                value: at.elapsed().as_secs_f64(),
                labels: vec![("chore", (*name).to_owned())],
            });
            readings.collect()
        });
        Self {
            _tasks: tasks,
            _gauge: gauge,
        }
    }
}

fn all(gateway: Gateway, signing: Arc<Signing>) -> Vec<(&'static str, Duration, Round)> {
    let gateway = Arc::new(gateway);
    vec![
        (
            "expire_leases",
            EXPIRE_LEASES_EVERY,
            Box::new(|desk| Box::pin(expire_leases(desk))),
        ),
        (
            "release_held",
            RELEASE_HELD_EVERY,
            Box::new(|desk| Box::pin(release_held(desk))),
        ),
        (
            "send_notices",
            SEND_NOTICES_EVERY,
            Box::new(move |desk| {
                let gateway = Arc::clone(&gateway);
                Box::pin(async move { handover::send_notices(&desk, &gateway).await })
            }),
        ),
        (
            "sign_audit_head",
            signing.look_every(),
            Box::new(move |desk| {
                let signing = Arc::clone(&signing);
                Box::pin(async move { audit::round(&desk, &signing).await.map(|_| false) })
            }),
        ),
        (
            "low_stock",
            LOW_STOCK_EVERY,
            Box::new({
                // Behind which district the next round goes on; 0 begins anew.
                let after = Arc::new(AtomicI32::new(0));
                move |desk| Box::pin(low_stock(desk, Arc::clone(&after)))
            }),
        ),
        (
            "delete_old_requests",
            RETENTION_EVERY,
            Box::new(|desk| Box::pin(delete_old_requests(desk))),
        ),
        (
            "drop_disclosure_counts",
            RETENTION_EVERY,
            Box::new(|desk| Box::pin(drop_disclosure_counts(desk))),
        ),
        (
            "feed_partitions",
            PARTITIONS_EVERY,
            Box::new(|desk| Box::pin(feed_partitions(desk))),
        ),
        (
            "feed_retention",
            RETENTION_EVERY,
            Box::new(|desk| Box::pin(feed_retention(desk))),
        ),
    ]
}

async fn repeat(name: &'static str, every: Duration, round: Round, desk: Desk, ages: Ages) {
    let stop = desk.draining().clone();
    loop {
        let more = match round(desk.clone()).await {
            Ok(more) => {
                ages.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(name, Instant::now());
                more
            }
            Err(error) => {
                error.log();
                tracing::warn!(chore = name, %error, "a chore failed and is tried again");
                false
            }
        };
        if more && !stop.is_cancelled() {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => return,
        }
    }
}

fn system() -> Caller {
    Caller::from(Principal::System)
}

async fn expire_leases(desk: Desk) -> Result<bool> {
    let round = desk.act_unasked(system(), "chore/expire_leases", |work| {
        Box::pin(print_queue::expire_leases(work, ROUND))
    });
    Ok(round.await? >= ROUND.unsigned_abs())
}

async fn release_held(desk: Desk) -> Result<bool> {
    desk.act_unasked(system(), "chore/release_held", |work| {
        Box::pin(print_queue::release_held(work, ROUND))
    })
    .await
}

async fn low_stock(desk: Desk, after: Arc<AtomicI32>) -> Result<bool> {
    let from = after.load(Ordering::Relaxed);
    let round = desk.act_unasked(system(), "chore/low_stock", move |work| {
        Box::pin(inventory::raise_low_stock(work, from))
    });
    let next = round.await?;
    after.store(next.unwrap_or(0), Ordering::Relaxed);
    Ok(next.is_some())
}

/// Looks at every district's stock at once, as each server does every five minutes (S2-12).
pub async fn look_at_stock(desk: &Desk) -> Result<()> {
    let after = Arc::new(AtomicI32::new(0));
    while low_stock(desk.clone(), Arc::clone(&after)).await? {}
    Ok(())
}

async fn delete_old_requests(desk: Desk) -> Result<bool> {
    let round = desk.act_unasked(system(), "chore/delete_old_requests", |work| {
        Box::pin(async move { requests::delete_old(work.db(), ROUND).await })
    });
    Ok(round.await? >= ROUND.unsigned_abs())
}

async fn drop_disclosure_counts(desk: Desk) -> Result<bool> {
    let before = (desk.now() - DISCLOSURE_COUNTS_KEPT).date();
    let round = desk.act_unasked(system(), "chore/drop_disclosure_counts", move |work| {
        Box::pin(async move { journal::drop_counts(work.db(), before, ROUND).await })
    });
    Ok(round.await? >= ROUND)
}

async fn feed_partitions(desk: Desk) -> Result<bool> {
    desk.act_unasked(system(), "chore/feed_partitions", |work| {
        Box::pin(async move { db::ensure_partitions(work.db()).await.map(|()| false) })
    })
    .await
}

async fn feed_retention(desk: Desk) -> Result<bool> {
    desk.act_unasked(system(), "chore/feed_retention", |work| {
        Box::pin(async move {
            journal::drop_old(work.db(), FEED_KEPT_DAYS)
                .await
                .map(|_| false)
        })
    })
    .await
}
