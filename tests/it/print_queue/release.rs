//! Who is held comes into the queue by itself, in the order of the queue and at the old place; and who stands in a queue that
//! a new version closes waits from then on. The review runs by itself; each test waits until it has.

use ektp::proto::{ApplicantClass, ClassOutcome, Release, submit_print_request_result::Outcome};
use time::macros::datetime;

use super::{fates, submitted};
use crate::support::{
    cards::until,
    office::{Client, Office},
    policies,
};

use ApplicantClass::{FirstIssue, Relocation};

const QUOTA_OF_4: &str = "update policy_version set daily_quota = 4 where version = $1";
const HOLD_RELOCATION: &str = "update policy_class set outcome = 'HOLD' where version = $1 and applicant_class = 'RELOCATION'";

/// Asks for cards of a class; answers the requests' ids.
async fn taken(terminal: &mut Client, residents: &[String], class: ApplicantClass) -> Vec<String> {
    let drafts: Vec<_> = residents.iter().map(|id| (id.as_str(), class)).collect();
    let answer = terminal.ask(&drafts, false).await;
    let ids = answer.results.iter().map(|result| match &result.outcome {
        Some(Outcome::Queued(_) | Outcome::Held(_)) => submitted(result)
            .expect("it is taken")
            .print_request_id
            .clone(),
        other => panic!("not taken: {other:?}"),
    });
    ids.collect()
}

/// Persons who could be printed.
async fn ready(office: &Office, count: usize) -> Vec<String> {
    let people = office.print_ready("35.75", count).await;
    people.into_iter().map(|(_, resident)| resident).collect()
}

/// Waits until exactly these requests of the list are queued.
async fn until_queued(terminal: &mut Client, all: &[String], expected: &[bool]) {
    until("the review has looked at them", async || {
        let mut queued = Vec::new();
        for id in all {
            queued.push(terminal.standing(id).await == "QUEUED");
        }
        queued == expected
    })
    .await;
}

#[tokio::test]
async fn who_asked_on_a_closed_day_comes_on_the_next_open_one_with_the_old_place() {
    let office = Office::open().await;
    let people = ready(&office, 1).await;
    let closed = "update policy_version set closed_weekdays = '{6,7}', holidays = '{2017-04-24}' where version = $1";
    office.rule(2, &[closed]).await;
    office.clock.set(datetime!(2017-04-22 02:00 UTC));
    let mut terminal = office.terminal("35.75/office/1").await;
    let ids = taken(&mut terminal, &people, FirstIssue).await;
    assert_eq!(terminal.standing(&ids[0]).await, "HELD");
    let before = terminal.print_request(&ids[0]).await.expect("it is here");
    office.clock.set(datetime!(2017-04-25 01:00 UTC));
    until_queued(&mut terminal, &ids, &[true]).await;
    let after = terminal.print_request(&ids[0]).await.expect("it is here");
    let place =
        |request: ektp::proto::PrintRequest| request.entry.expect("an entry").seniority_time;
    assert_eq!(place(after), place(before));
    let decided: Vec<String> =
        sqlx::query_scalar("select outcome from print_decision order by decided_at, outcome")
            .fetch_all(&office.sql)
            .await
            .expect("the table is there");
    assert_eq!(decided, ["HELD", "RELEASED"]);
}

#[tokio::test]
async fn blanks_let_in_also_who_asked_on_a_closed_day() {
    let office = Office::open().await;
    let people = ready(&office, 1).await;
    let closed = "update policy_version set closed_weekdays = '{6,7}' where version = $1";
    let above = "update policy_class set outcome = 'HOLD', release_above_demand = true
         where version = $1 and applicant_class = 'RELOCATION'";
    office.rule(2, &[closed, above]).await;
    office.clock.set(datetime!(2017-04-22 02:00 UTC));
    let mut terminal = office.terminal("35.75/office/1").await;
    let ids = taken(&mut terminal, &people, Relocation).await;
    office.stock("35.75", 1, 3).await;
    office.clock.set(datetime!(2017-04-25 01:00 UTC));
    until_queued(&mut terminal, &ids, &[true]).await;
}

