//! The heads in the table, checked among themselves and against those that were kept; and the marks that they set in the
//! districts' chains.
//!
//! What is easily got wrong: a head covers every chain, and only few of them grow in a minute. A mark is kept only where a
//! chain had grown, and each head's tree is built while the chains go by, so a year of heads fits the memory.

use std::collections::{BTreeMap, HashMap};

use futures::TryStreamExt as _;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    Digest, Head, Kind, Report,
    chain::Mark,
    tree::Tree,
    verify::{Kept, Trust},
};
use crate::error::Result;

/// A head whose root is being computed again.
struct Under {
    number: i64,
    root: Digest,
    tree: Tree,
    /// All rows that it needs were there so far.
    whole: bool,
}

/// All heads of the table.
#[derive(Default)]
pub(super) struct Heads {
    under: Vec<Under>,
    marks: BTreeMap<i32, Vec<Mark>>,
    /// How far the head before had each chain.
    reached: BTreeMap<i32, i64>,
    before: Option<(i64, Digest)>,
}

/// A row of the table, as it stands there.
struct Stored {
    number: i64,
    made_at: OffsetDateTime,
    districts: Vec<i32>,
    numbers: Vec<i64>,
    row_count: i64,
    root: Vec<u8>,
    prior_root: Vec<u8>,
    signature: Vec<u8>,
    public_key: Vec<u8>,
}

impl Stored {
    fn head(&self) -> Option<Head> {
        Some(Head {
            number: self.number,
            made_at: self.made_at,
            rows: self.row_count,
            root: self.root.as_slice().try_into().ok()?,
            prior_root: match self.prior_root.as_slice() {
                [] => None,
                bytes => Some(bytes.try_into().ok()?),
            },
            signature: self.signature.as_slice().try_into().ok()?,
            public_key: self.public_key.as_slice().try_into().ok()?,
        })
    }
}

impl Heads {
    /// Reads the table; each head is checked as it comes.
    #[tracing::instrument(name = "sql.read_audit_heads", skip_all)]
    pub async fn read(db: &mut PgConnection, trust: &Trust, report: &mut Report) -> Result<Self> {
        let mut kept = compared(trust, report);
        let mut heads = Self::default();
        let mut rows = sqlx::query_as!(
            Stored,
            r#"
            select number, made_at, districts, numbers, row_count, root, prior_root, signature, public_key
            from audit_tree_head
            order by number
            "#,
        )
        .fetch(db);
        while let Some(stored) = rows.try_next().await? {
            report.heads += 1;
            heads.check(&stored, trust, report);
            for kept in kept.remove(&stored.number).unwrap_or_default() {
                if stored.head().as_ref() != Some(&kept.head) {
                    let words = format!("it is not the one that {} has", kept.from);
                    report.head(Kind::HeadDiffers, stored.number, words);
                }
            }
        }
        let mut lost: Vec<&Kept> = kept.into_values().flatten().collect();
        lost.sort_by_key(|kept| kept.head.number);
        for kept in lost {
            let words = format!("{} has it, the table does not", kept.from);
            report.head(Kind::HeadMissing, kept.head.number, words);
        }
        Ok(heads)
    }

    fn check(&mut self, stored: &Stored, trust: &Trust, report: &mut Report) {
        let number = stored.number;
        let mut edited = |words: &str| report.head(Kind::HeadEdited, number, words);
        let Some(head) = stored.head() else {
            edited("a digest, a signature or a key has another length");
            return;
        };
        if !head.is_signed() {
            edited("the signature is not of what it says");
        }
        let prior = self.before.map(|(_, root)| root);
        let follows = number == self.before.map_or(1, |(before, _)| before + 1);
        if follows && head.prior_root != prior {
            edited("it does not name the root of the head before it");
        }
        if let Err(words) = self.mark(stored) {
            edited(words);
        }
        if !follows {
            let first = self.before.map_or(1, |(before, _)| before + 1);
            let words = format!("the table has no head before {number} back to this one");
            report.head(Kind::HeadMissing, first, words);
        }
        if !trust.keys.is_empty() && !trust.keys.contains(&head.public_key) {
            let words = "it is signed by a key that is not trusted";
            report.head(Kind::UnknownKey, number, words);
        }
        report.keys.insert(head.public_key);
        report.covered = head.rows.unsigned_abs();
        self.before = Some((number, head.root));
        self.under.push(Under {
            number,
            root: head.root,
            tree: Tree::default(),
            whole: true,
        });
    }

