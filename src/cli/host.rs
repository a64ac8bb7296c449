//! One process with everything: the private Postgres (or the one named by `DATABASE_URL`), the keys, the authority and the
//! server. `serve` runs it, and `demo` runs the same thing in itself, so that the demo shows nothing but the product.

use std::{fs, path::Path, sync::Arc, time::Duration};

use sqlx::{ConnectOptions, Executor, postgres::PgConnectOptions};
use time::Date;
use tokio::time::Instant;

use crate::{
    administration::{self, Founder},
    audit::{self, HEAD_EVERY, Signing, WITNESS_FILE},
    authority::{Authority, Renewal},
    chores,
    clock::Clock,
    config::{Guarding, Listening, Storage},
    db::{self, PoolSizes, Pools},
    embedded::{self, Durability, Embedded, Settings},
    feed::Timing,
    handover::Gateway,
    ids::District,
    inventory::proof::{self, Statement},
    openid::Providers,
    print_queue::LEASE_LENGTH,
    quota::Quotas,
    seal::Keys,
    server::{DRAINED_WITHIN, Options, Server, Tls},
    work::Desk,
};

use super::Failure;

/// The database of the private Postgres.
const DATABASE: &str = "ektp";
/// Connections that the private Postgres allows: all pools, the listener, and some for a person who looks.
const CONNECTIONS_MAX: u32 = 40;
/// From the signal to the last thing that is waited for: a server is gone in 25 seconds whatever clients do, and what is
/// left of them after this is for Postgres to stop at once (2 s), telemetry to be sent (2 s) and the runtime to end (1 s).
const STOPPED_WITHIN: Duration = Duration::from_secs(19);
/// A private Postgres gets at least so long to stop in good order, and more when the drain was quick.
const POSTGRES_STOP_MIN: Duration = Duration::from_secs(3);
const _: () = assert!(
    DRAINED_WITHIN.as_secs() + POSTGRES_STOP_MIN.as_secs() <= STOPPED_WITHIN.as_secs(),
    "the sum of what a stop waits for"
);
/// The folder of the authority's files inside the data folder.
const CERTIFICATES: &str = "certificates";
/// The file that notices are written to while no SMS gateway is connected.
const NOTICES: &str = "notices.log";

/// The database that a command works on.
pub struct Database {
    /// How to reach it as its owner, who migrates.
    pub options: PgConnectOptions,
    /// How to reach it as the role that serves.
    serving: PgConnectOptions,
    /// The private one, if it is that; stopped when dropped.
    private: Option<Embedded>,
}

impl Database {
    /// The database named by `DATABASE_URL`, or the private one, started and made where it is missing.
    pub async fn open(storage: &Storage) -> Result<Self, Failure> {
        if let Some(url) = &storage.database_url {
            // One address is either the owner's or the server's; who serves is asked when it serves.
            let options = db::options_of(url)?;
            return Ok(Self {
                serving: options.clone(),
                options,
                private: None,
            });
        }
        let settings = Settings {
            data: storage.data(),
            durability: Durability::Full,
            max_connections: CONNECTIONS_MAX,
        };
        let embedded = Embedded::start(&settings)?;
        let mut maintenance = embedded
            .connect_options("postgres", embedded::OWNER)
            .connect()
            .await?;
        let exists = maintenance
            .fetch_optional("select 1 from pg_database where datname = 'ektp'")
            .await?;
        if exists.is_none() {
            maintenance.execute("create database ektp").await?;
        }
        Ok(Self {
            options: embedded.connect_options(DATABASE, embedded::OWNER),
            serving: embedded.connect_options(DATABASE, db::SERVE_ROLE),
            private: Some(embedded),
        })
    }

    /// The same with all its tables, for who serves. The private one is migrated; one that others run is not touched
    /// without `ektp migrate`.
    pub async fn ready(storage: &Storage) -> Result<Self, Failure> {
        let database = Self::open(storage).await?;
        if database.private.is_some() {
            db::migrate(&database.options).await?;
        } else {
            let mut connection = database.serving.clone().connect().await?;
            let pending = db::pending(&mut connection).await?;
            if pending > 0 {
                return Err(Failure::Pending(pending));
            }
            if db::stands_above_walls(&mut connection).await? {
                return Err(Failure::Above);
            }
        }
        Ok(database)
    }

    /// What the services stand on, without a server: for an operator's act.
    pub async fn desk(&self, storage: &Storage) -> Result<Desk, Failure> {
        let sizes = PoolSizes { acts: 1, reads: 1 };
        let pools = Pools::open(self.serving.clone(), sizes).await?;
        let data = storage.data();
        fs::create_dir_all(&data).map_err(|error| Failure::Folder(data.clone(), error))?;
        let keys = keys(&data)?;
        Ok(Desk::new(
            pools,
            Clock::System,
            keys,
            Quotas::default(),
            LEASE_LENGTH,
        ))
    }

    /// Stops the private one.
    pub fn close(self) -> Result<(), Failure> {
        self.private
            .map_or(Ok(()), |embedded| embedded.stop().map_err(Failure::from))
    }

    /// The same beside the runtime's other work, in a bounded time.
    async fn close_within(self, patience: Duration) -> Result<(), Failure> {
        let Some(embedded) = self.private else {
            return Ok(());
        };
        let stopping = tokio::task::spawn_blocking(move || embedded.stop_within(patience));
        let stopped = stopping.await;
        stopped
            .expect("stopping does not panic")
            .map_err(Failure::from)
    }

