//! What a terminal may hand in to end a handover, rule by rule.

use super::*;

fn complete(reader_id: &str, score: u32) -> proto::CompleteHandoverRequest {
    proto::CompleteHandoverRequest {
        request_id: RequestId::fresh().to_string(),
        challenge_id: ChallengeId::fresh().to_string(),
        nonce: vec![7; Nonce::BYTES],
        evidence: Some(proto::MatchEvidence {
            reader_id: reader_id.to_owned(),
            matched: true,
            score,
        }),
    }
}

/// The fields that an error names.
fn fields(error: Error) -> Vec<String> {
    let lines = error.to_refusal().metadata.remove("violations");
    lines
        .unwrap_or_default()
        .split("; ")
        .filter_map(|line| line.split_once(':'))
        .map(|(field, _)| field.to_owned())
        .collect()
}

#[test]
fn a_well_formed_answer_is_read_whole() {
    let message = complete("reader-1.a_B", 1_000_000);
    let (request_id, answered) = complete_handover(&message).expect("it is well formed");
    assert_eq!(request_id.to_string(), message.request_id);
    assert_eq!(answered.challenge_id.to_string(), message.challenge_id);
    assert_eq!(answered.nonce.bytes(), message.nonce);
    let evidence = answered.evidence;
    assert_eq!(evidence.reader_id, "reader-1.a_B");
    assert_eq!((evidence.matched, evidence.score), (true, SCORE_MAX));
}

#[test]
fn every_malformed_field_of_an_answer_is_named_at_once() {
    let named = |message| {
        complete_handover(&message)
            .err()
            .map(fields)
            .unwrap_or_default()
    };
    let mut message = complete(&"r".repeat(READER_MAX + 1), 1_000_001);
    message.request_id = String::new();
    message.challenge_id = "1".to_owned();
    message.nonce.pop();
    let all = [
        "request_id",
        "challenge_id",
        "nonce",
        "evidence.reader_id",
        "evidence.score",
    ];
    assert_eq!(named(message), all);
    let mut message = complete("reader", 0);
    message.evidence = None;
    assert_eq!(named(message), ["evidence"]);
    for reader in ["", "a b", "pembaca:1", "é"] {
        assert_eq!(
            named(complete(reader, 0)),
            ["evidence.reader_id"],
            "{reader}"
        );
    }
    assert_eq!(named(complete("reader", u32::MAX)), ["evidence.score"]);
}

#[test]
fn a_filter_is_a_code_or_nothing() {
    let village = |text: &str| {
        list_contact_tasks(&proto::ListContactTasksRequest {
            village: text.to_owned(),
            ..Default::default()
        })
    };
    assert_eq!(village(""), Ok(None));
    assert_eq!(village("35.75.02.1001"), Ok("35.75.02.1001".parse().ok()));
    assert_eq!(
        village("35.75.02").err().map(fields),
        Some(vec!["village".to_owned()])
    );
    let subdistrict = |text: &str| {
        list_awaiting(&proto::ListAwaitingRequest {
            subdistrict: text.to_owned(),
            ..Default::default()
        })
    };
    assert_eq!(subdistrict(""), Ok(None));
    assert_eq!(subdistrict("35.75.02"), Ok("35.75.02".parse().ok()));
    let named = subdistrict("35.75").err().map(fields);
    assert_eq!(named, Some(vec!["subdistrict".to_owned()]));
}

#[test]
fn a_cursor_survives_its_token_and_other_text_is_none() {
    let cursor = Cursor {
        opened_at: time::macros::datetime!(2017-04-18 01:02:03.000004 UTC),
        id: CollectionId::fresh().uuid(),
    };
    assert_eq!(super::cursor(&cursor_text(&cursor)), Ok(cursor));
    for bad in [
        "",
        "1",
        "1/2",
        "x/",
        "99999999999999999999999999999999999999999/",
    ] {
        assert!(super::cursor(bad).is_err(), "{bad}");
    }
}

#[test]
fn every_refusal_has_the_code_and_the_values_that_the_contract_names() {
    use crate::error::Kind::{NotFound, Refused};
    let on = time::macros::date!(2017 - 04 - 18);
    let cases = [
        (
            Refusal::CollectionNotFound,
            NotFound,
            ErrorReason::CollectionNotFound,
            None,
        ),
        (
            Refusal::AlreadyHandedOver { on },
            Refused,
            ErrorReason::AlreadyHandedOver,
            Some(("handover_date", "2017-04-18")),
        ),
        (
            Refusal::ChallengeNotFound,
            NotFound,
            ErrorReason::ChallengeNotFound,
            None,
        ),
        (
            Refusal::ChallengeExpired,
            Refused,
            ErrorReason::ChallengeExpired,
            None,
        ),
        (
            Refusal::ChallengeWrong,
            Refused,
            ErrorReason::ChallengeWrong,
            None,
        ),
        (
            Refusal::MatchFailed { attempts_left: 2 },
            Refused,
            ErrorReason::MatchFailed,
            Some(("attempts_left", "2")),
        ),
    ];
    for (refusal, kind, reason, value) in cases {
        let error = Error::from(refusal);
        assert_eq!((error.kind(), error.reason()), (kind, reason));
        let metadata = error.to_refusal().metadata;
        let wanted = value.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(metadata.into_iter().next(), wanted);
    }
}
