//! Signing: every server looks often, and the one that finds the last head old enough makes the next.
//!
//! A head is made each minute also when nothing happened: to those who keep heads, silence then means that something is
//! wrong. What is easily got wrong: a server may die between the commit and the copy in its witness file. Each round
//! therefore copies whatever the file lacks, whoever made it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use prost::Message as _;

use super::{Head, Key, Leaf, key::SIGNATURE_BYTES, store, tree::Tree, witness};
use crate::{
    caller::{Caller, Principal},
    error::Result,
    feed::Topic,
    ids::District,
    proto,
    work::{Desk, Work},
};

/// At least one head in this time; a rewrite of what is older can be proved.
pub const HEAD_EVERY: Duration = Duration::from_secs(60);
/// How often a server looks within that time: if the one that made the last head has died, another is not late by more.
const LOOKS: u32 = 12;

/// With what a server signs, and where it keeps its copies.
#[derive(Debug)]
pub struct Signing {
    /// The key.
    pub key: Arc<Key>,
    /// The file outside the database to which each head is appended.
    pub witness: PathBuf,
    /// How often there is a head.
    pub every: Duration,
}

impl Signing {
    /// The time between two looks.
    pub fn look_every(&self) -> Duration {
        self.every / LOOKS
    }

    /// The age of the last head at which the next is made: one look early, so that none is later than promised.
    fn due_after(&self) -> Duration {
        self.every.saturating_sub(self.look_every())
    }
}

/// One round: makes a head if one is due, then appends what the witness file lacks. Answers the head made.
pub async fn round(desk: &Desk, signing: &Arc<Signing>) -> Result<Option<Head>> {
    let with = Arc::clone(signing);
    let system = Caller::from(Principal::System);
    let made = desk
        .act_unasked(system, "chore/sign_audit_head", move |work| {
            Box::pin(async move { sign(work, &with).await })
        })
        .await?;
    witness::catch_up(desk, &signing.witness).await?;
    Ok(made)
}

async fn sign(work: &mut Work, signing: &Signing) -> Result<Option<Head>> {
    let due = signing.due_after().as_secs_f64();
    let Some(last) = store::lock_if_due(work.db(), due).await? else {
        return Ok(None);
    };
    let chains = store::chains(work.db()).await?;
    let mut tree = Tree::default();
    for leaf in &chains.leaves {
        tree.append(leaf.hash());
    }
    let head = Head {
        number: last.number + 1,
        made_at: chains.as_of,
        rows: rows(&chains.leaves),
        root: tree.root(),
        prior_root: last.root,
        signature: [0; SIGNATURE_BYTES],
        public_key: [0; 32],
    }
    .signed(&signing.key);
    store::insert(work.db(), &head, &chains.leaves).await?;
    work.record(
        District::CENTRE,
        Topic::AuditHeads,
        ("audit_head", head.number),
        proto::AuditHead::from(&head).encode_to_vec(),
    );
    Ok(Some(head))
}

/// How many rows the chains have together; their numbers are dense.
fn rows(leaves: &[Leaf]) -> i64 {
    leaves.iter().map(|leaf| leaf.number).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_head_is_later_than_promised() {
        let signing = Signing {
            key: Arc::new(Key::random()),
            witness: PathBuf::new(),
            every: HEAD_EVERY,
        };
        assert_eq!(
            signing.due_after() + signing.look_every(),
            HEAD_EVERY,
            "found a moment too young, the next look finds it due"
        );
        assert_eq!(signing.look_every(), Duration::from_secs(5));
    }
}
