//! A tap in the line between a server and its database: it hands on every byte and notes the statements.
//!
//! It needs no right in the database and no file of its server, so it works with any. What is easily got wrong: a round trip
//! is a wait of the client's (Sync, or a simple query), not a statement; one that has to be prepared costs two.

use std::{
    collections::HashMap,
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixListener, UnixStream},
    task::JoinSet,
};

use super::messages::{self, Answered, Sent, Value};
use crate::cli::Failure;

/// Names the socket's file.
const PORT: u16 = 5432;
/// How much is carried at once.
const CARRIED: usize = 64 * 1024;
/// No client names a statement so.
const SIMPLE: &str = "simple query";
/// Sessions at once: those of one server.
const SESSIONS_MAX: usize = 64;

/// One statement that was sent.
#[derive(Debug, Clone, Default)]
pub struct Statement {
    pub sql: String,
    /// Sent as a simple query: it may hold several statements and has no parameters.
    pub is_simple: bool,
    pub types: Vec<u32>,
    pub values: Vec<Value>,
    pub columns: Vec<(String, u32)>,
    pub rows: Vec<Vec<Value>>,
    /// How often the client waited for it.
    pub round_trips: usize,
}

/// What is sent to see whether a session lives: a wait for nothing.
pub const PING: &str = "(ping)";

/// What one session sent, in its order.
#[derive(Debug, Default)]
pub struct Session {
    /// Its settings, as libpq's variable PGOPTIONS has them.
    pub options: String,
    pub statements: Vec<Statement>,
    prepared: HashMap<String, Statement>,
    /// The statement prepared last, whose types and columns come next.
    preparing: String,
    waiting: Waiting,
    /// How often the client waited to have the next statement prepared.
    preparations: usize,
}

/// What the next wait is for.
#[derive(Debug, Default)]
enum Waiting {
    #[default]
    Nothing,
    Preparation,
    Execution,
}

impl Session {
    fn note_sent(&mut self, sent: Sent) {
        match sent {
            Sent::Startup { options } => self.options = options,
            Sent::Parse { name, sql } => {
                let statement = Statement {
                    sql,
                    ..Statement::default()
                };
                self.prepared.insert(name.clone(), statement);
                self.preparing = name;
                self.waiting = Waiting::Preparation;
            }
            Sent::Bind { name, values } => {
                let mut statement = self.prepared.get(&name).cloned().unwrap_or_default();
                statement.values = values;
                statement.round_trips = std::mem::take(&mut self.preparations);
                self.statements.push(statement);
                self.waiting = Waiting::Execution;
            }
            Sent::Query { sql } => {
                // The columns that come now, in text, are of no prepared statement.
                self.preparing = SIMPLE.to_owned();
                self.statements.push(Statement {
                    sql,
                    is_simple: true,
                    round_trips: 1,
                    ..Statement::default()
                });
            }
            Sent::Sync => self.note_wait(),
            Sent::Other => {}
        }
    }

    fn note_wait(&mut self) {
        match std::mem::take(&mut self.waiting) {
            Waiting::Preparation => self.preparations += 1,
            Waiting::Execution => {
                if let Some(statement) = self.statements.last_mut() {
                    statement.round_trips += 1;
                }
            }
            Waiting::Nothing => self.statements.push(Statement {
                sql: PING.to_owned(),
                is_simple: true,
                round_trips: 1,
                ..Statement::default()
            }),
        }
    }

    fn note_answered(&mut self, answered: Answered) {
        match answered {
            Answered::Parameters { types } => {
                if let Some(statement) = self.prepared.get_mut(&self.preparing) {
                    statement.types = types;
                }
            }
            Answered::Columns { columns } => {
                if let Some(statement) = self.prepared.get_mut(&self.preparing) {
                    statement.columns = columns;
                }
            }
            Answered::Row { values } => {
                if let Some(statement) = self.statements.last_mut() {
                    statement.rows.push(values);
                }
            }
            Answered::Other => {}
        }
    }
}

