//! Blanks of which nobody knows what became of them, cards that a printer should not have, and the last check before a blank
//! is used.
//!
//! What is easily got wrong: the officers of two terminals are two persons here; the everyday officer may do everything.
#![expect(
    clippy::disallowed_methods,
    reason = "test code does not use the query macros, so that the metadata holds src only"
)]

use ektp::proto::{self, IncidentFinding, SpoilageKind};
use sqlx::AssertSqlSafe;
use tonic::{Code, Status};

use super::{Resolved, entry, lease_ids, leased, stepped, steps};
use crate::{
    administration::approve,
    support::{
        cards::until,
        look,
        office::{Client, Office, reason, request_id, violated_fields},
    },
};

/// One blank in doubt at the first terminal; with the lease.
async fn in_doubt(office: &Office) -> (Client, proto::Lease) {
    let (mut holder, mut leases) = leased(office, 1).await;
    assert_eq!(steps(&holder.bind(&leases, 1).await), ["BOUND"]);
    office.let_run_out(&leases[0]).await;
    let id = &entry(&leases[0]).print_request_id;
    until("there is doubt", async || {
        holder.standing(id).await == "IN_DOUBT"
    })
    .await;
    (holder, leases.swap_remove(0))
}

/// A lease that ran out with nothing bound; the place is given back.
async fn run_out(office: &Office) -> (Client, proto::Lease) {
    let (mut slow, mut leases) = leased(office, 1).await;
    office.let_run_out(&leases[0]).await;
    let id = &entry(&leases[0]).print_request_id;
    until("the place is given back", async || {
        slow.standing(id).await == "QUEUED"
    })
    .await;
    (slow, leases.swap_remove(0))
}

fn asked(resolved: Result<Resolved, Status>) -> proto::Approval {
    match resolved.expect("it may be said") {
        Resolved::Asked(approval) => *approval,
        Resolved::Done(state) => panic!("one person's word made it {state}"),
    }
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    let status = answer.expect_err("it is refused");
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    reason(&status)
}

async fn count(office: &Office, of: &str) -> i64 {
    look::count(&office.sql, of).await
}

async fn sql(office: &Office, statement: &str) {
    let done = sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&office.sql);
    assert_eq!(done.await.expect("it can be written").rows_affected(), 1);
}

#[tokio::test]
async fn the_word_of_one_officer_who_looked_into_the_tray_makes_it_a_card() {
    let office = Office::open().await;
    let (mut holder, lease) = in_doubt(&office).await;
    let mut other = office.terminal("35.75/35.75.02/1").await;
    assert_eq!(
        refusal(other.resolve(&lease, 2, None).await),
        "SERIAL_DIFFERS"
    );
    let resolved = other
        .resolve(&lease, 1, None)
        .await
        .expect("it may be said");
    assert!(matches!(resolved, Resolved::Done(state) if state == "PRINTED"));
    assert_eq!(holder.awaiting().await.len(), 1);
    assert_eq!(count(&office, "card where state = 'AT_SITE'").await, 1);
    // The holder's own report comes after all: nothing is done twice.
    let late = holder.report(std::slice::from_ref(&lease), 1).await;
    assert_eq!(steps(&late), ["WRONG_STATE"]);
    assert_eq!(refusal(other.resolve(&lease, 1, None).await), "WRONG_STATE");
    assert_eq!(office.rows("print_incident").await, 0);
}

#[tokio::test]
async fn a_blank_in_doubt_is_spoiled_by_two_persons_and_by_nobody_alone() {
    let office = Office::open().await;
    let (mut holder, lease) = in_doubt(&office).await;
    let id = entry(&lease).print_request_id.clone();
    assert_eq!(
        steps(&[holder.spoil(&lease, 1).await]),
        ["SECOND_PERSON_REQUIRED"]
    );
    let word = holder
        .resolve(&lease, 1, Some(SpoilageKind::Laminate))
        .await;
    let asked = asked(word);
    assert_eq!(asked.method, "PrintQueue/ResolveInDoubt");
    let summary = format!("the blank 1 in doubt of print request {id} was spoiled: LAMINATE");
    assert_eq!(asked.summary, summary);
    assert_eq!(refusal(approve(&mut holder, &asked).await), "SAME_PERSON");
    assert_eq!(
        holder.standing(&id).await,
        "IN_DOUBT",
        "nothing happened yet"
    );

    let mut second = office.terminal("35.75/office/2").await;
    let done = approve(&mut second, &asked).await.expect("another person");
    assert_eq!(done.resource, id);
    let back = holder.print_request(&id).await.expect("it is here");
    let back = back.entry.expect("an entry");
    assert_eq!((super::state(&back).as_str(), back.attempt), ("QUEUED", 2));
    assert_eq!(back.seniority_time, entry(&lease).seniority_time);
    let spoiled = "card where serial = 1 and state = 'SPOILED' and spoilage = 'LAMINATE'";
    assert_eq!(count(&office, spoiled).await, 1);
    assert_eq!(refusal(approve(&mut second, &asked).await), "APPROVAL_DONE");
}

