//! The rules as data, seen from the counter: who is refused, who is taken and waits, and what each is told (S1, S2, S4).
//!
//! The versions are put into the table by hand; how the centre writes them is told elsewhere.

use ektp::proto::{
    self, ApplicantClass, Document, NextAction, submit_print_request_result::Outcome,
};
use time::macros::datetime;
use tokio::task::JoinSet;

use super::{fates, submitted};
use crate::support::{
    cards::until,
    office::{Client, Office, request_id},
};

use ApplicantClass::{Damaged, DataChange, FirstIssue, Lost, Relocation};

/// The rule of the directorate-general while blanks are short (Bengkalis): no second print.
const NO_SECOND_PRINT: &str = "update policy_class set outcome = 'REFUSE'
    where version = $1 and applicant_class in ('RELOCATION', 'DATA_CHANGE', 'LOST', 'DAMAGED')";
/// Bogor until 22 October 2017, with a quota that a test can fill.
const QUOTA_OF_4: &str = "update policy_version set daily_quota = 4 where version = $1";

/// Prints a person's first card and hands it over.
async fn give_card(office: &Office, terminal: &mut Client, resident: &str) {
    office.stock("35.75", 1, 1).await;
    terminal.submit(&[resident.to_owned()]).await;
    let leases = terminal.lease(1).await.leases;
    terminal.bind(&leases, 1).await;
    terminal.report(&leases, 1).await;
    let collection = terminal.awaiting().await.swap_remove(0);
    let challenge = terminal
        .start_handover(&collection.collection_id)
        .await
        .expect("it is there");
    terminal
        .complete_handover(&challenge, true)
        .await
        .expect("the holder has it");
}

/// Persons who could be printed, asking for their first card.
async fn ready(office: &Office, count: usize) -> Vec<String> {
    let people = office.print_ready("35.75", count).await;
    people.into_iter().map(|(_, resident)| resident).collect()
}

fn first_cards(residents: &[String]) -> Vec<(&str, ApplicantClass)> {
    residents
        .iter()
        .map(|id| (id.as_str(), FirstIssue))
        .collect()
}

/// One draft with papers.
async fn ask_with(
    terminal: &mut Client,
    resident: &str,
    papers: &[Document],
) -> proto::SubmitPrintRequestResult {
    let draft = proto::PrintRequestDraft {
        resident_id: resident.to_owned(),
        applicant_class: FirstIssue.into(),
        documents: papers.iter().map(|paper| (*paper).into()).collect(),
    };
    let request = proto::SubmitPrintRequestsRequest {
        request_id: request_id(),
        drafts: vec![draft],
        validate_only: false,
    };
    let answer = terminal.print_queue.submit_print_requests(request).await;
    answer
        .expect("the draft is answered")
        .into_inner()
        .results
        .swap_remove(0)
}

#[tokio::test]
async fn s4_4_a_second_print_for_damaged_or_lost_is_refused_automatically() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let holder = ready(&office, 1).await.swap_remove(0);
    give_card(&office, &mut terminal, &holder).await;
    office.rule(2, &[NO_SECOND_PRINT]).await;
    let decided = office.rows("print_decision").await;
    for class in [Lost, Damaged, DataChange, Relocation] {
        let answer = terminal.ask(&[(&holder, class)], false).await;
        let refusal = submitted(&answer.results[0]).expect_err("it is refused");
        assert_eq!(fates(&answer.results), ["ALREADY_PRINTED"]);
        // S4-7: the person gets an interim certificate instead; S4-9: and is told why.
        assert_eq!(refusal.next_action(), NextAction::IssueInterimCertificate);
        assert_eq!(refusal.metadata["policy_version"], "2");
        let words = refusal.words.as_ref().expect("the counter reads it out");
        assert!(words.indonesian.contains("surat keterangan"));
        assert!(words.english.contains("interim certificate"));
        assert_eq!(refusal.decision_id.len(), 36);
    }
    // S4-8: counted by reason; and nothing is reserved.
    let refused: i64 = sqlx::query_scalar(
        "select count(*) from print_decision
         where outcome = 'REFUSED' and reasons = '{ALREADY_PRINTED}' and policy_version = 2",
    )
    .fetch_one(&office.sql)
    .await
    .expect("the table is there");
    assert_eq!(refused, 4);
    assert_eq!(office.rows("print_decision").await, decided + 4);
    assert_eq!(terminal.queue().await.len(), 0);
}

