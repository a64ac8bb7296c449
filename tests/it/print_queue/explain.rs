//! Why one waits, as the counter reads it out: the place, who stands before, for what and since when, and never until when.

use ektp::proto::{self, ApplicantClass, NextAction, WaitStage, explain_position_request::Key};
use time::macros::datetime;

use super::{fates, submitted};
use crate::support::{
    cards::until,
    look,
    office::{Client, Office, reason, request_id},
    policies,
};

use ApplicantClass::{FirstIssue, Lost, Relocation};

/// What is told of a request or a person.
async fn told(terminal: &mut Client, key: Key) -> proto::ExplainPositionResponse {
    let told = terminal.explain(key).await.expect("it is told");
    let words = told.words.as_ref().expect("the counter reads it out");
    for text in [&words.indonesian, &words.english] {
        // S1-4: no date is promised, and no number of days.
        assert!(
            !text.is_empty() && !text.contains(|c: char| c.is_ascii_digit()),
            "{text}"
        );
    }
    told
}

async fn ready(office: &Office, count: usize) -> Vec<String> {
    let people = office.print_ready("35.75", count).await;
    people.into_iter().map(|(_, resident)| resident).collect()
}

async fn ask(terminal: &mut Client, resident: &str, class: ApplicantClass) -> String {
    let answer = terminal.ask(&[(resident, class)], false).await;
    let entry = submitted(&answer.results[0]).expect("it is taken");
    entry.print_request_id.clone()
}

#[tokio::test]
async fn the_place_and_who_stands_before_it_are_told_by_class() {
    let office = Office::open().await;
    let people = ready(&office, 5).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut ids = Vec::new();
    for (person, class) in people
        .iter()
        .zip([Relocation, Relocation, FirstIssue, FirstIssue, Lost])
    {
        if class != Lost {
            ids.push(ask(&mut terminal, person, class).await);
        }
    }
    let last = told(&mut terminal, Key::PrintRequestId(ids[1].clone())).await;
    assert_eq!((last.place, last.stage()), (4, WaitStage::Stock));
    let before: Vec<_> = last
        .before
        .iter()
        .map(|c| (c.applicant_class(), c.count))
        .collect();
    assert_eq!(before, [(FirstIssue, 2), (Relocation, 1)]);
    assert_eq!(last.next_action(), NextAction::WaitForTurn);
    // The same by the person; and with blanks in the store it is a printer that is waited for.
    office.stock("35.75", 1, 2).await;
    let first = told(&mut terminal, Key::ResidentId(people[2].clone())).await;
    assert_eq!((first.place, first.stage()), (1, WaitStage::Printer));
    assert_eq!(first.before, []);
    let entry = first.entry.expect("there is a request");
    assert_eq!(entry.print_request_id, ids[2]);
    // Two leases speak for both blanks: the others wait for blanks again.
    let mut printer = office.terminal("35.75/office/2").await;
    let leases = printer.lease(2).await.leases;
    let leased = told(&mut terminal, Key::PrintRequestId(ids[2].clone())).await;
    assert_eq!((leased.place, leased.stage()), (0, WaitStage::Printer));
    let waits = told(&mut terminal, Key::PrintRequestId(ids[0].clone())).await;
    assert_eq!((waits.place, waits.stage()), (1, WaitStage::Stock));
    printer.bind(&leases, 1).await;
    printer.report(&leases, 1).await;
    let printed = told(&mut terminal, Key::ResidentId(people[2].clone())).await;
    assert_eq!(printed.stage(), WaitStage::Collection);
    assert_eq!(printed.next_action(), NextAction::CollectCard);
}

#[tokio::test]
async fn the_order_is_that_of_the_version_in_force_and_who_is_held_stands_before_nobody() {
    let office = Office::open().await;
    let mut rules = policies::draft();
    rules.area = "35.75".to_owned();
    rules.daily_quota = Some(3);
    rules.classes.reverse();
    office.put_in_force(rules).await;
    let people = ready(&office, 4).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    for (person, class) in people
        .iter()
        .zip([FirstIssue, Relocation, FirstIssue, Relocation])
    {
        ask(&mut terminal, person, class).await;
    }
    // Found the quota used up, at the head of the class that goes first now.
    sqlx::query("update print_request set seniority_at = '2017-01-01' where state = 'HELD'")
        .execute(&office.sql)
        .await
        .expect("the table is there");
    let last = told(&mut terminal, Key::ResidentId(people[2].clone())).await;
    let before: Vec<_> = last
        .before
        .iter()
        .map(|c| (c.applicant_class(), c.count))
        .collect();
    assert_eq!(last.place, 3);
    assert_eq!(before, [(Relocation, 1), (FirstIssue, 1)]);
    let held = told(&mut terminal, Key::ResidentId(people[3].clone())).await;
    assert_eq!((held.place, held.stage()), (0, WaitStage::Quota));
}

