//! Bad input: every violation of a request is answered at once, by its field path, and nothing is done.
//!
//! What every write has in common (its request id, its required fields, its batch) is tried on all of them, by the
//! descriptor; what is a field's own rule stands in `fields`.

use ektp::proto::{self, ErrorReason};
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use tonic::Code;

use crate::support::{
    office::{Office, reason, request_id, violated_fields},
    people::{draft, residents},
    raw::{self, Answer},
};

use super::{
    Method, field, line, methods, rows_of_acts,
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
    if !(method.client_streaming && method.is_write()) {
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
    let before = rows_of_acts(&office).await;
    for method in writes() {
        let path = method.path.as_str();
        let channel = line(&office, 0, path).await;
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
        rows_of_acts(&office).await,
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
        let channel = line(&office, 0, path).await;
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
        let channel = line(&office, 0, path).await;
        for batch in method
            .input
            .field
            .iter()
            .filter(|field| field.label() == Label::Repeated)
        {
            let number = u32::try_from(batch.number()).expect("fields have small numbers");
            let empty = field(REQUEST_ID, request_id().as_bytes());
            let mut oversized = empty.clone();
            if matches!(batch.r#type(), Type::Enum | Type::Int64) {
                // Packed into one field.
                oversized.extend(field(number, &[1; TOO_MANY]));
            } else {
                assert!(
                    matches!(batch.r#type(), Type::Message | Type::String),
                    "{path}: {}",
                    batch.name()
                );
                oversized.extend(field(number, b"").repeat(TOO_MANY));
            }
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
