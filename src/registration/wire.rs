//! Proto to nouns and back, for registration. Every violation of a request is found at once.

use prost::Message;
use time::{Date, Duration, OffsetDateTime};

use crate::{
    areas,
    caller::Caller,
    error::{Error, ErrorReason, Kind, Result},
    ids::{District, Nik, NikWarning, Phone, RequestId, Sex, Village},
    person::Person,
    proto,
    registration::{Draft, Enrolment, EnrolmentReason, EnrolmentState, Refusal, steps::Recorded},
    violations::Violations,
    wire::{date, instant, timestamp},
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
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let draft = draft(&mut violations, "enrolment", message.enrolment.as_ref(), caller.ledger(), now);
    let (Some(request_id), Some(draft)) = (request_id, draft) else { return Err(violations.error()) };
    violations.finish((request_id, draft))
}

/// Parses what a terminal sends for one person; nothing if a needed field is malformed.
pub fn draft(
    violations: &mut Violations,
    at: &str,
    message: Option<&proto::EnrolmentDraft>,
    district: District,
    now: OffsetDateTime,
) -> Option<Draft> {
    let Some(message) = message else {
        violations.add(at, "is required");
        return None;
    };
    let Some(resident) = message.resident.as_ref() else {
        violations.add(format!("{at}.resident"), "is required");
        return None;
    };
    let field = |name: &str| format!("{at}.resident.{name}");
    let nik = violations.take(field("nik"), Nik::parse(&resident.nik));
    let birth_date = violations.take(field("birth_date"), birth_date(&resident.birth_date, now));
    let sex = violations.take(field("sex"), sex(resident.sex));
    let village = violations.parse::<Village>(field("village"), &resident.village);
    if let Some(village) = village {
        violations.require(village.district() == district, field("village"), "must lie in the terminal's district");
        violations.require(areas::village(village).is_some(), field("village"), "is not in the list of villages");
    }
    let phone = violations.parse_optional::<Phone>(field("phone"), &resident.phone);
    let person = person(violations, &field, resident, phone.as_ref());
    let captured_at = captured_at(violations, at, message, now);
    let package = package(violations, at, &message.biometric_package);
    let (nik, birth_date, sex) = (nik?, birth_date?, sex?);
    let warnings = nik.warnings(birth_date, sex, areas::is_listed);
    Some(Draft { nik, person, birth_date, sex, village: village?, biometric_package: package, captured_at, warnings })
}

fn person(
    violations: &mut Violations,
    field: &dyn Fn(&str) -> String,
    resident: &proto::Resident,
    phone: Option<&Phone>,
) -> Person {
    violations.require(resident.neighbourhood <= 999, field("neighbourhood"), "must be 0 to 999");
    violations.require(resident.community <= 999, field("community"), "must be 0 to 999");
    let blood_type = match resident.blood_type.trim() {
        "" => "-".to_owned(),
        known => {
            let plain = known.trim_end_matches(['+', '-']);
            let signs = known.len() - plain.len();
            let fits = matches!(plain, "A" | "B" | "AB" | "O") && signs <= 1;
            violations.require(fits, field("blood_type"), "must be A, B, AB or O, with or without + or -");
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

fn birth_date(text: &str, now: OffsetDateTime) -> Result<Date, &'static str> {
    let birth_date = date(text)?;
    // The day is later in the east: a child born there today is not born tomorrow.
    let latest = now.date() + Duration::days(1);
    if (BIRTH_DATE_MIN..=latest).contains(&birth_date) { Ok(birth_date) } else { Err("must be from 1900-01-01 to today") }
}

fn captured_at(
    violations: &mut Violations,
    at: &str,
    message: &proto::EnrolmentDraft,
    now: OffsetDateTime,
) -> Option<OffsetDateTime> {
    let captured_at = violations.take(format!("{at}.captured_time"), instant(message.captured_time.as_ref()?))?;
    let fits = captured_at <= now && captured_at >= now - CAPTURE_AGE_MAX;
    violations.require(fits, format!("{at}.captured_time"), "must not be in the future nor more than 400 days old");
    Some(captured_at)
}

fn package(violations: &mut Violations, at: &str, text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let fits = text.len() <= PACKAGE_MAX && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    violations.require(fits, format!("{at}.biometric_package"), "must have 1 to 64 characters of [A-Za-z0-9._-]");
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
        warnings: recorded.warnings.iter().map(|w| warning(*w).into()).collect(),
        // Filled when the ledger is closed.
        committed_revision: 0,
    }
}

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
        reasons: enrolment.reason.map(|r| reason(r).into()).into_iter().collect(),
        state_time: Some(timestamp(enrolment.state_at)),
        captured_time: Some(timestamp(enrolment.captured_at)),
        received_time: Some(timestamp(enrolment.received_at)),
        masked_nik: String::new(),
        initials: String::new(),
        interim_certificate: None,
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

fn reason(reason: EnrolmentReason) -> proto::EnrolmentReason {
    match reason {
        EnrolmentReason::AwaitingBiometrics => proto::EnrolmentReason::AwaitingBiometrics,
        EnrolmentReason::AwaitingCentre => proto::EnrolmentReason::AwaitingCentre,
        EnrolmentReason::SearchFailed => proto::EnrolmentReason::SearchFailed,
        EnrolmentReason::DemographicMismatch => proto::EnrolmentReason::DemographicMismatch,
        EnrolmentReason::Undecided => proto::EnrolmentReason::Undecided,
    }
}

fn warning(warning: NikWarning) -> proto::EnrolmentWarning {
    match warning {
        NikWarning::UnknownArea => proto::EnrolmentWarning::NikAreaUnknown,
        NikWarning::BirthDateDiffers => proto::EnrolmentWarning::NikBirthDateDiffers,
        NikWarning::SexDiffers => proto::EnrolmentWarning::NikSexDiffers,
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::AlreadyEnrolled { district, enrolled_on } => {
                Self::refused(ErrorReason::AlreadyEnrolled, "the person is enrolled already; one enrolment for life")
                    .with("district", district)
                    .with("date", enrolled_on)
            }
            Refusal::OutsideSubdistrict { limit } => {
                let message = "the terminal is limited to its own subdistrict";
                Self::new(Kind::Forbidden, ErrorReason::OutsideSubdistrict, message).with("subdistrict", limit)
            }
        }
    }
}