#[tokio::test]
async fn s2_9_a_check_of_a_hundred_and_eighty_days_is_still_valid_and_its_age_is_told() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let person = crate::support::people::residents("35.75", 1).swap_remove(0);
    let (enrolment, resident) = terminal.enrol(&person).await;
    terminal.certify(&[enrolment]).await;
    office.clock.set(datetime!(2017-10-15 02:00 UTC));
    let waits = told(&mut terminal, Key::ResidentId(resident.clone())).await;
    assert_eq!((waits.entry, waits.place), (None, 0));
    assert_eq!(
        proto::WaitStage::try_from(waits.stage),
        Ok(WaitStage::Centre)
    );
    let enrolled = datetime!(2017-04-18 01:00 UTC).unix_timestamp();
    assert_eq!(waits.since_time.map(|time| time.seconds), Some(enrolled));
    let answer = terminal.ask(&[(&resident, FirstIssue)], false).await;
    assert_eq!(fates(&answer.results), ["NOT_PRINT_READY"]);
    let mut matcher = office.centre("matcher").await;
    let tasks = matcher.lease_checks(1).await;
    matcher.decide(&tasks, proto::VerdictOutcome::Unique).await;
    let ready = told(&mut terminal, Key::ResidentId(resident.clone())).await;
    assert_eq!(
        ready.stage(),
        WaitStage::Ask,
        "the refusal of before is over"
    );
    assert_eq!(ready.next_action(), NextAction::AskForCard);
    ask(&mut terminal, &resident, FirstIssue).await;
}

#[tokio::test]
async fn what_was_refused_is_told_as_the_rules_of_today_say_it() {
    let office = Office::open().await;
    let resident = ready(&office, 1).await.swap_remove(0);
    let mut terminal = office.terminal("35.75/office/1").await;
    let nothing = told(&mut terminal, Key::ResidentId(resident.clone())).await;
    assert_eq!(nothing.stage(), WaitStage::Ask);
    let answer = terminal.ask(&[(&resident, Lost)], false).await;
    assert_eq!(fates(&answer.results), ["DOCUMENT_MISSING"]);
    let lacks = told(&mut terminal, Key::ResidentId(resident.clone())).await;
    assert_eq!(lacks.stage(), WaitStage::Documents);
    assert_eq!(lacks.next_action(), NextAction::BringDocument);
    assert!(
        lacks
            .words
            .expect("words")
            .english
            .contains("police report")
    );
    let refuse = "update policy_class set outcome = 'REFUSE' where version = $1 and applicant_class = 'LOST'";
    office.rule(2, &[refuse]).await;
    let ruled = told(&mut terminal, Key::ResidentId(resident.clone())).await;
    assert_eq!((ruled.stage(), ruled.policy_version), (WaitStage::Rule, 2));
    assert_eq!(ruled.next_action(), NextAction::IssueInterimCertificate);
}

#[tokio::test]
async fn a_paper_that_was_shown_is_not_asked_for_again() {
    let office = Office::open().await;
    let both = "update policy_class set documents = '{POLICE_REPORT,OLD_CARD}'
        where version = $1 and applicant_class = 'LOST'";
    office.rule(2, &[both]).await;
    let resident = ready(&office, 1).await.swap_remove(0);
    let mut terminal = office.terminal("35.75/office/1").await;
    let request = proto::SubmitPrintRequestsRequest {
        request_id: request_id(),
        drafts: vec![proto::PrintRequestDraft {
            resident_id: resident.clone(),
            applicant_class: Lost.into(),
            documents: vec![proto::Document::PoliceReport.into()],
        }],
        validate_only: false,
    };
    let answer = terminal.print_queue.submit_print_requests(request).await;
    let results = answer.expect("the draft is answered").into_inner().results;
    assert_eq!(fates(&results), ["DOCUMENT_MISSING"]);
    let lacks = told(&mut terminal, Key::ResidentId(resident)).await;
    let words = lacks.words.expect("words").english;
    assert!(words.contains("old card") && !words.contains("police report"));
}

