//! What burns: a Postgres of the test's own, two servers that are programs over it, and a third one inside the test, whose
//! streams may have other times.
//!
//! What is easily got wrong: the sealing keys and the authority lie in one folder that all three share, for a token of one
//! server must be good at the next; and Postgres has another folder, because a program that is told its database does not
//! own one.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use ektp::{
    audit::{self, Signing},
    authority::{Authority, Identity, Renewal},
    caller::{OfficerRole, Principal},
    clock::Clock,
    db::{self, PoolSizes},
    edge::Checks,
    embedded::{self, Durability, Embedded, Settings},
    feed::Timing,
    handover::Gateway,
    openid::Providers,
    print_queue::LEASE_LENGTH,
    quota::Quotas,
    seal::Keys,
    server::{Options, Server, Tls},
};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool, postgres::PgConnectOptions,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::{Duration, interval, timeout},
};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use crate::support::{
    Folder, logs,
    officers::{self, Line, OnShift},
};

/// For a start with everything, and for a recovery, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// How often what is down is tried again.
pub const RETRY_EVERY: Duration = Duration::from_millis(50);
/// A connection that cannot be had within this is tried elsewhere.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Three servers of twelve and their bells, the writers, and those who look.
const CONNECTIONS: u32 = 100;
/// Longer than any fire.
const HEADS_BY_HAND: Duration = Duration::from_secs(86_400);
/// The programs.
pub const PROGRAMS: usize = 2;

/// The test's own Postgres.
pub struct Postgres {
    settings: Settings,
    running: Option<Embedded>,
    socket: PathBuf,
}

impl Postgres {
    async fn start(data: PathBuf) -> Self {
        let settings = Settings {
            data,
            // What was acknowledged must be there after a kill.
            durability: Durability::Full,
            max_connections: CONNECTIONS,
        };
        let running = launch(settings.clone()).await;
        Self {
            socket: running.socket_folder().to_owned(),
            running: Some(running),
            settings,
        }
    }

    /// How to reach a database as a role.
    pub fn options(&self, database: &str, role: &str) -> PgConnectOptions {
        embedded::connect_options(&self.socket, database, role).disable_statement_logging()
    }

    /// A session of the owner, as soon as Postgres lets us in.
    pub async fn session(&self, database: &str) -> PgConnection {
        session(&self.options(database, embedded::OWNER)).await
    }

    fn postmaster(&self) -> Pid {
        let file = self.settings.data.join("postgres/postmaster.pid");
        let status = fs::read_to_string(file).expect("Postgres runs");
        let number = status.lines().next().expect("a process number").trim();
        Pid::from_raw(number.parse().expect("a number"))
    }

    /// SIGKILL: no flush, no farewell. Then it is started again and recovers.
    pub async fn kill_and_start(&mut self) {
        send(self.postmaster(), Signal::SIGKILL);
        let killed = self.running.take().expect("it ran");
        tokio::task::spawn_blocking(move || killed.stop())
            .await
            .expect("stopping does not panic")
            .expect("what is dead has stopped");
        self.running = Some(launch(self.settings.clone()).await);
    }

    /// Stops every process of it where it stands, as a machine does that hangs.
    pub async fn freeze(&self, session: &mut PgConnection) -> Frozen {
        let postmaster = self.postmaster();
        // First, so that no further process comes to be.
        send(postmaster, Signal::SIGSTOP);
        let numbers: Vec<i32> =
            sqlx::query_scalar("select pid from pg_stat_activity order by pid = pg_backend_pid()")
                .fetch_all(session)
                .await
                .expect("our session is not frozen yet");
        let mut pids = vec![postmaster];
        for pid in numbers.into_iter().map(Pid::from_raw) {
            // One that has ended meanwhile needs no stop.
            if signal::kill(pid, Signal::SIGSTOP).is_ok() {
                pids.push(pid);
            }
        }
        Frozen(pids)
    }
}

