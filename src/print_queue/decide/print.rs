//! What becomes of a leased request: the printer's commands, and the end of a lease.

use time::OffsetDateTime;

use crate::{
    ids::Serial,
    print_queue::{
        Change, Circumstances, LastLook, Lease, PrintRequest, Refusal, Standing, Unsure,
        decide::{doubt::spoiled, last_check, moved},
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
        /// What is known of the person now.
        look: LastLook,
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
        /// What became known since it was bound.
        circumstances: Circumstances,
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
    match command {
        Command::Renew | Command::ShowFace => match request.standing {
            Standing::Leased(_) | Standing::Bound(..) => Ok(request.clone()),
            Standing::Queued
            | Standing::Held(_)
            | Standing::InDoubt(..)
            | Standing::Printed(_)
            | Standing::Cancelled(_) => wrong_state(request),
        },
        Command::Bind {
            serial,
            overdue,
            look,
        } => {
            let lease = nothing_bound(request)?;
            if overdue {
                return Err(Refusal::LeaseExpired);
            }
            last_check(request, &look)?;
            Ok(moved(request, Standing::Bound(lease.clone(), serial), at))
        }
        Command::ReportPrinted { serial } => {
            let (bound, _) = bound(request, serial)?;
            Ok(moved(request, Standing::Printed(bound), at))
        }
        Command::ReportSpoiled {
            serial,
            circumstances,
        } => match bound(request, serial)? {
            // What one person alone calls spoiled after the fact might be a card in a pocket.
            (_, true) => Err(Refusal::Unsure(Unsure::SecondPersonRequired)),
            (_, false) => Ok(spoiled(request, &circumstances, at)),
        },
        Command::Release => {
            nothing_bound(request)?;
            Ok(moved(request, Standing::Queued, at))
        }
    }
}

/// The lease under which nothing is bound yet.
fn nothing_bound(request: &PrintRequest) -> Result<&Lease, Refusal> {
    match &request.standing {
        Standing::Leased(lease) => Ok(lease),
        Standing::Queued
        | Standing::Held(_)
        | Standing::Bound(..)
        | Standing::InDoubt(..)
        | Standing::Printed(_)
        | Standing::Cancelled(_) => wrong_state(request),
    }
}

/// The bound blank, which must be the reported one; and whether it is in doubt.
fn bound(request: &PrintRequest, reported: Serial) -> Result<(Serial, bool), Refusal> {
    let (bound, in_doubt) = match &request.standing {
        Standing::Bound(_, bound) => (*bound, false),
        Standing::InDoubt(_, bound) => (*bound, true),
        Standing::Queued
        | Standing::Held(_)
        | Standing::Leased(_)
        | Standing::Printed(_)
        | Standing::Cancelled(_) => return wrong_state(request),
    };
    check_serial(bound, reported)?;
    Ok((bound, in_doubt))
}

fn wrong_state<T>(request: &PrintRequest) -> Result<T, Refusal> {
    Err(Refusal::WrongState(request.standing.state()))
}

/// Whether the face that would be shown is the one that the lease is for: what changed since is nobody's to print.
pub fn face_of(
    request: &PrintRequest,
    (identity_version, facts_version): (i32, i32),
) -> Result<(), Refusal> {
    if (request.identity_version, request.facts_version) == (identity_version, facts_version) {
        Ok(())
    } else {
        Err(Refusal::Changed(Change::Facts))
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

pub(super) fn check_serial(bound: Serial, reported: Serial) -> Result<(), Refusal> {
    if bound == reported {
        Ok(())
    } else {
        Err(Refusal::SerialDiffers { bound })
    }
}
