//! What becomes of a blank that nobody reported in time, and of a request whose card was reported too late.
//!
//! What is easily got wrong: while a blank is bound nothing is taken back; what became known of the person meanwhile counts
//! when the blank is accounted for.

use time::OffsetDateTime;

use crate::print_queue::{
    CancelReason, Circumstances, Found, HoldReason, HoldReasons, Life, PrintRequest, Refusal,
    Standing, Word,
    decide::{moved, print::check_serial},
};

/// What becomes of a request in doubt when somebody has looked into the tray.
pub fn resolve_doubt(
    request: &PrintRequest,
    word: &Word,
    circumstances: &Circumstances,
    at: OffsetDateTime,
) -> Result<PrintRequest, Refusal> {
    match &request.standing {
        Standing::InDoubt(_, bound) => {
            check_serial(*bound, word.serial)?;
            match word.found {
                Found::Printed => Ok(moved(request, Standing::Printed(*bound), at)),
                Found::Spoiled(_) => Ok(spoiled(request, circumstances, at)),
            }
        }
        Standing::Queued
        | Standing::Held(_)
        | Standing::Leased(_)
        | Standing::Bound(..)
        | Standing::Printed(_)
        | Standing::Cancelled(_) => Err(Refusal::WrongState(request.standing.state())),
    }
}

/// The request after its blank was spoiled: at its old place, or wherever what became known meanwhile has put it.
pub(super) fn spoiled(
    request: &PrintRequest,
    circumstances: &Circumstances,
    at: OffsetDateTime,
) -> PrintRequest {
    let is_changed = circumstances.identity_version != request.identity_version;
    let reasons = [
        (circumstances.life == Life::MovedOut, HoldReason::MovedOut),
        (
            is_changed && !circumstances.is_ready,
            HoldReason::AwaitingCentre,
        ),
        (circumstances.incident.is_some(), HoldReason::Incident),
    ];
    let held: HoldReasons = reasons
        .into_iter()
        .filter_map(|(holds, reason)| holds.then_some(reason))
        .collect();
    let standing = if circumstances.life == Life::Deceased {
        Standing::Cancelled(CancelReason::Deceased)
    } else if held.is_empty() {
        Standing::Queued
    } else {
        Standing::Held(held)
    };
    let identity_version = if circumstances.is_ready {
        circumstances.identity_version
    } else {
        request.identity_version
    };
    PrintRequest {
        attempt: request.attempt + 1,
        identity_version,
        ..moved(request, standing, at)
    }
}

/// Whether a report that was refused with FENCED may tell of a card: its fence was given once, and is not the lease under
/// which another terminal prints now. A fence that was never given, and one that belongs to somebody else, prove nothing:
/// who made them up must not be able to stop a person's request.
pub fn is_late_report(request: &PrintRequest, fence: i64) -> bool {
    let was_given = (1..=request.fence).contains(&fence);
    let is_another_ones = fence == request.fence && request.standing.lease().is_some();
    was_given && !is_another_ones
}
