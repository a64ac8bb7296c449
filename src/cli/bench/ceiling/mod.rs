//! `ektp bench ceiling`: what the database alone would do of the server's own work, and how near the server comes.
//!
//! The statements are those that the server was seen sending, replayed by pgbench in as many transactions and sessions. What
//! is easily got wrong: a replay that fails fast looks quick, so after each round the database is asked whether as many cards,
//! events and audit rows were written as the server writes for as many cards.

mod cards;
mod report;
mod rivals;

use std::{path::PathBuf, sync::Arc, time::Duration};

use sqlx::{Executor as _, Row as _};

use self::{
    report::{Kind, Report, RoundTrips},
    rivals::{Claims, Graphile},
};
use super::{
    Run,
    figures::Settings,
    office::Office,
    printer::Printer,
    queue,
    replay::{Client, Pgbench, Recording, Replays},
    unless_interrupted,
};
use crate::cli::{Failure, demo::progress::Phase};

/// Cards leased, bound and reported together where batches are compared.
const BATCH: u32 = 50;
/// People who stand in each queue while acts are recorded.
const RECORDED_PEOPLE: i64 = 500;

/// `ektp bench ceiling`.
#[derive(Debug, Clone, clap::Args)]
pub struct Ceiling {
    #[command(flatten)]
    run: Run,
    /// A folder in which `npm install graphile-worker` was run: compare with it, too
    #[arg(long, value_name = "FOLDER")]
    graphile_worker: Option<PathBuf>,
}

/// Runs the bench.
pub async fn run(ceiling: Ceiling) -> Result<(), Failure> {
    let phase = Phase::begin("a database", 1);
    let (office, settings) = ceiling.run.site.office().await?;
    phase.end(&settings.words());
    let report = unless_interrupted(compare(&ceiling, &office, settings)).await;
    office.close().await?;
    let report = report?;
    if ceiling.run.site.json {
        println!("{}", report.json());
    } else {
        println!("{report}");
    }
    Ok(())
}

async fn compare(
    ceiling: &Ceiling,
    office: &Office,
    settings: Settings,
) -> Result<Report, Failure> {
    let phase = Phase::begin("acts recorded", 1);
    office.queue_people(RECORDED_PEOPLE).await?;
    let recordings = cards::record(office).await?;
    let trips = RoundTrips::of(&recordings);
    let replays = replays(office, &recordings)?;
    phase.end(&trips.words());
    let server = office.serve(office.home().serving()).await?;
    let mut rounds = Rounds {
        ceiling,
        office,
        printers: office.printers(&server)?,
        pgbench: Pgbench::find(office.home())?,
        claims: Claims::new(office)?,
        report: Report::new(
            ceiling.run.clone(),
            settings,
            trips,
            replays.as_recorded.clone(),
        ),
        replays,
        rates: [0.0; 2],
        per_card: None,
    };
    let measured = rounds.all().await;
    let report = rounds.report;
    server.drain().await;
    measured.map(|()| report)
}

fn replays(office: &Office, recordings: &[Recording]) -> Result<Replays, Failure> {
    let clients = recordings.iter().zip(office.posts());
    let clients: Vec<Client<'_>> = clients
        .map(|(recording, post)| Client {
            recording,
            prelude: &[],
            next: Arc::clone(&post.blanks),
        })
        .collect();
    Replays::write(office.home().folder(), &clients)
}

/// What stands in the database after so much work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Work {
    cards: i64,
    events: i64,
    audited: i64,
}

impl Work {
    async fn done(office: &Office) -> Result<Self, Failure> {
        // What the server does by itself is not a card's.
        let row = office
            .owner()
            .fetch_one(
                "select (select count(*) from print_request where state = 'PRINTED'),
                     (select sum(head)::bigint from feed_head where district <> 0),
                     (select count(*) from audit where terminal <> 'system')",
            )
            .await?;
        Ok(Self {
            cards: row.try_get(0)?,
            events: row.try_get(1)?,
            audited: row.try_get(2)?,
        })
    }

    fn since(self, before: Self) -> Self {
        Self {
            cards: self.cards - before.cards,
            events: self.events - before.events,
            audited: self.audited - before.audited,
        }
    }

