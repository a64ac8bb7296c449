//! Interim certificates: numbered, valid six calendar months, renewed only afterwards, for those without a card.

use ektp::proto::{
    self, EnrolmentState, NextAction, VerdictOutcome, interim_certificate_result::Outcome,
};
use sqlx::{AssertSqlSafe, Executor as _};
use time::macros::datetime;

use super::{enrolment, why};
use crate::support::{
    office::{Client, Office, request_id, violated_fields},
    people::residents,
};

async fn issue(terminal: &mut Client, enrolment_ids: &[&str]) -> Vec<Outcome> {
    let request = proto::IssueInterimCertificatesRequest {
        request_id: request_id(),
        enrolment_ids: enrolment_ids.iter().map(|id| (*id).to_owned()).collect(),
    };
    let answer = terminal
        .registration
        .issue_interim_certificates(request)
        .await;
    let results = answer
        .expect("the request is answered")
        .into_inner()
        .results;
    let ids: Vec<&str> = results
        .iter()
        .map(|result| result.enrolment_id.as_str())
        .collect();
    assert_eq!(ids, enrolment_ids, "answered in the order of the request");
    results
        .into_iter()
        .map(|result| result.outcome.expect("an outcome"))
        .collect()
}

fn certificate(outcome: &Outcome) -> &proto::InterimCertificate {
    match outcome {
        Outcome::Certificate(certificate) => certificate,
        Outcome::Refused(refusal) => panic!("refused: {refusal:?}"),
    }
}

fn refusal(outcome: &Outcome) -> &proto::Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        Outcome::Certificate(certificate) => panic!("issued: {certificate:?}"),
    }
}

#[tokio::test]
async fn a_certificate_is_numbered_by_district_and_year_and_shows_the_state() {
    let office = Office::open().await;
    // Half past one at night of the new year in Pasuruan; in Greenwich it is still 2017.
    office.clock.set(datetime!(2017-12-31 18:30 UTC));
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut ids = Vec::new();
    for person in residents("35.75", 3) {
        ids.push(terminal.enrol(&person).await.0);
    }
    let issued = issue(&mut terminal, &[&ids[1], &ids[0]]).await;
    let numbers: Vec<&str> = issued
        .iter()
        .map(|one| certificate(one).number.as_str())
        .collect();
    assert_eq!(numbers, ["35.75/2018/000001", "35.75/2018/000002"]);
    let first = certificate(&issued[0]);
    assert_eq!(
        (first.issue_date.as_str(), first.expire_date.as_str()),
        ("2018-01-01", "2018-07-01")
    );
    assert_eq!(first.enrolment_state(), EnrolmentState::Sent);
    let third = issue(&mut terminal, &[&ids[2]]).await;
    assert_eq!(certificate(&third[0]).number, "35.75/2018/000003");
    let shown = enrolment(&mut terminal, &ids[1]).await.interim_certificate;
    assert_eq!(shown.as_ref(), Some(first));

    let elsewhere = &residents("35.76", 1)[0];
    let mut terminal = office.terminal("35.76/office/1").await;
    let (id, _) = terminal.enrol(elsewhere).await;
    let issued = issue(&mut terminal, &[&id]).await;
    assert_eq!(certificate(&issued[0]).number, "35.76/2018/000001");
}

