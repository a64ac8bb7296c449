//! The rules of single fields: each case is a malformed request and the paths of exactly the fields that are wrong in it.

use ektp::proto;
use prost::Message as _;
use tonic::{Code, Status};

use crate::support::{
    office::{MORNING, Office, request_id, violated_fields},
    people::{draft, residents},
    raw,
};

use super::{
    people, principal, printing, rows_of_acts,
    scene::{DISTRICT, first_village},
};

/// A malformed request and the fields that are wrong in it.
pub struct Case(pub &'static str, pub Vec<u8>, pub Vec<&'static str>);

#[tokio::test]
async fn every_violation_is_named_at_once_and_no_other() {
    let office = Office::open().await;
    let before = rows_of_acts(&office).await;
    let mut cases = numbers();
    cases.extend(dates_and_villages());
    cases.extend([sheet(), dispatch(), verdicts(), handover()]);
    cases.extend(people::cases());
    cases.extend(printing::cases());
    cases.extend(ranges());
    cases.extend(lists());
    for Case(path, message, expected) in cases {
        let path = format!("/ektp.v1.{path}");
        let channel = office.client(0, principal(&path)).await.channel;
        let status = raw::call(&channel, &path, &message).await.expect_err(&path);
        assert_eq!(status.code(), Code::InvalidArgument, "{path}: {status:?}");
        let mut found = violated_fields(&status);
        found.sort_unstable();
        found.dedup();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(found, expected, "{path}: {}", told(&status));
    }
    assert_eq!(rows_of_acts(&office).await, before, "nothing was done");
}

fn told(status: &Status) -> String {
    format!(
        "{:?}",
        tonic_types::StatusExt::get_details_bad_request(status)
    )
}

const RECORD: &str = "Registration/RecordEnrolment";

/// A request about a person, changed.
fn person(change: impl FnOnce(&mut proto::EnrolmentDraft, &mut proto::Resident)) -> Vec<u8> {
    let mut sheet = draft(&residents(DISTRICT, 1)[0]);
    let mut resident = sheet.resident.take().expect("a sheet has its person");
    change(&mut sheet, &mut resident);
    sheet.resident = Some(resident);
    proto::RecordEnrolmentRequest {
        request_id: request_id(),
        enrolment: Some(sheet),
    }
    .encode_to_vec()
}

fn numbers() -> Vec<Case> {
    let not_sixteen_digits =
        "  357502150990001 35750215099000011 35750215o9900001 357502-150990001";
    // No province, district, subdistrict, day, month, day of that month, serial.
    let no_such_part = "0175021509900001 3500021509900001 3575001509900001 3575023209900001 3575021513900001 \
                        3575023102900001 3575021509900000";
    not_sixteen_digits
        .split(' ')
        .chain(no_such_part.split_whitespace())
        .map(|bad| {
            let message = person(|_, resident| resident.nik = bad.to_owned());
            Case(RECORD, message, vec!["enrolment.resident.nik"])
        })
        .collect()
}

fn dates_and_villages() -> Vec<Case> {
    let dates = ["1990-02-30", "1899-12-31", "2017-05-01", "15-09-1990", ""].map(|bad| {
        let message = person(|_, resident| resident.birth_date = bad.to_owned());
        Case(RECORD, message, vec!["enrolment.resident.birth_date"])
    });
    let elsewhere = first_village("35.76");
    let villages = [
        elsewhere.as_str(),
        "35.75.02.1999",
        "35.75.02",
        "nowhere",
        "",
    ]
    .map(|bad| {
        let message = person(|_, resident| resident.village = bad.to_owned());
        Case(RECORD, message, vec!["enrolment.resident.village"])
    });
    dates.into_iter().chain(villages).collect()
}

/// A sheet on which nothing is right.
fn sheet() -> Case {
    let message = person(|sheet, resident| {
        *resident = proto::Resident {
            nik: "1".to_owned(),
            full_name: "n".repeat(121),
            mother_name: "a\u{7}b".to_owned(),
            birth_place: "p".repeat(61),
            birth_date: "yesterday".to_owned(),
            sex: 9,
            village: "35.75".to_owned(),
            address: "a".repeat(121),
            neighbourhood: 1_000,
            community: 1_000,
            phone: "12".to_owned(),
            religion: "r".repeat(31),
            marital_status: "m".repeat(31),
            occupation: "o".repeat(61),
            blood_type: "C".to_owned(),
        };
        sheet.biometric_package = "a package".to_owned();
        // The day after the office's own.
        let seconds = MORNING.unix_timestamp() + 86_400;
        sheet.captured_time = Some(prost_types::Timestamp { seconds, nanos: 0 });
    });
    let fields = vec![
        "enrolment.biometric_package",
        "enrolment.captured_time",
        "enrolment.resident.address",
        "enrolment.resident.birth_date",
        "enrolment.resident.birth_place",
        "enrolment.resident.blood_type",
        "enrolment.resident.community",
        "enrolment.resident.full_name",
        "enrolment.resident.marital_status",
        "enrolment.resident.mother_name",
        "enrolment.resident.neighbourhood",
        "enrolment.resident.nik",
        "enrolment.resident.occupation",
        "enrolment.resident.phone",
        "enrolment.resident.religion",
        "enrolment.resident.sex",
        "enrolment.resident.village",
    ];
    Case(RECORD, message, fields)
}