#[tokio::test]
async fn s1_11_who_found_the_quota_used_up_comes_before_who_asks_the_next_day() {
    let office = Office::open().await;
    office.rule(2, &[QUOTA_OF_4]).await;
    let people = ready(&office, 10).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let ids = taken(&mut terminal, &people[..6], FirstIssue).await;
    office.clock.set(datetime!(2017-04-19 01:00 UTC));
    let drafts: Vec<_> = people[6..]
        .iter()
        .map(|id| (id.as_str(), FirstIssue))
        .collect();
    let answer = terminal.ask(&drafts, false).await;
    assert_eq!(
        fates(&answer.results),
        ["QUEUED", "QUEUED", "QUOTA", "QUOTA"]
    );
    until_queued(&mut terminal, &ids, &[true; 6]).await;
    let used: Vec<i32> = sqlx::query_scalar("select admitted from quota_use order by day")
        .fetch_all(&office.sql)
        .await
        .expect("the table is there");
    assert_eq!(used, [4, 4]);
    // S1-11: lifted, and at once nobody waits.
    office.rule(3, &[]).await;
    let late: Vec<String> = answer.results[2..]
        .iter()
        .map(|result| submitted(result).expect("held").print_request_id.clone())
        .collect();
    until_queued(&mut terminal, &late, &[true, true]).await;
}

#[tokio::test]
async fn a_new_version_closes_the_queue_to_a_class_and_the_next_one_opens_it_again() {
    let office = Office::open().await;
    let people = ready(&office, 3).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let first = taken(&mut terminal, &people[..1], FirstIssue).await;
    let moved = taken(&mut terminal, &people[1..], Relocation).await;
    let order = |queue: Vec<ektp::proto::PrintRequest>| {
        let ids = queue
            .into_iter()
            .map(|r| r.entry.expect("an entry").print_request_id);
        ids.collect::<Vec<_>>()
    };
    let before = order(terminal.queue().await);
    office.rule(2, &[HOLD_RELOCATION]).await;
    until_queued(&mut terminal, &moved, &[false, false]).await;
    assert_eq!(terminal.standing(&moved[0]).await, "HELD");
    assert_eq!(terminal.standing(&first[0]).await, "QUEUED");
    office.rule(3, &[]).await;
    until_queued(&mut terminal, &moved, &[true, true]).await;
    assert_eq!(order(terminal.queue().await), before);
}

#[tokio::test]
async fn a_new_window_holds_who_was_enrolled_outside_it_until_the_next_one() {
    let office = Office::open().await;
    let people = ready(&office, 1).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let ids = taken(&mut terminal, &people, FirstIssue).await;
    let until_march = "update policy_class set enrolled_to = '2017-03-31' where version = $1";
    office.rule(2, &[until_march]).await;
    until_queued(&mut terminal, &ids, &[false]).await;
    assert_eq!(terminal.standing(&ids[0]).await, "HELD");
    office.rule(3, &[]).await;
    until_queued(&mut terminal, &ids, &[true]).await;
}

#[tokio::test]
async fn the_review_leaves_a_queue_alone_that_somebody_holds() {
    let office = Office::open().await;
    let mut rules = policies::draft();
    let rule = policies::rule(&mut rules, Relocation);
    rule.outcome = ClassOutcome::Hold.into();
    rule.release = Some(Release {
        after_days: 2,
        ..Release::default()
    });
    office.put_in_force(rules).await;
    let mut asked = Vec::new();
    for district in ["35.73", "35.75"] {
        let (_, resident) = office.print_ready(district, 1).await.swap_remove(0);
        let mut terminal = office.terminal(&format!("{district}/office/1")).await;
        let id = taken(&mut terminal, &[resident], Relocation).await;
        asked.push((terminal, id));
    }
    let mut holding = office.sql.begin().await.expect("the database answers");
    sqlx::query("select from queue where district = 3575 for update")
        .execute(&mut *holding)
        .await
        .expect("the queue is there");
    office
        .clock
        .set(office.clock.now() + time::Duration::days(2));
    let [(free, free_id), (held, held_id)] = &mut asked[..] else {
        unreachable!()
    };
    // Both are due at the same round, and one act reviews them.
    until_queued(free, free_id, &[true]).await;
    assert_eq!(held.standing(&held_id[0]).await, "HELD");
    holding.rollback().await.expect("nothing was changed");
    until_queued(held, held_id, &[true]).await;
}

