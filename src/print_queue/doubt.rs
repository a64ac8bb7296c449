//! The nouns of doubt: what somebody says of a blank that nobody reported, and cards that a printer reported without a
//! right to print them.
//!
//! What is easily got wrong: a blank in doubt is bound and its printer is known; of an incident's card the system knows
//! nothing but what a printer said.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{IncidentId, PrintRequestId, Serial},
    inventory::Spoilage,
    person::Life,
};

/// What lay in the tray.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The card, well printed.
    Printed,
    /// The blank, spoiled.
    Spoiled(Spoilage),
}

/// Somebody's word about one blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// Of which request.
    pub print_request_id: PrintRequestId,
    /// The blank that was looked at.
    pub serial: Serial,
    /// What it was.
    pub found: Found,
}

/// What may have become known of a request while a blank was bound to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// Whether the district still serves the person.
    pub life: Life,
    /// The version of the identity today.
    pub identity_version: i32,
    /// Whether the centre found that one unique.
    pub is_ready: bool,
    /// The longest open incident.
    pub incident: Option<IncidentId>,
}

/// A card that a printer reported under a fence that was no longer good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateReport {
    /// Whose card it is said to be.
    pub print_request_id: PrintRequestId,
    /// The fence.
    pub fence: i64,
    /// The serial.
    pub serial: Serial,
}

/// What was found of an incident's card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IncidentFinding {
    /// There is none.
    NoCard,
    /// There was one, and it is destroyed.
    CardDestroyed,
}

impl IncidentFinding {
    /// The name in the contract and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoCard => "NO_CARD",
            Self::CardDestroyed => "CARD_DESTROYED",
        }
    }
}

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IncidentState {
    /// Nobody knows where the card is.
    Open,
    /// Two persons know.
    Resolved,
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// What the printer said.
    pub report: LateReport,
    /// Which one.
    pub terminal: String,
    /// Where it stands.
    pub state: IncidentState,
}

/// What two persons say of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// Which incident.
    pub incident_id: IncidentId,
    /// What was found.
    pub finding: IncidentFinding,
}

/// Why the queue says no as long as nobody knows what came out of a printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsure {
    /// A blank in doubt is declared spoiled by two persons.
    SecondPersonRequired,
    /// A card was reported under a fence that was no longer good, which is kept as this incident.
    LateReport(IncidentId),
    /// A card of the request may exist already.
    IncidentOpen(IncidentId),
    /// No such incident here.
    IncidentNotFound,
    /// Two persons have said before what was found.
    IncidentResolved,
}
