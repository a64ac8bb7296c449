//! The ledger under fire: writers, servers and streams, while servers and Postgres are killed, frozen and cut off, lines
//! break at any byte, and one writer idles in another database. At the end every stream's history is laid beside the tables.
//!
//! Short in the ordinary suite; `./dev soak` lets it burn for as long as it is told, which in ten minutes is about a
//! million events.

mod floor;
mod frozen;
mod history;
pub mod nemesis;
mod reader;
mod scissors;
mod stalled;
mod wire;
pub mod world;
mod writers;

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use ektp::{feed::Timing, proto::VerdictOutcome};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{Duration, Instant, timeout},
};

use self::{
    history::{History, Ledger, Seen, violations},
    reader::{Ends, Reader, entry_of},
    scissors::bad_line,
    wire::TOPICS,
    world::{Certificates, PATIENCE, PROGRAMS, World},
    writers::{Printer, RawWriter, Written},
};
use crate::support::{
    office::Client,
    people::{deliver, residents},
    soak,
    stream::QUEUE,
};

/// Kota Pasuruan, whose requests stand in their tables and are printed by real printers.
const REAL: i32 = 3575;
const REAL_CODE: &str = "35.75";
/// Its neighbours, whose events are written by raw writers alone.
const NEIGHBOURS: [(i32, &str); 3] = [(3571, "35.71"), (3572, "35.72"), (3573, "35.73")];
const RAW_WRITERS: u64 = 6;
const PRINTERS: u64 = 2;
/// Streams of each district: of the real one all are of its queue, of the others two of each topic.
const READERS: u64 = 8;
/// Requests in the real queue.
const REQUESTS: usize = 24;
/// How long it burns at least in the ordinary suite, in seconds; each blow is dealt once in any case.
const SHORT: u64 = 8;
/// The streams of the server inside say where they are whenever they have a moment.
const BOOKMARK_EVERY: Duration = Duration::from_millis(5);

/// People in the real queue, and blanks to print them on.
async fn furnish(world: &World) {
    let sql = world.sql();
    let here = [world.inside.address()];
    let client = async |principal: &str| {
        let mut lines = world.certificates.lines(&sql, principal, &here).await;
        Client::over(lines.pop().expect("one line"))
    };
    let mut terminal = client(&terminal_of(REAL_CODE, 90)).await;
    let mut store = client("ektp://centre/store").await;
    let mut matcher = client("ektp://centre/matcher").await;
    deliver(&mut store, &mut terminal, REAL_CODE, (1, 100)).await;
    let (mut enrolments, mut ids) = (Vec::new(), Vec::new());
    for person in residents(REAL_CODE, REQUESTS) {
        let (enrolment, resident) = terminal.enrol(&person).await;
        enrolments.push(enrolment);
        ids.push(resident);
    }
    terminal.certify(&enrolments).await;
    let tasks = matcher
        .lease_checks(u32::try_from(REQUESTS).expect("a few"))
        .await;
    matcher.decide(&tasks, VerdictOutcome::Unique).await;
    let results = terminal.submit(&ids).await;
    assert_eq!(results.len(), REQUESTS);
}

fn terminal_of(district: &str, number: u64) -> String {
    format!("ektp://district/{district}/site/office/terminal/{number}")
}

/// All readers, each on bad lines to all servers.
async fn readers(
    world: &World,
    dice: &mut ChaCha8Rng,
    ends: &watch::Receiver<Ends>,
) -> JoinSet<History> {
    let mut lines: Vec<SocketAddr> = Vec::new();
    for address in world.addresses() {
        lines.push(bad_line(address, dice.random()).await);
    }
    let (mut readers, sql) = (JoinSet::new(), world.sql());
    for (district, code) in NEIGHBOURS.into_iter().chain([(REAL, REAL_CODE)]) {
        for (number, topic) in (1..=READERS).zip(TOPICS.into_iter().cycle()) {
            let name = terminal_of(code, number);
            let identity = world.certificates.identity(&name);
            let reader = Reader {
                shift: Certificates::shift(&sql, &name, &identity).await,
                identity,
                name,
                district,
                topic: if district == REAL { QUEUE } else { topic },
                certificates: Arc::clone(&world.certificates),
                lines: lines.clone(),
                seed: dice.random(),
            };
            readers.spawn(reader.follow(ends.clone()));
        }
    }
    readers
}

