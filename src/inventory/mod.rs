//! Inventory: every numbered blank and card, from the maker's delivery to the holder's hand (blangko, KTP-el).
//!
//! ```text
//!  maker ──> IN_STOCK ──> IN_TRANSIT ──> IN_STOCK ──> BOUND ──> AT_SITE ──> HANDED_OVER
//!            (centre)          └──> DISPUTED (a case)   └──> SPOILED
//! ```
//!
//! A serial is in exactly one account (location and state), for ever. Accounts hold maximal runs of serials; every
//! quantity is a sum over them and there is no second balance. What a reader gets wrong: a run here is not a box, it
//! merges with its neighbours as soon as they are in the same account.
//!
//! Tables: location, custody, movement, delivery, shipment, stock_case, stock_case_settlement, stock_count, store_spoilage,
//! destruction, blank_request, card. Other features change them only through the doors below.

mod count;
mod decide;
mod distribution;
mod location;
mod movement;
pub mod proof;
mod request;
mod reversal;
mod rpc;
mod settlement;
mod shipment;
mod steps;
mod store;
mod watch;
mod wire;
mod write_off;

use serde::{Deserialize, Serialize};

use crate::ids::{
    PrintRequestId, ResidentId, Serial, SerialError, SerialRange, ShipmentId, StockCaseId,
    Subdistrict,
};

pub use count::{
    Books, Closing, CountRefusal, CountState, Counting, Difference, Ender, Lying, Sheet,
    StockCount, Tally,
};
pub use distribution::{Distribution, Lack, Proposal, Share};
pub use location::{Location, LocationError, UnitKind, UnitRefusal};
pub use movement::{
    Account, CustodyState, Holding, Leg, Movement, MovementKind, MovementName, Papers,
};
pub use request::{
    Backlog, BlankRequest, DaysToEmpty, Decision, Grant, RequestCause, RequestRoute, RequestState,
    Sent, SupplyRefusal, Use, Verdict,
};
pub use reversal::{LedgerRefusal, Reversal};
pub use rpc::InventoryService;
pub use settlement::{CaseCursor, CaseRefusal, OpenCase, Outcome, Settlement};
pub use shipment::{
    Arrival, CaseKind, Consignment, Direction, Receipt, Route, Shipment, ShipmentState, Signature,
    StockCase,
};
pub use steps::doors::{bind, mark_handed_over, mark_printed, mark_spoiled};
pub use steps::{
    DESTROY, REVERSE, SETTLE, destruction_approved, raise_low_stock, reversal_approved,
    settlement_approved,
};
pub use write_off::{
    Agency, Destruction, Found as FoundAgain, Returned, Spoiled, Witness, WriteOffRefusal,
};

/// How many serials one run of a message may hold; a longer run of the custody is told in several.
const RUN_MAX: i64 = 1_000_000;

/// What the maker delivered to the centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The delivery record (berita acara).
    pub document_number: String,
    /// The blanks.
    pub serials: Vec<SerialRange>,
}

/// A location's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// The location.
    pub location: Location,
    /// What ever came into the location's charge: delivered, received, or missing and found there at a receipt.
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
    /// Not explained: missing, or found where they should not be.
    pub disputed: i64,
    /// Cards that were taken back.
    pub returned: i64,
    /// Lost.
    pub lost: i64,
    /// Destroyed.
    pub destroyed: i64,
}

/// What lies in one of an office's stores or units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationStock {
    /// The store or unit.
    pub location: Location,
    /// In the store.
    pub in_stock: i64,
    /// On their way here.
    pub in_transit: i64,
    /// Bound to print requests.
    pub bound: i64,
    /// Cards at the site.
    pub at_site: i64,
    /// Spoiled.
    pub spoiled: i64,
    /// Not explained.
    pub disputed: i64,
    /// Cards that were taken back.
    pub returned: i64,
    /// Who counts there now.
    pub counting: Option<Counting>,
}

/// How a blank was spoiled, as its printer reports or its store.
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
    /// Damaged in the store.
    DamagedInStore,
}

impl Spoilage {
    /// The name in the contract and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FactoryDefect => "FACTORY_DEFECT",
            Self::ChipNotEncodable => "CHIP_NOT_ENCODABLE",
            Self::PrintFailure => "PRINT_FAILURE",
            Self::Laminate => "LAMINATE",
            Self::DamagedInStore => "DAMAGED_IN_STORE",
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

/// What has a serial that was looked for in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It is bound to a print request, or was.
    ReservedBy(PrintRequestId),
    /// It is on its way.
    InTransit(ShipmentId),
    /// Nobody can explain it.
    InDispute(StockCaseId),
    /// It is not in the caller's charge, or not as a blank.
    NotHere,
}

/// Why inventory says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such location, or none that the caller may use.
    LocationNotFound,
    /// Some serials of a delivery are in custody already.
    SerialsAlreadyRegistered(SerialRange),
    /// Something is in the way of a count, or a count of something.
    Count(CountRefusal),
    /// A unit is not opened.
    Unit(UnitRefusal),
    /// A run that is not wholly in the sender's stock, and what has its first serial.
    BlanksNotInStock(SerialRange, Obstacle),
    /// No such shipment to the caller's district.
    ShipmentNotFound,
    /// Blanks do not go from there to there.
    RouteNotAllowed,
    /// The terminal is limited to its subdistrict, and the store is not the subdistrict's (S0-15).
    OutsideSubdistrict(Subdistrict),
    /// The shipment was received before.
    ShipmentAlreadyReceived,
    /// The shipment was taken back by its sender.
    ShipmentCancelled,
    /// Who sent it cannot receive it.
    SamePerson,
    /// So many of the serials were not dispatched in this shipment that it is another one: the first run of them.
    SerialsNotInShipment(SerialRange),
    /// What is short, or asked for in another way than it can be.
    Supply(SupplyRefusal),
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
