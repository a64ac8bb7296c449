//! What several features see of a person: the sealed record, and where the enrolment stands.
//!
//! Registration writes both. The print queue opens the record for a card's face, handover for a notice or a contact
//! task. The record has no `Display`, and its `Debug` shows nothing.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    error::{Error, Result},
    ids::ResidentId,
    seal::Keys,
};

/// Where the seal belongs.
const PLACE: &str = "resident";
/// The purpose of the index by which a NIK is found.
const NIK_INDEX: &str = "resident.nik";

/// The personal record.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Person {
    /// The national ID number, 16 digits.
    pub nik: String,
    /// The full name.
    pub full_name: String,
    /// The mother's name.
    pub mother_name: String,
    /// The place of birth.
    pub birth_place: String,
    /// Street and house.
    pub address: String,
    /// Neighbourhood unit (RT).
    pub neighbourhood: u32,
    /// Community unit (RW).
    pub community: u32,
    /// The mobile number in the form +628…, if one was left.
    pub phone: Option<String>,
    /// As printed.
    pub religion: String,
    /// As printed.
    pub marital_status: String,
    /// As printed.
    pub occupation: String,
    /// As printed; "-" if unknown.
    pub blood_type: String,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person(sealed)")
    }
}

impl Person {
    /// Sealed for the resident's row.
    pub fn seal(&self, keys: &Keys, resident: ResidentId) -> Vec<u8> {
        let plain = zeroize::Zeroizing::new(
            serde_json::to_vec(self).expect("a person of texts and numbers is valid JSON"),
        );
        keys.seal(PLACE, resident.uuid().as_bytes(), &plain)
    }

    /// Opened from the resident's row.
    pub fn open(keys: &Keys, resident: ResidentId, sealed: &[u8]) -> Result<Self> {
        let plain = keys.open(PLACE, resident.uuid().as_bytes(), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| Error::corrupt(PLACE, resident))
    }

    /// The NIK with all but the province and the last two digits masked.
    pub fn masked_nik(&self) -> String {
        let (province, last) = (
            self.nik.get(..2).unwrap_or_default(),
            self.nik.get(14..).unwrap_or_default(),
        );
        format!("{province}************{last}")
    }

    /// The initials of the full name.
    pub fn initials(&self) -> String {
        self.full_name
            .split_whitespace()
            .filter_map(|word| word.chars().next())
            .collect()
    }
}

/// The keyed index under which a NIK is found.
pub fn nik_index(keys: &Keys, nik: &str) -> Vec<u8> {
    keys.index(NIK_INDEX, nik.as_bytes())
}

/// Where an enrolment stands. Registration writes it; the print queue, below, reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EnrolmentState {
    /// Without a biometric package: nothing to check yet (S0-8).
    Recorded,
    /// Waits for the centre's engine.
    Sent,
    /// With the engine.
    Checking,
    /// Found unique: the only gate to printing.
    PrintReady,
    /// The same person is recorded elsewhere (S0-10).
    Duplicate,
    /// A human at the centre decides.
    Adjudicating,
    /// The biometrics are unreadable.
    CaptureRejected,
}

impl EnrolmentState {
    /// The name, as it is stored and printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recorded => "RECORDED",
            Self::Sent => "SENT",
            Self::Checking => "CHECKING",
            Self::PrintReady => "PRINT_READY",
            Self::Duplicate => "DUPLICATE",
            Self::Adjudicating => "ADJUDICATING",
            Self::CaptureRejected => "CAPTURE_REJECTED",
        }
    }
}

/// Whether the district still serves a person. Registration writes it; the print queue, below, reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Life {
    /// Lives here.
    Resident,
    /// Died.
    Deceased,
    /// Lives in another district now.
    MovedOut,
}

impl Life {
    /// The name, as it is stored and told.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resident => "RESIDENT",
            Self::Deceased => "DECEASED",
            Self::MovedOut => "MOVED_OUT",
        }
    }
}
