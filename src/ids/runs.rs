//! What each serial is with, kept as maximal runs: ten thousand blanks of one box are one entry until one of them goes.
//!
//! What is easily got wrong: whatever a run is put over loses those serials and keeps the rest, so one run in the middle of
//! another makes three of one. Neighbours that are with the same become one again.

use std::collections::BTreeMap;

/// Runs of serials that do not overlap, by their first serial, and what each is with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs<T>(BTreeMap<i64, Held<T>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held<T> {
    last: i64,
    with: T,
}

/// Not derived: that would ask what serials are with for a default of its own.
impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Copy + Eq> Runs<T> {
    /// Puts the serials from `first` to `last` with something, whatever they were with.
    pub fn put(&mut self, first: i64, last: i64, with: T) {
        if first > last {
            return;
        }
        self.take_out(first, last);
        let (mut whole_first, mut whole_last) = (first, last);
        if let Some((start, held)) = self.0.range(..first).next_back()
            && held.last + 1 == first
            && held.with == with
        {
            whole_first = *start;
        }
        if let Some(held) = self.0.get(&(last + 1)).copied()
            && held.with == with
        {
            self.0.remove(&(last + 1));
            whole_last = held.last;
        }
        let last = whole_last;
        self.0.insert(whole_first, Held { last, with });
    }

    /// Forgets the serials from `first` to `last`.
    pub fn take_out(&mut self, first: i64, last: i64) {
        if first > last {
            return;
        }
        // Runs do not overlap, so only the nearest one that begins below can reach in.
        let below = self.0.range_mut(..first).next_back();
        if let Some((_, held)) = below
            && held.last >= first
        {
            let rest = *held;
            held.last = first - 1;
            self.keep_above(last, rest);
        }
        while let Some(start) = self.0.range(first..=last).next().map(|(start, _)| *start) {
            if let Some(held) = self.0.remove(&start) {
                self.keep_above(last, held);
            }
        }
    }

    /// Keeps what of a run that was cut lies above a serial.
    fn keep_above(&mut self, serial: i64, held: Held<T>) {
        if held.last > serial {
            self.0.insert(serial + 1, held);
        }
    }

    /// What of the serials from `first` to `last` is with something: first, last, what; in rising order.
    pub fn touching(&self, first: i64, last: i64) -> impl Iterator<Item = (i64, i64, T)> {
        let below = self.0.range(..first).next_back();
        let below = below.filter(move |(_, held)| held.last >= first);
        let inside = self.0.range(first..);
        let inside = inside.take_while(move |(start, _)| **start <= last);
        below
            .into_iter()
            .chain(inside)
            .map(move |(start, held)| (first.max(*start), last.min(held.last), held.with))
    }

    /// All runs in rising order: first, last, what they are with.
    pub fn iter(&self) -> impl Iterator<Item = (i64, i64, T)> {
        self.0
            .iter()
            .map(|(first, held)| (*first, held.last, held.with))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::vec,
        option,
        prelude::{prop_assert, prop_assert_eq, proptest},
    };

    use super::*;

    /// Small, so that runs meet, split and join all the time.
    const SERIALS: i64 = 40;

    fn all(runs: &Runs<u8>) -> Vec<(i64, i64, u8)> {
        runs.iter().collect()
    }

    #[test]
    fn one_serial_out_of_the_middle_makes_three_runs_of_one_and_back() {
        let mut runs = Runs::default();
        runs.put(1, 10, 7);
        runs.put(4, 4, 8);
        assert_eq!(all(&runs), [(1, 3, 7), (4, 4, 8), (5, 10, 7)]);
        runs.put(4, 4, 7);
        assert_eq!(all(&runs), [(1, 10, 7)]);
        runs.take_out(3, 12);
        assert_eq!(all(&runs), [(1, 2, 7)]);
        runs.put(9, 8, 7);
        runs.take_out(9, 8);
        assert_eq!(all(&runs), [(1, 2, 7)], "there is nothing from 9 to 8");
    }

    #[test]
    fn what_touches_a_stretch_is_answered_as_far_as_it_does() {
        let mut runs = Runs::default();
        runs.put(1, 5, 7);
        runs.put(8, 20, 8);
        let touching: Vec<_> = runs.touching(4, 10).collect();
        assert_eq!(touching, [(4, 5, 7), (8, 10, 8)]);
        assert_eq!(runs.touching(6, 7).count(), 0);
        assert_eq!(runs.touching(7, 6).count(), 0);
    }

    proptest! {
        #[test]
        fn runs_tell_what_a_map_of_single_serials_tells(
            acts in vec((1..=SERIALS, 0..12_i64, option::of(0..3_u8)), 0..60)
        ) {
            let mut runs = Runs::default();
            let mut singles = BTreeMap::new();
            for (first, more, with) in acts {
                let last = first + more;
                match with {
                    Some(with) => {
                        runs.put(first, last, with);
                        singles.extend((first..=last).map(|serial| (serial, with)));
                    }
                    None => {
                        runs.take_out(first, last);
                        singles.retain(|serial, _| !(first..=last).contains(serial));
                    }
                }
                let told: BTreeMap<i64, u8> = runs
                    .iter()
                    .flat_map(|(first, last, with)| (first..=last).map(move |serial| (serial, with)))
                    .collect();
                prop_assert_eq!(&told, &singles);
                let ends = all(&runs);
                prop_assert!(
                    ends.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0 || pair[0].2 != pair[1].2),
                    "neighbours of one holder are one run: {:?}",
                    ends
                );
            }
        }
    }
}