#[tokio::test]
async fn blanks_above_the_demand_release_the_most_senior_and_no_more() {
    let office = Office::open().await;
    let release = "update policy_class set release_above_demand = true
        where version = $1 and applicant_class = 'RELOCATION'";
    office.rule(2, &[HOLD_RELOCATION, release]).await;
    let people = ready(&office, 5).await;
    for (day, resident) in people.iter().enumerate() {
        sqlx::query(
            "update enrolment set received_at = received_at - interval '30 days' + make_interval(days => $2)
             where resident_id = $1::uuid",
        )
        .bind(resident)
        .bind(i32::try_from(day).expect("some days"))
        .execute(&office.sql)
        .await
        .expect("the enrolment is there");
    }
    let mut terminal = office.terminal("35.75/office/1").await;
    // Asked for in the other order: the date of the enrolment counts.
    let mut held = Vec::new();
    for person in people[1..].iter().rev() {
        held.extend(taken(&mut terminal, std::slice::from_ref(person), Relocation).await);
    }
    held.reverse();
    taken(&mut terminal, &people[..1], FirstIssue).await;
    let (_, elsewhere) = office.print_ready("35.77", 1).await.swap_remove(0);
    let mut later = office.terminal("35.77/office/1").await;
    let last = taken(&mut later, &[elsewhere], Relocation).await;
    // The next version says the same: what was asked for under this one is released under that.
    office.rule(3, &[HOLD_RELOCATION, release]).await;
    office.stock("35.75", 1, 3).await;
    until_queued(&mut terminal, &held, &[true, true, false, false]).await;
    // The review comes to the later district only when it found no more to do in this one.
    office.stock("35.77", 11, 11).await;
    until_queued(&mut later, &last, &[true]).await;
    until_queued(&mut terminal, &held, &[true, true, false, false]).await;
    // What was released is printable under this version.
    let leases = terminal.lease(10).await.leases;
    assert_eq!(leases.len(), 3);
}

#[tokio::test]
async fn whoever_waited_as_long_as_the_version_says_is_let_in_without_blanks() {
    let office = Office::open().await;
    let age = "update policy_class set release_after_days = 30
        where version = $1 and applicant_class = 'RELOCATION'";
    office.rule(2, &[HOLD_RELOCATION, age]).await;
    let people = ready(&office, 2).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    // Two minutes before midnight in the west, and two minutes after it.
    office.clock.set(datetime!(2017-04-18 16:58 UTC));
    let mut ids = taken(&mut terminal, &people[..1], Relocation).await;
    office.clock.set(datetime!(2017-04-18 17:02 UTC));
    ids.extend(taken(&mut terminal, &people[1..], Relocation).await);
    // Again two minutes after midnight, on the thirtieth day after the first of them.
    office.clock.set(datetime!(2017-05-17 17:02 UTC));
    until_queued(&mut terminal, &ids, &[true, false]).await;
}

#[tokio::test]
async fn who_takes_a_request_back_can_ask_again_and_counts_anew() {
    let office = Office::open().await;
    let people = ready(&office, 3).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let ids = taken(&mut terminal, &people, FirstIssue).await;
    office.stock("35.75", 1, 2).await;
    let mut printer = office.terminal("35.75/office/2").await;
    let leases = printer.lease(2).await.leases;
    printer.bind(&leases[..1], 1).await;
    // One is bound, one leased, one queued, and one is nobody's.
    let nobody = crate::support::office::request_id();
    let order = super::lease_ids(&leases);
    let mut asked = order.clone();
    asked.extend(ids.iter().filter(|id| !order.contains(id)).cloned());
    asked.push(nobody);
    let fates = terminal.withdraw(&asked).await;
    let expected = [
        "WRONG_STATE",
        "CANCELLED",
        "CANCELLED",
        "PRINT_REQUEST_NOT_FOUND",
    ];
    assert_eq!(fates, expected);
    let again = terminal.withdraw(&asked[1..2]).await;
    assert_eq!(again, ["WRONG_STATE"]);
    // The printer that had leased it holds nothing any more.
    let late = printer.bind(&leases[1..], 2).await;
    assert_eq!(super::steps(&late), ["FENCED"]);
    let found = terminal.print_request(&asked[2]).await.expect("it is here");
    let ids = taken(&mut terminal, &[found.resident_id], FirstIssue).await;
    assert_ne!(ids[0], asked[2]);
}

#[tokio::test]
async fn another_offices_request_cannot_be_taken_back() {
    let office = Office::open().await;
    let (person, resident) = office.print_ready("35.75", 1).await.swap_remove(0);
    let mut terminal = office.terminal("35.75/office/1").await;
    let ids = taken(&mut terminal, &[resident], FirstIssue).await;
    let elsewhere = person.village.starts_with("35.75.02");
    for place in [
        "35.73/office/1",
        if elsewhere {
            "35.75/35.75.03/1"
        } else {
            "35.75/35.75.02/1"
        },
    ] {
        let mut other = office.terminal(place).await;
        assert_eq!(
            other.withdraw(&ids).await,
            ["PRINT_REQUEST_NOT_FOUND"],
            "{place}"
        );
    }
    assert_eq!(terminal.standing(&ids[0]).await, "QUEUED");
}
