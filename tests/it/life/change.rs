//! Changed records: what a change is worth to the centre, to the queue and to the printers.

use ektp::proto::{HoldReason, Resident, Sex};
use tonic::Code;

use super::*;
use crate::support::office::reason;

fn sheet() -> Resident {
    Resident {
        birth_date: "1990-09-16".to_owned(),
        address: "Jl. Kenanga 12".to_owned(),
        phone: "+6281299990000".to_owned(),
        mother_name: "Aminah".to_owned(),
        ..Resident::default()
    }
}

#[tokio::test]
async fn a_change_is_worth_what_the_card_shows() {
    let office = Office::open().await;
    let (resident, _) = office.waiting(1).await.swap_remove(0);
    let mut counter = office.terminal("35.75/office/1").await;
    assert_eq!(office.versions(&resident).await, "1 1 RESIDENT");
    for (paths, expected) in [
        (&["phone"][..], "1 1 RESIDENT"),
        (&["mother_name"], "1 1 RESIDENT"),
        (&["address"], "1 2 RESIDENT"),
        // As it was: nothing changes.
        (&["address", "phone"], "1 2 RESIDENT"),
        (&["birth_date", "address"], "2 2 RESIDENT"),
    ] {
        let answer = counter.change(change(&resident, paths, sheet())).await;
        answer.expect("the record is changed");
        assert_eq!(office.versions(&resident).await, expected, "{paths:?}");
    }
}

#[tokio::test]
async fn what_the_mask_does_not_name_stays_and_the_card_shows_the_rest() {
    let office = Office::open().await;
    office.stock(DISTRICT, 1, 5).await;
    let (resident, _) = office.waiting(1).await.swap_remove(0);
    let mut counter = office.terminal("35.75/office/1").await;
    let change = change(&resident, &["address", "neighbourhood"], sheet());
    let answer = counter.change(change).await.expect("the record is changed");
    assert!(answer.warnings.is_empty() && answer.committed_revision > 0);
    let leases = counter.lease(1).await.leases;
    let request = proto::GetCardFaceRequest {
        lease: Some(crate::support::people::key(&leases[0])),
    };
    let face = counter.print_queue.get_card_face(request).await;
    let face = face.expect("a face").into_inner().face.expect("a face");
    let known = &residents(DISTRICT, 1)[0];
    assert_eq!(face.full_name, known.name);
    assert_eq!(face.birth_date, known.birth_date.to_string());
    assert!(face.address.contains("Jl. Kenanga 12"));
}

/// A changed identity waits for the centre, keeps its place, and comes back with the verdict on the new identity alone.
#[tokio::test]
async fn a_changed_identity_is_held_until_the_centre_has_found_it_unique() {
    let office = Office::open().await;
    office.stock(DISTRICT, 1, 5).await;
    let waiting = office.waiting(2).await;
    let (resident, request) = &waiting[0];
    let mut counter = office.terminal("35.75/office/1").await;
    let mut matcher = office.centre("matcher").await;
    let leased = counter.lease(1).await.leases;
    let answer = counter
        .change(change(resident, &["birth_date"], sheet()))
        .await;
    let answer = answer.expect("the record is changed");
    assert_eq!(answer.state(), proto::EnrolmentState::Sent);
    assert_eq!(
        answer.warnings().collect::<Vec<_>>(),
        [proto::EnrolmentWarning::NikBirthDateDiffers]
    );
    let held = (
        PrintRequestState::Held,
        vec![HoldReason::AwaitingCentre.into()],
    );
    assert_eq!(counter.stands(request).await, held);
    // The lease is worth nothing any more.
    let bound = counter.bind(&leased, 1).await;
    assert!(format!("{bound:?}").contains("Refused"), "{bound:?}");

    let tasks = matcher.lease_checks(1).await;
    let other = Resident {
        sex: Sex::Female.into(),
        birth_date: "1990-09-17".to_owned(),
        ..Resident::default()
    };
    // Changed again while the engine searches: that verdict is about nobody.
    let again = change(resident, &["birth_date"], other);
    counter.change(again).await.expect("the record is changed");
    let late = matcher.decide(&tasks, VerdictOutcome::Unique).await;
    assert!(format!("{late:?}").contains("Refused"), "{late:?}");
    assert_eq!(counter.stands(request).await, held);

    let tasks = matcher.lease_checks(1).await;
    matcher.decide(&tasks, VerdictOutcome::Unique).await;
    assert_eq!(
        counter.stands(request).await,
        (PrintRequestState::Queued, Vec::new())
    );
    let versions = "select concat_ws(' ', p.identity_version, r.identity_version)
        from print_request p join resident r using (resident_id)";
    let of = format!("{versions} where p.print_request_id = '{request}'");
    assert_eq!(office.text(of).await, "3 3");
    // The first again, before the one that came after.
    let leases = counter.lease(1).await.leases;
    let first = leases[0].entry.as_ref().expect("an entry");
    assert_eq!(&first.print_request_id, request);
    let bound = counter.bind(&leases, 1).await;
    assert!(format!("{bound:?}").contains("Entry"), "{bound:?}");
}

