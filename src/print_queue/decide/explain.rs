//! Why somebody waits. It says what stands before a person today, and never when that ends.

use time::OffsetDateTime;

use crate::{
    policy::{ClassOutcome, Policy},
    print_queue::{
        CardState, Change, EnrolmentState, Explained, HoldReason, HoldReasons, Known, Person,
        PrintRequest, Refusal, Standing, WaitStage,
        decide::{lives_here, print_ready, submit_print_request},
    },
};

/// What a request waits for.
pub fn explain_request(request: &PrintRequest, policy: &Policy, known: Known) -> Explained {
    let stage = match &request.standing {
        Standing::Queued => queued(request, policy, known),
        Standing::Held(reasons) => held(*reasons),
        Standing::Leased(_) | Standing::Bound(..) => WaitStage::Printer,
        Standing::InDoubt(..) => WaitStage::Tray,
        Standing::Printed(_) if known.awaits_holder => WaitStage::Collection,
        Standing::Printed(_) | Standing::Cancelled(_) => WaitStage::Nothing,
    };
    Explained {
        stage,
        since: Some(request.state_at),
        refusal: None,
    }
}

/// A queued request that the printers pass over waits for what they pass it over for.
fn queued(request: &PrintRequest, policy: &Policy, known: Known) -> WaitStage {
    let served = policy.rule(request.applicant_class).is_some_and(|rule| {
        let open = rule.outcome == ClassOutcome::Admit || request.policy_version == policy.version;
        open && rule.enrolled.contains(request.enrolled_on)
    });
    if !known.print_ready {
        WaitStage::Centre
    } else if !served {
        WaitStage::Rule
    } else if known.blanks > 0 {
        WaitStage::Printer
    } else {
        WaitStage::Stock
    }
}

/// Of several reasons the one that must go first.
fn held(reasons: HoldReasons) -> WaitStage {
    let stage = |reason| match reason {
        HoldReason::Incident => WaitStage::Tray,
        HoldReason::MovedOut => WaitStage::Transfer,
        HoldReason::AwaitingCentre => WaitStage::Centre,
        HoldReason::ClassHeld | HoldReason::EnrolmentWindow => WaitStage::Rule,
        HoldReason::Quota | HoldReason::OfficeClosed => WaitStage::Quota,
    };
    let first = [
        HoldReason::Incident,
        HoldReason::MovedOut,
        HoldReason::AwaitingCentre,
        HoldReason::ClassHeld,
        HoldReason::EnrolmentWindow,
        HoldReason::Quota,
        HoldReason::OfficeClosed,
    ]
    .into_iter()
    .find(|reason| reasons.contains(*reason));
    first.map_or(WaitStage::Nothing, stage)
}

/// What a person without a request waits for: what would be said if a card were asked for now, as it was the last time.
pub fn explain_person(person: &Person, policy: &Policy, now: OffsetDateTime) -> Explained {
    let Person { applicant, refused } = person;
    let checked_since = applicant.verdict.since;
    let said = match refused {
        Some((draft, _)) => {
            submit_print_request(draft, Some(applicant), policy, now).map(|_| WaitStage::Ask)
        }
        None if applicant.cards.contains(&CardState::HandedOver) => Ok(WaitStage::Nothing),
        None => lives_here(applicant.life)
            .and_then(|()| print_ready(&applicant.verdict))
            .map(|()| WaitStage::Ask),
    };
    let (stage, refusal) = match said {
        Ok(stage) => (stage, None),
        Err(refusal) => (stage_of(&refusal), Some(refusal)),
    };
    let since = match stage {
        WaitStage::Enrolment | WaitStage::Centre => Some(checked_since),
        WaitStage::Documents | WaitStage::Rule => refused.as_ref().map(|(_, at)| *at),
        WaitStage::Nothing
        | WaitStage::Ask
        | WaitStage::Quota
        | WaitStage::Stock
        | WaitStage::Printer
        | WaitStage::Tray
        | WaitStage::Collection
        | WaitStage::Transfer => None,
    };
    Explained {
        stage,
        since,
        refusal,
    }
}

fn stage_of(refusal: &Refusal) -> WaitStage {
    match refusal {
        Refusal::NotPrintReady(verdict) => match verdict.enrolment {
            EnrolmentState::Recorded | EnrolmentState::CaptureRejected => WaitStage::Enrolment,
            EnrolmentState::Sent
            | EnrolmentState::Checking
            | EnrolmentState::Adjudicating
            | EnrolmentState::PrintReady
            | EnrolmentState::Duplicate => WaitStage::Centre,
        },
        Refusal::DuplicateRecord => WaitStage::Centre,
        Refusal::InterimCertificateRequired | Refusal::DocumentMissing(_) => WaitStage::Documents,
        Refusal::AlreadyPrinted { .. } | Refusal::ClassNotServed { .. } => WaitStage::Rule,
        Refusal::CardAlreadyIssued { under_way: true } => WaitStage::Collection,
        Refusal::Changed(Change::MovedOut) => WaitStage::Transfer,
        // The rest ends the matter, or is never said of a person at the counter.
        Refusal::CardAlreadyIssued { under_way: false }
        | Refusal::Changed(Change::Deceased | Change::Facts)
        | Refusal::NoCardToReplace
        | Refusal::ResidentNotFound
        | Refusal::OpenRequestExists(_)
        | Refusal::LocationNotFound
        | Refusal::PrintRequestNotFound
        | Refusal::Fenced
        | Refusal::LeaseExpired
        | Refusal::WrongState(_)
        | Refusal::SerialDiffers { .. }
        | Refusal::Unsure(_) => WaitStage::Nothing,
    }
}
