//! The district ledger and its live streams: one ledger per district, written in the act's own transaction, read by
//! every server, with no leader and nothing beside Postgres.
//!
//! ```text
//!   step ── work.record ──> journal::close (last statement before COMMIT) ──> bell
//!                                                                              │ a hint, never the data
//!   subscription (one per stream) <── ring <── tail (one per server) <─────────┘  and every 500 ms anyway
//! ```
//!
//! The numbers of a ledger are taken under its head row's lock at the end of the transaction, so a reader that sees
//! n + 1 has n too. A number from a sequence would not have that property, and NOTIFY inside the business transaction
//! would serialise all commits of the database; both were measured and refused (docs/decisions/0002).

pub mod bell;
mod chain;
mod commits;
mod doorbell;
mod handoff;
mod hub;
pub mod journal;
mod late;
mod ledger;
mod picture;
mod reader;
mod resume;
mod share;
pub mod subscription;
mod tail;
mod timing;
mod token;

pub use hub::Hub;
pub use picture::Source;
pub use resume::Resync;
pub use timing::Timing;

/// What a stream is about. The numbers stand in the ledger and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Print requests.
    Queue,
    /// Blanks and cards.
    Stock,
    /// Cards awaiting their holders.
    Collections,
    /// Enrolments.
    Enrolments,
    /// The signed heads of the audit log; in the centre's ledger only.
    AuditHeads,
    /// Alarms of all offices; in the centre's ledger only.
    Alarms,
}

impl Topic {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Queue,
        Self::Stock,
        Self::Collections,
        Self::Enrolments,
        Self::AuditHeads,
        Self::Alarms,
    ];

    /// The number in the ledger.
    pub const fn number(self) -> i16 {
        match self {
            Self::Queue => 1,
            Self::Stock => 2,
            Self::Collections => 3,
            Self::Enrolments => 4,
            Self::AuditHeads => 5,
            Self::Alarms => 6,
        }
    }

    /// The topic of a number.
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.number() == number)
    }
}
