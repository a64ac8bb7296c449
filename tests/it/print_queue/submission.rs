//! Who is queued and who is not, and why: the rules of Kota Pasuruan (S0), and reprints (S4-4).

use std::sync::Arc;

use ektp::proto::{ApplicantClass, NextAction, VerdictOutcome};
use time::macros::datetime;
use tokio::{sync::Barrier, task::JoinSet};
use tonic::Code;

use super::{fates, submitted};
use crate::support::{
    office::{Client, Office, reason, request_id, violated_fields},
    people::residents,
};

use ApplicantClass::{DataChange, FirstIssue, Relocation};

/// One enrolled person.
struct Enrolled {
    enrolment: String,
    resident: String,
}

async fn enrolled(terminal: &mut Client, count: usize) -> Vec<Enrolled> {
    let mut enrolled = Vec::new();
    for person in residents("35.75", count) {
        let (enrolment, resident) = terminal.enrol(&person).await;
        enrolled.push(Enrolled {
            enrolment,
            resident,
        });
    }
    enrolled
}

/// Gives a verdict to those enrolments; the centre takes all that wait.
async fn judged(office: &Office, people: &[&Enrolled], waiting: u32, outcome: VerdictOutcome) {
    let mut matcher = office.centre("matcher").await;
    let tasks: Vec<_> = matcher.lease_checks(waiting).await;
    let of_them = |id: &String| people.iter().any(|person| person.enrolment == *id);
    let tasks: Vec<_> = tasks
        .into_iter()
        .filter(|task| of_them(&task.enrolment_id))
        .collect();
    assert_eq!(tasks.len(), people.len(), "the centre has them all");
    matcher.decide(&tasks, outcome).await;
}

#[tokio::test]
async fn s0_3_of_four_applicants_only_the_certified_and_print_ready_one_is_queued() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let people = enrolled(&mut terminal, 4).await;
    let [both, only_certificate, only_verdict, neither] = &people[..] else {
        unreachable!()
    };
    terminal
        .certify(&[both.enrolment.clone(), only_certificate.enrolment.clone()])
        .await;
    judged(&office, &[both, only_verdict], 4, VerdictOutcome::Unique).await;

    let drafts = [both, only_certificate, only_verdict, neither]
        .map(|person| (person.resident.as_str(), FirstIssue));
    let foretold = terminal.ask(&drafts, true).await;
    assert_eq!(foretold.committed_revision, 0);
    let entry = submitted(&foretold.results[0]).expect("it would be queued");
    assert_eq!(entry.print_request_id, "");
    assert_eq!(
        (
            office.rows("print_request").await,
            office.rows("print_decision").await
        ),
        (0, 0)
    );

    let answer = terminal.ask(&drafts, false).await;
    let expected = [
        "QUEUED",
        "NOT_PRINT_READY",
        "INTERIM_CERTIFICATE_REQUIRED",
        "NOT_PRINT_READY",
    ];
    assert_eq!(fates(&answer.results), expected);
    assert_eq!(fates(&foretold.results), expected);
    assert!(answer.committed_revision > 0);
    let waits = submitted(&answer.results[1]).expect_err("the check goes on");
    assert_eq!(waits.metadata["state"], "CHECKING");
    assert_eq!(waits.metadata["since"], "2017-04-18");
    assert_eq!(waits.next_action(), NextAction::WaitForCentre);
    let lacks = submitted(&answer.results[2]).expect_err("a certificate is missing");
    assert_eq!(lacks.next_action(), NextAction::IssueInterimCertificate);
    for refused in [1, 2, 3] {
        let told = submitted(&foretold.results[refused]).expect_err("it would be refused");
        let said = submitted(&answer.results[refused]).expect_err("it is refused");
        assert_eq!((told.decision_id.len(), said.decision_id.len()), (0, 36));
        assert_eq!((told.reason, &told.metadata), (said.reason, &said.metadata));
    }
    assert_eq!(
        (
            office.rows("print_request").await,
            office
                .rows("print_decision where outcome = 'REFUSED'")
                .await
        ),
        (1, 3)
    );
    assert_eq!(terminal.queue().await.len(), 1);
}

