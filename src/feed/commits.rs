//! Events back into the commits that wrote them, and commits into parts that fit a message.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::feed::{Topic, journal::Event};

/// The most entries of one message; a larger commit comes in parts.
pub(super) const PART_MAX: usize = 100;

/// Collects the events of one topic until their commit is whole. It holds one commit at most, which is bounded where
/// commits are written.
#[derive(Debug)]
pub(super) struct Commits {
    topic: Topic,
    open: Vec<Arc<Event>>,
}

/// One message's share of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The topic's revision before it.
    pub prior_revision: i64,
    /// Its last event.
    pub revision: i64,
    /// The encoded states.
    pub bodies: Vec<Arc<[u8]>>,
    /// The commit goes on in the next part.
    pub more: bool,
    /// When its last event was written.
    pub at: OffsetDateTime,
}

impl Commits {
    /// Nothing collected yet.
    pub fn of(topic: Topic) -> Self {
        Self {
            topic,
            open: Vec::new(),
        }
    }

    /// Takes the ledger's next event; answers the topic's commit that it completes.
    pub fn push(&mut self, event: &Arc<Event>) -> Option<Vec<Arc<Event>>> {
        if event.topic != self.topic {
            return None;
        }
        self.open.push(Arc::clone(event));
        event.last_in_commit.then(|| std::mem::take(&mut self.open))
    }
}

/// A commit in parts.
pub(super) fn parts(commit: &[Arc<Event>]) -> impl Iterator<Item = Part> + '_ {
    let count = commit.len().div_ceil(PART_MAX);
    commit
        .chunks(PART_MAX)
        .enumerate()
        .map(move |(place, part)| Part {
            prior_revision: part[0].prior_revision,
            revision: part[part.len() - 1].revision,
            bodies: part.iter().map(|event| Arc::clone(&event.body)).collect(),
            more: place + 1 < count,
            at: part[part.len() - 1].at,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::chain::tests::ledger;

    fn commits(topic: Topic, events: &[Arc<Event>]) -> Vec<Vec<i64>> {
        let mut commits = Commits::of(topic);
        events
            .iter()
            .filter_map(|event| commits.push(event))
            .map(|commit| commit.iter().map(|event| event.revision).collect())
            .collect()
    }

    #[test]
    fn events_of_one_topic_come_together_as_they_were_committed() {
        let (queue, stock) = (Topic::Queue, Topic::Stock);
        let events = ledger(&[
            &[queue, stock, queue, stock],
            &[stock],
            &[queue],
            &[queue, queue],
        ]);
        assert_eq!(commits(queue, &events), [vec![1, 3], vec![6], vec![7, 8]]);
        assert_eq!(commits(stock, &events), [vec![2, 4], vec![5]]);
        assert!(commits(Topic::Collections, &events).is_empty());
    }

    #[test]
    fn a_commit_that_is_not_whole_yet_is_kept_back() {
        let events = ledger(&[&[Topic::Queue; 3]]);
        assert!(commits(Topic::Queue, &events[..2]).is_empty());
    }

    #[test]
    fn a_large_commit_is_one_change_in_parts_without_a_hole() {
        let events = ledger(&[&[Topic::Queue], &[Topic::Queue; 250]]);
        let parts: Vec<Part> = parts(&events[1..]).collect();
        assert_eq!(
            parts
                .iter()
                .map(|part| (
                    part.prior_revision,
                    part.revision,
                    part.bodies.len(),
                    part.more
                ))
                .collect::<Vec<_>>(),
            [
                (1, 101, 100, true),
                (101, 201, 100, true),
                (201, 251, 50, false)
            ]
        );
    }

    #[test]
    fn a_commit_of_exactly_one_part_has_no_more() {
        let events = ledger(&[&[Topic::Queue; PART_MAX]]);
        let parts: Vec<Part> = parts(&events).collect();
        assert_eq!(parts.len(), 1);
        assert!(!parts[0].more);
    }
}
