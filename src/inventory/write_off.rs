//! What cannot be used or is not there: blanks spoiled in the store, cards taken back, what was lost and turned up, and what
//! is burned before witnesses.
//!
//! What is easily got wrong: of a witness the letter of assignment is kept, never a name.

use serde::{Deserialize, Serialize};

use super::{Location, Spoilage};
use crate::ids::{Serial, SerialRange};

/// Blanks that nobody can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoiled {
    /// In whose stock.
    pub location: Location,
    /// Which.
    pub serials: Vec<SerialRange>,
    /// How.
    pub kind: Spoilage,
    /// The record.
    pub document_number: String,
}

/// Cards that were taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// Which.
    pub serials: Vec<Serial>,
    /// The record.
    pub document_number: String,
}

/// What was lost and is there again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// In whose charge it was lost.
    pub location: Location,
    /// Which.
    pub serials: Vec<SerialRange>,
    /// The record.
    pub document_number: String,
}

/// Who sent a witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Agency {
    /// Inspektorat.
    Inspectorate,
    /// Satpol PP.
    MunicipalPolice,
    /// Polri.
    Police,
    /// Another office of the region.
    OtherOffice,
}

/// One who stands by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// Whose.
    pub agency: Agency,
    /// The letter of assignment (surat tugas).
    pub assignment_letter: String,
}

/// What is burned, and before whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destruction {
    /// Where it is kept.
    pub location: Location,
    /// Which.
    pub serials: Vec<SerialRange>,
    /// The official record (berita acara).
    pub record_number: String,
    /// Who stands by.
    pub witnesses: Vec<Witness>,
}

/// Why nothing is written off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteOffRefusal {
    /// No card of the district that a newer one has replaced and that is still out.
    CardNotReplaced(Serial),
    /// Not lost there: the first run.
    SerialsNotLost(SerialRange),
    /// Neither spoiled nor returned there: the first run.
    SerialsNotForDestruction(SerialRange),
}