/// Processes that stand still until this is dropped.
pub struct Frozen(Vec<Pid>);

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            // One that was killed meanwhile goes on nowhere.
            let _ = signal::kill(*pid, Signal::SIGCONT);
        }
    }
}

async fn launch(settings: Settings) -> Embedded {
    tokio::task::spawn_blocking(move || Embedded::start(&settings))
        .await
        .expect("starting does not panic")
        .expect("Postgres starts")
}

/// A session, tried until there is one.
pub async fn session(options: &PgConnectOptions) -> PgConnection {
    let mut ticks = interval(RETRY_EVERY);
    let trying = async {
        loop {
            ticks.tick().await;
            if let Ok(session) = PgConnection::connect_with(options).await {
                return session;
            }
        }
    };
    timeout(PATIENCE, trying)
        .await
        .expect("Postgres lets us in")
}

pub fn send(process: Pid, signal: Signal) {
    signal::kill(process, signal).expect("the process is of this test");
}

/// `ektp serve` as a process.
pub struct Program {
    child: Child,
    data: PathBuf,
    database: String,
    pub address: SocketAddr,
}

impl Program {
    async fn start(data: &Path, database: &str, listen: &str) -> Self {
        let (child, address) = serve(data, database, listen).await;
        Self {
            child,
            data: data.to_owned(),
            database: database.to_owned(),
            address,
        }
    }

    /// SIGKILL, and once more at the same address.
    pub async fn kill_and_start(&mut self) {
        self.child.kill().await.expect("it is our child");
        let listen = self.address.to_string();
        (self.child, _) = serve(&self.data, &self.database, &listen).await;
    }

    /// A program that stands still until the answer is dropped.
    pub fn freeze(&self) -> Frozen {
        let id = self.child.id().expect("it runs");
        let pid = Pid::from_raw(i32::try_from(id).expect("a process number"));
        send(pid, Signal::SIGSTOP);
        Frozen(vec![pid])
    }
}

async fn serve(data: &Path, database: &str, listen: &str) -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ektp"))
        .args(["serve", "--listen", listen, "--data"])
        .arg(data)
        .env("DATABASE_URL", database)
        .env(
            "EKTP_LOG",
            std::env::var("EKTP_LOG").unwrap_or_else(|_| "off".to_owned()),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let hearing = async {
        while let Some(line) = lines.next_line().await.expect("lines of text") {
            if let Some(address) = line.strip_prefix("ektp serves on https://") {
                return address.parse().expect("an address");
            }
        }
        panic!("the program ended without serving");
    };
    let address = timeout(PATIENCE, hearing)
        .await
        .expect("the program serves in time");
    // Its further words must not find a closed pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, address)
}

/// Certificates for all who come.
pub struct Certificates(Authority);

impl Certificates {
    /// The certificate of a principal.
    pub fn identity(&self, principal: &str) -> Identity {
        let principal: Principal = principal.parse().expect("a principal");
        self.0
            .terminal_identity(&principal, time::Duration::hours(12), Clock::System.now())
            .expect("the authority signs")
    }

    /// The way to an address with a certificate.
    pub fn endpoint(&self, address: SocketAddr, identity: &Identity) -> Endpoint {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(self.0.ca_pem()))
            .identity(tonic::transport::Identity::from_pem(
                &identity.certificate_pem,
                &identity.key_pem,
            ))
            .domain_name("localhost");
        Endpoint::from_shared(format!("https://{address}"))
            .and_then(|endpoint| endpoint.tls_config(tls))
            .expect("the address is one")
            .connect_timeout(CONNECT_TIMEOUT)
    }

    /// An officer who may do everything at the principal's place, and comes to work on this certificate.
    pub async fn shift(sql: &PgPool, principal: &str, identity: &Identity) -> OnShift {
        let roles: &[OfficerRole] = &officers::ALL_BUT_CONTRACTOR;
        OnShift(if officers::is_staffed(principal) {
            Some(officers::open_shift(sql, &identity.certificate_pem, roles).await)
        } else {
            None
        })
    }

    /// A line to each address for one principal with an officer; the line is made anew by itself when it breaks.
    pub async fn lines(&self, sql: &PgPool, principal: &str, to: &[SocketAddr]) -> Vec<Line> {
        let identity = self.identity(principal);
        let shift = Self::shift(sql, principal, &identity).await;
        let line = |address: &SocketAddr| {
            let channel = self.endpoint(*address, &identity).connect_lazy();
            Line::new(channel, shift.clone())
        };
        to.iter().map(line).collect()
    }
}

