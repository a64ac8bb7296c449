//! LocateBlank: the whole life of serials all over the nation, asked for by the centre's store, one after the other.
//!
//! What is easily got wrong: a wrong answer may be a quick one. So each answer is held against what was done with its blank:
//! where it is, and how many movements it has behind it. And a machine that rests between two questions needs longer to wake
//! up than to answer: on two cores, by a timetable of 300 a second, four bare `select 1` cost 1.4 ms at their 99th percentile.

use std::{collections::HashSet, path::Path, time::Duration};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use tokio::time::Instant;

use super::{
    super::{
        figures::percentile,
        ground::{Ground, OnShift},
    },
    calls,
    layout::Layout,
};
use crate::{
    caller::{CentreRole, Principal},
    cli::{Failure, client::Terminal, demo::progress::Phase},
    ids::District,
    proto,
};

/// Asked for each second of the rounds that follow.
const QUESTIONS_PER_SECOND: u64 = 300;
/// Asked before anything is measured, so that every session knows the statements.
const WARM_UP: usize = 2_000;
/// The same serials are asked for in every run.
const SEED: u64 = 20_171_016;
/// As the server's log names it.
const METHOD: &str = "ektp.v1.Inventory/LocateBlank";

/// What was seen.
#[derive(Debug, Clone, Serialize)]
pub struct Lookups {
    pub count: usize,
    pub per_second: f64,
    /// From the arrival of the call's headers to its end, as the server says.
    pub server_p50_ms: f64,
    pub server_p99_ms: f64,
    /// From the question to the answer, over mutual TLS.
    pub client_p50_ms: f64,
    pub client_p99_ms: f64,
    /// The most movements of one life, and of all on the mean.
    pub movements_most: usize,
    pub movements_mean: f64,
}

/// A serial and what is known of it.
#[derive(Debug, Clone, Copy)]
struct Question {
    serial: i64,
    is_bound: bool,
    movements: usize,
}

/// The centre's store: its officer sees every serial.
pub async fn papers(ground: &Ground) -> Result<OnShift, Failure> {
    let store = Principal::Centre(CentreRole::Store);
    ground.on_shift_as(&store, District::CENTRE).await
}

/// Asks.
pub async fn measure(
    (layout, bound): (&Layout, &[i64]),
    (address, papers): (&str, &OnShift),
    log: &Path,
    seconds: u64,
) -> Result<Lookups, Failure> {
    let asker = Terminal::with_identity(address, &papers.identity)?.on_shift(&papers.shift)?;
    let count = usize::try_from(seconds * QUESTIONS_PER_SECOND).expect("some thousands");
    let questions = questions(layout, bound, WARM_UP + count);
    let (first, rest) = questions.split_at(WARM_UP);
    let phase = Phase::begin("LocateBlank", WARM_UP + count);
    ask_all(&asker, first, &phase).await?;
    let before = calls::length(log)?;
    let started = Instant::now();
    let mut client = ask_all(&asker, rest, &phase).await?;
    let elapsed = started.elapsed().as_secs_f64();
    let mut server = calls::since(log, before, METHOD, count).await?;
    phase.end(&format!("{count} serials"));
    client.sort_unstable();
    server.sort_unstable();
    let movements = rest.iter().map(|question| question.movements);
    Ok(Lookups {
        count,
        per_second: count as f64 / elapsed,
        server_p50_ms: percentile(&server, 50),
        server_p99_ms: percentile(&server, 99),
        client_p50_ms: percentile(&client, 50),
        client_p99_ms: percentile(&client, 99),
        movements_most: movements.clone().max().unwrap_or_default(),
        movements_mean: movements.sum::<usize>() as f64 / count as f64,
    })
}

/// Every second one is bound.
fn questions(layout: &Layout, bound: &[i64], count: usize) -> Vec<Question> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let all: HashSet<i64> = bound.iter().copied().collect();
    let mut questions = Vec::with_capacity(count);
    while questions.len() < count {
        let serial = match bound {
            [_, ..] if questions.len() % 2 == 0 => bound[rng.random_range(0..bound.len())],
            _ => rng.random_range(1..=layout.settled()),
        };
        let is_bound = all.contains(&serial);
        questions.push(Question {
            serial,
            is_bound,
            movements: layout.moves_of(serial) + usize::from(is_bound),
        });
    }
    questions
}

/// All questions, each when the one before is answered.
async fn ask_all(
    asker: &Terminal,
    questions: &[Question],
    phase: &Phase,
) -> Result<Vec<Duration>, Failure> {
    let mut latencies = Vec::with_capacity(questions.len());
    for question in questions {
        latencies.push(ask(asker, *question).await?);
        phase.advance(1);
    }
    Ok(latencies)
}

async fn ask(asker: &Terminal, question: Question) -> Result<Duration, Failure> {
    let serial = question.serial;
    let message = proto::LocateBlankRequest { serial };
    let started = Instant::now();
    let life = asker
        .inventory(message, |mut client, message| async move {
            client.locate_blank(message).await
        })
        .await?;
    let latency = started.elapsed();
    let is_bound = life.state() == proto::CustodyState::Bound;
    if is_bound == question.is_bound && life.movements.len() == question.movements {
        return Ok(latency);
    }
    Err(Failure::Call(format!(
        "the life of {serial} is not what was done with it: {} movements and {:?}, not {}",
        life.movements.len(),
        life.state(),
        question.movements
    )))
}
