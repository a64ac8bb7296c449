//! Kabupaten Bengkalis, 8 May 2017: 10,000 blanks for 20,000 who could be printed, and reprints turned away by the system.

use std::sync::Arc;

use ektp::proto::{ApplicantClass, ClassOutcome, NextAction, PolicyDraft, ShortSide};
use tokio::{sync::Barrier, task::JoinSet};

use super::{ask_all, count, crowd, lease_all};
use crate::{
    print_queue::{entry, fates, submitted},
    support::{office::Office, policies},
};

use ApplicantClass::{DataChange, FirstIssue, Lost, Relocation};

const BENGKALIS: i32 = 1403;

/// The directorate-general's rule about scarce blanks.
fn scarce() -> PolicyDraft {
    let mut draft = policies::draft();
    draft.area = "14.03".to_owned();
    for class in [Lost, ApplicantClass::Damaged] {
        policies::rule(&mut draft, class).outcome = ClassOutcome::Refuse.into();
    }
    policies::rule(&mut draft, DataChange).outcome = ClassOutcome::Hold.into();
    draft
}

#[tokio::test]
async fn s4_6_of_20_000_exactly_10_000_are_given_blanks_and_10_000_stay_queued_in_order() {
    let office = Office::open().await;
    let people = crowd(&office, BENGKALIS, (20_000, 20_000)).await;
    let mut terminal = office.terminal("14.03/office/1").await;
    let fates = ask_all(&mut terminal, &people, FirstIssue).await;
    assert_eq!(count(&fates, "QUEUED"), 20_000);
    // S4-1: the receipt of 10,000.
    office.stock("14.03", 1, 10_000).await;
    let mut printer = office.terminal("14.03/office/2").await;
    assert_eq!(lease_all(&mut printer).await, (10_000, ShortSide::Blanks));
    // Who got one was enrolled before everybody who did not.
    let (last_given, first_left): (time::OffsetDateTime, time::OffsetDateTime) = sqlx::query_as(
        "select max(seniority_at) filter (where fence > 0), min(seniority_at) filter (where fence = 0) from print_request",
    )
    .fetch_one(&office.sql)
    .await
    .expect("the table is there");
    assert!(last_given < first_left);
}

#[tokio::test]
async fn s4_1_the_receipt_of_10_000_is_what_can_be_printed() {
    let office = Office::open().await;
    office.stock("14.03", 1, 10_000).await;
    let mut terminal = office.terminal("14.03/office/1").await;
    let request = ektp::proto::GetStockRequest {
        location: "14.03".to_owned(),
    };
    let stock = terminal
        .inventory
        .get_stock(request)
        .await
        .expect("the account is told");
    assert_eq!(
        stock.into_inner().stock.expect("an account").in_stock,
        10_000
    );
}

#[tokio::test]
async fn s4_2_however_many_ask_at_once_the_order_is_that_of_the_enrolments() {
    let office = Office::open().await;
    let people = crowd(&office, BENGKALIS, (80, 80)).await;
    let barrier = Arc::new(Barrier::new(8));
    let mut asking = JoinSet::new();
    for (number, some) in people.chunks(10).enumerate() {
        let mut terminal = office
            .terminal(&format!("14.03/office/{}", number + 1))
            .await;
        let (barrier, some) = (Arc::clone(&barrier), some.to_vec());
        asking.spawn(async move {
            barrier.wait().await;
            ask_all(&mut terminal, &some, FirstIssue).await
        });
    }
    let fates: Vec<String> = asking.join_all().await.into_iter().flatten().collect();
    assert_eq!(count(&fates, "QUEUED"), 80);
    office.stock("14.03", 1, 80).await;
    let mut printer = office.terminal("14.03/office/9").await;
    let leases = printer.lease(80).await.leases;
    let times: Vec<_> = leases
        .iter()
        .map(|lease| entry(lease).seniority_time.map(|time| time.seconds))
        .collect();
    // A second lies between any two of them.
    assert!(times.is_sorted_by(|one, next| one < next) && times.len() == 80);
}

