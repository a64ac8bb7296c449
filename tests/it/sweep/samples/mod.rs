//! One request for each RPC. A new RPC gets its line here; until then the sweep fails and names it.

use ektp::proto::{self, VerdictOutcome, open_shift_request::Credential};
use prost::Message as _;

use crate::{
    administration::{FIRST_PIN, OWN_PIN},
    support::{people::draft, policies},
};

mod counts;
mod print;
mod stock;
mod stock_requests;
mod watches;

use self::print::{doubt, printing, queue};
use super::{
    methods,
    scene::{NEIGHBOUR, Things},
};

/// The request of a method, about these things, under this request id if it is a write.
pub fn sample(path: &str, things: &Things, request_id: &str) -> Vec<u8> {
    let method = path.rsplit('/').next().unwrap_or_default();
    let id = request_id.to_owned();
    registration(method, things, id.clone())
        .or_else(|| printing(method, things, id.clone()))
        .or_else(|| queue(method, things, id.clone()))
        .or_else(|| doubt(method, things, id.clone()))
        .or_else(|| watches::watches(method, things))
        .or_else(|| inventory(method, things, id.clone()))
        .or_else(|| counts::counts(method, things, id.clone()))
        .or_else(|| stock::stock(method, things, id.clone()))
        .or_else(|| stock_requests::requests(method, things, id.clone()))
        .or_else(|| handover(method, things, id.clone()))
        .or_else(|| administration(method, things, id.clone()))
        .or_else(|| approvals(method, things, id.clone()))
        .or_else(|| rules(method, things, id))
        .unwrap_or_else(|| panic!("{path} has no sample in tests/it/sweep/samples; write one"))
}

fn registration(method: &str, things: &Things, request_id: String) -> Option<Vec<u8>> {
    let sheet = |person| {
        let mut draft = draft(person);
        if let Some(resident) = draft.resident.as_mut() {
            resident.village = things.village(person);
        }
        Some(draft)
    };
    Some(match method {
        "RecordEnrolment" => proto::RecordEnrolmentRequest {
            request_id,
            enrolment: sheet(&things.newcomer),
        }
        .encode_to_vec(),
        "ImportEnrolments" => proto::ImportEnrolmentsRequest {
            request_id,
            enrolment: sheet(&things.latecomer),
        }
        .encode_to_vec(),
        "GetEnrolment" => {
            let key = proto::get_enrolment_request::Key::EnrolmentId(things.enrolment.clone());
            proto::GetEnrolmentRequest { key: Some(key) }.encode_to_vec()
        }
        "ListEnrolments" => proto::ListEnrolmentsRequest {
            subdistrict: subdistrict(things),
            ..proto::ListEnrolmentsRequest::default()
        }
        .encode_to_vec(),
        "LeaseChecks" => proto::LeaseChecksRequest {
            wanted: things.count,
        }
        .encode_to_vec(),
        "RecordVerdicts" => {
            let verdict = proto::Verdict {
                enrolment_id: things.checked.0.clone(),
                fence: things.checked.1,
                outcome: VerdictOutcome::Unique.into(),
            };
            proto::RecordVerdictsRequest {
                request_id,
                verdicts: vec![verdict],
            }
            .encode_to_vec()
        }
        "IssueInterimCertificates" => {
            let enrolment_ids = vec![things.uncertified.clone()];
            proto::IssueInterimCertificatesRequest {
                request_id,
                enrolment_ids,
            }
            .encode_to_vec()
        }
        "ChangeResident" | "RecordLifeEvent" => return person(method, things, request_id),
        _ => return None,
    })
}

fn person(method: &str, things: &Things, request_id: String) -> Option<Vec<u8>> {
    Some(match method {
        "ChangeResident" => proto::ChangeResidentRequest {
            request_id,
            resident_id: things.changed.clone(),
            resident: draft(&things.newcomer).resident,
            update_mask: Some(prost_types::FieldMask {
                paths: vec!["full_name".to_owned()],
            }),
        }
        .encode_to_vec(),
        "RecordLifeEvent" => proto::RecordLifeEventRequest {
            request_id,
            resident_id: things.mourned.clone(),
            kind: proto::LifeEventKind::Death.into(),
            event_date: "2017-04-17".to_owned(),
            document_number: "AKM-sample".to_owned(),
            destination: String::new(),
        }
        .encode_to_vec(),
        _ => return None,
    })
}

fn inventory(method: &str, things: &Things, request_id: String) -> Option<Vec<u8>> {
    Some(match method {
        "RegisterDelivery" => proto::RegisterDeliveryRequest {
            request_id,
            document_number: "BA-sample".to_owned(),
            serials: vec![things.delivery],
        }
        .encode_to_vec(),
        "DispatchShipment" => proto::DispatchShipmentRequest {
            request_id,
            destination: NEIGHBOUR.to_owned(),
            document_number: format!("SJ-sample-{}", things.count),
            serials: vec![things.dispatch],
            origin: String::new(),
            blank_request_id: String::new(),
        }
        .encode_to_vec(),
        "ReceiveShipment" => proto::ReceiveShipmentRequest {
            request_id,
            shipment_id: things.shipment.0.clone(),
            serials: vec![things.shipment.1],
            document_number: "BAST-sample".to_owned(),
        }
        .encode_to_vec(),
        "CancelShipment" => proto::CancelShipmentRequest {
            request_id,
            shipment_id: things.sent.clone(),
            document_number: "BAST-sample".to_owned(),
        }
        .encode_to_vec(),
        "GetStock" => proto::GetStockRequest {
            location: things.location.clone(),
        }
        .encode_to_vec(),
        "LocateBlank" => proto::LocateBlankRequest {
            serial: things.blank,
        }
        .encode_to_vec(),
        "CertifyConservation" => proto::CertifyConservationRequest {
            scope: things.location.clone(),
        }
        .encode_to_vec(),
        "GetCertificationKey" => proto::GetCertificationKeyRequest {}.encode_to_vec(),
        _ => return None,
    })
}

