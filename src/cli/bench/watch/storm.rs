//! The storm: the server is killed, another one takes its port over the same database, and every terminal comes back by
//! itself with its last token.
//!
//! What is easily got wrong: a stream that was resumed says nothing while nothing changes. So every office has a change as
//! soon as the new server stands, and a terminal is back when it holds that one.

use std::time::Duration;

use serde::Serialize;
use sqlx::{ConnectOptions as _, Executor as _, postgres::PgConnectOptions};
use tokio::{
    runtime::Builder,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    super::process::Process,
    Bench, LOOK_EVERY,
    tally::{Tally, Times},
};
use crate::cli::{Failure, demo::progress::Phase};

/// Terminals that are not back by then will not be.
const BACK_TIMEOUT: Duration = Duration::from_secs(180);
/// So many offices have their change each second, while the terminals come back.
const CHANGES_PER_SECOND: u32 = 100;
/// So often the database is asked how it is.
const PROBE_EVERY: Duration = Duration::from_millis(10);

/// What was seen.
#[derive(Debug, Clone, Serialize)]
pub struct Storm {
    /// From the kill until the new server had printed its address.
    pub serving_after_seconds: f64,
    /// From the kill until every office had its change.
    pub changed_after_seconds: f64,
    /// From the kill until every terminal held it.
    pub back_after_seconds: f64,
    /// Tries that did not end with a stream.
    pub tries_in_vain: u64,
    /// How long a statement took that does nothing but answer.
    pub database: Times,
}

impl Storm {
    /// One storm.
    pub async fn measure(bench: &mut Bench<'_>) -> Result<Self, Failure> {
        let count = bench.shared.places().count();
        let phase = Phase::begin("storm", count);
        let stop = CancellationToken::new();
        let options = (*bench.ground.owner.connect_options()).clone();
        let probe = probe(options, stop.clone());
        // Stops it however this ends.
        let probing = stop.drop_guard();
        let broken = bench.shared.broken();
        let started = Instant::now();
        let at = bench.server.address();
        bench.server.kill().await?;
        phase.say("the server is dead");
        bench.server = Process::start(&bench.ground.start(), at).await?;
        let serving_after_seconds = started.elapsed().as_secs_f64();
        phase.say("a new server stands");
        let printers = &mut bench.printers;
        printers
            .each_once(&bench.shared, CHANGES_PER_SECOND)
            .await?;
        let changed_after_seconds = started.elapsed().as_secs_f64();
        let mut shown = 0;
        loop {
            bench.shared.check()?;
            let back = bench.shared.caught_up().min(bench.shared.live());
            let (delivered, expected) = bench.shared.deliveries();
            phase.advance(back.saturating_sub(shown));
            shown = back.max(shown);
            // More is no error here: the lease of a printer that was away may have ended by itself.
            if back == count && delivered >= expected {
                break;
            }
            if started.elapsed() > BACK_TIMEOUT {
                return Err(Failure::Call(format!(
                    "{back} of {count} terminals are back after {} s, and of {expected} deliveries {delivered} came",
                    BACK_TIMEOUT.as_secs()
                )));
            }
            sleep(LOOK_EVERY).await;
        }
        let back_after_seconds = started.elapsed().as_secs_f64();
        drop(probing);
        let database = probe
            .await
            .map_err(|error| Failure::Call(error.to_string()))??;
        phase.end(&format!("all {count} are back"));
        // Each terminal's stream broke once without a try.
        let streams = u64::try_from(count).unwrap_or(u64::MAX);
        Ok(Self {
            serving_after_seconds,
            changed_after_seconds,
            back_after_seconds,
            tries_in_vain: (bench.shared.broken() - broken).saturating_sub(streams),
            database,
        })
    }
}

/// On a thread of its own: among eight thousand handshakes it would measure this process and not the database.
fn probe(options: PgConnectOptions, stop: CancellationToken) -> JoinHandle<Result<Times, Failure>> {
    spawn_blocking(move || {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::Runtime)?;
        runtime.block_on(async {
            let (times, mut db) = (Tally::new(), options.connect().await?);
            while !stop.is_cancelled() {
                let asked = Instant::now();
                db.execute("select 1").await?;
                times.add(asked.elapsed());
                sleep(PROBE_EVERY).await;
            }
            Ok(times.times())
        })
    })
}
