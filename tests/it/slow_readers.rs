//! Readers that are slow, and readers that never read: what they cost others, how they are ended, and what comes back.
//!
//! What is easily got wrong: a client library takes in a good deal before anybody reads it. The clients here leave little
//! room for that, so that a stall begins soon. And they begin to read again only after they were cut off.

use std::time::Duration;

use ektp::{feed::Timing, proto};
use tokio::time::{Instant, timeout};
use tonic::Code;

use crate::support::{
    PATIENCE,
    cards::until,
    office::{Client, Office, reason},
    officers::{Line, OnShift},
    stream::{Follower, QUEUE, close, commit, event, quick},
};

/// Kota Pasuruan.
const PASURUAN: i32 = 3575;
/// Those that read, beside a tenth as many that do not.
const READERS: usize = 45;
const STALLED: usize = 5;
/// Commits, and the events of each: more than all buffers between a stream's task and its reader hold.
const COMMITS: usize = 12;
const EVENTS: usize = 20;
const HEAD: u64 = 240;

fn terminal(number: usize) -> String {
    format!("ektp://district/35.75/site/office/terminal/{number}")
}

/// A client that takes in so much of each stream before it is read.
async fn narrow(office: &Office, name: &str, window: u32) -> Client {
    let endpoint = office
        .endpoint(0, name)
        .initial_stream_window_size(window)
        .initial_connection_window_size(1024 * 1024);
    let shift = OnShift(Some(office.shift(name).await));
    let channel = endpoint.connect().await.expect("the server answers");
    Client::over(Line::new(channel, shift))
}

async fn fill(office: &Office) {
    let mut db = office.sql.acquire().await.expect("the database answers");
    for _ in 0..COMMITS {
        let bodies: Vec<Vec<u8>> = (0..EVENTS).map(|_| event(3_900).1).collect();
        close(&mut db, PASURUAN, &[QUEUE; EVENTS], &bodies).await;
    }
}

/// How the stream ends, and after how much.
async fn end(slow: &mut Follower) -> tonic::Status {
    loop {
        match slow.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it must not end as if all were well"),
            Err(status) => return status,
        }
    }
}

/// The words come through although there was no room for a message.
fn assert_told(status: &tonic::Status) {
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(reason(status), "SLOW_CONSUMER");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_readers_are_ended_and_those_beside_them_lose_nothing() {
    let timing = Timing {
        stall_after: Duration::from_secs(1),
        bookmark_every: Duration::from_millis(100),
        ..quick()
    };
    let office = Office::open_with(timing).await;
    let mut stalled = Vec::new();
    for number in 1..=STALLED {
        let mut client = narrow(&office, &terminal(number), 16 * 1024).await;
        let stream = client.follow().await;
        stalled.push((client, stream));
    }
    let mut readers = Vec::new();
    for number in STALLED + 1..=STALLED + READERS {
        let mut reader = office.client(0, &terminal(number)).await.follow().await;
        readers.push(tokio::spawn(async move {
            assert_eq!(reader.changes_to(HEAD).await.len(), COMMITS * EVENTS);
            reader
        }));
    }
    fill(&office).await;
    let mut well = Vec::new();
    for reader in readers {
        well.push(reader.await.expect("it reads everything meanwhile"));
    }
    let read = Instant::now();
    while read.elapsed() < timing.stall_after * 3 {
        well[0].bookmark().await;
    }
    for (mut client, mut slow) in stalled {
        assert_told(&end(&mut slow).await);
        assert!(slow.topic_revision < HEAD, "it had not everything");
        let mut again = client.resume(&slow).await;
        again.changes_to(HEAD).await;
        assert_eq!(
            again.picture.len(),
            COMMITS * EVENTS,
            "nothing is missing after it resumed"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_never_reads_loses_its_connection_and_its_places_are_free_again() {
    let timing = Timing {
        stall_after: Duration::from_millis(500),
        ..quick()
    };
    let office = Office::open_with(timing).await;
    let mut client = narrow(&office, &terminal(1), 16 * 1024).await;
    let mut never_read = Vec::new();
    for _ in 0..8 {
        never_read.push(client.follow().await);
    }
    let mut neighbour = office.client(0, &terminal(2)).await.follow().await;
    fill(&office).await;
    let mut other = office.client(0, &terminal(1)).await;
    until("the places are free again", async || {
        other.watch("", &[]).await.is_ok()
    })
    .await;
    for stream in &mut never_read {
        assert_told(&end(stream).await);
        assert!(stream.topic_revision < HEAD);
    }
    neighbour.changes_to(HEAD).await;
    let mut again = client.resume(&never_read[0]).await;
    again.changes_to(HEAD).await;
}

#[tokio::test]
async fn an_answer_that_nobody_takes_ends_its_connection() {
    let timing = Timing {
        stall_after: Duration::from_millis(500),
        ..quick()
    };
    let office = Office::open_with(timing).await;
    // No room at all, not even for the first byte.
    let mut client = narrow(&office, &terminal(1), 0).await;
    let request = proto::ListPrintRequestsRequest::default();
    let asked = client.print_queue.list_print_requests(request);
    let answer = timeout(PATIENCE, asked).await;
    let refused = answer.expect("it is not kept for ever");
    assert_told(&refused.expect_err("the answer cannot come"));
}

#[tokio::test]
async fn a_stream_that_has_nothing_to_say_is_not_a_stalled_one() {
    let timing = Timing {
        stall_after: Duration::from_millis(100),
        bookmark_every: Duration::from_secs(3),
        ..quick()
    };
    let office = Office::open_with(timing).await;
    let mut follower = office.terminal("35.75/office/1").await.follow().await;
    let begun = Instant::now();
    follower.bookmark().await;
    assert!(begun.elapsed() > Duration::from_secs(2), "it was quiet");
    let (ids, _) = commit(&office.sql, PASURUAN, 1).await;
    assert_eq!(follower.change().await.ids, ids);
}
