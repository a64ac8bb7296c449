//! The way back: nouns as the contract's messages, and each refusal with its code, reason and explaining values.

use prost::Message;

use crate::{
    error::{Error, ErrorReason, Kind},
    ids::SerialRange,
    inventory::{
        Blank, CustodyState, DaysToEmpty, Holding, Movement, MovementKind, Obstacle, Refusal,
        Shipment, ShipmentState, Spoilage, Stock,
        wire::{request::days_to_empty, supply::refused},
    },
    proto,
    wire::{serial_range_message, timestamp},
};

/// The answer to a delivery. Revisions are filled when the ledger is closed.
pub fn register_delivery_response(quantity: i64) -> proto::RegisterDeliveryResponse {
    proto::RegisterDeliveryResponse {
        quantity: quantity.unsigned_abs(),
        committed_revision: 0,
    }
}

/// The answer to a dispatch.
pub fn dispatch_shipment_response(sent: &Shipment) -> proto::DispatchShipmentResponse {
    proto::DispatchShipmentResponse {
        shipment: Some(shipment(sent)),
        committed_revision: 0,
    }
}

/// The answer to a receipt.
pub fn receive_shipment_response(received: &Shipment) -> proto::ReceiveShipmentResponse {
    proto::ReceiveShipmentResponse {
        shipment: Some(shipment(received)),
        committed_revision: 0,
    }
}

/// The answer to a cancellation.
pub fn cancel_shipment_response(cancelled: &Shipment) -> proto::CancelShipmentResponse {
    proto::CancelShipmentResponse {
        shipment: Some(shipment(cancelled)),
        committed_revision: 0,
    }
}

/// A location's account with what is on its way there and how long it lasts.
pub fn get_stock_response(
    account: &Stock,
    due_in: &[Shipment],
    lasting: Option<DaysToEmpty>,
) -> proto::GetStockResponse {
    proto::GetStockResponse {
        stock: Some(stock(account)),
        due_in: due_in.iter().map(shipment).collect(),
        days_to_empty: lasting.map(days_to_empty),
    }
}

/// Where a blank is, and its life.
pub fn locate_blank_response(blank: &Blank, movements: &[Movement]) -> proto::LocateBlankResponse {
    proto::LocateBlankResponse {
        location: blank.account.location.to_string(),
        state: state(blank.account.state).into(),
        print_request_id: blank
            .print_request_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        movements: movements.iter().map(movement).collect(),
        spoilage_kind: blank
            .spoilage
            .map_or(proto::SpoilageKind::Unspecified, spoilage)
            .into(),
    }
}

fn spoilage(spoilage: Spoilage) -> proto::SpoilageKind {
    match spoilage {
        Spoilage::FactoryDefect => proto::SpoilageKind::FactoryDefect,
        Spoilage::ChipNotEncodable => proto::SpoilageKind::ChipNotEncodable,
        Spoilage::PrintFailure => proto::SpoilageKind::PrintFailure,
        Spoilage::Laminate => proto::SpoilageKind::Laminate,
        Spoilage::DamagedInStore => proto::SpoilageKind::DamagedInStore,
    }
}

/// Where a run of serials is, as the ledger's events carry it.
pub fn stock_event(holding: &Holding) -> Vec<u8> {
    proto::StockEntry {
        serials: Some(serial_range_message(holding.serials)),
        location: holding.account.location.to_string(),
        state: state(holding.account.state).into(),
    }
    .encode_to_vec()
}

pub(super) fn movement(moved: &Movement) -> proto::Movement {
    proto::Movement {
        kind: kind(moved.kind).into(),
        location: moved.location.to_string(),
        number: moved.number.unsigned_abs(),
        serials: Some(serial_range_message(moved.serials)),
        document_number: moved.document_number.clone(),
        move_time: Some(timestamp(moved.moved_at)),
        to_location: moved.to.location.to_string(),
        to_state: state(moved.to.state).into(),
        given_by: text(moved.given_by),
        taken_by: text(moved.taken_by),
        shipment_id: text(moved.shipment_id),
        request_id: moved.request_id.to_string(),
        reverses_location: text(moved.reverses.map(|name| name.location)),
        reverses_number: moved.reverses.map_or(0, |name| name.number.unsigned_abs()),
    }
}

