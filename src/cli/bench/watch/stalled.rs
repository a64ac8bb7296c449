//! Terminals that never read: the others with and without them by turns in one run, what each costs, and how it ends.
//!
//! What is easily got wrong: a client library reads on its own and would take some messages for a reader that takes none.
//! These open their stream with a window of no bytes, so that nothing can be sent to them but the end. And what their coming
//! costs, a hundred handshakes, is not what their standing there costs: the turn begins when all have come.

use std::{collections::BTreeMap, error::Error as _, time::Duration};

use serde::Serialize;
use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, timeout},
};
use tonic::{
    Status, Streaming,
    transport::{Certificate, ClientTlsConfig, Endpoint, Identity},
};

use super::{Bench, Watch, address, streams::Part, tally::Times};
use crate::{
    authority,
    cli::{Failure, client, demo::progress::Phase},
    proto::{WatchQueueRequest, WatchQueueResponse, print_queue_client::PrintQueueClient},
};

/// So often with and so often without them.
const ROUNDS: u32 = 3;
/// Changes of one turn; shorter than what a stalled reader is given, so that all are there to its end.
const TURN_SECONDS: u32 = 25;
/// A stream that is still open by then is not closed at all.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(60);
/// Their terminals are numbered from here.
const FIRST: u16 = 50_001;

/// What was seen.
#[derive(Debug, Clone, Serialize)]
pub struct Stalled {
    pub count: u32,
    pub alone: Times,
    pub beside: Times,
    pub p50_ratio: f64,
    pub p99_ratio: f64,
    /// The dearest round.
    pub kib_each: f64,
    pub closed_after_seconds_least: f64,
    pub closed_after_seconds_most: f64,
    /// With which words, and how many.
    pub ended: BTreeMap<String, u32>,
}

/// How one ended.
struct Ended {
    after: Duration,
    words: String,
}

impl Stalled {
    /// Turns with and without them.
    pub async fn measure(bench: &mut Bench<'_>, watch: &Watch) -> Result<Self, Failure> {
        let phase = Phase::begin("stalled readers", 2 * usize::try_from(ROUNDS).unwrap_or(1));
        let mut ended = Vec::new();
        let mut kib_each: f64 = 0.0;
        for _ in 0..ROUNDS {
            phase.say("all read");
            bench
                .timetable(Part::Alone, watch.changes, TURN_SECONDS)
                .await?;
            phase.advance(1);
            phase.say(format!("{} do not read", watch.stalled));
            let (before, _) = bench.server.memory()?;
            let mut stalled = open(bench, watch.stalled).await?;
            bench
                .timetable(Part::BesideStalled, watch.changes, TURN_SECONDS)
                .await?;
            // Now each holds the most that it ever will.
            let (after, _) = bench.server.memory()?;
            kib_each = kib_each.max(grown(before, after) / f64::from(watch.stalled));
            while let Some(one) = stalled.join_next().await {
                ended.push(one.map_err(lost)?);
            }
            phase.advance(1);
        }
        phase.end(&format!("{} of {ROUNDS} rounds", watch.stalled));
        let alone = bench.shared.times(Part::Alone)?;
        let beside = bench.shared.times(Part::BesideStalled)?;
        let mut words: BTreeMap<String, u32> = BTreeMap::new();
        for one in &ended {
            *words.entry(one.words.clone()).or_default() += 1;
        }
        let after = ended.iter().map(|one| one.after.as_secs_f64());
        Ok(Self {
            count: watch.stalled,
            p50_ratio: beside.p50_ms / alone.p50_ms,
            p99_ratio: beside.p99_ms / alone.p99_ms,
            alone,
            beside,
            kib_each,
            closed_after_seconds_least: after.clone().fold(f64::INFINITY, f64::min),
            closed_after_seconds_most: after.fold(0.0, f64::max),
            ended: words,
        })
    }
}

fn grown(before: u64, after: u64) -> f64 {
    let kib = |kib: u64| f64::from(u32::try_from(kib).unwrap_or(u32::MAX));
    (kib(after) - kib(before)).max(0.0)
}

/// They come to the first office, the crowded one where there is one: most changes wait for them there.
async fn open(bench: &Bench<'_>, count: u32) -> Result<JoinSet<Ended>, Failure> {
    let mut coming = JoinSet::new();
    let server = address(bench.server.address());
    for (_, number) in (0..count).zip(FIRST..) {
        let identity = bench.ground.terminal(bench.districts[0], number)?;
        coming.spawn(come(endpoint(&server, &identity)?));
    }
    let mut stalled = JoinSet::new();
    while let Some(one) = coming.join_next().await {
        let (opened, stream) = one.map_err(lost)??;
        stalled.spawn(never_read(opened, stream));
    }
    Ok(stalled)
}

fn lost(error: JoinError) -> Failure {
    Failure::Call(error.to_string())
}

fn endpoint(server: &str, identity: &authority::Identity) -> Result<Endpoint, Failure> {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&identity.ca_pem))
        .identity(Identity::from_pem(
            &identity.certificate_pem,
            &identity.key_pem,
        ));
    Endpoint::from_shared(server.to_owned())
        .and_then(|endpoint| endpoint.tls_config(tls))
        .map(|endpoint| endpoint.initial_stream_window_size(0))
        .map_err(|error| Failure::Call(error.to_string()))
}

/// Since when the stream is open, and the stream.
async fn come(endpoint: Endpoint) -> Result<(Instant, Streaming<WatchQueueResponse>), Failure> {
    let channel = endpoint
        .connect()
        .await
        .map_err(|error| Failure::Call(error.to_string()))?;
    let mut client = PrintQueueClient::new(channel);
    let stream = client.watch_queue(WatchQueueRequest::default()).await?;
    Ok((Instant::now(), stream.into_inner()))
}

async fn never_read(opened: Instant, mut stream: Streaming<WatchQueueResponse>) -> Ended {
    // With no window this waits for the end alone.
    let words = match timeout(CLOSE_TIMEOUT, stream.message()).await {
        Ok(Ok(Some(_))) => "a message came through no window".to_owned(),
        Ok(Ok(None)) => "ended well".to_owned(),
        Ok(Err(status)) => words(&status),
        Err(_) => format!("open after {} s", CLOSE_TIMEOUT.as_secs()),
    };
    Ended {
        after: opened.elapsed(),
        words,
    }
}

/// The reason of the contract where it came through; a connection that was cut has no words.
fn words(status: &Status) -> String {
    let reason = client::reason(status);
    if reason.is_empty() && status.source().is_some() {
        "the connection was cut".to_owned()
    } else {
        format!("{:?} {reason}", status.code())
    }
}
