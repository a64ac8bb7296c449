//! Bad input: every violation of a request is answered at once, by its field path, and nothing is done.
//!
//! What every write has in common (its request id, its required fields, its batch) is tried on all of them, by the
//! descriptor; what is a field's own rule stands in tables.

use ektp::proto::{self, ErrorReason};
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use tonic::{Code, Status};

use crate::support::{
    look,
    office::{Office, reason, request_id, violated_fields},
    people::{draft, residents},
    raw::{self, Answer},
};

use super::{
    Method, field, methods, principal,
    samples::sample,
    scene::{DISTRICT, Things},
};

/// The field in which every write carries its request id.
const REQUEST_ID: u32 = 1;

/// One more than a batch may hold.
const TOO_MANY: usize = 101;

fn writes() -> Vec<Method> {
    methods().into_iter().filter(Method::is_write).collect()
}

/// The fields that an answer complains of, whether it answers a call or the one item of an import.
fn complaints(method: &Method, answer: Answer) -> Vec<String> {
    let path = &method.path;
    if !method.client_streaming {
        let status = answer.expect_err(path);
        assert_eq!(status.code(), Code::InvalidArgument, "{path}: {status:?}");
        assert_eq!(reason(&status), "INVALID_FIELDS", "{path}");
        return violated_fields(&status);
    }
    let messages = answer.expect("an import goes on");
    let chunk = proto::ImportEnrolmentsResponse::decode(messages[0].as_slice()).expect("an answer");
    match &chunk.results[0].outcome {
        Some(proto::import_enrolment_result::Outcome::Refused(refusal)) => {
            assert_eq!(refusal.reason(), ErrorReason::InvalidFields, "{path}");
            let lines = refusal.metadata["violations"].split("; ");
            lines
                .filter_map(|line| Some(line.split_once(": ")?.0.to_owned()))
                .collect()
        }
        outcome => panic!("{path}: {outcome:?}"),
    }
}

#[tokio::test]
async fn a_missing_malformed_or_nil_request_id_is_a_violation_of_every_write() {
    let office = Office::open().await;
    let things = Things::nowhere();
    let before = look::counts(&office.sql).await;
    for method in writes() {
        let path = method.path.as_str();
        let channel = office.client(0, principal(path)).await.channel;
        for bad in [
            "",
            "1",
            "00000000-0000-0000-0000-000000000000",
            "0190F5FE-7C00-7A00-8ABC-DEF012345678",
            "0190f5fe7c007a008abcdef012345678",
            "0190f5fe-7c00-7a00-8abc-def01234567g",
        ] {
            let mut message = sample(path, &things, &request_id());
            message.extend(field(REQUEST_ID, bad.as_bytes()));
            let complaints = complaints(&method, raw::call(&channel, path, &message).await);
            assert!(
                complaints.iter().any(|at| at == "request_id"),
                "{path} '{bad}': {complaints:?}"
            );
        }
    }
    assert_eq!(
        look::counts(&office.sql).await,
        before,
        "malformed requests are not even stored"
    );
}

