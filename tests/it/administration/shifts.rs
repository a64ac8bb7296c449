//! Shifts: opened by PIN, good on one certificate, one at a time, over when they are closed; and every write under one is
//! written down with it.

use ektp::{authority::Identity, clock::Clock, proto};
use tonic::Code;

use crate::support::{
    office::{Office, authority, reason, request_id},
    people::draft,
    people::residents,
};

use super::{
    COUNTER, DESK, FIRST_PIN, OTHER, OWN_PIN, at, by_pin, count, first_shift, found_head, heads,
    open, registered, registration, shift, sql,
};

/// An office of the city with one officer at the counter.
async fn staffed() -> Office {
    let office = Office::open().await;
    let (mut one, mut other) = heads(&office).await;
    registered((&mut one, &mut other), registration("C-1", 3)).await;
    office
}

/// A second certificate of a principal, as after a renewal.
fn renewed(principal: &str) -> Identity {
    let principal = principal.parse().expect("a principal");
    let valid = time::Duration::hours(1);
    let identity = authority().terminal_identity(&principal, valid, Clock::System.now());
    identity.expect("the authority signs")
}

#[tokio::test]
async fn from_the_founders_to_the_counter_and_every_write_has_its_shift() {
    let office = staffed().await;
    let (mut counter, shift) = first_shift(&office, COUNTER, "C-1").await;
    let officer = shift.officer.expect("whose it is");
    assert_eq!(
        (officer.badge.as_str(), officer.district.as_str()),
        ("C-1", "35.75")
    );
    counter.enrol(&residents("35.75", 1)[0]).await;
    counter
        .administration
        .close_shift(proto::CloseShiftRequest {
            request_id: request_id(),
        })
        .await
        .expect("the day is over");
    let of_shift = format!(
        "audit where shift_id = '{}' and officer_id = '{}'",
        shift.shift_id, officer.officer_id
    );
    assert_eq!(
        count(&office, &of_shift).await,
        2,
        "the enrolment and the end"
    );
    let without = "audit where shift_id is null and kind = 'ACT' and terminal <> 'system'
        and method not in ('Administration/OpenShift', 'Administration/RenewTerminal')";
    assert_eq!(count(&office, without).await, 0, "no write without a shift");
    assert_eq!(
        count(
            &office,
            "audit where method = 'operator/found' and terminal = 'system'"
        )
        .await,
        2
    );
}

#[tokio::test]
async fn only_two_persons_are_founded() {
    let office = Office::open().await;
    found_head(&office, "H-1", 1).await.expect("the first");
    let same = found_head(&office, "H-3", 1).await.expect_err("one person");
    assert_eq!(same.reason(), proto::ErrorReason::SamePerson);
    found_head(&office, "H-2", 2).await.expect("the second");
    let third = found_head(&office, "H-3", 3).await;
    assert!(third.is_err(), "the centre has its heads");
    sql(
        &office,
        "update officer set ended_at = clock_timestamp() where badge = 'H-1'",
    )
    .await;
    found_head(&office, "H-3", 3)
        .await
        .expect("one of them is gone");
    assert_eq!(count(&office, "officer").await, 3);
}

#[tokio::test]
async fn a_first_pin_opens_nothing_until_it_is_replaced() {
    let office = staffed().await;
    let mut nobody = at(&office, 0, COUNTER, None).await;
    let status = open(&mut nobody, by_pin("C-1", FIRST_PIN, ""))
        .await
        .expect_err("known to others");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "PIN_MUST_CHANGE")
    );
    first_shift(&office, COUNTER, "C-1").await;
    let status = open(&mut nobody, by_pin("C-1", FIRST_PIN, ""))
        .await
        .expect_err("replaced");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unauthenticated, "PIN_WRONG")
    );
    shift(&office, COUNTER, "C-1").await;
}

#[tokio::test]
async fn a_shift_is_good_on_its_own_certificate_alone() {
    let office = staffed().await;
    let (_, opened) = first_shift(&office, COUNTER, "C-1").await;
    let page = proto::ListAwaitingRequest::default;
    let mut own = at(&office, 0, COUNTER, Some(&opened.shift_id)).await;
    own.handover
        .list_awaiting(page())
        .await
        .expect("it is good here");
    // Another terminal of the office, and the same identity with a renewed certificate.
    let mut other = at(&office, 0, OTHER, Some(&opened.shift_id)).await;
    let renewed = renewed(COUNTER);
    let channel = office
        .endpoint_of(0, &renewed)
        .connect()
        .await
        .expect("it may connect");
    let line = crate::support::officers::OnShift(opened.shift_id.parse().ok());
    let mut same =
        crate::support::office::Client::over(crate::support::officers::Line::new(channel, line));
    let mut never = at(
        &office,
        0,
        COUNTER,
        Some("0190f5fe-7c00-7a00-8abc-def012345678"),
    )
    .await;
    for client in [&mut other, &mut same, &mut never] {
        let status = client
            .handover
            .list_awaiting(page())
            .await
            .expect_err("not here");
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::Unauthenticated, "SHIFT_UNKNOWN")
        );
        let close = proto::CloseShiftRequest {
            request_id: request_id(),
        };
        let status = client
            .administration
            .close_shift(close)
            .await
            .expect_err("nor closed");
        assert_eq!(reason(&status), "SHIFT_UNKNOWN");
    }
    own.handover
        .list_awaiting(page())
        .await
        .expect("and it is still open");
}

