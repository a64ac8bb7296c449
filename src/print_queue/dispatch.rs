//! The nouns of a day's replay: what each dispatch saw and kept, how each request stood, and what the replay finds.
//!
//! What is easily got wrong: a place is what the first stage says, changed by nothing but an approved change by hand. What the
//! request's own columns or its later stages say is only compared with it.

use std::{collections::BTreeMap, str::FromStr};

use time::{Date, OffsetDateTime};

use crate::{
    areas::TimeZone,
    ids::{ApprovalId, OfficerId, PrintRequestId},
    policy::{ApplicantClass, Window},
    print_queue::{HoldReason, RequestState},
};

/// Of so many of the queued and of the held whom a lease passes over the reasons are kept, the most senior first: the evidence
/// names the most senior in any case, and a lease of one card stays quick where 20,000 are held.
pub const LOOKED_AT_MAX: u16 = 1_000;

/// Why a dispatch passed somebody over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PassReason {
    /// Held for it; or queued, and the version in force holds or refuses the class, or lies outside its window.
    Hold(HoldReason),
    /// Died or moved away.
    NotResident,
    /// The identity is no longer the one that the centre found unique.
    NotPrintReady,
    /// Another card is being printed or awaits its holder.
    CardUnderWay,
    /// Another act changed the request while this one waited for it.
    LeftMeanwhile,
}

impl PassReason {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        HoldReason::ALL.into_iter().map(Self::Hold).chain([
            Self::NotResident,
            Self::NotPrintReady,
            Self::CardUnderWay,
            Self::LeftMeanwhile,
        ])
    }

    /// The name in the table and in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hold(reason) => reason.name(),
            Self::NotResident => "NOT_RESIDENT",
            Self::NotPrintReady => "NOT_PRINT_READY",
            Self::CardUnderWay => "CARD_UNDER_WAY",
            Self::LeftMeanwhile => "LEFT_MEANWHILE",
        }
    }
}

impl FromStr for PassReason {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::all()
            .find(|reason| reason.name() == name)
            .ok_or("no such reason")
    }
}

/// Which transactions a statement saw, as Postgres writes it: `xmin:xmax:xip,…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// All before it had ended.
    below: u64,
    /// None from it on had.
    from: u64,
    /// Those between the two that had not.
    running: Vec<u64>,
}

impl Snapshot {
    /// Whether what a transaction has written is seen; of one that was rolled back there is nothing to see.
    pub fn sees(&self, transaction: u64) -> bool {
        transaction < self.from
            && (transaction < self.below || !self.running.contains(&transaction))
    }
}

impl FromStr for Snapshot {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = "is not a snapshot";
        let number = |text: &str| text.parse::<u64>().map_err(|_| malformed);
        let mut parts = text.splitn(3, ':');
        let mut part = || parts.next().ok_or(malformed);
        Ok(Self {
            below: number(part()?)?,
            from: number(part()?)?,
            running: part()?
                .split(',')
                .filter(|one| !one.is_empty())
                .map(number)
                .collect::<Result<_, _>>()?,
        })
    }
}

/// An act of leasing that gave something.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// Its place among those of its queue.
    pub number: i64,
    /// The local day.
    pub day: Date,
    /// Under which version the classes were walked.
    pub policy_version: i32,
    /// The terminal.
    pub terminal: String,
    /// Who stood there, and the badge.
    pub officer: Option<(OfficerId, String)>,
    /// In the order in which they were given.
    pub leased: Vec<PrintRequestId>,
    /// What it saw.
    pub saw: Snapshot,
    /// Which transaction it was.
    pub written_by: u64,
    /// When, by the database's clock.
    pub recorded_at: OffsetDateTime,
    /// Whom it passed over: the reason and how many.
    pub passes: Vec<(PassReason, i32)>,
}

/// A change of the order that two persons made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByHand {
    /// The approval.
    pub approval_id: ApprovalId,
    /// Why.
    pub reason: SeniorityReason,
    /// Who asked.
    pub asked_by: String,
    /// Who approved.
    pub approved_by: String,
    /// From which place in the class.
    pub before: OffsetDateTime,
    /// To which.
    pub after: OffsetDateTime,
}

