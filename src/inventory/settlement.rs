//! How serials leave a case: an officer of one of its two offices says what became of them, an officer of the other agrees.
//!
//! What is easily got wrong: a case may be settled in parts. Whoever settles names serials, and the rest stays open.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Location, StockCase};
use crate::ids::{SerialRange, StockCaseId};

/// What became of serials that nobody could explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// In the stock of the case's location.
    FoundHere,
    /// In the stock of the store that the shipment came from.
    AtSender,
    /// Lost, in the charge of the case's location.
    Lost,
    /// Both offices have taken note; their custody says another place anyway.
    Noted,
}

impl Outcome {
    /// The name in the contract and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FoundHere => "FOUND_HERE",
            Self::AtSender => "AT_SENDER",
            Self::Lost => "LOST",
            Self::Noted => "NOTED",
        }
    }
}

/// What an officer says became of serials of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The case.
    pub case_id: StockCaseId,
    /// Which of its serials.
    pub serials: Vec<SerialRange>,
    /// What became of them.
    pub outcome: Outcome,
    /// The settlement's record.
    pub document_number: String,
}

/// A case under lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCase {
    /// The case.
    pub case: StockCase,
    /// Where its shipment came from.
    pub origin: Option<Location>,
}

/// Where a page of cases begins: behind this one. Closed ones come last.
#[derive(Debug, Clone, Copy)]
pub struct CaseCursor {
    /// Whether it is closed.
    pub is_closed: bool,
    /// Until when it is to be settled.
    pub due_at: OffsetDateTime,
    /// The case.
    pub case_id: Uuid,
}

/// Why a case is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseRefusal {
    /// No such case of the caller's office.
    CaseNotFound,
    /// Not open in the case: the first run.
    SerialsNotInCase(SerialRange),
    /// A case of that kind does not end like that.
    OutcomeNotPossible,
}
