//! What is measured: a private Postgres with full durability, people in the queues, and two servers over it, one as the
//! role that serves and one as the owner.

use std::sync::{Arc, atomic::AtomicI64};

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _, postgres::PgPoolOptions};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use uuid::Uuid;

use super::{Print, printer::Printer, report::Settings};
use crate::{
    areas,
    audit::{self, Signing},
    authority::{Authority, Renewal},
    caller::{Caller, Principal},
    cli::{
        Failure,
        demo::{folder::Folder, progress::Phase},
    },
    clock::Clock,
    db::{self, PoolSizes},
    embedded::{self, Durability, Embedded},
    feed::Timing,
    handover::Gateway,
    ids::District,
    openid::Providers,
    print_queue::LEASE_LENGTH,
    proto::print_queue_client::PrintQueueClient,
    quota::Quotas,
    seal::Keys,
    server::{Options, Server, Tls},
};

const DATABASE: &str = "bench";
/// Two servers with their pools, and the bench's own connection.
const CONNECTIONS_MAX: u32 = 60;
/// Blanks of a district begin here times its place.
const SERIALS_APART: i64 = 100_000_000;
/// Longer than any run.
const CERTIFICATE_VALID: time::Duration = time::Duration::days(1);

/// Everything that is measured.
pub struct Office {
    owner: sqlx::PgPool,
    walled: Server,
    above: Server,
    /// Each printer twice: over the walled server and over the other one.
    printers: Vec<[Printer; 2]>,
    embedded: Embedded,
    _folder: Folder,
}

/// One printer's papers.
struct Papers {
    principal: Principal,
    district: District,
    shift: Uuid,
    blanks: Arc<AtomicI64>,
}

impl Office {
    /// Starts and fills everything.
    pub async fn open(print: Print) -> Result<Self, Failure> {
        let phase = Phase::begin("a private database", 3);
        let folder = Folder::open(None)?;
        let embedded = Embedded::start(&embedded::Settings {
            data: folder.path.clone(),
            durability: Durability::Full,
            max_connections: CONNECTIONS_MAX,
        })?;
        let options = |database, role| embedded.connect_options(database, role);
        let mut maintenance =
            sqlx::ConnectOptions::connect(&options("postgres", embedded::OWNER)).await?;
        maintenance.execute("create database bench").await?;
        let owner_options = options(DATABASE, embedded::OWNER);
        db::migrate(&owner_options).await?;
        phase.advance(1);
        let authority = Authority::open_or_create(&folder.path, Clock::System.now())?;
        let keys = Arc::new(Keys::random());
        let mut servers = Vec::new();
        for role in [db::SERVE_ROLE, embedded::OWNER] {
            let gateway = folder.path.join("notices.log");
            servers.push(serve(&authority, options(DATABASE, role), &keys, gateway).await?);
        }
        let (Some(above), Some(walled)) = (servers.pop(), servers.pop()) else {
            return Err(Failure::Call("two servers were started".to_owned()));
        };
        phase.advance(1);
        let owner = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(owner_options)
            .await?;
        let mut db = owner.acquire().await?;
        let mut printers = Vec::new();
        for papers in seed(print, &mut db, &authority).await? {
            let (papers, identity) = papers;
            let over = |server: &Server| -> Result<Printer, Failure> {
                Ok(Printer {
                    client: PrintQueueClient::new(channel(server, &identity)?),
                    shift: papers
                        .shift
                        .to_string()
                        .parse()
                        .map_err(|_| Failure::Call("an id is plain text".to_owned()))?,
                    blanks: Arc::clone(&papers.blanks),
                    district: papers.district.number(),
                })
            };
            printers.push([over(&walled)?, over(&above)?]);
        }
        drop(db);
        phase.advance(1);
        phase.end(&format!(
            "{} districts with {} people each",
            print.districts,
            print.people_per_district()
        ));
        Ok(Self {
            owner,
            walled,
            above,
            printers,
            embedded,
            _folder: folder,
        })
    }

    /// The printers, over the server behind the walls or over the one above them.
    pub fn printers(&self, walls: bool) -> Vec<Printer> {
        let place = usize::from(!walls);
        self.printers
            .iter()
            .map(|both| both[place].clone())
            .collect()
    }

    /// Takes the audit rows out, or puts them back.
    pub async fn set_audit(&self, audit: bool) -> Result<(), Failure> {
        let is_out: bool = sqlx::Executor::fetch_one(
            &self.owner,
            "select to_regproc('ledger_append_whole') is not null",
        )
        .await?
        .try_get(0)?;
        match (audit, is_out) {
            (true, true) => self.owner.execute(include_str!("with_audit.sql")).await?,
            (false, false) => {
                self.owner
                    .execute(include_str!("without_audit.sql"))
                    .await?
            }
            (true, false) | (false, true) => return Ok(()),
        };
        Ok(())
    }