/// Another place of a request, by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeniorityChange {
    /// The request.
    pub print_request_id: PrintRequestId,
    /// What is to count in its class.
    pub seniority_at: OffsetDateTime,
    /// Why.
    pub reason: SeniorityReason,
}

/// Why the order is changed by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SeniorityReason {
    /// The date was recorded wrongly.
    RecordedWrongly,
    /// A disaster.
    Disaster,
    /// A medical emergency.
    Medical,
    /// A court ordered it.
    CourtOrder,
}

impl SeniorityReason {
    /// The name in words for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::RecordedWrongly => "recorded wrongly",
            Self::Disaster => "disaster",
            Self::Medical => "medical",
            Self::CourtOrder => "court order",
        }
    }
}

/// One interval of a request.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its number, from 1.
    pub stage: i32,
    /// The state.
    pub state: RequestState,
    /// The first reason of a hold.
    pub held_for: Option<HoldReason>,
    /// The class that it says.
    pub applicant_class: ApplicantClass,
    /// The seniority that it says.
    pub seniority_at: OffsetDateTime,
    /// When it began, in business time.
    pub began_at: OffsetDateTime,
    /// When it was written, by the database's clock.
    pub recorded_at: OffsetDateTime,
    /// By which transaction.
    pub written_by: u64,
    /// The approved change that it began with.
    pub by_hand: Option<ByHand>,
    /// Whether another table knows the date that the first stage has as its seniority; true of every later stage.
    pub has_place_ground: bool,
    /// Whether other tables know the reasons for which it is held since then; true of what is not held.
    pub has_hold_ground: bool,
}

/// A request and how it stood.
#[derive(Debug, Clone)]
pub struct History {
    /// The request.
    pub print_request_id: PrintRequestId,
    /// The local date of the enrolment.
    pub enrolled_on: Date,
    /// Whether the person is alive and lives here today.
    pub is_resident: bool,
    /// Whether the request's own columns say what its last stage says.
    pub columns_agree: bool,
    /// Its stages in their order; at least one.
    pub stages: Vec<Stage>,
}

/// What a version says about the order.
#[derive(Debug, Clone, Copy)]
pub struct OrderRule {
    /// The class.
    pub applicant_class: ApplicantClass,
    /// Whether it comes into the queue without a release.
    pub is_admitted: bool,
    /// The window of the enrolment.
    pub enrolled: Window,
}

/// What is wrong with a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// It was leased before somebody more senior, and nothing explains that.
    JumpedAhead,
    /// It was leased, and no dispatch says so.
    WithoutDispatch,
    /// A dispatch gave it in another order than the queue's.
    WrongOrder,
    /// A dispatch gave it although it did not stand in the queue.
    NotInQueue,
    /// A stage says another place than the one it was given, and no two persons changed it; or the first place has no ground.
    PlaceForged,
    /// It was held for a reason of which nothing is recorded.
    HeldWithoutGround,
    /// Its columns do not say what its last stage says.
    ColumnsDiffer,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// The dispatch, where one did it.
    pub dispatch: Option<i64>,
    /// The request.
    pub print_request_id: PrintRequestId,
    /// Who should have been leased in its place.
    pub instead_of: Option<PrintRequestId>,
}

/// Someone who went before others by two persons' word alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Favour {
    /// The dispatch.
    pub dispatch: i64,
    /// The request.
    pub print_request_id: PrintRequestId,
    /// By what.
    pub by_hand: ByHand,
    /// How many of its class it went before.
    pub passed: u32,
}

/// What the replay of a day needs.
#[derive(Debug)]
pub struct Evidence {
    /// The dispatches by their numbers; those of the days around it serve only to find leases that have none.
    pub dispatches: Vec<Dispatch>,
    /// Every request that stood open on that day.
    pub histories: Vec<History>,
    /// The rules of every version under which a dispatch walked, in the order of the classes.
    pub rules: BTreeMap<i32, Vec<OrderRule>>,
    /// The day.
    pub day: Date,
    /// Where the day is one.
    pub zone: TimeZone,
    /// What had been committed when the dispatches were read.
    pub as_of: Snapshot,
}

/// What a replay found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replay {
    /// What nothing explains.
    pub findings: Vec<Finding>,
    /// What two persons explain.
    pub favours: Vec<Favour>,
}
