//! The samples of the streams that show a district's ledger; each names the district, as only the centre must.

use ektp::proto;
use prost::Message as _;

use crate::sweep::scene::Things;

pub fn watches(method: &str, things: &Things) -> Option<Vec<u8>> {
    let district = things.location.clone();
    let resume_token = Vec::new();
    Some(match method {
        "WatchQueue" => proto::WatchQueueRequest {
            district,
            resume_token,
        }
        .encode_to_vec(),
        "WatchStock" => proto::WatchStockRequest {
            district,
            resume_token,
        }
        .encode_to_vec(),
        "WatchCollections" => proto::WatchCollectionsRequest {
            district,
            resume_token,
        }
        .encode_to_vec(),
        "WatchEnrolments" => proto::WatchEnrolmentsRequest {
            district,
            resume_token,
        }
        .encode_to_vec(),
        _ => return None,
    })
}
