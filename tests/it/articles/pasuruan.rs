//! Kota Pasuruan, 18 April 2017: 8,000 blanks came, and of 15,132 holders of an interim certificate 7,904 can be printed.

use ektp::proto::{ApplicantClass, NextAction, ShortSide, VerdictOutcome};

use super::{ask_all, count, crowd, lease_all};
use crate::{
    print_queue::{fates, submitted},
    support::{
        office::Office,
        people::{draft, residents},
    },
};

use ApplicantClass::{DataChange, FirstIssue};

#[tokio::test]
async fn s0_4_of_15_132_certificate_holders_the_7_904_print_ready_ones_are_queued() {
    let office = Office::open().await;
    let people = crowd(&office, 3575, (15_132, 7_904)).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let fates = ask_all(&mut terminal, &people, FirstIssue).await;
    assert_eq!(count(&fates, "QUEUED"), 7_904);
    assert_eq!(count(&fates, "NOT_PRINT_READY"), 7_228);
}

#[tokio::test]
async fn s0_5_8_000_blanks_cover_the_first_stage_with_96_to_spare() {
    let office = Office::open().await;
    let people = crowd(&office, 3575, (7_904, 7_904)).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    ask_all(&mut terminal, &people, FirstIssue).await;
    office.stock("35.75", 1, 8_000).await;
    let mut printer = office.terminal("35.75/office/2").await;
    assert_eq!(lease_all(&mut printer).await, (7_904, ShortSide::Requests));
    // What no lease speaks for is the spare.
    let late = crowd_of_latecomers(&office).await;
    ask_all(&mut terminal, &late, FirstIssue).await;
    assert_eq!(lease_all(&mut printer).await, (96, ShortSide::Blanks));
}

/// Two hundred more, of the next district code's numbering but enrolled here.
async fn crowd_of_latecomers(office: &Office) -> Vec<String> {
    sqlx::query("update interim_certificate set number = 'first ' || number")
        .execute(&office.sql)
        .await
        .expect("the table is there");
    crowd(office, 3575, (200, 200)).await
}

#[tokio::test]
async fn s0_8_without_biometrics_there_is_no_check_and_no_card() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut enrolment = draft(&residents("35.75", 1)[0]);
    enrolment.biometric_package.clear();
    let request = ektp::proto::RecordEnrolmentRequest {
        request_id: crate::support::office::request_id(),
        enrolment: Some(enrolment),
    };
    let recorded = terminal.registration.record_enrolment(request).await;
    let recorded = recorded.expect("the person is recorded").into_inner();
    let answer = terminal
        .ask(&[(&recorded.resident_id, FirstIssue)], false)
        .await;
    let refusal = submitted(&answer.results[0]).expect_err("nothing was checked");
    assert_eq!(fates(&answer.results), ["NOT_PRINT_READY"]);
    assert_eq!(refusal.metadata["state"], "RECORDED");
    assert_eq!(refusal.next_action(), NextAction::TakeBiometrics);
}

#[tokio::test]
async fn s0_9_unique_biometrics_with_wrong_biodata_are_not_print_ready() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let (enrolment, resident) = terminal.enrol(&residents("35.75", 1)[0]).await;
    terminal.certify(&[enrolment]).await;
    let mut matcher = office.centre("matcher").await;
    let tasks = matcher.lease_checks(1).await;
    matcher
        .decide(&tasks, VerdictOutcome::DemographicMismatch)
        .await;
    let answer = terminal.ask(&[(&resident, FirstIssue)], false).await;
    assert_eq!(fates(&answer.results), ["NOT_PRINT_READY"]);
}

#[tokio::test]
async fn s0_12_a_change_of_data_is_served_in_the_same_stage() {
    let office = Office::open().await;
    let people = office.print_ready("35.75", 2).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let drafts = [
        (people[0].1.as_str(), DataChange),
        (people[1].1.as_str(), FirstIssue),
    ];
    let answer = terminal.ask(&drafts, false).await;
    assert_eq!(fates(&answer.results), ["QUEUED", "QUEUED"]);
}
