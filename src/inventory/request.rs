//! Requests for blanks: what a district asks for and why, what is granted, and how long its blanks last.
//!
//! What a reader gets wrong: the backlog is counted when the request is made and kept as it was. Nobody types it, and nobody
//! counts it again when the request is decided weeks later.

use time::{Date, OffsetDateTime};

use crate::{
    ids::{BlankRequestId, District, OfficerId},
    inventory::Location,
};

/// The use of so many days is counted: two weeks, so that each weekday is in it twice.
pub const DAYS_COUNTED: i32 = 14;
/// Half the width of a 95 % interval, in standard errors.
const Z: f64 = 1.96;
/// The most that a request asks for; the contract says so.
pub const ASKED_MAX: i64 = 1_000_000;

/// The way that a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RequestRoute {
    /// To the centre; the province is informed (S2-10).
    Direct,
    /// To the province, which decides and sends (S2-11).
    Province,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RequestState {
    /// Not decided.
    Requested,
    /// Granted, and not all of it sent.
    Granted,
    /// All that was granted is sent.
    Fulfilled,
    /// Refused.
    Refused,
    /// Taken back by its district.
    Withdrawn,
}

/// Who raised a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RequestCause {
    /// An officer.
    Office,
    /// Stock that runs low (S2-12).
    LowStock,
}

/// What is in stock somewhere and how it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Blanks in stock.
    pub in_stock: i64,
    /// Blanks bound in each of the days before, the latest first.
    pub used: Vec<i64>,
}

/// How long blanks last, with an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DaysToEmpty {
    /// The blanks that it is about.
    pub in_stock: i64,
    /// Used a day, in the mean.
    pub per_day: f64,
    /// Days at that use.
    pub expected: f64,
    /// The low end.
    pub low: f64,
    /// The high end; none where the use may as well be nought.
    pub high: Option<f64>,
}

/// What justifies a request, over the whole district.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// Print requests that are queued.
    pub queued: i64,
    /// Print requests that are held.
    pub held: i64,
    /// Print-ready people who have not asked yet.
    pub print_ready: i64,
    /// Blanks on their way to or within the district.
    pub in_transit: i64,
    /// The stock and its use.
    pub blanks: Use,
}

/// What is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// How many.
    pub quantity: i64,
    /// From when they can be collected.
    pub collection_date: Date,
}

/// What is decided of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Granted, often less than was asked.
    Grant(Grant),
    /// Refused, for this reason.
    Refuse(String),
}

/// A decision with who took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What.
    pub decision: Decision,
    /// In which office, which then sends.
    pub office: District,
    /// By whom.
    pub by: OfficerId,
    /// When.
    pub at: OffsetDateTime,
}

/// A district's request for blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlankRequest {
    /// The request.
    pub blank_request_id: BlankRequestId,
    /// Whose.
    pub district: District,
    /// Where it stands.
    pub state: RequestState,
    /// Which way it goes.
    pub route: RequestRoute,
    /// How many blanks.
    pub quantity: i64,
    /// Why.
    pub backlog: Backlog,
    /// When it was made.
    pub requested_at: OffsetDateTime,
    /// By whom; nobody where stock that runs low raised it.
    pub requested_by: Option<OfficerId>,
    /// What was decided.
    pub verdict: Option<Verdict>,
}

/// What was sent for a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// How many.
    pub dispatched: i64,
    /// When the last of it.
    pub dispatched_at: Option<OffsetDateTime>,
    /// How many arrived.
    pub received: i64,
    /// When the last of it.
    pub received_at: Option<OffsetDateTime>,
}

/// Why blanks are not distributed, requested, granted or sent for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SupplyRefusal {
    /// Fewer blanks are in stock than are to be sent.
    StockTooSmall {
        /// What is there.
        have: i64,
        /// What is wanted.
        asked: i64,
    },
    /// The serials of one share, or of all, lie in too many runs.
    StockTooScattered {
        /// Whose share.
        destination: Location,
        /// So many runs may be listed.
        at_most: usize,
    },
    /// No such request for blanks that the caller may see.
    BlankRequestNotFound,
    /// The district has one already.
    BlankRequestOpen(BlankRequestId),
    /// The request is in a state in which this cannot be done.
    BlankRequestNotOpen(RequestState),
    /// Another office decides the request and sends for it.
    BlankRequestDecidedElsewhere,
    /// More is granted than was asked for, or more sent than was granted.
    MoreThanAsked {
        /// What may be.
        have: i64,
        /// What is wanted.
        asked: i64,
    },
}

/// How long blanks last at the use of the days counted; nothing where none was used. The interval of the mean use is the
/// normal approximation; its error is the larger of the days' own spread and of a Poisson count's, for printing stands still
/// on Sundays and a fortnight of equal days proves little.
pub fn days_to_empty(blanks: &Use) -> Option<DaysToEmpty> {
    let used: i64 = blanks.used.iter().sum();
    if used <= 0 {
        return None;
    }
    let days = blanks.used.len() as f64;
    let mean = used as f64 / days;
    let squares = blanks.used.iter().map(|day| (*day as f64 - mean).powi(2));
    let variance = squares.sum::<f64>() / (days - 1.0).max(1.0);
    let error = (variance.max(mean) / days).sqrt();
    let in_stock = blanks.in_stock as f64;
    let least = mean - Z * error;
    Some(DaysToEmpty {
        in_stock: blanks.in_stock,
        per_day: mean,
        expected: in_stock / mean,
        low: in_stock / (mean + Z * error),
        high: (least > 0.0).then(|| in_stock / least),
    })
}

impl BlankRequest {
    /// Who raised it.
    pub fn cause(&self) -> RequestCause {
        match self.requested_by {
            Some(_) => RequestCause::Office,
            None => RequestCause::LowStock,
        }
    }

    /// What was granted.
    pub fn granted(&self) -> Option<Grant> {
        match self.verdict.as_ref().map(|verdict| &verdict.decision) {
            Some(Decision::Grant(grant)) => Some(*grant),
            Some(Decision::Refuse(_)) | None => None,
        }
    }
}
