//! One district's chain, row by row: what does not fit, and the digests where heads were made.
//!
//! What is easily got wrong: after a row that does not fit the walk goes on from the digest as it is *stored*. So a change
//! is reported where it was made, and not once more for every row behind it. Nothing is lost by that: where no row is
//! reported, every digest was computed.

use super::{
    Digest, Kind, Leaf, Report,
    copy::{Row, chained},
};

/// Rows that do not fit and are looked at together to tell how; more of them are only counted.
const EXAMINED_MAX: usize = 16;

/// The chain had come to `number` when a head was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Which of the heads, by its place in the table.
    pub head: usize,
    /// The last row that it covers.
    pub number: i64,
    /// The hash of its leaf; absent where the row is not there.
    pub leaf: Option<Digest>,
}

/// Where the table of heads of all ledgers says that the chain ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    pub number: i64,
    pub digest: Vec<u8>,
}

/// A row that does not follow from the one before.
struct Broken {
    number: i64,
    prior: Option<Digest>,
    digest: Digest,
    rest: Vec<u8>,
}

impl Broken {
    /// Whether its content would give a digest, its own or a neighbour's, at that number after one of those.
    fn belongs(&self, district: i32, at: i64, all: &[Broken]) -> bool {
        let priors = all
            .iter()
            .flat_map(|other| [other.prior, Some(other.digest)]);
        let mut digests = priors.map(|prior| chained(prior.as_ref(), district, at, &self.rest));
        digests.any(|digest| all.iter().any(|other| other.digest == digest))
    }

    /// Whether it is as it was written, and only the row before it is another one.
    fn is_whole(&self, district: i32, all: &[Broken]) -> bool {
        all.iter().any(|other| {
            chained(Some(&other.digest), district, self.number, &self.rest) == self.digest
        })
    }
}

/// The walk along one chain.
pub(super) struct Walk {
    district: i32,
    end: End,
    marks: Vec<Mark>,
    /// The first mark that was not passed yet.
    next: usize,
    last: i64,
    last_digest: Option<Digest>,
    before_last: Option<Digest>,
    broken: Vec<Broken>,
    broken_count: u64,
}

impl Walk {
    /// Before the first row. The marks are in ascending order.
    pub fn begin(district: i32, end: Option<End>, marks: Vec<Mark>) -> Self {
        Self {
            district,
            // A chain that the ledgers do not know has no rows.
            end: end.unwrap_or(End {
                number: 0,
                digest: Vec::new(),
            }),
            marks,
            next: 0,
            last: 0,
            last_digest: None,
            before_last: None,
            broken: Vec::new(),
            broken_count: 0,
        }
    }

    /// The next row in ascending order, with the end of its text.
    pub fn row(&mut self, row: &Row, rest: &[u8], report: &mut Report) {
        if row.number <= self.last {
            self.twice(row, rest, report);
            return;
        }
        let follows = row.number == self.last + 1;
        if !follows {
            let words = match row.number - self.last - 1 {
                1 => "the row is not there".to_owned(),
                many => format!("{many} rows up to {} are not there", row.number - 1),
            };
            report.row(Kind::Missing, self.district, self.last + 1, words);
        }
        if row.number > self.end.number {
            let words = format!("the chain ends at {} and does not have it", self.end.number);
            report.row(Kind::Inserted, self.district, row.number, words);
        }
        // After a hole nothing tells what the row must give.
        let prior = self.last_digest;
        if follows && chained(prior.as_ref(), self.district, row.number, rest) != row.digest {
            self.broken_count += 1;
            if self.broken.len() < EXAMINED_MAX {
                self.broken.push(Broken {
                    number: row.number,
                    prior,
                    digest: row.digest,
                    rest: rest.to_vec(),
                });
            }
        }
        self.before_last = if follows { self.last_digest } else { None };
        (self.last, self.last_digest) = (row.number, Some(row.digest));
        self.mark(row);
    }

    /// A number that stands twice; the one that fits is taken for the chain's.
    fn twice(&mut self, row: &Row, rest: &[u8], report: &mut Report) {
        report.row(
            Kind::Inserted,
            self.district,
            row.number,
            "the number stands twice",
        );
        let fits =
            chained(self.before_last.as_ref(), self.district, row.number, rest) == row.digest;
        if fits
            && self
                .broken
                .last()
                .is_some_and(|broken| broken.number == row.number)
        {
            self.broken.pop();
            self.broken_count -= 1;
            self.last_digest = Some(row.digest);
            self.next = self.next.saturating_sub(1);
            self.mark(row);
        }
    }

    fn mark(&mut self, row: &Row) {
        while let Some(mark) = self.marks.get_mut(self.next) {
            if mark.number > row.number {
                return;
            }
            if mark.number == row.number {
                let leaf = Leaf {
                    district: self.district,
                    number: row.number,
                    digest: row.digest,
                };
                mark.leaf = Some(leaf.hash());
            }
            self.next += 1;
        }
    }

    /// After the last row: what was found, and the marks with their leaves.
    pub fn finish(self, report: &mut Report) -> Vec<Mark> {
        self.tell_broken(report);
        let claimed = self.marks.last().map_or(0, |mark| mark.number);
        if claimed.max(self.end.number) > self.last {
            let words = match (claimed, self.end.number) {
                (signed, known) if signed > known => {
                    format!(
                        "the chain ends at {}, and a signed head covers row {signed}",
                        self.last
                    )
                }
                (_, known) => format!("the chain ends at {} instead of {known}", self.last),
            };
            report.row(Kind::Truncated, self.district, self.last + 1, words);
        } else if self.last == self.end.number
            && self.end.digest != self.last_digest.map(Vec::from).unwrap_or_default()
        {
            let words = "the chain's last digest is not the row's";
            report.row(Kind::Edited, self.district, self.last, words);
        }
        self.marks
    }

