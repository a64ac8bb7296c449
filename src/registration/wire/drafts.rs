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
mod tests {
    use std::collections::BTreeMap;

    use time::macros::datetime;

    use super::*;
    use crate::{caller::Principal, wire::timestamp};

    const NOW: OffsetDateTime = datetime!(2016-10-03 18:30 UTC);
    const ID: &str = "0190f5fe-7c00-7a00-8abc-def012345678";

    fn office() -> Caller {
        let text = "ektp://district/35.75/site/office/terminal/1";
        Caller::from(text.parse::<Principal>().expect("a valid identity"))
    }

    fn resident() -> proto::Resident {
        proto::Resident {
            nik: "3575021708900001".to_owned(),
            full_name: "  Budi Santoso ".to_owned(),
            mother_name: "Siti Aminah".to_owned(),
            birth_place: "Pasuruan".to_owned(),
            birth_date: "1990-08-17".to_owned(),
            sex: proto::Sex::Male.into(),
            village: "35.75.02.1001".to_owned(),
            address: "Jl. Melati 7".to_owned(),
            neighbourhood: 1,
            community: 2,
            phone: "+628123456789".to_owned(),
            religion: "Islam".to_owned(),
            marital_status: "Belum Kawin".to_owned(),
            occupation: "Pelajar".to_owned(),
            blood_type: "AB+".to_owned(),
        }
    }

    fn parse(enrolment: proto::EnrolmentDraft) -> Result<Draft> {
        let message = proto::RecordEnrolmentRequest {
            request_id: ID.to_owned(),
            enrolment: Some(enrolment),
        };
        record_enrolment(&message, &office(), NOW).map(|(_, draft)| draft)
    }

    fn of(resident: proto::Resident) -> proto::EnrolmentDraft {
        proto::EnrolmentDraft {
            resident: Some(resident),
            ..Default::default()
        }
    }

    /// The violated fields, without what they all begin with.
    fn violations(refused: Result<Draft>) -> Vec<String> {
        let error = refused.expect_err("a malformed draft");
        let metadata: BTreeMap<String, String> = error.to_refusal().metadata;
        let fields = metadata["violations"].split("; ").map(|line| {
            let (field, _) = line.split_once(": ").expect("a field and its rule");
            field.trim_start_matches("enrolment.").to_owned()
        });
        fields.collect()
    }

    #[test]
    fn a_well_formed_draft_is_taken_as_it_was_meant() {
        let draft = parse(proto::EnrolmentDraft {
            resident: Some(resident()),
            biometric_package: "b.1_2-3".to_owned(),
            captured_time: Some(timestamp(NOW - Duration::days(400))),
        })
        .expect("a draft of the test");
        assert_eq!(draft.person.full_name, "Budi Santoso");
        assert_eq!(draft.person.blood_type, "AB+");
        assert_eq!(draft.biometric_package.as_deref(), Some("b.1_2-3"));
        assert_eq!(draft.captured_at, Some(NOW - Duration::days(400)));
        assert_eq!(draft.warnings, []);
    }

    #[test]
    fn every_violation_is_told_at_once() {
        let message = proto::EnrolmentDraft {
            resident: Some(proto::Resident {
                nik: "3575".to_owned(),
                full_name: " ".to_owned(),
                mother_name: "x".repeat(NAME_MAX + 1),
                birth_place: String::new(),
                birth_date: "17-08-1990".to_owned(),
                sex: 7,
                village: "35.76.01.1001".to_owned(),
                address: "a\nb".to_owned(),
                neighbourhood: 1_000,
                community: 1_000,
                phone: "12".to_owned(),
                religion: String::new(),
                marital_status: String::new(),
                occupation: String::new(),
                blood_type: "C".to_owned(),
            }),
            biometric_package: "../etc".to_owned(),
            captured_time: Some(timestamp(NOW + Duration::SECOND)),
        };
        let mut found = violations(parse(message));
        found.sort();
        found.dedup();
        let mut all: Vec<String> = [
            "address",
            "birth_date",
            "birth_place",
            "blood_type",
            "community",
            "full_name",
            "marital_status",
            "mother_name",
            "neighbourhood",
            "nik",
            "occupation",
            "phone",
            "religion",
            "sex",
            "village",
        ]
        .map(|name| format!("resident.{name}"))
        .into();
        all.extend(["biometric_package", "captured_time"].map(str::to_owned));
        all.sort();
        assert_eq!(found, all);
    }

    #[test]
    fn a_request_without_content_names_what_it_lacks() {
        let empty = proto::RecordEnrolmentRequest::default();
        let refused = record_enrolment(&empty, &office(), NOW).map(|(_, draft)| draft);
        assert_eq!(violations(refused), ["request_id", "enrolment"]);
        assert_eq!(violations(parse(Default::default())), ["resident"]);
    }

    #[test]
    fn a_refusal_never_repeats_what_was_sent() {
        let refused = parse(of(proto::Resident {
            nik: "3575021708900000".to_owned(),
            phone: "0812345".to_owned(),
            blood_type: "Rahasia".to_owned(),
            ..resident()
        }));
        let refusal = format!("{:?}", refused.expect_err("malformed").to_refusal());
        for secret in ["3575021708900000", "0812345", "Rahasia", "Santoso"] {
            assert!(!refusal.contains(secret), "{secret}");
        }
    }

    #[test]
    fn the_youngest_was_born_today_by_the_clock_on_the_offices_wall() {
        // Half past one at night in Pasuruan, still the day before in Greenwich.
        let born = |birth_date: &str| {
            parse(of(proto::Resident {
                birth_date: birth_date.to_owned(),
                ..resident()
            }))
        };
        assert!(born("2016-10-04").is_ok());
        assert_eq!(violations(born("2016-10-05")), ["resident.birth_date"]);
        assert!(born("1900-01-01").is_ok());
        assert_eq!(violations(born("1899-12-31")), ["resident.birth_date"]);
    }

    #[test]
    fn what_merely_disagrees_is_warned_of() {
        let draft = parse(of(proto::Resident {
            nik: "3575021808900001".to_owned(),
            sex: proto::Sex::Female.into(),
            ..resident()
        }))
        .expect("a number stands even if it disagrees");
        let expected = [NikWarning::BirthDateDiffers, NikWarning::SexDiffers];
        assert_eq!(draft.warnings, expected);
    }

    #[test]
    fn a_village_must_be_listed_and_of_the_own_district() {
        let living_in = |village: &str| {
            violations(parse(of(proto::Resident {
                village: village.to_owned(),
                ..resident()
            })))
        };
        assert_eq!(living_in("35.76.01.1003"), ["resident.village"]);
        assert_eq!(living_in("35.75.02.1999"), ["resident.village"]);
        assert_eq!(living_in("Purworejo"), ["resident.village"]);
    }

    #[test]
    fn an_offline_capture_may_lie_four_hundred_days_back_and_no_further() {
        let captured = |at| {
            parse(proto::EnrolmentDraft {
                captured_time: Some(timestamp(at)),
                ..of(resident())
            })
        };
        assert!(captured(NOW).is_ok());
        for at in [
            NOW + Duration::SECOND,
            NOW - Duration::days(400) - Duration::SECOND,
        ] {
            assert_eq!(violations(captured(at)), ["captured_time"]);
        }
    }
}
