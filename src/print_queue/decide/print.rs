//! What becomes of a leased request: the printer's commands, and the end of a lease.

use time::OffsetDateTime;

use crate::{
    ids::Serial,
    print_queue::{
        PrintRequest, Refusal, Standing, Verdict,
        decide::{moved, print_ready},
    },
};

/// What a printer wants of a request that it has leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Keep it longer.
    Renew,
    /// See what is printed.
    ShowFace,
    /// Join it to a blank.
    Bind {
        /// Which.
        serial: Serial,
        /// Whether the lease has run out, by the database's clock.
        overdue: bool,
        /// What the centre says of the person now.
        verdict: Verdict,
    },
    /// It came out well.
    ReportPrinted {
        /// On which blank.
        serial: Serial,
    },
    /// The blank was spoiled.
    ReportSpoiled {
        /// Which.
        serial: Serial,
    },
    /// Give it back.
    Release,
}

/// What becomes of a request when the terminal `holder` carries out a command under `fence`.
pub fn carry_out(
    request: &PrintRequest,
    (holder, fence): (&str, i64),
    command: Command,
    at: OffsetDateTime,
) -> Result<PrintRequest, Refusal> {
    check_held(request, holder, fence)?;
    let standing = request.standing.clone();
    let wrong_state = || Err(Refusal::WrongState(request.standing.state()));
    match command {
        Command::Renew | Command::ShowFace => match standing {
            Standing::Leased(_) | Standing::Bound(..) => Ok(request.clone()),
            Standing::Queued
            | Standing::Held(_)
            | Standing::InDoubt(..)
            | Standing::Printed(_)
            | Standing::Cancelled(_) => wrong_state(),
        },
        Command::Bind {
            serial,
            overdue,
            verdict,
        } => match standing {
            Standing::Leased(_) if overdue => Err(Refusal::LeaseExpired),
            Standing::Leased(lease) => {
                print_ready(&verdict)?;
                Ok(moved(request, Standing::Bound(lease, serial), at))
            }
            Standing::Queued
            | Standing::Held(_)
            | Standing::Bound(..)
            | Standing::InDoubt(..)
            | Standing::Printed(_)
            | Standing::Cancelled(_) => wrong_state(),
        },
        Command::ReportPrinted { serial } => match standing {
            Standing::Bound(_, bound) | Standing::InDoubt(_, bound) => {
                check_serial(bound, serial)?;
                Ok(moved(request, Standing::Printed(bound), at))
            }
            Standing::Queued
            | Standing::Held(_)
            | Standing::Leased(_)
            | Standing::Printed(_)
            | Standing::Cancelled(_) => wrong_state(),
        },
        Command::ReportSpoiled { serial } => match standing {
            Standing::Bound(_, bound) | Standing::InDoubt(_, bound) => {
                check_serial(bound, serial)?;
                let again = moved(request, Standing::Queued, at);
                Ok(PrintRequest {
                    attempt: request.attempt + 1,
                    ..again
                })
            }
            Standing::Queued
            | Standing::Held(_)
            | Standing::Leased(_)
            | Standing::Printed(_)
            | Standing::Cancelled(_) => wrong_state(),
        },
        Command::Release => match standing {
            Standing::Leased(_) => Ok(moved(request, Standing::Queued, at)),
            Standing::Queued
            | Standing::Held(_)
            | Standing::Bound(..)
            | Standing::InDoubt(..)
            | Standing::Printed(_)
            | Standing::Cancelled(_) => wrong_state(),
        },
    }
}

/// What becomes of a request whose lease has run out; nothing where that changes nothing.
pub fn expire_lease(request: &PrintRequest, at: OffsetDateTime) -> Option<PrintRequest> {
    match request.standing.clone() {
        Standing::Leased(_) => Some(moved(request, Standing::Queued, at)),
        // There may be a card in the tray: the system never guesses.
        Standing::Bound(lease, serial) => {
            Some(moved(request, Standing::InDoubt(lease, serial), at))
        }
        Standing::Queued
        | Standing::Held(_)
        | Standing::InDoubt(..)
        | Standing::Printed(_)
        | Standing::Cancelled(_) => None,
    }
}

fn check_held(request: &PrintRequest, holder: &str, fence: i64) -> Result<(), Refusal> {
    let is_holder = match &request.standing {
        Standing::Queued | Standing::Held(_) | Standing::Cancelled(_) => false,
        Standing::Leased(lease) | Standing::Bound(lease, _) | Standing::InDoubt(lease, _) => {
            lease.holder == holder
        }
        // The lease ended with the report. Who knows its fence is told that the card is printed.
        Standing::Printed(_) => true,
    };
    if is_holder && request.fence == fence {
        Ok(())
    } else {
        Err(Refusal::Fenced)
    }
}

fn check_serial(bound: Serial, reported: Serial) -> Result<(), Refusal> {
    if bound == reported {
        Ok(())
    } else {
        Err(Refusal::SerialDiffers { bound })
    }
}