    /// Tells how the rows that do not fit came about, as far as they show it together.
    fn tell_broken(&self, report: &mut Report) {
        let (district, all) = (self.district, &self.broken);
        let belongs: Vec<Option<i64>> = all
            .iter()
            .map(|row| {
                let mut places = all.iter().map(|other| other.number);
                places.find(|place| *place != row.number && row.belongs(district, *place, all))
            })
            .collect();
        let before = report.findings.len();
        for (row, place) in all.iter().zip(&belongs) {
            if let Some(place) = place {
                let words = format!("it holds what was written as row {place}");
                report.row(Kind::Reordered, district, row.number, words);
            } else if belongs.contains(&Some(row.number)) {
                let words = "what was written here stands at another number";
                report.row(Kind::Inserted, district, row.number, words);
            } else if !row.is_whole(district, all) {
                let words = "its content does not give its digest";
                report.row(Kind::Edited, district, row.number, words);
            }
        }
        if let Some(first) = all.first()
            && report.findings.len() == before
        {
            let words = "it does not follow from the row before it";
            report.row(Kind::Edited, district, first.number, words);
        }
        let further = self.broken_count - self.broken.len() as u64;
        if further > 0 {
            let last = all.last().map_or(self.last, |row| row.number);
            let words = format!("{further} more rows from here on do not follow from those before");
            report.row(Kind::Edited, district, last + 1, words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISTRICT: i32 = 3_575;

    type Rows = Vec<(Row, Vec<u8>)>;

    /// A chain of so many rows.
    fn written(count: i64) -> Rows {
        let mut prior: Option<Digest> = None;
        (1..=count)
            .map(|number| {
                let rest = format!("content {number}").into_bytes();
                let digest = chained(prior.as_ref(), DISTRICT, number, &rest);
                prior = Some(digest);
                let row = Row {
                    district: DISTRICT,
                    number,
                    digest,
                };
                (row, rest)
            })
            .collect()
    }

    /// What a walk over the rows finds of a chain that had twenty, with heads at 5 and 20.
    fn found(mut rows: Rows) -> (Vec<(Kind, i64)>, Vec<bool>) {
        rows.sort_by_key(|(row, _)| row.number);
        let all = written(20);
        let digest = all[19].0.digest.to_vec();
        let end = End { number: 20, digest };
        let mark = |head, number| Mark {
            head,
            number,
            leaf: None,
        };
        let mut walk = Walk::begin(DISTRICT, Some(end), vec![mark(0, 5), mark(1, 20)]);
        let mut report = Report::default();
        for (row, rest) in &rows {
            walk.row(row, rest, &mut report);
        }
        let marks = walk.finish(&mut report);
        let findings = report.findings.iter();
        (
            findings
                .map(|finding| (finding.kind, finding.number))
                .collect(),
            marks.iter().map(|mark| mark.leaf.is_some()).collect(),
        )
    }

    #[test]
    fn a_chain_as_written_fits() {
        assert_eq!(found(written(20)), (vec![], vec![true, true]));
    }

    #[test]
    fn each_way_of_tampering_is_named_where_it_was_done() {
        let mut edited = written(20);
        edited[6].1 = b"another content".to_vec();
        assert_eq!(found(edited).0, [(Kind::Edited, 7)]);

        let mut deleted = written(20);
        deleted.drain(3..5);
        assert_eq!(
            found(deleted),
            (vec![(Kind::Missing, 4)], vec![false, true])
        );

        let mut cut = written(20);
        cut.truncate(12);
        assert_eq!(found(cut), (vec![(Kind::Truncated, 13)], vec![true, false]));
        assert_eq!(found(Vec::new()).0, [(Kind::Truncated, 1)]);

        let mut twice = written(20);
        let (mut row, rest) = twice[8].clone();
        row.digest = [1; 32];
        twice.insert(8, (row, rest));
        assert_eq!(found(twice).0, [(Kind::Inserted, 9)]);

        let mut longer = written(21);
        longer[20].1 = b"a forged end".to_vec();
        let (kinds, _) = found(longer);
        assert!(kinds.contains(&(Kind::Inserted, 21)), "{kinds:?}");
    }

    #[test]
    fn rows_that_changed_places_are_told_from_edited_ones() {
        for (one, other) in [(3, 11), (3, 4), (0, 19)] {
            let mut swapped = written(20);
            let (a, b) = (swapped[one].0.number, swapped[other].0.number);
            swapped[one].0.number = b;
            swapped[other].0.number = a;
            assert_eq!(
                found(swapped).0[..2],
                [(Kind::Reordered, a), (Kind::Reordered, b)]
            );
            let mut contents = written(20);
            let (left, right) = contents.split_at_mut(other);
            std::mem::swap(&mut left[one].1, &mut right[0].1);
            assert_eq!(
                found(contents).0[..2],
                [(Kind::Reordered, a), (Kind::Reordered, b)]
            );
        }
    }

    #[test]
    fn a_row_squeezed_in_is_told_from_those_that_had_to_move() {
        let mut shifted = written(20);
        for (row, _) in &mut shifted[9..] {
            row.number += 1;
        }
        let forged = Row {
            district: DISTRICT,
            number: 10,
            digest: [2; 32],
        };
        shifted.push((forged, b"forged".to_vec()));
        let (kinds, _) = found(shifted);
        assert!(kinds.contains(&(Kind::Inserted, 10)), "{kinds:?}");
        assert!(kinds.contains(&(Kind::Reordered, 11)), "{kinds:?}");
    }
}
