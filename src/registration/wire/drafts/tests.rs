//! What a terminal may send for one person, rule by rule.

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
            mother_name: "x".repeat(121),
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
