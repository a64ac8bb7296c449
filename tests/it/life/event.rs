//! Deaths and removals: what becomes of the request, the lease, the paper and the card.

use ektp::proto::{HoldReason, ResidentLife, interim_certificate_result::Outcome};
use tonic_types::StatusExt as _;

use super::*;
use crate::support::{
    look,
    office::{reason, violated_fields},
};

const DECEASED: &str = "RESIDENT_DECEASED";
const MOVED_OUT: &str = "RESIDENT_MOVED_OUT";

#[tokio::test]
async fn the_dead_leave_the_queue_and_who_moved_waits_in_it() {
    let office = Office::open().await;
    office.stock(DISTRICT, 1, 5).await;
    let waiting = office.waiting(4).await;
    let mut counter = office.terminal("35.75/office/1").await;
    let mut printer = office.terminal("35.75/office/2").await;
    let leases = printer.lease(2).await.leases;
    assert_eq!(leases.len(), 2);
    // The first two are leased, the others queued; of each two one dies and one moves.
    for place in [0, 2] {
        let answer = counter
            .tell(death(&waiting[place].0))
            .await
            .expect("it is recorded");
        assert_eq!(answer.life(), ResidentLife::Deceased);
        let answer = counter
            .tell(removal(&waiting[place + 1].0))
            .await
            .expect("it is recorded");
        assert_eq!(answer.life(), ResidentLife::MovedOut);
    }
    for place in [0, 2] {
        let dead = counter.stands(&waiting[place].1).await;
        assert_eq!(dead, (PrintRequestState::Cancelled, Vec::new()));
        let gone = counter.stands(&waiting[place + 1].1).await;
        assert_eq!(
            gone,
            (PrintRequestState::Held, vec![HoldReason::MovedOut.into()])
        );
    }
    let bound = format!("{:?}", printer.bind(&leases, 1).await);
    assert_eq!(bound.matches("Refused(").count(), 2, "{bound}");
    assert!(printer.lease(5).await.leases.is_empty());
    assert_eq!(look::count(&office.sql, "card").await, 0);
    // Who moved may die; the request waits for nothing any more.
    counter
        .tell(death(&waiting[1].0))
        .await
        .expect("it is recorded");
    assert_eq!(
        counter.stands(&waiting[1].1).await.0,
        PrintRequestState::Cancelled
    );
    let told = "print_request where cancel_reason = 'DECEASED'";
    assert_eq!(look::count(&office.sql, told).await, 3);
}

#[tokio::test]
async fn what_cannot_follow_is_refused_with_what_is_recorded() {
    let office = Office::open().await;
    let waiting = office.waiting(2).await;
    let mut counter = office.terminal("35.75/office/1").await;
    let (dead, gone) = (&waiting[0].0, &waiting[1].0);
    counter.tell(death(dead)).await.expect("it is recorded");
    counter.tell(removal(gone)).await.expect("it is recorded");
    for (request, state) in [
        (death(dead), "DECEASED"),
        (removal(dead), "DECEASED"),
        (removal(gone), "MOVED_OUT"),
    ] {
        let refused = counter.tell(request).await.expect_err("it cannot follow");
        assert_eq!(reason(&refused), "LIFE_EVENT_NOT_POSSIBLE");
        let info = refused.get_details_error_info().expect("a reason");
        assert_eq!(info.metadata["state"], state);
    }
    assert_eq!(look::count(&office.sql, "life_event").await, 2);
    for (resident, why) in [(dead, DECEASED), (gone, MOVED_OUT)] {
        let request = change(
            resident,
            &["birth_place"],
            proto::Resident {
                birth_place: "Malang".to_owned(),
                ..proto::Resident::default()
            },
        );
        let refused = counter.change(request).await.expect_err("nobody is served");
        assert_eq!(reason(&refused), why);
    }
}

#[tokio::test]
async fn nobody_dies_before_the_birth_nor_by_another_districts_word() {
    let office = Office::open().await;
    let (resident, request) = office.waiting(1).await.swap_remove(0);
    let mut counter = office.terminal("35.75/office/1").await;
    let early = proto::RecordLifeEventRequest {
        event_date: "1900-01-01".to_owned(),
        ..death(&resident)
    };
    let refused = counter
        .tell(early)
        .await
        .expect_err("it is before the birth");
    assert_eq!(violated_fields(&refused), ["event_date"]);
    let mut foreign = office.terminal("35.76/office/1").await;
    let refused = foreign
        .tell(death(&resident))
        .await
        .expect_err("another's person");
    assert_eq!(reason(&refused), "RESIDENT_NOT_FOUND");
    assert_eq!(counter.stands(&request).await.0, PrintRequestState::Queued);
    assert_eq!(office.versions(&resident).await, "1 1 RESIDENT");
}

