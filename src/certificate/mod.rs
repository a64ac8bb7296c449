//! Interim certificates (surat keterangan, suket): the paper that stands in for a card, six calendar months at a time.
//!
//! ```text
//!            a newer one is issued            the card is handed over
//!  RENEWED <─────────────────────── ACTIVE ───────────────────────> SURRENDERED
//!                                     └──── the person died ──> REVOKED
//! ```
//!
//! That one has run out is read from its date and stored nowhere: an ACTIVE one may be long past its last day. The RPC
//! that issues them stands in the service Registration, whose steps knock at the doors here; so there is no `wire` and no
//! `rpc` in this feature.
//!
//! Tables: interim_certificate, certificate_counter.

mod decide;
mod steps;
mod store;

use time::Date;

use crate::ids::{CertificateId, ResidentId};

pub use steps::{current, issue, revoke, surrender};

/// Where an interim certificate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CertificateState {
    /// The person's current one, whether still valid or run out.
    Active,
    /// Replaced by a newer one.
    Renewed,
    /// Taken back when the card was handed over.
    Surrendered,
    /// Withdrawn: the person died.
    Revoked,
}

/// An interim certificate as it is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterimCertificate {
    /// The certificate.
    pub certificate_id: CertificateId,
    /// District, year and running number, e.g. `35.75/2016/000042`.
    pub number: String,
    /// Where it stands.
    pub state: CertificateState,
    /// The local day of issue.
    pub issued_on: Date,
    /// The last day on which it is valid.
    pub expires_on: Date,
    /// The enrolment's state at issue, as stored; what it means is registration's knowledge, further up the hill.
    pub enrolment_state: String,
}

/// A person who is to get a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToIssue {
    /// The person.
    pub resident_id: ResidentId,
    /// The enrolment's state, printed in the corner of the paper.
    pub enrolment_state: &'static str,
}

/// What decides whether a person may get another certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Current {
    certificate_id: CertificateId,
    expires_on: Date,
}

/// Why no certificate is issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The person holds a valid one.
    StillValid {
        /// Its last day.
        expires_on: Date,
    },
}
