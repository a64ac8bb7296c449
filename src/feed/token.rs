//! The resume token: which history, which ledger, which topic, how far, and the digest there.
//!
//! It is opaque to clients and sealed by a keyed digest, so that a position cannot be carried to another district or made
//! up. That it is genuine does not make it good: [`crate::feed::resume`] asks the ledger.

use time::Date;
use uuid::Uuid;

use crate::{
    feed::{Topic, chain::Position},
    ids::District,
    seal::Keys,
};

/// The first byte; another layout gets another number.
const VERSION: u8 = 1;
/// Of a digest's 32 bytes; enough to tell histories apart, and half as long to keep.
pub(super) const DIGEST_BYTES: usize = 16;
/// The length of the keyed digest.
const MAC_BYTES: usize = 16;
/// Version, feed id, district, topic, revision, digest, day.
const BODY_BYTES: usize = 1 + 16 + 4 + 1 + 8 + DIGEST_BYTES + 4;
/// The purpose of the keyed digest.
const PURPOSE: &str = "resume_token";

/// A token taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Token {
    /// The history that it belongs to.
    pub feed_id: Uuid,
    /// Whose ledger.
    pub district: District,
    /// Which stream.
    pub topic: Topic,
    /// Everything up to here was delivered.
    pub revision: i64,
    /// The beginning of the digest there; zeros before the first event.
    pub digest: [u8; DIGEST_BYTES],
    /// As in [`Position`].
    pub day: Date,
}

impl Token {
    /// The token of a position.
    pub fn of(feed_id: Uuid, district: District, topic: Topic, position: &Position) -> Self {
        Self {
            feed_id,
            district,
            topic,
            revision: position.revision,
            digest: short(&position.digest),
            day: position.day,
        }
    }

    /// As bytes, with the keyed digest.
    pub fn write(&self, keys: &Keys) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BODY_BYTES + MAC_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.feed_id.as_bytes());
        bytes.extend_from_slice(&self.district.number().to_be_bytes());
        // Topics are few and their numbers small.
        bytes.extend_from_slice(&self.topic.number().to_be_bytes()[1..]);
        bytes.extend_from_slice(&self.revision.to_be_bytes());
        bytes.extend_from_slice(&self.digest);
        bytes.extend_from_slice(&self.day.to_julian_day().to_be_bytes());
        let mac = keys.digest(PURPOSE, &bytes);
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        bytes
    }

    /// Takes bytes apart; none if they are not a token of ours.
    pub fn read(keys: &Keys, bytes: &[u8]) -> Option<Self> {
        if bytes.len() != BODY_BYTES + MAC_BYTES {
            return None;
        }
        let (body, mac) = bytes.split_at(BODY_BYTES);
        // Compared without stopping at the first difference, so that the time tells nothing about the right bytes.
        let difference = keys
            .digest(PURPOSE, body)
            .iter()
            .zip(mac)
            .fold(0, |all, (ours, theirs)| all | (ours ^ theirs));
        if difference != 0 {
            return None;
        }
        let mut rest = body;
        let [VERSION] = part::<1>(&mut rest)? else {
            return None;
        };
        let feed_id = Uuid::from_bytes(part(&mut rest)?);
        let district = District::from_number(i32::from_be_bytes(part(&mut rest)?)).ok()?;
        let [topic] = part(&mut rest)?;
        Some(Self {
            feed_id,
            district,
            topic: Topic::from_number(i16::from(topic))?,
            revision: i64::from_be_bytes(part(&mut rest)?),
            digest: part(&mut rest)?,
            day: Date::from_julian_day(i32::from_be_bytes(part(&mut rest)?)).ok()?,
        })
    }
}

/// A digest as tokens carry it.
pub(super) fn short(digest: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut short = [0; DIGEST_BYTES];
    for (to, from) in short.iter_mut().zip(digest) {
        *to = *from;
    }
    short
}

fn part<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (part, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*part)
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::vec,
        prelude::{any, prop_assert_eq, proptest},
        sample::select,
    };

    use super::*;

    fn token() -> Token {
        Token {
            feed_id: Uuid::from_u128(7),
            district: "35.75".parse().expect("a district"),
            topic: Topic::Queue,
            revision: 41,
            digest: [9; DIGEST_BYTES],
            day: time::macros::date!(2017 - 04 - 18),
        }
    }

    #[test]
    fn a_token_with_one_changed_bit_is_no_token() {
        let keys = Keys::random();
        let bytes = token().write(&keys);
        assert_eq!(Token::read(&keys, &bytes), Some(token()));
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Token::read(&keys, &other), None, "bit {bit}");
        }
    }

    #[test]
    fn a_token_under_another_key_is_no_token() {
        let bytes = token().write(&Keys::random());
        assert_eq!(Token::read(&Keys::random(), &bytes), None);
    }

    #[test]
    fn a_digest_is_cut_and_an_empty_one_is_zeros() {
        assert_eq!(short(&[]), [0; DIGEST_BYTES]);
        assert_eq!(short(&[3; 32]), [3; DIGEST_BYTES]);
    }

    proptest! {
        #[test]
        fn every_token_survives_being_written_and_read(
            feed in any::<u128>(),
            topic in select(&Topic::ALL[..]),
            revision in 0..i64::MAX,
            digest in any::<[u8; DIGEST_BYTES]>(),
            days in 2_400_000..2_600_000,
        ) {
            let keys = Keys::random();
            let made = Token {
                feed_id: Uuid::from_u128(feed),
                topic,
                revision,
                digest,
                day: Date::from_julian_day(days).expect("within the calendar"),
                ..token()
            };
            prop_assert_eq!(Token::read(&keys, &made.write(&keys)), Some(made));
        }

        #[test]
        fn no_other_bytes_are_a_token(bytes in vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(Token::read(&Keys::random(), &bytes), None);
        }
    }
}