#[tokio::test]
async fn a_card_that_was_reported_meanwhile_is_not_spoiled_by_any_two_persons() {
    let office = Office::open().await;
    let (mut holder, lease) = in_doubt(&office).await;
    let asked = asked(
        holder
            .resolve(&lease, 1, Some(SpoilageKind::Laminate))
            .await,
    );
    let report = holder.report(std::slice::from_ref(&lease), 1).await;
    assert_eq!(steps(&report), ["PRINTED"]);
    let mut second = office.terminal("35.75/office/2").await;
    assert_eq!(refusal(approve(&mut second, &asked).await), "WRONG_STATE");
    assert_eq!(count(&office, "card where state = 'AT_SITE'").await, 1);
}

#[tokio::test]
async fn a_person_who_died_meanwhile_leaves_the_queue_when_the_blank_is_accounted_for() {
    let office = Office::open().await;
    let (mut terminal, leases) = leased(&office, 2).await;
    assert_eq!(steps(&terminal.bind(&leases, 1).await), ["BOUND", "BOUND"]);
    for (lease, life) in leases.iter().zip(["DECEASED", "MOVED_OUT"]) {
        let id = &entry(lease).print_request_id;
        let of = format!("(select resident_id from print_request where print_request_id = '{id}')");
        let statement = format!("update resident set life = '{life}' where resident_id = {of}");
        sql(&office, &statement).await;
    }
    assert_eq!(steps(&[terminal.spoil(&leases[0], 1).await]), ["CANCELLED"]);
    let moved = terminal.spoil(&leases[1], 2).await;
    let moved = stepped(&moved).expect("it was bound");
    let reasons: Vec<_> = moved.hold_reasons().collect();
    assert_eq!(reasons, [proto::HoldReason::MovedOut]);
}

#[tokio::test]
async fn nobody_gets_a_blank_whose_card_would_be_wrong_by_now() {
    let office = Office::open().await;
    let (mut terminal, leases) = leased(&office, 6).await;
    let changes = [
        "resident set life = 'DECEASED'",
        "resident set life = 'MOVED_OUT'",
        "resident set facts_version = facts_version + 1",
        "resident set identity_version = identity_version + 1",
        "enrolment set state = 'DUPLICATE'",
    ];
    for (lease, change) in leases.iter().zip(changes) {
        let id = &entry(lease).print_request_id;
        let of = format!("(select resident_id from print_request where print_request_id = '{id}')");
        sql(
            &office,
            &format!("update {change} where resident_id = {of}"),
        )
        .await;
    }
    // Nor a face: what the printer has not fetched yet is no longer what it leased.
    for changed in &leases[2..4] {
        let refused = terminal.face(changed).await.expect_err("it has changed");
        assert_eq!(reason(&refused), "FACTS_CHANGED");
    }
    let fates = [
        "RESIDENT_DECEASED",
        "RESIDENT_MOVED_OUT",
        "FACTS_CHANGED",
        "NOT_PRINT_READY",
        "DUPLICATE_RECORD",
        "BOUND",
    ];
    assert_eq!(steps(&terminal.bind(&leases, 1).await), fates);
    assert_eq!(office.rows("card").await, 1, "the other items go through");
    // A lease is for what the card shows on that day; the next one sees the new facts. The others are passed over.
    let back = terminal.release(&leases[..5]).await;
    assert_eq!(steps(&back), ["QUEUED"; 5]);
    let again = terminal.lease(5).await.leases;
    assert_eq!(lease_ids(&again), lease_ids(&leases[2..3]));
    assert_eq!(steps(&terminal.bind(&again, 3).await), ["BOUND"]);
}

