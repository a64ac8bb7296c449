//! Those who write while it burns: printers through the contract, who ask again under the same request id until they are
//! answered, and raw writers that use the ledger's own function, with pauses before the commit and some that change their
//! mind.
//!
//! What is easily got wrong: a commit that broke may have happened. Nothing is claimed of it; what was acknowledged must be
//! there, and what was rolled back must not.

use std::{collections::BTreeMap, ops::RangeInclusive};

use ektp::{clock::Clock, proto};
use prost::Message as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sqlx::{Connection as _, FromRow as _, PgConnection, postgres::PgConnectOptions};
use time::OffsetDateTime;
use tokio::{
    sync::watch,
    time::{Duration, interval, timeout},
};

use super::{
    history::{Acknowledged, digest},
    wire::{COLLECTIONS, ENROLMENTS, TOPICS},
    world::{PATIENCE, RETRY_EVERY, session},
};
use crate::support::{
    office::request_id,
    officers::Line,
    people::key,
    raw,
    stream::{QUEUE, STOCK, event},
};

const LEASE: &str = "/ektp.v1.PrintQueue/LeasePrintRequests";
const RELEASE: &str = "/ektp.v1.PrintQueue/ReleaseLeases";
/// Between two commits of one raw writer: with six of them a million events take about ten minutes.
const PACE: Duration = Duration::from_millis(100);
/// Between two leases of a printer.
const PRINTER_PACE: Duration = Duration::from_millis(150);
/// The longest pause between the ledger's function and the commit, in seconds.
const PAUSE_MAX: f64 = 0.01;
const ROLLBACKS: f64 = 0.05;
/// Of all commits, those that write to more than one district.
const WIDE: f64 = 0.15;
/// Most commits are small, some are as large as a commit may be.
const SIZES: [(f64, RangeInclusive<usize>); 3] = [(0.7, 1..=5), (0.95, 6..=100), (1.0, 101..=500)];
/// Of a raw writer's events, those of the queue; where requests are real it writes none there.
const QUEUED: f64 = 0.5;

/// What one writer knows.
#[derive(Debug, Default)]
pub struct Written {
    pub acknowledged: Vec<Acknowledged>,
    /// Digests of what was rolled back.
    pub taken_back: Vec<u64>,
    /// Acts whose outcome nobody was told.
    pub unknown: usize,
    /// Acts that were asked again.
    pub repeats: usize,
}

/// Events of one commit, in the order in which they are handed in.
#[derive(Default)]
struct Draft {
    districts: Vec<i32>,
    topics: Vec<i16>,
    bodies: Vec<Vec<u8>>,
}

impl Draft {
    fn roll(dice: &mut ChaCha8Rng, districts: &[i32], real: i32) -> Self {
        let mut draft = Self::default();
        let count = if dice.random_bool(WIDE) { 3 } else { 1 };
        let first = dice.random_range(0..districts.len());
        for number in 0..count.min(districts.len()) {
            let district = districts[(first + number) % districts.len()];
            let roll = dice.random::<f64>();
            let size = SIZES.iter().find(|(below, _)| roll < *below);
            let (_, size) = size.expect("the last one is certain");
            for _ in 0..dice.random_range(size.clone()) {
                let topic = if district == real || !dice.random_bool(QUEUED) {
                    TOPICS[dice.random_range(1..TOPICS.len())]
                } else {
                    QUEUE
                };
                draft.districts.push(district);
                draft.topics.push(topic);
                draft.bodies.push(body_of(topic));
            }
        }
        draft
    }

    /// Each district's digests, as they must stand in its ledger.
    fn digests(&self) -> BTreeMap<i32, Vec<u64>> {
        let mut digests = BTreeMap::<i32, Vec<u64>>::new();
        for (district, body) in self.districts.iter().zip(&self.bodies) {
            digests.entry(*district).or_default().push(digest(body));
        }
        digests
    }
}

/// An event that its topic's stream can read, and that is like no other one.
fn body_of(topic: i16) -> Vec<u8> {
    let id = request_id();
    match topic {
        STOCK => proto::StockEntry {
            location: id,
            ..proto::StockEntry::default()
        }
        .encode_to_vec(),
        COLLECTIONS => proto::Collection {
            collection_id: id,
            ..proto::Collection::default()
        }
        .encode_to_vec(),
        ENROLMENTS => proto::Enrolment {
            enrolment_id: id,
            ..proto::Enrolment::default()
        }
        .encode_to_vec(),
        _ => event(0).1,
    }
}

#[derive(sqlx::FromRow)]
struct Head {
    district: i32,
    head: i64,
}

/// Closes a unit of work that wrote these events; answers the heads.
async fn close(db: &mut PgConnection, draft: &Draft) -> Result<Vec<Head>, sqlx::Error> {
    let rows = sqlx::query(
        "select district, head from close_work(
             'test', null, null, null, 'test', '', $1, '{null}', '{0}', '{\"\"}', '{\"\"}',
             '{}', '{}', '{}', $1, $2, $3, $4
         )",
    )
    .bind(draft.districts.iter().min())
    .bind(&draft.districts)
    .bind(&draft.topics)
    .bind(&draft.bodies)
    .fetch_all(db)
    .await?;
    rows.iter().map(Head::from_row).collect()
}

