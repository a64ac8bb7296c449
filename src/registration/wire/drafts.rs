//! What a terminal sends for one person, and what it is answered. Every violation is found at once.

use time::{Date, Duration, OffsetDateTime};

use super::state;
use crate::{
    areas::{self, TimeZone},
    caller::Caller,
    error::{Error, ErrorReason, Result},
    ids::{District, Nik, NikWarning, Phone, RequestId, Sex, Village},
    person::Person,
    proto::{self, import_enrolment_result::Outcome},
    registration::{Draft, Recorded, Refusal},
    violations::Violations,
    wire::{date, instant},
};

/// The longest time that an offline capture may lie back.
const CAPTURE_AGE_MAX: Duration = Duration::days(400);
/// The earliest birth date that can be right.
const BIRTH_DATE_MIN: Date = time::macros::date!(1900 - 01 - 01);
/// The longest name of a person.
const NAME_MAX: usize = 120;
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
    let nik = violations.take(field("nik"), Nik::parse(&resident.nik));
    let today = TimeZone::of(district).local_date(now);
    let birth_date = violations.take(field("birth_date"), birth_date(&resident.birth_date, today));
    let sex = violations.take(field("sex"), sex(resident.sex));
    let village = violations.parse::<Village>(field("village"), &resident.village);
    if let Some(village) = village {
        let inside = village.district() == district;
        violations.require(
            inside,
            field("village"),
            "must lie in the terminal's district",
        );
        let listed = areas::village(village).is_some();
        violations.require(listed, field("village"), "is not in the list of villages");
    }
    let phone = violations.parse_optional::<Phone>(field("phone"), &resident.phone);
    let person = person(violations, resident, phone.as_ref());
    let (nik, birth_date, sex) = (nik?, birth_date?, sex?);
    let warnings = nik.warnings(birth_date, sex, areas::is_listed);
    Some(Draft {
        nik,
        person,
        birth_date,
        sex,
        village: village?,
        biometric_package,
        captured_at,
        warnings,
    })
}

fn field(name: &str) -> String {
    format!("enrolment.resident.{name}")
}

fn person(
    violations: &mut Violations,
    resident: &proto::Resident,
    phone: Option<&Phone>,
) -> Person {
    violations.require(
        resident.neighbourhood <= 999,
        field("neighbourhood"),
        "must be 0 to 999",
    );
    violations.require(
        resident.community <= 999,
        field("community"),
        "must be 0 to 999",
    );
    let blood_type = match resident.blood_type.trim() {
        "" => "-".to_owned(),
        known => {
            let plain = known.trim_end_matches(['+', '-']);
            let signs = known.len() - plain.len();
            let fits = matches!(plain, "A" | "B" | "AB" | "O") && signs <= 1;
            violations.require(
                fits,
                field("blood_type"),
                "must be A, B, AB or O, with or without + or -",
            );
            known.to_owned()
        }
    };
    Person {
        nik: resident.nik.clone(),
        full_name: violations.text(field("full_name"), &resident.full_name, 1, NAME_MAX),
        mother_name: violations.text(field("mother_name"), &resident.mother_name, 1, NAME_MAX),
        birth_place: violations.text(field("birth_place"), &resident.birth_place, 1, 60),
        address: violations.text(field("address"), &resident.address, 1, 120),
        neighbourhood: resident.neighbourhood,
        community: resident.community,
        phone: phone.map(|phone| phone.expose().to_owned()),
        religion: violations.text(field("religion"), &resident.religion, 1, 30),
        marital_status: violations.text(field("marital_status"), &resident.marital_status, 1, 30),
        occupation: violations.text(field("occupation"), &resident.occupation, 1, 60),
        blood_type,
    }
}

fn birth_date(text: &str, today: Date) -> Result<Date, &'static str> {
    let birth_date = date(text)?;
    if (BIRTH_DATE_MIN..=today).contains(&birth_date) {
        Ok(birth_date)
    } else {
        Err("must be from 1900-01-01 to today")
    }
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

fn sex(number: i32) -> Result<Sex, &'static str> {
    match proto::Sex::try_from(number) {
        Ok(proto::Sex::Female) => Ok(Sex::Female),
        Ok(proto::Sex::Male) => Ok(Sex::Male),
        Ok(proto::Sex::Unspecified) => Err("is required"),
        Err(_) => Err("is not a known value"),
    }
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

fn warning(warning: NikWarning) -> proto::EnrolmentWarning {
    match warning {
        NikWarning::UnknownArea => proto::EnrolmentWarning::NikAreaUnknown,
        NikWarning::BirthDateDiffers => proto::EnrolmentWarning::NikBirthDateDiffers,
        NikWarning::SexDiffers => proto::EnrolmentWarning::NikSexDiffers,
    }
}

#[cfg(test)]
mod tests;
