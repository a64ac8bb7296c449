//! The officer at work on a terminal, as the open shift says.
//!
//! What is easily got wrong: an account is not a person. Two accounts of one person are two [`OfficerId`]s and one
//! [`PersonId`]; wherever two persons are needed, or a person's reads are counted, it is the second that counts.

use std::{fmt, str::FromStr};

use time::OffsetDateTime;

use crate::ids::{District, OfficerId, PersonId, ShiftId, Subdistrict};

/// What an officer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfficerRole {
    /// Serves people.
    Counter,
    /// Prints.
    Printer,
    /// Keeps the blanks.
    Stock,
    /// Leads the office.
    Head,
    /// Looks and approves.
    Auditor,
    /// Operator of a contractor (S3-5).
    Contractor,
}

impl OfficerRole {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Counter,
        Self::Printer,
        Self::Stock,
        Self::Head,
        Self::Auditor,
        Self::Contractor,
    ];

    /// The label in the database and in the printed table.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Counter => "COUNTER",
            Self::Printer => "PRINTER",
            Self::Stock => "STOCK",
            Self::Head => "HEAD",
            Self::Auditor => "AUDITOR",
            Self::Contractor => "CONTRACTOR",
        }
    }
}

/// A label that is no role's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no officer has such a role")]
pub struct UnknownRole;

impl FromStr for OfficerRole {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.label() == text)
            .ok_or(UnknownRole)
    }
}

impl fmt::Display for OfficerRole {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.label())
    }
}

/// An officer with an open shift on the calling terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Officer {
    /// The account.
    pub officer_id: OfficerId,
    /// Whose it is.
    pub person_id: PersonId,
    /// The open shift.
    pub shift_id: ShiftId,
    /// The office; the same as the terminal's, or the centre.
    pub district: District,
    /// Limits the officer to it.
    pub subdistrict: Option<Subdistrict>,
    /// What the officer does; at least one.
    pub roles: Vec<OfficerRole>,
    /// When the shift ends by itself, by the database's clock.
    pub ends_at: OffsetDateTime,
}