#[tokio::test]
async fn s4_3_who_never_had_a_card_goes_before_who_enrolled_earlier() {
    let office = Office::open().await;
    let people = crowd(&office, BENGKALIS, (4, 4)).await;
    let mut terminal = office.terminal("14.03/office/1").await;
    ask_all(&mut terminal, &people[..2], Relocation).await;
    ask_all(&mut terminal, &people[2..], FirstIssue).await;
    office.stock("14.03", 1, 3).await;
    let leases = terminal.lease(3).await.leases;
    let classes: Vec<_> = leases.iter().map(|l| entry(l).applicant_class()).collect();
    assert_eq!(classes, [FirstIssue, FirstIssue, Relocation]);
}

#[tokio::test]
async fn s4_7_who_is_turned_away_gets_an_interim_certificate_instead() {
    let office = Office::open().await;
    office.put_in_force(scarce()).await;
    let (_, resident) = office.print_ready("14.03", 1).await.swap_remove(0);
    let mut terminal = office.terminal("14.03/office/1").await;
    let answer = terminal.ask(&[(&resident, Lost)], false).await;
    let refusal = submitted(&answer.results[0]).expect_err("it is refused");
    assert_eq!(fates(&answer.results), ["ALREADY_PRINTED"]);
    assert_eq!(refusal.next_action(), NextAction::IssueInterimCertificate);
    let held: String = sqlx::query_scalar("select state from interim_certificate")
        .fetch_one(&office.sql)
        .await
        .expect("one certificate");
    assert_eq!(held, "ACTIVE");
}

#[tokio::test]
async fn s4_8_who_was_turned_away_is_counted_by_reason() {
    let office = Office::open().await;
    office.put_in_force(scarce()).await;
    let people = crowd(&office, BENGKALIS, (60, 50)).await;
    let mut terminal = office.terminal("14.03/office/1").await;
    ask_all(&mut terminal, &people[..30], Lost).await;
    ask_all(&mut terminal, &people[30..40], DataChange).await;
    ask_all(&mut terminal, &people[40..], FirstIssue).await;
    let counted: Vec<(String, Vec<String>, i64)> = sqlx::query_as(
        "select outcome, reasons, count(*) from print_decision group by outcome, reasons order by outcome, reasons",
    )
    .fetch_all(&office.sql)
    .await
    .expect("the table is there");
    let counted: Vec<(String, String, i64)> = counted
        .into_iter()
        .map(|(outcome, reasons, count)| (outcome, reasons.join(","), count))
        .collect();
    let expected = [
        ("ADMITTED", "", 10),
        ("HELD", "CLASS_HELD", 10),
        ("REFUSED", "ALREADY_PRINTED", 30),
        ("REFUSED", "NOT_PRINT_READY", 10),
    ];
    let expected =
        expected.map(|(outcome, reasons, count)| (outcome.to_owned(), reasons.to_owned(), count));
    assert_eq!(counted, expected);
}

#[tokio::test]
async fn s4_9_every_refusal_and_every_hold_is_said_in_both_languages() {
    let office = Office::open().await;
    office.put_in_force(scarce()).await;
    let people = crowd(&office, BENGKALIS, (3, 2)).await;
    let mut terminal = office.terminal("14.03/office/1").await;
    let drafts = [
        (people[0].as_str(), Lost),
        (people[1].as_str(), DataChange),
        (people[2].as_str(), FirstIssue),
    ];
    let answer = terminal.ask(&drafts, false).await;
    assert_eq!(
        fates(&answer.results),
        ["ALREADY_PRINTED", "CLASS_HELD", "NOT_PRINT_READY"]
    );
    for result in &answer.results {
        use ektp::proto::submit_print_request_result::Outcome;
        let words = match result.outcome.as_ref().expect("an outcome") {
            Outcome::Refused(refusal) => refusal.words.as_ref(),
            Outcome::Held(held) => held.words.as_ref(),
            Outcome::Queued(_) => panic!("nobody is queued"),
        };
        let words = words.expect("the counter reads it out");
        assert!(words.indonesian.len() > 20 && words.english.len() > 20);
        assert_ne!(words.indonesian, words.english);
    }
}
