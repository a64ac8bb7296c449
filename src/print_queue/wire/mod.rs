//! Nouns to proto, for the queue; `requests` holds the way in, `refusals` how a no is said, `words` what the person at the
//! counter is told, `doubt` all about blanks in doubt, `dispatch` and `seniority` the order and its evidence.
//!
//! A queue entry is what events, snapshots and answers share, so no two of them can show a request differently.

mod dispatch;
mod doubt;
mod explain;
mod refusals;
mod requests;
mod seniority;
mod words;

use prost::Message;
use time::OffsetDateTime;

use crate::{
    areas,
    error::Result,
    ids::{PrintRequestId, Sex},
    policy,
    print_queue::{
        CancelReason, Entry, HoldReason, Leased, PrintRequest, RequestState, ShortSide,
        steps::{Face, Leases, Outcome, Submitted},
    },
    proto,
    wire::timestamp,
};

pub use dispatch::{verify_dispatch_order, verify_response};
pub use doubt::{
    finding_content, finding_of, resolve_in_doubt, resolve_in_doubt_response, resolve_incident,
    resolve_incident_response, word_content, word_of,
};
pub use explain::{About, Told, explain_position, explain_response};
pub use requests::{
    bind_blanks, get_card_face, get_print_request, lease_print_requests, list_print_requests,
    release_leases, renew_leases, report_printed, report_spoiled, submit_print_requests,
    withdraw_print_requests,
};
pub use seniority::{change_seniority, change_seniority_response, seniority_content, seniority_of};

/// A request as the ledger's events and the snapshots carry it.
pub fn queue_event(entry: &Entry) -> Vec<u8> {
    queue_entry(entry).encode_to_vec()
}

/// A request as the queue shows it.
pub fn queue_entry(entry: &Entry) -> proto::QueueEntry {
    proto::QueueEntry {
        print_request_id: entry.print_request_id.to_string(),
        state: state(entry.state).into(),
        applicant_class: policy::wire::class(entry.applicant_class).into(),
        seniority_time: Some(timestamp(entry.seniority_at)),
        subdistrict: entry.subdistrict.to_string(),
        attempt: entry.attempt.unsigned_abs(),
        state_time: Some(timestamp(entry.state_at)),
        serial: entry.serial.map_or(0, |serial| serial.number()),
        hold_reasons: entry
            .hold_reasons
            .iter()
            .map(|r| hold_reason(r).into())
            .collect(),
        cancel_reason: cancel_reason(entry.cancel_reason).into(),
    }
}

/// A request with its lease; `ahead` is known to the caller only, and so are its incidents.
pub fn print_request(request: &PrintRequest, ahead: u64) -> proto::PrintRequest {
    let lease = request.standing.lease();
    proto::PrintRequest {
        entry: Some(queue_entry(&request.entry())),
        resident_id: request.resident_id.to_string(),
        district: request.district.to_string(),
        policy_version: request.policy_version.unsigned_abs(),
        ahead,
        lease_holder: lease.map(|lease| lease.holder.clone()).unwrap_or_default(),
        lease_expire_time: lease.map(|lease| timestamp(lease.expires_at)),
        request_time: Some(timestamp(request.requested_at)),
        open_incident_ids: Vec::new(),
    }
}

/// The answer to a submission; what would only be queued has no id.
pub fn submit_response(
    submitted: Vec<Submitted>,
    validate_only: bool,
) -> proto::SubmitPrintRequestsResponse {
    use proto::submit_print_request_result::Outcome;
    let result = |submitted: Submitted| {
        let outcome = match submitted.outcome {
            Ok(entry) => {
                let mut taken = queue_entry(&entry);
                if validate_only {
                    taken.print_request_id.clear();
                }
                if entry.hold_reasons.is_empty() {
                    Outcome::Queued(taken)
                } else {
                    Outcome::Held(proto::HeldRequest {
                        entry: Some(taken),
                        next_action: words::held_next(entry.hold_reasons).into(),
                        words: Some(words::of_holds(entry.hold_reasons).to_proto()),
                    })
                }
            }
            Err(error) => Outcome::Refused(error.to_refusal()),
        };
        proto::SubmitPrintRequestResult {
            resident_id: submitted.resident_id.to_string(),
            outcome: Some(outcome),
        }
    };
    proto::SubmitPrintRequestsResponse {
        results: submitted.into_iter().map(result).collect(),
        // Filled when the ledger is closed, here and below.
        committed_revision: 0,
    }
}