#[tokio::test]
async fn the_papers_of_the_dead_are_worth_nothing_and_none_are_issued() {
    let office = Office::open().await;
    let waiting = office.waiting(2).await;
    let mut counter = office.terminal("35.75/office/1").await;
    let (dead, gone) = (&waiting[0].0, &waiting[1].0);
    counter.tell(death(dead)).await.expect("it is recorded");
    counter.tell(removal(gone)).await.expect("it is recorded");
    let states = "select string_agg(state, ' ' order by state) from interim_certificate";
    assert_eq!(office.text(states.to_owned()).await, "ACTIVE REVOKED");
    for (resident, why) in [(dead, DECEASED), (gone, MOVED_OUT)] {
        let of =
            format!("select enrolment_id::text from enrolment where resident_id = '{resident}'");
        let request = proto::IssueInterimCertificatesRequest {
            request_id: request_id(),
            enrolment_ids: vec![office.text(of).await],
        };
        let answer = counter
            .registration
            .issue_interim_certificates(request)
            .await;
        let result = answer
            .expect("an answer")
            .into_inner()
            .results
            .swap_remove(0);
        match result.outcome.expect("an outcome") {
            Outcome::Refused(refusal) => {
                assert!(refusal.reason().as_str_name().ends_with(why), "{refusal:?}");
            }
            Outcome::Certificate(paper) => panic!("issued: {paper:?}"),
        }
    }
    // Nor is anybody recorded again.
    let again = proto::RecordEnrolmentRequest {
        request_id: request_id(),
        enrolment: Some(crate::support::people::draft(&residents(DISTRICT, 1)[0])),
    };
    let refused = counter
        .registration
        .record_enrolment(again)
        .await
        .expect_err("the dead");
    assert_eq!(reason(&refused), DECEASED);
}

#[tokio::test]
async fn a_card_is_handed_to_nobody_when_its_holder_died_or_moved() {
    let office = Office::open().await;
    let cards = office.printed(DISTRICT, 3).await;
    let mut counter = office.terminal("35.75/office/1").await;
    let holder = async |card: &proto::Collection| {
        let of = format!(
            "select resident_id::text from collection where collection_id = '{}'",
            card.collection_id
        );
        office.text(of).await
    };
    let (dead, gone) = (holder(&cards[0]).await, holder(&cards[1]).await);
    let open = counter.challenge(&cards[0]).await;
    counter.tell(death(&dead)).await.expect("it is recorded");
    counter.tell(removal(&gone)).await.expect("it is recorded");
    let refused = counter
        .complete_handover(&open, true)
        .await
        .expect_err("the dead");
    assert_eq!(reason(&refused), DECEASED);
    for (card, why) in [(&cards[0], DECEASED), (&cards[1], MOVED_OUT)] {
        let refused = counter
            .start_handover(&card.collection_id)
            .await
            .expect_err("nobody");
        assert_eq!(reason(&refused), why);
    }
    counter.challenge(&cards[2]).await;
    assert_eq!(look::count(&office.sql, "handover").await, 0);
    // Nobody is called for them any more.
    for (called, what) in [
        (
            "notice n where n.due_at < 'infinity' and n.state = 'QUEUED'",
            "a notice",
        ),
        ("contact_task n where n.closed_at is null", "a task"),
    ] {
        let of = format!(
            "{called} and exists (select from collection c join resident r using (resident_id)
             where c.collection_id = n.collection_id and r.life <> 'RESIDENT')"
        );
        assert_eq!(look::count(&office.sql, &of).await, 0, "{what}");
    }
}

/// The blank is bound: it becomes a card or it is spoiled, and nobody is called for it.
#[tokio::test]
async fn a_bound_blank_of_the_dead_is_accounted_for_and_nobody_is_called() {
    let office = Office::open().await;
    office.stock(DISTRICT, 1, 5).await;
    let (resident, request) = office.waiting(1).await.swap_remove(0);
    let mut counter = office.terminal("35.75/office/1").await;
    let leases = counter.lease(1).await.leases;
    counter.bind(&leases, 1).await;
    counter
        .tell(death(&resident))
        .await
        .expect("it is recorded");
    assert_eq!(counter.stands(&request).await.0, PrintRequestState::Bound);
    counter.report(&leases, 1).await;
    assert_eq!(counter.stands(&request).await.0, PrintRequestState::Printed);
    let card = counter.awaiting().await.swap_remove(0);
    let refused = counter
        .start_handover(&card.collection_id)
        .await
        .expect_err("nobody");
    assert_eq!(reason(&refused), DECEASED);
    assert!(counter.contact_tasks("").await.is_empty());
    let due = "notice where due_at < 'infinity'";
    assert_eq!(look::count(&office.sql, due).await, 0);
}
