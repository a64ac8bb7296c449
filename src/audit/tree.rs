//! The Merkle tree hash of RFC 6962, 2.1, over SHA-256: leaves are appended from left to right, and only the peaks of the
//! complete subtrees are kept.
//!
//! What is easily got wrong: a leaf and a node are hashed with different first bytes. Without that, a node could be passed
//! off as a leaf.

use sha2::{Digest as _, Sha256};

use super::Digest;

/// A tree that grows to the right.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    leaves: u64,
    /// The roots of the complete subtrees, the largest first: one for each 1 in `leaves`.
    peaks: Vec<Digest>,
}

impl Tree {
    /// Appends a leaf by its hash.
    pub fn append(&mut self, leaf: Digest) {
        let mut hash = leaf;
        let mut level = self.leaves;
        while level & 1 == 1 {
            let left = self.peaks.pop().expect("each 1 in the count has its peak");
            hash = node(&left, &hash);
            level >>= 1;
        }
        self.peaks.push(hash);
        self.leaves += 1;
    }

    /// The root; of no leaves the hash of nothing.
    pub fn root(&self) -> Digest {
        let from_the_right = self.peaks.iter().rev().copied();
        from_the_right
            .reduce(|right, left| node(&left, &right))
            .unwrap_or_else(|| Sha256::digest([]).into())
    }
}

/// The hash of a leaf.
pub fn leaf(bytes: &[u8]) -> Digest {
    Sha256::new()
        .chain_update([0])
        .chain_update(bytes)
        .finalize()
        .into()
}

fn node(left: &Digest, right: &Digest) -> Digest {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    /// The leaves and roots of the reference test of certificate transparency logs: the root of each of the first trees.
    const VECTORS: [(&str, &str); 8] = [
        (
            "",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        ),
        (
            "00",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        ),
        (
            "10",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        ),
        (
            "2021",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
        (
            "3031",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        ),
        (
            "40414243",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        ),
        (
            "5051525354555657",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        ),
        (
            "606162636465666768696a6b6c6d6e6f",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ];

    #[test]
    fn the_roots_are_those_of_the_standard() {
        let mut tree = Tree::default();
        assert_eq!(
            hex::encode(&tree.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        for (bytes, root) in VECTORS {
            tree.append(leaf(&hex::decode(bytes).expect("hexadecimal")));
            assert_eq!(hex::encode(&tree.root()), root);
        }
    }

    /// The definition of RFC 6962, word for word: split at the largest power of two below the size.
    fn defined(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => *one,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(split);
                node(&defined(left), &defined(right))
            }
        }
    }

    #[test]
    fn growing_gives_what_the_definition_says_for_every_size() {
        let leaves: Vec<Digest> = (0..130_u8).map(|number| leaf(&[number])).collect();
        let mut tree = Tree::default();
        for (size, next) in leaves.iter().enumerate() {
            assert_eq!(tree.root(), defined(&leaves[..size]), "{size} leaves");
            tree.append(*next);
        }
    }
}
