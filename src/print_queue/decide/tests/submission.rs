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

pub(super) fn applicant() -> Applicant {
    Applicant {
        resident_id: ResidentId::from(Uuid::from_u128(1)),
        subdistrict: "35.75.02".parse().expect("a subdistrict"),
        identity_version: 1,
        facts_version: 1,
        received_at: NOW,
        verdict: verdict(EnrolmentState::PrintReady),
        life: Life::Resident,
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
    submit_print_request(&draft, Some(applicant), &policy(), NOW).map(|_| ())
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

/// What becomes of a request for a class under the rule that is made of the ordinary one.
fn under(
    class: ApplicantClass,
    applicant: &Applicant,
    change: impl Fn(&mut ClassRule),
) -> Result<HoldReasons, Refusal> {
    let mut policy = policy();
    policy
        .classes
        .iter_mut()
        .filter(|rule| rule.class == class)
        .for_each(change);
    let draft = Draft {
        resident_id: applicant.resident_id,
        applicant_class: class,
        documents: vec![Document::OldCard],
    };
    submit_print_request(&draft, Some(applicant), &policy, NOW).map(|taken| taken.holds)
}

#[test]
fn a_refused_class_says_whether_the_card_before_is_why() {
    let refuse = |rule: &mut ClassRule| rule.outcome = ClassOutcome::Refuse;
    let had_one = Applicant {
        cards: vec![CardState::HandedOver],
        ..applicant()
    };
    let ruled = |class: &ApplicantClass| *class != ApplicantClass::ReplaceDefective;
    for class in ApplicantClass::ALL.into_iter().filter(ruled) {
        let printed = Err(Refusal::AlreadyPrinted { class, version: 1 });
        let never = if class.follows_a_card() {
            printed
        } else {
            Err(Refusal::ClassNotServed { class, version: 1 })
        };
        assert_eq!(under(class, &applicant(), refuse), never, "{class:?}");
        let again = if class.is_first() {
            Err(Refusal::CardAlreadyIssued { under_way: false })
        } else {
            printed
        };
        assert_eq!(under(class, &had_one, refuse), again, "{class:?}");
    }
}

#[test]
fn all_that_is_missing_is_named_at_once_and_the_certificate_alone_by_itself() {
    let class = ApplicantClass::Lost;
    let bare = Applicant {
        certificate: None,
        has_phone: false,
        ..applicant()
    };
    let wants = |documents: &'static [Document]| {
        under(class, &bare, |rule| rule.documents = documents.to_vec())
    };
    assert_eq!(wants(&[Document::OldCard]), Ok(HoldReasons::NONE));
    assert_eq!(
        wants(&[Document::InterimCertificate, Document::OldCard]),
        Err(Refusal::InterimCertificateRequired)
    );
    let all = Document::ALL
        .into_iter()
        .filter(|one| *one != Document::OldCard);
    assert_eq!(
        under(class, &bare, |rule| rule.documents = Document::ALL.to_vec()),
        Err(Refusal::DocumentMissing(all.collect()))
    );
}

#[test]
fn every_reason_to_wait_is_found_and_the_place_is_kept() {
    let class = ApplicantClass::Relocation;
    let mut policy = policy();
    policy.calendar = Calendar::new([time::Weekday::Tuesday], []);
    for rule in &mut policy.classes {
        rule.outcome = ClassOutcome::Hold;
        rule.enrolled.from = Some(date!(2017 - 04 - 19));
    }
    let draft = Draft {
        resident_id: applicant().resident_id,
        applicant_class: class,
        documents: Vec::new(),
    };
    let person = applicant();
    let taken = submit_print_request(&draft, Some(&person), &policy, NOW).expect("it is taken");
    assert_eq!(
        taken.holds.names(),
        "CLASS_HELD,ENROLMENT_WINDOW,OFFICE_CLOSED"
    );
    assert_eq!(taken.seniority_at, person.received_at);
}

#[test]
fn the_tie_break_says_which_date_is_the_place() {
    let certified = Applicant {
        received_at: NOW - time::Duration::days(9),
        certificate: Some(Certificate {
            issued_at: NOW - time::Duration::days(5),
            ..CERTIFICATE
        }),
        ..applicant()
    };
    let holder = Applicant {
        certificate: None,
        cards: vec![CardState::HandedOver],
        ..certified.clone()
    };
    for (tie_break, person, days) in [
        (TieBreak::Enrolment, &certified, 9),
        (TieBreak::Certificate, &certified, 5),
        (TieBreak::Certificate, &holder, 9),
        (TieBreak::Request, &certified, 0),
    ] {
        let policy = Policy {
            tie_break,
            ..policy()
        };
        let draft = Draft {
            resident_id: person.resident_id,
            applicant_class: ApplicantClass::DataChange,
            documents: Vec::new(),
        };
        let taken = submit_print_request(&draft, Some(person), &policy, NOW).expect("it is taken");
        assert_eq!(taken.seniority_at, NOW - time::Duration::days(days));
    }
}

#[test]
fn a_site_has_room_for_what_those_before_leave() {
    for (quota, admitted, waiting, room) in [
        (400, 0, 0, 400),
        (400, 399, 0, 1),
        (400, 390, 10, 0),
        (400, 390, 20, 0),
        (0, 0, 0, 0),
    ] {
        assert_eq!(site_room(quota, admitted, waiting), room);
    }
}

#[test]
fn what_is_exchanged_must_be_there_whatever_the_version_asks_for() {
    let class = ApplicantClass::InterimExchange;
    let nothing = |rule: &mut ClassRule| rule.documents = Vec::new();
    assert_eq!(under(class, &applicant(), nothing), Ok(HoldReasons::NONE));
    let bare = Applicant {
        certificate: None,
        ..applicant()
    };
    let wanted = Err(Refusal::InterimCertificateRequired);
    assert_eq!(under(class, &bare, nothing), wanted);
}

#[test]
fn both_days_are_those_on_the_districts_wall() {
    let mut policy = policy();
    policy.calendar = Calendar::new([time::Weekday::Tuesday], []);
    for rule in &mut policy.classes {
        rule.enrolled.from = Some(date!(2017 - 04 - 18));
    }
    // Monday evening in London is Tuesday morning here.
    let evening = time::macros::datetime!(2017-04-17 18:00 UTC);
    let person = Applicant {
        received_at: evening,
        ..applicant()
    };
    let draft = Draft {
        resident_id: person.resident_id,
        applicant_class: ApplicantClass::FirstIssue,
        documents: Vec::new(),
    };
    let taken = submit_print_request(&draft, Some(&person), &policy, evening);
    let taken = taken.expect("it is taken");
    assert_eq!(taken.holds.names(), "OFFICE_CLOSED");
    assert_eq!(taken.enrolled_on, date!(2017 - 04 - 18));
}
