//! The last check, somebody's word about a blank in doubt, and reports that came too late.

use uuid::Uuid;

use super::{
    printing::{lease, request, standings},
    *,
};
use crate::{
    ids::IncidentId,
    inventory::Spoilage,
    print_queue::{CancelReason, Found, HoldReason, HoldReasons, RequestState, Word},
};

fn incident() -> IncidentId {
    IncidentId::from(Uuid::from_u128(5))
}

fn word(found: Found) -> Word {
    Word {
        print_request_id: request(Standing::Queued).print_request_id,
        serial: serial(41),
        found,
    }
}

#[test]
fn the_last_check_lets_nobody_pass_whose_card_would_be_wrong() {
    let good = look(EnrolmentState::PrintReady);
    let old = Verdict {
        on_current_identity: false,
        ..good.verdict
    };
    for (look, expected) in [
        (good, Ok(RequestState::Bound)),
        (
            LastLook {
                life: Life::Deceased,
                ..good
            },
            Err(Refusal::Changed(Change::Deceased)),
        ),
        (
            LastLook {
                life: Life::MovedOut,
                ..good
            },
            Err(Refusal::Changed(Change::MovedOut)),
        ),
        (
            LastLook {
                facts_version: 2,
                ..good
            },
            Err(Refusal::Changed(Change::Facts)),
        ),
        (
            LastLook {
                verdict: old,
                ..good
            },
            Err(Refusal::NotPrintReady(old)),
        ),
        (
            look(EnrolmentState::Duplicate),
            Err(Refusal::DuplicateRecord),
        ),
        (
            LastLook {
                incident: Some(incident()),
                ..good
            },
            Err(Refusal::Unsure(Unsure::IncidentOpen(incident()))),
        ),
    ] {
        let command = Command::Bind {
            serial: serial(41),
            overdue: false,
            look,
        };
        let before = request(Standing::Leased(lease()));
        let after = carry_out(&before, (HOLDER, FENCE), command, NOW);
        assert_eq!(after.map(|after| after.standing.state()), expected);
    }
}

#[test]
fn a_spoiled_blank_leaves_the_person_where_what_became_known_meanwhile_has_put_them() {
    let good = circumstances();
    let held = |reasons: &[HoldReason]| Standing::Held(reasons.iter().copied().collect());
    let dead = Standing::Cancelled(CancelReason::Deceased);
    for (circumstances, expected, identity_version) in [
        (good, Standing::Queued, 1),
        (
            Circumstances {
                life: Life::Deceased,
                incident: Some(incident()),
                ..good
            },
            dead,
            1,
        ),
        (
            Circumstances {
                life: Life::MovedOut,
                ..good
            },
            held(&[HoldReason::MovedOut]),
            1,
        ),
        (
            Circumstances {
                identity_version: 2,
                is_ready: false,
                incident: Some(incident()),
                ..good
            },
            held(&[HoldReason::AwaitingCentre, HoldReason::Incident]),
            1,
        ),
        // The centre has looked at the new identity while the blank was bound: nobody will lift a hold later.
        (
            Circumstances {
                identity_version: 2,
                ..good
            },
            Standing::Queued,
            2,
        ),
    ] {
        let bound = request(Standing::Bound(lease(), serial(41)));
        let command = Command::ReportSpoiled {
            serial: serial(41),
            circumstances,
        };
        let reported = carry_out(&bound, (HOLDER, FENCE), command, NOW).expect("it is bound");
        let in_doubt = request(Standing::InDoubt(lease(), serial(41)));
        let word = word(Found::Spoiled(Spoilage::Laminate));
        let said = resolve_doubt(&in_doubt, &word, &circumstances, NOW).expect("it is in doubt");
        assert_eq!(reported, said, "two persons' word does what a report does");
        assert_eq!(said.standing, expected, "{circumstances:?}");
        assert_eq!((said.identity_version, said.attempt), (identity_version, 2));
        assert_eq!(said.seniority_at, bound.seniority_at);
    }
}

#[test]
fn only_a_blank_in_doubt_and_only_the_bound_one_is_resolved() {
    for found in [Found::Printed, Found::Spoiled(Spoilage::PrintFailure)] {
        for standing in standings() {
            let before = request(standing);
            let state = before.standing.state();
            let after = resolve_doubt(&before, &word(found), &circumstances(), NOW);
            if state == RequestState::InDoubt {
                after.expect("it is in doubt");
            } else {
                assert_eq!(after, Err(Refusal::WrongState(state)));
            }
        }
        let before = request(Standing::InDoubt(lease(), serial(42)));
        let after = resolve_doubt(&before, &word(found), &circumstances(), NOW);
        assert_eq!(after, Err(Refusal::SerialDiffers { bound: serial(42) }));
    }
}

#[test]
fn a_late_report_names_a_fence_that_was_given_and_is_nobody_elses() {
    for standing in standings() {
        let before = request(standing);
        assert!(is_late_report(&before, FENCE - 1));
        assert!(!is_late_report(&before, FENCE + 1), "it was never given");
        assert!(!is_late_report(&before, 0));
        let is_leased = before.standing.lease().is_some();
        assert_eq!(is_late_report(&before, FENCE), !is_leased);
    }
    let held = request(Standing::Held(HoldReasons::NONE.with(HoldReason::Quota)));
    assert!(is_late_report(&held, FENCE));
}