#[tokio::test]
async fn s2_6_while_the_rule_holds_only_those_who_never_had_a_card_are_served() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let people = ready(&office, 3).await;
    let (holder, never) = (&people[0], &people[1..]);
    give_card(&office, &mut terminal, holder).await;
    office.rule(2, &[NO_SECOND_PRINT]).await;
    let answer = terminal
        .ask(
            &[
                (holder, Relocation),
                (&never[0], Relocation),
                (&never[1], FirstIssue),
            ],
            false,
        )
        .await;
    assert_eq!(
        fates(&answer.results),
        ["ALREADY_PRINTED", "CLASS_NOT_SERVED", "QUEUED"]
    );
    let answer = terminal.ask(&[(holder, FirstIssue)], false).await;
    assert_eq!(fates(&answer.results), ["CARD_ALREADY_ISSUED"]);
}

#[tokio::test]
async fn s1_3_each_missing_paper_is_named_and_all_together_are_accepted() {
    let office = Office::open().await;
    let wanted =
        "update policy_class set documents = '{FAMILY_CARD_COPY,INTERIM_CERTIFICATE,PHONE_NUMBER}'
        where version = $1 and applicant_class = 'FIRST_ISSUE'";
    office.rule(2, &[wanted]).await;
    let people = office.print_ready("35.75", 6).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let (with_phone, without): (Vec<_>, Vec<_>) = people
        .iter()
        .partition(|(person, _)| person.phone.is_some());
    let copy = &[Document::FamilyCardCopy][..];
    for (resident, papers, missing) in [
        (&with_phone[0].1, &[][..], "FAMILY_CARD_COPY"),
        (&without[0].1, copy, "PHONE_NUMBER"),
        (&without[0].1, &[], "FAMILY_CARD_COPY,PHONE_NUMBER"),
    ] {
        let result = ask_with(&mut terminal, resident, papers).await;
        let refusal = submitted(&result).expect_err("something is missing");
        assert_eq!(super::name(refusal), "DOCUMENT_MISSING");
        assert_eq!(refusal.metadata["documents"], missing);
        assert_eq!(refusal.next_action(), NextAction::BringDocument);
    }
    let result = ask_with(&mut terminal, &with_phone[0].1, copy).await;
    assert_eq!(fates(&[result]), ["QUEUED"]);
}

