//! Units, and the lists of stores and shipments, between the contract and the nouns.

use crate::{
    error::{Error, ErrorReason, Result},
    ids::RequestId,
    inventory::{
        Direction, Location, LocationStock, Shipment, ShipmentState, UnitKind, UnitRefusal,
        wire::answers,
    },
    proto,
    violations::Violations,
};

/// Parses a wish for one more unit; `own` stands for an empty one.
pub fn open_location(
    message: &proto::OpenLocationRequest,
    own: Location,
) -> Result<(RequestId, Location, UnitKind)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let filled_by = violations.parse_optional::<Location>("filled_by", &message.filled_by);
    let kind = violations.take("kind", unit_kind(message.kind));
    let (Some(request_id), Some(kind)) = (request_id, kind) else {
        return Err(violations.error());
    };
    violations.finish((request_id, filled_by.unwrap_or(own), kind))
}

fn unit_kind(number: i32) -> Result<UnitKind, &'static str> {
    match proto::UnitKind::try_from(number) {
        Ok(proto::UnitKind::Hopper) => Ok(UnitKind::Hopper),
        Ok(proto::UnitKind::Mobile) => Ok(UnitKind::Mobile),
        Ok(proto::UnitKind::Unspecified) => Err("is required"),
        Err(_) => Err("is not one of the kinds"),
    }
}

/// Parses what a list of shipments shows.
pub fn list_shipments(
    message: &proto::ListShipmentsRequest,
) -> Result<(Option<Direction>, Option<ShipmentState>)> {
    let mut violations = Violations::new();
    let direction = violations.take("direction", direction(message.direction));
    let state = violations.take("state", state(message.state));
    let (Some(direction), Some(state)) = (direction, state) else {
        return Err(violations.error());
    };
    violations.finish((direction, state))
}

fn direction(number: i32) -> Result<Option<Direction>, &'static str> {
    match proto::ShipmentDirection::try_from(number) {
        Ok(proto::ShipmentDirection::Unspecified) => Ok(None),
        Ok(proto::ShipmentDirection::In) => Ok(Some(Direction::In)),
        Ok(proto::ShipmentDirection::Out) => Ok(Some(Direction::Out)),
        Err(_) => Err("is not one of the directions"),
    }
}

fn state(number: i32) -> Result<Option<ShipmentState>, &'static str> {
    match proto::ShipmentState::try_from(number) {
        Ok(proto::ShipmentState::Unspecified) => Ok(None),
        Ok(proto::ShipmentState::Dispatched) => Ok(Some(ShipmentState::Dispatched)),
        Ok(proto::ShipmentState::Received) => Ok(Some(ShipmentState::Received)),
        Ok(proto::ShipmentState::ReceivedWithDifferences) => {
            Ok(Some(ShipmentState::ReceivedWithDifferences))
        }
        Ok(proto::ShipmentState::Cancelled) => Ok(Some(ShipmentState::Cancelled)),
        Err(_) => Err("is not one of the states"),
    }
}

/// The answer to a unit that was opened. The revision is filled when the ledger is closed.
pub fn open_location_response(unit: Location) -> proto::OpenLocationResponse {
    proto::OpenLocationResponse {
        location: unit.to_string(),
        committed_revision: 0,
    }
}

/// A page of stores and units, each with whether its figures are kept from the caller.
pub fn list_locations_response(
    page: &[(LocationStock, bool)],
    next_page_token: String,
) -> proto::ListLocationsResponse {
    let entry = |(stock, is_blind): &(LocationStock, bool)| proto::LocationStock {
        location: stock.location.to_string(),
        figures: (!is_blind).then(|| figures(stock)),
        open_count_id: stock
            .counting
            .map(|counting| counting.count_id.to_string())
            .unwrap_or_default(),
    };
    proto::ListLocationsResponse {
        locations: page.iter().map(entry).collect(),
        next_page_token,
    }
}

fn figures(stock: &LocationStock) -> proto::LocationFigures {
    proto::LocationFigures {
        in_stock: stock.in_stock.unsigned_abs(),
        in_transit: stock.in_transit.unsigned_abs(),
        bound: stock.bound.unsigned_abs(),
        at_site: stock.at_site.unsigned_abs(),
        spoiled: stock.spoiled.unsigned_abs(),
        disputed: stock.disputed.unsigned_abs(),
        returned: stock.returned.unsigned_abs(),
    }
}

/// A page of shipments.
pub fn list_shipments_response(
    page: &[Shipment],
    next_page_token: String,
) -> proto::ListShipmentsResponse {
    proto::ListShipmentsResponse {
        shipments: page.iter().map(answers::shipment).collect(),
        next_page_token,
    }
}

/// A unit's refusal with its code and reason.
pub(super) fn refused(refusal: UnitRefusal) -> Error {
    match refusal {
        UnitRefusal::NotThere => Error::refused(
            ErrorReason::NoUnitsThere,
            "only districts and subdistricts fill units",
        ),
        UnitRefusal::NoneFree => Error::refused(
            ErrorReason::NoFreeUnit,
            "there are numbers for no more units of that kind",
        ),
    }
}