fn handover(method: &str, things: &Things, request_id: String) -> Option<Vec<u8>> {
    Some(match method {
        "ListAwaiting" => proto::ListAwaitingRequest::default().encode_to_vec(),
        "StartHandover" => {
            let collection_id = things.collection.clone();
            proto::StartHandoverRequest {
                request_id,
                collection_id,
            }
            .encode_to_vec()
        }
        "CompleteHandover" => {
            let (challenge_id, nonce) = things.challenge.clone();
            let evidence = proto::MatchEvidence {
                reader_id: "reader-1".to_owned(),
                matched: true,
                score: 900,
            };
            proto::CompleteHandoverRequest {
                request_id,
                challenge_id,
                nonce,
                evidence: Some(evidence),
            }
            .encode_to_vec()
        }
        "ListContactTasks" => proto::ListContactTasksRequest::default().encode_to_vec(),
        _ => return None,
    })
}

fn administration(method: &str, things: &Things, request_id: String) -> Option<Vec<u8>> {
    Some(match method {
        "EndOfficer" => {
            let officer_id = things.staff.officer.clone();
            proto::EndOfficerRequest {
                request_id,
                officer_id,
            }
            .encode_to_vec()
        }
        "ListOfficers" => proto::ListOfficersRequest {
            district: things.district.clone(),
            ..proto::ListOfficersRequest::default()
        }
        .encode_to_vec(),
        "OpenShift" => {
            let pin = proto::PinCredential {
                badge: things.staff.badge.clone(),
                pin: FIRST_PIN.to_owned(),
                new_pin: OWN_PIN.to_owned(),
            };
            proto::OpenShiftRequest {
                request_id,
                credential: Some(Credential::Pin(pin)),
            }
            .encode_to_vec()
        }
        "CloseShift" => proto::CloseShiftRequest { request_id }.encode_to_vec(),
        "ListTerminals" => proto::ListTerminalsRequest {
            district: things.district.clone(),
            ..proto::ListTerminalsRequest::default()
        }
        .encode_to_vec(),
        "RenewTerminal" => proto::RenewTerminalRequest {
            request_id,
            certificate_request: things.staff.renewal.clone(),
        }
        .encode_to_vec(),
        "WatchAuditHeads" => proto::WatchAuditHeadsRequest::default().encode_to_vec(),
        "WatchAlarms" => proto::WatchAlarmsRequest::default().encode_to_vec(),
        _ => return None,
    })
}

fn approvals(method: &str, things: &Things, request_id: String) -> Option<Vec<u8>> {
    let purpose = "on Monday".to_owned();
    Some(match method {
        "RegisterOfficer" => proto::RegisterOfficerRequest {
            request_id,
            badge: things.staff.new_badge.clone(),
            nik: things.newcomer.nik.clone(),
            roles: vec![proto::OfficerRole::Counter.into()],
            district: things.district.clone(),
            initial_pin: FIRST_PIN.to_owned(),
            purpose,
            ..proto::RegisterOfficerRequest::default()
        }
        .encode_to_vec(),
        "Approve" => {
            let (approval_id, content_digest) = things.staff.approval.clone();
            proto::ApproveRequest {
                request_id,
                approval_id,
                content_digest,
            }
            .encode_to_vec()
        }
        "ListPendingApprovals" => proto::ListPendingApprovalsRequest::default().encode_to_vec(),
        "RevokeTerminal" => proto::RevokeTerminalRequest {
            request_id,
            terminal: things.staff.terminal.clone(),
            purpose,
        }
        .encode_to_vec(),
        _ => return None,
    })
}

fn rules(method: &str, things: &Things, request_id: String) -> Option<Vec<u8>> {
    Some(match method {
        "ProposePolicy" => {
            let rules = Some(policies::draft_from(&things.staff.rules.1));
            proto::ProposePolicyRequest { request_id, rules }.encode_to_vec()
        }
        "ActivatePolicy" => proto::ActivatePolicyRequest {
            request_id,
            version: things.staff.rules.0,
            purpose: "from the next quarter on".to_owned(),
        }
        .encode_to_vec(),
        "ListPolicies" => proto::ListPoliciesRequest::default().encode_to_vec(),
        _ => return None,
    })
}

fn subdistrict(things: &Things) -> String {
    things
        .village(&things.known)
        .chars()
        .take("35.75.02".len())
        .collect()
}

#[test]
fn every_rpc_of_the_contract_has_a_sample() {
    let things = Things::nowhere();
    for method in methods() {
        sample(&method.path, &things, "");
    }
}
