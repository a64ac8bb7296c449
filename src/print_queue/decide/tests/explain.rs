//! What each wait is called, and since when. Every state, every reason and every state of an enrolment has its line here.

use time::{Duration, macros::date};

use super::{
    printing::standings,
    release::{held, policy, request},
    submission::applicant,
    *,
};
use crate::{
    policy::ClassOutcome,
    print_queue::{CancelReason, Explained, HoldReason, Known, Person, WaitStage},
};

const AT_HAND: Known = Known {
    print_ready: true,
    blanks: 1,
    awaits_holder: true,
};

fn explained(standing: Standing, policy: &Policy, known: Known) -> Explained {
    explain_request(&request(1, standing), policy, known)
}

fn stage(standing: Standing, known: Known) -> WaitStage {
    let explained = explained(standing, &policy(1, ClassOutcome::Admit), known);
    // It has begun; nothing is said about its end.
    assert_eq!((explained.since, explained.refusal), (Some(NOW), None));
    explained.stage
}

#[test]
fn every_state_has_its_stage() {
    let stages = standings().map(|standing| stage(standing, AT_HAND));
    let expected = [
        WaitStage::Printer,
        WaitStage::Printer,
        WaitStage::Printer,
        WaitStage::Tray,
        WaitStage::Collection,
    ];
    assert_eq!(stages, expected);
    let taken_home = Known {
        awaits_holder: false,
        ..AT_HAND
    };
    let printed = Standing::Printed(serial(41));
    assert_eq!(stage(printed, taken_home), WaitStage::Nothing);
    let withdrawn = Standing::Cancelled(CancelReason::Withdrawn);
    assert_eq!(stage(withdrawn, AT_HAND), WaitStage::Nothing);
}

#[test]
fn who_is_queued_waits_for_what_comes_first_the_centre_the_rule_or_the_blanks() {
    let none = Known {
        blanks: 0,
        ..AT_HAND
    };
    let unchecked = Known {
        print_ready: false,
        ..none
    };
    let mut outside = policy(2, ClassOutcome::Admit);
    outside.classes[0].enrolled.to = Some(date!(2017 - 04 - 17));
    let [open, released, held] = [
        policy(2, ClassOutcome::Admit),
        policy(1, ClassOutcome::Hold),
        policy(2, ClassOutcome::Hold),
    ];
    for (policy, known, expected) in [
        (&open, AT_HAND, WaitStage::Printer),
        (&open, none, WaitStage::Stock),
        (&open, unchecked, WaitStage::Centre),
        // Let in under the very version that holds the others.
        (&released, none, WaitStage::Stock),
        (&held, AT_HAND, WaitStage::Rule),
        (&outside, none, WaitStage::Rule),
        (&outside, unchecked, WaitStage::Centre),
    ] {
        let explained = explained(Standing::Queued, policy, known);
        assert_eq!(explained.stage, expected);
    }
}

#[test]
fn of_several_reasons_the_one_that_must_go_first_is_told() {
    // Each of them is told as long as none before it holds.
    let order = [
        (HoldReason::Incident, WaitStage::Tray),
        (HoldReason::MovedOut, WaitStage::Transfer),
        (HoldReason::AwaitingCentre, WaitStage::Centre),
        (HoldReason::ClassHeld, WaitStage::Rule),
        (HoldReason::EnrolmentWindow, WaitStage::Rule),
        (HoldReason::Quota, WaitStage::Quota),
        (HoldReason::OfficeClosed, WaitStage::Quota),
    ];
    for (first, (reason, expected)) in order.iter().enumerate() {
        assert_eq!(stage(held(&[*reason]), AT_HAND), *expected);
        let and_later: Vec<HoldReason> = order[first..].iter().map(|(one, _)| *one).collect();
        assert_eq!(stage(held(&and_later), AT_HAND), *expected);
    }
}

#[test]
fn a_person_without_a_request_is_told_what_is_missing_and_since_when() {
    let later = NOW + Duration::days(3);
    let told = |applicant: Applicant| {
        let person = Person {
            applicant,
            refused: None,
        };
        let explained = explain_person(&person, &policy(1, ClassOutcome::Admit), later);
        (explained.stage, explained.since)
    };
    for (state, expected) in [
        (EnrolmentState::Recorded, WaitStage::Enrolment),
        (EnrolmentState::CaptureRejected, WaitStage::Enrolment),
        (EnrolmentState::Sent, WaitStage::Centre),
        (EnrolmentState::Checking, WaitStage::Centre),
        (EnrolmentState::Adjudicating, WaitStage::Centre),
        (EnrolmentState::Duplicate, WaitStage::Centre),
    ] {
        let verdict = verdict(state);
        let applicant = Applicant {
            verdict,
            ..applicant()
        };
        assert_eq!(told(applicant), (expected, Some(NOW)), "{state:?}");
    }
    assert_eq!(told(applicant()), (WaitStage::Ask, None));
    let holder = Applicant {
        cards: vec![CardState::HandedOver],
        ..applicant()
    };
    assert_eq!(told(holder), (WaitStage::Nothing, None));
    let gone = Applicant {
        life: Life::MovedOut,
        ..applicant()
    };
    assert_eq!(told(gone), (WaitStage::Transfer, None));
}
