//! Blanks on their way: a shipment has two phases and two signatures, and whatever does not match becomes a case.
//!
//! What a reader gets wrong: nothing is ever adjusted. What was sent and did not arrive, and what arrived and was not sent, goes
//! to the dispute account of the place where it was noticed, and stays there until officers of two offices settle it.

use time::OffsetDateTime;

use super::{CustodyState, Location};
use crate::ids::{
    BlankRequestId, District, OfficerId, PersonId, SerialRange, ShipmentId, StockCaseId,
    StockCountId, Subdistrict,
};

/// What an office sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consignment {
    /// From which store.
    pub origin: Location,
    /// To which store.
    pub destination: Location,
    /// The transfer record.
    pub document_number: String,
    /// The blanks.
    pub serials: Vec<SerialRange>,
    /// The request that it fulfils.
    pub blank_request_id: Option<BlankRequestId>,
}

/// What the receiver found in the boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Of which shipment.
    pub shipment_id: ShipmentId,
    /// The receipt record.
    pub document_number: String,
    /// The blanks.
    pub serials: Vec<SerialRange>,
}

/// Where a shipment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ShipmentState {
    /// On its way.
    Dispatched,
    /// Received, all of it.
    Received,
    /// Received, with blanks missing or others found.
    ReceivedWithDifferences,
    /// Taken back by its sender.
    Cancelled,
}

/// Which way a list's shipments go, seen from an office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To it.
    In,
    /// From it.
    Out,
}

/// Blanks on their way from one store to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// The shipment.
    pub shipment_id: ShipmentId,
    /// Who sends.
    pub origin: Location,
    /// Who receives.
    pub destination: Location,
    /// Where it stands.
    pub state: ShipmentState,
    /// The transfer record.
    pub document_number: String,
    /// What was dispatched, in rising order.
    pub serials: Vec<SerialRange>,
    /// How many.
    pub dispatched_quantity: i64,
    /// How many of them arrived; 0 until then.
    pub received_quantity: i64,
    /// How many arrived that were not on its list.
    pub surplus_quantity: i64,
    /// When it was dispatched.
    pub dispatched_at: OffsetDateTime,
    /// Who signed for the sender.
    pub dispatched_by: Signature,
    /// When it was received or taken back.
    pub ended_at: Option<OffsetDateTime>,
    /// Who signed for the receiver, or took it back.
    pub ended_by: Option<OfficerId>,
    /// The request that it fulfils.
    pub blank_request_id: Option<BlankRequestId>,
}

/// Who signs: an account, and the person behind it, who may have another one elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The account.
    pub officer: OfficerId,
    /// The person.
    pub person: PersonId,
}

/// What is asked of the way that a consignment goes.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// From which store.
    pub origin: Location,
    /// To which.
    pub destination: Location,
    /// The office that sends.
    pub sender: District,
    /// The subdistrict that limits who sends.
    pub limit: Option<Subdistrict>,
}

/// What a receipt amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Goes into stock.
    pub arrived: Vec<SerialRange>,
    /// Dispatched and not there: goes to the dispute account.
    pub missing: Vec<SerialRange>,
    /// There and not dispatched: goes to the dispute account if the sender's books have it.
    pub surplus: Vec<SerialRange>,
    /// How the shipment ends.
    pub state: ShipmentState,
    /// How many arrived.
    pub received_quantity: i64,
}

/// Why a case was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CaseKind {
    /// Dispatched and not in the boxes.
    MissingAtReceipt,
    /// In the boxes and not on the list.
    FoundAtReceipt,
    /// On the books and not counted.
    MissingInCount,
    /// Counted and not on the books.
    FoundInCount,
    /// Lost once, and there again.
    FoundAgain,
}

/// Serials that nobody can explain, with an owner and a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockCase {
    /// The case.
    pub case_id: StockCaseId,
    /// Why it was opened.
    pub kind: CaseKind,
    /// Where.
    pub location: Location,
    /// The office whose officer must agree to its end.
    pub counterpart: District,
    /// All that it is about, in rising order.
    pub serials: Vec<SerialRange>,
    /// What of it is not settled yet.
    pub open_serials: Vec<SerialRange>,
    /// Whether they are in the location's dispute account; if not, their custody says another place.
    pub in_dispute: bool,
    /// What they are again where they turn up: blanks of a shipment and of a count are in stock, what was to be destroyed is
    /// still that, and so is what had been lost, for nobody knows what was done with it.
    pub found_as: CustodyState,
    /// The shipment in which they were missing or found.
    pub shipment_id: Option<ShipmentId>,
    /// The count in which they were missing or found.
    pub count_id: Option<StockCountId>,
    /// The record of the act that opened it.
    pub document_number: String,
    /// Who sent them.
    pub given_by: Option<OfficerId>,
    /// Who opened it, and owns it until it ends.
    pub opened_by: OfficerId,
    /// When.
    pub opened_at: OffsetDateTime,
    /// Until when it must be settled.
    pub due_at: OffsetDateTime,
}