/// The answer to a lease.
pub fn lease_response(leases: &Leases) -> proto::LeasePrintRequestsResponse {
    let lease = |leased: &Leased| proto::Lease {
        entry: Some(queue_entry(&leased.entry)),
        fence: leased.fence.unsigned_abs(),
        lease_expire_time: Some(timestamp(leased.expires_at)),
    };
    let short_side = match leases.short_side {
        None => proto::ShortSide::Unspecified,
        Some(ShortSide::Requests) => proto::ShortSide::Requests,
        Some(ShortSide::Blanks) => proto::ShortSide::Blanks,
    };
    proto::LeasePrintRequestsResponse {
        leases: leases.leases.iter().map(lease).collect(),
        short_side: short_side.into(),
        committed_revision: 0,
    }
}

/// The answer to a renewal.
pub fn renew_response(outcomes: Vec<Outcome<OffsetDateTime>>) -> proto::RenewLeasesResponse {
    use proto::renew_lease_result::Outcome;
    let result = |(id, outcome): (PrintRequestId, Result<_>)| proto::RenewLeaseResult {
        print_request_id: id.to_string(),
        outcome: Some(match outcome {
            Ok(end) => Outcome::LeaseExpireTime(timestamp(end)),
            Err(error) => Outcome::Refused(error.to_refusal()),
        }),
    };
    proto::RenewLeasesResponse {
        results: outcomes.into_iter().map(result).collect(),
        committed_revision: 0,
    }
}

/// What became of each item of a printer's batch.
pub fn step_results(outcomes: Vec<Outcome>) -> Vec<proto::PrintStepResult> {
    use proto::print_step_result::Outcome;
    let result = |(id, outcome): (PrintRequestId, Result<Entry>)| proto::PrintStepResult {
        print_request_id: id.to_string(),
        outcome: Some(match outcome {
            Ok(entry) => Outcome::Entry(queue_entry(&entry)),
            Err(error) => Outcome::Refused(error.to_refusal()),
        }),
    };
    outcomes.into_iter().map(result).collect()
}

/// What is printed and encoded; a place that today's list lacks is printed by its code.
pub fn card_face(face: &Face) -> proto::CardFace {
    let (person, bearer) = (&face.person, &face.bearer);
    let village = bearer.village;
    let (subdistrict, district) = (village.subdistrict(), village.district());
    let sex = match bearer.sex {
        Sex::Female => proto::Sex::Female,
        Sex::Male => proto::Sex::Male,
    };
    proto::CardFace {
        nik: person.nik.clone(),
        full_name: person.full_name.clone(),
        birth_place: person.birth_place.clone(),
        birth_date: bearer.birth_date.to_string(),
        sex: sex.into(),
        blood_type: person.blood_type.clone(),
        address: person.address.clone(),
        neighbourhood: person.neighbourhood,
        community: person.community,
        village_name: areas::village(village).map_or_else(|| village.to_string(), str::to_owned),
        subdistrict_name: areas::subdistrict(subdistrict)
            .map_or_else(|| subdistrict.to_string(), str::to_owned),
        district_name: areas::district(district)
            .map_or_else(|| district.to_string(), str::to_owned),
        religion: person.religion.clone(),
        marital_status: person.marital_status.clone(),
        occupation: person.occupation.clone(),
        biometric_package: bearer.biometric_package.clone(),
    }
}

fn state(state: RequestState) -> proto::PrintRequestState {
    match state {
        RequestState::Queued => proto::PrintRequestState::Queued,
        RequestState::Leased => proto::PrintRequestState::Leased,
        RequestState::Bound => proto::PrintRequestState::Bound,
        RequestState::InDoubt => proto::PrintRequestState::InDoubt,
        RequestState::Printed => proto::PrintRequestState::Printed,
        RequestState::Held => proto::PrintRequestState::Held,
        RequestState::Cancelled => proto::PrintRequestState::Cancelled,
    }
}

fn hold_reason(reason: HoldReason) -> proto::HoldReason {
    match reason {
        HoldReason::ClassHeld => proto::HoldReason::ClassHeld,
        HoldReason::EnrolmentWindow => proto::HoldReason::EnrolmentWindow,
        HoldReason::Quota => proto::HoldReason::Quota,
        HoldReason::OfficeClosed => proto::HoldReason::OfficeClosed,
        HoldReason::AwaitingCentre => proto::HoldReason::AwaitingCentre,
        HoldReason::MovedOut => proto::HoldReason::MovedOut,
        HoldReason::Incident => proto::HoldReason::Incident,
    }
}

fn cancel_reason(reason: Option<CancelReason>) -> proto::CancelReason {
    match reason {
        None => proto::CancelReason::Unspecified,
        Some(CancelReason::Withdrawn) => proto::CancelReason::Withdrawn,
        Some(CancelReason::Deceased) => proto::CancelReason::Deceased,
    }
}
