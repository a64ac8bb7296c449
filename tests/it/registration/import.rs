//! Imports: every item is answered in its place, done once, and a broken line costs nothing but sending again.

use std::collections::{BTreeMap, BTreeSet};

use ektp::proto::{
    self, ImportEnrolmentResult, ImportEnrolmentsRequest, import_enrolment_result::Outcome,
};
use http::uri::PathAndQuery;
use sqlx::Executor as _;
use tokio::sync::{Barrier, mpsc};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::{Code, Request, client::Grpc};
use tonic_prost::ProstCodec;

use super::{enrolment, why};
use crate::support::{
    PATIENCE,
    office::{Client, Office, reason, request_id},
    people::{draft, residents},
};

fn items(district: &str, count: usize) -> Vec<ImportEnrolmentsRequest> {
    let item = |person: &ektp::cli::demo::people::Person| ImportEnrolmentsRequest {
        request_id: request_id(),
        enrolment: Some(draft(person)),
    };
    residents(district, count).iter().map(item).collect()
}

/// Sends all and reads all; the chunks as they were committed.
async fn import(
    terminal: &mut Client,
    items: Vec<ImportEnrolmentsRequest>,
) -> Vec<proto::ImportEnrolmentsResponse> {
    let answer = terminal
        .registration
        .import_enrolments(tokio_stream::iter(items))
        .await;
    let mut stream = answer.expect("the stream opens").into_inner();
    let mut chunks = Vec::new();
    while let Some(chunk) = next(&mut stream).await {
        chunks.push(chunk);
    }
    chunks
}

async fn next(
    stream: &mut tonic::Streaming<proto::ImportEnrolmentsResponse>,
) -> Option<proto::ImportEnrolmentsResponse> {
    let next = tokio::time::timeout(PATIENCE, stream.message()).await;
    next.expect("an answer in time").expect("no error")
}

fn results(chunks: Vec<proto::ImportEnrolmentsResponse>) -> Vec<ImportEnrolmentResult> {
    chunks.into_iter().flat_map(|chunk| chunk.results).collect()
}

/// "recorded", or the reason of the refusal.
fn word(result: &ImportEnrolmentResult) -> &'static str {
    match result.outcome.as_ref().expect("an outcome") {
        Outcome::Recorded(_) => "recorded",
        Outcome::Refused(refusal) => why(refusal),
    }
}

async fn count_of_enrolments(office: &Office) -> i64 {
    let row = office
        .sql
        .fetch_one("select count(*) from enrolment")
        .await
        .expect("a row");
    sqlx::Row::get(&row, 0)
}

#[tokio::test]
async fn a_backlog_is_recorded_in_chunks_and_answered_in_its_order() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let items = items("35.75", 1_234);
    let ids: Vec<String> = items.iter().map(|item| item.request_id.clone()).collect();
    let chunks = import(&mut terminal, items).await;
    let mut revision = 0;
    for chunk in &chunks {
        assert!((1..=500).contains(&chunk.results.len()));
        revision += chunk.results.len() as u64;
        assert_eq!(
            chunk.committed_revision, revision,
            "one event for each enrolment"
        );
    }
    let results = results(chunks);
    assert!(results.iter().all(|result| word(result) == "recorded"));
    assert_eq!(
        results
            .into_iter()
            .map(|result| result.request_id)
            .collect::<Vec<_>>(),
        ids
    );
    assert_eq!(count_of_enrolments(&office).await, 1_234);
}