/// All of it.
pub struct World {
    pub programs: Vec<Program>,
    /// The server inside the test.
    pub inside: Server,
    pub certificates: Arc<Certificates>,
    pub postgres: Postgres,
    // Last, so that it goes when nothing stands in it any more.
    _folder: Folder,
}

impl World {
    /// Starts everything; `timing` is that of the server inside.
    pub async fn start(timing: Timing, programs: usize) -> Self {
        logs();
        let folder = Folder::new();
        let postgres = Postgres::start(folder.join("database")).await;
        let mut admin = postgres.session("postgres").await;
        sqlx::raw_sql("create database ektp")
            .execute(&mut admin)
            .await
            .expect("the cluster is new");
        db::migrate(&postgres.options("ektp", embedded::OWNER))
            .await
            .expect("the migrations apply");
        let data = folder.join("office");
        let authority = data.join("certificates");
        fs::create_dir_all(&authority).expect("the folder is ours");
        let authority = Authority::open_or_create(&authority, Clock::System.now());
        let authority = Arc::new(authority.expect("the authority can be made"));
        let serving = postgres.options("ektp", db::SERVE_ROLE);
        let inside = inside(&data, &authority, serving.clone(), timing).await;
        let url = serving.to_url_lossy();
        let mut running = Vec::new();
        for _ in 0..programs {
            running.push(Program::start(&data, url.as_str(), "127.0.0.1:0").await);
        }
        let certificates =
            Authority::open_or_create(&data.join("certificates"), Clock::System.now());
        Self {
            programs: running,
            inside,
            certificates: Arc::new(Certificates(certificates.expect("it was made above"))),
            postgres,
            _folder: folder,
        }
    }

    /// Where all servers are: the programs, then the one inside.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let programs = self.programs.iter().map(|program| program.address);
        programs.chain([self.inside.address()]).collect()
    }

    /// The test's own look into the tables, until Postgres is killed.
    pub fn sql(&self) -> PgPool {
        PgPool::connect_lazy_with(self.postgres.options("ektp", embedded::OWNER))
    }
}

/// The server inside the test.
async fn inside(
    data: &Path,
    authority: &Arc<Authority>,
    database: PgConnectOptions,
    timing: Timing,
) -> Server {
    let identity = authority
        .server_identity(&[], Clock::System.now())
        .expect("the authority signs");
    Server::start(Options {
        listen: ([127, 0, 0, 1], 0).into(),
        tls: Tls {
            certificate: identity.certificate_pem,
            key: identity.key_pem,
            ca: authority.ca_pem().to_owned(),
        },
        renewal: Renewal::Here(Arc::clone(authority)),
        providers: Providers::default(),
        database,
        pools: PoolSizes::default(),
        clock: Clock::System,
        keys: Arc::new(Keys::open_or_create(data).expect("the folder is ours")),
        gateway: Gateway::LogFile(data.join("notices.log")),
        timing,
        quotas: Quotas::unlimited(),
        lease_length: LEASE_LENGTH,
        checks: Checks::Hold,
        signing: Arc::new(Signing {
            key: Arc::new(audit::Key::open_or_create(data).expect("the folder is ours")),
            witness: data.join(audit::WITNESS_FILE),
            every: HEADS_BY_HAND,
        }),
    })
    .await
    .expect("the server starts")
}