#[tokio::test]
async fn an_empty_request_is_told_all_that_is_required() {
    let office = Office::open().await;
    for method in methods()
        .iter()
        .filter(|method| !method.required.is_empty())
    {
        let path = method.path.as_str();
        let channel = office.client(0, principal(path)).await.channel;
        let complaints = complaints(method, raw::call(&channel, path, &[]).await);
        for required in &method.required {
            assert!(
                complaints.contains(required),
                "{path}: {required} is missing in {complaints:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_empty_or_oversized_batch_is_refused_by_every_write_that_takes_one() {
    let office = Office::open().await;
    let mut batches = 0;
    for method in writes() {
        let path = method.path.as_str();
        let channel = office.client(0, principal(path)).await.channel;
        for batch in method
            .input
            .field
            .iter()
            .filter(|field| field.label() == Label::Repeated)
        {
            assert!(
                matches!(batch.r#type(), Type::Message | Type::String),
                "{path}: {}",
                batch.name()
            );
            let number = u32::try_from(batch.number()).expect("fields have small numbers");
            let empty = field(REQUEST_ID, request_id().as_bytes());
            let mut oversized = empty.clone();
            oversized.extend(field(number, b"").repeat(TOO_MANY));
            for message in [empty, oversized] {
                let complaints = complaints(&method, raw::call(&channel, path, &message).await);
                assert!(
                    complaints.iter().any(|at| at == batch.name()),
                    "{path}: {complaints:?}"
                );
            }
            batches += 1;
        }
    }
    assert!(batches >= 10, "many writes take batches: {batches}");
}

/// A malformed request and the fields that are wrong in it.
struct Case(&'static str, Vec<u8>, Vec<&'static str>);

#[tokio::test]
async fn every_violation_is_named_at_once_and_no_other() {
    let office = Office::open().await;
    let before = look::counts(&office.sql).await;
    for Case(path, message, expected) in [
        people_cases(),
        printing_cases(),
        blank_cases(),
        other_cases(),
    ]
    .concat()
    {
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
    assert_eq!(look::counts(&office.sql).await, before, "nothing was done");
}

fn told(status: &Status) -> String {
    format!(
        "{:?}",
        tonic_types::StatusExt::get_details_bad_request(status)
    )
}

impl Clone for Case {
    fn clone(&self) -> Self {
        Self(self.0, self.1.clone(), self.2.clone())
    }
}

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

fn people_cases() -> Vec<Case> {
    const RECORD: &str = "Registration/RecordEnrolment";
    let nik = |nik: &str| person(|_, resident| resident.nik = nik.to_owned());
    let mut cases: Vec<Case> = [
        // Not sixteen digits.
        "",
        "357502150990001",
        "35750215099000011",
        "35750215o9900001",
        "3575 02150990001",
        // No province, district, subdistrict, day, month, day of that month, serial.
        "0175021509900001",
        "3500021509900001",
        "3575001509900001",
        "3575023209900001",
        "3575021513900001",
        "3575023102900001",
        "3575021509900000",
    ]
    .into_iter()
    .map(|bad| Case(RECORD, nik(bad), vec!["enrolment.resident.nik"]))
    .collect();
    cases.extend(
        ["1990-02-30", "1899-12-31", "2017-05-01", "15-09-1990", ""].map(|bad| {
            let message = person(|_, resident| resident.birth_date = bad.to_owned());
            Case(RECORD, message, vec!["enrolment.resident.birth_date"])
        }),
    );
    cases.extend(
        ["35.76.01.1001", "35.75.02.1999", "35.75.02", "nowhere", ""].map(|bad| {
            let message = person(|_, resident| resident.village = bad.to_owned());
            Case(RECORD, message, vec!["enrolment.resident.village"])
        }),
    );
    let everything = person(|sheet, resident| {
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
        // Tomorrow.
        sheet.captured_time = Some(prost_types::Timestamp {
            seconds: 1_492_563_600,
            nanos: 0,
        });
    });
    cases.push(Case(
        RECORD,
        everything,
        vec![
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
        ],
    ));
    cases
}

fn printing_cases() -> Vec<Case> {
    let lease = |id: &str, fence| {
        Some(proto::LeaseKey {
            print_request_id: id.to_owned(),
            fence,
        })
    };
    let (one, other) = (request_id(), request_id());
    let drafts = vec![
        proto::PrintRequestDraft {
            resident_id: one.clone(),
            applicant_class: 99,
        },
        proto::PrintRequestDraft {
            resident_id: one.clone(),
            applicant_class: 1,
        },
        proto::PrintRequestDraft {
            resident_id: "nobody".to_owned(),
            applicant_class: 0,
        },
    ];
    let binding = |lease, serial, chip: &str| proto::BlankBinding {
        lease,
        serial,
        chip_uid: chip.to_owned(),
    };
    let bindings = vec![
        binding(lease(&one, 1), 8_000_001, "04aabbccdd"),
        binding(lease(&one, 1), 8_000_001, "04aabbccdd"),
        binding(lease(&other, 1), 0, "xyz"),
        binding(None, -1, ""),
    ];
    let spoiled = |lease, serial, kind| proto::SpoiledBlank {
        lease,
        serial,
        kind,
    };
    let request_id = request_id();
    vec![
        Case(
            "PrintQueue/SubmitPrintRequests",
            proto::SubmitPrintRequestsRequest {
                request_id: request_id.clone(),
                drafts,
                validate_only: true,
            }
            .encode_to_vec(),
            vec![
                "drafts[0].applicant_class",
                "drafts[1].resident_id",
                "drafts[2].applicant_class",
                "drafts[2].resident_id",
            ],
        ),
        Case(
            "PrintQueue/LeasePrintRequests",
            proto::LeasePrintRequestsRequest {
                request_id: request_id.clone(),
                count: 101,
                location: "Bandung".to_owned(),
            }
            .encode_to_vec(),
            vec!["count", "location"],
        ),
        Case(
            "PrintQueue/BindBlanks",
            proto::BindBlanksRequest {
                request_id: request_id.clone(),
                bindings,
            }
            .encode_to_vec(),
            vec![
                "bindings[1].chip_uid",
                "bindings[1].lease.print_request_id",
                "bindings[1].serial",
                "bindings[2].chip_uid",
                "bindings[2].serial",
                "bindings[3].chip_uid",
                "bindings[3].lease",
                "bindings[3].serial",
            ],
        ),
        Case(
            "PrintQueue/ReportSpoiled",
            proto::ReportSpoiledRequest {
                request_id,
                blanks: vec![
                    spoiled(lease(&one, 1), 8_000_001, 0),
                    spoiled(lease("x", 1), i64::MAX, 77),
                ],
            }
            .encode_to_vec(),
            vec![
                "blanks[0].kind",
                "blanks[1].kind",
                "blanks[1].lease.print_request_id",
                "blanks[1].serial",
            ],
        ),
    ]
}

fn blank_cases() -> Vec<Case> {
    let run = |first, last| proto::SerialRange { first, last };
    let delivery = |serials: Vec<proto::SerialRange>| {
        proto::RegisterDeliveryRequest {
            request_id: request_id(),
            document_number: "BA-1".to_owned(),
            serials,
        }
        .encode_to_vec()
    };
    let mut cases: Vec<Case> = [
        run(0, 5),
        run(-5, -1),
        run(5, 4),
        run(1, 1_000_001),
        run(9_999_999_999_999, 10_000_000_000_000),
    ]
    .into_iter()
    .map(|bad| {
        Case(
            "Inventory/RegisterDelivery",
            delivery(vec![run(20_000_000, 20_000_009), bad]),
            vec!["serials[1]"],
        )
    })
    .collect();
    cases.push(Case(
        "Inventory/RegisterDelivery",
        delivery(vec![run(10, 20), run(30, 40), run(15, 35)]),
        vec!["serials[2]"],
    ));
    let dispatch = proto::DispatchShipmentRequest {
        request_id: request_id(),
        destination: "35.70".to_owned(),
        document_number: "d".repeat(65),
        serials: vec![run(10, 20), run(20, 30)],
    };
    cases.push(Case(
        "Inventory/DispatchShipment",
        dispatch.encode_to_vec(),
        vec!["destination", "document_number", "serials[1]"],
    ));
    cases.push(Case(
        "Inventory/LocateBlank",
        proto::LocateBlankRequest { serial: -1 }.encode_to_vec(),
        vec!["serial"],
    ));
    cases
}

fn other_cases() -> Vec<Case> {
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
    let evidence = proto::MatchEvidence {
        reader_id: "a reader".to_owned(),
        matched: true,
        score: 1_000_001,
    };
    let handover = proto::CompleteHandoverRequest {
        request_id: request_id(),
        challenge_id: "x".to_owned(),
        nonce: vec![1; 31],
        evidence: Some(evidence),
    };
    vec![
        Case(
            "Registration/RecordVerdicts",
            proto::RecordVerdictsRequest {
                request_id: request_id(),
                verdicts,
            }
            .encode_to_vec(),
            vec![
                "verdicts[0].outcome",
                "verdicts[1].enrolment_id",
                "verdicts[2].enrolment_id",
                "verdicts[2].outcome",
            ],
        ),
        Case(
            "Registration/IssueInterimCertificates",
            proto::IssueInterimCertificatesRequest {
                request_id: request_id(),
                enrolment_ids: vec![one.clone(), one, "x".to_owned()],
            }
            .encode_to_vec(),
            vec!["enrolment_ids[1]", "enrolment_ids[2]"],
        ),
        Case(
            "Handover/CompleteHandover",
            handover.encode_to_vec(),
            vec![
                "challenge_id",
                "evidence.reader_id",
                "evidence.score",
                "nonce",
            ],
        ),
        Case(
            "PrintQueue/ListPrintRequests",
            proto::ListPrintRequestsRequest {
                state: 77,
                applicant_class: 77,
                page_size: 1,
                page_token: "not a token".to_owned(),
            }
            .encode_to_vec(),
            vec!["applicant_class", "page_token", "state"],
        ),
    ]
}

#[tokio::test]
async fn an_odd_number_is_recorded_with_its_warnings() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    // An area that was never given out, another birth date, and the day of a woman.
    let mut sheet = draft(&residents(DISTRICT, 1)[0]);
    let resident = sheet.resident.as_mut().expect("a sheet has its person");
    resident.nik = "3575995509900001".to_owned();
    resident.birth_date = "1990-09-16".to_owned();
    resident.sex = proto::Sex::Male.into();
    let request = proto::RecordEnrolmentRequest {
        request_id: request_id(),
        enrolment: Some(sheet),
    };
    let recorded = terminal
        .registration
        .record_enrolment(request)
        .await
        .expect("it is odd, not wrong")
        .into_inner();
    let warnings: Vec<_> = recorded.warnings().collect();
    assert_eq!(
        warnings,
        [
            proto::EnrolmentWarning::NikAreaUnknown,
            proto::EnrolmentWarning::NikBirthDateDiffers,
            proto::EnrolmentWarning::NikSexDiffers,
        ]
    );
}
