//! What keeps a request out of the queue, and what lets it back in. Its date and seniority are never touched.

use time::OffsetDateTime;

use crate::{
    ids::IncidentId,
    print_queue::{
        CancelReason, HoldReason, HoldReasons, PrintRequest, Refusal, Standing, Unsure,
        decide::moved,
    },
};

/// The request, held for one more reason; nothing where that changes nothing or comes too late: a blank that is bound is
/// printed or spoiled, it is not taken back.
pub fn add_hold(
    request: &PrintRequest,
    reason: HoldReason,
    at: OffsetDateTime,
) -> Option<PrintRequest> {
    let held = match &request.standing {
        Standing::Queued | Standing::Leased(_) => HoldReasons::NONE,
        Standing::Held(reasons) if !reasons.contains(reason) => *reasons,
        Standing::Held(_)
        | Standing::Bound(..)
        | Standing::InDoubt(..)
        | Standing::Printed(_)
        | Standing::Cancelled(_) => return None,
    };
    Some(moved(request, Standing::Held(held.with(reason)), at))
}

/// The request without one of its reasons; back in the queue when none is left. Nothing where it was not held for it.
pub fn lift_hold(
    request: &PrintRequest,
    reason: HoldReason,
    at: OffsetDateTime,
) -> Option<PrintRequest> {
    let held = request.standing.hold_reasons();
    if !held.contains(reason) {
        return None;
    }
    let left = held.without(reason);
    let standing = if left.is_empty() {
        Standing::Queued
    } else {
        Standing::Held(left)
    };
    Some(moved(request, standing, at))
}

/// The request, taken back. Not while a card of it may exist: its person could ask again and would have two.
pub fn withdraw(
    request: &PrintRequest,
    incident: Option<IncidentId>,
    at: OffsetDateTime,
) -> Result<PrintRequest, Refusal> {
    match &request.standing {
        Standing::Queued | Standing::Held(_) | Standing::Leased(_) => {}
        Standing::Bound(..)
        | Standing::InDoubt(..)
        | Standing::Printed(_)
        | Standing::Cancelled(_) => return Err(Refusal::WrongState(request.standing.state())),
    }
    match incident {
        Some(incident) => Err(Refusal::Unsure(Unsure::IncidentOpen(incident))),
        None => Ok(moved(
            request,
            Standing::Cancelled(CancelReason::Withdrawn),
            at,
        )),
    }
}
