//! `ektp bench`: the server measured in one run against itself, against its own statements without it, and against others.
//!
//! Whatever is compared takes turns, round by round, in one run on one machine: what counts is the ratio, for the machine's
//! own speed changes from minute to minute. The server and its clients run in this one process or beside one another, so they
//! share the machine's cores with each other and with Postgres.

mod ceiling;
mod figures;
mod ground;
mod home;
mod inventory;
mod office;
mod overload;
mod print;
mod printer;
mod process;
mod queue;
mod replay;
mod watch;

use super::Failure;

/// `ektp bench`.
#[derive(Debug, clap::Args)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print acts: lease, bind and report, with and without row-level security and the audit log
    Print(print::Print),
    /// Cards and acts a second: lease, bind and report, one by one and in batches
    Queue(queue::Queue),
    /// Terminals at their streams: how fresh, how heavy, and how they come back
    Watch(watch::Watch),
    /// The server beside its own statements in pgbench, and in batches beside a bare queue and graphile-worker
    Ceiling(ceiling::Ceiling),
    /// Three times the capacity, and how soon all is as before
    Overload(overload::Overload),
    /// A nation's stock: the life of one blank, rows and runs, and shipments beside their own statements in pgbench
    Inventory(inventory::Inventory),
}

/// Where a bench runs, and how many take part.
#[derive(Debug, Clone, clap::Args)]
pub struct Site {
    /// Printers, each with its own connection, certificate and officer
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    printers: u16,
    /// Districts over which they are spread
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    districts: u16,
    /// A Postgres server on which to make a database for this run, as a user who may make databases and roles; both are
    /// dropped at the end [default: a private Postgres with full durability]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Write the figures as JSON
    #[arg(long)]
    json: bool,
}

/// How long, for benches that go round by round.
#[derive(Debug, Clone, clap::Args)]
pub struct Run {
    #[command(flatten)]
    site: Site,
    /// Length of a round
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Rounds of each kind; the median is shown
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
}

impl Site {
    fn size(&self) -> office::Size {
        office::Size {
            printers: self.printers,
            districts: self.districts,
        }
    }

    /// Connections of two servers with their pools, of a pgbench with as many clients, and some for whoever looks.
    fn connections(&self) -> u32 {
        60 + u32::from(self.printers)
    }

    /// An office in a home of its own, where the database keeps what it promises.
    async fn office(&self) -> Result<(office::Office, figures::Settings), Failure> {
        let home = home::Home::open(self.database_url.as_deref(), self.connections()).await?;
        match figures::Settings::durable(&home.serving()).await {
            Ok(settings) => Ok((office::Office::open(home, self.size()).await?, settings)),
            Err(failure) => {
                home.close().await?;
                Err(failure)
            }
        }
    }
}

/// Runs the bench.
pub async fn run(command: Bench) -> Result<(), Failure> {
    match command.what {
        What::Print(print) => print::run(print).await,
        What::Queue(queue) => queue::run(queue).await,
        What::Watch(watch) => watch::run(watch).await,
        What::Ceiling(ceiling) => ceiling::run(ceiling).await,
        What::Overload(overload) => overload::run(overload).await,
        What::Inventory(inventory) => inventory::run(inventory).await,
    }
}

/// What was asked for, or the end that somebody at the keyboard wants: what stands on a named server is dropped either way.
async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        signal = tokio::signal::ctrl_c() => {
            signal.map_err(Failure::Signal)?;
            Err(Failure::Call("interrupted".to_owned()))
        }
    }
}
