//! The measured server as a process of its own, so that its memory and its time on the processors are nobody else's.
//!
//! What is easily got wrong: the environment is inherited, and a setting of the person who runs the bench would change
//! what is measured. Everything that begins with EKTP_ is taken out.

use std::{
    env, fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::cli::Failure;

/// A server that has not printed its address by then does not start.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// What it prints before its address.
const ADDRESS_WORDS: &str = "ektp serves on https://";
/// /proc counts time on the processors in hundredths of a second, on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;
/// So much of the log's end is shown when it does not start.
const LOG_SHOWN: usize = 2_000;

/// Only what is out of the ordinary is logged.
pub const LOG_WARNINGS: [&str; 2] = ["--log", "warn"];

/// A running server.
pub struct Process {
    child: Child,
    address: SocketAddr,
    /// Held, so that its last words have where to go.
    _words: Lines<BufReader<ChildStdout>>,
}

/// What it needs.
pub struct Start {
    pub data: PathBuf,
    pub database_url: String,
    pub log: PathBuf,
    /// What is logged.
    pub log_options: &'static [&'static str],
}

impl Process {
    /// Starts this very program as a server, and waits for its address.
    pub async fn start(start: &Start, listen: SocketAddr) -> Result<Self, Failure> {
        let failed = |error| Failure::Folder(start.log.clone(), error);
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&start.log)
            .map_err(failed)?;
        let program = env::current_exe().map_err(|error| Failure::Call(error.to_string()))?;
        let mut command = Command::new(&program);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("EKTP_") {
                command.env_remove(name);
            }
        }
        command
            .args(start.log_options)
            .args(["serve", "--listen", &listen.to_string()])
            .arg("--data")
            .arg(&start.data)
            // Not as an argument: it may hold a password, and everybody sees arguments.
            .env("DATABASE_URL", &start.database_url)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|error| Failure::Folder(program.clone(), error))?;
        let pipe = child.stdout.take().expect("it was asked for");
        let mut words = BufReader::new(pipe).lines();
        let address = match timeout(START_TIMEOUT, address(&mut words)).await {
            Ok(Some(address)) => address,
            Ok(None) | Err(_) => {
                let words = format!("the server did not start: {}", end_of(&start.log));
                return Err(Failure::Call(words));
            }
        };
        Ok(Self {
            child,
            address,
            _words: words,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it as a failing machine would: without a word.
    pub async fn kill(&mut self) -> Result<(), Failure> {
        self.child
            .kill()
            .await
            .map_err(|error| Failure::Call(format!("the server could not be killed: {error}")))
    }

    /// Resident memory in KiB: now, and the most so far.
    pub fn memory(&self) -> Result<(u64, u64), Failure> {
        let status = self.read("status")?;
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        };
        match (of("VmRSS:"), of("VmHWM:")) {
            (Some(now), Some(most)) => Ok((now, most)),
            (None, _) | (_, None) => Err(gone()),
        }
    }

    /// Seconds that it has had on the processors.
    pub fn processor_seconds(&self) -> Result<f64, Failure> {
        let stat = self.read("stat")?;
        // The name may hold anything; what follows its bracket is numbers.
        let fields = stat.rsplit(')').next().map(str::split_whitespace);
        let ticks: Option<f64> = fields.and_then(|fields| {
            let both: Vec<f64> = fields
                .skip(11)
                .take(2)
                .filter_map(|field| field.parse().ok())
                .collect();
            (both.len() == 2).then(|| both.iter().sum())
        });
        ticks.map(|ticks| ticks / TICKS_PER_SECOND).ok_or_else(gone)
    }

    fn read(&self, file: &str) -> Result<String, Failure> {
        let id = self.child.id().ok_or_else(gone)?;
        let path = PathBuf::from(format!("/proc/{id}/{file}"));
        fs::read_to_string(&path).map_err(|error: io::Error| Failure::Folder(path, error))
    }
}

async fn address(words: &mut Lines<BufReader<ChildStdout>>) -> Option<SocketAddr> {
    while let Ok(Some(line)) = words.next_line().await {
        if let Some(address) = line.strip_prefix(ADDRESS_WORDS) {
            return address.trim().parse().ok();
        }
    }
    None
}

fn end_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let from = text.len().saturating_sub(LOG_SHOWN);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at));
    text[from.unwrap_or(text.len())..].trim().to_owned()
}

fn gone() -> Failure {
    Failure::Call("the server is gone".to_owned())
}
