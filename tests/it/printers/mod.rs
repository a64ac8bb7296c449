//! Two hundred printers at once, with crashes, pauses longer than the lease, lost answers and late reports; and officers who
//! look into trays. At the end the physical world and the database tell the same story.
//!
//! Each printer has its own certificate and its own connection. Length and seed come from the environment
//! (`EKTP_SOAK_SECONDS`, `EKTP_SOAK_SEED`): short by default, a minute in `./dev soak --short`.

mod printer;
mod world;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ektp::proto::{self, PrintRequestState, resolve_in_doubt_response::Outcome};
use futures::future::join_all;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sqlx::{AssertSqlSafe, Executor as _};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::{
    administration::approve,
    support::{
        Folder, look,
        office::{Client, Office, reason, request_id},
        soak,
    },
};

use printer::{Figures, Printer};
use world::{Book, Fate, World};

/// How long a lease is good for here.
const LEASE: Duration = Duration::from_millis(2_500);
const PRINTERS: usize = 200;
/// The districts among which the printers stand, each with its first serial.
const DISTRICTS: [(&str, i64); 4] = [
    ("35.75", 1_000_001),
    ("35.76", 2_000_001),
    ("35.77", 3_000_001),
    ("35.78", 4_000_001),
];
/// People of each district's queue for every second.
const PEOPLE_PER_SECOND: u64 = 100;
/// The shortest that still tests something.
const SECONDS: u64 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_printers_crash_and_pause_and_the_world_agrees_with_the_database() {
    let (length, seed) = (soak::length(SECONDS), soak::seed());
    let office = Office::open_leasing_for(LEASE).await;
    let people = length.as_secs().max(1) * PEOPLE_PER_SECOND;
    for (district, first) in DISTRICTS {
        populate(&office, district, first, people).await;
    }
    let folder = Folder::new();
    let world = Arc::new(World::new(folder.path(), &DISTRICTS));
    let printers = printers(&office, &world, seed).await;
    let until = Instant::now() + length;
    let mut work: JoinSet<Figures> = JoinSet::new();
    for printer in printers {
        work.spawn(printer.work(until));
    }
    let officers = join_all(
        DISTRICTS.map(|(district, _)| resolve_some(&office, &world, district, (until, seed))),
    );
    let (mut figures, resolved) = (Figures::default(), officers.await);
    while let Some(done) = work.join_next().await {
        figures.add(&done.expect("no printer panicked"));
    }
    let open = "print_request where state in ('LEASED', 'BOUND')";
    look::until_none(&office.sql, open).await;
    let story = Story::read(&office).await;
    let book = world.read();
    let doubts = look::count(&office.sql, "print_request where state = 'IN_DOUBT'").await;
    let incidents = look::count(&office.sql, "print_incident").await;
    eprintln!(
        "seed {seed}, {length:?}: {figures:?}; officers resolved {}; {doubts} in doubt, {incidents} incidents",
        resolved.iter().sum::<u32>()
    );
    let breaches = story.compared_with(&book);
    assert!(breaches.is_empty(), "seed {seed}:\n{}", breaches.join("\n"));
    for (what, count) in [
        ("cards", figures.printed),
        ("crashes", figures.crashes),
        ("pauses", figures.pauses),
        ("lost answers", figures.lost),
        ("refusals", figures.refused.values().sum()),
    ] {
        assert!(count > 0, "seed {seed}: there were no {what}");
    }
}

/// A district's people in the queue and its blanks, written past the server as the bench does.
async fn populate(office: &Office, district: &str, first: i64, people: u64) {
    let number: i32 = district.replace('.', "").parse().expect("a code");
    // A blank that was taken out of the hopper and never bound is used up here; there are enough.
    let blanks = people + 500_000;
    let settings = format!(
        "begin; set local bench.district = '{number}'; set local bench.subdistrict = '{number}01';
         set local bench.people = '{people}'; set local bench.before = '0';
         set local bench.serial = '{first}'; set local bench.blanks = '{blanks}'"
    );
    let mut db = office.sql.acquire().await.expect("the database answers");
    for part in [
        settings.as_str(),
        include_str!("../../../src/cli/bench/seed.sql"),
        include_str!("../../../src/cli/bench/blanks.sql"),
        "commit",
    ] {
        db.execute(AssertSqlSafe(part.to_owned()))
            .await
            .expect("people are written");
    }
}

async fn printers(office: &Office, world: &Arc<World>, seed: u64) -> Vec<Printer> {
    let mut printers = Vec::with_capacity(PRINTERS);
    for (number, (district, _)) in (1..=PRINTERS).zip(DISTRICTS.iter().cycle()) {
        let client = office
            .terminal(&format!("{district}/office/{number}"))
            .await;
        let name = format!("printer-{number}");
        let seed = seed.wrapping_mul(1_000).wrapping_add(number as u64);
        printers.push(Printer::new(
            client,
            Arc::clone(world),
            (district, &name, seed),
        ));
    }
    printers
}

