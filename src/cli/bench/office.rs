//! What is measured: districts with people in their queues, printers with blanks, certificates and officers at work, and
//! servers over them.
//!
//! What is easily got wrong: each printer takes its blanks from a run of its own, so that all who take turns in one bench
//! (the server, the replay of its statements) find the stock in the same pieces.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, PgPool, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use uuid::Uuid;

use super::{home::Home, printer::Printer};
use crate::{
    areas,
    audit::{self, Signing},
    authority::{self, Authority, Renewal},
    caller::{Caller, Principal},
    cli::Failure,
    clock::Clock,
    db::PoolSizes,
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

/// Blanks of one printer: more than it prints in any run.
const BLANKS: i64 = 5_000_000;
/// The printers' runs do not touch, or the stock would join them.
const BLANKS_APART: i64 = 10_000_000;
/// Longer than any run.
const CERTIFICATE_VALID: time::Duration = time::Duration::days(1);

/// How much is there.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub printers: u16,
    pub districts: u16,
}

/// Everything that is measured, except the servers.
pub struct Office {
    home: Home,
    owner: PgPool,
    authority: Authority,
    keys: Arc<Keys>,
    districts: Vec<District>,
    posts: Vec<Post>,
    /// How many people were ever queued in each district.
    queued: AtomicI64,
}

/// One printer's place, whichever server it calls.
pub struct Post {
    pub principal: Principal,
    pub identity: authority::Identity,
    pub district: District,
    pub shift: Uuid,
    /// The next blank of its own run.
    pub blanks: Arc<AtomicI64>,
}

impl Office {
    /// Opens offices in a migrated database; their queues are empty.
    pub async fn open(home: Home, size: Size) -> Result<Self, Failure> {
        match Self::furnish(&home, size).await {
            Ok((owner, authority, districts, posts)) => Ok(Self {
                home,
                owner,
                authority,
                keys: Arc::new(Keys::random()),
                districts,
                posts,
                queued: AtomicI64::new(0),
            }),
            Err(failure) => {
                home.close().await?;
                Err(failure)
            }
        }
    }

    async fn furnish(
        home: &Home,
        size: Size,
    ) -> Result<(PgPool, Authority, Vec<District>, Vec<Post>), Failure> {
        let authority = Authority::open_or_create(home.folder(), Clock::System.now())?;
        let owner = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(home.owner().clone().disable_statement_logging())
            .await?;
        let districts: Vec<District> = areas::districts()
            .take(usize::from(size.districts))
            .collect();
        let mut db = owner.acquire().await?;
        let mut posts = Vec::new();
        for (number, district) in (1..=size.printers).zip(districts.iter().cycle()) {
            let post = Post::open(number, *district, &authority)?;
            post.furnish(&mut db).await?;
            posts.push(post);
        }
        drop(db);
        Ok((owner, authority, districts, posts))
    }

    /// The database's place.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The owner's session, for what stands outside of the measurement.
    pub fn owner(&self) -> &PgPool {
        &self.owner
    }

    /// How many districts there are.
    pub fn districts(&self) -> usize {
        self.districts.len()
    }

    /// Fills every district's queue up to so many people.
    pub async fn queue_people(&self, wanted: i64) -> Result<(), Failure> {
        let mut db = self.owner.acquire().await?;
        for district in &self.districts {
            let count = format!(
                "select count(*) from print_request where district = {} and state = 'QUEUED'",
                district.number()
            );
            let there: i64 = db.fetch_one(AssertSqlSafe(count)).await?.try_get(0)?;
            if there >= wanted {
                continue;
            }
            let begin = format!(
                "begin; set local bench.district = '{}'; set local bench.subdistrict = '{}'; set local bench.people = '{}';
                 set local bench.before = '{}'",
                district.number(),
                // Every district has a first subdistrict, whatever its name.
                district.number() * 100 + 1,
                wanted - there,
                self.queued.fetch_add(wanted - there, Ordering::Relaxed),
            );
            db.execute(AssertSqlSafe(begin)).await?;
            db.execute(include_str!("seed.sql")).await?;
            db.execute("commit").await?;
        }
        db.execute(
            "analyze resident, resident_nik, enrolment, print_ready, print_request, request_stage, custody, card",
        )
        .await?;
        // What was just written is not to be flushed in somebody's round. Only some roles may ask for it.
        if let Err(error) = db.execute("checkpoint").await {
            tracing::debug!(%error, "no checkpoint before the round");
        }
        Ok(())
    }

