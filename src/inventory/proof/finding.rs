//! What an audit of the stock found, by serials and place.

use std::fmt;

use super::Run;
use crate::inventory::Location;

/// Findings that are listed; who changed more than this has been found out anyway.
const LISTED_MAX: usize = 1_000;

/// What does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A location's numbers have a hole, or do not end where the location says.
    NumberMissing,
    /// A movement takes serials from where they were not.
    NotThere,
    /// Custody says another place or state than the movements.
    CustodyDiffers,
    /// Two rows of custody that should be one.
    NotMerged,
    /// A card is not in the state in which the movements have its blank.
    CardDiffers,
    /// The movements make cards of blanks that are none.
    CardMissing,
    /// A delivery is not what its movements brought in.
    DeliveryDiffers,
    /// A movement's kind is not what it did.
    KindDiffers,
    /// A correction is not the way back of the movement that it names.
    ReversalDiffers,
    /// A shipment under way is not what is in transit.
    ShipmentDiffers,
    /// An open case is not what is in dispute, or its serials are neither open nor settled.
    CaseDiffers,
    /// The records of destruction are not what is destroyed.
    DestructionDiffers,
    /// The movements do not give what a certificate says of that moment.
    CertificateDiffers,
}

impl Kind {
    /// The word for it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NumberMissing => "NUMBER_MISSING",
            Self::NotThere => "NOT_THERE",
            Self::CustodyDiffers => "CUSTODY_DIFFERS",
            Self::NotMerged => "NOT_MERGED",
            Self::CardDiffers => "CARD_DIFFERS",
            Self::CardMissing => "CARD_MISSING",
            Self::DeliveryDiffers => "DELIVERY_DIFFERS",
            Self::KindDiffers => "KIND_DIFFERS",
            Self::ReversalDiffers => "REVERSAL_DIFFERS",
            Self::ShipmentDiffers => "SHIPMENT_DIFFERS",
            Self::CaseDiffers => "CASE_DIFFERS",
            Self::DestructionDiffers => "DESTRUCTION_DIFFERS",
            Self::CertificateDiffers => "CERTIFICATE_DIFFERS",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What does not fit.
    pub kind: Kind,
    /// Where.
    pub place: Location,
    /// About which serials, where that is known.
    pub run: Option<Run>,
    /// How it shows, to be read after the place.
    pub words: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.kind.label(), self.place)?;
        if let Some(run) = self.run {
            write!(out, " {run}")?;
        }
        write!(out, ": {}", self.words)
    }
}

/// What an audit saw.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// In the order in which they were found.
    pub findings: Vec<Finding>,
    /// More of them, beyond those that are listed.
    pub unlisted: u64,
    /// Movements read.
    pub movements: u64,
    /// Locations with movements.
    pub locations: u64,
    /// Runs that the movements give.
    pub runs: u64,
    /// Serials in them.
    pub serials: i64,
    /// Cards compared.
    pub cards: u64,
    /// Deliveries compared.
    pub deliveries: u64,
    /// Shipments compared.
    pub shipments: u64,
    /// Cases compared.
    pub cases: u64,
    /// Records of destruction compared.
    pub destructions: u64,
    /// Locations of the certificate that were compared.
    pub certified: u64,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// How much was found.
    pub fn found(&self) -> u64 {
        self.findings.len() as u64 + self.unlisted
    }

    pub(super) fn add(
        &mut self,
        kind: Kind,
        place: Location,
        run: Option<Run>,
        words: impl Into<String>,
    ) {
        if self.findings.len() < LISTED_MAX {
            self.findings.push(Finding {
                kind,
                place,
                run,
                words: words.into(),
            });
        } else {
            self.unlisted += 1;
        }
    }
}
