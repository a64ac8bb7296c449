//! Those who look, with connections of their own and as the database's owner, whether the laws of the stock hold at that
//! moment. A look begins every 100 ms, whether or not the one before has ended: on a machine that fifty keep busy it may last
//! longer than that, so several take turns.
//!
//! What is easily got wrong: a look that could not be taken shows nothing. Those that were taken are counted, and the test
//! fails where they are too few.

use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Duration, Instant, MissedTickBehavior, interval_at},
};

use super::picture::{Picture, look_once};
use crate::fire::world::session;

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// So many take turns.
const LOOKERS: u32 = 6;
/// Breaches that are worth reading.
const WORTH_READING: usize = 20;

/// What came of all looks.
#[derive(Debug, Default)]
pub struct Looks {
    /// One every 100 ms.
    pub due: usize,
    pub taken: usize,
    /// Those that Postgres did not live to answer.
    pub broken: usize,
    pub longest: Duration,
    pub breaches: Vec<String>,
}

impl Looks {
    fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.broken += other.broken;
        self.longest = self.longest.max(other.longest);
        let room = WORTH_READING.saturating_sub(self.breaches.len());
        self.breaches.extend(other.breaches.into_iter().take(room));
    }
}

/// Looks until it is told to stop.
pub async fn look(
    database: PgConnectOptions,
    tell: watch::Sender<Arc<Picture>>,
    stop: watch::Receiver<bool>,
) -> Looks {
    // Compiling a statement that sums up a few thousand rows takes longer than running it.
    let database = database.options([("jit", "off")]);
    let begun = Instant::now();
    let mut lookers = JoinSet::new();
    for turn in 0..LOOKERS {
        let first = begun + LOOK_EVERY * turn;
        lookers.spawn(take_turns(
            first,
            database.clone(),
            tell.clone(),
            stop.clone(),
        ));
    }
    let mut looks = Looks::default();
    for one in lookers.join_all().await {
        looks.add(one);
    }
    looks.due = (begun.elapsed().as_millis() / LOOK_EVERY.as_millis()) as usize;
    looks
}

async fn take_turns(
    first: Instant,
    database: PgConnectOptions,
    tell: watch::Sender<Arc<Picture>>,
    stop: watch::Receiver<bool>,
) -> Looks {
    let mut looks = Looks::default();
    let mut ticks = interval_at(first, LOOK_EVERY * LOOKERS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut db = session(&database).await;
    while !*stop.borrow() {
        ticks.tick().await;
        let Ok((picture, breaches)) = look_once(&mut db).await else {
            looks.broken += 1;
            db = session(&database).await;
            continue;
        };
        looks.taken += 1;
        let lasted = picture.begun.elapsed();
        looks.longest = looks.longest.max(lasted);
        let at = first.elapsed();
        let told = breaches
            .into_iter()
            .map(|breach| format!("after {at:?}: {breach}"));
        let room = WORTH_READING.saturating_sub(looks.breaches.len());
        looks.breaches.extend(told.take(room));
        tell.send_if_modified(|newest| {
            let is_newer = picture.begun > newest.begun;
            if is_newer {
                *newest = Arc::new(picture);
            }
            is_newer
        });
    }
    looks
}
