//! A write that is sent again gets its first answer, byte for byte, from any server; and happens once however often and
//! wherever it is sent at the same time.

use std::{collections::BTreeMap, sync::Arc};

use ektp::{caller::CLOSE_SHIFT, feed::Timing, proto};
use prost::Message as _;
use tokio::sync::Barrier;
use tonic::Code;

use crate::{
    administration::at,
    support::{
        look,
        office::{Office, reason, request_id},
        officers::{self, Line},
        raw::{self, Answer},
    },
};

use super::{Method, methods, principal, samples::sample, scene, scene::Things};

/// How many clients send the same write at the same time, half to each server.
const TOGETHER: usize = 8;

/// Two servers over one database, with the scene in it.
async fn two_servers() -> (Office, Things) {
    let mut office = Office::open().await;
    office.add_server(Timing::default()).await;
    let things = scene::set(&office).await;
    (office, things)
}

/// The principal's connection to each of the two servers, under one shift.
async fn both(office: &Office, path: &str) -> [Line; 2] {
    let principal = principal(path);
    if path == CLOSE_SHIFT {
        let identity = office.identity(principal);
        let roles = &officers::ALL_BUT_CONTRACTOR;
        let shift = officers::open_shift(&office.sql, &identity.certificate_pem, roles).await;
        let shift = Some(shift.to_string());
        return [
            at(office, 0, principal, shift.as_deref()).await.channel,
            at(office, 1, principal, shift.as_deref()).await.channel,
        ];
    }
    [
        office.client(0, principal).await.channel,
        office.client(1, principal).await.channel,
    ]
}

fn writes() -> Vec<Method> {
    methods().into_iter().filter(Method::is_write).collect()
}

/// An answer down to the byte. An import's message also tells the revision of the commit that carried it, which is that
/// of the chunk; what is promised again is each item's result.
fn bytes(method: &Method, answer: &Answer) -> Vec<u8> {
    let mut bytes = Vec::new();
    match answer {
        Ok(messages) if method.client_streaming => {
            for message in messages {
                let chunk =
                    proto::ImportEnrolmentsResponse::decode(message.as_slice()).expect("an answer");
                chunk
                    .results
                    .iter()
                    .for_each(|result| bytes.extend(result.encode_to_vec()));
            }
        }
        Ok(messages) => messages.iter().for_each(|message| bytes.extend(message)),
        Err(status) => {
            bytes.extend(format!("{:?} {} ", status.code(), status.message()).into_bytes());
            bytes.extend(status.details());
        }
    }
    assert!(!bytes.is_empty(), "{} answers something", method.path);
    bytes
}

#[tokio::test]
async fn a_write_sent_again_to_another_server_gets_the_first_answer_byte_for_byte() {
    let (office, things) = two_servers().await;
    for method in writes() {
        let path = method.path.as_str();
        let [here, there] = both(&office, path).await;
        let before = look::contents_with_officers(&office.sql).await;
        let message = sample(path, &things, &request_id());
        let first = raw::call(&here, path, &message).await;
        assert!(first.is_ok(), "{path}: {first:?}");
        let after = look::contents_with_officers(&office.sql).await;
        // A certificate is answered and stored nowhere else.
        let does_something = path != "/ektp.v1.Administration/RenewTerminal";
        assert_eq!(before != after, does_something, "{path} did: {first:?}");

        for channel in [&there, &here] {
            let again = raw::call(channel, path, &message).await;
            assert_eq!(
                bytes(&method, &again),
                bytes(&method, &first),
                "{path}: {again:?}"
            );
        }
        assert_eq!(
            look::contents_with_officers(&office.sql).await,
            after,
            "{path} did something again"
        );
    }
}

#[tokio::test]
async fn a_refusal_is_an_answer_too_and_is_given_again() {
    let (office, things) = two_servers().await;
    let refused = things.refused();
    for method in writes() {
        let path = method.path.as_str();
        if path == CLOSE_SHIFT {
            continue; // It names nothing that could be refused.
        }
        let [here, there] = both(&office, path).await;
        let before = look::contents_with_officers(&office.sql).await;
        let stored = look::count(&office.sql, "request").await;
        let message = sample(path, &refused, &request_id());
        let first = raw::call(&here, path, &message).await;
        assert_eq!(
            look::contents_with_officers(&office.sql).await,
            before,
            "{path} was to be refused: {first:?}"
        );
        assert_eq!(
            look::count(&office.sql, "request").await,
            stored + 1,
            "{path}: {first:?} is stored"
        );

        let again = raw::call(&there, path, &message).await;
        assert_eq!(
            bytes(&method, &again),
            bytes(&method, &first),
            "{path}: {again:?}"
        );
    }
}

