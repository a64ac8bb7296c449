//! One request for one card: where it stands, and what belongs to that place.

use time::{Date, OffsetDateTime};

use crate::{
    ids::{District, PrintRequestId, ResidentId, Serial, Subdistrict},
    inventory::Location,
    policy::ApplicantClass,
    print_queue::Place,
};

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
    /// Taken, and kept out of the queue for now.
    Held,
    /// Ended without a card. Final.
    Cancelled,
}

impl RequestState {
    /// Those in which a request is open: its person cannot ask again.
    pub const OPEN: [Self; 5] = [
        Self::Queued,
        Self::Held,
        Self::Leased,
        Self::Bound,
        Self::InDoubt,
    ];

    /// The name in the contract and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Leased => "LEASED",
            Self::Bound => "BOUND",
            Self::InDoubt => "IN_DOUBT",
            Self::Printed => "PRINTED",
            Self::Held => "HELD",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// Why a request is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HoldReason {
    /// The policy holds its class.
    ClassHeld,
    /// The enrolment lies outside the policy's window.
    EnrolmentWindow,
    /// The site's daily quota was used up.
    Quota,
    /// Made on a closed day.
    OfficeClosed,
    /// The centre has to find the changed identity unique.
    AwaitingCentre,
    /// The person moved to another district.
    MovedOut,
    /// A fenced printer reported a card.
    Incident,
}

impl HoldReason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ClassHeld,
        Self::EnrolmentWindow,
        Self::Quota,
        Self::OfficeClosed,
        Self::AwaitingCentre,
        Self::MovedOut,
        Self::Incident,
    ];

    /// The name in the contract and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClassHeld => "CLASS_HELD",
            Self::EnrolmentWindow => "ENROLMENT_WINDOW",
            Self::Quota => "QUOTA",
            Self::OfficeClosed => "OFFICE_CLOSED",
            Self::AwaitingCentre => "AWAITING_CENTRE",
            Self::MovedOut => "MOVED_OUT",
            Self::Incident => "INCIDENT",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Why a request is held, all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HoldReasons(u8);

impl HoldReasons {
    /// None: the request is not held.
    pub const NONE: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn with(self, reason: HoldReason) -> Self {
        Self(self.0 | reason.bit())
    }

    /// These without one.
    #[must_use]
    pub const fn without(self, reason: HoldReason) -> Self {
        Self(self.0 & !reason.bit())
    }

    /// Whether this is one of them.
    pub const fn contains(self, reason: HoldReason) -> bool {
        self.0 & reason.bit() != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One by one, in the order of the enum.
    pub fn iter(self) -> impl Iterator<Item = HoldReason> {
        HoldReason::ALL
            .into_iter()
            .filter(move |reason| self.contains(*reason))
    }

    /// Their names with commas between them.
    pub fn names(self) -> String {
        let names: Vec<&str> = self.iter().map(HoldReason::name).collect();
        names.join(",")
    }
}

impl FromIterator<HoldReason> for HoldReasons {
    fn from_iter<T: IntoIterator<Item = HoldReason>>(reasons: T) -> Self {
        reasons.into_iter().fold(Self::NONE, Self::with)
    }
}

/// Why a request was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CancelReason {
    /// The person or the office withdrew it.
    Withdrawn,
    /// The person died.
    Deceased,
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
    /// Held, for at least one reason.
    Held(HoldReasons),
    /// Ended without a card.
    Cancelled(CancelReason),
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
            Self::Held(_) => RequestState::Held,
            Self::Cancelled(_) => RequestState::Cancelled,
        }
    }

    /// The lease, if somebody holds one.
    pub fn lease(&self) -> Option<&Lease> {
        match self {
            Self::Leased(lease) | Self::Bound(lease, _) | Self::InDoubt(lease, _) => Some(lease),
            Self::Queued | Self::Printed(_) | Self::Held(_) | Self::Cancelled(_) => None,
        }
    }

    /// The blank, if one is bound.
    pub fn serial(&self) -> Option<Serial> {
        match self {
            Self::Bound(_, serial) | Self::InDoubt(_, serial) | Self::Printed(serial) => {
                Some(*serial)
            }
            Self::Queued | Self::Leased(_) | Self::Held(_) | Self::Cancelled(_) => None,
        }
    }

    /// Why it is held; none where it is not.
    pub fn hold_reasons(&self) -> HoldReasons {
        match self {
            Self::Held(reasons) => *reasons,
            Self::Queued
            | Self::Leased(_)
            | Self::Bound(..)
            | Self::InDoubt(..)
            | Self::Printed(_)
            | Self::Cancelled(_) => HoldReasons::NONE,
        }
    }

    /// Why it was cancelled, if it was.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        match self {
            Self::Cancelled(reason) => Some(*reason),
            Self::Queued
            | Self::Leased(_)
            | Self::Bound(..)
            | Self::InDoubt(..)
            | Self::Printed(_)
            | Self::Held(_) => None,
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
    /// The counter that took it.
    pub site: String,
    /// The person.
    pub resident_id: ResidentId,
    /// Why the card is asked for.
    pub applicant_class: ApplicantClass,
    /// What counts within the class; kept through every attempt and hold.
    pub seniority_at: OffsetDateTime,
    /// When the card was asked for.
    pub requested_at: OffsetDateTime,
    /// The local date of the enrolment.
    pub enrolled_on: Date,
    /// Where it stands.
    pub standing: Standing,
    /// Since when, in business time; never before the last change, whatever a server's clock says.
    pub state_at: OffsetDateTime,
    /// Raised by every change of state, reasons, class or seniority.
    pub stage: i32,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// Under which policy it was last admitted, held or released.
    pub policy_version: i32,
    /// Which version of the person's identity the centre's verdict is about.
    pub identity_version: i32,
    /// Which version of what the card shows the lease is for.
    pub facts_version: i32,
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
            hold_reasons: self.standing.hold_reasons(),
            cancel_reason: self.standing.cancel_reason(),
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
    /// Why it is held.
    pub hold_reasons: HoldReasons,
    /// Why it was cancelled.
    pub cancel_reason: Option<CancelReason>,
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
