//! What the review makes of a request, and that nobody waits for ever.

use std::collections::BTreeMap;

use proptest::prelude::*;
use time::{Duration, Weekday, macros::date};
use uuid::Uuid;

use super::*;
use crate::{
    ids::{PrintRequestId, ResidentId},
    policy::{Calendar, ClassOutcome, ClassRule, PolicyArea, Release, TieBreak, Window},
    print_queue::HoldReason,
};

const CLASS: ApplicantClass = ApplicantClass::Relocation;

pub(super) fn policy(version: i32, outcome: ClassOutcome) -> Policy {
    Policy {
        version,
        area: PolicyArea::Nation,
        valid_from: date!(2014 - 01 - 01),
        valid_to: None,
        tie_break: TieBreak::Enrolment,
        daily_quota: None,
        calendar: Calendar::default(),
        classes: vec![ClassRule {
            class: CLASS,
            outcome,
            documents: Vec::new(),
            enrolled: Window::default(),
            release: Release::default(),
        }],
        source: "a test".to_owned(),
    }
}

pub(super) fn request(number: u128, standing: Standing) -> PrintRequest {
    PrintRequest {
        print_request_id: PrintRequestId::from(Uuid::from_u128(number)),
        district: district(),
        subdistrict: "35.75.02".parse().expect("a subdistrict"),
        site: "office".to_owned(),
        resident_id: ResidentId::from(Uuid::from_u128(number)),
        applicant_class: CLASS,
        seniority_at: NOW,
        requested_at: NOW,
        enrolled_on: date!(2017 - 04 - 18),
        standing,
        state_at: NOW,
        stage: 1,
        attempt: 1,
        policy_version: 1,
        identity_version: 1,
        facts_version: 1,
        fence: 0,
    }
}

pub(super) fn held(reasons: &[HoldReason]) -> Standing {
    Standing::Held(reasons.iter().copied().collect())
}

fn room(places: i64) -> Supply {
    Supply {
        rooms: Some(BTreeMap::from([("office".to_owned(), places)])),
        spare: 0,
    }
}

/// Where a request stands after a review with that much to give; nothing where it is left alone.
fn after(standing: Standing, policy: &Policy, mut supply: Supply) -> Option<Standing> {
    let before = request(1, standing);
    let after = release(&before, policy, &mut supply, NOW)?;
    assert_eq!(after.stage, before.stage + 1, "every change is a stage");
    assert_eq!(after.policy_version, policy.version);
    assert_eq!(
        (after.seniority_at, after.requested_at, after.attempt),
        (before.seniority_at, before.requested_at, before.attempt)
    );
    Some(after.standing)
}

#[test]
fn a_held_request_comes_in_where_the_rule_and_the_day_let_it() {
    use HoldReason::{ClassHeld, EnrolmentWindow, OfficeClosed, Quota};
    let admits = policy(2, ClassOutcome::Admit);
    for reasons in [
        &[ClassHeld][..],
        &[OfficeClosed],
        &[Quota],
        &[EnrolmentWindow, ClassHeld],
    ] {
        let queued = Some(Standing::Queued);
        assert_eq!(after(held(reasons), &admits, Supply::default()), queued);
        assert_eq!(after(held(reasons), &admits, room(1)), queued);
    }
    assert_eq!(after(held(&[Quota]), &admits, room(0)), None);
    assert_eq!(
        after(held(&[ClassHeld]), &admits, room(0)),
        Some(held(&[Quota]))
    );
    let closed = Policy {
        calendar: Calendar::new([Weekday::Tuesday], []),
        ..policy(2, ClassOutcome::Admit)
    };
    assert_eq!(
        after(held(&[OfficeClosed]), &closed, Supply::default()),
        None
    );
}

#[test]
fn what_no_rule_holds_no_rule_lets_go() {
    let admits = policy(2, ClassOutcome::Admit);
    for reason in [
        HoldReason::AwaitingCentre,
        HoldReason::MovedOut,
        HoldReason::Incident,
    ] {
        for other in [HoldReason::ClassHeld, HoldReason::Quota, reason] {
            assert_eq!(
                after(held(&[reason, other]), &admits, Supply::default()),
                None
            );
        }
    }
}

