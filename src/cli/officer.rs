//! `ektp officer found`: the centre's first two heads, written by whoever operates the database. Everybody after them is
//! registered through the server, by two persons.
//!
//! What is easily got wrong: NIK and PIN come from standard input. An argument would be seen by every user of the machine in
//! its list of processes.

use std::io::{self, BufRead as _};

use console::Term;
use zeroize::Zeroizing;

use crate::{
    administration::{self, Founder},
    config::Storage,
    ids::Nik,
};

use super::{Failure, host::Database};

/// The longest line that is read; a NIK has 16 digits, a PIN at most 12.
const LINE_MAX: u16 = 64;

/// The command's arguments.
#[derive(Debug, clap::Args)]
pub struct Officer {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make one of the centre's two first heads; asks for NIK and PIN, or reads them as two lines from standard input
    Found {
        #[command(flatten)]
        storage: Storage,
        /// The badge: 3 to 16 of A-Z, 0-9 and '-', beginning with a letter
        badge: String,
    },
}

/// Runs the command.
pub async fn run(command: Officer) -> Result<(), Failure> {
    let What::Found { storage, badge } = command.what;
    let (nik, pin) = (asked("NIK")?, asked("first PIN, 6 to 12 digits")?);
    let founder = founder(&badge, &nik, &pin)?;
    let database = Database::ready(&storage).await?;
    let desk = database.desk(&storage).await?;
    let founded = administration::found(&desk, founder).await;
    desk.pools().close().await;
    database.close()?;
    founded?;
    println!("{badge} is a head of the centre; it needs two, who are two persons");
    println!("next, when both are there:");
    println!(
        "  ektp certificate centre policy --out policy   the certificate of the desk that they share"
    );
    println!(
        "  ektp serve                                    then OpenShift there, each with a new PIN of one's own;"
    );
    println!("  one calls RegisterOfficer for a district's head and auditor, the other Approve");
    Ok(())
}

/// Who is founded, or which of the three is malformed; none of them is repeated.
pub fn founder(badge: &str, nik: &str, pin: &str) -> Result<Founder, Failure> {
    let wrong =
        |what: &str, error: &dyn std::error::Error| Failure::Call(format!("the {what} {error}"));
    Ok(Founder {
        badge: badge.parse().map_err(|error| wrong("badge", &error))?,
        nik: Nik::parse(nik).map_err(|error| wrong("NIK", &error))?,
        initial_pin: pin.parse().map_err(|error| wrong("PIN", &error))?,
    })
}

/// One line of standard input; typed at a terminal it is asked for and not shown.
fn asked(what: &str) -> Result<Zeroizing<String>, Failure> {
    let term = Term::stderr();
    let unread = |error| Failure::Call(format!("the {what} cannot be read: {error}"));
    if term.is_term() && io::IsTerminal::is_terminal(&io::stdin()) {
        eprint!("{what}: ");
        return term.read_secure_line().map(Zeroizing::new).map_err(unread);
    }
    let mut line = Zeroizing::new(String::with_capacity(LINE_MAX.into()));
    io::Read::take(io::stdin().lock(), LINE_MAX.into())
        .read_line(&mut line)
        .map_err(unread)?;
    Ok(Zeroizing::new(line.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_malformed_is_named_and_never_repeated() {
        let good = ("PUSAT-1", "3575020101700001", "480916273501");
        assert!(founder(good.0, good.1, good.2).is_ok());
        for (badge, nik, pin, named) in [
            ("pusat-1", good.1, good.2, "badge"),
            (good.0, "3575020101", good.2, "NIK"),
            (good.0, good.1, "48091", "PIN"),
            (good.0, good.1, "4809162735011", "PIN"),
            (good.0, good.1, "48o916", "PIN"),
        ] {
            let refused = founder(badge, nik, pin).expect_err("one is malformed");
            let words = refused.to_string();
            assert!(words.starts_with(&format!("the {named} ")), "{words}");
            for value in [badge, nik, pin] {
                assert!(!words.contains(value), "{words}");
            }
        }
    }
}
