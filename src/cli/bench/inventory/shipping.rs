//! Shipments a second through the server, and what the database alone would do of the server's own statements for them.
//!
//! What is easily got wrong: a replay that fails fast looks quick, so after each round the database is asked whether as many
//! shipments, movements, events and audit rows were written as the server writes for as many shipments.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use futures::future::try_join_all;
use serde::Serialize;
use sqlx::{ConnectOptions as _, Executor as _, PgPool, Row as _};
use tokio::time::Instant;

use super::{
    super::{
        figures::{median, percentile},
        ground::Ground,
        process::{Process, Start},
        replay::{self, Client, Pgbench, RECORDED, Recording, Replays, Tap, WARM_UP, fewest_waits},
    },
    clerks::{ACTS, Clerks, Tally, Way},
    layout::Layout,
};
use crate::cli::{Failure, demo::progress::Phase};

/// Before the rounds, so that all connections are there.
const WARM_UP_LENGTH: Duration = Duration::from_secs(2);

/// What was seen.
#[derive(Debug, Clone, Serialize)]
pub struct Shipments {
    /// Of the server, and of its statements in pgbench: medians over the rounds.
    pub per_second: f64,
    pub ceiling_per_second: f64,
    pub rounds: Vec<f64>,
    pub ceiling_rounds: Vec<f64>,
    pub acts: Vec<Act>,
    /// What the replay could not vary.
    pub as_recorded: Vec<String>,
}

/// A dispatch or a receipt.
#[derive(Debug, Clone, Serialize)]
pub struct Act {
    pub name: &'static str,
    /// From BEGIN to COMMIT, at its cheapest.
    pub round_trips: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// The shipped part of the stock, with those who ship it and what was recorded of them.
pub struct Shipping<'g> {
    ground: &'g Ground,
    ways: Vec<Way>,
    pgbench: Pgbench,
    recordings: Vec<Recording>,
    replays: Replays,
}

impl<'g> Shipping<'g> {
    /// Officers at both ends of every lot's way, and what a server sends for some shipments of each. That server is gone
    /// afterwards: two would share one folder.
    pub async fn open(
        ground: &'g Ground,
        layout: &Layout,
        pgbench: Pgbench,
    ) -> Result<Self, Failure> {
        let phase = Phase::begin("shipments recorded", layout.lots.len());
        let mut ways = Vec::new();
        for (lot, place) in layout.lots.iter().zip(0_u16..) {
            ways.push(Way::open(ground, *lot, place).await?);
        }
        let recordings = record(ground, &ways, &phase).await?;
        phase.end(&format!("{} clients", ways.len()));
        Ok(Self {
            replays: replays(ground, &ways, &recordings)?,
            ground,
            ways,
            pgbench,
            recordings,
        })
    }

    /// Lets the server and its statements take turns.
    pub async fn measure(
        self,
        address: &str,
        seconds: u64,
        rounds: u32,
    ) -> Result<Shipments, Failure> {
        let clerks = clerks(&self.ways, address)?;
        let count = usize::try_from(rounds).expect("a few") * 2;
        let phase = Phase::begin("shipments", count + 1);
        phase.say("warming up");
        round(&clerks, WARM_UP_LENGTH).await?;
        phase.advance(1);
        let mut seen = [Vec::new(), Vec::new()];
        let mut acts: [Vec<Duration>; 2] = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            phase.say("ektp");
            let before = Work::done(&self.ground.owner).await?;
            let (tally, per_second) = round(&clerks, Duration::from_secs(seconds)).await?;
            let served = Work::done(&self.ground.owner).await?.since(before);
            seen[0].push(per_second);
            for (all, new) in acts.iter_mut().zip(tally.acts) {
                all.extend(new);
            }
            phase.advance(1);
            phase.say("its statements in pgbench");
            seen[1].push(self.replay(seconds, served).await?);
            phase.advance(1);
        }
        phase.end(&format!("{count} rounds of {seconds} s"));
        let [rounds, ceiling_rounds] = seen;
        Ok(Shipments {
            per_second: median(rounds.clone()),
            ceiling_per_second: median(ceiling_rounds.clone()),
            rounds,
            ceiling_rounds,
            acts: told(&self.recordings, acts),
            as_recorded: self.replays.as_recorded,
        })
    }

    /// The statements alone; the figure counts if they did what the server does for as many shipments.
    async fn replay(&self, seconds: u64, served: Work) -> Result<f64, Failure> {
        let before = Work::done(&self.ground.owner).await?;
        let done = self.replays.run(&self.pgbench, seconds).await?;
        if self.ways.iter().any(Way::is_used_up) {
            return Err(Way::used_up());
        }
        let work = Work::done(&self.ground.owner).await?.since(before);
        let shipments = i64::try_from(done.transactions).expect("a round is short");
        if work.shipments == shipments && work.is_like(served) {
            return Ok(done.per_second);
        }
        Err(Failure::Call(format!(
            "the replay did other work than the server: pgbench tells of {shipments} shipments; written were {work:?}; the \
             server wrote {served:?}"
        )))
    }
}