    /// How the database is set.
    pub async fn settings(&self) -> Result<Settings, Failure> {
        let row = self
            .owner
            .fetch_one(
                "select current_setting('server_version'), current_setting('fsync'),
                     current_setting('synchronous_commit'), current_setting('full_page_writes')",
            )
            .await?;
        Ok(Settings {
            postgres: row.try_get(0)?,
            fsync: row.try_get(1)?,
            synchronous_commit: row.try_get(2)?,
            full_page_writes: row.try_get(3)?,
        })
    }

    /// Stops everything.
    pub async fn close(self) -> Result<(), Failure> {
        self.owner.close().await;
        drop(self.printers);
        self.walled.drain().await;
        self.above.drain().await;
        Ok(self.embedded.stop()?)
    }
}

async fn serve(
    authority: &Authority,
    database: sqlx::postgres::PgConnectOptions,
    keys: &Arc<Keys>,
    notices: std::path::PathBuf,
) -> Result<Server, Failure> {
    let identity = authority.server_identity(&[], Clock::System.now())?;
    Ok(Server::start(Options {
        providers: Providers::default(),
        listen: ([127, 0, 0, 1], 0).into(),
        tls: Tls {
            certificate: identity.certificate_pem,
            key: identity.key_pem,
            ca: authority.ca_pem().to_owned(),
        },
        renewal: Renewal::Elsewhere,
        database,
        pools: PoolSizes::default(),
        clock: Clock::System,
        keys: Arc::clone(keys),
        signing: Arc::new(Signing {
            key: Arc::new(audit::Key::random()),
            witness: notices.with_file_name(audit::WITNESS_FILE),
            every: audit::HEAD_EVERY,
        }),
        gateway: Gateway::LogFile(notices),
        timing: Timing::default(),
        // A bench asks for more than an office may.
        quotas: Quotas::unlimited(),
        lease_length: LEASE_LENGTH,
        #[cfg(debug_assertions)]
        checks: crate::edge::Checks::Hold,
    })
    .await?)
}

type Signed = (Papers, crate::authority::Identity);

async fn seed(
    print: Print,
    db: &mut PgConnection,
    authority: &Authority,
) -> Result<Vec<Signed>, Failure> {
    let districts: Vec<District> = areas::districts()
        .take(usize::from(print.districts))
        .collect();
    let mut stores = Vec::new();
    for (district, place) in districts.iter().zip(1..) {
        let first = place * SERIALS_APART;
        let begin = format!(
            "begin; set local bench.district = '{}'; set local bench.subdistrict = '{}'; set local bench.people = '{}';
             set local bench.serial = '{first}'",
            district.number(),
            // Every district has a first subdistrict, whatever its name.
            district.number() * 100 + 1,
            print.people_per_district(),
        );
        db.execute(AssertSqlSafe(begin)).await?;
        db.execute(include_str!("seed.sql")).await?;
        db.execute("commit; analyze").await?;
        stores.push((*district, Arc::new(AtomicI64::new(first))));
    }
    let mut signed = Vec::new();
    for (number, (district, blanks)) in (1..=print.printers).zip(stores.iter().cycle()) {
        let principal: Principal =
            format!("ektp://district/{district}/site/office/terminal/{number}").parse()?;
        let identity =
            authority.terminal_identity(&principal, CERTIFICATE_VALID, Clock::System.now())?;
        let papers = Papers {
            principal,
            district: *district,
            shift: Uuid::new_v4(),
            blanks: Arc::clone(blanks),
        };
        open_shift(db, &papers, &identity.certificate_pem).await?;
        signed.push((papers, identity));
    }
    Ok(signed)
}

async fn open_shift(db: &mut PgConnection, papers: &Papers, pem: &str) -> Result<(), Failure> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes())
        .map_err(|error| Failure::Call(error.to_string()))?;
    let thumbprint = Caller::from_certificate(&pem.contents)
        .ok()
        .and_then(|caller| caller.certificate)
        .map(|certificate| certificate.thumbprint)
        .ok_or_else(|| Failure::Call("the certificate names nobody".to_owned()))?;
    let hex: String = thumbprint
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let begin = format!(
        "begin; set local bench.officer = '{}'; set local bench.shift = '{}'; set local bench.district = '{}';
         set local bench.terminal = '{}'; set local bench.thumbprint = '{hex}'",
        Uuid::now_v7(),
        papers.shift,
        papers.district.number(),
        papers.principal,
    );
    db.execute(AssertSqlSafe(begin)).await?;
    db.execute(include_str!("officer.sql")).await?;
    db.execute("commit").await?;
    Ok(())
}

fn channel(server: &Server, identity: &crate::authority::Identity) -> Result<Channel, Failure> {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&identity.ca_pem))
        .identity(Identity::from_pem(
            &identity.certificate_pem,
            &identity.key_pem,
        ))
        .domain_name("localhost");
    Endpoint::from_shared(format!("https://{}", server.address()))
        .and_then(|endpoint| endpoint.tls_config(tls))
        .map(|endpoint| endpoint.tcp_nodelay(true).connect_lazy())
        .map_err(|error| Failure::Call(error.to_string()))
}
