//! Inventory: every numbered blank and card, from the maker's delivery to the holder's hand (blangko, KTP-el).
//!
//! ```text
//!  maker ──> IN_STOCK (centre) ──> IN_TRANSIT ──> IN_STOCK (district) ──> BOUND ──> AT_SITE ──> HANDED_OVER
//!                                       └──> DISPUTED (missing at receipt)   └──> SPOILED
//! ```
//!
//! A serial is in exactly one account (location and state), for ever. Accounts hold maximal runs of serials; every
//! quantity is a sum over them and there is no second balance. What a reader gets wrong: a run here is not a box, it
//! merges with its neighbours as soon as they are in the same account.
//!
//! Tables: location, custody, movement, delivery, shipment, card. Other features change them only through the doors below.

mod decide;
mod location;
pub mod proof;
mod rpc;
mod steps;
mod store;
mod watch;
mod wire;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ids::{
    PrintRequestId, ResidentId, Serial, SerialError, SerialRange, ShipmentId, Subdistrict,
};

pub use location::{Location, LocationError};
pub use rpc::InventoryService;
pub use steps::doors::{bind, mark_handed_over, mark_printed, mark_spoiled};

/// How many serials one run of a message may hold; a longer run of the custody is told in several.
const RUN_MAX: i64 = 1_000_000;

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
    /// Dispatched and not found at receipt.
    Disputed,
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
    /// Arrived.
    Received,
    /// Missing at receipt.
    Disputed,
    /// Bound to a print request.
    Bound,
    /// Printed; a card at the site.
    Printed,
    /// Spoiled.
    Spoiled,
    /// Handed to its holder.
    HandedOver,
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
    /// Its record; empty for acts without one.
    pub document_number: String,
    /// The business time of the act.
    pub moved_at: OffsetDateTime,
}

/// What the maker delivered to the centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The delivery record (berita acara).
    pub document_number: String,
    /// The blanks.
    pub serials: Vec<SerialRange>,
}

/// What the centre sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consignment {
    /// To which store.
    pub destination: Location,
    /// The transfer record.
    pub document_number: String,
    /// The blanks.
    pub serials: Vec<SerialRange>,
}

/// What a district found in the boxes.
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
    /// Received, with blanks missing.
    ReceivedWithDifferences,
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
    /// How many arrived; 0 until then.
    pub received_quantity: i64,
    /// When it was dispatched.
    pub dispatched_at: OffsetDateTime,
    /// When it was received.
    pub received_at: Option<OffsetDateTime>,
}

/// What a receipt amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Goes into stock.
    pub arrived: Vec<SerialRange>,
    /// Goes to the dispute account.
    pub missing: Vec<SerialRange>,
    /// How the shipment ends.
    pub state: ShipmentState,
    /// How many arrived.
    pub received_quantity: i64,
}

/// A location's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// The location.
    pub location: Location,
    /// Ever received here.
    pub received: i64,
    /// Sent on from here.
    pub sent_on: i64,
    /// In the store.
    pub in_stock: i64,
    /// Bound to print requests.
    pub bound: i64,
    /// Cards at the site.
    pub at_site: i64,
    /// Cards handed over.
    pub handed_over: i64,
    /// Spoiled.
    pub spoiled: i64,
    /// On their way here.
    pub in_transit: i64,
    /// Missing at receipt.
    pub disputed: i64,
}

/// How a blank was spoiled, as its printer reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Spoilage {
    /// Defective from the maker.
    FactoryDefect,
    /// The chip cannot be encoded.
    ChipNotEncodable,
    /// The print failed or is unreadable.
    PrintFailure,
    /// The laminate peels or the card is warped.
    Laminate,
}

impl Spoilage {
    /// The name in the contract and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FactoryDefect => "FACTORY_DEFECT",
            Self::ChipNotEncodable => "CHIP_NOT_ENCODABLE",
            Self::PrintFailure => "PRINT_FAILURE",
            Self::Laminate => "LAMINATE",
        }
    }
}

/// Where one serial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blank {
    /// Where and as what.
    pub account: Account,
    /// The print request that it was bound to.
    pub print_request_id: Option<PrintRequestId>,
    /// How it was spoiled.
    pub spoilage: Option<Spoilage>,
}

/// A blank with its chip that is to become a person's card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The blank.
    pub serial: Serial,
    /// The chip inside.
    pub chip_uid: String,
    /// Whose card it will be.
    pub resident_id: ResidentId,
    /// For which request.
    pub print_request_id: PrintRequestId,
    /// The store that feeds the printer.
    pub location: Location,
}

/// What was found of a binding under the store's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The blank is in stock there.
    pub in_stock: bool,
    /// The chip is known, anywhere.
    pub chip_known: bool,
    /// The person has a card between binding and collection.
    pub card_under_way: bool,
}

/// Why inventory says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such location, or none that the caller may use.
    LocationNotFound,
    /// Some serials of a delivery are in custody already.
    SerialsAlreadyRegistered(SerialRange),
    /// A run that is not wholly in the sender's stock.
    BlanksNotInStock(SerialRange),
    /// No such shipment to the caller's district.
    ShipmentNotFound,
    /// The terminal is limited to its subdistrict, and the store is not the subdistrict's (S0-15).
    OutsideSubdistrict(Subdistrict),
    /// The shipment was received before.
    ShipmentAlreadyReceived,
    /// A run that was not dispatched in this shipment.
    SerialsNotInShipment(SerialRange),
    /// No such blank in the caller's district.
    BlankNotFound,
    /// The blank of a binding is not in stock there.
    BlankNotInStock {
        /// The blank.
        serial: Serial,
        /// Where it was looked for.
        location: Location,
    },
    /// The chip was bound before.
    ChipAlreadyBound,
    /// The person has a card under way.
    CardAlreadyIssued,
}

/// The run of one serial.
fn single(serial: Serial) -> SerialRange {
    SerialRange::new(serial, serial).expect("one serial is a range")
}

/// A run of the tables as ranges that a message may carry; the tables join what the messages must not.
fn pieces(first: i64, last: i64) -> Result<Vec<SerialRange>, SerialError> {
    let mut pieces = Vec::new();
    let mut next = first;
    while next <= last {
        let end = last.min(next + RUN_MAX - 1);
        pieces.push(SerialRange::new(Serial::new(next)?, Serial::new(end)?)?);
        next = end + 1;
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_told_in_several_ranges() {
        let told = pieces(1, 2 * RUN_MAX + 1).expect("serials");
        let counts: Vec<i64> = told.iter().map(|range| range.count()).collect();
        assert_eq!(counts, [RUN_MAX, RUN_MAX, 1]);
        assert_eq!(pieces(7, 7).expect("a serial").len(), 1);
        assert!(pieces(0, 5).is_err());
    }
}