#[tokio::test]
async fn a_request_id_that_was_used_for_something_else_is_refused() {
    let (office, things) = two_servers().await;
    let others = things.missing(scene::DISTRICT);
    for method in writes() {
        let path = method.path.as_str();
        if path == CLOSE_SHIFT {
            continue; // It says nothing but its id.
        }
        let [here, there] = both(&office, path).await;
        let id = request_id();
        let first = raw::call(&here, path, &sample(path, &things, &id)).await;
        assert!(first.is_ok(), "{path}: {first:?}");
        let before = look::contents_with_officers(&office.sql).await;
        let other = raw::call(&there, path, &sample(path, &others, &id)).await;
        if method.client_streaming {
            let messages = other.expect("an import goes on");
            let chunk =
                proto::ImportEnrolmentsResponse::decode(messages[0].as_slice()).expect("an answer");
            match &chunk.results[0].outcome {
                Some(proto::import_enrolment_result::Outcome::Refused(refusal)) => {
                    assert_eq!(refusal.reason(), proto::ErrorReason::RequestIdReused);
                }
                outcome => panic!("{path}: {outcome:?}"),
            }
        } else {
            let status = other.expect_err("the id is taken");
            assert_eq!(
                status.code(),
                Code::FailedPrecondition,
                "{path}: {status:?}"
            );
            assert_eq!(reason(&status), "REQUEST_ID_REUSED", "{path}");
        }
        assert_eq!(
            look::contents_with_officers(&office.sql).await,
            before,
            "{path} did something"
        );
    }
}

#[tokio::test]
async fn a_request_id_of_one_method_is_not_taken_for_another() {
    let (office, things) = two_servers().await;
    let path = "/ektp.v1.PrintQueue/RenewLeases";
    let other = "/ektp.v1.PrintQueue/ReleaseLeases";
    let [here, there] = both(&office, path).await;
    let id = request_id();
    raw::call(&here, path, &sample(path, &things, &id))
        .await
        .expect("the lease is renewed");
    // The two messages have the same bytes; what differs is what is asked.
    let things = Things {
        released: things.renewed.clone(),
        ..things
    };
    let status = raw::call(&there, other, &sample(other, &things, &id))
        .await
        .expect_err("the id is taken");
    assert_eq!(reason(&status), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn a_write_sent_by_eight_at_once_to_two_servers_happens_once() {
    let (alone, things_alone) = two_servers().await;
    let (office, things) = two_servers().await;
    for method in writes() {
        let path = method.path.as_str();
        // What one call does, in a scene of its own, is what eight may do together.
        let [once, _] = both(&alone, path).await;
        let before = look::counts(&alone.sql).await;
        let single = raw::call(&once, path, &sample(path, &things_alone, &request_id())).await;
        assert!(single.is_ok(), "{path}: {single:?}");
        let expected = grown(&before, &look::counts(&alone.sql).await);

        let channels = both(&office, path).await;
        let before = look::counts(&office.sql).await;
        let message = sample(path, &things, &request_id());
        let answers = together(&channels, path, &message).await;
        let first = bytes(&method, &answers[0]);
        assert!(answers[0].is_ok(), "{path}: {:?}", answers[0]);
        for answer in &answers {
            assert_eq!(bytes(&method, answer), first, "{path}: {answer:?}");
        }
        let happened = grown(&before, &look::counts(&office.sql).await);
        assert_eq!(happened, expected, "{path} did not happen once");
    }
}

/// Sends a message from eight clients at the same moment.
async fn together(channels: &[Line; 2], path: &str, message: &[u8]) -> Vec<Answer> {
    let barrier = Arc::new(Barrier::new(TOGETHER));
    let clients = (0..TOGETHER).map(|client| {
        let (channel, barrier) = (channels[client % 2].clone(), Arc::clone(&barrier));
        let (path, message) = (path.to_owned(), message.to_vec());
        tokio::spawn(async move {
            barrier.wait().await;
            raw::insist(&channel, &path, &message).await
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut answers = Vec::new();
    for client in clients {
        answers.push(client.await.expect("no client panics"));
    }
    answers
}

/// By how many rows each table has grown.
fn grown(before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let grown = after
        .iter()
        .map(|(table, rows)| (table.clone(), rows - before.get(table).unwrap_or(&0)));
    grown.filter(|(_, rows)| *rows != 0).collect()
}
