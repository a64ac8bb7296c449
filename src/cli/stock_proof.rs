//! `ektp verify-certificate`, `ektp audit-stock` and `ektp export`: what outsiders and auditors hold against the stock.
//!
//! What is easily got wrong: the exit code is the answer. 0 of an audit says that custody follows from the movements; without
//! a certificate that was kept, it says only that the tables fit one another, and the output says so.

use std::{
    fs,
    path::{Path, PathBuf},
};

use comfy_table::Table;
use sqlx::ConnectOptions;
use time::{Date, macros::format_description};

use crate::{
    audit::{self, PublicKey},
    clock::Clock,
    config::Storage,
    hex,
    ids::District,
    inventory::proof::{self, Certificate, Report, Signed},
};

use super::{
    Failure,
    audit::public_key,
    findings::{self, counted},
    host::Database,
};

/// Checking a certificate.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// The certificate, as CertifyConservation answered it
    file: PathBuf,
    /// The key that must have signed it, in hexadecimal or a file with it [default: the one that stands in it]
    #[arg(long, value_name = "HEX|FILE")]
    key: Option<String>,
    /// An older certificate of the same scope, which this one must follow from
    #[arg(long, value_name = "FILE")]
    older: Option<PathBuf>,
}

/// Auditing the stock.
#[derive(Debug, clap::Args)]
pub struct Audit {
    #[command(flatten)]
    storage: Storage,
    /// A certificate that was kept: what it says of its time must follow from the movements of then
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// The key that must have signed it, in hexadecimal or a file with it [default: the one that stands in it]
    #[arg(long, value_name = "HEX|FILE", requires = "certificate")]
    key: Option<String>,
}

/// Writing what is public.
#[derive(Debug, clap::Args)]
pub struct Export {
    #[command(subcommand)]
    command: Exported,
}

#[derive(Debug, clap::Subcommand)]
enum Exported {
    /// Write the public statement of a district's day: blanks, waiting people and cards, signed
    Statement(Statement),
}

#[derive(Debug, clap::Args)]
struct Statement {
    #[command(flatten)]
    storage: Storage,
    /// The district, e.g. 35.75
    #[arg(long, value_name = "CODE")]
    district: District,
    /// The local day, e.g. 2018-05-02; of today it is as of now
    #[arg(long, value_name = "DATE", value_parser = day)]
    day: Date,
    /// The folder for the two files [default: the text goes to standard output]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

fn day(text: &str) -> Result<Date, String> {
    Date::parse(text, format_description!("[year]-[month]-[day]"))
        .map_err(|error| error.to_string())
}

/// Checks a certificate without any database.
pub fn verify(command: &Verify) -> Result<(), Failure> {
    let key = command.key.as_deref().map(public_key).transpose()?;
    let signed = read(&command.file, key.as_ref())?;
    println!("{}", certified(&signed));
    if key.is_none() {
        println!(
            "no key was given: this shows only that whoever signed it did not change it since"
        );
    }
    if let Some(path) = &command.older {
        let older = read(path, key.as_ref())?;
        let contradictions = signed.certificate.contradicts(&older.certificate);
        for words in &contradictions {
            println!("CERTIFICATE_DIFFERS {words}");
        }
        if !contradictions.is_empty() {
            return Err(Failure::Stock(contradictions.len() as u64));
        }
    }
    Ok(())
}

fn read(path: &Path, key: Option<&PublicKey>) -> Result<Signed, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::Folder(path.to_owned(), error))?;
    Signed::read(&text, key).map_err(|error| Failure::Certificate(path.to_owned(), error))
}

fn certified(signed: &Signed) -> Table {
    let certificate = &signed.certificate;
    let mut table = findings::table();
    let scope = certificate.area.to_string();
    table.add_row(["scope", &scope]);
    table.add_row(["made", &audit::time_as_text(certificate.made_at)]);
    table.add_row(["locations", &counted(certificate.places.len() as u64)]);
    table.add_row([
        "registered",
        &counted(certificate.registered.unsigned_abs()),
    ]);
    for (state, quantity) in certificate.total() {
        table.add_row([state, counted(quantity.unsigned_abs())]);
    }
    table.add_row(["root", &hex::encode(&certificate.root())]);
    table.add_row(["signed by", &hex::encode(&signed.key)]);
    table
}

/// Audits the stock of a database.
pub async fn audit(command: Audit) -> Result<(), Failure> {
    let key = command.key.as_deref().map(public_key).transpose()?;
    let kept = command.certificate.as_deref();
    let kept = kept.map(|path| read(path, key.as_ref())).transpose()?;
    let database = Database::open(&command.storage).await?;
    let mut connection = database.options.clone().connect().await?;
    let bar = findings::progress("movements", proof::movements(&mut connection).await?);
    let certificate: Option<&Certificate> = kept.as_ref().map(|signed| &signed.certificate);
    let report = proof::audit(&mut connection, certificate, &mut |read| {
        bar.set_position(read);
    })
    .await;
    bar.finish_and_clear();
    drop(connection);
    database.close()?;
    let report = report?;
    findings::print(&report.findings, report.unlisted);
    println!("{}", summary(&report));
    match &kept {
        Some(signed) => println!("the certificate is signed by {}", hex::encode(&signed.key)),
        None => {
            println!("no certificate was given: this shows only that the tables fit one another");
        }
    }
    if report.is_clean() {
        Ok(())
    } else {
        Err(Failure::Stock(report.found()))
    }
}

fn summary(report: &Report) -> Table {
    findings::summary(&[
        ("movements", report.movements),
        ("locations", report.locations),
        ("runs", report.runs),
        ("serials", report.serials.unsigned_abs()),
        ("cards", report.cards),
        ("deliveries", report.deliveries),
        ("shipments", report.shipments),
        ("cases", report.cases),
        ("records of destruction", report.destructions),
        ("certified locations compared", report.certified),
        ("findings", report.found()),
    ])
}

/// Writes what is public.
pub async fn export(command: Export) -> Result<(), Failure> {
    let Exported::Statement(command) = command.command;
    let data = command.storage.data();
    fs::create_dir_all(&data).map_err(|error| Failure::Folder(data.clone(), error))?;
    let key =
        audit::Key::open_or_create(&data).map_err(|error| Failure::Folder(data.clone(), error))?;
    let database = Database::open(&command.storage).await?;
    let mut connection = database.options.clone().connect().await?;
    let asked = (command.district, command.day);
    let stated = proof::stated(&mut connection, asked, Clock::System.now()).await;
    drop(connection);
    database.close()?;
    let (district, day) = asked;
    let stated =
        stated?.ok_or_else(|| Failure::Call(format!("{day} has not begun in {district}")))?;
    let (text, json) = stated.signed(&key);
    let Some(folder) = command.out else {
        print!("{text}");
        return Ok(());
    };
    fs::create_dir_all(&folder).map_err(|error| Failure::Folder(folder.clone(), error))?;
    for (ending, content) in [("txt", text), ("json", json)] {
        let file = folder.join(format!("statement-{district}-{day}.{ending}"));
        fs::write(&file, content).map_err(|error| Failure::Folder(file.clone(), error))?;
        println!("{}", file.display());
    }
    Ok(())
}
