//! Blind counts of what lies in a store, while printing and shipping go on.
//!
//! What a reader gets wrong: a count is not held against the books of its end but against those of its beginning, and every
//! serial that moved since is explained, wherever it was found. So nobody has to stop working for it.

use time::OffsetDateTime;

use super::{Location, Signature};
use crate::ids::{OfficerId, PersonId, SerialRange, StockCountId};

/// Where a count stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CountState {
    /// Somebody is counting.
    Open,
    /// Compared with the books.
    Submitted,
    /// Given up.
    Cancelled,
}

/// What is to lie in a store by the books, in rising order each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lying {
    /// Blanks.
    pub in_stock: Vec<SerialRange>,
    /// Spoiled blanks, kept for destruction.
    pub spoiled: Vec<SerialRange>,
    /// Cards that were taken back, kept for destruction.
    pub returned: Vec<SerialRange>,
}

/// What the books say when a count ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Books {
    /// What is to lie there now.
    pub lying: Lying,
    /// What is in the location's charge but need not lie in its store: bound, at the site, on its way there.
    pub beside: Vec<SerialRange>,
    /// What left an account of the location since the count began, or was delivered there.
    pub moved: Vec<SerialRange>,
}

/// What a count amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Was to lie there, did not move, and was not found.
    pub missing: Lying,
    /// Was found, did not move, and is not in the location's charge.
    pub unexpected: Vec<SerialRange>,
    /// How many.
    pub tally: Tally,
}

/// The figures of a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Found.
    pub counted: i64,
    /// Lay there by the books when the count began.
    pub expected: i64,
    /// Expected, and neither found nor moved.
    pub missing: i64,
    /// Found, and neither expected nor moved nor in the location's charge.
    pub unexpected: i64,
    /// Expected and not found, or found and not expected, because it moved meanwhile.
    pub moved: i64,
    /// Found and not expected, but in the location's charge: bound, at the site, or on its way there.
    pub beside: i64,
}

/// A blind count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockCount {
    /// The count.
    pub count_id: StockCountId,
    /// Where.
    pub location: Location,
    /// Where it stands.
    pub state: CountState,
    /// The number of the location's last movement before it.
    pub pinned: i64,
    /// Its record.
    pub document_number: String,
    /// Who counts.
    pub started_by: Signature,
    /// Since when.
    pub started_at: OffsetDateTime,
    /// When it was submitted or cancelled.
    pub ended_at: Option<OffsetDateTime>,
    /// What it amounted to, once it was submitted.
    pub tally: Option<Tally>,
}

/// A count with all that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The count.
    pub count: StockCount,
    /// What lay there by the books when it began.
    pub frozen: Lying,
    /// What was found up to now.
    pub found: Vec<SerialRange>,
}

/// What a counter says at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// Of which count.
    pub count_id: StockCountId,
    /// Its record.
    pub document_number: String,
    /// How many serials were found, by the counter's own reckoning.
    pub quantity: i64,
}

/// Who ends a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ender {
    /// The account.
    pub officer: OfficerId,
    /// Whether it leads the office.
    pub is_head: bool,
}

/// Somebody counts a location now and is to stay blind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counting {
    /// The count.
    pub count_id: StockCountId,
    /// Where.
    pub location: Location,
    /// Who counts, under whichever account.
    pub person: PersonId,
}

/// Why a count says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountRefusal {
    /// Somebody counts there: no second count begins, and who counts does not see the figures.
    Open(StockCountId),
    /// No such count in the caller's office.
    NotFound,
    /// The count was submitted or cancelled before.
    Ended,
    /// Another officer counts.
    OfAnother,
    /// The count has found more runs than one count may.
    TooLong,
    /// So many serials are recorded, and the counter found another number.
    Incomplete(i64),
}
