//! Policy: the rules of the ministry as data, in versions that are in force in an area from one day to another.
//!
//! A version orders the classes of applicants and says for each whether its requests are admitted, held or refused, which
//! papers are wanted, and when a held request is released. The centre writes versions, by two persons and for a day to
//! come; a district only reads them (S4-5). Of the versions in force the smallest area's counts, whole: nothing is merged.
//!
//! What is easily got wrong: a day here is the district's local day, and a new version rewrites no request. Rows of the
//! queue carry their class, and the version only says in which order the classes are walked.
//!
//! Tables: policy_version, policy_class.

mod calendar;
mod class;
mod documents;
mod store;
pub mod wire;

use time::Date;

pub use calendar::Calendar;
pub use class::{ApplicantClass, ClassOutcome, ClassRule, Document, Release, Window};
pub use documents::Documents;
pub use store::in_force;

use crate::ids::{District, Province};

/// Which date becomes a request's seniority when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TieBreak {
    /// The enrolment's receipt.
    Enrolment,
    /// The issue of the interim certificate; of who holds none, the enrolment's receipt.
    Certificate,
    /// The request itself.
    Request,
}

/// Where a version holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyArea {
    /// Everywhere.
    Nation,
    /// In one province.
    Province(Province),
    /// In one district.
    District(District),
}

impl PolicyArea {
    /// Its number in the table: 0, two digits or four.
    pub fn number(self) -> i32 {
        match self {
            Self::Nation => 0,
            Self::Province(province) => i32::from(province.number()),
            Self::District(district) => district.number(),
        }
    }
}

/// One version of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its number; decisions, requests and dispatches keep it.
    pub version: i32,
    /// Where it holds.
    pub area: PolicyArea,
    /// The first local day.
    pub valid_from: Date,
    /// The last local day; none while no other version follows.
    pub valid_to: Option<Date>,
    /// Which date is a new request's seniority.
    pub tie_break: TieBreak,
    /// How many requests of one site come into the queue on one local day; none is no limit.
    pub daily_quota: Option<i32>,
    /// On which days an office takes requests into the queue.
    pub calendar: Calendar,
    /// Every class once, in the order in which they are served.
    pub classes: Vec<ClassRule>,
    /// The letter that ordered it.
    pub source: String,
}

impl Policy {
    /// Every class in the order in which it is served.
    pub fn order(&self) -> Vec<ApplicantClass> {
        self.classes.iter().map(|rule| rule.class).collect()
    }

    /// The rule for a class; none only of a version that was damaged in the table.
    pub fn rule(&self, class: ApplicantClass) -> Option<&ClassRule> {
        self.classes.iter().find(|rule| rule.class == class)
    }
}