#[tokio::test]
async fn each_reason_of_a_hold_is_told_with_its_own_beginning() {
    let office = Office::open().await;
    let both = "update policy_class set outcome = 'HOLD', enrolled_to = '2017-03-31'
        where version = $1 and applicant_class = 'RELOCATION'";
    office.rule(2, &[both]).await;
    let resident = ready(&office, 1).await.swap_remove(0);
    let mut terminal = office.terminal("35.75/office/1").await;
    let id = ask(&mut terminal, &resident, Relocation).await;
    let first = told(&mut terminal, Key::PrintRequestId(id.clone())).await;
    assert_eq!((first.stage(), first.holds.len()), (WaitStage::Rule, 2));
    assert_eq!(first.next_action(), NextAction::WaitForRule);
    let began = first.holds[0].since_time;
    assert!(first.holds.iter().all(|hold| hold.since_time == began));
    // Two days later the window opens; the class is still held, since the same moment as before.
    office.clock.set(datetime!(2017-04-20 01:00 UTC));
    let held = "update policy_class set outcome = 'HOLD' where version = $1 and applicant_class = 'RELOCATION'";
    office.rule(3, &[held]).await;
    let mut second = first.clone();
    until("the review has looked at it", async || {
        second = told(&mut terminal, Key::PrintRequestId(id.clone())).await;
        second.holds.len() == 1
    })
    .await;
    assert_eq!(second.holds[0].reason(), proto::HoldReason::ClassHeld);
    assert_eq!(second.holds[0].since_time, began);
    // Let in, and held again: that is a new beginning.
    for (version, changes, holds) in [(4, &[][..], 0), (5, &[held][..], 1)] {
        office
            .clock
            .set(office.clock.now() + time::Duration::hours(1));
        office.rule(version, changes).await;
        until("the review has looked at it again", async || {
            second = told(&mut terminal, Key::PrintRequestId(id.clone())).await;
            second.holds.len() == holds
        })
        .await;
    }
    let again = datetime!(2017-04-20 03:00 UTC).unix_timestamp();
    assert_eq!(
        second.holds[0].since_time.map(|time| time.seconds),
        Some(again)
    );
}

#[tokio::test]
async fn who_is_let_in_while_it_is_explained_is_told_of_one_moment() {
    let office = Office::open().await;
    let held = "update policy_class set outcome = 'HOLD' where version = $1 and applicant_class = 'RELOCATION'";
    office.rule(2, &[held]).await;
    let resident = ready(&office, 1).await.swap_remove(0);
    let mut terminal = office.terminal("35.75/office/1").await;
    let id = ask(&mut terminal, &resident, Relocation).await;
    // The request was read, and its stages wait until it has moved on.
    let mut moving = office.sql.begin().await.expect("the database answers");
    sqlx::raw_sql("lock table request_stage in access exclusive mode")
        .execute(&mut *moving)
        .await
        .expect("the owner may");
    let key = Key::PrintRequestId(id.clone());
    let explained = tokio::spawn(async move { terminal.explain(key).await });
    until("its stages are asked for", async || {
        let waiting =
            "pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
            and query like '%any(b.hold_reasons)%'";
        look::count(&office.sql, waiting).await == 1
    })
    .await;
    sqlx::query(
        "insert into request_stage (print_request_id, stage, district, state, applicant_class, seniority_at, began_at)
            select print_request_id, stage + 1, district, 'QUEUED', applicant_class, seniority_at, began_at
            from request_stage where print_request_id = $1::uuid order by stage desc limit 1",
    )
    .bind(&id)
    .execute(&mut *moving)
    .await
    .expect("the owner may");
    moving.commit().await.expect("the database answers");
    let told = explained
        .await
        .expect("it does not panic")
        .expect("it is told");
    assert_eq!((told.stage(), told.holds.len()), (WaitStage::Rule, 1));
}

#[tokio::test]
async fn a_foreign_request_and_a_foreign_person_look_like_none() {
    let office = Office::open().await;
    let (person, resident) = office.print_ready("35.75", 1).await.swap_remove(0);
    let mut terminal = office.terminal("35.75/office/1").await;
    let elsewhere = if person.village.starts_with("35.75.02") {
        "35.75/35.75.03/1"
    } else {
        "35.75/35.75.02/1"
    };
    let foreign = |other: Result<proto::ExplainPositionResponse, _>| {
        reason(&other.expect_err("it is not theirs"))
    };
    // Without a request, and with one.
    for place in ["35.73/office/1", elsewhere] {
        let mut other = office.terminal(place).await;
        let told = other.explain(Key::ResidentId(resident.clone())).await;
        assert_eq!(foreign(told), "RESIDENT_NOT_FOUND", "{place}");
    }
    let id = ask(&mut terminal, &resident, FirstIssue).await;
    for place in ["35.73/office/1", elsewhere] {
        let mut other = office.terminal(place).await;
        for (key, expected) in [
            (Key::PrintRequestId(id.clone()), "PRINT_REQUEST_NOT_FOUND"),
            (Key::ResidentId(resident.clone()), "RESIDENT_NOT_FOUND"),
        ] {
            assert_eq!(foreign(other.explain(key).await), expected, "{place}");
        }
    }
}
