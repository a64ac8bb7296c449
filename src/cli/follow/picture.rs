//! What a follower of a stream holds: what the stream shows, the revision it is of, and the token to resume with.
//!
//! What is easily got wrong: a commit may come in parts and only the last part carries a token. After a break the stream
//! starts again at the token, so the held revision goes back to the token's as well; the entries may stay, because a
//! change carries states and not differences.

use std::time::Duration;

use prost_types::Timestamp;

use crate::{
    proto::ResyncReason,
    stream::{Changed, Said},
};

use super::Watched;

/// What the stream has told so far.
#[derive(Debug)]
pub struct Picture<W> {
    shown: W,
    /// What a running snapshot builds; the old one is shown until it is complete.
    building: Option<W>,
    revision: u64,
    topic_revision: u64,
    token: Vec<u8>,
    token_topic_revision: u64,
    as_of: Option<Timestamp>,
    stale_since: Option<Timestamp>,
}

/// What one message told, for showing.
#[derive(Debug, Clone, PartialEq)]
pub enum Told<E> {
    /// A snapshot begins, or goes on.
    Building,
    /// The snapshot is complete.
    Snapshot {
        revision: u64,
        topic_revision: u64,
        entries: usize,
    },
    /// Something changed.
    Change(Changed<E>),
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

impl<W: Watched> Picture<W> {
    /// Nothing was told yet; `empty` is what the entries go into.
    pub fn new(empty: W) -> Self {
        Self {
            shown: empty,
            building: None,
            revision: 0,
            topic_revision: 0,
            token: Vec::new(),
            token_topic_revision: 0,
            as_of: None,
            stale_since: None,
        }
    }

    /// The token to resume with; empty asks for a snapshot.
    pub fn token(&self) -> Vec<u8> {
        self.token.clone()
    }