fn run(first: i64, last: i64) -> proto::SerialRange {
    proto::SerialRange { first, last }
}

fn delivery(serials: Vec<proto::SerialRange>, field: &'static str) -> Case {
    let document_number = "BA-1".to_owned();
    let request = proto::RegisterDeliveryRequest {
        request_id: request_id(),
        document_number,
        serials,
    };
    Case(
        "Inventory/RegisterDelivery",
        request.encode_to_vec(),
        vec![field],
    )
}

fn ranges() -> Vec<Case> {
    let good = run(20_000_000, 20_000_009);
    let mut cases: Vec<Case> = [
        run(0, 5),
        run(-5, -1),
        run(5, 4),
        run(1, 1_000_001),
        run(9_999_999_999_999, 10_000_000_000_000),
    ]
    .into_iter()
    .map(|bad| delivery(vec![good, bad], "serials[1]"))
    .collect();
    cases.push(delivery(
        vec![run(10, 20), run(30, 40), run(15, 35)],
        "serials[2]",
    ));
    cases
}

fn dispatch() -> Case {
    let request = proto::DispatchShipmentRequest {
        request_id: request_id(),
        // 70 was never given out.
        destination: "35.70".to_owned(),
        document_number: "d".repeat(65),
        serials: vec![run(10, 20), run(20, 30)],
        origin: String::new(),
        blank_request_id: String::new(),
    };
    let fields = vec!["destination", "document_number", "serials[1]"];
    Case(
        "Inventory/DispatchShipment",
        request.encode_to_vec(),
        fields,
    )
}

fn verdicts() -> Case {
    let verdict = |id: &str, fence, outcome| proto::Verdict {
        enrolment_id: id.to_owned(),
        fence,
        outcome,
    };
    let one = request_id();
    let verdicts = vec![
        verdict(&one, 1, 0),
        verdict(&one, 1, 1),
        verdict("x", 1, 42),
    ];
    let request = proto::RecordVerdictsRequest {
        request_id: request_id(),
        verdicts,
    };
    let fields = vec![
        "verdicts[0].outcome",
        "verdicts[1].enrolment_id",
        "verdicts[2].enrolment_id",
        "verdicts[2].outcome",
    ];
    Case(
        "Registration/RecordVerdicts",
        request.encode_to_vec(),
        fields,
    )
}

fn handover() -> Case {
    let evidence = proto::MatchEvidence {
        reader_id: "a reader".to_owned(),
        matched: true,
        score: 1_000_001,
    };
    let request = proto::CompleteHandoverRequest {
        request_id: request_id(),
        challenge_id: "x".to_owned(),
        nonce: vec![1; 31],
        evidence: Some(evidence),
    };
    let fields = vec![
        "challenge_id",
        "evidence.reader_id",
        "evidence.score",
        "nonce",
    ];
    Case("Handover/CompleteHandover", request.encode_to_vec(), fields)
}

/// What is not a write is checked too.
fn lists() -> Vec<Case> {
    let one = request_id();
    let enrolment_ids = vec![one.clone(), one, "x".to_owned()];
    let certificates = proto::IssueInterimCertificatesRequest {
        request_id: request_id(),
        enrolment_ids,
    };
    let filters = proto::ListPrintRequestsRequest {
        state: 77,
        applicant_class: 77,
        ..proto::ListPrintRequestsRequest::default()
    };
    let page = proto::ListPrintRequestsRequest {
        page_token: "not a token".to_owned(),
        ..proto::ListPrintRequestsRequest::default()
    };
    vec![
        Case(
            "Registration/IssueInterimCertificates",
            certificates.encode_to_vec(),
            vec!["enrolment_ids[1]", "enrolment_ids[2]"],
        ),
        Case(
            "PrintQueue/ListPrintRequests",
            filters.encode_to_vec(),
            vec!["applicant_class", "state"],
        ),
        Case(
            "PrintQueue/ListPrintRequests",
            page.encode_to_vec(),
            vec!["page_token"],
        ),
        Case(
            "Registration/ListEnrolments",
            proto::ListEnrolmentsRequest {
                state: 99,
                subdistrict: "Bugul".to_owned(),
                ..proto::ListEnrolmentsRequest::default()
            }
            .encode_to_vec(),
            vec!["state", "subdistrict"],
        ),
        Case(
            "Handover/ListContactTasks",
            proto::ListContactTasksRequest {
                village: "35.75".to_owned(),
                ..Default::default()
            }
            .encode_to_vec(),
            vec!["village"],
        ),
        Case(
            "Inventory/LocateBlank",
            proto::LocateBlankRequest { serial: -1 }.encode_to_vec(),
            vec!["serial"],
        ),
    ]
}
