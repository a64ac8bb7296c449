//! Serial numbers of blank cards, single and in unbroken ranges, as they stand on the maker's boxes.
//!
//! A range is inclusive at both ends here and on the wire. Postgres normalises an `int8range` to an exclusive upper end,
//! so whoever writes one adds one to `last`.

use std::{collections::BTreeMap, fmt};

/// The largest serial number: thirteen digits, and far from where adding one to a bigint would overflow.
const SERIAL_MAX: i64 = 9_999_999_999_999;

/// The longest range. A district gets thousands of blanks at a time and the largest delivery of the maker some hundred
/// thousand; a range beyond a million is a slip of the finger that would claim other people's blanks.
const RANGE_LENGTH_MAX: i64 = 1_000_000;

/// Why numbers are not a serial or a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SerialError {
    #[error("must be from 1 to {SERIAL_MAX}")]
    OutOfBounds,
    #[error("the first serial must not be above the last")]
    Backwards,
    #[error("a range must hold at most {RANGE_LENGTH_MAX} serials")]
    TooLong,
}

/// The number printed on a blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(i64);

impl Serial {
    pub fn new(number: i64) -> Result<Self, SerialError> {
        let inside = (1..=SERIAL_MAX).contains(&number);
        inside
            .then_some(Self(number))
            .ok_or(SerialError::OutOfBounds)
    }

    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Consecutive serials from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SerialRange {
    first: Serial,
    last: Serial,
}

impl SerialRange {
    pub fn new(first: Serial, last: Serial) -> Result<Self, SerialError> {
        if first > last {
            return Err(SerialError::Backwards);
        }
        let range = Self { first, last };
        (range.count() <= RANGE_LENGTH_MAX)
            .then_some(range)
            .ok_or(SerialError::TooLong)
    }

    pub const fn first(self) -> Serial {
        self.first
    }

    pub const fn last(self) -> Serial {
        self.last
    }

    pub const fn count(self) -> i64 {
        self.last.0 - self.first.0 + 1
    }

    pub fn contains(self, serial: Serial) -> bool {
        self.first <= serial && serial <= self.last
    }
}

/// Says that no two ranges share a serial, or the index of the first one that meets a range before it.
pub fn disjoint(ranges: &[SerialRange]) -> Result<(), usize> {
    let mut taken: BTreeMap<Serial, Serial> = BTreeMap::new();
    for (index, range) in ranges.iter().enumerate() {
        // What is taken is disjoint, so only the nearest range that begins at or below our end can reach into us.
        let nearest = taken.range(..=range.last).next_back();
        if nearest.is_some_and(|(_, last)| *last >= range.first) {
            return Err(index);
        }
        taken.insert(range.first, range.last);
    }
    Ok(())
}

/// How many blanks the ranges hold together.
pub fn total(ranges: &[SerialRange]) -> i64 {
    ranges.iter().map(|range| range.count()).sum()
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::vec,
        prelude::{prop_assert_eq, proptest},
    };

    use super::*;

    fn range(first: i64, last: i64) -> SerialRange {
        let serial = |number| Serial::new(number).expect("a serial of the test");
        SerialRange::new(serial(first), serial(last)).expect("a range of the test")
    }

    #[test]
    fn a_serial_has_one_to_thirteen_digits() {
        for bad in [i64::MIN, -1, 0, SERIAL_MAX + 1, i64::MAX] {
            assert_eq!(Serial::new(bad), Err(SerialError::OutOfBounds), "{bad}");
        }
        for good in [1, SERIAL_MAX] {
            assert_eq!(Serial::new(good).map(Serial::number), Ok(good));
        }
    }

    #[test]
    fn a_range_counts_both_of_its_ends() {
        assert_eq!(range(1, 8000).count(), 8000);
        assert_eq!(range(5, 5).count(), 1);
        assert!(range(5, 7).contains(range(7, 7).first()));
        assert!(!range(5, 7).contains(range(8, 8).first()));
    }

    #[test]
    fn a_range_runs_forward_and_is_not_too_long() {
        let serial = |number| Serial::new(number).expect("a serial of the test");
        assert_eq!(
            SerialRange::new(serial(2), serial(1)),
            Err(SerialError::Backwards)
        );
        assert_eq!(range(1, RANGE_LENGTH_MAX).count(), RANGE_LENGTH_MAX);
        assert_eq!(
            SerialRange::new(serial(1), serial(RANGE_LENGTH_MAX + 1)),
            Err(SerialError::TooLong)
        );
        assert_eq!(
            SerialRange::new(serial(1), serial(SERIAL_MAX)),
            Err(SerialError::TooLong)
        );
    }

    #[test]
    fn the_first_range_that_meets_an_earlier_one_is_named() {
        assert_eq!(disjoint(&[]), Ok(()));
        assert_eq!(
            disjoint(&[range(10, 20), range(21, 30), range(1, 9)]),
            Ok(())
        );
        assert_eq!(
            disjoint(&[range(10, 20), range(30, 40), range(20, 29), range(1, 50)]),
            Err(2)
        );
        assert_eq!(disjoint(&[range(10, 20), range(1, 50)]), Err(1));
        assert_eq!(disjoint(&[range(1, 50), range(10, 20)]), Err(1));
        assert_eq!(total(&[range(10, 20), range(1, 1)]), 12);
    }

    proptest! {
        #[test]
        fn overlap_is_found_as_by_comparing_every_pair(pairs in vec((1_i64..200, 0_i64..12), 0..14)) {
            let ranges: Vec<_> = pairs.iter().map(|(first, more)| range(*first, first + more)).collect();
            let meets = |a: &SerialRange, b: &SerialRange| a.first <= b.last && b.first <= a.last;
            let slow = (0..ranges.len()).find(|at| ranges[..*at].iter().any(|seen| meets(seen, &ranges[*at])));
            prop_assert_eq!(disjoint(&ranges).err(), slow);
        }
    }
}
