//! Proof: that what custody says follows from the movements alone, now, in a certificate that was kept, and on any day.
//!
//! ```text
//!  movements ──> Replay ──> Derived ──┬── compared with custody, cards and all papers           (ektp audit-stock)
//!                                     └── compared with a certificate's leaves                  (… --certificate)
//!  custody, flows, one snapshot ──> Certificate ──> laws ──> signature                          (CertifyConservation)
//! ```
//!
//! What is easily got wrong: custody and movements stand in one database, and who owns it can write both. Only a certificate
//! that was kept elsewhere shows that. The formats are in docs/stock-proof.md and never change within a version.

mod area;
mod certificate;
mod certify;
mod compare;
mod conduct;
mod derived;
mod document;
mod finding;
mod leaf;
mod replay;
mod statement;
mod stock;

use std::fmt;

use super::{Account, CustodyState, Location, MovementKind, MovementName};

pub use area::{Area, AreaError};
pub use certificate::{Certificate, CertificateError, Place, Signed};
pub use certify::{NotConserved, certified, certify};
pub use derived::Derived;
pub use finding::{Finding, Kind, Report};
pub use replay::{Cut, Replay};
pub use statement::{Figures, Statement, stated};
pub use stock::{audit, movements};

/// A run of serials of the ledger, both ends included. Unlike a range of a message it may have any length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// The first serial.
    pub first: i64,
    /// The last one.
    pub last: i64,
}

impl Run {
    /// How many serials.
    pub const fn count(self) -> i64 {
        self.last - self.first + 1
    }
}

impl fmt::Display for Run {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(out, "serial {}", self.first)
        } else {
            write!(out, "serials {} to {}", self.first, self.last)
        }
    }
}

/// A movement, as much of it as says where serials are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// In whose numbering it stands.
    pub location: Location,
    /// Its number there.
    pub number: i64,
    /// What moved.
    pub run: Run,
    /// Where all of it must have been; nowhere for a delivery.
    pub from: Option<Account>,
    /// Where it went.
    pub to: Account,
}

/// A movement as it stands in the ledger: with what it says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// What it did.
    pub entry: Entry,
    /// What it calls that.
    pub kind: MovementKind,
    /// The movement that it says it takes back.
    pub reverses: Option<MovementName>,
}

/// A state as the tables and the contract write it.
fn name(state: CustodyState) -> &'static str {
    let name = super::wire::custody_state(state).as_str_name();
    name.trim_start_matches("CUSTODY_STATE_")
}

/// An account as people read it.
fn place(account: Account) -> String {
    format!("{} at {}", name(account.state), account.location)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_written_as_the_tables_have_them() {
        assert_eq!(name(CustodyState::InStock), "IN_STOCK");
        assert_eq!(name(CustodyState::HandedOver), "HANDED_OVER");
    }
}