#[tokio::test]
async fn s1_1_an_enrolment_outside_the_window_waits_with_its_date() {
    let office = Office::open().await;
    let resident = ready(&office, 1).await.swap_remove(0);
    let until_march = "update policy_class set enrolled_to = '2017-03-31' where version = $1";
    office.rule(2, &[until_march]).await;
    office.clock.set(datetime!(2017-05-02 02:00 UTC));
    let mut terminal = office.terminal("35.75/office/1").await;
    let drafts = [(resident.as_str(), FirstIssue)];
    let foretold = terminal.ask(&drafts, true).await;
    let answer = terminal.ask(&drafts, false).await;
    for results in [&foretold.results, &answer.results] {
        assert_eq!(fates(results), ["ENROLMENT_WINDOW"]);
        let Some(Outcome::Held(held)) = &results[0].outcome else {
            panic!("it is held")
        };
        assert_eq!(held.next_action(), NextAction::WaitForRule);
        let words = held.words.as_ref().expect("the counter reads it out");
        assert!(!words.indonesian.is_empty() && !words.english.is_empty());
        // S1-4: no date is promised.
        assert!(!words.indonesian.contains(|c: char| c.is_ascii_digit()));
    }
    let entry = submitted(&answer.results[0]).expect("it is taken");
    let enrolled = datetime!(2017-04-18 01:00 UTC).unix_timestamp();
    assert_eq!(
        entry.seniority_time.map(|time| time.seconds),
        Some(enrolled)
    );
    let again = terminal.ask(&drafts, false).await;
    assert_eq!(fates(&again.results), ["OPEN_REQUEST_EXISTS"]);
    let held: (String, Vec<String>) = sqlx::query_as(
        "select outcome, reasons from print_decision where print_request_id is not null",
    )
    .fetch_one(&office.sql)
    .await
    .expect("one decision");
    assert_eq!(
        held,
        ("HELD".to_owned(), vec!["ENROLMENT_WINDOW".to_owned()])
    );
    // A printer has nothing to do.
    office.stock("35.75", 1, 10).await;
    let mut printer = office.terminal("35.75/office/2").await;
    assert_eq!(printer.lease(10).await.leases.len(), 0);
}

#[tokio::test]
async fn s1_2_a_request_on_a_closed_day_is_taken_and_waits() {
    let office = Office::open().await;
    let people = ready(&office, 2).await;
    office
        .rule(
            2,
            &["update policy_version set closed_weekdays = '{6,7}' where version = $1"],
        )
        .await;
    // Friday evening in London is Saturday morning in Kota Pasuruan.
    office.clock.set(datetime!(2017-04-21 18:00 UTC));
    let mut terminal = office.terminal("35.75/office/1").await;
    let answer = terminal.ask(&[(&people[0], FirstIssue)], false).await;
    assert_eq!(fates(&answer.results), ["OFFICE_CLOSED"]);
}

#[tokio::test]
async fn the_quota_of_a_site_is_counted_exactly_however_many_terminals_ask() {
    let office = Office::open().await;
    office.rule(2, &[QUOTA_OF_4]).await;
    let people = ready(&office, 13).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let first = terminal.ask(&first_cards(&people[12..]), false).await;
    assert_eq!(fates(&first.results), ["QUEUED"]);
    // Held back until at least two of them stand at the count, each sure to have seen the same.
    let mut holding = office.sql.begin().await.expect("the database answers");
    sqlx::query("select from quota_use for update")
        .execute(&mut *holding)
        .await
        .expect("the day has begun");
    let mut asking = JoinSet::new();
    for number in 1..=4 {
        let mut terminal = office.terminal(&format!("35.75/office/{number}")).await;
        let mine: Vec<String> = people[..12]
            .iter()
            .skip(number - 1)
            .step_by(4)
            .cloned()
            .collect();
        asking.spawn(async move { fates(&terminal.ask(&first_cards(&mine), false).await.results) });
    }
    until("two of them wait", async || {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_one(&office.sql)
        .await
        .expect("the database tells");
        waiting >= 2
    })
    .await;
    holding.rollback().await.expect("nothing was changed");
    let fates: Vec<String> = asking.join_all().await.into_iter().flatten().collect();
    let count = |fate: &str| fates.iter().filter(|f| *f == fate).count();
    assert_eq!((count("QUEUED"), count("QUOTA")), (3, 9), "{fates:?}");
}

#[tokio::test]
async fn a_quota_is_one_sites_and_looking_uses_nothing_of_it() {
    let office = Office::open().await;
    office.rule(2, &[QUOTA_OF_4]).await;
    let people = ready(&office, 12).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let foretold = terminal.ask(&first_cards(&people[..6]), true).await;
    let answer = terminal.ask(&first_cards(&people[..6]), false).await;
    let expected = ["QUEUED", "QUEUED", "QUEUED", "QUEUED", "QUOTA", "QUOTA"];
    assert_eq!(fates(&foretold.results), expected);
    assert_eq!(fates(&answer.results), expected);
    let looked = terminal.ask(&first_cards(&people[6..7]), true).await;
    assert_eq!(fates(&looked.results), ["QUOTA"]);
    let mut elsewhere = office.terminal("35.75/annexe/1").await;
    let answer = elsewhere.ask(&first_cards(&people[6..8]), false).await;
    assert_eq!(fates(&answer.results), ["QUEUED", "QUEUED"]);
}