#[tokio::test]
async fn s0_6_the_rest_becomes_printable_as_the_centre_answers() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let people = enrolled(&mut terminal, 19).await;
    let all: Vec<String> = people
        .iter()
        .map(|person| person.enrolment.clone())
        .collect();
    terminal.certify(&all).await;
    let (early, late): (Vec<_>, Vec<_>) = people
        .iter()
        .enumerate()
        .partition(|(place, _)| place % 2 == 0);
    let early: Vec<&Enrolled> = early.into_iter().map(|(_, person)| person).collect();
    judged(&office, &early, 19, VerdictOutcome::Unique).await;
    let ids: Vec<String> = people
        .iter()
        .map(|person| person.resident.clone())
        .collect();
    let results = terminal.submit(&ids).await;
    let queued = |fates: &[String]| fates.iter().filter(|fate| *fate == "QUEUED").count();
    assert_eq!(queued(&fates(&results)), 10);
    assert_eq!(terminal.queue().await.len(), 10);

    // The verdicts need the leases that the centre took above to be over.
    sqlx::query("update enrolment set check_expires_at = clock_timestamp() - interval '1 second'")
        .execute(&office.sql)
        .await
        .expect("the table is there");
    let late: Vec<&Enrolled> = late.into_iter().map(|(_, person)| person).collect();
    judged(&office, &late, 9, VerdictOutcome::Unique).await;
    let ids: Vec<String> = late.iter().map(|person| person.resident.clone()).collect();
    assert_eq!(queued(&fates(&terminal.submit(&ids).await)), 9);
    assert_eq!(terminal.queue().await.len(), 19);
}

#[tokio::test]
async fn s0_7_whoever_waited_until_the_certificate_ran_out_is_served_all_the_same() {
    let office = Office::open().await;
    let (_, resident) = office.print_ready("35.75", 1).await.swap_remove(0);
    office.clock.set(datetime!(2017-11-01 01:00 UTC));
    let mut terminal = office.terminal("35.75/office/1").await;
    let answer = terminal.ask(&[(&resident, FirstIssue)], false).await;
    let entry = submitted(&answer.results[0]).expect("an expired certificate is one");
    // The place counts from the enrolment, not from today.
    let enrolled = datetime!(2017-04-18 01:00 UTC).unix_timestamp();
    assert_eq!(
        entry.seniority_time.map(|time| time.seconds),
        Some(enrolled)
    );
}

#[tokio::test]
async fn s0_10_a_duplicate_record_is_refused_by_itself() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let person = &enrolled(&mut terminal, 1).await[0];
    terminal
        .certify(std::slice::from_ref(&person.enrolment))
        .await;
    judged(&office, &[person], 1, VerdictOutcome::Duplicate).await;
    for class in [FirstIssue, Relocation, DataChange] {
        let answer = terminal.ask(&[(&person.resident, class)], false).await;
        assert_eq!(fates(&answer.results), ["DUPLICATE_RECORD"]);
        let refusal = submitted(&answer.results[0]).expect_err("it is refused");
        assert_eq!(refusal.next_action(), NextAction::FileCaseWithCentre);
    }
    assert_eq!(office.rows("print_decision").await, 3);
}

#[tokio::test]
async fn a_second_first_card_is_refused_and_a_change_of_data_is_not() {
    let office = Office::open().await;
    let card = office.printed("35.75", 1).await.swap_remove(0);
    let mut terminal = office.terminal("35.75/office/1").await;
    let printed = terminal
        .print_request(&card.print_request_id)
        .await
        .expect("it is here");
    let resident = printed.resident_id.as_str();
    let refused = ["CARD_ALREADY_ISSUED"];
    for class in [FirstIssue, Relocation, DataChange] {
        let answer = terminal.ask(&[(resident, class)], false).await;
        assert_eq!(
            fates(&answer.results),
            refused,
            "the card awaits its holder"
        );
        let refusal = submitted(&answer.results[0]).expect_err("it is refused");
        assert_eq!(refusal.next_action(), NextAction::CollectCard);
    }
    let challenge = terminal
        .start_handover(&card.collection_id)
        .await
        .expect("it is there");
    terminal
        .complete_handover(&challenge, true)
        .await
        .expect("the holder has it");
    let answer = terminal.ask(&[(resident, FirstIssue)], false).await;
    assert_eq!(fates(&answer.results), refused, "one first card for life");
    // The certificate went with the card, which stands in its place.
    assert_eq!(certificates(&office).await, ["SURRENDERED"]);
    let answer = terminal.ask(&[(resident, DataChange)], false).await;
    assert_eq!(fates(&answer.results), ["QUEUED"]);
}

async fn certificates(office: &Office) -> Vec<String> {
    sqlx::query_scalar("select state from interim_certificate")
        .fetch_all(&office.sql)
        .await
        .expect("the table is there")
}