#[tokio::test]
async fn garbage_in_the_metadata_is_no_shift() {
    let office = staffed().await;
    let mut nobody = at(&office, 0, COUNTER, None).await;
    for garbage in [
        "",
        "1",
        "{}",
        "00000000-0000-0000-0000-000000000000",
        "' or 1=1 --",
    ] {
        let mut request = tonic::Request::new(proto::ListAwaitingRequest::default());
        let value = garbage.parse().expect("plain text");
        request.metadata_mut().insert("ektp-shift", value);
        let status = nobody
            .handover
            .list_awaiting(request)
            .await
            .expect_err("no shift");
        assert_eq!(reason(&status), "SHIFT_UNKNOWN", "{garbage}");
    }
}

#[tokio::test]
async fn a_shift_elsewhere_ends_the_one_here() {
    let mut office = staffed().await;
    let second = office.add_server(ektp::feed::Timing::default()).await;
    let (mut here, _) = first_shift(&office, COUNTER, "C-1").await;
    let (mut there, _) = shift(&office, OTHER, "C-1").await;
    let page = proto::ListAwaitingRequest::default;
    there
        .handover
        .list_awaiting(page())
        .await
        .expect("the new one is good");
    let status = here
        .handover
        .list_awaiting(page())
        .await
        .expect_err("at once on this server");
    assert_eq!(reason(&status), "SHIFT_UNKNOWN");
    assert_eq!(
        count(&office, "shift where closed_at is null and district = 3575").await,
        1
    );
    assert_eq!(second, 1);
}

#[tokio::test]
async fn a_write_under_a_shift_that_ended_meanwhile_is_refused_by_the_database() {
    let office = staffed().await;
    let (mut counter, _) = first_shift(&office, COUNTER, "C-1").await;
    counter.enrol(&residents("35.75", 1)[0]).await;
    // Past the server, which does not know yet.
    sql(
        &office,
        "update shift set closed_at = clock_timestamp() where district = 3575",
    )
    .await;
    let request = proto::RecordEnrolmentRequest {
        request_id: request_id(),
        enrolment: Some(draft(&residents("35.75", 2)[1])),
    };
    let status = counter
        .registration
        .record_enrolment(request)
        .await
        .expect_err("it is over");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unauthenticated, "SHIFT_UNKNOWN")
    );
}

#[tokio::test]
async fn opening_and_closing_again_get_the_first_answer() {
    let office = staffed().await;
    let mut nobody = at(&office, 0, COUNTER, None).await;
    let request = by_pin("C-1", FIRST_PIN, OWN_PIN);
    let first = open(&mut nobody, request.clone()).await.expect("a shift");
    // The PIN in it is no longer the officer's: what counts is that the answer was given.
    let again = open(&mut nobody, request).await.expect("the same shift");
    assert_eq!(first, again);
    assert_eq!(count(&office, "shift where district = 3575").await, 1);

    let mut counter = at(&office, 0, COUNTER, Some(&first.shift_id)).await;
    let close = proto::CloseShiftRequest {
        request_id: request_id(),
    };
    let closed = counter
        .administration
        .close_shift(close.clone())
        .await
        .expect("it is closed");
    let again = counter
        .administration
        .close_shift(close)
        .await
        .expect("and was");
    assert_eq!(closed.into_inner(), again.into_inner());
    let other = proto::CloseShiftRequest {
        request_id: request_id(),
    };
    let status = counter
        .administration
        .close_shift(other)
        .await
        .expect_err("once");
    assert_eq!(reason(&status), "SHIFT_UNKNOWN");
}

#[tokio::test]
async fn shifts_open_until_the_last_day_of_the_office_and_where_the_parts_agree() {
    let office = Office::open().await;
    let (mut one, mut other) = heads(&office).await;
    let contractor = proto::RegisterOfficerRequest {
        roles: vec![proto::OfficerRole::Contractor.into()],
        last_day: "2017-04-18".to_owned(),
        ..registration("K-1", 3)
    };
    registered((&mut one, &mut other), contractor).await;
    let limited = proto::RegisterOfficerRequest {
        subdistrict: "35.75.01".to_owned(),
        ..registration("C-2", 4)
    };
    registered((&mut one, &mut other), limited).await;

    let (mut operator, _) = first_shift(&office, COUNTER, "K-1").await;
    let page = proto::ListAwaitingRequest::default();
    let status = operator
        .handover
        .list_awaiting(page)
        .await
        .expect_err("records and nothing else");
    assert_eq!(reason(&status), "ROLE_MAY_NOT_CALL");
    operator.enrol(&residents("35.75", 1)[0]).await;
    // A minute to midnight in the city, then a minute past.
    let midnight = time::macros::datetime!(2017-04-18 17:00 UTC);
    office.clock.set(midnight - time::Duration::MINUTE);
    shift(&office, COUNTER, "K-1").await;
    office.clock.set(midnight);
    let mut nobody = at(&office, 0, COUNTER, None).await;
    let status = open(&mut nobody, by_pin("K-1", OWN_PIN, ""))
        .await
        .expect_err("the day is over");
    assert_eq!(reason(&status), "OFFICER_ENDED");

    let elsewhere = "ektp://district/35.75/site/35.75.02/terminal/1";
    let mut nobody = at(&office, 0, elsewhere, None).await;
    let request = by_pin("C-2", FIRST_PIN, OWN_PIN);
    let status = open(&mut nobody, request).await.expect_err("not that part");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::PermissionDenied, "OUTSIDE_AREA")
    );
    first_shift(
        &office,
        "ektp://district/35.75/site/35.75.01/terminal/1",
        "C-2",
    )
    .await;
    // An officer of one office is unknown in the next, and the centre's at both.
    for foreign in ["ektp://district/35.76/site/office/terminal/1", DESK] {
        let mut nobody = at(&office, 0, foreign, None).await;
        let status = open(&mut nobody, by_pin("C-2", OWN_PIN, ""))
            .await
            .expect_err("unknown there");
        assert_eq!(reason(&status), "PIN_WRONG", "{foreign}");
    }
}
