//! Sums and differences of runs of serials. Inputs must each be free of overlaps; answers are in rising order.

use crate::{
    ids::{Serial, SerialRange},
    inventory::RUN_MAX,
};

fn run(first: i64, last: i64) -> SerialRange {
    let serial = |number| Serial::new(number).expect("it lies inside a range that was checked");
    SerialRange::new(serial(first), serial(last)).expect("it is no longer than the longest run")
}

/// The same serials in rising order, neighbours joined as long as a range may be.
pub fn merged(ranges: &[SerialRange]) -> Vec<SerialRange> {
    let mut sorted = ranges.to_vec();
    sorted.sort_by_key(|range| range.first());
    let mut joined: Vec<SerialRange> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match joined.last_mut() {
            Some(before)
                if before.last().number() + 1 == range.first().number()
                    && before.count() + range.count() <= RUN_MAX =>
            {
                *before = run(before.first().number(), range.last().number());
            }
            Some(_) | None => joined.push(range),
        }
    }
    joined
}

/// What is in `whole` and not in `part`.
pub fn minus(whole: &[SerialRange], part: &[SerialRange]) -> Vec<SerialRange> {
    let (whole, part) = (merged(whole), merged(part));
    let mut rest = Vec::new();
    for range in whole {
        let mut next = range.first().number();
        // Both are in order: what ends before the range is passed over at once, a store may hold thousands of runs.
        let nearest = part.partition_point(|taken| taken.last() < range.first());
        for taken in part[nearest..]
            .iter()
            .take_while(|taken| taken.first() <= range.last())
        {
            if next < taken.first().number() {
                rest.push(run(next, taken.first().number() - 1));
            }
            next = taken.last().number() + 1;
        }
        if next <= range.last().number() {
            rest.push(run(next, range.last().number()));
        }
    }
    rest
}

/// What is in either.
pub fn union(one: &[SerialRange], other: &[SerialRange]) -> Vec<SerialRange> {
    merged(&[one, &minus(other, one)].concat())
}

/// The lowest `wanted` serials of a run (at least one, at most all), and what is left of it.
pub fn split(whole: SerialRange, wanted: i64) -> (SerialRange, Option<SerialRange>) {
    let (first, last) = (whole.first().number(), whole.last().number());
    let end = last.min(first + wanted.max(1) - 1);
    (run(first, end), (end < last).then(|| run(end + 1, last)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{
        collection::btree_set,
        prelude::{prop_assert, prop_assert_eq, proptest},
    };

    use super::*;

    fn singles(serials: &BTreeSet<i64>) -> Vec<SerialRange> {
        serials.iter().map(|serial| run(*serial, *serial)).collect()
    }

    fn all(ranges: &[SerialRange]) -> Vec<i64> {
        ranges
            .iter()
            .flat_map(|range| range.first().number()..=range.last().number())
            .collect()
    }

    #[test]
    fn neighbours_are_joined_but_not_beyond_the_longest_run() {
        assert_eq!(
            merged(&[run(5, 9), run(1, 4), run(11, 12)]),
            [run(1, 9), run(11, 12)]
        );
        let long = [run(1, RUN_MAX), run(RUN_MAX + 1, RUN_MAX + 1)];
        assert_eq!(merged(&long), long);
    }

    #[test]
    fn a_hole_in_the_middle_leaves_two_runs() {
        assert_eq!(minus(&[run(1, 10)], &[run(4, 6)]), [run(1, 3), run(7, 10)]);
        assert_eq!(minus(&[run(1, 10)], &[run(1, 10)]), []);
        assert_eq!(minus(&[run(1, 10)], &[run(8, 20)]), [run(1, 7)]);
    }

    proptest! {
        #[test]
        fn runs_are_subtracted_as_sets_are(whole in btree_set(1_i64..60, 0..40), part in btree_set(1_i64..60, 0..40)) {
            let rest = minus(&singles(&whole), &singles(&part));
            let expected: Vec<i64> = whole.difference(&part).copied().collect();
            prop_assert_eq!(all(&rest), expected);
            prop_assert!(rest.windows(2).all(|pair| pair[0].last() < pair[1].first()));
        }

        #[test]
        fn runs_are_joined_as_sets_are(one in btree_set(1_i64..60, 0..40), other in btree_set(1_i64..60, 0..40)) {
            let joined: Vec<i64> = one.union(&other).copied().collect();
            prop_assert_eq!(all(&union(&singles(&one), &singles(&other))), joined);
        }
    }
}
