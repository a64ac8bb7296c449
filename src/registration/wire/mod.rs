//! Proto to nouns and back, for registration.

mod certificates;
mod checks;
mod drafts;
mod life;
mod persons;
mod reads;

use prost::Message;

use crate::{
    error::{Error, ErrorReason, Kind, NextAction},
    proto,
    registration::{Enrolment, EnrolmentReason, EnrolmentState, Life, Refusal},
    wire::timestamp,
};

pub use certificates::{issue_interim_certificates, issue_interim_certificates_response};
pub use checks::{lease_checks, lease_checks_response, record_verdicts, record_verdicts_response};
pub use drafts::{
    import_enrolment, import_result, record_enrolment, record_enrolment_response, refused_item,
    reused_item,
};
pub use life::{
    change_resident, change_resident_response, record_life_event, record_life_event_response,
};
pub use reads::{
    get_enrolment, get_enrolment_response, list_enrolments, list_enrolments_response, page_key,
};

/// An enrolment as the ledger's events carry it.
pub fn enrolment_event(enrolment: &Enrolment) -> Vec<u8> {
    self::enrolment(enrolment).encode_to_vec()
}

/// An enrolment without anything personal.
pub fn enrolment(enrolment: &Enrolment) -> proto::Enrolment {
    proto::Enrolment {
        enrolment_id: enrolment.enrolment_id.to_string(),
        resident_id: enrolment.resident_id.to_string(),
        district: enrolment.district.to_string(),
        subdistrict: enrolment.subdistrict.to_string(),
        village: enrolment.village.to_string(),
        state: state(enrolment.state).into(),
        reasons: enrolment
            .reason
            .map(|r| reason(r).into())
            .into_iter()
            .collect(),
        state_time: Some(timestamp(enrolment.state_at)),
        captured_time: Some(timestamp(enrolment.captured_at)),
        received_time: Some(timestamp(enrolment.received_at)),
        masked_nik: String::new(),
        initials: String::new(),
        interim_certificate: None,
        life: life(enrolment.life).into(),
    }
}

/// A state as the contract names it.
pub fn state(state: EnrolmentState) -> proto::EnrolmentState {
    match state {
        EnrolmentState::Recorded => proto::EnrolmentState::Recorded,
        EnrolmentState::Sent => proto::EnrolmentState::Sent,
        EnrolmentState::Checking => proto::EnrolmentState::Checking,
        EnrolmentState::PrintReady => proto::EnrolmentState::PrintReady,
        EnrolmentState::Duplicate => proto::EnrolmentState::Duplicate,
        EnrolmentState::Adjudicating => proto::EnrolmentState::Adjudicating,
        EnrolmentState::CaptureRejected => proto::EnrolmentState::CaptureRejected,
    }
}

/// What became of a person, as the contract names it.
fn life(life: Life) -> proto::ResidentLife {
    match life {
        Life::Resident => proto::ResidentLife::Resident,
        Life::Deceased => proto::ResidentLife::Deceased,
        Life::MovedOut => proto::ResidentLife::MovedOut,
    }
}

fn reason(reason: EnrolmentReason) -> proto::EnrolmentReason {
    match reason {
        EnrolmentReason::AwaitingBiometrics => proto::EnrolmentReason::AwaitingBiometrics,
        EnrolmentReason::AwaitingCentre => proto::EnrolmentReason::AwaitingCentre,
        EnrolmentReason::SearchFailed => proto::EnrolmentReason::SearchFailed,
        EnrolmentReason::DemographicMismatch => proto::EnrolmentReason::DemographicMismatch,
        EnrolmentReason::Undecided => proto::EnrolmentReason::Undecided,
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::AlreadyEnrolled {
                district,
                enrolled_on,
            } => Self::refused(
                ErrorReason::AlreadyEnrolled,
                "the person is enrolled already; one enrolment for life",
            )
            .with("district", district)
            .with("date", enrolled_on),
            Refusal::OutsideSubdistrict { limit } => {
                let message = "the terminal is limited to its own subdistrict";
                Self::new(Kind::Forbidden, ErrorReason::OutsideSubdistrict, message)
                    .with("subdistrict", limit)
            }
            Refusal::EnrolmentNotFound => {
                Self::not_found(ErrorReason::EnrolmentNotFound, "enrolment")
            }
            Refusal::ResidentNotFound => Self::not_found(ErrorReason::ResidentNotFound, "resident"),
            Refusal::ResidentDeceased => {
                let message = "the person is recorded as deceased";
                Self::refused(ErrorReason::ResidentDeceased, message)
            }
            Refusal::ResidentMovedOut => {
                let message = "the person has moved to another district";
                Self::refused(ErrorReason::ResidentMovedOut, message)
            }
            Refusal::LifeEventNotPossible { life } => {
                let message = "that event cannot follow what is recorded of the person";
                Self::refused(ErrorReason::LifeEventNotPossible, message).with("state", life.name())
            }
            Refusal::CheckFenced => {
                let message =
                    "the check was leased again since; only the latest lease's verdict counts";
                Self::refused(ErrorReason::CheckFenced, message)
            }
            Refusal::VerdictAlreadyGiven { state } => {
                let message = "the centre has already decided";
                Self::refused(ErrorReason::VerdictAlreadyGiven, message).with("state", state.name())
            }
            Refusal::DuplicateRecord => {
                let message = "the person is recorded more than once; only the centre can lift it";
                Self::refused(ErrorReason::DuplicateRecord, message)
                    .next(NextAction::FileCaseWithCentre)
            }
            Refusal::CardAlreadyIssued { awaits } => {
                let message = "the person has a card already";
                let error = Self::refused(ErrorReason::CardAlreadyIssued, message);
                if awaits {
                    error.next(NextAction::CollectCard)
                } else {
                    error
                }
            }
        }
    }
}
