//! A certificate of conservation: what it says, its text, and what it must fulfil to be one.
//!
//! What is easily got wrong: `received` is what a location ever took into its own accounts, the disputed included, and what
//! is still on its way to it is none of that. So received − sent on is the sum of all its states but IN_TRANSIT.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::{
    Area, Cut,
    document::{self, Parts},
    leaf::{Quantities, root},
};
use crate::{
    audit::{self, Digest, PublicKey},
    hex,
    inventory::Location,
};

mod text;

/// How the text begins; another version begins otherwise.
pub const TITLE: &str = "ektp stock certificate v1";
/// The longest file that is read: four times what one message may carry.
const FILE_MAX: usize = 16 * 1024 * 1024;
/// The largest figure that is read. As many of them as a file can have still add up to what 64 bits hold, and the nation
/// has fewer cards by far.
const FIGURE_MAX: i64 = 1_000_000_000_000;
/// The state of what is not there yet.
const IN_TRANSIT: &str = "IN_TRANSIT";

/// What is certified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// About what.
    pub area: Area,
    /// The database's time at the beginning of the snapshot: whatever was committed before is in it.
    pub made_at: OffsetDateTime,
    /// Serials that the maker ever delivered to locations of the area.
    pub registered: i64,
    /// The numbers of locations elsewhere that ever gave into the area.
    pub givers: BTreeMap<Location, i64>,
    /// The locations of the area that ever had anything.
    pub places: BTreeMap<Location, Place>,
}

/// One location's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its last movement's number.
    pub movements: i64,
    /// Ever taken into its own accounts.
    pub received: i64,
    /// Ever given out of them.
    pub sent_on: i64,
    /// By the movements on its way there.
    pub due: i64,
    /// Over its runs of custody.
    pub leaf: Digest,
    /// How many serials in each state, by custody.
    pub quantities: Quantities,
}

/// A text that is no certificate, or one that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Longer than any.
    #[error("it is longer than any certificate")]
    TooLong,
    /// It has no key and signature below it.
    #[error("it is not a signed text")]
    NotSigned,
    /// It is another text, or its signature is another one's.
    #[error("the signature is not of this text: it was changed after it was signed")]
    Changed,
    /// Signed by somebody else.
    #[error("it is signed by {0}, which is not the key given")]
    OtherKey(String),
    /// Not what a certificate looks like.
    #[error("line {0} is not one of a certificate")]
    Line(usize),
    /// Its totals or its root are not those of its own lines.
    #[error("its {0} is not that of its own lines")]
    Sum(&'static str),
    /// A law of conservation does not hold.
    #[error("it does not balance: {}", .0.join("; "))]
    Broken(Vec<String>),
}

/// A certificate with the key that signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What it says.
    pub certificate: Certificate,
    /// Who signed.
    pub key: PublicKey,
}

impl Signed {
    /// Reads a file and checks everything that can be checked without the database.
    pub fn read(file: &str, trusted: Option<&PublicKey>) -> Result<Self, CertificateError> {
        if file.len() > FILE_MAX {
            return Err(CertificateError::TooLong);
        }
        let parts = Parts::of(file).ok_or(CertificateError::NotSigned)?;
        if !parts.is_signed() {
            return Err(CertificateError::Changed);
        }
        if trusted.is_some_and(|key| *key != parts.key) {
            return Err(CertificateError::OtherKey(hex::encode(&parts.key)));
        }
        let certificate = Certificate::parse(parts.text)?;
        let broken = certificate.broken();
        if !broken.is_empty() {
            let words = broken.into_iter().map(|(_, words)| words).collect();
            return Err(CertificateError::Broken(words));
        }
        Ok(Self {
            certificate,
            key: parts.key,
        })
    }
}

impl Certificate {
    /// The file: the text, signed.
    pub fn signed(&self, key: &audit::Key) -> String {
        document::sign(&self.text(), key)
    }

    /// Over all leaves.
    pub fn root(&self) -> Digest {
        let leaves = self.places.iter();
        root(leaves.map(|(location, place)| (*location, place.leaf)))
    }

    /// How many serials there are in each state.
    pub fn total(&self) -> Quantities {
        let mut total = Quantities::new();
        for (state, quantity) in self.places.values().flat_map(|place| &place.quantities) {
            *total.entry(state.clone()).or_default() += quantity;
        }
        total
    }

    /// Each law that does not hold, with its place; none for the nation's own.
    pub fn broken(&self) -> Vec<(Option<Location>, String)> {
        let mut broken = Vec::new();
        for (location, place) in &self.places {
            let here = place.here();
            if place.received - place.sent_on != here {
                let words = format!(
                    "{location} received {} and sent on {}, and {here} are there",
                    place.received, place.sent_on
                );
                broken.push((Some(*location), words));
            }
            let in_transit = place.in_transit();
            if place.due != in_transit {
                let words = format!(
                    "{} are due at {location}, and {in_transit} are in transit",
                    place.due
                );
                broken.push((Some(*location), words));
            }
        }
        let all: i64 = self.total().values().sum();
        if self.area == Area::Nation && all != self.registered {
            let words = format!(
                "{} were registered, and {all} are anywhere",
                self.registered
            );
            broken.push((None, words));
        }
        broken
    }

    /// What contradicts an older certificate of the same area, kept since: numbers that went back, and serials that
    /// changed where nothing moved.
    pub fn contradicts(&self, older: &Self) -> Vec<String> {
        if self.area != older.area || self.made_at < older.made_at {
            return vec!["it is not an older certificate of the same area".to_owned()];
        }
        let mut words = Vec::new();
        for (location, before) in &older.places {
            let Some(now) = self.places.get(location) else {
                words.push(format!("{location} is not there any more"));
                continue;
            };
            let counts = |place: &Place| [place.movements, place.received, place.sent_on];
            let fell = counts(now).into_iter().zip(counts(before));
            if fell.into_iter().any(|(now, before)| now < before) {
                words.push(format!("{location} has fewer movements than it had"));
            } else if counts(now) == counts(before)
                && now.due == before.due
                && now.leaf != before.leaf
            {
                words.push(format!(
                    "{location} has other serials, and nothing moved there"
                ));
            }
        }
        if self.registered < older.registered {
            words.push("fewer serials are registered than were".to_owned());
        }
        words
    }

    /// Up to where the movements lead to it.
    pub fn cut(&self) -> Cut {
        let places = self.places.iter();
        let mut numbers: BTreeMap<Location, i64> = places
            .map(|(location, place)| (*location, place.movements))
            .collect();
        numbers.extend(&self.givers);
        Cut {
            numbers,
            area: self.area,
        }
    }
}

impl Place {
    fn in_transit(&self) -> i64 {
        self.quantities.get(IN_TRANSIT).copied().unwrap_or(0)
    }

    fn here(&self) -> i64 {
        self.quantities.values().sum::<i64>() - self.in_transit()
    }
}

#[cfg(test)]
mod tests;
