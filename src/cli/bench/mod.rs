//! `ektp bench print`: lease, bind and report over mutual TLS, and what the walls between districts and the audit log cost.
//!
//! The variants take turns, round by round, in one run on one machine; what counts is their ratio, for the machine's own
//! speed changes from minute to minute. Nothing in the product can switch the walls or the audit log off: here a second
//! server stands above the walls because it connects as the owner, and the owner takes the audit rows out of its own
//! private database for a round.

mod office;
mod printer;
mod report;

use std::time::Instant;

use futures::future::try_join_all;

use self::{
    office::Office,
    printer::Printer,
    report::{Measured, Report},
};
use super::{Failure, demo::progress::Phase};

/// `ektp bench`.
#[derive(Debug, clap::Args)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print acts: lease, bind and report, with and without row-level security and the audit log
    Print(Print),
}

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
    fn people_per_district(self) -> u32 {
        let rounds = self.rounds * u32::try_from(VARIANTS.len()).expect("four") + 1;
        let printers = u32::from(self.printers.div_ceil(self.districts));
        printers * rounds * self.cards
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

/// Runs the bench.
pub async fn run(command: Bench) -> Result<(), Failure> {
    let What::Print(print) = command.what;
    let office = Office::open(print).await?;
    let report = measure(print, &office).await;
    office.close().await?;
    let report = report?;
    if print.json {
        println!("{}", report.json());
    } else {
        println!("{report}");
    }
    Ok(())
}

async fn measure(print: Print, office: &Office) -> Result<Report, Failure> {
    let rounds = usize::try_from(print.rounds).expect("a few") * VARIANTS.len();
    let phase = Phase::begin("print acts", rounds + 1);
    let mut report = Report::new(print, office.settings().await?);
    phase.say("warming up");
    round(print, office, VARIANTS[0]).await?;
    phase.advance(1);
    for _ in 0..print.rounds {
        for variant in VARIANTS {
            phase.say(variant.name);
            office.set_audit(variant.audit).await?;
            let measured = round(print, office, variant).await;
            office.set_audit(true).await?;
            report.add(variant, measured?);
            phase.advance(1);
        }
    }
    phase.end(&format!("{rounds} rounds"));
    Ok(report)
}

/// All printers print their share, at the same time.
async fn round(print: Print, office: &Office, variant: Variant) -> Result<Measured, Failure> {
    let printers: Vec<Printer> = office.printers(variant.walls);
    let started = Instant::now();
    let latencies = try_join_all(printers.into_iter().map(|mut printer| async move {
        let printing = tokio::spawn(async move { printer.print(print.cards, print.batch).await });
        printing
            .await
            .map_err(|error| Failure::Call(error.to_string()))?
    }))
    .await?;
    let cards = u32::from(print.printers) * print.cards;
    Ok(Measured {
        cards_per_second: f64::from(cards) / started.elapsed().as_secs_f64(),
        latencies: latencies.into_iter().flatten().collect(),
    })
}
