//! What a follower of WatchQueue holds: the picture, the revision it is of, and the token to resume with.
//!
//! What is easily got wrong: a commit may come in parts and only the last part carries a token. After a break the stream
//! starts again at the token, so the held revision goes back to the token's as well; the entries may stay, because a
//! change carries states and not differences.

use std::{collections::HashMap, time::Duration};

use prost_types::Timestamp;

use crate::proto::{
    PrintRequestState, QueueChange, QueueEntry, ResyncReason, WatchQueueResponse,
    watch_queue_response::Message,
};

/// The queue as the stream has told it so far.
#[derive(Debug, Default)]
pub struct Picture {
    entries: HashMap<String, QueueEntry>,
    /// The picture that a running snapshot builds; the old one is shown until it is complete.
    building: Option<HashMap<String, QueueEntry>>,
    revision: u64,
    topic_revision: u64,
    token: Vec<u8>,
    token_topic_revision: u64,
    as_of: Option<Timestamp>,
    stale_since: Option<Timestamp>,
}

/// What one message told, for showing.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// A snapshot begins, or goes on.
    Building,
    /// The snapshot is complete.
    Snapshot {
        revision: u64,
        topic_revision: u64,
        entries: usize,
    },
    /// Something changed.
    Change(QueueChange),
    /// Nothing was missed.
    Bookmark { revision: u64, topic_revision: u64 },
    /// The picture may be old.
    Stale,
    /// A fresh snapshot follows.
    Resync(ResyncReason),
    /// The server goes away; come back after the first, plus a random part of the second.
    Drain(Duration, Duration),
    /// A message of a newer contract.
    Unknown,
}

/// The stream broke its promise: a change was missed or repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the stream has a gap: held revision {held}, told prior revision {prior} at revision {revision}"
)]
pub struct Gap {
    pub held: u64,
    pub prior: u64,
    pub revision: u64,
}

impl Picture {
    /// The token to resume with; empty asks for a snapshot.
    pub fn token(&self) -> Vec<u8> {
        self.token.clone()
    }

    /// The open requests.
    pub fn entries(&self) -> impl Iterator<Item = &QueueEntry> {
        self.entries.values()
    }

    /// How many requests are open.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The ledger's revision up to which everything was told.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The database's time of the last change, snapshot or bookmark.
    pub fn as_of(&self) -> Option<&Timestamp> {
        self.as_of.as_ref()
    }

    /// Since when the server cannot see the ledger; absent while it can.
    pub fn stale_since(&self) -> Option<&Timestamp> {
        self.stale_since.as_ref()
    }

    /// The next stream starts at the token.
    pub fn reconnected(&mut self) {
        self.building = None;
        self.topic_revision = self.token_topic_revision;
    }

    /// Takes a message in, and checks by arithmetic that nothing was missed and nothing comes twice.
    pub fn take(&mut self, response: WatchQueueResponse) -> Result<Told, Gap> {
        let Some(message) = response.message else {
            return Ok(Told::Unknown);
        };
        Ok(match message {
            Message::SnapshotBegin(_) => {
                self.building = Some(HashMap::new());
                Told::Building
            }
            Message::SnapshotChunk(chunk) => {
                let building = self.building.get_or_insert_default();
                building.extend(
                    chunk
                        .entries
                        .into_iter()
                        .map(|entry| (entry.print_request_id.clone(), entry)),
                );
                Told::Building
            }
            Message::SnapshotEnd(end) => {
                self.entries = self.building.take().unwrap_or_default();
                self.topic_revision = end.topic_revision;
                self.position(end.revision, end.resume_token, end.as_of_time);
                let (revision, topic_revision) = (end.revision, end.topic_revision);
                Told::Snapshot {
                    revision,
                    topic_revision,
                    entries: self.entries.len(),
                }
            }
            Message::Change(change) => {
                self.change(&change)?;
                Told::Change(change)
            }
            Message::Bookmark(bookmark) => {
                let (revision, topic_revision) = (bookmark.revision, bookmark.topic_revision);
                self.expect(topic_revision, revision)?;
                self.position(revision, bookmark.resume_token, bookmark.as_of_time);
                Told::Bookmark {
                    revision,
                    topic_revision,
                }
            }
            Message::Stale(stale) => {
                self.stale_since = stale.since_time;
                Told::Stale
            }
            Message::Resync(resync) => Told::Resync(resync.reason()),
            Message::Drain(drain) => Told::Drain(duration(drain.after), duration(drain.spread)),
        })
    }

