//! The rules of the queue, pure: what is known goes in, what follows or a refusal comes out.
//!
//! Who holds a lease is asked before anything else, so that a terminal whose lease was given to another learns nothing
//! about what became of it. Leasing itself is not here: its order is an index, and its limit needs one snapshot of stock
//! and leases, so it is one statement of the store.

use time::OffsetDateTime;

use crate::{
    ids::{District, Serial, Subdistrict},
    inventory::Location,
    policy::{ApplicantClass, Document, Policy},
    print_queue::{
        Applicant, CardState, Draft, EnrolmentState, PrintRequest, Refusal, ShortSide, Standing,
        Verdict,
    },
};

/// The person of a draft, if the draft may be queued.
pub fn submit_print_request<'a>(
    draft: &Draft,
    applicant: Option<&'a Applicant>,
    policy: &Policy,
) -> Result<&'a Applicant, Refusal> {
    let applicant = applicant.ok_or(Refusal::ResidentNotFound)?;
    if let Some(open) = applicant.open_request {
        return Err(Refusal::OpenRequestExists(open));
    }
    print_ready(&applicant.verdict)?;
    may_have_another(draft.applicant_class, &applicant.cards)?;
    let wanted = policy
        .rule(draft.applicant_class)
        .map_or(&[][..], |rule| &rule.documents);
    // One that has run out counts: whoever waited half a year for the blanks is served all the same (S0-7). It stands in
    // for a card, so the holder of one needs none, and is issued none.
    let holds_card = applicant.cards.contains(&CardState::HandedOver);
    let stands_in = applicant.certificate.is_some() || holds_card;
    if wanted.contains(&Document::InterimCertificate) && !stands_in {
        return Err(Refusal::InterimCertificateRequired);
    }
    Ok(applicant)
}

/// Whether a refusal is the policy's: only such a one is a decision about a person, is stored and is counted.
pub fn is_of_policy(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::DuplicateRecord
        | Refusal::NotPrintReady(_)
        | Refusal::CardAlreadyIssued { .. }
        | Refusal::InterimCertificateRequired => true,
        Refusal::ResidentNotFound
        | Refusal::OpenRequestExists(_)
        | Refusal::LocationNotFound
        | Refusal::PrintRequestNotFound
        | Refusal::Fenced
        | Refusal::LeaseExpired
        | Refusal::WrongState(_)
        | Refusal::SerialDiffers { .. } => false,
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

/// A card under way is waited for; one in the person's hands is replaced only when what it shows has changed (S0-12).
fn may_have_another(class: ApplicantClass, cards: &[CardState]) -> Result<(), Refusal> {
    if cards
        .iter()
        .any(|card| matches!(card, CardState::Bound | CardState::AtSite))
    {
        return Err(Refusal::CardAlreadyIssued { under_way: true });
    }
    let had_one = cards
        .iter()
        .any(|card| matches!(card, CardState::HandedOver | CardState::Ended));
    if class.is_first() && had_one {
        return Err(Refusal::CardAlreadyIssued { under_way: false });
    }
    Ok(())
}

/// Whether a terminal may print from a store: the district's, or a subdistrict's, but not another subdistrict's than its
/// own if it is limited to one.
pub fn lease_location(
    location: Location,
    district: District,
    limit: Option<Subdistrict>,
) -> Result<(), Refusal> {
    let of_district = location == Location::of_district(district);
    let within = location.district() == district
        && limit.is_none_or(|limit| location.number() == limit.number());
    if of_district || within {
        Ok(())
    } else {
        Err(Refusal::LocationNotFound)
    }
}

/// What was short of a lease of `wanted` requests, of which `leased` were given while the store had room for `room`.
pub fn short_side(wanted: i64, room: i64, leased: i64) -> Option<ShortSide> {
    if leased >= wanted {
        None
    } else if leased >= room {
        Some(ShortSide::Blanks)
    } else {
        Some(ShortSide::Requests)
    }
}

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
mod tests;