#[tokio::test]
async fn a_changed_identity_that_is_a_duplicate_stays_held_and_is_changed_no_more() {
    let office = Office::open().await;
    let (resident, request) = office.waiting(1).await.swap_remove(0);
    let mut counter = office.terminal("35.75/office/1").await;
    let mut matcher = office.centre("matcher").await;
    let first = change(&resident, &["birth_date"], sheet());
    counter.change(first).await.expect("the record is changed");
    let tasks = matcher.lease_checks(1).await;
    matcher.decide(&tasks, VerdictOutcome::Duplicate).await;
    let held = (
        PrintRequestState::Held,
        vec![HoldReason::AwaitingCentre.into()],
    );
    assert_eq!(counter.stands(&request).await, held);
    let other = Resident {
        birth_date: "1991-01-01".to_owned(),
        ..Resident::default()
    };
    let refused = counter
        .change(change(&resident, &["birth_date"], other))
        .await;
    let refused = refused.expect_err("only the centre lifts it");
    assert_eq!(reason(&refused), "DUPLICATE_RECORD");
    // What is no identity may still be put right.
    let address = counter
        .change(change(&resident, &["address"], sheet()))
        .await;
    address.expect("the record is changed");
}

#[tokio::test]
async fn a_person_moves_within_the_district_and_the_request_goes_along() {
    let office = Office::open().await;
    let (resident, request) = office.waiting(1).await.swap_remove(0);
    let home = residents(DISTRICT, 1)[0].village.clone();
    let village = if home.starts_with("35.75.01") {
        "35.75.02.1001"
    } else {
        "35.75.01.1001"
    };
    let mut counter = office.terminal("35.75/office/1").await;
    let sheet = Resident {
        village: village.to_owned(),
        ..Resident::default()
    };
    let moved = counter
        .change(change(&resident, &["village"], sheet.clone()))
        .await;
    moved.expect("the record is changed");
    assert_eq!(office.versions(&resident).await, "1 2 RESIDENT");
    let of = format!(
        "select (p.subdistrict = r.subdistrict and e.village = r.village)::text from print_request p
         join resident r using (resident_id) join enrolment e using (resident_id)
         where p.print_request_id = '{request}'"
    );
    assert_eq!(office.text(of).await, "true");
    // The subdistrict that the person left neither sees the person nor takes anybody out of the other.
    let mut left = office.terminal(&format!("35.75/{}/3", &home[..8])).await;
    let gone = left.change(change(&resident, &["village"], sheet)).await;
    let gone = gone.expect_err("the person lives elsewhere");
    assert_eq!(
        (gone.code(), reason(&gone)),
        (Code::NotFound, "RESIDENT_NOT_FOUND".to_owned())
    );
    let mut here = office.terminal(&format!("35.75/{}/3", &village[..8])).await;
    let back = Resident {
        village: home,
        ..Resident::default()
    };
    let away = here.change(change(&resident, &["village"], back)).await;
    let away = away.expect_err("a terminal of a subdistrict");
    assert_eq!(reason(&away), "OUTSIDE_SUBDISTRICT");
}
