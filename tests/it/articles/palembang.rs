//! Kota Palembang, 30 October 2017: cards wait for the centre's check, mostly a day, sometimes half a year.

use ektp::proto::{ApplicantClass, NextAction, VerdictOutcome};

use crate::{
    print_queue::{fates, submitted},
    support::{office::Office, people::residents},
};

use ApplicantClass::FirstIssue;

#[tokio::test]
async fn s2_3_who_is_enrolled_but_not_checked_is_not_printed() {
    let office = Office::open().await;
    let mut terminal = office.terminal("16.71/office/1").await;
    let (enrolment, resident) = terminal.enrol(&residents("16.71", 1)[0]).await;
    terminal.certify(&[enrolment]).await;
    let answer = terminal.ask(&[(&resident, FirstIssue)], false).await;
    let refusal = submitted(&answer.results[0]).expect_err("the check goes on");
    assert_eq!(fates(&answer.results), ["NOT_PRINT_READY"]);
    assert_eq!(refusal.next_action(), NextAction::WaitForCentre);
    assert!(refusal.words.is_some(), "the counter reads it out");
}

#[tokio::test]
async fn s2_8_enrolled_in_the_morning_checked_and_printed_the_same_day() {
    let office = Office::open().await;
    let mut terminal = office.terminal("16.71/office/1").await;
    let (enrolment, resident) = terminal.enrol(&residents("16.71", 1)[0]).await;
    terminal.certify(&[enrolment]).await;
    let mut matcher = office.centre("matcher").await;
    let tasks = matcher.lease_checks(1).await;
    matcher.decide(&tasks, VerdictOutcome::Unique).await;
    terminal.submit(&[resident]).await;
    office.stock("16.71", 1, 1).await;
    let leases = terminal.lease(1).await.leases;
    terminal.bind(&leases, 1).await;
    terminal.report(&leases, 1).await;
    assert_eq!(terminal.awaiting().await.len(), 1);
}