    /// As much as this for each card?
    fn is_like(self, other: Self) -> bool {
        self.events * other.cards == other.events * self.cards
            && self.audited * other.cards == other.audited * self.cards
    }
}

struct Rounds<'c> {
    ceiling: &'c Ceiling,
    office: &'c Office,
    printers: Vec<Printer>,
    pgbench: Pgbench,
    claims: Claims,
    replays: Replays,
    report: Report,
    /// The most cards a second so far: one by one (or replayed), and in batches.
    rates: [f64; 2],
    /// What the server wrote in its last round of single cards.
    per_card: Option<Work>,
}

impl Rounds<'_> {
    async fn all(&mut self) -> Result<(), Failure> {
        let graphile = self.ceiling.graphile_worker.as_deref();
        let graphile = graphile.map(Graphile::new).transpose()?;
        let kinds: Vec<Kind> = Kind::ALL
            .into_iter()
            .filter(|kind| *kind != Kind::Graphile || graphile.is_some())
            .collect();
        let count = self.ceiling.run.rounds as usize * kinds.len();
        let phase = Phase::begin("rounds", count + 1);
        phase.say("warming up");
        self.rates[1] = queue::warm_up(self.office, &self.printers, BATCH).await?;
        // The replay may be some times as fast as the server is one by one.
        let one_by_one = queue::warm_up(self.office, &self.printers, 1).await?;
        self.rates[0] = one_by_one * 3.0;
        phase.advance(1);
        for _ in 0..self.ceiling.run.rounds {
            for kind in &kinds {
                phase.say(kind.name());
                let per_second = self.round(*kind, graphile.as_ref()).await?;
                self.report.add(*kind, per_second);
                phase.advance(1);
            }
        }
        phase.end(&format!("{count} rounds of {} s", self.ceiling.run.seconds));
        Ok(())
    }

    async fn round(&mut self, kind: Kind, graphile: Option<&Graphile<'_>>) -> Result<f64, Failure> {
        let seconds = self.ceiling.run.seconds;
        let per_second = match kind {
            Kind::Server => self.serve(1).await?,
            Kind::Replay => self.replay().await?,
            Kind::Batches => self.serve(BATCH).await?,
            Kind::Claims => {
                let clients = self.ceiling.run.site.printers;
                self.claims.round(self.office, clients, seconds).await?
            }
            Kind::Graphile => match graphile {
                Some(graphile) => graphile.round(self.office, seconds).await?,
                None => 0.0,
            },
        };
        match kind {
            Kind::Server | Kind::Replay => self.rates[0] = self.rates[0].max(per_second),
            Kind::Batches => self.rates[1] = self.rates[1].max(per_second),
            Kind::Claims | Kind::Graphile => {}
        }
        Ok(per_second)
    }

    async fn queue_people(&self, batch: u32) -> Result<(), Failure> {
        let rate = self.rates[usize::from(batch > 1)];
        let length = Duration::from_secs(self.ceiling.run.seconds);
        let people = queue::people(&self.ceiling.run.site, rate, length, batch);
        self.office.queue_people(people).await
    }

    /// The real thing.
    async fn serve(&mut self, batch: u32) -> Result<f64, Failure> {
        self.queue_people(batch).await?;
        let before = Work::done(self.office).await?;
        let length = Duration::from_secs(self.ceiling.run.seconds);
        let measured = queue::round(&self.printers, length, batch).await?;
        if batch == 1 {
            self.per_card = Some(Work::done(self.office).await?.since(before));
        }
        Ok(measured.cards_per_second())
    }

    /// Its statements alone.
    async fn replay(&mut self) -> Result<f64, Failure> {
        self.queue_people(1).await?;
        let before = Work::done(self.office).await?;
        let seconds = self.ceiling.run.seconds;
        let done = self.replays.run(&self.pgbench, seconds).await?;
        let cards = i64::try_from(done.transactions).expect("a round is short");
        let work = Work::done(self.office).await?.since(before);
        let is_whole = self.per_card.is_none_or(|per_card| work.is_like(per_card));
        if work.cards == cards && is_whole {
            return Ok(done.per_second);
        }
        Err(Failure::Call(format!(
            "the replay did other work than the server: pgbench tells of {cards} cards; written were {work:?}; the \
             server wrote {:?}",
            self.per_card
        )))
    }
}
