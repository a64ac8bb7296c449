//! The commands of those who keep the system: `migrate`, `restored`, `certificate`, `honeytoken`.

use std::path::PathBuf;

use sqlx::ConnectOptions;

use crate::{
    authority::TERMINAL_VALID, caller::Principal, clock::Clock, config::Storage, db, feed::journal,
    registration,
};

use super::{
    Failure,
    host::{self, Database},
};

/// `ektp migrate`.
#[derive(Debug, clap::Args)]
pub struct Migrate {
    #[command(flatten)]
    storage: Storage,
    /// Only say what is pending
    #[arg(long)]
    dry_run: bool,
}

/// `ektp restored`.
#[derive(Debug, clap::Args)]
pub struct Restored {
    #[command(flatten)]
    storage: Storage,
}

/// `ektp honeytoken`.
#[derive(Debug, clap::Args)]
pub struct Honeytoken {
    #[command(flatten)]
    storage: Storage,
    /// The enrolments of invented persons, recorded as any other
    #[arg(required = true, num_args = 1..=100, value_name = "ENROLMENT")]
    enrolments: Vec<String>,
}

/// `ektp certificate`.
#[derive(Debug, clap::Args)]
pub struct Certificate {
    #[command(flatten)]
    storage: Storage,
    #[command(subcommand)]
    who: Who,
}

/// For whom a certificate is made.
#[derive(Debug, clap::Subcommand)]
enum Who {
    /// A district's terminal, e.g. 35.75/office/1, or 35.75/35.75.02/1 for one that is limited to a subdistrict
    Terminal {
        /// District, site and number, with slashes between them
        place: String,
        /// The folder for terminal.pem, terminal-key.pem and ca.pem
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
    },
    /// A machine of the centre: matcher, store, printer or policy
    Centre {
        /// Which
        role: String,
        /// The folder for terminal.pem, terminal-key.pem and ca.pem
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
    },
}

/// Applies pending migrations and loads the area codes.
pub async fn migrate(command: Migrate) -> Result<(), Failure> {
    let database = Database::open(&command.storage).await?;
    if command.dry_run {
        let mut connection = database.options.clone().connect().await?;
        println!(
            "{} migrations are pending",
            db::pending(&mut connection).await?
        );
    } else {
        let migrated = db::migrate(&database.options).await?;
        println!(
            "{} migrations applied, {} areas loaded",
            migrated.applied, migrated.areas
        );
    }
    database.close()
}

/// Gives the ledger a new identity after a restore, so that tokens of the lost history are recognised.
pub async fn restored(command: Restored) -> Result<(), Failure> {
    let database = Database::open(&command.storage).await?;
    let mut connection = database.options.clone().connect().await?;
    let feed_id = journal::restored(&mut connection).await?;
    println!(
        "the ledger has the new identity {feed_id}; every stream that resumes gets a fresh snapshot"
    );
    drop(connection);
    database.close()
}

/// Makes traps of invented persons: the first read of one raises an alarm at the centre.
pub async fn honeytoken(command: Honeytoken) -> Result<(), Failure> {
    let database = Database::open(&command.storage).await?;
    let mut connection = database.options.clone().connect().await?;
    for text in &command.enrolments {
        let enrolment = text
            .parse()
            .map_err(|error| Failure::Call(format!("{text}: an enrolment's id {error}")))?;
        if !registration::mark_trap(&mut connection, enrolment).await? {
            return Err(Failure::Call(format!("{text}: there is no such enrolment")));
        }
        println!("{text} is a trap now");
    }
    drop(connection);
    database.close()
}

/// Makes a client certificate with the data folder's own authority.
pub fn certificate(command: Certificate) -> Result<(), Failure> {
    let (uri, out) = match command.who {
        Who::Terminal { place, out } => {
            let parts: Vec<&str> = place.split('/').collect();
            let [district, site, number] = parts[..] else {
                return Err(Failure::Place(place));
            };
            (
                format!("ektp://district/{district}/site/{site}/terminal/{number}"),
                out,
            )
        }
        Who::Centre { role, out } => (format!("ektp://centre/{role}"), out),
    };
    let principal: Principal = uri.parse()?;
    let authority = host::authority(&command.storage.data())?;
    let identity = authority.terminal_identity(&principal, TERMINAL_VALID, Clock::System.now())?;
    identity.write_to(&out)?;
    println!(
        "{principal}: terminal.pem, terminal-key.pem and ca.pem in {}, valid {} days",
        out.display(),
        TERMINAL_VALID.whole_days()
    );
    Ok(())
}
