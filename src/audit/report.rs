//! What a verification found.

use std::{collections::BTreeSet, fmt};

use super::PublicKey;
use crate::ids::District;

/// What was done to the log, as far as it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A row's content does not give its digest.
    Edited,
    /// A number between two others has no row.
    Missing,
    /// A row that the chain does not have.
    Inserted,
    /// A row stands at another one's number.
    Reordered,
    /// The chain ends before it was known to end.
    Truncated,
    /// The chains fit, and do not give the root that was signed.
    Rewritten,
    /// A head is not in the table any more.
    HeadMissing,
    /// A head's row contradicts itself, its signature, or the head before it.
    HeadEdited,
    /// A head that was kept is another one in the table.
    HeadDiffers,
    /// A head is signed by a key that is not among those trusted.
    UnknownKey,
    /// A head that was kept is not signed: the copy itself is no proof.
    NotSigned,
}

impl Kind {
    /// The word for it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Edited => "EDITED",
            Self::Missing => "MISSING",
            Self::Inserted => "INSERTED",
            Self::Reordered => "REORDERED",
            Self::Truncated => "TRUNCATED",
            Self::Rewritten => "REWRITTEN",
            Self::HeadMissing => "HEAD_MISSING",
            Self::HeadEdited => "HEAD_EDITED",
            Self::HeadDiffers => "HEAD_DIFFERS",
            Self::UnknownKey => "UNKNOWN_KEY",
            Self::NotSigned => "NOT_SIGNED",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    /// Whose chain; absent for a head.
    pub district: Option<i32>,
    /// Of the first row, or of the head.
    pub number: i64,
    /// How it shows, to be read after its place.
    pub words: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            district,
            number,
            words,
        } = self;
        out.write_str(kind.label())?;
        match district {
            Some(district) => write!(out, " {} row {number}: {words}", place(*district)),
            None => write!(out, " head {number}: {words}"),
        }
    }
}

/// A district as people write it; what is none is shown as it stands in the table.
pub fn place(district: i32) -> String {
    District::from_number(district).map_or_else(|_| district.to_string(), |known| known.to_string())
}

/// What a verification saw.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// In the order in which they were found.
    pub findings: Vec<Finding>,
    /// More of them, beyond those that are listed.
    pub unlisted: u64,
    /// Chains with rows.
    pub chains: u64,
    /// Rows read.
    pub rows: u64,
    /// Heads in the table.
    pub heads: u64,
    /// Heads kept elsewhere that were compared.
    pub kept: u64,
    /// Rows that the last head covers.
    pub covered: u64,
    /// The keys that signed the heads in the table.
    pub keys: BTreeSet<PublicKey>,
}

/// Findings that are listed; who changed more than this has been found out anyway.
const LISTED_MAX: usize = 1_000;

impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn head(&mut self, kind: Kind, number: i64, words: impl Into<String>) {
        self.add(Finding {
            kind,
            district: None,
            number,
            words: words.into(),
        });
    }

    pub(super) fn row(&mut self, kind: Kind, district: i32, number: i64, words: impl Into<String>) {
        self.add(Finding {
            kind,
            district: Some(district),
            number,
            words: words.into(),
        });
    }

    fn add(&mut self, finding: Finding) {
        if self.findings.len() < LISTED_MAX {
            self.findings.push(finding);
        } else {
            self.unlisted += 1;
        }
    }
}
