//! Custody and its ledger: what a serial can be at a location, and the movements that take it from one account to another.
//!
//! What a reader gets wrong: a movement stands in the numbering of the location that gives, only a delivery, which comes from
//! nowhere, in that of the location that gets.

use std::fmt;

use time::OffsetDateTime;

use super::Location;
use crate::ids::{OfficerId, PrintRequestId, RequestId, SerialRange, ShipmentId};

/// What a serial is at its location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CustodyState {
    /// A blank in the store.
    InStock,
    /// A blank on its way here.
    InTransit,
    /// A blank bound to a print request.
    Bound,
    /// A printed card at the collection site.
    AtSite,
    /// A card in its holder's hands.
    HandedOver,
    /// A spoiled blank, kept for destruction.
    Spoiled,
    /// Not explained: missing, or found where it should not be. A case is open.
    Disputed,
    /// A card that was taken back, kept for destruction.
    Returned,
    /// Lost, by a settled case.
    Lost,
    /// Destroyed, by record.
    Destroyed,
}

/// Where serials are and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// The location.
    pub location: Location,
    /// The state there.
    pub state: CustodyState,
}

/// A run of serials that are all in one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// The serials.
    pub serials: SerialRange,
    /// Where they are.
    pub account: Account,
}

/// What a movement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MovementKind {
    /// The maker delivered it.
    Delivered,
    /// Sent on its way.
    Dispatched,
    /// Taken back by its sender, before it was received.
    Cancelled,
    /// Arrived.
    Received,
    /// Nobody can explain it: into the dispute account.
    Disputed,
    /// Explained, by officers of two offices: out of the dispute account.
    Settled,
    /// Bound to a print request.
    Bound,
    /// Printed; a card at the site.
    Printed,
    /// Spoiled.
    Spoiled,
    /// Handed to its holder.
    HandedOver,
    /// A card was taken back.
    Returned,
    /// Lost, by a settled case.
    Lost,
    /// What was lost turned up.
    Found,
    /// Destroyed, by record.
    Destroyed,
    /// Takes an earlier movement back.
    Reversed,
}

/// One run of serials that is to go from one account to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// What it is.
    pub kind: MovementKind,
    /// What moves.
    pub serials: SerialRange,
    /// Where all of it must be; nowhere for a delivery.
    pub from: Option<Account>,
    /// Where it goes.
    pub to: Account,
    /// For whose print request.
    pub print_request_id: Option<PrintRequestId>,
}

/// One entry of the ledger of custody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// What it was.
    pub kind: MovementKind,
    /// In whose numbering it stands: the giver's, for a delivery the receiver's.
    pub location: Location,
    /// Its number there, dense from 1.
    pub number: i64,
    /// What moved.
    pub serials: SerialRange,
    /// Where it was; nowhere for a delivery.
    pub from: Option<Account>,
    /// Where it is from then on.
    pub to: Account,
    /// Its record; empty for acts without one.
    pub document_number: String,
    /// The business time of the act.
    pub moved_at: OffsetDateTime,
    /// Who gave, or who acted alone.
    pub given_by: Option<OfficerId>,
    /// Who took.
    pub taken_by: Option<OfficerId>,
    /// The shipment that it belongs to.
    pub shipment_id: Option<ShipmentId>,
    /// The act, as its client named it.
    pub request_id: RequestId,
    /// The movement that this one takes back.
    pub reverses: Option<MovementName>,
}

/// A movement's name: the location in whose numbering it stands, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovementName {
    /// The location.
    pub location: Location,
    /// The number.
    pub number: i64,
}

impl fmt::Display for MovementName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}#{}", self.location, self.number)
    }
}

impl Movement {
    /// The entry that a leg becomes.
    pub fn of(leg: &Leg, number: i64, papers: Papers<'_>, at: OffsetDateTime) -> Self {
        Self {
            kind: leg.kind,
            location: leg.from.unwrap_or(leg.to).location,
            number,
            serials: leg.serials,
            from: leg.from,
            to: leg.to,
            document_number: papers.document_number.to_owned(),
            moved_at: at,
            given_by: papers.given_by,
            taken_by: papers.taken_by,
            shipment_id: papers.shipment_id,
            request_id: papers.request_id,
            reverses: papers.reverses,
        }
    }

    /// Its name.
    pub fn name(&self) -> MovementName {
        MovementName {
            location: self.location,
            number: self.number,
        }
    }
}

/// What the movements of one act have in common: what they are signed with.
#[derive(Debug, Clone, Copy)]
pub struct Papers<'a> {
    /// The act, as its client named it.
    pub request_id: RequestId,
    /// Their record; empty for acts without one.
    pub document_number: &'a str,
    /// Who gives, or who acts alone.
    pub given_by: Option<OfficerId>,
    /// Who takes.
    pub taken_by: Option<OfficerId>,
    /// The shipment that they belong to.
    pub shipment_id: Option<ShipmentId>,
    /// The movement that they take back.
    pub reverses: Option<MovementName>,
}