/// Empty for nothing.
pub(super) fn text(value: Option<impl std::fmt::Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

pub(super) fn shipment(shipment: &Shipment) -> proto::Shipment {
    let is_received = shipment.state != ShipmentState::Cancelled;
    proto::Shipment {
        shipment_id: shipment.shipment_id.to_string(),
        origin: shipment.origin.to_string(),
        destination: shipment.destination.to_string(),
        state: shipment_state(shipment.state).into(),
        document_number: shipment.document_number.clone(),
        serials: shipment
            .serials
            .iter()
            .map(|run| serial_range_message(*run))
            .collect(),
        dispatched_quantity: shipment.dispatched_quantity.unsigned_abs(),
        received_quantity: shipment.received_quantity.unsigned_abs(),
        dispatch_time: Some(timestamp(shipment.dispatched_at)),
        receive_time: shipment.ended_at.filter(|_| is_received).map(timestamp),
        surplus_quantity: shipment.surplus_quantity.unsigned_abs(),
        dispatched_by: shipment.dispatched_by.officer.to_string(),
        received_by: text(shipment.ended_by.filter(|_| is_received)),
        blank_request_id: text(shipment.blank_request_id),
    }
}

fn stock(stock: &Stock) -> proto::Stock {
    proto::Stock {
        location: stock.location.to_string(),
        received: stock.received.unsigned_abs(),
        sent_on: stock.sent_on.unsigned_abs(),
        in_stock: stock.in_stock.unsigned_abs(),
        bound: stock.bound.unsigned_abs(),
        at_site: stock.at_site.unsigned_abs(),
        handed_over: stock.handed_over.unsigned_abs(),
        spoiled: stock.spoiled.unsigned_abs(),
        in_transit: stock.in_transit.unsigned_abs(),
        disputed: stock.disputed.unsigned_abs(),
        returned: stock.returned.unsigned_abs(),
        lost: stock.lost.unsigned_abs(),
        destroyed: stock.destroyed.unsigned_abs(),
    }
}

/// A state of custody as the contract names it.
pub fn state(state: CustodyState) -> proto::CustodyState {
    match state {
        CustodyState::InStock => proto::CustodyState::InStock,
        CustodyState::InTransit => proto::CustodyState::InTransit,
        CustodyState::Bound => proto::CustodyState::Bound,
        CustodyState::AtSite => proto::CustodyState::AtSite,
        CustodyState::HandedOver => proto::CustodyState::HandedOver,
        CustodyState::Spoiled => proto::CustodyState::Spoiled,
        CustodyState::Disputed => proto::CustodyState::Disputed,
        CustodyState::Returned => proto::CustodyState::Returned,
        CustodyState::Lost => proto::CustodyState::Lost,
        CustodyState::Destroyed => proto::CustodyState::Destroyed,
    }
}

pub fn kind(kind: MovementKind) -> proto::MovementKind {
    match kind {
        MovementKind::Delivered => proto::MovementKind::Delivered,
        MovementKind::Dispatched => proto::MovementKind::Dispatched,
        MovementKind::Received => proto::MovementKind::Received,
        MovementKind::Disputed => proto::MovementKind::Disputed,
        MovementKind::Bound => proto::MovementKind::Bound,
        MovementKind::Printed => proto::MovementKind::Printed,
        MovementKind::Spoiled => proto::MovementKind::Spoiled,
        MovementKind::HandedOver => proto::MovementKind::HandedOver,
        MovementKind::Cancelled => proto::MovementKind::Cancelled,
        MovementKind::Settled => proto::MovementKind::Settled,
        MovementKind::Returned => proto::MovementKind::Returned,
        MovementKind::Lost => proto::MovementKind::Lost,
        MovementKind::Found => proto::MovementKind::Found,
        MovementKind::Destroyed => proto::MovementKind::Destroyed,
        MovementKind::Reversed => proto::MovementKind::Reversed,
    }
}

fn shipment_state(state: ShipmentState) -> proto::ShipmentState {
    match state {
        ShipmentState::Dispatched => proto::ShipmentState::Dispatched,
        ShipmentState::Received => proto::ShipmentState::Received,
        ShipmentState::ReceivedWithDifferences => proto::ShipmentState::ReceivedWithDifferences,
        ShipmentState::Cancelled => proto::ShipmentState::Cancelled,
    }
}

/// Names what has the first serial of a run.
fn held_by(error: Error, obstacle: Obstacle) -> Error {
    let (why, holder) = match obstacle {
        Obstacle::ReservedBy(id) => ("RESERVED_BY", Some(("print_request_id", id.to_string()))),
        Obstacle::InTransit(id) => ("IN_TRANSIT", Some(("shipment_id", id.to_string()))),
        Obstacle::InDispute(id) => ("IN_DISPUTE", Some(("case_id", id.to_string()))),
        Obstacle::NotHere => ("NOT_HERE", None),
    };
    let error = error.with("why", why);
    match holder {
        Some((name, id)) => error.with(name, id),
        None => error,
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let of_run = |error: Self, run: SerialRange| {
            error.with("first", run.first()).with("last", run.last())
        };
        match refusal {
            Refusal::LocationNotFound => Self::not_found(ErrorReason::LocationNotFound, "location"),
            Refusal::SerialsAlreadyRegistered(run) => {
                let message = "some of these serials are registered already";
                of_run(
                    Self::new(Kind::Exists, ErrorReason::SerialsAlreadyRegistered, message),
                    run,
                )
            }
            Refusal::BlanksNotInStock(run, obstacle) => {
                let message = "some of these blanks are not in the sender's stock";
                let error = Self::refused(ErrorReason::BlanksNotInStock, message);
                held_by(of_run(error, run), obstacle)
            }
            Refusal::RouteNotAllowed => Self::refused(
                ErrorReason::RouteNotAllowed,
                "blanks do not go from there to there",
            ),
            Refusal::ShipmentCancelled => Self::refused(
                ErrorReason::ShipmentCancelled,
                "the shipment was taken back by its sender",
            ),
            Refusal::SamePerson => Self::refused(
                ErrorReason::SamePerson,
                "who dispatched a shipment does not receive it; another person signs",
            ),
            Refusal::ShipmentNotFound => Self::not_found(ErrorReason::ShipmentNotFound, "shipment"),
            Refusal::OutsideSubdistrict(limit) => {
                let message = "the terminal acts for its own subdistrict only";
                Self::new(Kind::Forbidden, ErrorReason::OutsideSubdistrict, message)
                    .with("subdistrict", limit)
            }
            Refusal::ShipmentAlreadyReceived => Self::refused(
                ErrorReason::ShipmentAlreadyReceived,
                "the shipment was received before",
            ),
            Refusal::SerialsNotInShipment(run) => of_run(
                Self::refused(
                    ErrorReason::SerialsNotInShipment,
                    "too many serials that were not dispatched in this shipment",
                ),
                run,
            ),
            Refusal::Count(refusal) => super::count::refused(refusal),
            Refusal::Unit(refusal) => super::lists::refused(refusal),
            Refusal::Supply(refusal) => refused(refusal),
            Refusal::BlankNotFound => Self::not_found(ErrorReason::BlankNotFound, "blank"),
            Refusal::BlankNotInStock { serial, location } => {
                let message = "the blank is not in stock there; put it aside and report it";
                Self::refused(ErrorReason::BlankNotInStock, message)
                    .with("serial", serial)
                    .with("location", location)
            }
            Refusal::ChipAlreadyBound => {
                let message = "the chip was bound before; put the blank aside and report it";
                Self::refused(ErrorReason::ChipAlreadyBound, message)
            }
            Refusal::CardAlreadyIssued => Self::refused(
                ErrorReason::CardAlreadyIssued,
                "the person has a card already",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::*;
    use crate::{inventory::Location, wire::serial_range};

    #[test]
    fn every_refusal_has_its_code() {
        let run = serial_range(&proto::SerialRange { first: 7, last: 9 }).expect("a range");
        let (serial, location) = (run.first(), Location::CENTRE);
        for (refusal, code) in [
            (Refusal::LocationNotFound, Code::NotFound),
            (Refusal::SerialsAlreadyRegistered(run), Code::AlreadyExists),
            (
                Refusal::BlanksNotInStock(run, Obstacle::NotHere),
                Code::FailedPrecondition,
            ),
            (Refusal::RouteNotAllowed, Code::FailedPrecondition),
            (Refusal::ShipmentCancelled, Code::FailedPrecondition),
            (Refusal::SamePerson, Code::FailedPrecondition),
            (Refusal::ShipmentNotFound, Code::NotFound),
            (Refusal::ShipmentAlreadyReceived, Code::FailedPrecondition),
            (Refusal::SerialsNotInShipment(run), Code::FailedPrecondition),
            (Refusal::BlankNotFound, Code::NotFound),
            (
                Refusal::BlankNotInStock { serial, location },
                Code::FailedPrecondition,
            ),
            (Refusal::ChipAlreadyBound, Code::FailedPrecondition),
            (Refusal::CardAlreadyIssued, Code::FailedPrecondition),
        ] {
            let status = Status::from(Error::from(refusal.clone()));
            assert_eq!(status.code(), code, "{refusal:?}");
        }
        let told = Error::from(Refusal::BlanksNotInStock(run, Obstacle::NotHere))
            .to_refusal()
            .metadata;
        assert_eq!((told["first"].as_str(), told["last"].as_str()), ("7", "9"));
    }
}