    /// The printers' places.
    pub fn posts(&self) -> &[Post] {
        &self.posts
    }

    /// A server over this database, as this session.
    pub async fn serve(&self, database: PgConnectOptions) -> Result<Server, Failure> {
        let identity = self.authority.server_identity(&[], Clock::System.now())?;
        let folder = self.home.folder();
        Ok(Server::start(Options {
            providers: Providers::default(),
            listen: ([127, 0, 0, 1], 0).into(),
            tls: Tls {
                certificate: identity.certificate_pem,
                key: identity.key_pem,
                ca: self.authority.ca_pem().to_owned(),
            },
            renewal: Renewal::Elsewhere,
            database,
            pools: PoolSizes::default(),
            clock: Clock::System,
            keys: Arc::clone(&self.keys),
            signing: Arc::new(Signing {
                key: Arc::new(audit::Key::random()),
                witness: folder.join(audit::WITNESS_FILE),
                every: audit::HEAD_EVERY,
            }),
            gateway: Gateway::LogFile(folder.join("notices.log")),
            timing: Timing::default(),
            // A bench asks for more than an office may.
            quotas: Quotas::unlimited(),
            lease_length: LEASE_LENGTH,
            #[cfg(debug_assertions)]
            checks: crate::edge::Checks::Hold,
        })
        .await?)
    }

    /// The printers, with a connection each to this server.
    pub fn printers(&self, server: &Server) -> Result<Vec<Printer>, Failure> {
        let printer = |post: &Post| -> Result<Printer, Failure> {
            Ok(Printer {
                client: PrintQueueClient::new(post.connect(server)?),
                shift: post
                    .shift
                    .to_string()
                    .parse()
                    .map_err(|_| Failure::Call("an id is plain text".to_owned()))?,
                blanks: Arc::clone(&post.blanks),
                district: post.district.number(),
                deadline: None,
            })
        };
        self.posts.iter().map(printer).collect()
    }

    /// Leaves nothing behind.
    pub async fn close(self) -> Result<(), Failure> {
        self.owner.close().await;
        self.home.close().await
    }
}

impl Post {
    fn open(number: u16, district: District, authority: &Authority) -> Result<Self, Failure> {
        let principal: Principal =
            format!("ektp://district/{district}/site/office/terminal/{number}").parse()?;
        let identity =
            authority.terminal_identity(&principal, CERTIFICATE_VALID, Clock::System.now())?;
        Ok(Self {
            principal,
            identity,
            district,
            shift: Uuid::new_v4(),
            blanks: Arc::new(AtomicI64::new(i64::from(number) * BLANKS_APART)),
        })
    }

    /// Its blanks, and its officer with an open shift.
    async fn furnish(&self, db: &mut PgConnection) -> Result<(), Failure> {
        let (_, pem) = x509_parser::pem::parse_x509_pem(self.identity.certificate_pem.as_bytes())
            .map_err(|error| Failure::Call(error.to_string()))?;
        let thumbprint = Caller::from_certificate(&pem.contents)
            .ok()
            .and_then(|caller| caller.certificate)
            .map(|certificate| certificate.thumbprint)
            .ok_or_else(|| Failure::Call("the certificate names nobody".to_owned()))?;
        let begin = format!(
            "begin; set local bench.officer = '{}'; set local bench.shift = '{}'; set local bench.district = '{}';
             set local bench.terminal = '{}'; set local bench.thumbprint = '{}'; set local bench.serial = '{}';
             set local bench.blanks = '{BLANKS}'",
            Uuid::now_v7(),
            self.shift,
            self.district.number(),
            self.principal,
            crate::hex::encode(&thumbprint),
            self.blanks.load(Ordering::Relaxed),
        );
        db.execute(AssertSqlSafe(begin)).await?;
        db.execute(include_str!("officer.sql")).await?;
        db.execute(include_str!("blanks.sql")).await?;
        db.execute("commit").await?;
        Ok(())
    }

    /// A connection of its own, with its certificate.
    pub fn connect(&self, server: &Server) -> Result<Channel, Failure> {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.identity.ca_pem))
            .identity(Identity::from_pem(
                &self.identity.certificate_pem,
                &self.identity.key_pem,
            ))
            .domain_name("localhost");
        Endpoint::from_shared(format!("https://{}", server.address()))
            .and_then(|endpoint| endpoint.tls_config(tls))
            .map(|endpoint| endpoint.tcp_nodelay(true).connect_lazy())
            .map_err(|error| Failure::Call(error.to_string()))
    }
}