#[tokio::test]
async fn a_card_reported_under_a_lease_that_ran_out_stops_the_request_until_two_persons_know() {
    let office = Office::open().await;
    let (mut slow, lease) = run_out(&office).await;
    let id = entry(&lease).print_request_id.clone();
    let report = slow.report(std::slice::from_ref(&lease), 1).await;
    assert_eq!(steps(&report), ["FENCED"]);
    let told = stepped(&report[0]).expect_err("it is fenced");
    let incident = told.metadata["incident_id"].clone();
    let held = slow.print_request(&id).await.expect("it is here");
    assert_eq!(held.open_incident_ids, std::slice::from_ref(&incident));
    let reasons: Vec<_> = held.entry.expect("an entry").hold_reasons().collect();
    assert_eq!(reasons, [proto::HoldReason::Incident]);
    let mut other = office.terminal("35.75/office/2").await;
    assert!(other.lease(1).await.leases.is_empty());
    // Told again, it is the same incident.
    let again = slow.report(std::slice::from_ref(&lease), 1).await;
    let again = stepped(&again[0]).expect_err("it is fenced");
    assert_eq!(again.metadata["incident_id"], incident);
    assert_eq!(office.rows("print_incident").await, 1);

    let found = slow.resolve_incident(&incident, IncidentFinding::NoCard);
    let asked = found.await.expect("it may be said");
    assert_eq!(asked.method, "PrintQueue/ResolveIncident");
    assert_eq!(refusal(approve(&mut slow, &asked).await), "SAME_PERSON");
    assert_eq!(slow.standing(&id).await, "HELD");
    let done = approve(&mut other, &asked).await.expect("another person");
    assert_eq!(done.resource, incident);
    let free = slow.print_request(&id).await.expect("it is here");
    assert!(free.open_incident_ids.is_empty());
    let again = other.lease(1).await.leases;
    assert_eq!(lease_ids(&again), [id]);
    assert_eq!(
        entry(&again[0]).seniority_time,
        entry(&lease).seniority_time
    );
    // It is over: the same report stops nothing any more.
    assert_eq!(
        steps(&slow.report(std::slice::from_ref(&lease), 1).await),
        ["FENCED"]
    );
    assert_eq!(steps(&other.bind(&again, 1).await), ["BOUND"]);
    let word = slow.resolve_incident(&incident, IncidentFinding::CardDestroyed);
    assert_eq!(refusal(word.await), "WRONG_STATE");
}

#[tokio::test]
async fn a_late_report_takes_the_new_lease_away_and_leaves_a_bound_blank_alone() {
    for is_bound in [false, true] {
        let office = Office::open().await;
        let (mut slow, lease) = run_out(&office).await;
        office.stock("35.75", 11, 15).await;
        let mut quick = office.terminal("35.75/office/2").await;
        let again = quick.lease(1).await.leases;
        if is_bound {
            assert_eq!(steps(&quick.bind(&again, 13).await), ["BOUND"]);
        }
        let report = slow.report(std::slice::from_ref(&lease), 11).await;
        assert_eq!(steps(&report), ["FENCED"]);
        assert_eq!(office.rows("print_incident").await, 1);
        if is_bound {
            assert_eq!(steps(&quick.report(&again, 13).await), ["PRINTED"]);
        } else {
            assert_eq!(steps(&quick.bind(&again, 13).await), ["FENCED"]);
        }
    }
}

#[tokio::test]
async fn an_unlikely_report_stops_nobody() {
    let office = Office::open().await;
    let (mut slow, lease) = run_out(&office).await;
    let mut quick = office.terminal("35.75/office/2").await;
    let mut third = office.terminal("35.75/office/3").await;
    let again = quick.lease(1).await.leases;
    let never = proto::Lease {
        fence: 99,
        ..lease.clone()
    };
    // A fence that nobody was given, somebody else's of now and of before, and a blank that is not here.
    for (terminal, lease, serial) in [
        (&mut slow.clone(), &never, 1),
        (&mut third.clone(), &again[0], 1),
        (&mut third, &lease, 1),
        (&mut slow, &lease, 77),
    ] {
        let report = terminal.report(std::slice::from_ref(lease), serial).await;
        let told = stepped(&report[0]).expect_err("it is fenced");
        assert!(told.metadata.is_empty(), "{told:?}");
    }
    assert_eq!(office.rows("print_incident").await, 0);
    assert_eq!(steps(&quick.bind(&again, 1).await), ["BOUND"]);
}

#[tokio::test]
async fn every_malformed_word_is_named_at_once() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let word = proto::ResolveInDoubtRequest {
        request_id: request_id(),
        print_request_id: request_id(),
        serial: 1,
        finding: proto::DoubtFinding::Spoiled.into(),
        ..Default::default()
    };
    let printed = proto::ResolveInDoubtRequest {
        finding: proto::DoubtFinding::Printed.into(),
        kind: SpoilageKind::Laminate.into(),
        purpose: "why not".to_owned(),
        ..word.clone()
    };
    let nothing = proto::ResolveInDoubtRequest::default();
    let everything = ["request_id", "print_request_id", "serial", "finding"];
    for (word, fields) in [
        (word, &["kind", "purpose"][..]),
        (printed, &["kind", "purpose"]),
        (nothing, &everything),
    ] {
        let status = terminal.print_queue.resolve_in_doubt(word).await;
        assert_eq!(violated_fields(&status.expect_err("malformed")), fields);
    }
    let nothing = proto::ResolveIncidentRequest::default();
    let status = terminal.print_queue.resolve_incident(nothing);
    let status = status.await.expect_err("malformed");
    let fields = ["request_id", "incident_id", "finding", "purpose"];
    assert_eq!(violated_fields(&status), fields);
}
