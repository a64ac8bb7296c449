//! Proto to nouns and back, for inventory. Every violation of a request is found at once.

use prost::Message;

use crate::{
    error::{Error, ErrorReason, Kind, Result},
    ids::{RequestId, Serial, SerialRange, ShipmentId, disjoint},
    inventory::{
        Arrival, Blank, Consignment, CustodyState, Delivery, Location, Movement, MovementKind,
        Refusal, Shipment, ShipmentState, Stock,
    },
    proto,
    violations::Violations,
    wire::{serial_range, serial_range_message, timestamp},
};

/// The most ranges in one request: a maker's delivery is some dozen boxes.
const RANGES_MAX: usize = 100;
/// The longest number of a record.
const DOCUMENT_NUMBER_MAX: usize = 64;

/// Parses a delivery.
pub fn register_delivery(
    message: &proto::RegisterDeliveryRequest,
) -> Result<(RequestId, Delivery)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let document_number = document_number(&mut violations, &message.document_number);
    let serials = ranges(&mut violations, &message.serials);
    let Some(request_id) = request_id else {
        return Err(violations.error());
    };
    violations.finish((
        request_id,
        Delivery {
            document_number,
            serials,
        },
    ))
}

/// Parses a dispatch.
pub fn dispatch_shipment(
    message: &proto::DispatchShipmentRequest,
) -> Result<(RequestId, Consignment)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let destination = violations.parse::<Location>("destination", &message.destination);
    let document_number = document_number(&mut violations, &message.document_number);
    let serials = ranges(&mut violations, &message.serials);
    let (Some(request_id), Some(destination)) = (request_id, destination) else {
        return Err(violations.error());
    };
    violations.finish((
        request_id,
        Consignment {
            destination,
            document_number,
            serials,
        },
    ))
}

/// Parses a receipt.
pub fn receive_shipment(message: &proto::ReceiveShipmentRequest) -> Result<(RequestId, Arrival)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let shipment_id = violations.parse::<ShipmentId>("shipment_id", &message.shipment_id);
    let serials = ranges(&mut violations, &message.serials);
    let document_number = document_number(&mut violations, &message.document_number);
    let (Some(request_id), Some(shipment_id)) = (request_id, shipment_id) else {
        return Err(violations.error());
    };
    violations.finish((
        request_id,
        Arrival {
            shipment_id,
            document_number,
            serials,
        },
    ))
}

/// Parses the location whose account is asked for; `own` stands for an empty one.
pub fn get_stock(message: &proto::GetStockRequest, own: Location) -> Result<Location> {
    let mut violations = Violations::new();
    let location = violations.parse_optional::<Location>("location", &message.location);
    violations.finish(location.unwrap_or(own))
}

/// Parses the serial that is looked for.
pub fn locate_blank(message: &proto::LocateBlankRequest) -> Result<Serial> {
    let mut violations = Violations::new();
    let serial = violations.take("serial", Serial::new(message.serial));
    serial.ok_or_else(|| violations.error())
}

fn document_number(violations: &mut Violations, text: &str) -> String {
    violations.text("document_number", text, 1, DOCUMENT_NUMBER_MAX)
}

fn ranges(violations: &mut Violations, messages: &[proto::SerialRange]) -> Vec<SerialRange> {
    violations.batch("serials", messages, RANGES_MAX);
    let mut ranges = Vec::new();
    let mut places = Vec::new();
    // A batch over the limit is refused already; what lies beyond is not looked at.
    for (place, message) in messages.iter().take(RANGES_MAX).enumerate() {
        if let Some(range) = violations.take(format!("serials[{place}]"), serial_range(message)) {
            ranges.push(range);
            places.push(place);
        }
    }
    if let Err(second) = disjoint(&ranges) {
        violations.add(
            format!("serials[{}]", places[second]),
            "overlaps an earlier range",
        );
    }
    ranges
}

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

/// A location's account with what is on its way there.
pub fn get_stock_response(account: &Stock, due_in: &[Shipment]) -> proto::GetStockResponse {
    proto::GetStockResponse {
        stock: Some(stock(account)),
        due_in: due_in.iter().map(shipment).collect(),
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
    }
}

/// A movement as the ledger's events carry it.
pub fn movement_event(moved: &Movement) -> Vec<u8> {
    movement(moved).encode_to_vec()
}

fn movement(moved: &Movement) -> proto::Movement {
    proto::Movement {
        kind: kind(moved.kind).into(),
        location: moved.location.to_string(),
        number: moved.number.unsigned_abs(),
        serials: Some(serial_range_message(moved.serials)),
        document_number: moved.document_number.clone(),
        move_time: Some(timestamp(moved.moved_at)),
    }
}

fn shipment(shipment: &Shipment) -> proto::Shipment {
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
        receive_time: shipment.received_at.map(timestamp),
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
    }
}

fn state(state: CustodyState) -> proto::CustodyState {
    match state {
        CustodyState::InStock => proto::CustodyState::InStock,
        CustodyState::InTransit => proto::CustodyState::InTransit,
        CustodyState::Bound => proto::CustodyState::Bound,
        CustodyState::AtSite => proto::CustodyState::AtSite,
        CustodyState::HandedOver => proto::CustodyState::HandedOver,
        CustodyState::Spoiled => proto::CustodyState::Spoiled,
        CustodyState::Disputed => proto::CustodyState::Disputed,
    }
}

