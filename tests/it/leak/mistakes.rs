//! Calls with a person's data in a place where it does not belong: in ids, codes, tokens, as bytes, as a method's name.

use ektp::{cli::demo::people::Person, proto};
use prost::Message as _;

use crate::support::{
    office::{Client, request_id},
    people::draft,
    raw::{self, Answer, Sending},
};

/// Calls with a person's data where it does not belong; answers what each was told.
pub async fn mistakes(terminal: &Client, person: &Person) -> Vec<(String, String)> {
    let mut calls = wrong_sheets(person);
    calls.extend(wrong_ids(person));
    calls.extend(wrong_steps(person));
    let mut told = Vec::new();
    for (method, message) in calls {
        let path = format!("/ektp.v1.{method}");
        let answer =
            raw::exchange(&terminal.channel, &path, vec![message], Sending::Closed, 1).await;
        told.push((method.to_owned(), everything(&answer)));
    }
    let nowhere = format!("/ektp.v1.Registration/{}", person.nik);
    let answer = raw::call(&terminal.channel, &nowhere, &[]).await;
    told.push(("an unknown method".to_owned(), everything(&answer)));
    told
}

/// An answer as text, with every byte of its details.
fn everything(answer: &Answer) -> String {
    match answer {
        Ok(messages) => messages
            .iter()
            .map(|message| String::from_utf8_lossy(message))
            .collect(),
        Err(status) => {
            let details = String::from_utf8_lossy(status.details()).into_owned();
            format!("{} {details} {:?}", status.message(), status.metadata())
        }
    }
}

fn wrong_sheets(person: &Person) -> Vec<(&'static str, Vec<u8>)> {
    let sheet = |change: &dyn Fn(&mut proto::Resident)| {
        let mut draft = draft(person);
        draft.resident.as_mut().map(change);
        draft
    };
    let record = |request_id: String, sheet| {
        proto::RecordEnrolmentRequest {
            request_id,
            enrolment: Some(sheet),
        }
        .encode_to_vec()
    };
    let malformed = sheet(&|resident| {
        resident.nik.push('1');
        resident.full_name = format!("{}{}", resident.full_name, "x".repeat(120));
        resident.mother_name.push('\u{7}');
        resident.phone = format!("{}000000000", resident.phone);
        resident.village = resident.nik.clone();
        resident.blood_type = resident.full_name.clone();
        resident.birth_date = resident.nik.clone();
    });
    let swapped = sheet(&|resident| std::mem::swap(&mut resident.nik, &mut resident.full_name));
    let import = proto::ImportEnrolmentsRequest {
        request_id: request_id(),
        enrolment: Some(malformed.clone()),
    };
    let again = proto::ImportEnrolmentsRequest {
        request_id: request_id(),
        enrolment: Some(draft(person)),
    };
    const RECORD: &str = "Registration/RecordEnrolment";
    vec![
        (RECORD, record(request_id(), draft(person))),
        (RECORD, record(request_id(), malformed)),
        (RECORD, record(request_id(), swapped)),
        (RECORD, record(person.nik.clone(), draft(person))),
        (RECORD, person.name.clone().into_bytes()),
        ("Registration/ImportEnrolments", import.encode_to_vec()),
        ("Registration/ImportEnrolments", again.encode_to_vec()),
    ]
}

