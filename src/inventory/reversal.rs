//! A mistake in the ledger is not erased: a movement of its own takes it back and names it.
//!
//! What is easily got wrong: only what has not moved since can be taken back, and only once.

use super::{MovementKind, MovementName};

/// What is asked to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    /// The mistake.
    pub movement: MovementName,
    /// The correction's record.
    pub document_number: String,
}

/// Why a movement stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerRefusal {
    /// No such movement at the caller's locations.
    MovementNotFound,
    /// A movement of that kind is not taken back.
    MovementNotReversible(MovementKind),
    /// That one took it back before.
    MovementAlreadyReversed(MovementName),
    /// Its serials have moved since: the first of these movements.
    MovementBlocked(Vec<MovementName>),
}
