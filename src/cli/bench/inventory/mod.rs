//! `ektp bench inventory`: a nation's stock, made by the product's own mechanism; how soon the server tells the life of one
//! blank in it, how few rows it takes, and how many shipments a second go through it beside their own statements in pgbench.
//!
//! The server is a process of its own and logs how long it had each call. What is easily got wrong: the stock has no cards
//! and no documents, for what is measured is what moves leave; what is shipped on top has all that a shipment has.

mod books;
mod calls;
mod clerks;
mod layout;
mod lookups;
mod report;
mod shipping;
mod stock;

use std::net::Ipv4Addr;

use self::{
    books::Rows,
    layout::Layout,
    report::{Figures, Report},
    shipping::Shipping,
};
use super::{
    ground::Ground,
    process::{Process, Start},
    replay::Pgbench,
    unless_interrupted,
};
use crate::cli::Failure;

/// `ektp bench inventory`.
#[derive(Debug, Clone, clap::Args)]
pub struct Inventory {
    /// Blanks in the stock; every tenth is shipped while it is measured
    #[arg(long, default_value_t = 20_000_000, value_parser = clap::value_parser!(u32).range(10_000..=200_000_000))]
    blanks: u32,
    /// How many of them are bound, one by one at random
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=20_000_000))]
    bound: u32,
    /// Stores: the centre's, then each district's with those of its subdistricts
    #[arg(long, default_value_t = 7_800, value_parser = clap::value_parser!(u16).range(3..=7_800))]
    locations: u16,
    /// Clients that ship: an officer who sends and one who receives, each on a terminal
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=16))]
    clients: u16,
    /// Length of a round
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Rounds of each kind; the median is shown
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// A Postgres server on which to make a database for this run, as a user who may make databases and roles; both are
    /// dropped at the end [default: a private Postgres with full durability]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Write the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the bench.
pub async fn run(inventory: Inventory) -> Result<(), Failure> {
    let ground = Ground::open(inventory.database_url.as_deref()).await?;
    let figures = unless_interrupted(measure(&inventory, &ground)).await;
    ground.close().await?;
    let report = Report {
        figures: figures?,
        inventory,
    };
    if report.inventory.json {
        println!("{}", report.json());
    } else {
        println!("{report}");
    }
    Ok(())
}

async fn measure(inventory: &Inventory, ground: &Ground) -> Result<Figures, Failure> {
    // Before minutes are spent on the stock.
    let pgbench = Pgbench::find(ground.home())?;
    let layout = Layout::new(
        i64::from(inventory.blanks),
        usize::from(inventory.locations),
        inventory.clients,
    )?;
    let bound = usize::try_from(inventory.bound).expect("some millions");
    let bound = stock::make(ground.home().owner(), &layout, bound).await?;
    let custody = Rows::count(&ground.owner).await?;
    let sizes = books::sizes(&ground.owner).await?;
    let shipping = Shipping::open(ground, &layout, pgbench).await?;
    let start = Start {
        log_options: &calls::LOG_CALLS,
        ..ground.start()
    };
    let mut server = Process::start(&start, (Ipv4Addr::LOCALHOST, 0).into()).await?;
    let address = format!("https://{}", server.address());
    let locate = lookups::measure(
        (&layout, &bound),
        (&address, &lookups::papers(ground).await?),
        &start.log,
        inventory.seconds * u64::from(inventory.rounds),
    )
    .await?;
    let shipments = shipping
        .measure(&address, inventory.seconds, inventory.rounds)
        .await?;
    // Before the database goes.
    server.kill().await?;
    Ok(Figures {
        database: ground.settings.clone(),
        stores: layout.stores.len(),
        custody,
        custody_at_the_end: Rows::count(&ground.owner).await?,
        sizes,
        locate,
        shipments,
    })
}