fn kind(kind: MovementKind) -> proto::MovementKind {
    match kind {
        MovementKind::Delivered => proto::MovementKind::Delivered,
        MovementKind::Dispatched => proto::MovementKind::Dispatched,
        MovementKind::Received => proto::MovementKind::Received,
        MovementKind::Disputed => proto::MovementKind::Disputed,
        MovementKind::Bound => proto::MovementKind::Bound,
        MovementKind::Printed => proto::MovementKind::Printed,
        MovementKind::Spoiled => proto::MovementKind::Spoiled,
        MovementKind::HandedOver => proto::MovementKind::HandedOver,
    }
}

fn shipment_state(state: ShipmentState) -> proto::ShipmentState {
    match state {
        ShipmentState::Dispatched => proto::ShipmentState::Dispatched,
        ShipmentState::Received => proto::ShipmentState::Received,
        ShipmentState::ReceivedWithDifferences => proto::ShipmentState::ReceivedWithDifferences,
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
            Refusal::BlanksNotInStock(run) => of_run(
                Self::refused(
                    ErrorReason::BlanksNotInStock,
                    "some of these blanks are not in the sender's stock",
                ),
                run,
            ),
            Refusal::ShipmentNotFound => Self::not_found(ErrorReason::ShipmentNotFound, "shipment"),
            Refusal::ShipmentAlreadyReceived => Self::refused(
                ErrorReason::ShipmentAlreadyReceived,
                "the shipment was received before",
            ),
            Refusal::SerialsNotInShipment(run) => of_run(
                Self::refused(
                    ErrorReason::SerialsNotInShipment,
                    "some of these serials were not dispatched in this shipment",
                ),
                run,
            ),
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

    const ID: &str = "0190f5fe-7c00-7a00-8abc-def012345678";

    fn range(first: i64, last: i64) -> proto::SerialRange {
        proto::SerialRange { first, last }
    }

    fn delivery(serials: Vec<proto::SerialRange>) -> proto::RegisterDeliveryRequest {
        proto::RegisterDeliveryRequest {
            request_id: ID.to_owned(),
            document_number: " BA-1/2017 ".to_owned(),
            serials,
        }
    }

    fn violations(error: Error) -> String {
        error
            .to_refusal()
            .metadata
            .remove("violations")
            .expect("violations")
    }

    #[test]
    fn a_delivery_is_read_with_its_record() {
        let (_, read) = register_delivery(&delivery(vec![range(8001, 10_000), range(1, 8000)]))
            .expect("a delivery");
        assert_eq!(read.document_number, "BA-1/2017");
        assert_eq!(crate::ids::total(&read.serials), 10_000);
    }

    #[test]
    fn every_malformed_range_is_named() {
        let bad = delivery(vec![
            range(5, 1),
            range(0, 3),
            range(10, 20),
            range(1, 2_000_000),
            range(20, 30),
        ]);
        let found = violations(register_delivery(&bad).expect_err("malformed"));
        for field in [
            "serials[0]",
            "serials[1]",
            "serials[3]",
            "serials[4]: overlaps an earlier range",
        ] {
            assert!(found.contains(field), "{field} in {found}");
        }
        assert!(!found.contains("serials[2]"), "{found}");
    }

    #[test]
    fn a_request_without_anything_is_told_all_it_lacks() {
        let found = violations(
            dispatch_shipment(&proto::DispatchShipmentRequest::default()).expect_err("empty"),
        );
        for field in ["request_id", "destination", "document_number", "serials"] {
            assert!(found.contains(field), "{field} in {found}");
        }
        let found = violations(
            receive_shipment(&proto::ReceiveShipmentRequest::default()).expect_err("empty"),
        );
        for field in ["request_id", "shipment_id", "document_number", "serials"] {
            assert!(found.contains(field), "{field} in {found}");
        }
    }

    #[test]
    fn more_ranges_than_the_limit_are_refused() {
        let many = (0..101).map(|i| range(i * 10 + 1, i * 10 + 5)).collect();
        let found = violations(register_delivery(&delivery(many)).expect_err("too many"));
        assert_eq!(found, "serials: must have 1 to 100 items");
    }

    #[test]
    fn an_empty_location_is_the_callers_own() {
        let own = "35.75".parse().expect("a location");
        let asked = |text: &str| {
            get_stock(
                &proto::GetStockRequest {
                    location: text.to_owned(),
                },
                own,
            )
        };
        assert_eq!(asked(""), Ok(own));
        assert_eq!(asked("centre"), Ok(Location::CENTRE));
        assert!(asked("3575").is_err());
    }

    #[test]
    fn a_serial_of_nought_is_no_serial() {
        assert!(locate_blank(&proto::LocateBlankRequest { serial: 0 }).is_err());
        assert!(locate_blank(&proto::LocateBlankRequest { serial: 1 }).is_ok());
    }

    #[test]
    fn every_refusal_has_its_code() {
        let run = serial_range(&range(7, 9)).expect("a range");
        let (serial, location) = (run.first(), Location::CENTRE);
        for (refusal, code) in [
            (Refusal::LocationNotFound, Code::NotFound),
            (Refusal::SerialsAlreadyRegistered(run), Code::AlreadyExists),
            (Refusal::BlanksNotInStock(run), Code::FailedPrecondition),
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
        let told = Error::from(Refusal::BlanksNotInStock(run))
            .to_refusal()
            .metadata;
        assert_eq!((told["first"].as_str(), told["last"].as_str()), ("7", "9"));
    }
}
