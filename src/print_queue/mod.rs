//! The print queue: a person's place in a district's queue, and the physical print that ends it.
//!
//! ```text
//!  HELD                                                   withdrawn, or the person died ─> CANCELLED
//!   ▲ │ a rule or a fact holds it, and lets it go
//!   │ ▼         lease          bind a blank         it came out well
//!  QUEUED ─────────> LEASED ────────────> BOUND ───────────────────> PRINTED
//!    ▲ ▲               │                  │   │ runs out                ▲
//!    │ └── released, ──┘                  │   └────────> IN_DOUBT ──────┤ somebody's word,
//!    │     or runs out                    │ spoiled         │           │ after a look into the tray
//!    └────────────────────────────────────┴─────────────────┘
//!              the same place, attempt + 1
//! ```
//!
//! A print cannot be repeated, so a blank is bound before it is printed, and a request with a blank bound never goes back
//! by itself. What is easily got wrong: a queued request keeps the fence of its last lease, but nobody holds it any more.
//!
//! Tables: queue, print_request, request_stage, print_decision, quota_use, dispatch, dispatch_pass, seniority_change,
//! print_incident.

mod applicant;
mod decide;
mod dispatch;
mod doubt;
mod explain;
mod place;
mod request;
mod rpc;
mod steps;
mod store;
mod watch;
mod wire;

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    ids::{PrintRequestId, Serial},
    policy::{ApplicantClass, Documents},
};

pub use applicant::{
    Applicant, Bearer, CardState, Certificate, Draft, EnrolmentState, LastLook, Life, Verdict,
};
pub use dispatch::{SeniorityChange, SeniorityReason};
pub use doubt::{
    Circumstances, Finding, Found, Incident, IncidentFinding, IncidentState, LateReport, Unsure,
    Word,
};
pub use explain::{Explained, Known, Person, WaitStage};
pub use place::Place;
pub use request::{
    CancelReason, Entry, HoldReason, HoldReasons, Lease, PrintRequest, RequestState, Standing,
};
pub use rpc::PrintQueueService;
pub use steps::{
    CHANGE_SENIORITY, PersonChange, RESOLVE_IN_DOUBT, RESOLVE_INCIDENT, doubt_approved,
    expire_leases, found_unique, incident_approved, person_changed, person_left, release_held,
    seniority_approved, snapshot,
};

/// How long a lease is good for: what a printer takes for a card, three times over.
pub const LEASE_LENGTH: Duration = Duration::from_secs(90);

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
    /// No card is in the person's hands that could be defective.
    NoCardToReplace,
    /// The policy wants an interim certificate first (S0-3).
    InterimCertificateRequired,
    /// The version in force refuses the class, and the person had a card (S4-4).
    AlreadyPrinted {
        /// Which class.
        class: ApplicantClass,
        /// Which version.
        version: i32,
    },
    /// The version in force refuses the class.
    ClassNotServed {
        /// Which class.
        class: ApplicantClass,
        /// Which version.
        version: i32,
    },
    /// The policy wants these, too (S1-3).
    DocumentMissing(Documents),
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
    /// What is known of the person is no longer what it was.
    Changed(Change),
    /// Nobody knows what came out of a printer.
    Unsure(Unsure),
}

/// What has changed of a person since a card was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The person died.
    Deceased,
    /// The person lives in another district now.
    MovedOut,
    /// The card would show something else than the lease saw.
    Facts,
}