#[tokio::test]
async fn after_a_broken_line_the_rest_is_sent_again_and_nothing_is_done_twice() {
    let office = Office::open().await;
    let items = items("35.75", 1_200);
    let mut first_answers = BTreeMap::new();
    {
        let mut terminal = office.terminal("35.75/office/1").await;
        let answer = terminal
            .registration
            .import_enrolments(tokio_stream::iter(items.clone()))
            .await;
        let mut stream = answer.expect("the stream opens").into_inner();
        let chunk = next(&mut stream).await.expect("the first chunk");
        for result in chunk.results {
            first_answers.insert(result.request_id.clone(), result);
        }
        // The line breaks here: whether a second chunk was committed, nobody at the office knows.
    }
    let mut terminal = office.terminal("35.75/office/1").await;
    let rest: Vec<_> = items
        .iter()
        .filter(|item| !first_answers.contains_key(&item.request_id))
        .cloned()
        .collect();
    assert!(rest.len() < items.len());
    for result in results(import(&mut terminal, rest).await) {
        assert_eq!(word(&result), "recorded");
        first_answers.insert(result.request_id.clone(), result);
    }
    assert_eq!(first_answers.len(), 1_200);
    assert_eq!(count_of_enrolments(&office).await, 1_200);

    // And all of them once more: each gets its first answer.
    let again = results(import(&mut terminal, items).await);
    assert_eq!(again.len(), 1_200);
    assert!(
        again
            .iter()
            .all(|result| first_answers[&result.request_id] == *result)
    );
}

#[tokio::test]
async fn a_refused_item_keeps_its_place_and_the_stream_goes_on() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut items = items("35.75", 6);
    let repeated_person = ImportEnrolmentsRequest {
        request_id: request_id(),
        ..items[0].clone()
    };
    let mut reused_id = items[5].clone();
    reused_id.request_id.clone_from(&items[0].request_id);
    let enrolled = items.remove(5);
    import(&mut terminal, vec![enrolled.clone()]).await;
    items[2]
        .enrolment
        .as_mut()
        .and_then(|draft| draft.resident.as_mut())
        .expect("a resident")
        .nik
        .clear();
    items[3].request_id = "3".to_owned();
    let known_person = ImportEnrolmentsRequest {
        request_id: request_id(),
        ..enrolled
    };
    items.extend([reused_id, repeated_person, known_person, items[0].clone()]);
    let ids: Vec<String> = items.iter().map(|item| item.request_id.clone()).collect();

    let results = results(import(&mut terminal, items).await);
    let words: Vec<&str> = results.iter().map(word).collect();
    let expected = [
        "recorded",
        "recorded",
        "INVALID_FIELDS",
        "INVALID_FIELDS",
        "recorded",
        "REQUEST_ID_REUSED",
        "ALREADY_ENROLLED",
        "ALREADY_ENROLLED",
        "recorded",
    ];
    assert_eq!(words, expected);
    assert_eq!(
        results
            .iter()
            .map(|result| result.request_id.clone())
            .collect::<Vec<_>>(),
        ids
    );
    assert_eq!(results[8], results[0]);
    let Some(Outcome::Refused(malformed)) = &results[2].outcome else {
        panic!("it is malformed")
    };
    assert!(malformed.metadata["violations"].starts_with("enrolment.resident.nik: "));
}

#[tokio::test]
async fn what_is_pending_is_answered_when_the_client_pauses() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let (send, receive) = mpsc::channel(8);
    let answer = terminal
        .registration
        .import_enrolments(ReceiverStream::new(receive))
        .await;
    let mut stream = answer.expect("the stream opens").into_inner();
    for item in items("35.75", 2) {
        let id = item.request_id.clone();
        send.send(item).await.expect("the stream reads");
        let chunk = next(&mut stream)
            .await
            .expect("an answer while the stream is open");
        assert_eq!(chunk.results[0].request_id, id);
    }
    drop(send);
    assert_eq!(next(&mut stream).await, None);
}

