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
//! Tables: resident, resident_nik, enrolment, print_ready.

mod decide;
mod rpc;
mod steps;
mod store;
mod wire;

use time::{Date, OffsetDateTime};

use crate::{
    ids::{District, EnrolmentId, Nik, NikWarning, ResidentId, Sex, Subdistrict, Village},
    person::Person,
};

pub use rpc::RegistrationService;

/// Where an enrolment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EnrolmentState {
    /// Without a biometric package: nothing to check yet (S0-8).
    Recorded,
    /// Waits for the centre's engine.
    Sent,
    /// With the engine.
    Checking,
    /// Found unique: the only gate to printing.
    PrintReady,
    /// The same person is recorded elsewhere (S0-10).
    Duplicate,
    /// A human at the centre decides.
    Adjudicating,
    /// The biometrics are unreadable.
    CaptureRejected,
}

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
    /// The person.
    pub resident_id: ResidentId,
    /// Who serves the person.
    pub district: District,
    /// The day of the enrolment.
    pub enrolled_on: Date,
    /// The person's enrolment.
    pub enrolment_id: EnrolmentId,
    /// Where it stands.
    pub state: EnrolmentState,
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
        /// The person.
        resident_id: ResidentId,
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
}