#[tokio::test]
async fn only_who_would_be_queued_uses_the_quota() {
    let office = Office::open().await;
    let hold = "update policy_class set outcome = 'HOLD' where version = $1 and applicant_class = 'RELOCATION'";
    office.rule(2, &[QUOTA_OF_4, hold]).await;
    let people = ready(&office, 8).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let held = terminal.ask(&[(&people[0], Relocation)], false).await;
    assert_eq!(fates(&held.results), ["CLASS_HELD"]);
    let mut drafts = vec![
        (people[1].as_str(), Relocation),
        (people[2].as_str(), Relocation),
    ];
    drafts.extend(first_cards(&people[3..]));
    let answer = terminal.ask(&drafts, false).await;
    assert_eq!(fates(&answer.results)[..2], ["CLASS_HELD", "CLASS_HELD"]);
    assert_eq!(
        fates(&answer.results)[2..],
        ["QUEUED", "QUEUED", "QUEUED", "QUEUED", "QUOTA"]
    );
    let used = "quota_use where admitted = 4";
    assert_eq!(office.rows(used).await, 1);
}

#[tokio::test]
async fn who_asked_on_a_closed_day_comes_before_who_asks_on_the_next_open_one() {
    let office = Office::open().await;
    let closed = "update policy_version set closed_weekdays = '{6,7}' where version = $1";
    office.rule(2, &[QUOTA_OF_4, closed]).await;
    let people = ready(&office, 5).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    office.clock.set(datetime!(2017-04-22 02:00 UTC));
    let saturday = terminal.ask(&first_cards(&people[..3]), false).await;
    assert_eq!(fates(&saturday.results), ["OFFICE_CLOSED"; 3]);
    office.clock.set(datetime!(2017-04-24 02:00 UTC));
    // Whether or not the review has let the three in by now: one place is left.
    let monday = terminal.ask(&first_cards(&people[3..]), false).await;
    assert_eq!(fates(&monday.results), ["QUEUED", "QUOTA"]);
}

#[tokio::test]
async fn the_place_is_the_date_that_the_version_names_when_the_request_is_made() {
    let office = Office::open().await;
    let people = ready(&office, 3).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    office.clock.set(datetime!(2017-06-01 02:00 UTC));
    let mut places = Vec::new();
    let versions = [
        (
            2,
            "update policy_version set tie_break = 'ENROLMENT' where version = $1",
        ),
        (
            3,
            "update policy_version set tie_break = 'REQUEST' where version = $1",
        ),
    ];
    for ((version, tie_break), person) in versions.into_iter().zip(people.chunks(1)) {
        office.rule(version, &[tie_break]).await;
        let answer = terminal.ask(&first_cards(person), false).await;
        let entry = submitted(&answer.results[0]).expect("it is taken").clone();
        places.push((
            entry.print_request_id,
            entry.seniority_time.map(|time| time.seconds),
        ));
    }
    let [enrolment, request] = [
        datetime!(2017-04-18 01:00 UTC),
        datetime!(2017-06-01 02:00 UTC),
    ]
    .map(|at| Some(at.unix_timestamp()));
    assert_eq!([places[0].1, places[1].1], [enrolment, request]);
    // The new version has rewritten nothing.
    for place in places {
        let found = terminal.print_request(&place.0).await.expect("it is here");
        let entry = found.entry.expect("an entry");
        assert_eq!(entry.seniority_time.map(|time| time.seconds), place.1);
    }
}
