//! The one way to change the order by hand: another seniority within the class, by two persons.

use time::OffsetDateTime;

use crate::print_queue::{PrintRequest, Refusal, Standing, decide::moved};

/// The request at its new place. What a printer has in hand is not moved any more.
pub fn change_seniority(
    request: &PrintRequest,
    seniority_at: OffsetDateTime,
    at: OffsetDateTime,
) -> Result<PrintRequest, Refusal> {
    match &request.standing {
        Standing::Queued | Standing::Held(_) => Ok(PrintRequest {
            seniority_at,
            ..moved(request, request.standing.clone(), at)
        }),
        Standing::Leased(_)
        | Standing::Bound(..)
        | Standing::InDoubt(..)
        | Standing::Printed(_)
        | Standing::Cancelled(_) => Err(Refusal::WrongState(request.standing.state())),
    }
}
