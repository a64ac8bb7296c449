//! The nouns about the person behind a request: what submission, binding and the card's face see of it.
//!
//! The person belongs to registration, uphill, and the cards to inventory: they are only read here.

use time::{Date, OffsetDateTime};

use crate::{
    ids::{District, IncidentId, PrintRequestId, ResidentId, Sex, Subdistrict, Village},
    policy::{ApplicantClass, Document},
};

pub use crate::person::{EnrolmentState, Life};

/// Asks for one card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The person.
    pub resident_id: ResidentId,
    /// Why.
    pub applicant_class: ApplicantClass,
    /// The papers that the officer has seen.
    pub documents: Vec<Document>,
}

/// Where a card stands, as inventory writes it; read here across and never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, sqlx::Type)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CardState {
    /// Being printed.
    Bound,
    /// Awaits its holder.
    AtSite,
    /// With its holder.
    HandedOver,
    /// Replaced by a newer one.
    Ended,
    /// Never became a card.
    Spoiled,
}

/// What a decision about a person's verdict sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Who serves the person.
    pub district: District,
    /// Where the enrolment stands.
    pub enrolment: EnrolmentState,
    /// Since when.
    pub since: OffsetDateTime,
    /// Whether the centre found the identity unique that the person has today.
    pub on_current_identity: bool,
}

/// What the last check before a blank is used sees of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastLook {
    /// What the centre says.
    pub verdict: Verdict,
    /// Whether the district still serves the person.
    pub life: Life,
    /// The version of what the card shows.
    pub facts_version: i32,
    /// The longest open incident of the request.
    pub incident: Option<IncidentId>,
}

/// What a decision sees of an interim certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate {
    /// Its issue, in business time.
    pub issued_at: OffsetDateTime,
    /// Its last day.
    pub expires_on: Date,
}

/// What submission knows of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applicant {
    /// The person.
    pub resident_id: ResidentId,
    /// Where the person lives.
    pub subdistrict: Subdistrict,
    /// The version of the identity.
    pub identity_version: i32,
    /// The version of what the card shows.
    pub facts_version: i32,
    /// The enrolment's receipt.
    pub received_at: OffsetDateTime,
    /// What the centre found.
    pub verdict: Verdict,
    /// Whether the district still serves the person.
    pub life: Life,
    /// Whether a mobile number was left.
    pub has_phone: bool,
    /// The active interim certificate, valid or run out.
    pub certificate: Option<Certificate>,
    /// The states of all cards that the person ever had.
    pub cards: Vec<CardState>,
    /// The open request, if there is one.
    pub open_request: Option<PrintRequestId>,
}

/// What the card's face needs of the person, beside the area's names.
#[derive(Debug)]
pub struct Bearer {
    /// The sealed record.
    pub sealed: Vec<u8>,
    /// Which version of the identity it is.
    pub identity_version: i32,
    /// Which version of what the card shows.
    pub facts_version: i32,
    /// The birth date.
    pub birth_date: Date,
    /// The sex.
    pub sex: Sex,
    /// Where the person lives.
    pub village: Village,
    /// Where the biometrics for the chip are found.
    pub biometric_package: String,
}
