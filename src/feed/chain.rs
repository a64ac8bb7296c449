//! The chain of digests that makes a ledger's numbers tell one history from another.
//!
//! After a restore or a fail-over the same numbers can come back with other contents. The digest at a number covers
//! everything up to it, so two histories that agree in one digest agree in all that went before.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use time::Date;

use crate::feed::journal::Event;

/// A place in a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Position {
    /// The last event that counts.
    pub revision: i64,
    /// The digest there; empty before the first event.
    pub digest: Vec<u8>,
    /// A day, by the database, on which nothing later had been committed yet; later events are at most a day older.
    pub day: Date,
}

impl Position {
    /// The earliest day that an event after this position can bear: its transaction may have begun before midnight.
    pub fn since(&self) -> Date {
        self.day.previous_day().unwrap_or(self.day)
    }

    /// The place at an event.
    pub fn at(event: &Event) -> Self {
        Self {
            revision: event.revision,
            digest: event.digest.clone(),
            day: event.at.date(),
        }
    }

    /// Whether the events follow this position: no number is missing or twice, and each digest covers the one before.
    pub fn is_followed_by(&self, events: &[Arc<Event>]) -> bool {
        let (mut revision, mut digest) = (self.revision, self.digest.as_slice());
        events.iter().all(|event| {
            let fits = event.revision == revision + 1 && event.digest == chained(digest, event);
            (revision, digest) = (event.revision, event.digest.as_slice());
            fits
        })
    }
}

/// The digest that an event must bear after `prior`; the same formula as ledger_append in the database.
fn chained(prior: &[u8], event: &Event) -> [u8; 32] {
    Sha256::new()
        .chain_update(prior)
        .chain_update(event.revision.to_be_bytes())
        .chain_update(event.topic.number().to_be_bytes())
        .chain_update(&event.body)
        .finalize()
        .into()
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::OnceLock;

    use time::{Duration, macros::datetime};

    use super::*;
    use crate::feed::Topic;

    /// A ledger of events that follow one another; each commit is a list of topics.
    pub(in crate::feed) fn ledger(commits: &[&[Topic]]) -> Vec<Arc<Event>> {
        let (mut digest, mut heads, mut revision) = (Vec::new(), [0; 6], 0);
        let mut events = Vec::new();
        for commit in commits {
            for (place, topic) in commit.iter().enumerate() {
                revision += 1;
                let head = &mut heads[usize::from(topic.number().unsigned_abs()) - 1];
                let mut event = Event {
                    revision,
                    topic: *topic,
                    prior_revision: *head,
                    last_in_commit: !commit[place + 1..].contains(topic),
                    body: revision.to_be_bytes().to_vec().into(),
                    digest: Vec::new(),
                    at: datetime!(2017-04-18 08:00 UTC) + Duration::seconds(revision),
                    said: OnceLock::new(),
                };
                *head = revision;
                event.digest = chained(&digest, &event).to_vec();
                digest.clone_from(&event.digest);
                events.push(Arc::new(event));
            }
        }
        events
    }

    pub(in crate::feed) fn beginning() -> Position {
        Position {
            revision: 0,
            digest: Vec::new(),
            day: time::macros::date!(2017 - 04 - 18),
        }
    }

    #[test]
    fn events_that_follow_fit_and_others_do_not() {
        let events = ledger(&[
            &[Topic::Queue],
            &[Topic::Stock, Topic::Queue],
            &[Topic::Queue],
        ]);
        assert!(beginning().is_followed_by(&events));
        assert!(Position::at(&events[1]).is_followed_by(&events[2..]));
        assert!(Position::at(&events[3]).is_followed_by(&[]));
        assert!(!beginning().is_followed_by(&events[1..]), "one is missing");
        assert!(
            !Position::at(&events[0]).is_followed_by(&events),
            "one comes twice"
        );
        let mut holed = events.clone();
        holed.remove(2);
        assert!(!beginning().is_followed_by(&holed));
    }

    #[test]
    fn a_changed_event_breaks_the_chain() {
        let mut events = ledger(&[&[Topic::Queue], &[Topic::Queue]]);
        let mut changed = (*events[0]).clone();
        changed.body = b"other".to_vec().into();
        events[0] = Arc::new(changed);
        assert!(!beginning().is_followed_by(&events));
        let mut other = Position::at(&events[0]);
        other.digest[0] ^= 1;
        assert!(!other.is_followed_by(&events[1..]));
    }
}