    /// Waits for the death of the private one.
    async fn died(&self) -> Failure {
        match &self.private {
            Some(embedded) => embedded.died().await.into(),
            None => std::future::pending().await,
        }
    }
}

/// The running product.
pub struct Host {
    database: Database,
    server: Server,
    authority: Option<Arc<Authority>>,
    key: Arc<audit::Key>,
}

impl Host {
    /// Starts everything.
    pub async fn start(
        storage: &Storage,
        listening: &Listening,
        guarding: &Guarding,
        clock: Clock,
    ) -> Result<Self, Failure> {
        let data = storage.data();
        fs::create_dir_all(&data).map_err(|error| Failure::Folder(data.clone(), error))?;
        let database = Database::ready(storage).await?;
        let (tls, authority) = tls(&data, listening)?;
        let providers = match &guarding.identity_providers {
            Some(file) => Providers::read(file)?,
            None => Providers::default(),
        };
        let signing = Signing {
            key: Arc::new(
                audit::Key::open_or_create(&data)
                    .map_err(|error| Failure::Folder(data.clone(), error))?,
            ),
            witness: guarding
                .witness
                .clone()
                .unwrap_or_else(|| data.join(WITNESS_FILE)),
            every: HEAD_EVERY,
        };
        let key = Arc::clone(&signing.key);
        let server = Server::start(Options {
            listen: listening.listen,
            tls,
            renewal: authority
                .as_ref()
                .map_or(Renewal::Elsewhere, |own| Renewal::Here(Arc::clone(own))),
            providers,
            database: database.serving.clone(),
            pools: PoolSizes::default(),
            clock,
            keys: keys(&data)?,
            gateway: Gateway::LogFile(data.join(NOTICES)),
            timing: Timing::default(),
            quotas: guarding.quotas(),
            lease_length: LEASE_LENGTH,
            #[cfg(debug_assertions)]
            checks: crate::edge::Checks::Hold,
            signing: Arc::new(signing),
        })
        .await?;
        Ok(Self {
            database,
            server,
            authority,
            key,
        })
    }

    /// Founds a head of the centre at this server's database, as its operator does.
    pub async fn found(&self, founder: Founder) -> Result<(), Failure> {
        administration::found(self.server.desk(), founder).await?;
        Ok(())
    }

    /// Looks at every district's stock now, as the server does every five minutes of real time.
    pub async fn look_at_stock(&self) -> Result<(), Failure> {
        Ok(chores::look_at_stock(self.server.desk()).await?)
    }

    /// The public statement of a district's day by the server's clock, with its signed text, as `ektp export statement`
    /// writes it; none of a day that has not begun.
    pub async fn statement(
        &self,
        asked: (District, Date),
    ) -> Result<Option<(Statement, String)>, Failure> {
        let mut connection = self.database.options.clone().connect().await?;
        let stated = proof::stated(&mut connection, asked, self.server.desk().now()).await?;
        Ok(stated.map(|statement| (statement, statement.signed(&self.key).0)))
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The authority made here; absent where the ministry's certificates are used.
    pub fn authority(&self) -> Option<&Authority> {
        self.authority.as_deref()
    }

    /// What verifies the heads of the audit log that are signed here.
    pub fn audit_key(&self) -> audit::PublicKey {
        self.key.public()
    }

    /// Waits until there is nothing left to stand on: the private Postgres has ended by itself.
    pub async fn fallen(&self) -> Failure {
        self.database.died().await
    }

    /// Drains the server, then stops the private database.
    pub async fn stop(self) -> Result<(), Failure> {
        let by = Instant::now() + STOPPED_WITHIN;
        self.server.drain().await;
        let left = by.saturating_duration_since(Instant::now());
        self.database
            .close_within(left.max(POSTGRES_STOP_MIN))
            .await
    }
}

/// The data folder's keys.
fn keys(data: &Path) -> Result<Arc<Keys>, Failure> {
    Keys::open_or_create(data)
        .map(Arc::new)
        .map_err(|error| Failure::Folder(data.to_owned(), error))
}

/// The data folder's own authority.
pub fn authority(data: &Path) -> Result<Authority, Failure> {
    let folder = data.join(CERTIFICATES);
    fs::create_dir_all(&folder).map_err(|error| Failure::Folder(folder.clone(), error))?;
    // Certificates live in real time, whatever the clock of the office shows.
    Ok(Authority::open_or_create(&folder, Clock::System.now())?)
}

fn tls(data: &Path, listening: &Listening) -> Result<(Tls, Option<Arc<Authority>>), Failure> {
    if let (Some(certificate), Some(key), Some(ca)) =
        (&listening.certificate, &listening.key, &listening.ca)
    {
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|error| Failure::Folder(path.to_owned(), error))
        };
        return Ok((
            Tls {
                certificate: read(certificate)?,
                key: read(key)?,
                ca: read(ca)?,
            },
            None,
        ));
    }
    let authority = authority(data)?;
    let identity = authority.server_identity(&listening.names, Clock::System.now())?;
    let tls = Tls {
        certificate: identity.certificate_pem,
        key: identity.key_pem,
        ca: authority.ca_pem().to_owned(),
    };
    Ok((tls, Some(Arc::new(authority))))
}