fn clerks(ways: &[Way], address: &str) -> Result<Vec<Clerks>, Failure> {
    ways.iter().map(|way| way.clerks(address)).collect()
}

/// Some shipments of every client through a tapped server.
async fn record(ground: &Ground, ways: &[Way], phase: &Phase) -> Result<Vec<Recording>, Failure> {
    let serving = ground.home().serving();
    let tap = Tap::open(ground.home().folder(), &serving)?;
    let start = Start {
        database_url: tap.options(&serving).to_url_lossy().into(),
        ..ground.start()
    };
    let mut server = Process::start(&start, (Ipv4Addr::LOCALHOST, 0).into()).await?;
    let address = format!("https://{}", server.address());
    let mut all = Vec::new();
    for (place, clerks) in clerks(ways, &address)?.iter().enumerate() {
        let before = if place == 0 { WARM_UP } else { 0 };
        let (mut shipped, mut tally) = (Vec::new(), Tally::default());
        for number in 0..before + RECORDED {
            let acted = clerks.ship(&mut tally).await?;
            if number >= before {
                shipped.push(acted);
            }
        }
        all.push(shipped);
        phase.advance(1);
    }
    server.kill().await?;
    replay::recordings(ground.home(), &tap, all).await
}

fn replays(ground: &Ground, ways: &[Way], recordings: &[Recording]) -> Result<Replays, Failure> {
    let preludes: Vec<Vec<String>> = ways.iter().map(|way| way.lot.prelude()).collect();
    let clients = recordings.iter().zip(&preludes).zip(ways);
    let clients: Vec<Client<'_>> = clients
        .map(|((recording, prelude), way)| Client {
            recording,
            prelude,
            next: Arc::clone(&way.next),
        })
        .collect();
    Replays::write(ground.home().folder(), &clients)
}

/// All clients ship for so long.
async fn round(clerks: &[Clerks], length: Duration) -> Result<(Tally, f64), Failure> {
    let started = Instant::now();
    let end = started + length;
    let tallies = try_join_all(clerks.iter().cloned().map(|clerks| async move {
        let shipping = tokio::spawn(clerks.ship_until(end));
        shipping
            .await
            .map_err(|error| Failure::Call(error.to_string()))?
    }))
    .await?;
    let elapsed = started.elapsed().as_secs_f64();
    let tally = tallies.into_iter().fold(Tally::default(), Tally::and);
    let per_second = tally.shipments as f64 / elapsed;
    Ok((tally, per_second))
}

fn told(recordings: &[Recording], latencies: [Vec<Duration>; 2]) -> Vec<Act> {
    let acts = ACTS.into_iter().zip(latencies);
    acts.map(|(name, mut latencies)| {
        latencies.sort_unstable();
        Act {
            name,
            round_trips: fewest_waits(recordings, name, |act| &act.statements),
            p50_ms: percentile(&latencies, 50),
            p99_ms: percentile(&latencies, 99),
        }
    })
    .collect()
}

/// What stands in the database after so much work.
#[derive(Debug, Clone, Copy)]
struct Work {
    shipments: i64,
    movements: i64,
    events: i64,
    audited: i64,
}

impl Work {
    async fn done(owner: &PgPool) -> Result<Self, Failure> {
        // What the server does by itself is no shipment's.
        let row = owner
            .fetch_one(
                "select (select count(*) from shipment where state = 'RECEIVED'),
                     (select sum(movements)::bigint from location),
                     (select sum(head)::bigint from feed_head where district <> 0),
                     (select count(*) from audit where terminal <> 'system')",
            )
            .await?;
        Ok(Self {
            shipments: row.try_get(0)?,
            movements: row.try_get(1)?,
            events: row.try_get(2)?,
            audited: row.try_get(3)?,
        })
    }

    fn since(self, before: Self) -> Self {
        Self {
            shipments: self.shipments - before.shipments,
            movements: self.movements - before.movements,
            events: self.events - before.events,
            audited: self.audited - before.audited,
        }
    }

    /// As much as this for each shipment?
    fn is_like(self, other: Self) -> bool {
        let each = |ours: i64, theirs: i64| ours * other.shipments == theirs * self.shipments;
        each(self.movements, other.movements)
            && each(self.events, other.events)
            && each(self.audited, other.audited)
    }
}
