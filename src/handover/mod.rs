//! Handover: printed cards that await their holders, what calls the holders, and the handover itself, once.
//!
//! ```text
//!   card printed ──> AWAITING ── challenge, 1:1 match ──> HANDED_OVER
//!                       └── phone left: one notice (S0-13) │ none: a contact task of the village (S0-14)
//! ```
//!
//! No match, no card (S3-8, S3-9): the only way to HANDED_OVER is a challenge that this terminal opened and a match that
//! names it. A second attempt gets the first one's receipt. Whoever writes a challenge, a notice's end or a handover holds
//! the collection's row first; that row is the lock of all four.
//!
//! Tables: collection, notice, contact_task, challenge, handover.

mod decide;
mod rpc;
mod steps;
mod store;
mod watch;
mod wire;

use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    ids::{
        ChallengeId, CollectionId, ContactTaskId, District, IncidentId, PrintRequestId, ResidentId,
        Serial, Subdistrict, Village,
    },
    inventory::Location,
    person::{Life, Person},
};

pub use rpc::HandoverService;
pub use steps::{Gateway, holder_left, open, send_notices};

/// A printed card that is to await its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The request that it came from.
    pub print_request_id: PrintRequestId,
    /// The holder.
    pub resident_id: ResidentId,
    /// The card.
    pub serial: Serial,
    /// Where it lies.
    pub location: Location,
}

/// Where a collection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CollectionState {
    /// The card lies at the site.
    Awaiting,
    /// The holder has it.
    HandedOver,
}

/// How far the call to the holder has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NoticeState {
    /// A message waits to be sent.
    Queued,
    /// The gateway has it.
    Sent,
    /// No number: an officer of the village tells the person.
    ContactTask,
}

/// A card that awaits, or has reached, its holder; without anything personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collection {
    /// The collection.
    pub collection_id: CollectionId,
    /// The request that the card came from.
    pub print_request_id: PrintRequestId,
    /// The card.
    pub serial: Serial,
    /// Where it lies.
    pub location: Location,
    /// The holder's district.
    pub district: District,
    /// The holder's village.
    pub village: Village,
    /// Where it stands.
    pub state: CollectionState,
    /// How far the call to the holder has come.
    pub notice: NoticeState,
    /// Since when the card waits.
    pub opened_at: OffsetDateTime,
}

/// Whose collections a terminal sees and hands over; all others look missing to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The terminal's district.
    pub district: District,
    /// The subdistrict that limits the terminal.
    pub limit: Option<Subdistrict>,
}

/// The last row of a page: lists go by waiting time, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Since when it waits.
    pub opened_at: OffsetDateTime,
    /// The collection or the task.
    pub id: Uuid,
}

/// The bytes that a reader binds its match to.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce([u8; Self::BYTES]);

impl Nonce {
    /// As long as the digest that guards it; guessing is out of reach.
    pub const BYTES: usize = 32;

    /// Nothing if the length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A challenge as it stands open.
#[derive(Clone)]
pub struct Challenge {
    /// The challenge.
    pub challenge_id: ChallengeId,
    /// The only terminal that may answer it.
    pub terminal: String,
    /// What the answer must repeat.
    pub nonce: Nonce,
    /// Fingers that did not match so far.
    pub failed_matches: i32,
    /// Whether its time is over, by the database's clock.
    pub expired: bool,
}

/// A challenge as its terminal gets it.
#[derive(Clone)]
pub struct Started {
    /// The challenge.
    pub challenge_id: ChallengeId,
    /// What the answer must repeat.
    pub nonce: Nonce,
    /// When it ends, by the database's clock.
    pub expires_at: OffsetDateTime,
    /// What it is about.
    pub collection: Collection,
}

/// What the holder's reader says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The reader.
    pub reader_id: String,
    /// Whether the live finger matched the template in the card's chip.
    pub matched: bool,
    /// In the reader's own scale.
    pub score: i32,
}

/// What a terminal hands in to end a handover.
#[derive(Clone)]
pub struct Answered {
    /// Which challenge it answers.
    pub challenge_id: ChallengeId,
    /// The nonce as the terminal repeats it.
    pub nonce: Nonce,
    /// The match.
    pub evidence: Evidence,
}

/// A handover that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The collection.
    pub collection_id: CollectionId,
    /// The card.
    pub serial: Serial,
    /// The challenge that led to it.
    pub challenge_id: ChallengeId,
    /// The terminal that did it.
    pub terminal: String,
    /// When.
    pub handed_over_at: OffsetDateTime,
    /// Whether an interim certificate was taken back.
    pub certificate_surrendered: bool,
}

/// All that is known of a collection while its row is locked.
#[derive(Clone)]
pub struct Case {
    /// The collection.
    pub collection: Collection,
    /// The holder.
    pub resident_id: ResidentId,
    /// What became of the holder.
    pub life: Life,
    /// An open incident: a fenced printer has reported another card of this person.
    pub incident: Option<IncidentId>,
    /// The open challenge.
    pub challenge: Option<Challenge>,
    /// The handover, if it happened.
    pub receipt: Option<Receipt>,
}

/// Somebody whom an officer of the village should tell.
#[derive(Debug, Clone)]
pub struct ContactTask {
    /// The task.
    pub contact_task_id: ContactTaskId,
    /// The collection it is about.
    pub collection_id: CollectionId,
    /// Whose officer.
    pub village: Village,
    /// Whom, and where to find the person.
    pub person: Person,
    /// Since when the task waits.
    pub opened_at: OffsetDateTime,
}

/// Why handover says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Missing, or out of the terminal's scope.
    CollectionNotFound,
    /// The card is with its holder.
    AlreadyHandedOver {
        /// The local day.
        on: Date,
    },
    /// The holder died: the card stays where it is.
    ResidentDeceased,
    /// The holder lives elsewhere now.
    ResidentMovedOut,
    /// Another card of the person may be about.
    IncidentOpen(IncidentId),
    /// Missing, replaced, ended, or another terminal's.
    ChallengeNotFound,
    /// Its five minutes are over.
    ChallengeExpired,
    /// The nonce is not the challenge's.
    ChallengeWrong,
    /// The presented person is not the card's.
    MatchFailed {
        /// How many more tries the challenge allows.
        attempts_left: i32,
    },
}
