//! One person at the counter: recorded once for life, seen by the own office only, listed in the order of receipt.

use std::collections::BTreeSet;

use ektp::proto::{self, EnrolmentReason, EnrolmentState, EnrolmentWarning};
use time::{Duration, macros::datetime};
use tokio::sync::Barrier;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{by_id, by_nik, enrolment, look_up, told};
use crate::support::{
    office::{Client, Office, reason, request_id, violated_fields},
    people::{draft, residents},
};

fn request(enrolment: proto::EnrolmentDraft) -> proto::RecordEnrolmentRequest {
    proto::RecordEnrolmentRequest {
        request_id: request_id(),
        enrolment: Some(enrolment),
    }
}

async fn record(
    terminal: &mut Client,
    request: proto::RecordEnrolmentRequest,
) -> Result<proto::RecordEnrolmentResponse, Status> {
    let answer = terminal.registration.record_enrolment(request).await?;
    Ok(answer.into_inner())
}

/// What ALREADY_ENROLLED names.
fn named(status: &Status) -> Vec<(String, String)> {
    let info = status.get_details_error_info().expect("an ErrorInfo");
    let mut named: Vec<_> = info.metadata.into_iter().collect();
    named.sort();
    named
}

fn texts(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    owned.collect()
}

/// S2-7.
#[tokio::test]
async fn a_person_is_enrolled_once_for_life() {
    let office = Office::open().await;
    let person = &residents("35.75", 1)[0];
    let mut terminal = office.terminal("35.75/office/1").await;
    terminal.enrol(person).await;

    let refused = record(&mut terminal, request(draft(person))).await;
    let refused = refused.expect_err("the person is enrolled");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "ALREADY_ENROLLED");
    assert_eq!(
        named(&refused),
        texts(&[("date", "2017-04-18"), ("district", "35.75")])
    );
}

/// S2-7: what another office learns is the district and the date, and nothing else.
#[tokio::test]
async fn another_office_learns_where_and_when_a_person_was_enrolled_and_nothing_else() {
    let office = Office::open().await;
    let person = &residents("35.75", 1)[0];
    let (enrolment_id, resident_id) = office.terminal("35.75/office/1").await.enrol(person).await;

    let elsewhere = &residents("35.76", 1)[0];
    let mut moved = draft(person);
    let resident = moved.resident.as_mut().expect("a resident");
    resident.village.clone_from(&elsewhere.village);
    let mut terminal = office.terminal("35.76/office/1").await;
    let refused = record(&mut terminal, request(moved)).await;
    let refused = refused.expect_err("the person is enrolled elsewhere");
    assert_eq!(
        named(&refused),
        texts(&[("date", "2017-04-18"), ("district", "35.75")])
    );
    let all = format!("{refused:?}");
    for secret in [&enrolment_id, &resident_id, &person.nik, &person.name] {
        assert!(!all.contains(secret.as_str()), "{all}");
    }
}

/// S2-7: first-timers enrol at the office of their own subdistrict.
#[tokio::test]
async fn a_subdistrict_enrols_its_own_residents_and_no_others() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/35.75.02/1").await;
    let people = residents("35.75", 40);
    let own = people
        .iter()
        .find(|person| person.village.starts_with("35.75.02."));
    let other = people
        .iter()
        .find(|person| !person.village.starts_with("35.75.02."));

    let answer = record(&mut terminal, request(draft(own.expect("one lives there")))).await;
    assert_eq!(
        answer.expect("a resident of its own").state(),
        EnrolmentState::Sent
    );
    let refused = record(
        &mut terminal,
        request(draft(other.expect("one lives elsewhere"))),
    )
    .await;
    let refused = refused.expect_err("a resident of another subdistrict");
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(reason(&refused), "OUTSIDE_SUBDISTRICT");
    assert_eq!(named(&refused), texts(&[("subdistrict", "35.75.02")]));
}

