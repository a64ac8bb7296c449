//! The replay of a day's leases: read what is kept, and compare.

use std::collections::BTreeSet;

use sqlx::PgConnection;
use time::Date;
use tokio::sync::Semaphore;

use crate::{
    areas::TimeZone,
    error::{Error, Result},
    ids::District,
    print_queue::{
        decide,
        dispatch::{Dispatch, Evidence, Replay},
        store,
    },
};

/// So many days are replayed at a time: each takes a core for as long as it lasts.
const REPLAYS_AT_A_TIME: usize = 1;
static TURN: Semaphore = Semaphore::const_new(REPLAYS_AT_A_TIME);

/// A day, replayed.
#[derive(Debug)]
pub struct Verified {
    /// The day's dispatches, by their numbers.
    pub dispatches: Vec<Dispatch>,
    /// What was found.
    pub replay: Replay,
}

/// Replays a local day of a district's queue.
#[tracing::instrument(name = "step.verify_dispatch_order", skip_all)]
pub async fn verify_dispatch_order(
    db: &mut PgConnection,
    district: District,
    day: Date,
) -> Result<Verified> {
    // A replay ends with its day, not with its client: whoever asks again and again waits for the ones before.
    let turn = TURN.acquire().await.map_err(|_| Error::draining())?;
    let zone = TimeZone::of(district);
    // Read before the dispatches: a lease that it counts has its dispatch among them.
    let as_of = store::committed(db).await?;
    // A lease shortly before midnight can be of another day than its stage, where two servers' clocks differ.
    let yesterday = day.previous_day().unwrap_or(day);
    let tomorrow = day.next_day().unwrap_or(day);
    let dispatches = store::dispatches(db, district, (yesterday, tomorrow)).await?;
    let versions: BTreeSet<i32> = dispatches.iter().map(|d| d.policy_version).collect();
    let versions: Vec<i32> = versions.into_iter().collect();
    let evidence = Evidence {
        rules: store::order_rules(db, &versions).await?,
        histories: store::histories(db, district, day.midnight().assume_offset(zone.offset()))
            .await?,
        dispatches,
        day,
        zone,
        as_of,
    };
    // A large day takes a second of one core: not on a thread that serves others.
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let replay = decide::replay(&evidence);
        let mut dispatches = evidence.dispatches;
        dispatches.retain(|dispatch| dispatch.day == day);
        Verified { dispatches, replay }
    })
    .await
    .map_err(|error| Error::internal(format!("a replay ended: {error}")))
}
