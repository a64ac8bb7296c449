//! The print queue: a person's place in a district's queue, and the physical print that ends it.
//!
//! ```text
//!            lease          bind a blank         it came out well
//!  QUEUED ─────────> LEASED ────────────> BOUND ───────────────────> PRINTED
//!    ▲ ▲               │                  │   │ runs out                ▲
//!    │ └── released, ──┘                  │   └────────> IN_DOUBT ──────┤ the holder's word,
//!    │     or runs out                    │ spoiled         │           │ after a look into the tray
//!    └────────────────────────────────────┴─────────────────┘
//!              the same place, attempt + 1
//! ```
//!
//! A print cannot be repeated, so a blank is bound before it is printed, and a request with a blank bound never goes back
//! by itself. What is easily got wrong: a queued request keeps the fence of its last lease, but nobody holds it any more.
//!
//! Tables: queue, print_request, print_decision.

mod applicant;
mod decide;
mod rpc;
mod steps;
mod store;
mod watch;
mod wire;

use std::{fmt, str::FromStr};

use time::OffsetDateTime;

use crate::{
    ids::{District, PrintRequestId, ResidentId, Serial, Subdistrict},
    inventory::Location,
    policy::ApplicantClass,
};

pub use applicant::{Applicant, Bearer, CardState, Draft, EnrolmentState, Verdict};
pub use rpc::PrintQueueService;
pub use steps::{expire_leases, snapshot};

/// The name of a place on a request's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RequestState {
    /// In the queue.
    Queued,
    /// A printer has it; nothing is bound.
    Leased,
    /// Bound to a blank; the print goes on.
    Bound,
    /// Bound, and the lease ran out without a report.
    InDoubt,
    /// Printed. Final.
    Printed,
}

impl RequestState {
    /// Those in which a request is open: its person cannot ask again.
    pub const OPEN: [Self; 4] = [Self::Queued, Self::Leased, Self::Bound, Self::InDoubt];

    /// The name in the contract and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Leased => "LEASED",
            Self::Bound => "BOUND",
            Self::InDoubt => "IN_DOUBT",
            Self::Printed => "PRINTED",
        }
    }
}

/// A printer's right to print one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The terminal that holds it.
    pub holder: String,
    /// The store that feeds its printer.
    pub location: Location,
    /// When it runs out, by the database's clock.
    pub expires_at: OffsetDateTime,
}

/// Where a request stands, with what belongs to that place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// In the queue, held by nobody.
    Queued,
    /// Leased, nothing bound.
    Leased(Lease),
    /// Bound to a blank.
    Bound(Lease, Serial),
    /// Bound, with a lease that has run out.
    InDoubt(Lease, Serial),
    /// Printed on this blank.
    Printed(Serial),
}

impl Standing {
    /// Its name.
    pub fn state(&self) -> RequestState {
        match self {
            Self::Queued => RequestState::Queued,
            Self::Leased(_) => RequestState::Leased,
            Self::Bound(..) => RequestState::Bound,
            Self::InDoubt(..) => RequestState::InDoubt,
            Self::Printed(_) => RequestState::Printed,
        }
    }

    /// The lease, if somebody holds one.
    pub fn lease(&self) -> Option<&Lease> {
        match self {
            Self::Leased(lease) | Self::Bound(lease, _) | Self::InDoubt(lease, _) => Some(lease),
            Self::Queued | Self::Printed(_) => None,
        }
    }

    /// The blank, if one is bound.
    pub fn serial(&self) -> Option<Serial> {
        match self {
            Self::Bound(_, serial) | Self::InDoubt(_, serial) | Self::Printed(serial) => {
                Some(*serial)
            }
            Self::Queued | Self::Leased(_) => None,
        }
    }
}

/// One request for one card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintRequest {
    /// The request.
    pub print_request_id: PrintRequestId,
    /// Whose queue it stands in.
    pub district: District,
    /// The person's subdistrict.
    pub subdistrict: Subdistrict,
    /// The person.
    pub resident_id: ResidentId,
    /// Why the card is asked for.
    pub applicant_class: ApplicantClass,
    /// The enrolment's receipt; kept through every attempt.
    pub seniority_at: OffsetDateTime,
    /// Where it stands.
    pub standing: Standing,
    /// Since when, in business time.
    pub state_at: OffsetDateTime,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// Under which policy it was admitted.
    pub policy_version: i32,
    /// Which version of the person's identity the centre's verdict is about.
    pub identity_version: i32,
    /// Raised by every lease.
    pub fence: i64,
}

