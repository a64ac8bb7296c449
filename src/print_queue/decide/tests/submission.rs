//! Who is queued, and who is not.

use time::macros::date;
use uuid::Uuid;

use super::*;
use crate::{
    ids::{PrintRequestId, ResidentId},
    policy::{Calendar, ClassOutcome, ClassRule, PolicyArea, Release, TieBreak, Window},
    print_queue::Certificate,
};

const CERTIFICATE: Certificate = Certificate {
    issued_at: NOW,
    expires_on: date!(2017 - 04 - 18),
};

fn applicant() -> Applicant {
    Applicant {
        resident_id: ResidentId::from(Uuid::from_u128(1)),
        subdistrict: "35.75.02".parse().expect("a subdistrict"),
        identity_version: 1,
        facts_version: 1,
        received_at: NOW,
        verdict: verdict(EnrolmentState::PrintReady),
        has_phone: true,
        certificate: Some(CERTIFICATE),
        cards: Vec::new(),
        open_request: None,
    }
}

/// Every class is admitted with an interim certificate, as in the founding version.
fn policy() -> Policy {
    let rule = |class| ClassRule {
        class,
        outcome: ClassOutcome::Admit,
        documents: vec![Document::InterimCertificate],
        enrolled: Window::default(),
        release: Release::default(),
    };
    Policy {
        version: 1,
        area: PolicyArea::Nation,
        valid_from: date!(2014 - 01 - 01),
        valid_to: None,
        tie_break: TieBreak::Enrolment,
        daily_quota: None,
        calendar: Calendar::default(),
        classes: ApplicantClass::ALL.into_iter().map(rule).collect(),
        source: "a test".to_owned(),
    }
}

fn asked(class: ApplicantClass, applicant: &Applicant) -> Result<(), Refusal> {
    let draft = Draft {
        resident_id: applicant.resident_id,
        applicant_class: class,
        documents: Vec::new(),
    };
    submit_print_request(&draft, Some(applicant), &policy()).map(|_| ())
}

#[test]
fn of_four_applicants_only_yes_and_yes_is_queued() {
    for (certificate, ready, expected) in [
        (true, true, Ok(())),
        (false, true, Err(Refusal::InterimCertificateRequired)),
        (
            true,
            false,
            Err(Refusal::NotPrintReady(verdict(EnrolmentState::Checking))),
        ),
        (
            false,
            false,
            Err(Refusal::NotPrintReady(verdict(EnrolmentState::Checking))),
        ),
    ] {
        let state = if ready {
            EnrolmentState::PrintReady
        } else {
            EnrolmentState::Checking
        };
        let certificate = certificate.then_some(CERTIFICATE);
        let applicant = Applicant {
            certificate,
            verdict: verdict(state),
            ..applicant()
        };
        assert_eq!(asked(ApplicantClass::FirstIssue, &applicant), expected);
    }
}

#[test]
fn a_held_card_stands_for_the_certificate_and_an_ended_one_does_not() {
    for (card, expected) in [
        (CardState::HandedOver, Ok(())),
        (CardState::Ended, Err(Refusal::InterimCertificateRequired)),
    ] {
        let (cards, certificate) = (vec![card], None);
        let applicant = Applicant {
            cards,
            certificate,
            ..applicant()
        };
        assert_eq!(
            asked(ApplicantClass::DataChange, &applicant),
            expected,
            "{card:?}"
        );
    }
}

#[test]
fn only_the_verdict_on_the_current_identity_counts() {
    let old = Verdict {
        on_current_identity: false,
        ..verdict(EnrolmentState::PrintReady)
    };
    let changed = Applicant {
        verdict: old,
        ..applicant()
    };
    assert_eq!(
        asked(ApplicantClass::FirstIssue, &changed),
        Err(Refusal::NotPrintReady(old))
    );
    let duplicate = Applicant {
        verdict: verdict(EnrolmentState::Duplicate),
        ..applicant()
    };
    assert_eq!(
        asked(ApplicantClass::FirstIssue, &duplicate),
        Err(Refusal::DuplicateRecord)
    );
}

#[test]
fn a_class_says_whether_a_card_may_be_had_already() {
    let waits = Err(Refusal::CardAlreadyIssued { under_way: true });
    let has = Err(Refusal::CardAlreadyIssued { under_way: false });
    for (card, first, change) in [
        (CardState::Spoiled, Ok(()), Ok(())),
        (CardState::Bound, waits, waits),
        (CardState::AtSite, waits, waits),
        (CardState::HandedOver, has, Ok(())),
        (CardState::Ended, has, Ok(())),
    ] {
        let applicant = Applicant {
            cards: vec![card],
            ..applicant()
        };
        assert_eq!(
            asked(ApplicantClass::FirstIssue, &applicant),
            first,
            "{card:?}"
        );
        assert_eq!(
            asked(ApplicantClass::Relocation, &applicant),
            change,
            "{card:?}"
        );
        assert_eq!(
            asked(ApplicantClass::DataChange, &applicant),
            change,
            "{card:?}"
        );
    }
}

#[test]
fn an_open_request_is_named_before_anything_else() {
    let open = PrintRequestId::from(Uuid::from_u128(9));
    let cards = vec![CardState::Bound];
    let applicant = Applicant {
        open_request: Some(open),
        cards,
        ..applicant()
    };
    assert_eq!(
        asked(ApplicantClass::DataChange, &applicant),
        Err(Refusal::OpenRequestExists(open))
    );
}

#[test]
fn a_terminal_prints_from_its_own_stores_only() {
    let at = |text: &str| text.parse::<Location>().expect("a location");
    let limit = "35.75.02".parse().ok();
    for (location, free, limited) in [
        ("35.75", true, true),
        ("35.75.02", true, true),
        ("35.75.03", true, false),
        ("35.73", false, false),
        ("35.73.02", false, false),
        ("centre", false, false),
    ] {
        let found = lease_location(at(location), district(), None).is_ok();
        assert_eq!(found, free, "{location} by the office");
        let found = lease_location(at(location), district(), limit).is_ok();
        assert_eq!(found, limited, "{location} by a subdistrict");
    }
}

#[test]
fn the_short_side_is_the_one_that_ran_out() {
    assert_eq!(short_side(10, 10, 10), None);
    assert_eq!(short_side(10, 4, 4), Some(ShortSide::Blanks));
    assert_eq!(short_side(10, 10, 4), Some(ShortSide::Requests));
    assert_eq!(short_side(10, 0, 0), Some(ShortSide::Blanks));
}