    /// What is to be shown: of the last whole snapshot, and all changes since.
    pub fn shown(&self) -> &W {
        &self.shown
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
    pub fn take(&mut self, response: W::Response) -> Result<Told<W::Entry>, Gap> {
        let Some(said) = W::said(response) else {
            return Ok(Told::Unknown);
        };
        Ok(match said {
            Said::SnapshotBegin(_) => {
                self.building = Some(self.shown.empty());
                Told::Building
            }
            Said::SnapshotChunk(entries) => {
                let shown = &self.shown;
                let building = self.building.get_or_insert_with(|| shown.empty());
                for entry in &entries {
                    building.take(entry);
                }
                Told::Building
            }
            Said::SnapshotEnd(end) => {
                let empty = self.shown.empty();
                self.shown = self.building.take().unwrap_or(empty);
                let (revision, topic_revision) = (end.revision, end.topic_revision);
                self.topic_revision = topic_revision;
                self.position(revision, end.resume_token, end.as_of_time);
                Told::Snapshot {
                    revision,
                    topic_revision,
                    entries: self.shown.len(),
                }
            }
            Said::Change(change) => {
                self.change(&change)?;
                Told::Change(change)
            }
            Said::Bookmark(bookmark) => {
                let (revision, topic_revision) = (bookmark.revision, bookmark.topic_revision);
                self.expect(topic_revision, revision)?;
                self.position(revision, bookmark.resume_token, bookmark.as_of_time);
                Told::Bookmark {
                    revision,
                    topic_revision,
                }
            }
            Said::Stale(stale) => {
                self.stale_since = stale.since_time;
                Told::Stale
            }
            Said::Resync(resync) => Told::Resync(resync.reason()),
            Said::Drain(drain) => Told::Drain(duration(drain.after), duration(drain.spread)),
        })
    }

    fn change(&mut self, change: &Changed<W::Entry>) -> Result<(), Gap> {
        self.expect(change.prior_revision, change.revision)?;
        if change.revision <= change.prior_revision {
            return Err(Gap {
                held: self.topic_revision,
                prior: change.prior_revision,
                revision: change.revision,
            });
        }
        for entry in &change.entries {
            self.shown.take(entry);
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
    use tonic::{Response, Status, Streaming};

    use super::*;
    use crate::{
        cli::client::Terminal,
        proto::{Bookmark, SnapshotBegin, SnapshotEnd, Stale},
    };

    /// A stream whose entries are numbers; a negative one takes its positive out.
    #[derive(Debug, Default)]
    struct Numbers(Vec<i64>);

    impl Watched for Numbers {
        type Entry = i64;
        type Response = Option<Said<i64>>;

        async fn watch(
            _: &Terminal,
            _: String,
            _: Vec<u8>,
        ) -> Result<Response<Streaming<Self::Response>>, Status> {
            Err(Status::unavailable("nobody follows numbers"))
        }

        fn said(response: Self::Response) -> Option<Said<i64>> {
            response
        }

        fn empty(&self) -> Self {
            Self::default()
        }

        fn take(&mut self, entry: &i64) {
            self.0.retain(|held| *held != entry.abs());
            if *entry > 0 {
                self.0.push(*entry);
            }
        }

        fn len(&self) -> usize {
            self.0.len()
        }
    }

    fn change(prior: u64, revision: u64, entries: &[i64], token: &[u8]) -> Option<Said<i64>> {
        Some(Said::Change(Changed {
            prior_revision: prior,
            revision,
            entries: entries.to_vec(),
            more: token.is_empty(),
            resume_token: token.to_vec(),
            as_of_time: None,
        }))
    }

    fn with_snapshot() -> Picture<Numbers> {
        let mut picture = Picture::new(Numbers::default());
        for said in [
            Said::SnapshotBegin(SnapshotBegin { revision: 7 }),
            Said::SnapshotChunk(vec![1, 2]),
            Said::SnapshotEnd(SnapshotEnd {
                revision: 7,
                topic_revision: 5,
                resume_token: vec![7],
                as_of_time: None,
            }),
        ] {
            let told = picture.take(Some(said));
            told.expect("a snapshot has no prior revision");
        }
        picture
    }

    #[test]
    fn changes_go_into_what_the_snapshot_showed() {
        let mut picture = with_snapshot();
        assert_eq!(picture.shown().0, [1, 2]);
        let told = picture.take(change(5, 9, &[-1, 3], &[9]));
        told.expect("the prior revision is the held one");
        assert_eq!(
            (picture.shown().0.as_slice(), picture.revision()),
            (&[2, 3][..], 9)
        );
        assert_eq!(picture.take(None), Ok(Told::Unknown));
    }

    #[test]
    fn the_old_picture_is_shown_until_the_new_one_is_whole() {
        let mut picture = with_snapshot();
        for said in [
            Said::SnapshotBegin(SnapshotBegin { revision: 9 }),
            Said::SnapshotChunk(vec![8]),
        ] {
            assert_eq!(picture.take(Some(said)), Ok(Told::Building));
        }
        assert_eq!(picture.shown().0, [1, 2]);
        picture.reconnected();
        let end = Said::SnapshotEnd(SnapshotEnd::default());
        picture.take(Some(end)).expect("a snapshot");
        assert_eq!(picture.shown().len(), 0, "what was half told is not shown");
    }

    #[test]
    fn a_missed_and_a_repeated_change_are_both_seen() {
        let mut picture = with_snapshot();
        let missed = picture.take(change(6, 9, &[], &[9]));
        assert_eq!(
            missed,
            Err(Gap {
                held: 5,
                prior: 6,
                revision: 9
            })
        );
        picture.take(change(5, 9, &[], &[9])).expect("in order");
        assert!(picture.take(change(5, 9, &[], &[9])).is_err());
        let bookmark = Bookmark {
            revision: 12,
            topic_revision: 11,
            ..Bookmark::default()
        };
        assert!(picture.take(Some(Said::Bookmark(bookmark))).is_err());
    }

    #[test]
    fn after_a_break_within_a_commit_the_whole_commit_comes_again() {
        let mut picture = with_snapshot();
        picture
            .take(change(5, 8, &[], &[]))
            .expect("the first part");
        picture.reconnected();
        assert_eq!(picture.token(), vec![7]);
        let again = picture.take(change(5, 8, &[], &[]));
        again.expect("the first part again");
        let last = picture.take(change(8, 9, &[], &[9]));
        last.expect("the last part");
        assert_eq!(picture.token(), vec![9]);
    }

    #[test]
    fn stale_lasts_until_the_ledger_is_seen_again() {
        let mut picture = with_snapshot();
        let stale = Stale {
            since_time: Some(Timestamp::default()),
        };
        assert_eq!(picture.take(Some(Said::Stale(stale))), Ok(Told::Stale));
        assert!(picture.stale_since().is_some());
        picture.take(change(5, 8, &[], &[8])).expect("in order");
        assert!(picture.stale_since().is_none());
    }
}