#[tokio::test]
async fn a_person_stands_in_the_queue_once_however_many_terminals_ask() {
    let office = Office::open().await;
    let (_, resident) = office.print_ready("35.75", 1).await.swap_remove(0);
    let barrier = Arc::new(Barrier::new(8));
    let mut asking = JoinSet::new();
    for number in 1..=8 {
        let mut terminal = office.terminal(&format!("35.75/office/{number}")).await;
        let (barrier, resident) = (Arc::clone(&barrier), resident.clone());
        asking.spawn(async move {
            let drafts = vec![ektp::proto::PrintRequestDraft {
                resident_id: resident,
                applicant_class: FirstIssue.into(),
                documents: Vec::new(),
            }];
            let request = ektp::proto::SubmitPrintRequestsRequest {
                request_id: request_id(),
                drafts,
                validate_only: false,
            };
            barrier.wait().await;
            // Whoever collides is told to ask again, with the same request; the eighth has seven before it.
            for _ in 0..8 {
                let answer = terminal.print_queue.submit_print_requests(request.clone());
                match answer.await {
                    Ok(answer) => return fates(&answer.into_inner().results).swap_remove(0),
                    Err(status) => assert_eq!(status.code(), Code::Aborted, "{status:?}"),
                }
            }
            panic!("no answer after eight collisions")
        });
    }
    let fates = asking.join_all().await;
    assert_eq!(
        fates.iter().filter(|fate| *fate == "QUEUED").count(),
        1,
        "{fates:?}"
    );
    assert_eq!(
        fates
            .iter()
            .filter(|fate| *fate == "OPEN_REQUEST_EXISTS")
            .count(),
        7
    );
    let mut terminal = office.terminal("35.75/office/1").await;
    let queue = terminal.queue().await;
    let answer = terminal.ask(&[(&resident, DataChange)], false).await;
    let refusal = submitted(&answer.results[0]).expect_err("it is asked for");
    let open = &queue[0].entry.as_ref().expect("an entry").print_request_id;
    assert_eq!(&refusal.metadata["print_request_id"], open);
    assert_eq!(
        office
            .rows("print_decision where outcome = 'REFUSED'")
            .await,
        0,
        "that is no decision of the policy"
    );
}

#[tokio::test]
async fn a_person_of_another_place_looks_like_none() {
    let office = Office::open().await;
    let ready = office.print_ready("35.75", 8).await;
    let elsewhere = ready
        .iter()
        .find(|(person, _)| !person.village.starts_with("35.75.02"));
    let (_, elsewhere) = elsewhere.expect("the villages take turns");
    let nobody = request_id();
    for place in ["35.73/office/1", "35.75/35.75.02/1"] {
        let mut terminal = office.terminal(place).await;
        let drafts = [
            (elsewhere.as_str(), FirstIssue),
            (nobody.as_str(), FirstIssue),
        ];
        let answer = terminal.ask(&drafts, false).await;
        let foreign = submitted(&answer.results[0]).expect_err("it is not theirs");
        let missing = submitted(&answer.results[1]).expect_err("there is none");
        assert_eq!(foreign, missing, "{place}");
        assert_eq!(fates(&answer.results)[0], "RESIDENT_NOT_FOUND");
    }
}

#[tokio::test]
async fn every_malformed_draft_is_named_at_once() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let known = request_id();
    let draft = |resident_id: &str, applicant_class| ektp::proto::PrintRequestDraft {
        resident_id: resident_id.to_owned(),
        applicant_class,
        documents: Vec::new(),
    };
    let request = ektp::proto::SubmitPrintRequestsRequest {
        request_id: "4711".to_owned(),
        drafts: vec![
            draft("", 0),
            draft(&known, 1),
            draft(&known, 2),
            draft(&request_id(), 99),
        ],
        validate_only: false,
    };
    let status = terminal.print_queue.submit_print_requests(request).await;
    let status = status.expect_err("it is malformed");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(reason(&status), "INVALID_FIELDS");
    let expected = [
        "request_id",
        "drafts[0].resident_id",
        "drafts[0].applicant_class",
        "drafts[3].applicant_class",
        "drafts[2].resident_id",
    ];
    assert_eq!(violated_fields(&status), expected);
    let request = ektp::proto::SubmitPrintRequestsRequest {
        request_id: request_id(),
        drafts: (0..101).map(|_| draft(&request_id(), 1)).collect(),
        validate_only: false,
    };
    let status = terminal.print_queue.submit_print_requests(request).await;
    assert_eq!(violated_fields(&status.expect_err("too many")), ["drafts"]);
}
