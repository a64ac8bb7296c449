//! The doorbell between servers: which ledgers have grown, told by NOTIFY on connections of its own.
//!
//! It is a hint and nothing more: NOTIFY inside a business transaction would make all commits of the database wait for
//! one another, and a notification sent while a listener reconnects is lost. The look at the heads finds everything a
//! little later.

use std::{collections::BTreeSet, time::Duration};

use sqlx::{
    ConnectOptions, PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::{
    error::{Error, Result},
    feed::{Hub, bell::Bell},
    ids::District,
};

/// The channel of all servers over one database.
const CHANNEL: &str = "feed";
/// A connection that cannot be had within this is tried again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Between two attempts to listen.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Starts telling and listening, until the hub drains. Ring the answer for what other servers should hear.
pub(super) fn start(hub: &Hub, database: PgConnectOptions) -> Bell {
    let outbox = Bell::default();
    // Tells a server's own notifications, which it need not follow, from those of others.
    let server = format!("{:016x}", rand::random::<u64>());
    let database = database
        .application_name("ektp bell")
        .disable_statement_logging();
    let tell = tell(
        hub.clone(),
        direct(&database),
        server.clone(),
        outbox.clone(),
    );
    let listen = listen(hub.clone(), database, server);
    tokio::spawn(hub.draining().clone().run_until_cancelled_owned(tell));
    tokio::spawn(hub.draining().clone().run_until_cancelled_owned(listen));
    outbox
}

/// One connection past the three pools: a listener holds it for good, and what is told must not wait for anybody.
fn direct(database: &PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT_TIMEOUT)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with(database.clone())
}

async fn tell(hub: Hub, connection: PgPool, server: String, outbox: Bell) {
    let timing = *hub.timing();
    let mut silent_until = Instant::now() + timing.ring_every;
    let mut well = true;
    loop {
        let grown = tokio::select! {
            grown = outbox.rung() => grown,
            () = sleep_until(silent_until) => BTreeSet::new(),
        };
        silent_until = Instant::now() + timing.ring_every;
        let told = notify(&connection, payload(&server, &grown)).await;
        if told.is_ok() != well {
            well = told.is_ok();
            match &told {
                Ok(()) => tracing::info!("the doorbell rings again"),
                Err(error) => {
                    tracing::warn!(%error, "the doorbell cannot be rung; others see changes half a second later")
                }
            }
        }
        sleep(timing.notify_every).await;
    }
}

async fn notify(connection: &PgPool, payload: String) -> Result<()> {
    sqlx::query!("select pg_notify($1, $2)", CHANNEL, payload)
        .execute(connection)
        .await?;
    Ok(())
}

async fn listen(hub: Hub, database: PgConnectOptions, server: String) {
    loop {
        let error = listen_once(&hub, &database, &server).await;
        tracing::warn!(%error, "the doorbell is not heard; it is connected anew");
        sleep(RETRY_AFTER).await;
    }
}

/// Listens until something is wrong.
async fn listen_once(hub: &Hub, database: &PgConnectOptions, server: &str) -> Error {
    // A pool of this attempt alone: a connection that hangs is left behind with it.
    let connection = direct(database);
    let mut listener = match PgListener::connect_with(&connection).await {
        Ok(listener) => listener,
        Err(error) => return error.into(),
    };
    if let Err(error) = listener.listen(CHANNEL).await {
        return error.into();
    }
    loop {
        match timeout(hub.timing().deaf_after, listener.try_recv()).await {
            Err(_) => {
                return Error::database_away("nothing was heard, not even this server itself");
            }
            Ok(Err(error)) => return error.into(),
            Ok(Ok(None)) => tracing::debug!("the doorbell's connection was made anew"),
            Ok(Ok(Some(heard))) => hub.asked().ring(grown(server, heard.payload())),
        }
    }
}

/// `server:3575,3576`; all districts of the country fit the limit of a notification.
fn payload(server: &str, grown: &BTreeSet<District>) -> String {
    let numbers: Vec<String> = grown
        .iter()
        .map(|district| district.number().to_string())
        .collect();
    format!("{server}:{}", numbers.join(","))
}

/// The districts that another server names.
fn grown(server: &str, payload: &str) -> BTreeSet<District> {
    match payload.split_once(':') {
        Some((sender, numbers)) if sender != server => numbers
            .split(',')
            .filter_map(|number| District::from_number(number.parse().ok()?).ok())
            .collect(),
        Some(_) | None => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::areas;

    #[test]
    fn a_server_hears_others_and_not_itself() {
        let districts: BTreeSet<District> = ["35.75", "35.76"]
            .map(|text| text.parse().expect("a district"))
            .into();
        let told = payload("one", &districts);
        assert_eq!(told, "one:3575,3576");
        assert_eq!(grown("two", &told), districts);
        assert!(grown("one", &told).is_empty());
    }

    #[test]
    fn what_strangers_say_on_the_channel_is_ignored() {
        for payload in ["", "two:", "two:x,-1,99999999999", "3575"] {
            assert!(grown("one", payload).is_empty(), "{payload}");
        }
    }

    #[test]
    fn all_districts_fit_one_notification() {
        let all: BTreeSet<District> = areas::districts().collect();
        assert!(payload("0123456789abcdef", &all).len() < 8_000);
    }
}
