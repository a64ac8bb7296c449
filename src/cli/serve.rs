//! `ektp serve`: runs the server until it is told to stop.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    clock::{Clock, SimulatedClock},
    config::{Guarding, Listening, Storage},
    hex,
};

use super::{Failure, host::Host};

/// The command's arguments.
#[derive(Debug, clap::Args)]
pub struct Serve {
    #[command(flatten)]
    storage: Storage,
    #[command(flatten)]
    listening: Listening,
    /// Let the office's clock stand at this time (RFC 3339), to go on with a demo's data; only with the private Postgres
    #[arg(long, value_name = "TIME", conflicts_with = "database_url", value_parser = time)]
    simulated_clock: Option<OffsetDateTime>,
    #[command(flatten)]
    guarding: Guarding,
}

fn time(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|error| error.to_string())
}

/// How a shell reports a program that a second SIGINT has ended.
const ENDED_AT_ONCE: i32 = 130;

/// Runs until SIGINT or SIGTERM, then drains; a second one ends it at once. Ends with an error when the private Postgres
/// dies: whoever watches over the program starts it again.
pub async fn run(command: Serve) -> Result<(), Failure> {
    let clock = command.simulated_clock.map_or(Clock::System, |at| {
        Clock::Simulated(SimulatedClock::new(at))
    });
    let host = Host::start(
        &command.storage,
        &command.listening,
        &command.guarding,
        clock,
    )
    .await?;
    // For people and for scripts that wait for it; everything else goes to the log.
    println!("ektp serves on https://{}", host.server().address());
    println!(
        "its heads of the audit log are signed by the key {}",
        hex::encode(&host.audit_key())
    );
    if host.authority().is_some() {
        println!(
            "the certificates' authority is in {}",
            command.storage.data().join("certificates").display()
        );
    }
    let mut signals = Signals::listen().map_err(Failure::Signal)?;
    tokio::select! {
        () = signals.next() => {}
        fallen = host.fallen() => return Err(fallen),
    }
    println!("ektp is draining");
    tokio::select! {
        stopped = host.stop() => stopped,
        () = signals.next() => {
            println!("ektp ends at once");
            // Nothing is waited for: what is under way is rolled back by the database, and a private Postgres is told by
            // the kernel to stop.
            std::process::exit(ENDED_AT_ONCE)
        }
    }
}

/// The two signals that mean the same.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
