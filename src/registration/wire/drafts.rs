//! What a terminal sends for one person, and what it is answered. Every violation is found at once.

use time::{Duration, OffsetDateTime};

use super::{persons, state};
use crate::{
    areas::{self, TimeZone},
    caller::Caller,
    error::{Error, ErrorReason, Result},
    ids::{District, Nik, NikWarning, RequestId},
    proto::{self, import_enrolment_result::Outcome},
    registration::{Draft, Recorded, Refusal},
    violations::Violations,
    wire::instant,
};

/// The longest time that an offline capture may lie back.
const CAPTURE_AGE_MAX: Duration = Duration::days(400);
/// The longest reference of a biometric package.
const PACKAGE_MAX: usize = 64;

/// Parses a request to record one person.
pub fn record_enrolment(
    message: &proto::RecordEnrolmentRequest,
    caller: &Caller,
    now: OffsetDateTime,
) -> Result<(RequestId, Draft)> {
    request(&message.request_id, message.enrolment.as_ref(), caller, now)
}

/// Parses one item of an import.
pub fn import_enrolment(
    message: &proto::ImportEnrolmentsRequest,
    caller: &Caller,
    now: OffsetDateTime,
) -> Result<(RequestId, Draft)> {
    request(&message.request_id, message.enrolment.as_ref(), caller, now)
}

fn request(
    request_id: &str,
    enrolment: Option<&proto::EnrolmentDraft>,
    caller: &Caller,
    now: OffsetDateTime,
) -> Result<(RequestId, Draft)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", request_id);
    let draft = match enrolment {
        Some(enrolment) => draft(&mut violations, enrolment, caller.ledger(), now),
        None => {
            violations.add("enrolment", "is required");
            None
        }
    };
    match (request_id, draft) {
        (Some(request_id), Some(draft)) => violations.finish((request_id, draft)),
        (None, _) | (_, None) => Err(violations.error()),
    }
}

/// Nothing if a needed field is malformed.
fn draft(
    violations: &mut Violations,
    message: &proto::EnrolmentDraft,
    district: District,
    now: OffsetDateTime,
) -> Option<Draft> {
    let biometric_package = package(violations, &message.biometric_package);
    let captured_at = captured_at(violations, message, now);
    let Some(resident) = message.resident.as_ref() else {
        violations.add("enrolment.resident", "is required");
        return None;
    };
    let place = persons::Place {
        path: "enrolment.resident",
        district,
        today: TimeZone::of(district).local_date(now),
    };
    let nik = violations.take(place.field("nik"), Nik::parse(&resident.nik));
    let sheet = persons::sheet(violations, resident, &place);
    let (nik, birth_date, sex) = (nik?, sheet.birth_date?, sheet.sex?);
    let warnings = nik.warnings(birth_date, sex, areas::is_listed);
    Some(Draft {
        nik,
        person: sheet.person,
        birth_date,
        sex,
        village: sheet.village?,
        biometric_package,
        captured_at,
        warnings,
    })
}

fn captured_at(
    violations: &mut Violations,
    message: &proto::EnrolmentDraft,
    now: OffsetDateTime,
) -> Option<OffsetDateTime> {
    let field = "enrolment.captured_time";
    let captured_at = violations.take(field, instant(message.captured_time.as_ref()?))?;
    let fits = captured_at <= now && captured_at >= now - CAPTURE_AGE_MAX;
    violations.require(
        fits,
        field,
        "must not be in the future nor more than 400 days old",
    );
    Some(captured_at)
}

fn package(violations: &mut Violations, text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = text.len() <= PACKAGE_MAX && text.bytes().all(known);
    let rule = "must have 1 to 64 characters of [A-Za-z0-9._-]";
    violations.require(fits, "enrolment.biometric_package", rule);
    Some(text.to_owned())
}

/// The answer to a recorded person.
pub fn record_enrolment_response(recorded: &Recorded) -> proto::RecordEnrolmentResponse {
    proto::RecordEnrolmentResponse {
        enrolment_id: recorded.enrolment_id.to_string(),
        resident_id: recorded.resident_id.to_string(),
        state: state(recorded.state).into(),
        warnings: recorded
            .warnings
            .iter()
            .map(|w| warning(*w).into())
            .collect(),
        // Filled when the ledger is closed.
        committed_revision: 0,
    }
}

/// The answer to one item of an import, without its request id: the stored answer is found by that.
pub fn import_result(outcome: Result<Recorded, Refusal>) -> proto::ImportEnrolmentResult {
    match outcome {
        Ok(recorded) => proto::ImportEnrolmentResult {
            request_id: String::new(),
            outcome: Some(Outcome::Recorded(record_enrolment_response(&recorded))),
        },
        Err(refusal) => refused_item(&refusal.into()),
    }
}

/// The answer to an item that was not recorded, without its request id.
pub fn refused_item(error: &Error) -> proto::ImportEnrolmentResult {
    proto::ImportEnrolmentResult {
        request_id: String::new(),
        outcome: Some(Outcome::Refused(error.to_refusal())),
    }
}

/// The answer to an item whose request id was used before with other content.
pub fn reused_item() -> proto::ImportEnrolmentResult {
    let message = "the request id was used before with other content; make a new one";
    refused_item(&Error::refused(ErrorReason::RequestIdReused, message))
}

pub(super) fn warning(warning: NikWarning) -> proto::EnrolmentWarning {
    match warning {
        NikWarning::UnknownArea => proto::EnrolmentWarning::NikAreaUnknown,
        NikWarning::BirthDateDiffers => proto::EnrolmentWarning::NikBirthDateDiffers,
        NikWarning::SexDiffers => proto::EnrolmentWarning::NikSexDiffers,
    }
}

#[cfg(test)]
mod tests;
