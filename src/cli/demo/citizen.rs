//! One person of a story: who comes when, and what becomes of the record outside the system.

use time::Date;

use super::people::Person;
use crate::proto::{ApplicantClass, InterimCertificate};

/// What becomes of a person outside the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Holds a certificate; the centre finds the person unique.
    Ready,
    /// Holds a certificate; the centre has not answered.
    Waiting,
    /// Holds a certificate; the engine cannot decide.
    Undecided,
    /// Holds a certificate; the biodata does not agree with the register.
    Mismatched,
    /// Holds a certificate; the capture cannot be read.
    Unreadable,
    /// Recorded elsewhere already.
    Duplicate,
    /// Unique, and never came for a certificate.
    Paperless,
    /// The biometrics were never taken.
    Uncaptured,
}

impl Part {
    /// Whether the person is given an interim certificate on the day of enrolment.
    pub fn gets_certificate(self) -> bool {
        match self {
            Self::Ready | Self::Waiting | Self::Undecided | Self::Mismatched | Self::Unreadable => {
                true
            }
            Self::Duplicate | Self::Paperless | Self::Uncaptured => false,
        }
    }

    /// Whether the biometrics were taken, so that the centre has something to check.
    pub fn is_captured(self) -> bool {
        self != Self::Uncaptured
    }
}

/// One person of the story, and what the system answered about them.
pub struct Citizen {
    pub person: Person,
    pub part: Part,
    pub class: ApplicantClass,
    /// When the person comes to enrol.
    pub day: Date,
    pub enrolment_id: String,
    pub resident_id: String,
    pub certificate: Option<InterimCertificate>,
}
