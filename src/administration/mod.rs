//! Who acts: the officers of the offices, their shifts, and the acts that need a second person. It stands beside the
//! hill: it may use any feature's door, and none uses it.
//!
//! ```text
//!   ektp officer found ─> the centre's first two heads
//!   RegisterOfficer ─> an approval ─> Approve by another person ─> account ─> EndOfficer
//!                                                                    │ PIN or token
//!                                                                    v
//!                                        OpenShift ─> shift on one terminal ─> CloseShift, or its end
//! ```
//!
//! What is easily got wrong: an account is not a person. Two accounts of one person are known by the keyed index of the
//! NIK, which is all that is kept of it.
//!
//! Tables: officer_person, officer, shift, terminal_revocation.

mod decide;
mod pin;
mod rpc;
mod steps;
mod store;
mod watch;
mod wire;

use std::{fmt, str::FromStr};

use time::{Date, OffsetDateTime};

use crate::{
    caller::OfficerRole,
    ids::{District, OfficerId, PersonId, ShiftId, Subdistrict},
};

pub use pin::{Pin, PinHash, Pins};
pub use rpc::AdministrationService;
pub use steps::{Founder, found};

/// What an officer wears: unique in the district, neither a name nor a NIK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge(String);

/// Why a text is no badge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 3 to 16 of A-Z, 0-9 and '-', beginning with a letter")]
pub struct BadgeError;

impl FromStr for Badge {
    type Err = BadgeError;

    fn from_str(text: &str) -> Result<Self, BadgeError> {
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (3..=16).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_uppercase())
            && text.bytes().all(allowed);
        fits.then(|| Self(text.to_owned())).ok_or(BadgeError)
    }
}

impl fmt::Display for Badge {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// One account of a person who works for an office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account.
    pub officer_id: OfficerId,
    /// Whose it is.
    pub person_id: PersonId,
    /// The office.
    pub district: District,
    /// Limits the officer to it.
    pub subdistrict: Option<Subdistrict>,
    /// The badge.
    pub badge: String,
    /// What the officer does.
    pub roles: Vec<OfficerRole>,
    /// The last local day on which shifts open.
    pub last_day: Option<Date>,
    /// When it was approved.
    pub registered_at: OffsetDateTime,
    /// When it was ended.
    pub ended_at: Option<OffsetDateTime>,
}

/// What proves an account, under lock.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account.
    pub account: Account,
    /// Absent where the office uses an OpenID provider.
    pub pin_hash: Option<PinHash>,
    /// The first PIN, which others know.
    pub pin_is_initial: bool,
    /// Wrong PINs since the last right one.
    pub failures: i32,
    /// For how long no PIN is taken, by the database's clock.
    pub locked_for: Option<std::time::Duration>,
}

/// What was found out about a PIN before the act began; the account may have changed since.
#[derive(Debug)]
pub struct PinProof {
    /// Whose it is said to be.
    pub badge: Badge,
    /// The hash that was tried, and whether the PIN fits it; nothing was tried on a locked account.
    pub tried: Option<(PinHash, bool)>,
    /// The PIN that replaces it.
    pub replacement: Option<PinHash>,
}

/// What was found out about a token before the act began.
#[derive(Debug)]
pub struct TokenProof {
    /// Whom the office's provider means.
    pub subject: String,
    /// The token's end.
    pub ends_at: OffsetDateTime,
}

/// A shift as it is answered.
#[derive(Debug, Clone)]
pub struct OpenedShift {
    /// The shift.
    pub shift_id: ShiftId,
    /// Whose.
    pub account: Account,
    /// When it was opened.
    pub opened_at: OffsetDateTime,
    /// When it ends by itself.
    pub ends_at: OffsetDateTime,
}

/// An account to be made, as it waits for the second person: without the NIK and without the PIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOfficer {
    /// The keyed index of the person's NIK.
    pub nik_index: Vec<u8>,
    /// The office.
    pub district: District,
    /// Limits the officer to it.
    pub subdistrict: Option<Subdistrict>,
    /// The badge.
    pub badge: Badge,
    /// What the officer does.
    pub roles: Vec<OfficerRole>,
    /// The last day.
    pub last_day: Option<Date>,
    /// The first PIN.
    pub pin_hash: Option<PinHash>,
    /// The person's `sub` at the office's provider.
    pub subject: Option<String>,
}

/// A device of the area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// Its identity.
    pub terminal: String,
    /// Whose.
    pub district: District,
    /// When it was first seen.
    pub first_seen_at: OffsetDateTime,
    /// The end of the newest certificate seen.
    pub certificate_ends_at: OffsetDateTime,
    /// When that certificate was revoked.
    pub revoked_at: Option<OffsetDateTime>,
}

/// How far a caller's word reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// The centre's desk.
    Nation,
    /// An office.
    District(District),
    /// A part of one: the terminal, or the officer, is limited to it.
    Subdistrict(Subdistrict),
}

/// Why an act of this feature does not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Badge and PIN do not fit.
    PinWrong,
    /// Too many wrong PINs.
    PinLocked {
        /// For how long.
        wait: std::time::Duration,
    },
    /// The account changed while its PIN was tried.
    PinChanged,
    /// The first PIN is known to others.
    PinMustChange,
    /// The token is good, and its subject has no account here.
    SubjectUnknown,
    /// The account is over.
    OfficerEnded,
    /// No such account in the area.
    OfficerNotFound,
    /// The caller's area does not reach there.
    OutsideArea,
    /// The badge, or the subject, is another account's.
    BadgeTaken,
    /// No such terminal in the area.
    TerminalNotFound,
    /// It was revoked before.
    TerminalRevoked,
    /// The centre has its heads; they register everybody else.
    AlreadyFounded,
    /// The centre's two first heads are two persons.
    SamePerson,
}
