//! What keeps a request out of the queue, and what lets it back in. Its date and seniority are never touched.

use time::OffsetDateTime;

use crate::print_queue::{HoldReason, HoldReasons, PrintRequest, Standing, decide::moved};

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
