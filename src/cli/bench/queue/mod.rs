//! `ektp bench queue`: how many cards and acts a second the server does, from a printer's call over mutual TLS to its answer.
//!
//! What is easily got wrong: people are queued between the rounds, outside of the clock, and a round in which a queue ran
//! dry is no measurement but a failure.

pub mod report;

use std::time::{Duration, Instant};

use futures::future::try_join_all;

use self::report::{Measured, Report};
use super::{
    Run, Site,
    figures::Settings,
    office::Office,
    printer::{Printer, Tally},
    unless_interrupted,
};
use crate::cli::{Failure, demo::progress::Phase};

/// A warm-up fills the caches of statements and shows how many people a round needs.
const WARM_UP: Duration = Duration::from_secs(2);
/// Cards a second that nobody reaches: so many people stand there for the warm-up.
const WARM_UP_CARDS_PER_SECOND: f64 = 2_000.0;
/// A round may be so much faster than the fastest one before.
const FASTER: f64 = 1.5;

/// `ektp bench queue`.
#[derive(Debug, Clone, clap::Args)]
pub struct Queue {
    #[command(flatten)]
    run: Run,
    /// Cards leased, bound and reported together; give it several times for several kinds of rounds
    #[arg(long, default_values_t = [1, 50], value_parser = clap::value_parser!(u32).range(1..=100))]
    batch: Vec<u32>,
}

/// Runs the bench.
pub async fn run(queue: Queue) -> Result<(), Failure> {
    let phase = Phase::begin("a database", 1);
    let (office, settings) = queue.run.site.office().await?;
    phase.end(&settings.words());
    let report = unless_interrupted(with_server(&queue, &office, settings)).await;
    office.close().await?;
    let report = report?;
    if queue.run.site.json {
        println!("{}", report.json());
    } else {
        println!("{report}");
    }
    Ok(())
}

async fn with_server(
    queue: &Queue,
    office: &Office,
    settings: Settings,
) -> Result<Report, Failure> {
    let server = office.serve(office.home().serving()).await?;
    let report = measure(queue, office, &office.printers(&server)?, settings).await;
    server.drain().await;
    report
}

async fn measure(
    queue: &Queue,
    office: &Office,
    printers: &[Printer],
    settings: Settings,
) -> Result<Report, Failure> {
    let mut report = Report::new(queue.run.clone(), settings);
    let rounds = usize::try_from(queue.run.rounds).expect("a few") * queue.batch.len();
    let phase = Phase::begin("print acts", rounds + queue.batch.len());
    let mut rates = Vec::new();
    for batch in &queue.batch {
        phase.say("warming up");
        rates.push(warm_up(office, printers, *batch).await?);
        phase.advance(1);
    }
    let length = Duration::from_secs(queue.run.seconds);
    for _ in 0..queue.run.rounds {
        for (batch, rate) in queue.batch.iter().zip(&mut rates) {
            phase.say(format!("{batch} together"));
            office
                .queue_people(people(&queue.run.site, *rate, length, *batch))
                .await?;
            let measured = round(printers, length, *batch).await?;
            *rate = rate.max(measured.cards_per_second());
            report.add(*batch, measured);
            phase.advance(1);
        }
    }
    phase.end(&format!("{rounds} rounds of {} s", queue.run.seconds));
    Ok(report)
}

/// Cards a second of a short round, which may run dry.
pub async fn warm_up(office: &Office, printers: &[Printer], batch: u32) -> Result<f64, Failure> {
    let people = WARM_UP_CARDS_PER_SECOND * WARM_UP.as_secs_f64() / office.districts() as f64;
    office.queue_people(rounded(people)).await?;
    Ok(all_print(printers, WARM_UP, batch)
        .await?
        .cards_per_second())
}

/// How many people have to stand in each district's queue before a round.
pub fn people(site: &Site, rate: f64, length: Duration, batch: u32) -> i64 {
    let of_printer =
        rate * FASTER * length.as_secs_f64() / f64::from(site.printers) + 2.0 * f64::from(batch);
    rounded(of_printer * f64::from(site.printers.div_ceil(site.districts)))
}

/// People are counted whole.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a count of people of some seconds"
)]
pub fn rounded(people: f64) -> i64 {
    people.ceil() as i64
}

/// All printers print for so long, at the same time.
pub async fn round(
    printers: &[Printer],
    length: Duration,
    batch: u32,
) -> Result<Measured, Failure> {
    let measured = all_print(printers, length, batch).await?;
    Ok(Measured {
        tally: measured.tally.not_dry()?,
        elapsed: measured.elapsed,
    })
}

async fn all_print(
    printers: &[Printer],
    length: Duration,
    batch: u32,
) -> Result<Measured, Failure> {
    let started = Instant::now();
    let end = started + length;
    let tallies = try_join_all(printers.iter().cloned().map(|mut printer| async move {
        let printing = tokio::spawn(async move { printer.print_until(end, batch).await });
        printing
            .await
            .map_err(|error| Failure::Call(error.to_string()))?
    }))
    .await?;
    Ok(Measured {
        elapsed: started.elapsed(),
        tally: tallies.into_iter().fold(Tally::default(), Tally::and),
    })
}