#[tokio::test]
async fn two_offices_at_the_same_moment_enrol_a_person_once() {
    let office = Office::open().await;
    let village = &residents("35.76", 1)[0].village;
    for person in residents("35.75", 8) {
        let mut moved = draft(&person);
        moved
            .resident
            .as_mut()
            .expect("a resident")
            .village
            .clone_from(village);
        let barrier = Barrier::new(2);
        let attempt = async |place: &str, draft: proto::EnrolmentDraft| {
            let mut terminal = office.terminal(place).await;
            let request = request(draft);
            barrier.wait().await;
            match record(&mut terminal, request.clone()).await {
                // Too close to call: the same request finds out.
                Err(status) if status.code() == Code::Aborted => {
                    record(&mut terminal, request).await
                }
                answer => answer,
            }
        };
        let (here, there) = tokio::join!(
            attempt("35.75/office/1", draft(&person)),
            attempt("35.76/office/1", moved)
        );
        let (won, lost) = if here.is_ok() {
            (here, there)
        } else {
            (there, here)
        };
        assert!(won.is_ok(), "{won:?}");
        assert_eq!(
            reason(&lost.expect_err("one person, one enrolment")),
            "ALREADY_ENROLLED"
        );
    }
}

/// S0-8.
#[tokio::test]
async fn without_biometrics_nothing_is_checked_until_they_come() {
    let office = Office::open().await;
    let people = residents("35.75", 2);
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut incomplete = draft(&people[0]);
    incomplete.biometric_package.clear();
    let first = record(&mut terminal, request(incomplete.clone()))
        .await
        .expect("it is recorded");
    assert_eq!(first.state(), EnrolmentState::Recorded);
    let seen = enrolment(&mut terminal, &first.enrolment_id).await;
    assert_eq!(
        seen.reasons,
        [i32::from(EnrolmentReason::AwaitingBiometrics)]
    );

    // The later one is handed out, although the earlier one came first.
    let (later, _) = terminal.enrol(&people[1]).await;
    let mut matcher = office.centre("matcher").await;
    assert_eq!(matcher.lease_checks(1).await[0].enrolment_id, later);

    let refused = record(&mut terminal, request(incomplete))
        .await
        .expect_err("still without");
    assert_eq!(reason(&refused), "ALREADY_ENROLLED");
    let completed = record(&mut terminal, request(draft(&people[0])))
        .await
        .expect("completed");
    assert_eq!(completed.enrolment_id, first.enrolment_id);
    assert_eq!(completed.resident_id, first.resident_id);
    assert_eq!(completed.state(), EnrolmentState::Sent);
    assert_eq!(
        matcher.lease_checks(1).await[0].enrolment_id,
        first.enrolment_id
    );
}

#[tokio::test]
async fn every_violation_of_a_draft_is_told_at_once() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut bad = draft(&residents("35.75", 1)[0]);
    let resident = bad.resident.as_mut().expect("a resident");
    resident.nik = "3575021708900000".to_owned();
    resident.birth_date = "2017-04-19".to_owned();
    resident.full_name = "\u{7}".to_owned();
    resident.village = "35.76.01.1003".to_owned();
    bad.biometric_package = "a/b".to_owned();
    let bad = proto::RecordEnrolmentRequest {
        request_id: "1".to_owned(),
        enrolment: Some(bad),
    };
    let refused = record(&mut terminal, bad).await.expect_err("malformed");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let fields: BTreeSet<String> = violated_fields(&refused).into_iter().collect();
    let expected = [
        "enrolment.biometric_package",
        "enrolment.resident.birth_date",
        "enrolment.resident.full_name",
        "enrolment.resident.nik",
        "enrolment.resident.village",
        "request_id",
    ];
    assert_eq!(fields, expected.map(str::to_owned).into());
    assert!(!format!("{refused:?}").contains("3575021708900000"));
}

#[tokio::test]
async fn what_looks_odd_is_recorded_and_told() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut odd = draft(&residents("35.75", 1)[0]);
    odd.resident.as_mut().expect("a resident").nik = "5401015708900001".to_owned();
    let answer = record(&mut terminal, request(odd))
        .await
        .expect("it is recorded");
    assert!(
        answer
            .warnings
            .contains(&EnrolmentWarning::NikAreaUnknown.into())
    );
}

