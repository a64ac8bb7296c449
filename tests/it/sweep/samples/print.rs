//! The samples of the service PrintQueue: asking and looking, the printer's side, and what nobody is sure of.

use ektp::proto::{self, ApplicantClass, SpoilageKind};
use prost::Message as _;

use crate::sweep::scene::Things;

pub fn queue(method: &str, things: &Things, request_id: String) -> Option<Vec<u8>> {
    Some(match method {
        "SubmitPrintRequests" => {
            let draft = proto::PrintRequestDraft {
                resident_id: things.resident.clone(),
                applicant_class: ApplicantClass::FirstIssue.into(),
                documents: Vec::new(),
            };
            let drafts = vec![draft];
            proto::SubmitPrintRequestsRequest {
                request_id,
                drafts,
                validate_only: false,
            }
            .encode_to_vec()
        }
        "GetPrintRequest" => proto::GetPrintRequestRequest {
            print_request_id: things.queued.clone(),
        }
        .encode_to_vec(),
        "ExplainPosition" => proto::ExplainPositionRequest {
            key: Some(proto::explain_position_request::Key::PrintRequestId(
                things.queued.clone(),
            )),
        }
        .encode_to_vec(),
        "WithdrawPrintRequests" => proto::WithdrawPrintRequestsRequest {
            request_id,
            print_request_ids: vec![things.queued.clone()],
        }
        .encode_to_vec(),
        "ListPrintRequests" => proto::ListPrintRequestsRequest::default().encode_to_vec(),
        "VerifyDispatchOrder" => proto::VerifyDispatchOrderRequest {
            district: things.location.clone(),
            day: "2017-04-18".to_owned(),
        }
        .encode_to_vec(),
        "ChangeSeniority" => proto::ChangeSeniorityRequest {
            request_id,
            print_request_id: things.held.clone(),
            seniority_time: Some(prost_types::Timestamp {
                seconds: 1_400_000_000,
                nanos: 0,
            }),
            reason: proto::SeniorityReason::Disaster.into(),
            purpose: "a letter of the regent".to_owned(),
        }
        .encode_to_vec(),
        _ => return None,
    })
}

pub fn printing(method: &str, things: &Things, request_id: String) -> Option<Vec<u8>> {
    Some(match method {
        "LeasePrintRequests" => {
            let location = things.location.clone();
            proto::LeasePrintRequestsRequest {
                request_id,
                count: things.count,
                location,
            }
            .encode_to_vec()
        }
        "RenewLeases" => {
            let leases = vec![things.renewed.clone()];
            proto::RenewLeasesRequest { request_id, leases }.encode_to_vec()
        }
        "GetCardFace" => proto::GetCardFaceRequest {
            lease: Some(things.renewed.clone()),
        }
        .encode_to_vec(),
        "BindBlanks" => {
            let (lease, serial) = things.to_bind.clone();
            let chip_uid = format!("04{serial:012x}");
            let bindings = vec![proto::BlankBinding {
                lease: Some(lease),
                serial,
                chip_uid,
            }];
            proto::BindBlanksRequest {
                request_id,
                bindings,
            }
            .encode_to_vec()
        }
        "ReportPrinted" => {
            let (lease, serial) = things.printed.clone();
            let cards = vec![proto::PrintedCard {
                lease: Some(lease),
                serial,
            }];
            proto::ReportPrintedRequest { request_id, cards }.encode_to_vec()
        }
        "ReportSpoiled" => {
            let (lease, serial) = things.spoiled.clone();
            let kind = SpoilageKind::PrintFailure.into();
            let blanks = vec![proto::SpoiledBlank {
                lease: Some(lease),
                serial,
                kind,
            }];
            proto::ReportSpoiledRequest { request_id, blanks }.encode_to_vec()
        }
        "ReleaseLeases" => {
            let leases = vec![things.released.clone()];
            proto::ReleaseLeasesRequest { request_id, leases }.encode_to_vec()
        }
        _ => return None,
    })
}

pub fn doubt(method: &str, things: &Things, request_id: String) -> Option<Vec<u8>> {
    Some(match method {
        "ResolveInDoubt" => proto::ResolveInDoubtRequest {
            request_id,
            print_request_id: things.doubtful.0.clone(),
            serial: things.doubtful.1,
            finding: proto::DoubtFinding::Printed.into(),
            ..proto::ResolveInDoubtRequest::default()
        }
        .encode_to_vec(),
        "ResolveIncident" => proto::ResolveIncidentRequest {
            request_id,
            incident_id: things.incident.clone(),
            finding: proto::IncidentFinding::NoCard.into(),
            purpose: "the tray was empty".to_owned(),
        }
        .encode_to_vec(),
        _ => return None,
    })
}
