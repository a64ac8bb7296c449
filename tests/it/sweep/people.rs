//! The rules of single fields in what is changed of a person and in what happens to one; `fields` tries them.

use ektp::proto;
use prost::Message as _;
use prost_types::FieldMask;

use crate::support::office::request_id;

use super::fields::Case;

const CHANGE: &str = "Registration/ChangeResident";
const EVENT: &str = "Registration/RecordLifeEvent";

pub fn cases() -> Vec<Case> {
    let mut cases = changes();
    cases.extend(masks());
    cases.extend(events());
    cases
}

fn change(resident: Option<proto::Resident>, paths: &[&str]) -> Vec<u8> {
    proto::ChangeResidentRequest {
        request_id: request_id(),
        resident_id: request_id(),
        resident,
        update_mask: Some(FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
    }
    .encode_to_vec()
}

/// What the mask names has the enrolment's rules; what it does not name is not looked at.
fn changes() -> Vec<Case> {
    let bad = proto::Resident {
        birth_date: "1899-12-31".to_owned(),
        sex: 9,
        village: "35.77.01.1001".to_owned(),
        neighbourhood: 1_000,
        phone: "0812".to_owned(),
        blood_type: "C".to_owned(),
        ..proto::Resident::default()
    };
    vec![
        Case(
            CHANGE,
            change(
                Some(bad.clone()),
                &[
                    "birth_date",
                    "sex",
                    "village",
                    "neighbourhood",
                    "phone",
                    "blood_type",
                    "full_name",
                ],
            ),
            vec![
                "resident.birth_date",
                "resident.blood_type",
                "resident.full_name",
                "resident.neighbourhood",
                "resident.phone",
                "resident.sex",
                "resident.village",
            ],
        ),
        // A required field cannot be emptied.
        Case(
            CHANGE,
            change(Some(bad.clone()), &["address", "mother_name", "religion"]),
            vec![
                "resident.address",
                "resident.mother_name",
                "resident.religion",
            ],
        ),
        Case(CHANGE, change(None, &["address"]), vec!["resident"]),
    ]
}

fn masks() -> Vec<Case> {
    let good = || {
        Some(proto::Resident {
            address: "Jl. Kenanga 1".to_owned(),
            ..proto::Resident::default()
        })
    };
    vec![
        Case(CHANGE, change(good(), &[]), vec!["update_mask"]),
        Case(
            CHANGE,
            change(
                good(),
                &[
                    "nik",
                    "address",
                    "*",
                    "address",
                    "resident.address",
                    "Address",
                ],
            ),
            vec![
                "update_mask.paths[0]",
                "update_mask.paths[2]",
                "update_mask.paths[3]",
                "update_mask.paths[4]",
                "update_mask.paths[5]",
            ],
        ),
        Case(
            CHANGE,
            change(good(), &["address"; 15]),
            vec!["update_mask"],
        ),
    ]
}

fn events() -> Vec<Case> {
    let event = |kind, day: &str, number: &str, destination: &str| {
        proto::RecordLifeEventRequest {
            request_id: request_id(),
            resident_id: request_id(),
            kind,
            event_date: day.to_owned(),
            document_number: number.to_owned(),
            destination: destination.to_owned(),
        }
        .encode_to_vec()
    };
    let (death, move_out) = (1, 2);
    let day = "2017-04-17";
    vec![
        Case(
            EVENT,
            event(0, "", "", ""),
            vec!["document_number", "event_date", "kind"],
        ),
        Case(
            EVENT,
            event(7, "17-04-2017", "1", ""),
            vec!["event_date", "kind"],
        ),
        // Tomorrow in Pasuruan.
        Case(
            EVENT,
            event(death, "2017-04-19", "1", ""),
            vec!["event_date"],
        ),
        Case(EVENT, event(death, day, "1", "35.76"), vec!["destination"]),
        Case(
            EVENT,
            event(move_out, day, &"9".repeat(65), ""),
            vec!["destination", "document_number"],
        ),
        Case(
            EVENT,
            event(move_out, day, "1", "35.75"),
            vec!["destination"],
        ),
        Case(
            EVENT,
            event(move_out, day, "1", "35.00"),
            vec!["destination"],
        ),
        Case(
            EVENT,
            event(move_out, day, "1", "Malang"),
            vec!["destination"],
        ),
    ]
}
