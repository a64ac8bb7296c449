//! What the batches are compared with: a bare claim-and-complete in pgbench, and graphile-worker at its default settings.
//!
//! Both are made ready outside of the clock, with more jobs than a round can do; whoever runs out measured nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _};
use tokio::process::Command;

use super::super::{
    office::Office,
    replay::{Pgbench, pgbench},
};
use crate::cli::Failure;

/// Jobs a second that nobody reaches in the barest queue.
const JOBS_PER_SECOND: u64 = 20_000;
/// Jobs a second that graphile-worker is expected to do at its default settings: a round lasts about as long as the others.
const GRAPHILE_JOBS_PER_SECOND: u64 = 1_000;

/// The bare queue: a claim and a completion, two updates in two commits.
pub struct Claims {
    pgbench: Pgbench,
    file: PathBuf,
}

impl Claims {
    /// Its script, run as the role that serves.
    pub fn new(office: &Office) -> Result<Self, Failure> {
        let file = office.home().folder().join("claim.sql");
        fs::write(&file, include_str!("claim.sql"))
            .map_err(|error| Failure::Folder(file.clone(), error))?;
        Ok(Self {
            pgbench: Pgbench::find(office.home())?,
            file,
        })
    }

    /// Jobs a second of a round.
    pub async fn round(&self, office: &Office, clients: u16, seconds: u64) -> Result<f64, Failure> {
        let jobs = JOBS_PER_SECOND * seconds;
        let mut db = office.owner().acquire().await?;
        let settings = format!("set bench.jobs = '{jobs}'");
        db.execute(AssertSqlSafe(settings)).await?;
        db.execute(include_str!("jobs.sql")).await?;
        let serving = office.home().serving();
        let grant = format!(
            "grant select, update on bench_job to {}",
            serving.get_username()
        );
        db.execute(AssertSqlSafe(grant)).await?;
        let done = self.pgbench.run(&self.file, clients, seconds).await?;
        let row = db
            .fetch_one("select count(*) from bench_job where state = 'done'")
            .await?;
        let stored: i64 = row.try_get(0)?;
        db.execute("drop table bench_job").await?;
        if u64::try_from(stored).is_ok_and(|stored| stored == done.transactions) {
            return Ok(done.per_second);
        }
        Err(Failure::Call(format!(
            "the bare queue did {stored} jobs, and pgbench tells of {}",
            done.transactions
        )))
    }
}

/// graphile-worker, installed by npm in a folder.
pub struct Graphile<'f> {
    folder: &'f Path,
}

impl<'f> Graphile<'f> {
    /// Looks whether it is there.
    pub fn new(folder: &'f Path) -> Result<Self, Failure> {
        if folder.join("node_modules/graphile-worker").is_dir() {
            return Ok(Self { folder });
        }
        Err(Failure::Call(format!(
            "{} holds no graphile-worker; run npm install graphile-worker there",
            folder.display()
        )))
    }

    /// Jobs a second until a queue is empty.
    pub async fn round(&self, office: &Office, seconds: u64) -> Result<f64, Failure> {
        let failed = |words: String| Failure::Call(format!("graphile-worker failed: {words}"));
        let serving = office.home().serving();
        let grant = format!(
            "grant create on database {} to {}",
            serving.get_database().unwrap_or_default(),
            serving.get_username()
        );
        office.owner().execute(AssertSqlSafe(grant)).await?;
        let output = Command::new("node")
            .arg("--eval")
            .arg(include_str!("graphile.js"))
            .arg((GRAPHILE_JOBS_PER_SECOND * seconds).to_string())
            .current_dir(self.folder)
            .envs(pgbench::environment(office.home()))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| failed(error.to_string()))?;
        // Its tables are as they were for the next round.
        let mut db = serving.connect().await?;
        db.execute(
            "set client_min_messages = error; drop schema if exists graphile_worker cascade",
        )
        .await?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.split_once("jobs per second: ")
            .and_then(|(_, rest)| rest.trim().parse().ok())
            .ok_or_else(|| failed(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}
