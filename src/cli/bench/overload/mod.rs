//! `ektp bench overload`: three times what the server can do, and how soon all is as before.
//!
//! The capacity is found as `bench queue` finds it, one by one; then work arrives by the clock. What is easily got wrong: the
//! latency that counts as normal is that of an open loop at half the capacity, not that of printers who wait for each other.
//! And a machine whose disk is quick for ten seconds is no measure of the next minute: the capacity is found once more at the
//! end, and what was done is held against the mean.

mod load;
mod log;
mod report;

use std::{sync::Arc, time::Duration};

use sqlx::{AssertSqlSafe, Executor as _, Row as _};

use self::{
    load::{Offices, Place, Rates},
    log::{Log, Phase},
    report::Report,
};
use super::{Site, figures::Settings, office::Office, queue, unless_interrupted};
use crate::{
    cli::{Failure, demo::progress},
    server::Server,
};

/// So many times the capacity is offered.
const TIMES: f64 = 3.0;
/// The share of the capacity that is a normal load.
const NORMAL: f64 = 0.5;
/// The capacity and the normal latency are looked at for so long, or as long as the overload if that is shorter.
const LOOK: u64 = 10;
/// After the overload the normal load is looked at for so long.
const AFTER: u64 = 20;
/// The server may do so much more than its capacity before people run out.
const MORE: f64 = 1.5;
/// People of each district for whom cards are applied for.
const APPLICANTS: usize = 200;

/// `ektp bench overload`.
#[derive(Debug, Clone, clap::Args)]
pub struct Overload {
    #[command(flatten)]
    site: Site,
    /// Length of the overload
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(2..=600))]
    seconds: u64,
}

impl Overload {
    fn look(&self) -> u64 {
        LOOK.min(self.seconds)
    }

    fn after(&self) -> u64 {
        AFTER.min(self.seconds * 2)
    }
}

/// What was seen.
pub struct Seen {
    /// Cards a second before all, of which so many times as much was offered, and after all.
    pub capacities: [f64; 2],
    pub before: Phase,
    pub overload: Phase,
    pub after: Phase,
}

/// Runs the bench.
pub async fn run(overload: Overload) -> Result<(), Failure> {
    let phase = progress::Phase::begin("a database", 1);
    let (office, settings) = overload.site.office().await?;
    phase.end(&settings.words());
    let report = unless_interrupted(with_server(&overload, &office, settings)).await;
    office.close().await?;
    let report = report?;
    if overload.site.json {
        println!("{}", report.json());
    } else {
        println!("{report}");
    }
    Ok(())
}

async fn with_server(
    overload: &Overload,
    office: &Office,
    settings: Settings,
) -> Result<Report, Failure> {
    let server = office.serve(office.home().serving()).await?;
    let seen = measure(overload, office, &server).await;
    server.drain().await;
    Ok(Report::new(overload.clone(), settings, seen?))
}

async fn measure(overload: &Overload, office: &Office, server: &Server) -> Result<Seen, Failure> {
    let bar = progress::Phase::begin("overload", 5);
    bar.say("the capacity");
    let first = capacity(overload, office, server).await?;
    bar.advance(1);
    let (look, after) = (overload.look(), overload.after());
    let seconds = (overload.seconds as f64).mul_add(MORE, (look + after) as f64);
    let people = queue::rounded(first * seconds / office.districts() as f64);
    office.queue_people(people).await?;
    let mut offices = Offices::new(places(office, server).await?);
    let mut phases = Vec::new();
    for (words, load, seconds) in [
        ("half of it", NORMAL, look),
        ("three times as much", TIMES, overload.seconds),
        ("half of it again", NORMAL, after),
    ] {
        bar.say(words);
        let log = Log::begin(usize::try_from(seconds).expect("a few minutes"));
        let rates = Rates::of_cards(first * load);
        offices
            .offer(rates, Duration::from_secs(seconds), &log)
            .await;
        phases.push(log);
        bar.advance(1);
    }
    offices.rest().await?;
    bar.say("the capacity again");
    let last = capacity(overload, office, server).await?;
    bar.end(&format!("{} s", overload.seconds));
    let mut phases = phases.iter().map(|log| log.phase().clone());
    let (Some(before), Some(during), Some(after)) = (phases.next(), phases.next(), phases.next())
    else {
        return Err(Failure::Call("three phases were run".to_owned()));
    };
    if before.is_dry || during.is_dry || after.is_dry {
        return Err(Failure::Call(
            "a district's queue ran out of people; choose a shorter overload (--seconds)"
                .to_owned(),
        ));
    }
    Ok(Seen {
        capacities: [first, last],
        before,
        overload: during,
        after,
    })
}

/// Cards a second, one by one, by printers who wait for each answer.
async fn capacity(overload: &Overload, office: &Office, server: &Server) -> Result<f64, Failure> {
    let printers = office.printers(server)?;
    let rate = queue::warm_up(office, &printers, 1).await?;
    let length = Duration::from_secs(overload.look());
    let people = queue::people(&overload.site, rate, length, 1);
    office.queue_people(people).await?;
    let measured = queue::round(&printers, length, 1).await?;
    Ok(measured.cards_per_second())
}

/// Each printer's place, with a second connection for the counter.
async fn places(office: &Office, server: &Server) -> Result<Vec<Place>, Failure> {
    let (printers, counters) = (office.printers(server)?, office.printers(server)?);
    let mut places = Vec::new();
    for (printer, counter) in printers.into_iter().zip(counters) {
        let people = format!(
            "select resident_id::text from resident where district = {} limit {APPLICANTS}",
            printer.district
        );
        let rows = office.owner().fetch_all(AssertSqlSafe(people)).await?;
        let residents: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
        places.push(Place {
            printer,
            counter,
            residents: Arc::new(residents?),
        });
    }
    Ok(places)
}
