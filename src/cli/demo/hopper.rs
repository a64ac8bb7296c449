//! The boxes of blanks that printers are fed from: the district's own, or one in each subdistrict.
//!
//! What is easily got wrong: a box is of the people outside. It holds what they have put into it; what the system has in
//! stock there is asked of the system.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use crate::proto::SerialRange;

/// Of the last blanks an eighth is used at a time, so that enough are left for whoever comes back; where the queue was the
/// shorter side, far more are left, and a lot is no longer than a lease.
const LAST_LOT: usize = 8;

/// A store with its box.
pub struct Store {
    pub location: String,
    pub hopper: Hopper,
}

impl Store {
    /// With these blanks in the box.
    pub fn filled(location: &str, serials: &[SerialRange]) -> Self {
        let blanks = serials
            .iter()
            .flat_map(|range| range.first..=range.last)
            .collect();
        Self {
            location: location.to_owned(),
            hopper: Hopper(Mutex::new(blanks)),
        }
    }
}

/// Blanks as they lie in a box: whoever needs some takes the lowest numbers.
pub struct Hopper(Mutex<BTreeSet<i64>>);

impl Hopper {
    /// Up to `count` blanks, leaving `reserve` in the box.
    pub fn take(&self, count: usize, reserve: usize) -> Vec<i64> {
        let mut blanks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = count.min(blanks.len().saturating_sub(reserve));
        std::iter::from_fn(|| blanks.pop_first())
            .take(count)
            .collect()
    }

    /// A lot of the last blanks, no longer than a lease.
    pub fn take_last(&self, longest: usize) -> Vec<i64> {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.take((left / LAST_LOT).clamp(1, longest), 0)
    }

    pub fn give_back(&self, unused: &[i64]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(unused);
    }

    /// What somebody sees who looks into the box, neighbours joined.
    pub fn lying(&self) -> Vec<SerialRange> {
        let blanks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut runs: Vec<SerialRange> = Vec::new();
        for serial in blanks.iter().copied() {
            match runs.last_mut() {
                Some(run) if run.last + 1 == serial => run.last = serial,
                Some(_) | None => runs.push(SerialRange {
                    first: serial,
                    last: serial,
                }),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hopper(serials: impl Iterator<Item = i64>) -> Hopper {
        Hopper(Mutex::new(serials.collect()))
    }

    #[test]
    fn the_box_gives_the_lowest_numbers_and_keeps_its_reserve() {
        let hopper = hopper(1..=10);
        assert_eq!(hopper.take(4, 3), [1, 2, 3, 4]);
        hopper.give_back(&[4]);
        assert_eq!(hopper.take(50, 3), [4, 5, 6, 7]);
        assert!(hopper.take(50, 3).is_empty());
        assert_eq!(hopper.take(1, 0), [8]);
    }

    #[test]
    fn the_last_lots_grow_smaller_down_to_a_single_blank() {
        let hopper = hopper(1..=80);
        let lots: Vec<usize> =
            std::iter::from_fn(|| Some(hopper.take_last(50).len()).filter(|lot| *lot > 0))
                .collect();
        assert_eq!((lots.first(), lots.last()), (Some(&10), Some(&1)));
        assert_eq!(lots.iter().sum::<usize>(), 80);
        assert!(lots.is_sorted_by(|before, after| before >= after));
    }

    #[test]
    fn where_blanks_abound_a_lot_is_no_longer_than_a_lease() {
        assert_eq!(hopper(1..=9_000).take_last(50).len(), 50);
    }

    #[test]
    fn who_looks_into_the_box_sees_runs() {
        let store = Store::filled("16.71.02", &[SerialRange { first: 3, last: 9 }]);
        store.hopper.take(2, 0);
        store.hopper.give_back(&[3]);
        let run = |first, last| SerialRange { first, last };
        assert_eq!(store.hopper.lying(), [run(3, 3), run(5, 9)]);
    }
}
