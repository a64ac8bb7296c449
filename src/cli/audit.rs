//! `ektp audit verify`, which proves the audit log against heads that were kept, and `ektp audit who-saw`.
//!
//! What is easily got wrong: the exit code is the answer. 0 says that every row, chain and head fits every head that was
//! given; with none given it says only that the log fits itself, and the output says so.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use comfy_table::Table;
use serde::Serialize;
use sqlx::ConnectOptions;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::{
    audit::{self, Asked, Kept, PublicKey, Report, SIGHTS_MAX, Sight, Trust, WITNESS_FILE, place},
    config::Storage,
    hex,
};

use super::{Failure, findings, host::Database};

/// The audit log.
#[derive(Debug, clap::Args)]
pub struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Verify every row, chain and signed head, against the heads that were kept outside the database
    Verify(Verify),
    /// List whose data was answered to whom
    WhoSaw(WhoSaw),
}

#[derive(Debug, clap::Args)]
struct Verify {
    #[command(flatten)]
    storage: Storage,
    /// A file with kept heads, one a line; may be repeated [default: audit-heads.log in the data folder, if it is there]
    #[arg(long = "head", value_name = "FILE")]
    heads: Vec<PathBuf>,
    /// A key that may have signed, in hexadecimal or a file with it; may be repeated [default: any]
    #[arg(long = "public-key", value_name = "HEX|FILE")]
    public_keys: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct WhoSaw {
    #[command(flatten)]
    storage: Storage,
    /// From this time on (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: OffsetDateTime,
    /// Only what this terminal saw, e.g. ektp://district/35.75/site/office/terminal/1
    #[arg(long, value_name = "URI")]
    terminal: Option<String>,
    /// Only what this officer's account saw
    #[arg(long, value_name = "UUID")]
    officer: Option<Uuid>,
    /// Only who saw this person
    #[arg(long, value_name = "UUID")]
    resident: Option<Uuid>,
    /// One object of JSON a line instead of the table
    #[arg(long)]
    json: bool,
}

fn time(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|error| error.to_string())
}

/// Runs either.
pub async fn run(command: Audit) -> Result<(), Failure> {
    match command.command {
        Command::Verify(command) => verify(command).await,
        Command::WhoSaw(command) => who_saw(command).await,
    }
}

async fn verify(command: Verify) -> Result<(), Failure> {
    let trust = trust(&command)?;
    let database = Database::open(&command.storage).await?;
    let mut connection = database.options.clone().connect().await?;
    let bar = findings::progress("audit rows", audit::rows(&mut connection).await?);
    let report = audit::verify(&mut connection, &trust, &mut |rows| bar.set_position(rows)).await;
    bar.finish_and_clear();
    drop(connection);
    database.close()?;
    let report = report?;
    findings::print(&report.findings, report.unlisted);
    println!("{}", summary(&report));
    if report.kept == 0 {
        println!("no kept head was given: this shows only that the log fits itself");
    }
    if report.is_clean() {
        Ok(())
    } else {
        Err(Failure::Tampered(
            report.findings.len() as u64 + report.unlisted,
        ))
    }
}

/// The heads and keys that are believed.
fn trust(command: &Verify) -> Result<Trust, Failure> {
    let witness = command.storage.data().join(WITNESS_FILE);
    let files = if command.heads.is_empty() && witness.exists() {
        vec![witness]
    } else {
        command.heads.clone()
    };
    let mut kept = Vec::new();
    for file in files {
        let heads = audit::read_witness(&text(&file)?)
            .map_err(|error| Failure::KeptHead(file.clone(), error))?;
        let from = file.display().to_string();
        kept.extend(heads.into_iter().map(|head| Kept {
            head,
            from: from.clone(),
        }));
    }
    let keys = command.public_keys.iter().map(|given| public_key(given));
    Ok(Trust {
        kept,
        keys: keys.collect::<Result<_, _>>()?,
    })
}

/// A key in hexadecimal, or in a file.
pub(super) fn public_key(given: &str) -> Result<PublicKey, Failure> {
    if let Some(key) = hex::decode_exact(given) {
        return Ok(key);
    }
    fs::read_to_string(given)
        .ok()
        .and_then(|text| hex::decode_exact(text.trim()))
        .ok_or_else(|| Failure::PublicKey(given.to_owned()))
}

fn text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error: io::Error| Failure::Folder(path.to_owned(), error))
}

fn summary(report: &Report) -> Table {
    let covered = report.covered.min(report.rows);
    let mut table = findings::summary(&[
        ("chains", report.chains),
        ("rows", report.rows),
        ("rows since the last head", report.rows - covered),
        ("signed heads", report.heads),
        ("kept heads compared", report.kept),
        ("findings", report.findings.len() as u64 + report.unlisted),
    ]);
    for key in &report.keys {
        table.add_row(["signed by".to_owned(), hex::encode(key)]);
    }
    table
}

async fn who_saw(command: WhoSaw) -> Result<(), Failure> {
    let asked = Asked {
        since: command.since,
        terminal: command.terminal,
        officer: command.officer,
        resident: command.resident,
    };
    let database = Database::open(&command.storage).await?;
    let mut connection = database.options.clone().connect().await?;
    let sights = audit::sights(&mut connection, &asked).await;
    drop(connection);
    database.close()?;
    let sights = sights?;
    if sights.len() as u64 > SIGHTS_MAX.unsigned_abs() {
        return Err(Failure::TooMany(SIGHTS_MAX));
    }
    if command.json {
        for sight in &sights {
            println!("{}", line(sight));
        }
    } else {
        println!("{}", table(&sights));
    }
    Ok(())
}

/// A row as JSON.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    district: String,
    row: i64,
    officer: Option<Uuid>,
    terminal: &'a str,
    method: &'a str,
    refused: &'a str,
    residents: Vec<&'a str>,
}

fn line(sight: &Sight) -> String {
    let line = Line {
        time: written(sight.at),
        district: place(sight.district),
        row: sight.number,
        officer: sight.officer_id,
        terminal: &sight.terminal,
        method: &sight.method,
        refused: &sight.refused,
        residents: residents(sight).collect(),
    };
    serde_json::to_string(&line).expect("texts and numbers are always JSON")
}

fn table(sights: &[Sight]) -> Table {
    let mut table = findings::table();
    table.set_header(["time", "officer", "terminal", "method", "residents"]);
    for sight in sights {
        let officer = sight
            .officer_id
            .map_or_else(String::new, |id| id.to_string());
        let residents: Vec<&str> = residents(sight).collect();
        let residents = match sight.refused.as_str() {
            "" => residents.join("\n"),
            refused => format!("{refused}: none left\n{}", residents.join("\n")),
        };
        table.add_row([
            written(sight.at),
            officer,
            sight.terminal.clone(),
            sight.method.clone(),
            residents,
        ]);
    }
    table
}

fn residents(sight: &Sight) -> impl Iterator<Item = &str> {
    let things = sight.residents.split(',').filter(|thing| !thing.is_empty());
    things.map(|thing| thing.strip_prefix("resident/").unwrap_or(thing))
}

fn written(at: OffsetDateTime) -> String {
    at.format(&Rfc3339)
        .expect("every time of the database has this form")
}
