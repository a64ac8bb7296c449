//! A test's own office: its database, its real server on port 0, its clock, and clients with certificates.
//!
//! Everything goes over mutual TLS through the generated clients. `sql` is for what no client can do: making a lease run
//! out without waiting, or looking into a table.

mod lines;

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use ektp::{
    audit::{self, Signing},
    authority::{self, Authority, Renewal},
    clock::{Clock, SimulatedClock},
    db::{self, PoolSizes},
    edge::Checks,
    embedded,
    feed::Timing,
    handover::Gateway,
    openid::Providers,
    print_queue::LEASE_LENGTH,
    proto::{
        administration_client::AdministrationClient, handover_client::HandoverClient,
        inventory_client::InventoryClient, print_queue_client::PrintQueueClient,
        registration_client::RegistrationClient,
    },
    quota::Quotas,
    seal::Keys,
    server::{Options, Server, Tls},
};
use sqlx::{
    ConnectOptions as _, Connection as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use time::macros::datetime;
use uuid::Uuid;

use super::{
    Folder,
    cluster::{self, TestDatabase},
    logs,
    officers::Line,
};

/// Eight o'clock in Kota Pasuruan on the day after the blanks came.
pub const MORNING: time::OffsetDateTime = datetime!(2017-04-18 01:00 UTC);

/// Longer than any test.
const HEADS_BY_HAND: Duration = Duration::from_secs(86_400);

/// One authority for all tests of a process: making a key takes longer than a test's calls.
static AUTHORITY: LazyLock<(Arc<Authority>, Folder)> = LazyLock::new(|| {
    let folder = Folder::new();
    let authority = Authority::open_or_create(folder.path(), Clock::System.now())
        .expect("the authority can be made");
    (Arc::new(authority), folder)
});

/// The authority of all tests.
pub fn authority() -> &'static Authority {
    &AUTHORITY.0
}

/// One test's office.
pub struct Office {
    /// The office's clock, moved by hand.
    pub clock: SimulatedClock,
    /// The test's own look into the database.
    pub sql: PgPool,
    servers: Vec<Server>,
    quotas: Quotas,
    pools: PoolSizes,
    lease_length: Duration,
    /// Who else proves officers, at servers that are added from now on.
    pub providers: Providers,
    keys: Arc<Keys>,
    identities: Mutex<HashMap<String, Arc<authority::Identity>>>,
    shifts: tokio::sync::Mutex<HashMap<String, Uuid>>,
    held_by: HeldBy,
    /// Heads of the audit log are made when a test asks for one; all servers share the key and the file.
    pub signing: Arc<Signing>,
    folder: Folder,
    // Last, so that it is dropped when nothing uses it any more.
    database: TestDatabase,
}

/// What keeps the districts apart in an office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldBy {
    /// The application's checks, and the database's walls below them: as everywhere.
    Both,
    /// The walls alone: the checks believe what they are told.
    WallsAlone,
    /// Both, and the database belongs to a role that is no superuser.
    BothOfPlainOwner,
    /// The checks alone: the server is the database's superuser.
    ChecksAlone,
}

impl HeldBy {
    fn role(self) -> &'static str {
        match self {
            Self::Both | Self::BothOfPlainOwner | Self::WallsAlone => db::SERVE_ROLE,
            Self::ChecksAlone => embedded::OWNER,
        }
    }

    fn checks(self) -> Checks {
        match self {
            Self::WallsAlone => Checks::Fooled,
            Self::Both | Self::BothOfPlainOwner | Self::ChecksAlone => Checks::Hold,
        }
    }

    async fn database(self) -> TestDatabase {
        match self {
            Self::Both | Self::WallsAlone | Self::ChecksAlone => {
                cluster::database("migrated", async |options| {
                    db::migrate(&options).await.expect("the migrations apply");
                })
                .await
            }
            Self::BothOfPlainOwner => cluster::database("migrated_plainly", migrate_plainly).await,
        }
    }
}

/// One caller's clients over one connection.
#[derive(Clone)]
pub struct Client {
    pub registration: RegistrationClient<Line>,
    pub print_queue: PrintQueueClient<Line>,
    pub inventory: InventoryClient<Line>,
    pub handover: HandoverClient<Line>,
    pub administration: AdministrationClient<Line>,
    pub channel: Line,
}

impl Client {
    /// The clients over a connection.
    pub fn over(channel: Line) -> Self {
        Self {
            registration: RegistrationClient::new(channel.clone()),
            print_queue: PrintQueueClient::new(channel.clone()),
            inventory: InventoryClient::new(channel.clone()),
            handover: HandoverClient::new(channel.clone()),
            administration: AdministrationClient::new(channel.clone()),
            channel,
        }
    }
}

impl Office {
    /// An office with one server.
    pub async fn open() -> Self {
        Self::open_with(Timing::default()).await
    }

    /// An office whose streams have other times.
    pub async fn open_with(timing: Timing) -> Self {
        Self::open_in(timing, Quotas::default(), HeldBy::Both).await
    }

    /// An office whose officers may read or write less.
    pub async fn open_as(timing: Timing, quotas: Quotas) -> Self {
        Self::open_in(timing, quotas, HeldBy::Both).await
    }

    /// An office in which only one of the two holds.
    pub async fn open_held(timing: Timing, held_by: HeldBy) -> Self {
        Self::open_in(timing, Quotas::default(), held_by).await
    }

