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
mod decide;
mod documents;
mod steps;
mod store;
pub mod wire;

use std::{fmt, str::FromStr};

use time::{Date, OffsetDateTime};

pub use calendar::Calendar;
pub use class::{ApplicantClass, ClassOutcome, ClassRule, Document, Release, Window};
pub use documents::Documents;
pub use steps::{ACTIVATE, activate_approved, ask_to_activate, checked, propose};
pub use store::{Filter, in_force, list};

use crate::{
    error::{Error, Result},
    ids::{ApprovalId, CodeError, District, Province},
};

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

impl FromStr for PolicyArea {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        if text.is_empty() {
            return Ok(Self::Nation);
        }
        match text.parse() {
            Ok(province) => Ok(Self::Province(province)),
            Err(_) => text.parse().map(Self::District),
        }
    }
}

impl fmt::Display for PolicyArea {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nation => out.write_str("the nation"),
            Self::Province(province) => write!(out, "province {province}"),
            Self::District(district) => write!(out, "district {district}"),
        }
    }
}

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PolicyState {
    /// It was proposed and binds nobody.
    Proposed,
    /// It is in force on its days.
    Active,
}

/// What is proposed, as far as it could be read: nothing stands for what the wire has told to be malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// Where it shall hold.
    pub area: Option<PolicyArea>,
    /// The first local day.
    pub valid_from: Option<Date>,
    /// The last one.
    pub valid_to: Option<Date>,
    /// Which date is a new request's seniority.
    pub tie_break: Option<TieBreak>,
    /// How many requests of one site come into the queue on one local day.
    pub daily_quota: Option<i32>,
    /// ISO numbers of the closed weekdays, 1 is Monday.
    pub closed_weekdays: Vec<Option<u8>>,
    /// Further closed days.
    pub holidays: Vec<Option<Date>>,
    /// The classes in their order.
    pub classes: Vec<Option<ClassRule>>,
    /// The letter.
    pub source: String,
}

impl Sketch {
    /// The version of this number; all of it was read, or nobody asks.
    fn policy(self, version: i32) -> Result<Policy> {
        let unread = || Error::internal("a proposal that could not be read was let through");
        let classes: Option<Vec<ClassRule>> = self.classes.into_iter().collect();
        Ok(Policy {
            version,
            area: self.area.ok_or_else(unread)?,
            valid_from: self.valid_from.ok_or_else(unread)?,
            valid_to: self.valid_to,
            tie_break: self.tie_break.ok_or_else(unread)?,
            daily_quota: self.daily_quota,
            calendar: Calendar::of_numbers(
                self.closed_weekdays.into_iter().flatten(),
                self.holidays.into_iter().flatten(),
            ),
            classes: classes.ok_or_else(unread)?,
            source: self.source,
        })
    }
}

/// A version's place in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its number.
    pub version: i32,
    /// Where it holds.
    pub area: PolicyArea,
    /// The first local day.
    pub valid_from: Date,
    /// The last one.
    pub valid_to: Option<Date>,
    /// Whether it binds anybody.
    pub state: PolicyState,
}

impl Standing {
    fn of(policy: &Policy, state: PolicyState) -> Self {
        Self {
            version: policy.version,
            area: policy.area,
            valid_from: policy.valid_from,
            valid_to: policy.valid_to,
            state,
        }
    }
}

/// A version with its story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// What it says.
    pub policy: Policy,
    /// Where it stands.
    pub state: PolicyState,
    /// When it was proposed.
    pub proposed_at: OffsetDateTime,
    /// The two-person act; none of the founding version.
    pub approval_id: Option<ApprovalId>,
}

/// Why an act of this feature does not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such version.
    NotFound,
    /// Another one of the area holds on some of its days.
    Overlaps {
        /// Which.
        version: i32,
    },
    /// Its first day has begun somewhere.
    NotInFuture {
        /// The day.
        valid_from: Date,
    },
    /// It was activated before.
    AlreadyActive,
    /// It is not what was shown.
    Altered,
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