    /// Notes the chains that have grown since the head before.
    fn mark(&mut self, stored: &Stored) -> Result<(), &'static str> {
        let Stored {
            districts, numbers, ..
        } = stored;
        if districts.len() != numbers.len() || !districts.is_sorted_by(|one, next| one < next) {
            return Err("its chains are not in order");
        }
        let sum = numbers
            .iter()
            .try_fold(0_i64, |sum, number| sum.checked_add(*number));
        if sum != Some(stored.row_count) {
            return Err("its rows are not the sum of its chains");
        }
        let mut known = 0;
        for (district, number) in districts.iter().zip(numbers) {
            let reached = self.reached.get(district).copied();
            known += usize::from(reached.is_some());
            if *number < reached.unwrap_or(1) {
                return Err("it covers less of a chain than the head before it");
            }
        }
        if known != self.reached.len() {
            return Err("it lacks a chain that the head before it has");
        }
        let head = self.under.len();
        for (district, number) in districts.iter().zip(numbers) {
            if self.reached.insert(*district, *number) != Some(*number) {
                let marks = self.marks.entry(*district).or_default();
                marks.push(Mark {
                    head,
                    number: *number,
                    leaf: None,
                });
            }
        }
        Ok(())
    }

    /// The chains that some head covers.
    pub fn districts(&self) -> impl Iterator<Item = i32> {
        self.marks.keys().copied()
    }

    /// The marks of one chain, to be given back with their leaves.
    pub fn take_marks(&mut self, district: i32) -> Vec<Mark> {
        self.marks.remove(&district).unwrap_or_default()
    }

    /// Takes a chain's leaf into the tree of every head that covers it. Chains come in ascending order.
    pub fn grow(&mut self, marks: &[Mark]) {
        let Some(first) = marks.first() else {
            return;
        };
        let mut marks = marks.iter().peekable();
        let mut leaf = None;
        for (place, under) in self.under.iter_mut().enumerate().skip(first.head) {
            if let Some(mark) = marks.next_if(|mark| mark.head == place) {
                leaf = mark.leaf;
            }
            match leaf {
                Some(leaf) => under.tree.append(leaf),
                None => under.whole = false,
            }
        }
    }

    /// After the last chain: the heads whose roots are not what was signed.
    pub fn finish(self, report: &mut Report) {
        let differ: Vec<i64> = self
            .under
            .iter()
            .filter(|under| under.whole && under.tree.root() != under.root)
            .map(|under| under.number)
            .collect();
        if let (Some(first), Some(last)) = (differ.first(), differ.last()) {
            let words = match differ.len() {
                1 => "the chains do not give its root".to_owned(),
                many => format!(
                    "the chains do not give its root, nor those of {} more heads up to {last}",
                    many - 1
                ),
            };
            report.head(Kind::Rewritten, *first, words);
        }
    }
}

/// The kept heads by number, those that are no proof reported and left out.
fn compared<'t>(trust: &'t Trust, report: &mut Report) -> HashMap<i64, Vec<&'t Kept>> {
    let mut kept: HashMap<i64, Vec<&Kept>> = HashMap::new();
    for one in &trust.kept {
        report.kept += 1;
        let number = one.head.number;
        if !one.head.is_signed() {
            let words = format!("the one that {} has is not signed", one.from);
            report.head(Kind::NotSigned, number, words);
        } else if !trust.keys.is_empty() && !trust.keys.contains(&one.head.public_key) {
            let words = format!(
                "the one that {} has is signed by a key that is not trusted",
                one.from
            );
            report.head(Kind::UnknownKey, number, words);
        } else {
            kept.entry(number).or_default().push(one);
        }
    }
    kept
}
