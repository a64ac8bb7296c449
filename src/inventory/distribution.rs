//! One store's blanks divided over many: what is sent to each, and what would be proposed.
//!
//! What a reader gets wrong: 20,000 over 18 subdistricts (S2-5) are no equal shares, two blanks would be left. Quantities are
//! explicit and sum exactly; a proposal is only shown.

use crate::inventory::Location;

/// What an office sends to many at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Who gets how many; no store twice.
    pub shares: Vec<Share>,
}

/// What one of them gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The receiving store or unit.
    pub destination: Location,
    /// How many.
    pub quantity: i64,
    /// Its transfer record.
    pub document_number: String,
}

/// What a subdistrict's store lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lack {
    /// The store.
    pub destination: Location,
    /// Queued print requests of the subdistrict's people.
    pub waiting: i64,
    /// Blanks there, in its units too.
    pub in_stock: i64,
    /// Blanks on their way there.
    pub in_transit: i64,
}

/// What a store would get.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// Why.
    pub lack: Lack,
    /// What that weighs.
    pub weight: i64,
    /// The share before rounding.
    pub exact: f64,
    /// The share.
    pub quantity: i64,
}