impl PrintRequest {
    /// As the queue shows it.
    pub fn entry(&self) -> Entry {
        Entry {
            print_request_id: self.print_request_id,
            state: self.standing.state(),
            applicant_class: self.applicant_class,
            seniority_at: self.seniority_at,
            subdistrict: self.subdistrict,
            attempt: self.attempt,
            state_at: self.state_at,
            serial: self.standing.serial(),
        }
    }
}

/// A request as the queue, its events and its snapshots show it: nothing personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The request.
    pub print_request_id: PrintRequestId,
    /// Where it stands.
    pub state: RequestState,
    /// Why the card is asked for.
    pub applicant_class: ApplicantClass,
    /// What counts in the order.
    pub seniority_at: OffsetDateTime,
    /// The person's subdistrict.
    pub subdistrict: Subdistrict,
    /// Which attempt this is.
    pub attempt: i32,
    /// Since when it stands there.
    pub state_at: OffsetDateTime,
    /// The blank, if one is bound.
    pub serial: Option<Serial>,
}

impl Entry {
    /// Its place in the order of the queue.
    pub fn place(&self) -> Place {
        Place {
            applicant_class: self.applicant_class,
            seniority_at: self.seniority_at,
            print_request_id: self.print_request_id,
        }
    }
}

/// A place in the order of a queue; which class goes first is the policy's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The class.
    pub applicant_class: ApplicantClass,
    /// What counts within the class.
    pub seniority_at: OffsetDateTime,
    /// What decides between equals.
    pub print_request_id: PrintRequestId,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.seniority_at.unix_timestamp_nanos();
        write!(
            out,
            "{}/{nanos}/{}",
            self.applicant_class.name(),
            self.print_request_id
        )
    }
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const MALFORMED: &str = "is not a place in a queue";
        let mut parts = text.splitn(3, '/');
        let mut part = || parts.next().ok_or(MALFORMED);
        let (class, nanos, id) = (part()?, part()?, part()?);
        let nanos = nanos.parse().map_err(|_| MALFORMED)?;
        Ok(Self {
            applicant_class: ApplicantClass::ALL
                .into_iter()
                .find(|known| known.name() == class)
                .ok_or(MALFORMED)?,
            seniority_at: OffsetDateTime::from_unix_timestamp_nanos(nanos)
                .map_err(|_| MALFORMED)?,
            print_request_id: id.parse().map_err(|_| MALFORMED)?,
        })
    }
}

/// What names a lease in every call after it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseKey {
    /// The request.
    pub print_request_id: PrintRequestId,
    /// The lease's fence.
    pub fence: i64,
}

/// One request, leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leased {
    /// As the queue shows it now.
    pub entry: Entry,
    /// Names the lease.
    pub fence: i64,
    /// When it runs out, by the database's clock.
    pub expires_at: OffsetDateTime,
}

/// What kept a lease below the count asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShortSide {
    /// The queue has no more requests.
    Requests,
    /// The store has no more blanks for them.
    Blanks,
}

/// Why the queue says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such person here.
    ResidentNotFound,
    /// A card is already asked for.
    OpenRequestExists(PrintRequestId),
    /// The person is recorded more than once (S0-10).
    DuplicateRecord,
    /// The centre has not found this identity print-ready.
    NotPrintReady(Verdict),
    /// The person has a card, or one is under way.
    CardAlreadyIssued {
        /// It is printed, or being printed, and can be waited for.
        under_way: bool,
    },
    /// The policy wants an interim certificate first (S0-3).
    InterimCertificateRequired,
    /// No such location, or none that the terminal may print from.
    LocationNotFound,
    /// No such request here.
    PrintRequestNotFound,
    /// The lease is not, or no longer, this terminal's under this fence.
    Fenced,
    /// The lease ran out before the blank was bound.
    LeaseExpired,
    /// The state does not allow it.
    WrongState(RequestState),
    /// Another serial is bound.
    SerialDiffers {
        /// Which.
        bound: Serial,
    },
}
