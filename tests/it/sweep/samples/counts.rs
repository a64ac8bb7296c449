//! The samples of blind counts, of units, and of the lists of stores and shipments.

use ektp::proto;
use prost::Message as _;

use crate::sweep::scene::Things;

pub fn counts(method: &str, things: &Things, request_id: String) -> Option<Vec<u8>> {
    let [open, given_up] = things.counts.clone();
    // Another one for other things: where they are says little about a place.
    let document_number = format!("SO-{}", things.count);
    Some(match method {
        "StartCount" => proto::StartCountRequest {
            request_id,
            document_number,
            location: things.location.clone(),
        }
        .encode_to_vec(),
        "RecordFindings" => proto::RecordFindingsRequest {
            request_id,
            count_id: open,
            serials: vec![things.dispatch],
        }
        .encode_to_vec(),
        "SubmitCount" => proto::SubmitCountRequest {
            request_id,
            count_id: open,
            document_number,
            quantity: Some(quantity(things)),
        }
        .encode_to_vec(),
        "CancelCount" => proto::CancelCountRequest {
            request_id,
            count_id: given_up,
            document_number,
        }
        .encode_to_vec(),
        "ListCounts" => proto::ListCountsRequest::default().encode_to_vec(),
        "OpenLocation" => proto::OpenLocationRequest {
            request_id,
            kind: kind(things).into(),
            filled_by: things.location.clone(),
        }
        .encode_to_vec(),
        "ListLocations" => proto::ListLocationsRequest::default().encode_to_vec(),
        "ListShipments" => proto::ListShipmentsRequest::default().encode_to_vec(),
        _ => return None,
    })
}

/// A hopper, and for other things a van.
fn kind(things: &Things) -> proto::UnitKind {
    match things.count {
        1 => proto::UnitKind::Hopper,
        _ => proto::UnitKind::Mobile,
    }
}

/// What was recorded before, where the samples are sent in the order of the contract.
fn quantity(things: &Things) -> u64 {
    (things.dispatch.last - things.dispatch.first + 1).unsigned_abs()
}
