//! A Postgres that hangs, all of it: no error comes, and nothing else. Every stream says so in time, none claims to be of a
//! later moment, and all go on by themselves.

use std::collections::BTreeSet;

use ektp::{
    clock::Clock,
    feed::Timing,
    proto::{
        WatchQueueRequest, print_queue_client::PrintQueueClient, watch_queue_response::Message,
    },
};
use time::OffsetDateTime;
use tokio::{
    sync::mpsc,
    time::{Duration, Instant, sleep_until, timeout_at},
};
use tonic::transport::Channel;

use super::{
    NEIGHBOURS,
    reader::time_of,
    terminal_of,
    world::{World, session},
};
use crate::support::{
    PATIENCE,
    stream::{QUEUE, close, event},
};

/// The streams of each server in each district.
const EACH: u64 = 4;
/// Who looks at a screen may believe it for so long and no longer.
const STALE_WITHIN: Duration = Duration::from_secs(6);
/// How long Postgres stands still.
const FROZEN: Duration = Duration::from_secs(8);
/// What the streams say in all, many times over.
const HEARD_MAX: usize = 1_024;

/// What a stream said.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Told {
    Stale,
    Mark(OffsetDateTime),
    Change,
}

/// Which stream, when, what.
type Heard = (usize, Instant, Told);

/// Follows until the test ends; a stream that breaks says no more, and the test waits for it in vain.
async fn listen(number: usize, channel: Channel, tell: mpsc::Sender<Heard>) {
    let request = WatchQueueRequest::default();
    let opened = PrintQueueClient::new(channel).watch_queue(request).await;
    let mut stream = opened.expect("the stream opens").into_inner();
    while let Ok(Some(answer)) = stream.message().await {
        let told = match answer.message.expect("every message says something") {
            Message::SnapshotEnd(end) => Told::Mark(time_of(end.as_of_time)),
            Message::Bookmark(mark) => Told::Mark(time_of(mark.as_of_time)),
            Message::Stale(_) => Told::Stale,
            Message::Change(_) => Told::Change,
            Message::SnapshotBegin(_) | Message::SnapshotChunk(_) => continue,
            Message::Resync(_) | Message::Drain(_) => panic!("nothing was lost"),
        };
        if tell.send((number, Instant::now(), told)).await.is_err() {
            return;
        }
    }
}

/// Hears until each of `count` streams has said what is awaited; whatever else is said is handed to `check`.
async fn hear_all(
    heard: &mut mpsc::Receiver<Heard>,
    count: usize,
    deadline: Instant,
    awaited: impl Fn(Told) -> bool,
    check: impl Fn(Told),
) {
    let mut missing: BTreeSet<usize> = (0..count).collect();
    while !missing.is_empty() {
        let Ok(next) = timeout_at(deadline, heard.recv()).await else {
            panic!(
                "{} of {count} streams did not say it in time",
                missing.len()
            );
        };
        let (number, at, told) = next.expect("the streams go on");
        check(told);
        if awaited(told) && at <= deadline {
            missing.remove(&number);
        }
    }
}

async fn open_streams(world: &World) -> (usize, mpsc::Receiver<Heard>) {
    let (tell, heard) = mpsc::channel(HEARD_MAX);
    let mut count = 0;
    for address in world.addresses() {
        for (_, code) in NEIGHBOURS {
            for number in 1..=EACH {
                let identity = world.certificates.identity(&terminal_of(code, number));
                let endpoint = world.certificates.endpoint(address, &identity);
                tokio::spawn(listen(count, endpoint.connect_lazy(), tell.clone()));
                count += 1;
            }
        }
    }
    (count, heard)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_database_makes_every_stream_stale_in_time_and_none_lies_meanwhile() {
    let timing = Timing {
        bookmark_every: Duration::from_millis(50),
        ..Timing::default()
    };
    let world = World::start(timing, 1).await;
    let (count, mut heard) = open_streams(&world).await;
    let is_mark = |told| matches!(told, Told::Mark(_));
    hear_all(
        &mut heard,
        count,
        Instant::now() + PATIENCE,
        is_mark,
        |_| {},
    )
    .await;

    let mut owner = world.postgres.session("ektp").await;
    let frozen = world.postgres.freeze(&mut owner).await;
    let (since, moment) = (Instant::now(), Clock::System.now());
    let honest = |told| {
        if let Told::Mark(as_of) = told {
            assert!(as_of <= moment, "nobody can know the database at {as_of}");
        }
    };
    let is_stale = |told| told == Told::Stale;
    hear_all(&mut heard, count, since + STALE_WITHIN, is_stale, honest).await;
    sleep_until(since + FROZEN).await;
    while let Ok((_, _, told)) = heard.try_recv() {
        honest(told);
        assert!(!is_mark(told), "stale is the last word");
    }
    drop(frozen);
    let is_new = |told| matches!(told, Told::Mark(as_of) if as_of > moment);
    hear_all(&mut heard, count, Instant::now() + PATIENCE, is_new, |_| {}).await;
    // Its own session may have been ended while it stood still.
    let mut owner = session(&world.postgres.options("ektp", ektp::embedded::OWNER)).await;
    for (district, _) in NEIGHBOURS {
        close(&mut owner, district, &[QUEUE], &[event(0).1]).await;
    }
    let is_change = |told| told == Told::Change;
    hear_all(
        &mut heard,
        count,
        Instant::now() + PATIENCE,
        is_change,
        |_| {},
    )
    .await;
}