/// A raw writer, until it is told to stop.
pub struct RawWriter {
    pub database: PgConnectOptions,
    pub districts: Vec<i32>,
    /// The one of them whose queue has real requests.
    pub real: i32,
    pub seed: u64,
}

impl RawWriter {
    pub async fn write(self, stop: watch::Receiver<bool>) -> Written {
        let mut dice = ChaCha8Rng::seed_from_u64(self.seed);
        let mut written = Written::default();
        let mut db = session(&self.database).await;
        let mut ticks = interval(PACE);
        while !*stop.borrow() {
            ticks.tick().await;
            let draft = Draft::roll(&mut dice, &self.districts, self.real);
            if self
                .act(&mut db, &draft, &mut dice, &mut written)
                .await
                .is_err()
            {
                written.unknown += 1;
                db = session(&self.database).await;
            }
        }
        written
    }

    /// One transaction; an error leaves it unknown.
    async fn act(
        &self,
        db: &mut PgConnection,
        draft: &Draft,
        dice: &mut ChaCha8Rng,
        written: &mut Written,
    ) -> Result<(), sqlx::Error> {
        let mut tx = db.begin().await?;
        let heads = close(&mut tx, draft).await?;
        sqlx::query("select pg_sleep_for(make_interval(secs => $1))")
            .bind(dice.random_range(0.0..PAUSE_MAX))
            .execute(&mut *tx)
            .await?;
        let mut digests = draft.digests();
        if dice.random_bool(ROLLBACKS) {
            tx.rollback().await?;
            written.taken_back.extend(digests.into_values().flatten());
            return Ok(());
        }
        tx.commit().await?;
        let at = Clock::System.now();
        for Head { district, head } in heads {
            written.acknowledged.push(Acknowledged {
                district,
                head: head.unsigned_abs(),
                entries: digests.remove(&district).unwrap_or_default(),
                at,
            });
        }
        Ok(())
    }
}

/// A printer that takes leases and gives them back.
pub struct Printer {
    pub district: i32,
    /// To each server.
    pub lines: Vec<Line>,
    pub seed: u64,
}

impl Printer {
    pub async fn write(self, stop: watch::Receiver<bool>) -> Written {
        let mut dice = ChaCha8Rng::seed_from_u64(self.seed);
        let mut written = Written::default();
        let mut ticks = interval(PRINTER_PACE);
        while !*stop.borrow() {
            ticks.tick().await;
            let request = proto::LeasePrintRequestsRequest {
                request_id: request_id(),
                count: dice.random_range(1..5),
                location: String::new(),
            };
            let message = request.encode_to_vec();
            let (answer, at) = self.ask(LEASE, &message, &mut dice, &mut written).await;
            let leased = proto::LeasePrintRequestsResponse::decode(&*answer).expect("its answer");
            if leased.leases.is_empty() {
                continue;
            }
            written
                .acknowledged
                .push(self.told(leased.committed_revision, at));
            let request = proto::ReleaseLeasesRequest {
                request_id: request_id(),
                leases: leased.leases.iter().map(key).collect(),
            };
            let message = request.encode_to_vec();
            let (answer, at) = self.ask(RELEASE, &message, &mut dice, &mut written).await;
            let released = proto::ReleaseLeasesResponse::decode(&*answer).expect("its answer");
            written
                .acknowledged
                .push(self.told(released.committed_revision, at));
        }
        written
    }

    fn told(&self, revision: u64, at: OffsetDateTime) -> Acknowledged {
        Acknowledged {
            district: self.district,
            head: revision,
            entries: Vec::new(),
            at,
        }
    }

    /// The same call, at any server, until it is answered; and when.
    async fn ask(
        &self,
        path: &str,
        message: &[u8],
        dice: &mut ChaCha8Rng,
        written: &mut Written,
    ) -> (Vec<u8>, OffsetDateTime) {
        let mut ticks = interval(RETRY_EVERY);
        let asking = async {
            loop {
                ticks.tick().await;
                let line = &self.lines[dice.random_range(0..self.lines.len())];
                // One that hangs has not answered either.
                let Ok(answer) = timeout(RETRY_EVERY * 40, raw::call(line, path, message)).await
                else {
                    written.repeats += 1;
                    continue;
                };
                match answer {
                    Ok(mut messages) => {
                        let message = messages.pop().expect("one answer");
                        return (message, Clock::System.now());
                    }
                    // A connection that is cut ends with one of several codes; a refusal of the contract would last.
                    Err(_) => written.repeats += 1,
                }
            }
        };
        timeout(PATIENCE, asking).await.expect("an answer in time")
    }
}
