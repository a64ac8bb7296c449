//! Registration: enrolments, the centre's check, and the faces of the interim certificates' RPCs.
//!
//! ```text
//!            package           engine takes it        UNIQUE
//!  RECORDED ─────────> SENT ───────────────> CHECKING ──────> PRINT_READY
//!                                             │  ▲  └──────── DUPLICATE
//!                               SEARCH_FAILED └──┘  ├──────── ADJUDICATING ──> by the centre: PRINT_READY | DUPLICATE
//!                                                   └──────── CAPTURE_REJECTED
//! ```
//!
//! Only the centre's verdict UNIQUE makes a record print-ready, and nothing else leads to printing (S0-3, S0-16). A record
//! may stand in CHECKING for a year: it ages visibly and never times out (S2-9).
//!
//! What waits longest at the centre is taken first, nationally (S1-14). Everything personal is sealed before it is stored.
//!
//! A person's record is changed by [`Change`]: what identifies the person sends the enrolment back to the centre, what the
//! card shows only makes printers read it anew. A [`LifeEvent`] ends the residence; the features down the hill are told.
//!
//! Tables: resident, resident_nik, enrolment, print_ready, life_event.

mod decide;
mod life;
mod rpc;
mod steps;
mod store;
mod watch;
mod wire;

use time::{Date, OffsetDateTime};

use crate::{
    certificate::InterimCertificate,
    ids::{District, EnrolmentId, Nik, NikWarning, ResidentId, Sex, Subdistrict, Village},
    person::Person,
};

pub use life::{Change, Effect, Field, LifeEvent, LifeEventKind, Record, Served};
pub use rpc::RegistrationService;
pub use store::mark_trap;

pub use crate::person::{EnrolmentState, Life};

/// Why it stands there, where the state does not say it all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EnrolmentReason {
    /// The biometric package is missing.
    AwaitingBiometrics,
    /// Waits for the centre to take it.
    AwaitingCentre,
    /// The search failed; it is searched again.
    SearchFailed,
    /// The biodata does not agree with the register (S0-9).
    DemographicMismatch,
    /// A human has to judge candidates.
    Undecided,
}

/// What a terminal sends for one person.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The national ID number.
    pub nik: Nik,
    /// What is personal; sealed before it is stored.
    pub person: Person,
    /// The birth date.
    pub birth_date: Date,
    /// The sex.
    pub sex: Sex,
    /// Where the person lives.
    pub village: Village,
    /// Where the centre finds the biometrics.
    pub biometric_package: Option<String>,
    /// When the terminal captured the person, if earlier than now.
    pub captured_at: Option<OffsetDateTime>,
    /// What looked odd about the NIK.
    pub warnings: Vec<NikWarning>,
}

/// What is known of a NIK before an enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Who serves the person.
    pub district: District,
    /// The day of the enrolment.
    pub enrolled_on: Date,
    /// The person's enrolment, where it stands, and what became of the person; of the terminal's own district alone.
    pub own: Option<(EnrolmentId, EnrolmentState, Life)>,
}

/// What recording a draft amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// A new person.
    New {
        /// RECORDED or SENT.
        state: EnrolmentState,
    },
    /// A recorded person's missing biometrics arrive; the enrolment is SENT.
    Completed {
        /// The enrolment.
        enrolment_id: EnrolmentId,
    },
}

/// An enrolment without anything personal, as lists, events and decisions see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The enrolment.
    pub enrolment_id: EnrolmentId,
    /// The person.
    pub resident_id: ResidentId,
    /// The serving district.
    pub district: District,
    /// The subdistrict of residence.
    pub subdistrict: Subdistrict,
    /// The village of residence.
    pub village: Village,
    /// Where it stands.
    pub state: EnrolmentState,
    /// Why.
    pub reason: Option<EnrolmentReason>,
    /// Since when.
    pub state_at: OffsetDateTime,
    /// When the person was captured.
    pub captured_at: OffsetDateTime,
    /// When the record was received.
    pub received_at: OffsetDateTime,
    /// What became of the person.
    pub life: Life,
}

/// What a recorded draft became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The enrolment.
    pub enrolment_id: EnrolmentId,
    /// The person.
    pub resident_id: ResidentId,
    /// RECORDED or SENT.
    pub state: EnrolmentState,
    /// What looked odd.
    pub warnings: Vec<NikWarning>,
}

/// By what an enrolment is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Its id.
    Enrolment(EnrolmentId),
    /// The person's number.
    Nik(Nik),
}

/// One enrolment as the office sees it: with the person, masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The enrolment.
    pub enrolment: Enrolment,
    /// The NIK, masked.
    pub masked_nik: String,
    /// The initials of the name.
    pub initials: String,
    /// The person's current interim certificate.
    pub certificate: Option<InterimCertificate>,
}

/// Which enrolments a caller may see and wants to see. What is outside looks missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    /// Whose.
    pub district: District,
    /// The subdistrict that limits the caller.
    pub limit: Option<Subdistrict>,
    /// The wanted subdistrict.
    pub subdistrict: Option<Subdistrict>,
    /// The wanted state.
    pub state: Option<EnrolmentState>,
}

/// An enrolment handed to the matching engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckTask {
    /// The enrolment, now in CHECKING.
    pub enrolment: Enrolment,
    /// The lease's number; only the latest one's holder may give a verdict.
    pub fence: i64,
    /// Where the engine finds the biometrics.
    pub biometric_package: String,
    /// Until when no other engine gets it, by the database's clock.
    pub expires_at: OffsetDateTime,
}

/// What the centre found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The person exists once, and the biodata is in order.
    Unique,
    /// The person is recorded elsewhere too.
    Duplicate,
    /// A human has to judge.
    Undecided,
    /// The biodata does not agree with the register (S0-9).
    DemographicMismatch,
    /// The package is incomplete or unreadable.
    CaptureUnreadable,
    /// The search itself failed.
    SearchFailed,
}

/// The centre's word on one enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The enrolment.
    pub enrolment_id: EnrolmentId,
    /// Under which lease it was checked.
    pub fence: i64,
    /// What was found.
    pub outcome: Outcome,
}

/// Where a verdict leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// The new state.
    pub state: EnrolmentState,
    /// Its reason.
    pub reason: Option<EnrolmentReason>,
}

/// An enrolment whose person asks for an interim certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applicant {
    /// The enrolment.
    pub enrolment: Enrolment,
    /// A card of the person waits to be collected.
    pub card_awaits: bool,
    /// The person holds a card.
    pub card_held: bool,
}

/// Why registration says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// One enrolment for life (S2-7).
    AlreadyEnrolled {
        /// Who serves the person.
        district: District,
        /// Since when.
        enrolled_on: Date,
    },
    /// The terminal is limited to another subdistrict.
    OutsideSubdistrict {
        /// To which.
        limit: Subdistrict,
    },
    /// Missing, or another district's: the two cannot be told apart.
    EnrolmentNotFound,
    /// A later lease exists, or none ever did.
    CheckFenced,
    /// The centre has decided before.
    VerdictAlreadyGiven {
        /// What it led to.
        state: EnrolmentState,
    },
    /// Missing, or another district's: the two cannot be told apart.
    ResidentNotFound,
    /// The person died.
    ResidentDeceased,
    /// The person lives elsewhere now.
    ResidentMovedOut,
    /// The event cannot follow what is recorded.
    LifeEventNotPossible {
        /// What is recorded.
        life: Life,
    },
    /// The person is recorded more than once (S0-10).
    DuplicateRecord,
    /// There is a card: no paper is needed in its place.
    CardAlreadyIssued {
        /// It waits to be collected.
        awaits: bool,
    },
}