#[tokio::test]
async fn an_office_sees_its_enrolment_masked_by_id_and_by_nik() {
    let office = Office::open().await;
    let person = &residents("35.75", 1)[0];
    let mut terminal = office.terminal("35.75/office/1").await;
    let (enrolment_id, resident_id) = terminal.enrol(person).await;
    let seen = enrolment(&mut terminal, &enrolment_id).await;
    assert_eq!(seen.resident_id, resident_id);
    assert_eq!(seen.village, person.village);
    let (province, last) = (&person.nik[..2], &person.nik[14..]);
    assert_eq!(seen.masked_nik, format!("{province}************{last}"));
    assert!(person.name.starts_with(&seen.initials[..1]));
    assert!(seen.initials.len() < person.name.len());
    assert_eq!(seen.interim_certificate, None);
    let same = look_up(&mut terminal, by_nik(&person.nik))
        .await
        .expect("the same");
    assert_eq!(same, seen);
}

#[tokio::test]
async fn a_foreign_enrolment_looks_exactly_like_a_missing_one() {
    let office = Office::open().await;
    let people = residents("35.75", 40);
    let person = people
        .iter()
        .find(|person| !person.village.starts_with("35.75.02."))
        .expect("one lives elsewhere");
    let (enrolment_id, _) = office.terminal("35.75/office/1").await.enrol(person).await;
    for place in ["35.76/office/1", "35.75/35.75.02/1"] {
        let mut outsider = office.terminal(place).await;
        let foreign = look_up(&mut outsider, by_id(&enrolment_id))
            .await
            .expect_err("foreign");
        let missing = look_up(&mut outsider, by_id(&request_id()))
            .await
            .expect_err("missing");
        assert_eq!(told(&foreign), told(&missing), "{place}");
        assert_eq!(foreign.code(), Code::NotFound);
        let foreign = look_up(&mut outsider, by_nik(&person.nik))
            .await
            .expect_err("foreign");
        let nobody = by_nik("3575021708909999");
        let missing = look_up(&mut outsider, nobody).await.expect_err("missing");
        assert_eq!(told(&foreign), told(&missing), "{place}");
        let page = outsider
            .registration
            .list_enrolments(proto::ListEnrolmentsRequest::default());
        assert_eq!(page.await.expect("a page").into_inner().enrolments, []);
    }
}

#[tokio::test]
async fn a_list_walks_the_district_in_the_order_of_receipt() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut expected = Vec::new();
    for (second, person) in (0..).zip(residents("35.75", 7)) {
        office
            .clock
            .set(datetime!(2017-04-18 02:00 UTC) + Duration::seconds(second));
        expected.push(terminal.enrol(&person).await.0);
    }
    office
        .terminal("35.76/office/1")
        .await
        .enrol(&residents("35.76", 1)[0])
        .await;

    let mut walked = Vec::new();
    let mut wish = proto::ListEnrolmentsRequest {
        page_size: 3,
        ..Default::default()
    };
    loop {
        let page = terminal
            .registration
            .list_enrolments(wish.clone())
            .await
            .expect("a page")
            .into_inner();
        assert!(
            page.enrolments
                .iter()
                .all(|one| one.masked_nik.is_empty() && one.initials.is_empty())
        );
        walked.extend(page.enrolments.into_iter().map(|one| one.enrolment_id));
        if page.next_page_token.is_empty() {
            break;
        }
        wish.page_token = page.next_page_token;
    }
    assert_eq!(walked, expected);

    // The last token continues its own list only.
    wish.set_state(EnrolmentState::Duplicate);
    let refused = terminal
        .registration
        .list_enrolments(wish)
        .await
        .expect_err("another list");
    assert_eq!(violated_fields(&refused), ["page_token"]);
    let mut none = proto::ListEnrolmentsRequest::default();
    none.set_state(EnrolmentState::Duplicate);
    let page = terminal
        .registration
        .list_enrolments(none)
        .await
        .expect("a page")
        .into_inner();
    assert_eq!(page.enrolments, []);
}