async fn writers(
    world: &World,
    dice: &mut ChaCha8Rng,
    stop: &watch::Receiver<bool>,
) -> Vec<JoinHandle<Written>> {
    let owner = world.postgres.options("ektp", ektp::embedded::OWNER);
    let mut writers = Vec::new();
    for _ in 0..RAW_WRITERS {
        let writer = RawWriter {
            database: owner.clone().application_name("ektp raw writer"),
            districts: (NEIGHBOURS.map(|(number, _)| number).into_iter())
                .chain([REAL])
                .collect(),
            real: REAL,
            seed: dice.random(),
        };
        writers.push(tokio::spawn(writer.write(stop.clone())));
    }
    let sql = world.sql();
    for number in 0..PRINTERS {
        let name = terminal_of(REAL_CODE, 80 + number);
        let addresses = world.addresses();
        let printer = Printer {
            district: REAL,
            lines: world.certificates.lines(&sql, &name, &addresses).await,
            seed: dice.random(),
        };
        writers.push(tokio::spawn(printer.write(stop.clone())));
    }
    writers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_stream_misses_doubles_or_reorders_anything_while_all_around_it_burns() {
    let seed = soak::seed();
    eprintln!("the fire is that of EKTP_SOAK_SEED={seed}");
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let timing = Timing {
        bookmark_every: BOOKMARK_EVERY,
        ..Timing::default()
    };
    let mut world = World::start(timing, PROGRAMS).await;
    furnish(&world).await;
    let (tell_end, ends) = watch::channel(None);
    let readers = readers(&world, &mut dice, &ends).await;
    let (tell_stop, stop) = watch::channel(false);
    let writers = writers(&world, &mut dice, &stop).await;

    let until = Instant::now() + soak::length(SHORT);
    let dealt = nemesis::rage(&mut world, &mut dice, until).await;
    tell_stop.send_replace(true);
    let mut written = Written::default();
    for writer in writers {
        let one = writer.await.expect("every writer ends");
        written.acknowledged.extend(one.acknowledged);
        written.taken_back.extend(one.taken_back);
        written.unknown += one.unknown;
        written.repeats += one.repeats;
    }
    let ledgers = ledgers(&world, &written).await;
    let mut last = HashMap::new();
    for ledger in &ledgers {
        for topic in TOPICS {
            let end = ledger.topic_revision(topic, ledger.head);
            last.insert((ledger.district, topic), end);
        }
    }
    tell_end.send_replace(Some(Arc::new(last)));
    let histories = timeout(PATIENCE, readers.join_all())
        .await
        .expect("every reader has everything in time");

    nothing_lost(&written, &ledgers);
    let mut wrong = Vec::new();
    for history in &histories {
        let ledger = ledgers.iter().find(|one| one.district == history.district);
        let ledger = ledger.expect("each district was read");
        wrong.extend(violations(history, ledger, history.district == REAL));
    }
    sum_up(&histories, &ledgers, &written, dealt.len());
    assert!(wrong.is_empty(), "seed {seed}:\n{}", wrong.join("\n"));
}

async fn ledgers(world: &World, written: &Written) -> Vec<Ledger> {
    let mut session = world.postgres.session("ektp").await;
    let mut ledgers = Vec::new();
    for (district, _) in NEIGHBOURS.into_iter().chain([(REAL, REAL_CODE)]) {
        let told = &written.acknowledged;
        ledgers.push(Ledger::read(&mut session, district, told, entry_of).await);
    }
    ledgers
}

/// Whatever was acknowledged is in the tables where it was said to be, and nothing that was taken back.
fn nothing_lost(written: &Written, ledgers: &[Ledger]) {
    for told in &written.acknowledged {
        let ledger = ledgers.iter().find(|one| one.district == told.district);
        let kept = ledger.is_some_and(|ledger| ledger.has(told));
        assert!(kept, "{}/{} was acknowledged", told.district, told.head);
    }
    let all: std::collections::HashSet<u64> = ledgers
        .iter()
        .flat_map(|ledger| ledger.digests().iter().copied())
        .collect();
    let back = written
        .taken_back
        .iter()
        .filter(|digest| all.contains(digest));
    assert_eq!(back.count(), 0, "what was rolled back is nowhere");
}

/// What was seen, for those who compare runs.
fn sum_up(histories: &[History], ledgers: &[Ledger], written: &Written, blows: usize) {
    let (mut opened, mut pictures, mut bookmarks, mut delivered, mut expired) = (0, 0, 0, 0, 0);
    for seen in histories.iter().flat_map(|history| &history.seen) {
        match seen {
            Seen::Opened { .. } => opened += 1,
            Seen::Picture { .. } => pictures += 1,
            Seen::Bookmark { .. } => bookmarks += 1,
            Seen::Change { entries, .. } => delivered += entries.len(),
            Seen::Expired => expired += 1,
            Seen::Lost(_) => {}
        }
    }
    let events: u64 = ledgers.iter().map(|ledger| ledger.head).sum();
    eprintln!(
        "{events} events written in {} acknowledged commits and ledgers, {} unknown, {} asked again; {} streams were \
         told {delivered} entries, {pictures} pictures, {bookmarks} bookmarks, opened {opened} times, {expired} times too \
         far behind; {blows} blows",
        written.acknowledged.len(),
        written.unknown,
        written.repeats,
        histories.len(),
    );
}
