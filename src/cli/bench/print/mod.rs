//! `ektp bench print`: lease, bind and report over mutual TLS, and what the walls between districts and the audit log cost.
//!
//! Nothing in the product can switch the walls or the audit log off: here a second server stands above the walls because it
//! connects as the owner, and the owner takes the audit rows out of its own private database for a round.

mod report;

use std::time::Instant;

use futures::future::try_join_all;
use sqlx::{Executor as _, Row as _};

use self::report::{Measured, Report};
use super::{
    figures::Settings,
    home::Home,
    office::{Office, Size},
    printer::{Printer, Tally},
};
use crate::{
    cli::{Failure, demo::progress::Phase},
    server::Server,
};

/// Two servers with their pools, and the bench's own connection.
const CONNECTIONS_MAX: u32 = 60;

/// `ektp bench print`.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Print {
    /// Printers, each with its own connection, certificate and officer
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    printers: u16,
    /// Districts over which they are spread
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    districts: u16,
    /// Cards of one printer in one round
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    cards: u32,
    /// Cards leased, bound and reported together
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    batch: u32,
    /// Rounds of each variant; the median is shown
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// Write the figures as JSON
    #[arg(long)]
    json: bool,
}

impl Print {
    /// Everybody whose card is printed in the whole run, the warm-up included, for one district.
    fn people_per_district(self) -> i64 {
        let rounds = self.rounds * u32::try_from(VARIANTS.len()).expect("four") + 1;
        let printers = u32::from(self.printers.div_ceil(self.districts));
        i64::from(printers * rounds * self.cards)
    }
}

/// What is taken away from the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    name: &'static str,
    walls: bool,
    audit: bool,
}

/// The product first; it is what the others are compared with.
const VARIANTS: [Variant; 4] = [
    Variant {
        name: "as it is",
        walls: true,
        audit: true,
    },
    Variant {
        name: "without walls",
        walls: false,
        audit: true,
    },
    Variant {
        name: "without audit",
        walls: true,
        audit: false,
    },
    Variant {
        name: "without both",
        walls: false,
        audit: false,
    },
];

/// Two servers over one office: behind the walls, and above them.
struct Servers {
    walled: Server,
    above: Server,
}

/// Runs the bench.
pub async fn run(print: Print) -> Result<(), Failure> {
    let phase = Phase::begin("a private database", 2);
    let home = Home::open(None, CONNECTIONS_MAX).await?;
    phase.advance(1);
    let size = Size {
        printers: print.printers,
        districts: print.districts,
    };
    let office = Office::open(home, size).await?;
    office.queue_people(print.people_per_district()).await?;
    phase.advance(1);
    phase.end(&format!(
        "{} districts with {} people each",
        print.districts,
        print.people_per_district()
    ));
    let report = with_servers(print, &office).await;
    office.close().await?;
    let report = report?;
    if print.json {
        println!("{}", report.json());
    } else {
        println!("{report}");
    }
    Ok(())
}

async fn with_servers(print: Print, office: &Office) -> Result<Report, Failure> {
    let settings = Settings::durable(&office.home().serving()).await?;
    let servers = Servers {
        walled: office.serve(office.home().serving()).await?,
        above: office.serve(office.home().owner().clone()).await?,
    };
    let report = measure(print, office, &servers, Report::new(print, settings)).await;
    servers.walled.drain().await;
    servers.above.drain().await;
    report
}

async fn measure(
    print: Print,
    office: &Office,
    servers: &Servers,
    mut report: Report,
) -> Result<Report, Failure> {
    let (walled, above) = (
        office.printers(&servers.walled)?,
        office.printers(&servers.above)?,
    );
    let printers = |variant: Variant| if variant.walls { &walled } else { &above };
    let rounds = usize::try_from(print.rounds).expect("a few") * VARIANTS.len();
    let phase = Phase::begin("print acts", rounds + 1);
    phase.say("warming up");
    round(print, printers(VARIANTS[0])).await?;
    phase.advance(1);
    for _ in 0..print.rounds {
        for variant in VARIANTS {
            phase.say(variant.name);
            set_audit(office, variant.audit).await?;
            let measured = round(print, printers(variant)).await;
            set_audit(office, true).await?;
            report.add(variant, measured?);
            phase.advance(1);
        }
    }
    phase.end(&format!("{rounds} rounds"));
    Ok(report)
}

/// Takes the audit rows out, or puts them back.
async fn set_audit(office: &Office, audit: bool) -> Result<(), Failure> {
    let owner = office.owner();
    let is_out: bool = owner
        .fetch_one("select to_regproc('ledger_append_whole') is not null")
        .await?
        .try_get(0)?;
    match (audit, is_out) {
        (true, true) => owner.execute(include_str!("with_audit.sql")).await?,
        (false, false) => owner.execute(include_str!("without_audit.sql")).await?,
        (true, false) | (false, true) => return Ok(()),
    };
    Ok(())
}

/// All printers print their share, at the same time.
async fn round(print: Print, printers: &[Printer]) -> Result<Measured, Failure> {
    let started = Instant::now();
    let tallies = try_join_all(printers.iter().cloned().map(|mut printer| async move {
        let printing = tokio::spawn(async move { printer.print(print.cards, print.batch).await });
        printing
            .await
            .map_err(|error| Failure::Call(error.to_string()))?
    }))
    .await?;
    let elapsed = started.elapsed().as_secs_f64();
    let tally = tallies.into_iter().fold(Tally::default(), Tally::and);
    Ok(Measured {
        cards_per_second: tally.cards as f64 / elapsed,
        latencies: tally.acts.concat(),
    })
}
