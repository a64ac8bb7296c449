//! The rules of the queue, pure: what is known goes in, what follows or a refusal comes out.
//!
//! `submit` says who comes in, `hold` what keeps a request waiting, `release` what lets it go, `lease` what may be leased,
//! `print` what becomes of a leased request, `doubt` of one that nobody reported. Who holds a lease is asked before anything
//! else, so that a terminal whose lease was given to another learns nothing about what became of it.

mod board;
mod dispatch;
mod doubt;
mod excuse;
mod explain;
mod hold;
mod lease;
mod person;
mod print;
mod release;
mod seniority;
mod submit;

use time::OffsetDateTime;

use crate::print_queue::{
    Change, EnrolmentState, LastLook, Life, PrintRequest, Refusal, Standing, Unsure, Verdict,
};

pub use dispatch::replay;
pub use doubt::{is_late_report, resolve_doubt};
pub use explain::{explain_person, explain_request};
pub use hold::{add_hold, lift_hold, withdraw};
pub use lease::{lease_location, short_side};
pub use person::{Happening, follow_person};
pub use print::{Command, carry_out, expire_lease, face_of};
pub use release::{Supply, release};
pub use seniority::change_seniority;
pub use submit::{Admission, site_room, submit_print_request};

/// Whether a refusal is the policy's: only such a one is a decision about a person, is stored and is counted.
pub fn is_of_policy(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::DuplicateRecord
        | Refusal::NotPrintReady(_)
        | Refusal::CardAlreadyIssued { .. }
        | Refusal::NoCardToReplace
        | Refusal::InterimCertificateRequired
        | Refusal::AlreadyPrinted { .. }
        | Refusal::ClassNotServed { .. }
        | Refusal::DocumentMissing(_) => true,
        Refusal::ResidentNotFound
        | Refusal::OpenRequestExists(_)
        | Refusal::LocationNotFound
        | Refusal::PrintRequestNotFound
        | Refusal::Fenced
        | Refusal::LeaseExpired
        | Refusal::WrongState(_)
        | Refusal::SerialDiffers { .. }
        | Refusal::Changed(_)
        | Refusal::Unsure(_) => false,
    }
}

/// The only gate to printing: the centre's verdict on the identity that the person has today.
fn print_ready(verdict: &Verdict) -> Result<(), Refusal> {
    match verdict.enrolment {
        EnrolmentState::PrintReady if verdict.on_current_identity => Ok(()),
        EnrolmentState::Duplicate => Err(Refusal::DuplicateRecord),
        EnrolmentState::PrintReady
        | EnrolmentState::Recorded
        | EnrolmentState::Sent
        | EnrolmentState::Checking
        | EnrolmentState::Adjudicating
        | EnrolmentState::CaptureRejected => Err(Refusal::NotPrintReady(*verdict)),
    }
}

/// The last check before a blank is used: the person lives, and here, is the one whom the centre found unique, and is told
/// on the card as the lease saw it; and no card of the request may exist. That no other card of the person is under way is
/// for inventory to say, under its own lock.
fn last_check(request: &PrintRequest, look: &LastLook) -> Result<(), Refusal> {
    lives_here(look.life)?;
    print_ready(&look.verdict)?;
    if look.facts_version != request.facts_version {
        return Err(Refusal::Changed(Change::Facts));
    }
    match look.incident {
        Some(incident) => Err(Refusal::Unsure(Unsure::IncidentOpen(incident))),
        None => Ok(()),
    }
}

/// A card is for whom the district serves.
fn lives_here(life: Life) -> Result<(), Refusal> {
    match life {
        Life::Resident => Ok(()),
        Life::Deceased => Err(Refusal::Changed(Change::Deceased)),
        Life::MovedOut => Err(Refusal::Changed(Change::MovedOut)),
    }
}

/// The request's next stage. Its time is never before the last one's: two servers' clocks may differ.
fn moved(request: &PrintRequest, standing: Standing, at: OffsetDateTime) -> PrintRequest {
    PrintRequest {
        standing,
        state_at: at.max(request.state_at),
        stage: request.stage + 1,
        ..request.clone()
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
