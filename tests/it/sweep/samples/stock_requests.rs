//! Samples of distributions and of requests for blanks.

use ektp::proto;
use prost::Message as _;

use super::Things;

/// The request of a method, about these things.
pub fn requests(method: &str, things: &Things, request_id: String) -> Option<Vec<u8>> {
    // The first subdistrict of the district in which things are sent.
    let store = format!("{}.01", things.location);
    Some(match method {
        "DistributeBlanks" => proto::DistributeBlanksRequest {
            request_id,
            total_quantity: 1,
            items: vec![proto::DistributionItem {
                destination: store,
                quantity: 1,
                document_number: format!("SJ-sample-{}", things.count),
            }],
            document_number: "SJ-sample".to_owned(),
        }
        .encode_to_vec(),
        "ProposeDistribution" => proto::ProposeDistributionRequest {
            total_quantity: u64::from(things.count),
            destinations: vec![store],
        }
        .encode_to_vec(),
        "ListBlankRequests" => proto::ListBlankRequestsRequest::default().encode_to_vec(),
        "DecideBlankRequest" => proto::DecideBlankRequestRequest {
            request_id,
            blank_request_id: things.asked_of_province.clone(),
            decision: Some(proto::decide_blank_request_request::Decision::Refusal(
                "the province has none".to_owned(),
            )),
        }
        .encode_to_vec(),
        "WithdrawBlankRequest" => proto::WithdrawBlankRequestRequest {
            request_id,
            blank_request_id: things.asked_of_centre.clone(),
        }
        .encode_to_vec(),
        "RequestBlanks" => proto::RequestBlanksRequest {
            request_id,
            quantity: u64::from(things.count),
            route: proto::BlankRequestRoute::Direct.into(),
        }
        .encode_to_vec(),
        _ => return None,
    })
}
