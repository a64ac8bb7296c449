//! The samples of what leaves the store otherwise than by a shipment or a printer, and of the ledger itself.

use ektp::proto;
use prost::Message as _;

use crate::sweep::scene::Things;

pub fn stock(method: &str, things: &Things, request_id: String) -> Option<Vec<u8>> {
    let location = things.location.clone();
    let document_number = "R-sample".to_owned();
    let purpose = "the box was open".to_owned();
    Some(match method {
        "ListStockCases" => proto::ListStockCasesRequest::default().encode_to_vec(),
        "SettleStockCase" => proto::SettleStockCaseRequest {
            request_id,
            case_id: things.stock.case.0.clone(),
            serials: vec![things.stock.case.1],
            outcome: proto::SettlementOutcome::Lost.into(),
            document_number,
            purpose,
        }
        .encode_to_vec(),
        "RecordSpoiled" => proto::RecordSpoiledRequest {
            request_id,
            location,
            serials: vec![things.stock.to_spoil],
            kind: proto::SpoilageKind::FactoryDefect.into(),
            document_number,
        }
        .encode_to_vec(),
        "RecordReturned" => proto::RecordReturnedRequest {
            request_id,
            serials: things.stock.replaced.clone(),
            document_number,
        }
        .encode_to_vec(),
        "RecordFound" => proto::RecordFoundRequest {
            request_id,
            location,
            serials: vec![things.stock.lost],
            document_number,
        }
        .encode_to_vec(),
        "RecordDestruction" => {
            let witness = |agency: proto::WitnessAgency, letter: &str| proto::Witness {
                agency: agency.into(),
                assignment_letter: letter.to_owned(),
            };
            proto::RecordDestructionRequest {
                request_id,
                location,
                serials: things.stock.burned.clone(),
                record_number: document_number,
                witnesses: vec![
                    witness(proto::WitnessAgency::Police, "ST-1"),
                    witness(proto::WitnessAgency::Inspectorate, "ST-2"),
                ],
                purpose,
            }
            .encode_to_vec()
        }
        "ReverseMovement" => proto::ReverseMovementRequest {
            request_id,
            location,
            number: things.stock.mistake,
            document_number,
            purpose,
        }
        .encode_to_vec(),
        "ListMovements" => proto::ListMovementsRequest {
            location,
            ..proto::ListMovementsRequest::default()
        }
        .encode_to_vec(),
        _ => return None,
    })
}
