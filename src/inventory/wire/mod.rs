//! Proto to nouns and back, for inventory. Every violation of a request is found at once; the way back is [`answers`].

mod answers;
mod case;
mod count;
mod distribution;
mod ledger;
mod lists;
mod proof;
mod request;
mod supply;
mod write_off;

use crate::{
    error::{Error, Result},
    ids::{BlankRequestId, RequestId, Serial, SerialRange, ShipmentId, disjoint},
    inventory::{Arrival, Consignment, Delivery, Location},
    proto,
    violations::Violations,
    wire::serial_range,
};

pub use answers::{
    cancel_shipment_response, dispatch_shipment_response, get_stock_response,
    kind as movement_kind, locate_blank_response, receive_shipment_response,
    register_delivery_response, state as custody_state, stock_event,
};
pub use count::{
    cancel_count, cancel_count_response, list_counts, list_counts_response, record_findings,
    record_findings_response, start_count, start_count_response, submit_count,
    submit_count_response,
};
pub use lists::{
    list_locations_response, list_shipments, list_shipments_response, open_location,
    open_location_response,
};
pub use proof::{certification_key_response, certify_conservation, certify_conservation_response};

pub use case::{
    case_cursor, case_cursor_text, list_stock_cases_response, record_found_response,
    settle_stock_case, settle_stock_case_response, settlement_content, settlement_of,
};
pub use distribution::{
    distribute_blanks, distribute_blanks_response, propose_distribution,
    propose_distribution_response,
};
pub use ledger::{
    list_movements, list_movements_response, reversal_content, reversal_of, reverse_movement,
    reverse_movement_response,
};
pub use request::{
    cursor, cursor_text, decide_blank_request, decide_blank_request_response, list_blank_requests,
    list_blank_requests_response, request_blanks, request_blanks_response, withdraw_blank_request,
    withdraw_blank_request_response,
};
pub use write_off::{
    destruction_content, destruction_of, record_destruction, record_destruction_response,
    record_found, record_returned, record_returned_response, record_spoiled,
    record_spoiled_response,
};

/// How long what an author tells the second person may be: a sentence.
const PURPOSE: (usize, usize) = (4, 200);
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

/// Parses a dispatch; `own` stands for an empty origin.
pub fn dispatch_shipment(
    message: &proto::DispatchShipmentRequest,
    own: Location,
) -> Result<(RequestId, Consignment)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let origin = violations.parse_optional::<Location>("origin", &message.origin);
    let destination = violations.parse::<Location>("destination", &message.destination);
    let document_number = document_number(&mut violations, &message.document_number);
    let serials = ranges(&mut violations, &message.serials);
    let blank_request_id =
        violations.parse_optional::<BlankRequestId>("blank_request_id", &message.blank_request_id);
    let (Some(request_id), Some(destination)) = (request_id, destination) else {
        return Err(violations.error());
    };
    violations.finish((
        request_id,
        Consignment {
            origin: origin.unwrap_or(own),
            destination,
            document_number,
            serials,
            blank_request_id,
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

/// Parses a cancellation: which shipment, under which record.
pub fn cancel_shipment(
    message: &proto::CancelShipmentRequest,
) -> Result<(RequestId, ShipmentId, String)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let shipment_id = violations.parse::<ShipmentId>("shipment_id", &message.shipment_id);
    let document_number = document_number(&mut violations, &message.document_number);
    let (Some(request_id), Some(shipment_id)) = (request_id, shipment_id) else {
        return Err(violations.error());
    };
    violations.finish((request_id, shipment_id, document_number))
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

/// Runs as texts of what waits for a second person hold them.
fn sealed_runs(runs: &[SerialRange]) -> Vec<(i64, i64)> {
    let ends = |run: &SerialRange| (run.first().number(), run.last().number());
    runs.iter().map(ends).collect()
}

/// The runs, read back.
fn unsealed_runs(sealed: &[(i64, i64)]) -> Result<Vec<SerialRange>> {
    let run = |&(first, last): &(i64, i64)| {
        SerialRange::new(
            Serial::new(first).map_err(corrupt)?,
            Serial::new(last).map_err(corrupt)?,
        )
        .map_err(corrupt)
    };
    sealed.iter().map(run).collect()
}

fn corrupt(what: impl std::fmt::Display) -> Error {
    Error::corrupt("approval", what)
}

#[cfg(test)]
mod tests {
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
            dispatch_shipment(&proto::DispatchShipmentRequest::default(), Location::CENTRE)
                .expect_err("empty"),
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
}