#[test]
fn a_queued_request_is_moved_by_a_new_version_alone() {
    for outcome in [ClassOutcome::Hold, ClassOutcome::Refuse] {
        let class_held = Some(held(&[HoldReason::ClassHeld]));
        assert_eq!(
            after(Standing::Queued, &policy(2, outcome), Supply::default()),
            class_held
        );
        // Released under it, or refused after it was taken: that stands.
        assert_eq!(
            after(Standing::Queued, &policy(1, outcome), Supply::default()),
            None
        );
    }
    assert_eq!(
        after(
            Standing::Queued,
            &policy(2, ClassOutcome::Admit),
            Supply::default()
        ),
        None
    );
    let mut aged = policy(2, ClassOutcome::Hold);
    aged.classes[0].release.after_days = Some(0);
    assert_eq!(
        after(Standing::Queued, &aged, Supply::default()),
        Some(Standing::Queued)
    );
    let mut outside = policy(2, ClassOutcome::Admit);
    outside.classes[0].enrolled.to = Some(date!(2017 - 04 - 17));
    let window = Some(held(&[HoldReason::EnrolmentWindow]));
    assert_eq!(after(Standing::Queued, &outside, Supply::default()), window);
}

#[test]
fn blanks_above_the_demand_are_given_once_each() {
    let mut policy = policy(1, ClassOutcome::Hold);
    policy.classes[0].release.above_demand = true;
    let mut supply = Supply {
        rooms: None,
        spare: 2,
    };
    let released = (1..=5)
        .filter_map(|n| {
            let waiting = request(n, held(&[HoldReason::ClassHeld]));
            release(&waiting, &policy, &mut supply, NOW)
        })
        .count();
    assert_eq!((released, supply.spare), (2, 0));
}

#[test]
fn a_place_of_the_sites_day_is_given_once() {
    let admits = policy(1, ClassOutcome::Admit);
    let mut supply = room(2);
    let standings: Vec<_> = (1..=4)
        .map(|n| {
            release(
                &request(n, held(&[HoldReason::Quota])),
                &admits,
                &mut supply,
                NOW,
            )
        })
        .map(|after| after.map(|one| one.standing))
        .collect();
    let queued = Some(Standing::Queued);
    assert_eq!(standings, [queued.clone(), queued, None, None]);
}

#[test]
fn the_age_is_counted_in_days_of_the_districts_wall() {
    let mut policy = policy(1, ClassOutcome::Hold);
    policy.classes[0].release.after_days = Some(1);
    // Half an hour before midnight in the west, and half an hour after it: one day in London, two here.
    let made = datetime!(2017-04-17 16:30 UTC);
    let waiting = PrintRequest {
        requested_at: made,
        ..request(1, held(&[HoldReason::ClassHeld]))
    };
    for (minutes, expected) in [(29, None), (60, Some(Standing::Queued))] {
        let at = made + Duration::minutes(minutes);
        let released = release(&waiting, &policy, &mut Supply::default(), at);
        assert_eq!(released.map(|one| one.standing), expected);
    }
}

proptest! {
    /// Every day some ask and there is room for at least as many as ask in the mean: everybody comes in, and nobody waits
    /// longer than those before need.
    #[test]
    fn under_a_steady_supply_nobody_waits_longer_than_the_line_before_is_long(
        quota in 1_i64..6,
        crowd in 0_usize..40,
        days in 1_i64..40,
    ) {
        let admits = policy(1, ClassOutcome::Admit);
        let mut waiting: Vec<PrintRequest> = (0..crowd as u128)
            .map(|n| request(n + 1, held(&[HoldReason::Quota])))
            .collect();
        let mut number = crowd as u128;
        for day in 0..days {
            let at = NOW + Duration::days(day);
            let mut supply = room(quota);
            waiting.retain(|one| release(one, &admits, &mut supply, at).is_none());
            let left = supply.rooms.as_ref().map_or(0, |rooms| rooms["office"]);
            // The newcomers find what those before left.
            for n in 0..quota {
                if n >= left {
                    number += 1;
                    waiting.push(PrintRequest {
                        requested_at: at,
                        ..request(number, held(&[HoldReason::Quota]))
                    });
                }
            }
            let bound = Duration::days(crowd as i64 / quota + 1);
            for one in &waiting {
                prop_assert!(at - one.requested_at <= bound, "somebody is forgotten");
            }
        }
    }

    /// However few blanks come, who is held for the class comes in on the day that the version names.
    #[test]
    fn age_lets_everybody_in_whatever_is_short(after_days in 1_i32..90, spare in 0_i64..3) {
        let mut policy = policy(1, ClassOutcome::Hold);
        policy.classes[0].release = Release { above_demand: false, after_days: Some(after_days) };
        let waiting = request(1, held(&[HoldReason::ClassHeld]));
        for day in 0..after_days {
            let mut supply = Supply { rooms: None, spare };
            let at = NOW + Duration::days(i64::from(day));
            prop_assert_eq!(release(&waiting, &policy, &mut supply, at), None);
        }
        let mut supply = Supply { rooms: None, spare: 0 };
        let at = NOW + Duration::days(i64::from(after_days));
        let released = release(&waiting, &policy, &mut supply, at).map(|one| one.standing);
        prop_assert_eq!(released, Some(Standing::Queued));
    }
}
