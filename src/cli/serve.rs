//! `ektp serve`: runs the server until it is told to stop.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::signal::unix::{SignalKind, signal};

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

/// Runs until SIGINT or SIGTERM, then drains.
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
        hex::encode(host.audit_key())
    );
    if host.authority().is_some() {
        println!(
            "the certificates' authority is in {}",
            command.storage.data().join("certificates").display()
        );
    }
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Signal)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    println!("ektp is draining");
    host.stop().await
}