/// S0-7: those of October run out in April, and another one is then issued.
#[tokio::test]
async fn a_certificate_is_renewed_only_after_its_last_day() {
    let office = Office::open().await;
    office.clock.set(datetime!(2017-08-31 02:00 UTC));
    let mut terminal = office.terminal("35.75/office/1").await;
    let (id, _) = terminal.enrol(&residents("35.75", 1)[0]).await;
    let first = issue(&mut terminal, &[&id]).await;
    assert_eq!(certificate(&first[0]).expire_date, "2018-02-28");

    // The last minute of the last day on the office's wall.
    office.clock.set(datetime!(2018-02-28 16:59 UTC));
    let refused = issue(&mut terminal, &[&id]).await;
    assert_eq!(why(refusal(&refused[0])), "INTERIM_CERTIFICATE_STILL_VALID");
    assert_eq!(refusal(&refused[0]).metadata["expire_date"], "2018-02-28");

    office.clock.set(datetime!(2018-02-28 17:00 UTC));
    let second = issue(&mut terminal, &[&id]).await;
    assert_eq!(certificate(&second[0]).number, "35.75/2018/000001");
    let shown = enrolment(&mut terminal, &id)
        .await
        .interim_certificate
        .expect("the new one");
    assert_eq!(&shown, certificate(&second[0]));
    let states = "select string_agg(state, ' ' order by issued_at) from interim_certificate";
    let row = office.sql.fetch_one(states).await.expect("a row");
    let states: String = sqlx::Row::get(&row, 0);
    assert_eq!(states, "RENEWED ACTIVE");
}

/// S0-10.
#[tokio::test]
async fn a_duplicate_gets_no_certificate_and_is_told_whom_to_ask() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let (id, _) = terminal.enrol(&residents("35.75", 1)[0]).await;
    let mut matcher = office.centre("matcher").await;
    let tasks = matcher.lease_checks(1).await;
    matcher.decide(&tasks, VerdictOutcome::Duplicate).await;
    let refused = issue(&mut terminal, &[&id]).await;
    assert_eq!(why(refusal(&refused[0])), "DUPLICATE_RECORD");
    assert_eq!(
        refusal(&refused[0]).next_action(),
        NextAction::FileCaseWithCentre
    );
}

#[tokio::test]
async fn who_has_a_card_gets_no_certificate() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let people = residents("35.75", 3);
    let states = ["AT_SITE", "HANDED_OVER", "ENDED"];
    let mut ids = Vec::new();
    for (serial, (person, state)) in (1..).zip(people.iter().zip(states)) {
        let (enrolment_id, resident_id) = terminal.enrol(person).await;
        let card = format!(
            "insert into card (
                serial, district, location, resident_id, print_request_id, chip_uid, state, bound_at
            ) values ({serial}, 3575, 3575, '{resident_id}', gen_random_uuid(), '{serial}', '{state}', now())"
        );
        office
            .sql
            .execute(AssertSqlSafe(card))
            .await
            .expect("a card");
        ids.push(enrolment_id);
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let outcomes = issue(&mut terminal, &ids).await;
    let (waits, held) = (refusal(&outcomes[0]), refusal(&outcomes[1]));
    assert_eq!(
        (why(waits), waits.next_action()),
        ("CARD_ALREADY_ISSUED", NextAction::CollectCard)
    );
    assert_eq!(
        (why(held), held.next_action()),
        ("CARD_ALREADY_ISSUED", NextAction::Unspecified)
    );
    assert_eq!(certificate(&outcomes[2]).number, "35.75/2017/000001");
}

#[tokio::test]
async fn a_foreign_person_is_refused_like_a_missing_one_and_the_others_are_served() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let (own, _) = terminal.enrol(&residents("35.75", 1)[0]).await;
    let mut other = office.terminal("35.76/office/1").await;
    let (foreign, _) = other.enrol(&residents("35.76", 1)[0]).await;
    let outcomes = issue(&mut terminal, &[&foreign, &own, &request_id()]).await;
    assert_eq!(why(refusal(&outcomes[0])), "ENROLMENT_NOT_FOUND");
    assert_eq!(outcomes[0], outcomes[2]);
    assert_eq!(certificate(&outcomes[1]).number, "35.75/2017/000001");
}

#[tokio::test]
async fn a_batch_names_each_person_once() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let id = request_id();
    let request = proto::IssueInterimCertificatesRequest {
        request_id: request_id(),
        enrolment_ids: vec![id.clone(), "x".to_owned(), id],
    };
    let refused = terminal
        .registration
        .issue_interim_certificates(request)
        .await;
    let mut fields = violated_fields(&refused.expect_err("malformed"));
    fields.sort();
    assert_eq!(fields, ["enrolment_ids[1]", "enrolment_ids[2]"]);
}