    /// An office whose printers' leases run out after so long.
    pub async fn open_leasing_for(lease_length: Duration) -> Self {
        Self::open_whole(
            Timing::default(),
            Quotas::unlimited(),
            HeldBy::Both,
            (lease_length, PoolSizes::default()),
        )
        .await
    }

    /// The same over one connection for all acts and one for all reads.
    pub async fn open_narrow(lease_length: Duration) -> Self {
        Self::open_whole(
            Timing::default(),
            Quotas::unlimited(),
            HeldBy::Both,
            (lease_length, PoolSizes { acts: 1, reads: 1 }),
        )
        .await
    }

    async fn open_in(timing: Timing, quotas: Quotas, held_by: HeldBy) -> Self {
        Self::open_whole(
            timing,
            quotas,
            held_by,
            (LEASE_LENGTH, PoolSizes::default()),
        )
        .await
    }

    async fn open_whole(
        timing: Timing,
        quotas: Quotas,
        held_by: HeldBy,
        (lease_length, pools): (Duration, PoolSizes),
    ) -> Self {
        logs();
        let database = held_by.database().await;
        let sql = PgPoolOptions::new()
            .max_connections(4)
            .connect_lazy_with(database.options());
        let folder = Folder::new();
        let mut office = Self {
            clock: SimulatedClock::new(MORNING),
            sql,
            servers: Vec::new(),
            quotas,
            pools,
            lease_length,
            providers: Providers::default(),
            keys: Arc::new(Keys::random()),
            identities: Mutex::default(),
            shifts: tokio::sync::Mutex::default(),
            held_by,
            signing: Arc::new(Signing {
                key: Arc::new(audit::Key::random()),
                witness: folder.join(audit::WITNESS_FILE),
                every: HEADS_BY_HAND,
            }),
            folder,
            database,
        };
        office.add_server(timing).await;
        office
    }

    /// Starts one more server over the same database; answers its number.
    pub async fn add_server(&mut self, timing: Timing) -> usize {
        let identity = authority()
            .server_identity(&[], Clock::System.now())
            .expect("the authority signs");
        let server = Server::start(Options {
            listen: ([127, 0, 0, 1], 0).into(),
            tls: Tls {
                certificate: identity.certificate_pem,
                key: identity.key_pem,
                ca: authority().ca_pem().to_owned(),
            },
            renewal: Renewal::Here(Arc::clone(&AUTHORITY.0)),
            providers: self.providers.clone(),
            database: self.database.options_of(self.held_by.role()),
            pools: self.pools,
            clock: Clock::Simulated(self.clock.clone()),
            keys: Arc::clone(&self.keys),
            gateway: Gateway::LogFile(self.folder.join("notices.log")),
            timing,
            quotas: self.quotas,
            lease_length: self.lease_length,
            checks: self.held_by.checks(),
            signing: Arc::clone(&self.signing),
        })
        .await
        .expect("the server starts");
        self.servers.push(server);
        self.servers.len() - 1
    }

    /// How to reach the office's database as a role.
    pub fn database_as(&self, role: &str) -> PgConnectOptions {
        self.database.options_of(role)
    }

    /// The n-th server.
    pub fn server(&self, number: usize) -> &Server {
        &self.servers[number]
    }

    /// Takes the n-th server away, to drain it.
    pub fn take_server(&mut self, number: usize) -> Server {
        self.servers.remove(number)
    }

    /// Where notices are written.
    pub fn notices(&self) -> std::path::PathBuf {
        self.folder.join("notices.log")
    }

    /// A district's terminal, e.g. "35.75/office/1" or "35.75/35.75.02/1".
    pub async fn terminal(&self, place: &str) -> Client {
        let parts: Vec<&str> = place.split('/').collect();
        let [district, site, number] = parts[..] else {
            panic!("{place} is not <district>/<site>/<number>")
        };
        self.client(
            0,
            &format!("ektp://district/{district}/site/{site}/terminal/{number}"),
        )
        .await
    }

    /// A machine of the centre: matcher, store, printer or policy.
    pub async fn centre(&self, role: &str) -> Client {
        self.client(0, &format!("ektp://centre/{role}")).await
    }
}

/// Migrates as an owner who is nothing else.
async fn migrate_plainly(options: PgConnectOptions) {
    let mut admin = options.connect().await.expect("the new database answers");
    sqlx::raw_sql(
        "drop role if exists ektp_plain_owner; create role ektp_plain_owner login;
         do $$ begin execute format('alter database %I owner to ektp_plain_owner', current_database()); end $$;",
    )
    .execute(&mut admin)
    .await
    .expect("the superuser may");
    admin.close().await.expect("nothing is under way");
    db::migrate(&options.username("ektp_plain_owner"))
        .await
        .expect("the migrations apply");
}

/// A new request id.
pub fn request_id() -> String {
    Uuid::new_v4().to_string()
}

/// The reason in a refused call's ErrorInfo.
pub fn reason(status: &tonic::Status) -> String {
    tonic_types::StatusExt::get_details_error_info(status)
        .map(|info| info.reason)
        .unwrap_or_default()
}

/// The field paths of a refused call's violations.
pub fn violated_fields(status: &tonic::Status) -> Vec<String> {
    tonic_types::StatusExt::get_details_bad_request(status)
        .map(|request| {
            request
                .field_violations
                .into_iter()
                .map(|violation| violation.field)
                .collect()
        })
        .unwrap_or_default()
}
