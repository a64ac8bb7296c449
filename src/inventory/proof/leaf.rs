//! The hashes of a certificate: a leaf over the runs of each location, and the root over the leaves.
//!
//! What is easily got wrong: the rows of custody should be maximal runs and a superuser can split one. The leaf is of the
//! maximal runs, whatever the rows are; that rows are not merged is a finding of its own.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::{Run, name};
use crate::{
    audit::Digest,
    inventory::{CustodyState, Location},
};

/// How many serials there are in each state, by its name.
pub type Quantities = BTreeMap<String, i64>;

/// A leaf under way: runs come in rising order of their serials.
pub struct Leaf {
    hash: Sha256,
    runs: u64,
    open: Option<(Run, CustodyState)>,
    quantities: Quantities,
}

impl Leaf {
    /// Of a location.
    pub fn begin(location: Location) -> Self {
        Self {
            hash: Sha256::new().chain_update(location.number().to_be_bytes()),
            runs: 0,
            open: None,
            quantities: Quantities::new(),
        }
    }

    /// The next run of it.
    pub fn add(&mut self, run: Run, state: CustodyState) {
        if let Some((open, held)) = &mut self.open
            && *held == state
            && open.last + 1 == run.first
        {
            open.last = run.last;
            return;
        }
        self.close();
        self.open = Some((run, state));
    }

    fn close(&mut self) {
        let Some((run, state)) = self.open.take() else {
            return;
        };
        let state = name(state);
        let length = u8::try_from(state.len()).expect("a state's name is a word or two");
        self.hash.update(run.first.to_be_bytes());
        self.hash.update(run.last.to_be_bytes());
        self.hash.update([length]);
        self.hash.update(state);
        self.runs += 1;
        *self.quantities.entry(state.to_owned()).or_default() += run.count();
    }

    /// The leaf, and what it is the sum of.
    pub fn finish(mut self) -> (Digest, Quantities) {
        self.close();
        let hash = self.hash.chain_update(self.runs.to_be_bytes());
        (hash.finalize().into(), self.quantities)
    }
}

/// The root over leaves in ascending order of their locations.
pub fn root(leaves: impl ExactSizeIterator<Item = (Location, Digest)>) -> Digest {
    let count = leaves.len() as u64;
    let mut hash = Sha256::new();
    for (location, leaf) in leaves {
        hash.update(location.number().to_be_bytes());
        hash.update(leaf);
    }
    hash.chain_update(count.to_be_bytes()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    fn leaf(runs: &[(i64, i64, CustodyState)]) -> (Digest, Quantities) {
        let mut leaf = Leaf::begin(Location::CENTRE);
        for (first, last, state) in runs {
            let run = Run {
                first: *first,
                last: *last,
            };
            leaf.add(run, *state);
        }
        leaf.finish()
    }

    #[test]
    fn a_leaf_is_of_the_maximal_runs() {
        use CustodyState::{Bound, InStock};
        let whole = leaf(&[(1, 10, InStock), (11, 11, Bound)]);
        assert_eq!(
            leaf(&[(1, 4, InStock), (5, 10, InStock), (11, 11, Bound)]),
            whole
        );
        assert_ne!(leaf(&[(1, 10, InStock), (12, 12, Bound)]).0, whole.0);
        assert_ne!(leaf(&[(1, 10, InStock)]).0, whole.0);
        let expected: Quantities = [("BOUND".to_owned(), 1), ("IN_STOCK".to_owned(), 10)].into();
        assert_eq!(whole.1, expected);
    }

    /// The bytes of docs/stock-proof.md, spelled out.
    #[test]
    fn the_encoding_is_the_documented_one() {
        let bytes = hex::decode(&format!(
            "00000000{:016x}{:016x}08{}{:016x}",
            1,
            10,
            hex::encode(b"IN_STOCK"),
            1
        ))
        .expect("hexadecimal");
        let digest: Digest = Sha256::digest(&bytes).into();
        let (leaf, _) = leaf(&[(1, 10, CustodyState::InStock)]);
        assert_eq!(leaf, digest);
        let mut bytes = vec![0; 4];
        bytes.extend(leaf);
        bytes.extend(1_u64.to_be_bytes());
        let digest: Digest = Sha256::digest(&bytes).into();
        assert_eq!(root([(Location::CENTRE, leaf)].into_iter()), digest);
    }
}