/// Two officers of a district look into some of the trays that are in doubt; answers how many doubts they ended.
async fn resolve_some(
    office: &Office,
    world: &World,
    district: &str,
    (until, seed): (Instant, u64),
) -> u32 {
    let mut one = office.terminal(&format!("{district}/office/901")).await;
    let mut other = office.terminal(&format!("{district}/office/902")).await;
    let mut journal = world.journal(&format!("officer-{district}"));
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x0ff1);
    let mut resolved = 0;
    while Instant::now() < until {
        let waits = timeout(LEASE / 5, std::future::pending::<()>());
        assert!(waits.await.is_err(), "what never ends has not ended");
        for entry in in_doubt(&mut one).await {
            // Some doubts are left for the end.
            if rng.random_bool(0.5) {
                continue;
            }
            let serial = entry.serial;
            // What lies there as a blank is taken out, so that nothing can be printed on it any more.
            let words = format!("{} 0", entry.print_request_id);
            world.becomes(&mut journal, Fate::Bad, (serial, &words));
            let finding = match world.look(serial) {
                Some(Fate::Printed) => proto::DoubtFinding::Printed,
                Some(Fate::Bad) | None => proto::DoubtFinding::Spoiled,
            };
            let spoiled = finding == proto::DoubtFinding::Spoiled;
            let kind = proto::SpoilageKind::PrintFailure;
            let request = proto::ResolveInDoubtRequest {
                request_id: request_id(),
                print_request_id: entry.print_request_id,
                serial,
                finding: finding.into(),
                kind: if spoiled { kind.into() } else { 0 },
                purpose: if spoiled {
                    "seen in the tray".to_owned()
                } else {
                    String::new()
                },
            };
            let answer = match one.print_queue.resolve_in_doubt(request).await {
                Ok(answer) => answer,
                // The printer was faster, or the server is at its limit and the officer comes back later.
                Err(status) if ["WRONG_STATE", "OVERLOADED"].contains(&&*reason(&status)) => {
                    continue;
                }
                Err(status) => panic!("an officer's word: {status:?}"),
            };
            let done = match answer.into_inner().outcome.expect("an outcome") {
                Outcome::Entry(_) => true,
                Outcome::Approval(asked) => approve(&mut other, &asked).await.is_ok(),
            };
            resolved += u32::from(done);
        }
    }
    resolved
}

async fn in_doubt(officer: &mut Client) -> Vec<proto::QueueEntry> {
    let request = proto::ListPrintRequestsRequest {
        state: PrintRequestState::InDoubt.into(),
        page_size: 50,
        ..Default::default()
    };
    let answer = officer.print_queue.list_print_requests(request).await;
    let page = answer.map(|answer| answer.into_inner().print_requests);
    // At its limit the server shows no list; the next look does.
    page.unwrap_or_default()
        .into_iter()
        .filter_map(|request| request.entry)
        .collect()
}

/// What the database says at the end.
struct Story {
    /// Each request that has a blank: its person, state, fence and serial.
    requests: BTreeMap<String, (String, String, i64, i64)>,
    /// Each blank that was ever bound: to which request, and what became of it.
    cards: BTreeMap<i64, (String, String)>,
    /// Requests about whose cards an incident tells, with the serial.
    incidents: Vec<(String, i64)>,
}

impl Story {
    async fn read(office: &Office) -> Self {
        let requests: Vec<(String, String, String, i64, i64)> = sqlx::query_as(
            "select print_request_id::text, resident_id::text, state, fence, serial from print_request
             where serial is not null",
        )
        .fetch_all(&office.sql)
        .await
        .expect("requests can be read");
        let cards: Vec<(i64, String, String)> =
            sqlx::query_as("select serial, print_request_id::text, state from card")
                .fetch_all(&office.sql)
                .await
                .expect("cards can be read");
        let incidents = sqlx::query_as("select print_request_id::text, serial from print_incident")
            .fetch_all(&office.sql)
            .await
            .expect("incidents can be read");
        Self {
            requests: requests
                .into_iter()
                .map(|(id, person, state, fence, serial)| (id, (person, state, fence, serial)))
                .collect(),
            cards: cards
                .into_iter()
                .map(|(serial, request, state)| (serial, (request, state)))
                .collect(),
            incidents,
        }
    }

    /// Where the world and the database do not agree.
    fn compared_with(&self, book: &Book) -> Vec<String> {
        let mut breaches = book.wrong.clone();
        let mut persons = BTreeMap::new();
        for (serial, (request, fence)) in &book.printed {
            let known = self.requests.get(request);
            let told = self.incidents.contains(&(request.clone(), *serial));
            match known {
                Some((person, state, under, on)) if on == serial && under == fence => {
                    if state != "PRINTED" && state != "IN_DOUBT" {
                        breaches.push(format!("the card {serial} is there, its request is {state}"));
                    }
                    if let Some(first) = persons.insert(person, serial) {
                        breaches.push(format!("one person has the cards {first} and {serial}"));
                    }
                }
                _ if told => {}
                other => breaches.push(format!(
                    "the card {serial} was printed for {request} under {fence}; the database: {other:?}"
                )),
            }
        }
        for (request, (_, state, _, serial)) in &self.requests {
            if state == "PRINTED" && !book.printed.contains_key(serial) {
                breaches.push(format!(
                    "{request} is PRINTED on {serial}, and there is no such card"
                ));
            }
            if state != "PRINTED" && state != "IN_DOUBT" {
                breaches.push(format!("{request} has {serial} bound and is {state}"));
            }
        }
        for (serial, (request, state)) in &self.cards {
            let stands = self
                .requests
                .get(request)
                .filter(|known| known.3 == *serial);
            let expected = match stands.map(|known| known.1.as_str()) {
                Some("PRINTED") => "AT_SITE",
                Some("IN_DOUBT") => "BOUND",
                _ => "SPOILED",
            };
            if state != expected {
                breaches.push(format!(
                    "the blank {serial} is {state} instead of {expected}"
                ));
            }
            if expected == "SPOILED" && !book.bad.contains(serial) {
                breaches.push(format!(
                    "the blank {serial} is SPOILED and nobody ruined it"
                ));
            }
        }
        for serial in book.bound.keys() {
            if !self.cards.contains_key(serial) {
                breaches.push(format!(
                    "the blank {serial} was said to be bound and is unknown"
                ));
            }
        }
        breaches
    }
}
