//! The command line: one binary, one command for each thing that people do with it.
//!
//! Only here does the program speak to people on standard output.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the command line speaks to people"
)]

mod audit;
mod bench;
mod client;
pub mod demo;
mod findings;
mod follow;
mod host;
mod keep;
mod officer;
mod renewal;
mod roles;
mod serve;
mod stock;
mod stock_proof;
mod terminal;

use std::{io, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;

use crate::{
    audit::HeadError,
    authority::AuthorityError,
    caller::PrincipalError,
    embedded::EmbeddedError,
    error::Error,
    inventory::proof::CertificateError,
    telemetry::{LOG_DEFAULT, Telemetry, TelemetryConfig, TelemetryError},
};

/// ektp: the backend on which Indonesia's civil registry offices issue electronic ID cards.
#[derive(Debug, Parser)]
#[command(name = "ektp", version, about, propagate_version = true)]
struct Arguments {
    #[command(flatten)]
    telemetry: TelemetryConfig,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run the server, with a private Postgres unless DATABASE_URL names another
    Serve(serve::Serve),
    /// Show a day at Kota Pasuruan in April 2017, on real components
    Demo(demo::Demo),
    /// Measure the server, in one run against itself
    Bench(bench::Bench),
    /// Follow a district's queue in this window
    Terminal(follow::Window),
    /// Follow a district's stores in this window: what lies where, on its way, in dispute
    Stock(stock::Stock),
    /// Print who may call what: RPCs, certificates, officers' roles
    Roles(roles::Roles),
    /// Found the centre's first heads, by whoever operates the database
    Officer(officer::Officer),
    /// Make a client certificate with the data folder's own authority
    Certificate(keep::Certificate),
    /// Apply pending migrations and load the area codes
    Migrate(keep::Migrate),
    /// Prove the audit log, or tell whose data was seen
    Audit(audit::Audit),
    /// Check a certificate of conservation, without a database
    VerifyCertificate(stock_proof::Verify),
    /// Derive every blank's place from the movements alone, and compare
    AuditStock(stock_proof::Audit),
    /// Write what is public: a district's statement of a day
    Export(stock_proof::Export),
    /// Give the ledger a new identity after the database was restored
    Restored(keep::Restored),
    /// Make traps of invented persons, whose reading raises an alarm
    Honeytoken(keep::Honeytoken),
}

/// Why a command ended without success; shown as one sentence.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Ektp(#[from] Error),
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Providers(#[from] crate::openid::ConfigError),
    #[error(transparent)]
    Principal(#[from] PrincipalError),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("{0}: {1}")]
    Folder(PathBuf, io::Error),
    #[error(
        "DATABASE_URL names a role that the walls between districts do not bind (a superuser, the owner, or one with \
         BYPASSRLS); run ektp migrate with that address, and serve with the role {role}: \
         alter role {role} password '...', then DATABASE_URL=postgres://{role}:...@host/db",
        role = crate::db::SERVE_ROLE
    )]
    Above,
    #[error(
        "{0} migrations are pending in the database named by DATABASE_URL; run ektp migrate with its owner's address"
    )]
    Pending(usize),
    #[error("signals cannot be listened for: {0}")]
    Signal(io::Error),
    #[error("'{0}' is not <district>/<site>/<number>, e.g. 35.75/office/1")]
    Place(String),
    #[error("the runtime cannot be started: {0}")]
    Runtime(io::Error),
    #[error("{0}")]
    Call(String),
    #[error("{0}")]
    Differs(String),
    #[error("{0}: {1}")]
    KeptHead(PathBuf, HeadError),
    #[error("{0} is neither a public key in hexadecimal nor a file with one")]
    PublicKey(String),
    #[error("the audit log was changed: {0} findings")]
    Tampered(u64),
    #[error("{0}: {1}")]
    Certificate(PathBuf, CertificateError),
    #[error("the stock does not follow from its movements: {0} findings")]
    Stock(u64),
    #[error("more than {0} rows; ask for less at once")]
    TooMany(i64),
    #[error(transparent)]
    Gap(#[from] follow::Gap),
}

/// The runtime's own end: tasks at their next pause.
const RUNTIME_END: Duration = Duration::from_millis(500);

/// The exit code of a stream that missed or repeated a change, so that a script can tell it from every other failure.
const EXIT_GAP: u8 = 3;

impl Failure {
    fn exit_code(&self) -> ExitCode {
        if let Self::Gap(_) = self {
            ExitCode::from(EXIT_GAP)
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Parses the command line, runs the command, says how it ended.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Failure::Ektp(error) = &failure {
                error.log();
            }
            eprintln!("ektp: {failure}");
            failure.exit_code()
        }
    }
}

fn run(mut arguments: Arguments) -> Result<(), Failure> {
    let is_demo = matches!(arguments.command, Command::Demo(_));
    if is_demo && arguments.telemetry.log == LOG_DEFAULT {
        // The demo tries on purpose what is forbidden; the server's notes about it would stand between the bars.
        arguments.telemetry.log = "warn".to_owned();
    }
    let telemetry = Telemetry::start(&arguments.telemetry)?;
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::Runtime)?;
    let ended = runtime.block_on(async {
        match arguments.command {
            Command::Serve(command) => serve::run(command).await,
            Command::Demo(command) => demo::run(command).await,
            Command::Bench(command) => bench::run(command).await,
            Command::Terminal(command) => terminal::run(command).await,
            Command::Stock(command) => stock::run(command).await,
            Command::Roles(command) => roles::run(&command),
            Command::Officer(command) => officer::run(command).await,
            Command::Certificate(command) => keep::certificate(command),
            Command::Migrate(command) => keep::migrate(command).await,
            Command::Audit(command) => audit::run(command).await,
            Command::VerifyCertificate(command) => stock_proof::verify(&command),
            Command::AuditStock(command) => stock_proof::audit(command).await,
            Command::Export(command) => stock_proof::export(command).await,
            Command::Restored(command) => keep::restored(command).await,
            Command::Honeytoken(command) => keep::honeytoken(command).await,
        }
    });
    // What still blocks (a hash, a look-up of a name) is not waited for: a stop has promised when it is over.
    runtime.shutdown_timeout(RUNTIME_END);
    telemetry.shutdown();
    ended
}
