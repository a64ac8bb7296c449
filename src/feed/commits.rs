//! Events back into the commits that wrote them, in parts that fit a message.
//!
//! What is easily got wrong: a stream begins at a commit's end and nowhere else, so that every stream of a topic cuts the
//! same commit into the same parts.

use std::sync::Arc;

use crate::feed::{Topic, journal::Event};

/// The most entries of one message; a larger commit comes in parts.
const PART_MAX: usize = 100;
/// A message is full with so many bytes of states. It is what a reader that takes nothing holds back several times over:
/// in its stream's hand, on the way to it, and in HTTP/2's buffers.
pub(super) const FULL: usize = 16 * 1024;

/// Collects the events of one topic until they are a part. It holds one part at most.
#[derive(Debug)]
pub(super) struct Commits {
    topic: Topic,
    open: Vec<Arc<Event>>,
}

impl Commits {
    /// Nothing collected yet.
    pub fn of(topic: Topic) -> Self {
        Self {
            topic,
            open: Vec::new(),
        }
    }

    /// Takes the ledger's next event; answers the part of the topic's commit that it completes. The commit goes on in
    /// the next part unless its last event is the commit's.
    pub fn push(&mut self, event: &Arc<Event>) -> Option<Vec<Arc<Event>>> {
        if event.topic != self.topic {
            return None;
        }
        self.open.push(Arc::clone(event));
        let whole = event.last_in_commit || self.open.len() >= PART_MAX || self.is_full();
        whole.then(|| std::mem::take(&mut self.open))
    }

    fn is_full(&self) -> bool {
        let bytes: usize = self.open.iter().map(|event| event.body.len()).sum();
        bytes >= FULL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::chain::tests::ledger;

    fn parts(topic: Topic, events: &[Arc<Event>]) -> Vec<Vec<i64>> {
        let mut commits = Commits::of(topic);
        events
            .iter()
            .filter_map(|event| commits.push(event))
            .map(|part| part.iter().map(|event| event.revision).collect())
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
        assert_eq!(parts(queue, &events), [vec![1, 3], vec![6], vec![7, 8]]);
        assert_eq!(parts(stock, &events), [vec![2, 4], vec![5]]);
        assert!(parts(Topic::Collections, &events).is_empty());
    }

    #[test]
    fn a_commit_that_is_not_whole_yet_is_kept_back() {
        let events = ledger(&[&[Topic::Queue; 3]]);
        assert!(parts(Topic::Queue, &events[..2]).is_empty());
    }

    #[test]
    fn a_large_commit_comes_in_parts_without_a_hole() {
        let events = ledger(&[&[Topic::Queue], &[Topic::Queue; 250]]);
        let parts = parts(Topic::Queue, &events);
        let ends = |part: &Vec<i64>| (part.first().copied(), part.last().copied());
        assert_eq!(
            parts.iter().map(ends).collect::<Vec<_>>(),
            [
                (Some(1), Some(1)),
                (Some(2), Some(101)),
                (Some(102), Some(201)),
                (Some(202), Some(251))
            ]
        );
    }

    #[test]
    fn a_commit_of_exactly_one_part_is_one() {
        let events = ledger(&[&[Topic::Queue; PART_MAX]]);
        assert_eq!(parts(Topic::Queue, &events).len(), 1);
        assert!(events[PART_MAX - 1].last_in_commit);
    }

    #[test]
    fn a_part_is_full_by_its_bytes_as_well() {
        let mut events = ledger(&[&[Topic::Queue; 12]]);
        for event in &mut events {
            let mut long = (**event).clone();
            long.body = vec![0; FULL / 5].into();
            *event = Arc::new(long);
        }
        let counts: Vec<usize> = parts(Topic::Queue, &events).iter().map(Vec::len).collect();
        assert_eq!(counts, [6, 6], "five are a few bytes short of it");
    }
}
