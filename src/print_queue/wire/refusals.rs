//! How the queue's refusals are said: code, reason, the values that explain it, and what the person can do next.

use crate::{
    areas::TimeZone,
    error::{Error, ErrorReason, NextAction},
    policy::ApplicantClass,
    print_queue::{Change, EnrolmentState, Refusal, Unsure, Verdict, wire::words},
};

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let error = plain(refusal);
        match words::of_refusal(&refusal) {
            Some(words) => error.say(words),
            None => error,
        }
    }
}

/// Without the words for the person.
fn plain(refusal: Refusal) -> Error {
    let refused = Error::refused;
    match refusal {
        Refusal::ResidentNotFound => Error::not_found(ErrorReason::ResidentNotFound, "resident"),
        Refusal::OpenRequestExists(id) => refused(
            ErrorReason::OpenRequestExists,
            "a card is already asked for",
        )
        .with("print_request_id", id)
        .next(NextAction::CollectCard),
        Refusal::DuplicateRecord => duplicate(),
        Refusal::NotPrintReady(verdict) => not_print_ready(&verdict),
        Refusal::CardAlreadyIssued { under_way } => has_card(under_way),
        Refusal::NoCardToReplace => {
            let message = "no card is in the person's hands that could be defective";
            refused(ErrorReason::NoCardToReplace, message).next(NextAction::AskForCard)
        }
        Refusal::InterimCertificateRequired => {
            let message = "the policy wants an interim certificate first";
            refused(ErrorReason::InterimCertificateRequired, message)
                .next(NextAction::IssueInterimCertificate)
        }
        Refusal::AlreadyPrinted { class, version } => {
            let message = "the policy in force prints no second card";
            not_served(ErrorReason::AlreadyPrinted, message, (class, version))
        }
        Refusal::ClassNotServed { class, version } => {
            let message = "the policy in force does not serve this class";
            not_served(ErrorReason::ClassNotServed, message, (class, version))
        }
        Refusal::DocumentMissing(missing) => {
            let message = "the policy wants documents that are missing";
            refused(ErrorReason::DocumentMissing, message)
                .with("documents", missing.names())
                .next(NextAction::BringDocument)
        }
        Refusal::LocationNotFound => Error::not_found(ErrorReason::LocationNotFound, "location"),
        Refusal::PrintRequestNotFound => {
            Error::not_found(ErrorReason::PrintRequestNotFound, "print request")
        }
        Refusal::Fenced => refused(
            ErrorReason::Fenced,
            "the lease is not, or no longer, this terminal's under this fence",
        ),
        Refusal::LeaseExpired => {
            let message = "the lease ran out before the blank was bound; lease again";
            refused(ErrorReason::LeaseExpired, message)
        }
        Refusal::WrongState(state) => refused(
            ErrorReason::WrongState,
            "the request's state does not allow it",
        )
        .with("state", state.name()),
        Refusal::SerialDiffers { bound } => refused(
            ErrorReason::SerialDiffers,
            "another serial is bound to the request",
        )
        .with("bound_serial", bound),
        Refusal::Changed(change) => changed(change),
        Refusal::Unsure(unsure) => not_sure(unsure),
    }
}

fn duplicate() -> Error {
    let message = "the person is recorded more than once; only the centre can lift it";
    Error::refused(ErrorReason::DuplicateRecord, message).next(NextAction::FileCaseWithCentre)
}

fn not_served(
    reason: ErrorReason,
    message: &str,
    (class, version): (ApplicantClass, i32),
) -> Error {
    Error::refused(reason, message)
        .with("applicant_class", class.name())
        .with("policy_version", version)
        .next(NextAction::IssueInterimCertificate)
}

fn has_card(under_way: bool) -> Error {
    let message = "the person has a card already";
    let error = Error::refused(ErrorReason::CardAlreadyIssued, message);
    if under_way {
        error.next(NextAction::CollectCard)
    } else {
        error
    }
}

fn not_print_ready(verdict: &Verdict) -> Error {
    let next = match verdict.enrolment {
        EnrolmentState::Recorded => NextAction::TakeBiometrics,
        EnrolmentState::CaptureRejected | EnrolmentState::Duplicate => {
            NextAction::FileCaseWithCentre
        }
        EnrolmentState::Sent
        | EnrolmentState::Checking
        | EnrolmentState::Adjudicating
        | EnrolmentState::PrintReady => NextAction::WaitForCentre,
    };
    let message = "the centre has not found the record print-ready";
    Error::refused(ErrorReason::NotPrintReady, message)
        .with("state", verdict.enrolment.name())
        .with(
            "since",
            TimeZone::of(verdict.district).local_date(verdict.since),
        )
        .next(next)
}

fn changed(change: Change) -> Error {
    let (reason, message) = match change {
        Change::Deceased => (
            ErrorReason::ResidentDeceased,
            "the person is recorded as deceased",
        ),
        Change::MovedOut => (
            ErrorReason::ResidentMovedOut,
            "the person has moved to another district",
        ),
        Change::Facts => (
            ErrorReason::FactsChanged,
            "what the card shows has changed since the lease; release it and lease again",
        ),
    };
    Error::refused(reason, message)
}

fn not_sure(unsure: Unsure) -> Error {
    match unsure {
        Unsure::SecondPersonRequired => {
            let message = "a blank in doubt is declared spoiled by two persons, by ResolveInDoubt";
            Error::refused(ErrorReason::SecondPersonRequired, message)
        }
        Unsure::LateReport(incident) => {
            let message = "the lease was another's by then; keep the card, its incident is open";
            Error::refused(ErrorReason::Fenced, message).with("incident_id", incident)
        }
        Unsure::IncidentOpen(incident) => {
            let message = "a card of this request may exist already; it must be found first";
            Error::refused(ErrorReason::IncidentOpen, message)
                .with("incident_id", incident)
                .next(NextAction::OfficeLooksIntoTray)
        }
        Unsure::IncidentNotFound => Error::not_found(ErrorReason::IncidentNotFound, "incident"),
        Unsure::IncidentResolved => {
            let message = "two persons have said before what was found";
            Error::refused(ErrorReason::WrongState, message).with("state", "RESOLVED")
        }
    }
}