/// S0-8: a mobile unit's log may hold a person twice, first without and then with the biometrics.
#[tokio::test]
async fn late_biometrics_complete_an_enrolment_of_the_same_import() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let complete = items("35.75", 1).remove(0);
    let mut incomplete = complete.clone();
    incomplete.request_id = request_id();
    incomplete
        .enrolment
        .as_mut()
        .expect("a draft")
        .biometric_package
        .clear();
    let results = results(import(&mut terminal, vec![incomplete, complete]).await);
    let recorded = |result: &ImportEnrolmentResult| match &result.outcome {
        Some(Outcome::Recorded(recorded)) => recorded.clone(),
        other => panic!("not recorded: {other:?}"),
    };
    let (first, second) = (recorded(&results[0]), recorded(&results[1]));
    assert_eq!(first.enrolment_id, second.enrolment_id);
    assert_eq!(first.state(), proto::EnrolmentState::Recorded);
    assert_eq!(second.state(), proto::EnrolmentState::Sent);
    let seen = enrolment(&mut terminal, &first.enrolment_id).await;
    assert_eq!(seen.state(), proto::EnrolmentState::Sent);
}

#[tokio::test]
async fn two_imports_with_common_people_record_each_person_once() {
    let office = Office::open().await;
    let here = items("35.75", 900);
    let village = &residents("35.76", 1)[0].village;
    // The other office has the same people in the opposite order.
    let there: Vec<_> = here
        .iter()
        .rev()
        .map(|item| {
            let mut item = item.clone();
            item.request_id = request_id();
            let resident = item
                .enrolment
                .as_mut()
                .and_then(|draft| draft.resident.as_mut());
            resident.expect("a resident").village.clone_from(village);
            item
        })
        .collect();
    let barrier = Barrier::new(2);
    let run = async |place: &str, items| {
        let mut terminal = office.terminal(place).await;
        barrier.wait().await;
        results(import(&mut terminal, items).await)
    };
    let (here, there) = tokio::join!(run("35.75/office/1", here), run("35.76/office/1", there));
    let words: BTreeSet<&str> = here.iter().chain(&there).map(word).collect();
    assert!(
        words.is_subset(&BTreeSet::from(["recorded", "ALREADY_ENROLLED"])),
        "{words:?}"
    );
    let recorded = here
        .iter()
        .chain(&there)
        .filter(|result| word(result) == "recorded")
        .count();
    assert_eq!((recorded, here.len() + there.len()), (900, 1_800));
    assert_eq!(count_of_enrolments(&office).await, 900);
}

#[tokio::test]
async fn an_item_that_is_no_such_message_ends_the_import() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    // A number stands where the request id should: no client of the contract sends that.
    let mut client = Grpc::new(terminal.channel.clone());
    client.ready().await.expect("the server answers");
    let strange = tokio_stream::iter([proto::LeaseChecksRequest { wanted: 1 }]);
    let path = PathAndQuery::from_static("/ektp.v1.Registration/ImportEnrolments");
    let codec = ProstCodec::<_, proto::ImportEnrolmentsResponse>::default();
    let answer = client.streaming(Request::new(strange), path, codec).await;
    let mut stream = answer.expect("the stream opens").into_inner();
    let refused = stream.message().await.expect_err("it is no item");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(reason(&refused), "INVALID_FIELDS");
    // The server lives on.
    assert_eq!(
        results(import(&mut terminal, items("35.75", 1)).await).len(),
        1
    );
}

#[tokio::test]
async fn a_server_that_goes_away_tells_who_imports() {
    let mut office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let open = tokio_stream::iter(items("35.75", 1)).chain(tokio_stream::pending());
    let answer = terminal.registration.import_enrolments(open).await;
    let mut stream = answer.expect("the stream opens").into_inner();
    assert_eq!(
        next(&mut stream)
            .await
            .expect("the first chunk")
            .results
            .len(),
        1
    );
    let draining = tokio::spawn(office.take_server(0).drain());
    let told = tokio::time::timeout(PATIENCE, stream.message())
        .await
        .expect("an answer in time");
    assert_eq!(reason(&told.expect_err("it goes")), "SERVER_DRAINING");
    draining.await.expect("it has gone");
}
