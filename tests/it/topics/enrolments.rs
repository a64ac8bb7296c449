//! WatchEnrolments: people on their way to the centre's verdict.

use ektp::proto::{self, EnrolmentState, ResidentLife, VerdictOutcome};

use super::{
    follower::{Enrolments, Follower},
    shows_its_own_district_and_no_other,
};
use crate::support::{
    office::{Client, Office, request_id},
    people::residents,
    stream::quick,
};

type People = Follower<Enrolments>;

/// The state of the one enrolment that a change is about.
async fn next(follower: &mut People, id: &str) -> EnrolmentState {
    let change = follower.change().await;
    let [entry] = &change.entries[..] else {
        panic!("not one entry: {change:?}")
    };
    assert_eq!(entry.enrolment_id, id);
    // Ids and states only.
    assert_eq!(
        (entry.masked_nik.as_str(), entry.initials.as_str()),
        ("", "")
    );
    assert_eq!(entry.interim_certificate, None);
    entry.state()
}

async fn died(terminal: &mut Client, resident: &str) {
    let event = proto::RecordLifeEventRequest {
        request_id: request_id(),
        resident_id: resident.to_owned(),
        kind: proto::LifeEventKind::Death.into(),
        event_date: "2017-04-17".to_owned(),
        document_number: "AKM-1".to_owned(),
        destination: String::new(),
    };
    let recorded = terminal.registration.record_life_event(event).await;
    recorded.expect("the death is recorded");
}

#[tokio::test]
async fn people_before_the_verdict_are_a_picture_and_then_every_change_in_its_state() {
    let office = Office::open_with(quick()).await;
    let people = residents("35.75", 3);
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut matcher = office.centre("matcher").await;
    let (first, resident) = terminal.enrol(&people[0]).await;
    let mut follower = People::follow(&mut terminal).await;
    assert_eq!(follower.picture.len(), 1);
    assert_eq!(follower.picture[&first].state(), EnrolmentState::Sent);
    let (second, _) = terminal.enrol(&people[1]).await;
    assert_eq!(next(&mut follower, &second).await, EnrolmentState::Sent);
    // The first in the nation's order is checked, found unique, and leaves the picture.
    let task = matcher.lease_checks(1).await;
    assert_eq!(next(&mut follower, &first).await, EnrolmentState::Checking);
    matcher.decide(&task, VerdictOutcome::Unique).await;
    assert_eq!(
        next(&mut follower, &first).await,
        EnrolmentState::PrintReady
    );
    assert!(!follower.picture.contains_key(&first));
    // A certificate is no part of the state; the enrolment comes as it stands.
    terminal.certify(std::slice::from_ref(&first)).await;
    assert_eq!(
        next(&mut follower, &first).await,
        EnrolmentState::PrintReady
    );
    // What the centre will not let pass stays to be seen.
    let task = matcher.lease_checks(1).await;
    next(&mut follower, &second).await;
    matcher.decide(&task, VerdictOutcome::Duplicate).await;
    assert_eq!(
        next(&mut follower, &second).await,
        EnrolmentState::Duplicate
    );
    let fresh = People::follow(&mut office.terminal("35.75/35.75.02/2").await).await;
    assert_eq!(fresh.picture, follower.picture);
    assert_eq!(fresh.picture.keys().collect::<Vec<_>>(), [&second]);
    assert_eq!(fresh.topic_revision, follower.topic_revision);
    died(&mut terminal, &resident).await;
    let gone = follower.change().await;
    assert_eq!(gone.entries[0].life(), ResidentLife::Deceased);
}

#[tokio::test]
async fn a_change_of_identity_brings_an_enrolment_back_into_the_picture() {
    let office = Office::open_with(quick()).await;
    let (person, resident) = office.print_ready("35.75", 1).await.remove(0);
    let mut terminal = office.terminal("35.75/office/1").await;
    let follower = People::follow(&mut terminal).await;
    assert!(follower.picture.is_empty(), "the centre found it unique");
    let mut changed = crate::support::people::draft(&person).resident;
    if let Some(changed) = &mut changed {
        changed.birth_date = "1970-01-01".to_owned();
    }
    let request = proto::ChangeResidentRequest {
        request_id: request_id(),
        resident_id: resident.clone(),
        resident: changed,
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["birth_date".to_owned()],
        }),
    };
    let answer = terminal.registration.change_resident(request).await;
    answer.expect("the birth date is changed");
    // Resumed from before, it misses nothing.
    let mut follower = follower.resumed(&mut terminal).await;
    follower.change().await;
    assert_eq!(follower.picture.len(), 1);
    died(&mut terminal, &resident).await;
    follower.change().await;
    assert!(follower.picture.is_empty(), "the dead wait for nothing");
    assert!(People::follow(&mut terminal).await.picture.is_empty());
}

#[tokio::test]
async fn a_terminal_follows_the_people_of_its_own_district_and_of_no_other() {
    shows_its_own_district_and_no_other::<Enrolments>().await;
}