type Sessions = Arc<Mutex<Vec<Session>>>;

/// The tap; it is taken out when dropped.
pub struct Tap {
    sessions: Sessions,
    folder: PathBuf,
    _tasks: JoinSet<()>,
}

impl Tap {
    /// Taps the line to a database; its socket is in a folder that only we may enter.
    pub fn open(folder: &Path, database: &PgConnectOptions) -> Result<Self, Failure> {
        let folder = folder.join("tap");
        let failed = |error| Failure::Folder(folder.clone(), error);
        fs::create_dir(&folder).map_err(failed)?;
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).map_err(failed)?;
        let socket = folder.join(format!(".s.PGSQL.{PORT}"));
        let listener = UnixListener::bind(&socket).map_err(failed)?;
        let sessions = Sessions::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(listener, database.clone(), Arc::clone(&sessions)));
        Ok(Self {
            sessions,
            folder,
            _tasks: tasks,
        })
    }

    /// How to reach the database through it.
    pub fn options(&self, database: &PgConnectOptions) -> PgConnectOptions {
        database
            .clone()
            .socket(&self.folder)
            .port(PORT)
            .ssl_mode(PgSslMode::Disable)
    }

    /// What was noted so far.
    pub fn sessions(&self) -> MutexGuard<'_, Vec<Session>> {
        locked(&self.sessions)
    }
}

fn locked(sessions: &Sessions) -> MutexGuard<'_, Vec<Session>> {
    sessions.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(listener: UnixListener, database: PgConnectOptions, sessions: Sessions) {
    let mut lines = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while lines.len() >= SESSIONS_MAX {
            lines.join_next().await;
        }
        let place = {
            let mut sessions = locked(&sessions);
            sessions.push(Session::default());
            sessions.len() - 1
        };
        let (database, sessions) = (database.clone(), Arc::clone(&sessions));
        lines.spawn(async move {
            // A line that breaks is seen by the server at its end of it.
            if let Err(error) = connect(client, &database, (&sessions, place)).await {
                tracing::debug!(%error, "a tapped line broke");
            }
        });
    }
}

async fn connect(
    client: UnixStream,
    database: &PgConnectOptions,
    note: (&Sessions, usize),
) -> io::Result<()> {
    match database.get_socket() {
        Some(folder) => {
            let socket = folder.join(format!(".s.PGSQL.{}", database.get_port()));
            carry(client, UnixStream::connect(socket).await?, note).await
        }
        None => {
            let address = (database.get_host(), database.get_port());
            let line = TcpStream::connect(address).await?;
            line.set_nodelay(true)?;
            carry(client, line, note).await
        }
    }
}

async fn carry<S: AsyncRead + AsyncWrite>(
    client: UnixStream,
    server: S,
    (sessions, place): (&Sessions, usize),
) -> io::Result<()> {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = tokio::io::split(server);
    let there = pass(from_client, to_server, true, |kind, body| {
        let sent = messages::sent(kind, body)?;
        locked(sessions)[place].note_sent(sent);
        Ok(())
    });
    let back = pass(from_server, to_client, false, |kind, body| {
        let answered = messages::answered(kind, body)?;
        locked(sessions)[place].note_answered(answered);
        Ok(())
    });
    tokio::select! {
        ended = there => ended,
        ended = back => ended,
    }
}

/// Notes each whole message before it is handed on, so that an answer is never noted before its question.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    begins_untyped: bool,
    note: impl Fn(u8, &[u8]) -> Result<(), messages::Unreadable>,
) -> io::Result<()> {
    let (mut carried, mut arrived) = (vec![0; CARRIED], Vec::new());
    let mut is_first = begins_untyped;
    loop {
        let count = from.read(&mut carried).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        arrived.extend_from_slice(&carried[..count]);
        while let Some((kind, body)) =
            messages::cut(&mut arrived, is_first).map_err(io::Error::other)?
        {
            is_first = false;
            note(kind, &body).map_err(io::Error::other)?;
        }
        to.write_all(&carried[..count]).await?;
    }
}
