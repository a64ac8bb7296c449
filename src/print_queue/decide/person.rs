//! What happens to a request when something happens to its person. Uphill, registration knows the persons and says so.

use time::OffsetDateTime;

use crate::print_queue::{
    CancelReason, HoldReason, PrintRequest, Standing,
    decide::{add_hold, lift_hold, moved},
};

/// What happened to the person of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// Died.
    Died,
    /// Moved to another district.
    MovedOut,
    /// The identity is another one; the centre has to decide again.
    IdentityChanged,
    /// The centre has found the identity unique.
    FoundUnique,
}

/// The request's next stage; nothing where it stays where it stands. A lease ends with every stage that this makes; a blank
/// that is bound is never taken back: it is printed or spoiled first.
pub fn follow_person(
    request: &PrintRequest,
    happening: Happening,
    at: OffsetDateTime,
) -> Option<PrintRequest> {
    match happening {
        Happening::Died => match request.standing {
            Standing::Queued | Standing::Held(_) | Standing::Leased(_) => {
                let dead = Standing::Cancelled(CancelReason::Deceased);
                Some(moved(request, dead, at))
            }
            Standing::Bound(..)
            | Standing::InDoubt(..)
            | Standing::Printed(_)
            | Standing::Cancelled(_) => None,
        },
        Happening::MovedOut => add_hold(request, HoldReason::MovedOut, at),
        Happening::IdentityChanged => add_hold(request, HoldReason::AwaitingCentre, at),
        Happening::FoundUnique => lift_hold(request, HoldReason::AwaitingCentre, at),
    }
}
