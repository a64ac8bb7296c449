//! `pgbench`: one process with one session for each client that is replayed, or one with many for the bare queue.
//!
//! What is easily got wrong: it ends without success when a statement fails, and also counts only what it finished; both
//! are looked at, and the database is asked besides whether the work was done.

use std::{path::PathBuf, process::Stdio};

use futures::future::try_join_all;
use tokio::process::Command;

use super::super::home::Home;
use crate::{cli::Failure, embedded};

/// What one run did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Done {
    pub transactions: u64,
    pub per_second: f64,
}

/// A script and what it begins with.
#[derive(Debug, Clone)]
pub struct Replay {
    pub file: PathBuf,
    pub options: String,
    pub serial: i64,
}

/// The program.
pub struct Pgbench {
    program: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Pgbench {
    /// Finds the program; it will connect as the role that serves.
    pub fn find(home: &Home) -> Result<Self, Failure> {
        let program = embedded::program("pgbench").ok_or_else(|| {
            Failure::Call(
                "no pgbench was found beside the programs of PostgreSQL; on Debian it is part of the package \
                 postgresql"
                    .to_owned(),
            )
        })?;
        Ok(Self {
            program,
            environment: environment(home),
        })
    }

    /// All scripts at the same time, one session each, with the settings of the sessions that were recorded.
    pub async fn replay(&self, replays: &[Replay], seconds: u64) -> Result<Vec<Done>, Failure> {
        try_join_all(replays.iter().map(|replay| {
            let mut command = self.command(1, seconds);
            command
                .env("PGOPTIONS", &replay.options)
                .arg("--file")
                .arg(&replay.file)
                .args(["--define", "first=1", "--define"])
                .arg(format!("serial={}", replay.serial - 1));
            finish(command)
        }))
        .await
    }

    /// One script by many sessions.
    pub async fn run(&self, file: &PathBuf, clients: u16, seconds: u64) -> Result<Done, Failure> {
        let mut command = self.command(clients, seconds);
        command.arg("--file").arg(file);
        finish(command).await
    }

    fn command(&self, clients: u16, seconds: u64) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["--no-vacuum", "--protocol=prepared"])
            .arg(format!("--client={clients}"))
            .arg(format!("--time={seconds}"))
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

/// As libpq reads it, for any program that uses the same variables.
pub fn environment(home: &Home) -> Vec<(&'static str, String)> {
    let options = home.serving();
    let host = options.get_socket().map_or_else(
        || options.get_host().to_owned(),
        |folder| folder.display().to_string(),
    );
    vec![
        ("PGHOST", host),
        ("PGPORT", options.get_port().to_string()),
        ("PGUSER", options.get_username().to_owned()),
        ("PGPASSWORD", home.serving_password().to_owned()),
        (
            "PGDATABASE",
            options.get_database().unwrap_or_default().to_owned(),
        ),
    ]
}

async fn finish(mut command: Command) -> Result<Done, Failure> {
    let failed = |words: String| Failure::Call(format!("pgbench failed: {words}"));
    let output = command
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(failed(errors.trim().to_owned()));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    done(&said).ok_or_else(|| failed(format!("it said no figures: {said}")))
}

fn done(said: &str) -> Option<Done> {
    let after = |words: &str| {
        let (_, rest) = said.split_once(words)?;
        rest.split([' ', '/', '\n']).next()
    };
    Some(Done {
        transactions: after("number of transactions actually processed: ")?
            .parse()
            .ok()?,
        per_second: after("tps = ")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_figures_are_read() {
        let said = "number of transactions actually processed: 1234\nnumber of failed transactions: 0 (0.000%)\n\
                    latency average = 3.833 ms\ntps = 260.905865 (without initial connection time)\n";
        let done = done(said).expect("both are there");
        assert_eq!(done.transactions, 1234);
        assert!((done.per_second - 260.905_865).abs() < 1e-9);
    }
}
