//! The audit log proves itself: one signed head a minute over the chains of all districts, a copy of each outside the
//! database, and the verification of everything against any copy kept.
//!
//! ```text
//!   an act's commit ──> one row in its district's chain (feed/journal writes it; digest covers the row before)
//!   every minute   ──> a leaf per chain ──> Merkle root ──> signed head ──> table, witness file, WatchAuditHeads
//!   ektp audit verify: rows ──> chains ──> roots ──> signatures ──> the heads that were kept
//! ```
//!
//! What is easily got wrong: nothing in the database proves itself to its own administrator. A chain can be recomputed;
//! only a head that was kept elsewhere before shows it. The formats are in docs/audit.md and never change within a version.

mod chain;
mod copy;
mod head;
mod heads;
mod key;
mod report;
mod sights;
mod sign;
mod store;
mod tree;
mod verify;
mod wire;
mod witness;

pub use head::{Head, HeadError, read as time_of_text, written as time_as_text};
pub use key::{Key, SIGNATURE_BYTES, is_signed};
pub use report::{Finding, Kind, Report, place};
pub use sights::{Asked, SIGHTS_MAX, Sight, sights};
pub use sign::{HEAD_EVERY, Signing, round};
pub use store::snapshot;
pub use tree::Tree;
pub use verify::{Kept, Trust, rows, verify};
pub use witness::{WITNESS_FILE, read as read_witness};

/// A SHA-256.
pub type Digest = [u8; 32];
/// An Ed25519 public key.
pub type PublicKey = [u8; 32];

/// How far one district's chain had come: a leaf of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// The district's number; 0 is the centre. Not a checked code: what stands in a tampered table may be none.
    pub district: i32,
    /// The last row's number.
    pub number: i64,
    /// The last row's digest.
    pub digest: Digest,
}

impl Leaf {
    /// The leaf's hash: district and number, big-endian, then the digest.
    pub fn hash(&self) -> Digest {
        let mut bytes = [0; 44];
        bytes[..4].copy_from_slice(&self.district.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.number.to_be_bytes());
        bytes[12..].copy_from_slice(&self.digest);
        tree::leaf(&bytes)
    }
}