    fn change(&mut self, change: &QueueChange) -> Result<(), Gap> {
        self.expect(change.prior_revision, change.revision)?;
        if change.revision <= change.prior_revision {
            return Err(Gap {
                held: self.topic_revision,
                prior: change.prior_revision,
                revision: change.revision,
            });
        }
        for entry in &change.entries {
            if matches!(
                entry.state(),
                PrintRequestState::Printed | PrintRequestState::Cancelled
            ) {
                self.entries.remove(&entry.print_request_id);
            } else {
                self.entries
                    .insert(entry.print_request_id.clone(), entry.clone());
            }
        }
        self.topic_revision = change.revision;
        self.position(
            change.revision,
            change.resume_token.clone(),
            change.as_of_time,
        );
        Ok(())
    }

    fn expect(&self, prior: u64, revision: u64) -> Result<(), Gap> {
        let held = self.topic_revision;
        if prior == held {
            Ok(())
        } else {
            Err(Gap {
                held,
                prior,
                revision,
            })
        }
    }

    fn position(&mut self, revision: u64, token: Vec<u8>, as_of: Option<Timestamp>) {
        self.revision = revision;
        self.as_of = as_of.or(self.as_of.take());
        self.stale_since = None;
        if !token.is_empty() {
            self.token = token;
            self.token_topic_revision = self.topic_revision;
        }
    }
}

fn duration(message: Option<prost_types::Duration>) -> Duration {
    message
        .and_then(|message| message.try_into().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Bookmark, QueueSnapshotChunk, SnapshotBegin, SnapshotEnd};

    fn entry(id: &str, state: PrintRequestState) -> QueueEntry {
        QueueEntry {
            print_request_id: id.to_owned(),
            state: state.into(),
            ..QueueEntry::default()
        }
    }

    fn change(prior: u64, revision: u64, entries: Vec<QueueEntry>, token: &[u8]) -> Message {
        Message::Change(QueueChange {
            prior_revision: prior,
            revision,
            entries,
            more: token.is_empty(),
            resume_token: token.to_vec(),
            as_of_time: None,
        })
    }

    fn tell(picture: &mut Picture, message: Message) -> Result<Told, Gap> {
        picture.take(WatchQueueResponse {
            message: Some(message),
        })
    }

    fn with_snapshot() -> Picture {
        let mut picture = Picture::default();
        let queued = entry("a", PrintRequestState::Queued);
        for message in [
            Message::SnapshotBegin(SnapshotBegin { revision: 7 }),
            Message::SnapshotChunk(QueueSnapshotChunk {
                entries: vec![queued],
            }),
            Message::SnapshotEnd(SnapshotEnd {
                revision: 7,
                topic_revision: 5,
                resume_token: vec![7],
                as_of_time: None,
            }),
        ] {
            tell(&mut picture, message).expect("a snapshot has no prior revision");
        }
        picture
    }

    #[test]
    fn a_printed_request_leaves_the_picture() {
        let mut picture = with_snapshot();
        assert_eq!(picture.entries().count(), 1);
        let printed = vec![entry("a", PrintRequestState::Printed)];
        tell(&mut picture, change(5, 9, printed, &[9]))
            .expect("the prior revision is the held one");
        assert_eq!((picture.entries().count(), picture.revision()), (0, 9));
    }

    #[test]
    fn a_missed_and_a_repeated_change_are_both_seen() {
        let mut picture = with_snapshot();
        let missed = tell(&mut picture, change(6, 9, Vec::new(), &[9]));
        assert_eq!(
            missed,
            Err(Gap {
                held: 5,
                prior: 6,
                revision: 9
            })
        );
        tell(&mut picture, change(5, 9, Vec::new(), &[9])).expect("in order");
        assert!(tell(&mut picture, change(5, 9, Vec::new(), &[9])).is_err());
        let bookmark = Bookmark {
            revision: 12,
            topic_revision: 11,
            ..Bookmark::default()
        };
        assert!(tell(&mut picture, Message::Bookmark(bookmark)).is_err());
    }

    #[test]
    fn after_a_break_within_a_commit_the_whole_commit_comes_again() {
        let mut picture = with_snapshot();
        tell(&mut picture, change(5, 8, Vec::new(), &[])).expect("the first part");
        picture.reconnected();
        assert_eq!(picture.token(), vec![7]);
        tell(&mut picture, change(5, 8, Vec::new(), &[])).expect("the first part again");
        tell(&mut picture, change(8, 9, Vec::new(), &[9])).expect("the last part");
        assert_eq!(picture.token(), vec![9]);
    }
}