/// What the office itself asks: ids, codes and tokens.
fn wrong_ids(person: &Person) -> Vec<(&'static str, Vec<u8>)> {
    let (nik, name) = (person.nik.clone(), person.name.clone());
    let get = |key| proto::GetEnrolmentRequest { key: Some(key) }.encode_to_vec();
    let enrolments = proto::ListEnrolmentsRequest {
        subdistrict: nik.clone(),
        page_token: name.clone(),
        ..proto::ListEnrolmentsRequest::default()
    };
    let requests = proto::ListPrintRequestsRequest {
        page_token: nik.clone(),
        ..proto::ListPrintRequestsRequest::default()
    };
    let tasks = proto::ListContactTasksRequest {
        village: name.clone(),
        page_token: nik.clone(),
        ..proto::ListContactTasksRequest::default()
    };
    let watch = proto::WatchQueueRequest {
        district: nik.clone(),
        resume_token: name.clone().into_bytes(),
    };
    let watch_stock = proto::WatchStockRequest {
        district: name.clone(),
        resume_token: nik.clone().into_bytes(),
    };
    let watch_collections = proto::WatchCollectionsRequest {
        district: nik.clone(),
        resume_token: name.clone().into_bytes(),
    };
    let watch_enrolments = proto::WatchEnrolmentsRequest {
        district: name.clone(),
        resume_token: nik.clone().into_bytes(),
    };
    let stock = proto::GetStockRequest {
        location: name.clone(),
    };
    let blank = proto::LocateBlankRequest {
        serial: nik.parse().expect("a NIK is a number"),
    };
    let by_id = get(proto::get_enrolment_request::Key::EnrolmentId(nik));
    let by_nik = get(proto::get_enrolment_request::Key::Nik(name));
    vec![
        ("Registration/GetEnrolment", by_id),
        ("Registration/GetEnrolment", by_nik),
        ("Registration/ListEnrolments", enrolments.encode_to_vec()),
        ("PrintQueue/ListPrintRequests", requests.encode_to_vec()),
        ("PrintQueue/WatchQueue", watch.encode_to_vec()),
        ("Inventory/WatchStock", watch_stock.encode_to_vec()),
        (
            "Handover/WatchCollections",
            watch_collections.encode_to_vec(),
        ),
        (
            "Registration/WatchEnrolments",
            watch_enrolments.encode_to_vec(),
        ),
        ("Inventory/GetStock", stock.encode_to_vec()),
        ("Inventory/LocateBlank", blank.encode_to_vec()),
        ("Handover/ListContactTasks", tasks.encode_to_vec()),
    ]
}

/// What printers and readers send.
fn wrong_steps(person: &Person) -> Vec<(&'static str, Vec<u8>)> {
    let (nik, name) = (person.nik.clone(), person.name.clone());
    let draft = proto::PrintRequestDraft {
        resident_id: nik.clone(),
        applicant_class: 1,
        documents: Vec::new(),
    };
    let submit = proto::SubmitPrintRequestsRequest {
        request_id: request_id(),
        drafts: vec![draft],
        validate_only: false,
    };
    let leases = proto::LeasePrintRequestsRequest {
        request_id: request_id(),
        count: 1,
        location: name.clone(),
    };
    let lease = Some(proto::LeaseKey {
        print_request_id: nik.clone(),
        fence: 1,
    });
    let chip = proto::BlankBinding {
        lease: lease.clone(),
        serial: 1,
        chip_uid: name.clone(),
    };
    let bind = proto::BindBlanksRequest {
        request_id: request_id(),
        bindings: vec![chip],
    };
    let face = proto::GetCardFaceRequest { lease };
    let start = proto::StartHandoverRequest {
        request_id: request_id(),
        collection_id: nik.clone(),
    };
    let evidence = proto::MatchEvidence {
        reader_id: name.clone(),
        matched: true,
        score: 1,
    };
    let complete = proto::CompleteHandoverRequest {
        request_id: request_id(),
        challenge_id: nik,
        nonce: name.into_bytes(),
        evidence: Some(evidence),
    };
    vec![
        ("PrintQueue/SubmitPrintRequests", submit.encode_to_vec()),
        ("PrintQueue/LeasePrintRequests", leases.encode_to_vec()),
        ("PrintQueue/BindBlanks", bind.encode_to_vec()),
        ("PrintQueue/GetCardFace", face.encode_to_vec()),
        ("Handover/StartHandover", start.encode_to_vec()),
        ("Handover/CompleteHandover", complete.encode_to_vec()),
    ]
}
