//! A client of the stream that comes back with its token, and the arithmetic by which it would see every gap.

use std::{collections::BTreeMap, sync::Arc};

use ektp::proto::{
    self, print_queue_client::PrintQueueClient, watch_queue_response::Message as Said,
};
use tokio::{sync::Notify, time::interval};

use super::RETRY_EVERY;
use crate::support::officers::Line;

/// Where a reader of the stream stands, and the arithmetic that shows it every gap and every repetition.
#[derive(Debug, Default)]
pub struct Position {
    revision: u64,
    topic_revision: u64,
    pub snapshots: usize,
    pub changes: usize,
}

impl Position {
    pub fn begin(&mut self, revision: u64, topic_revision: u64) {
        (self.revision, self.topic_revision) = (revision, topic_revision);
        self.snapshots += 1;
    }

    pub fn change(&mut self, prior_revision: u64, revision: u64) {
        assert_eq!(prior_revision, self.topic_revision, "nothing was missed");
        assert!(revision > self.revision, "nothing comes twice");
        (self.revision, self.topic_revision) = (revision, revision);
        self.changes += 1;
    }

    pub fn mark(&self, topic_revision: u64) {
        assert_eq!(topic_revision, self.topic_revision, "nothing was missed");
    }
}

/// A client that follows the queue: its picture, its position, and how often it had to open the stream.
#[derive(Default)]
pub struct Follower {
    token: Vec<u8>,
    pub picture: BTreeMap<String, i32>,
    pub position: Position,
    pub streams: usize,
    /// Told when the first picture is complete.
    pub begun: Arc<Notify>,
}

impl Follower {
    /// Follows until the picture holds so many requests, opening the stream again whenever it breaks.
    pub async fn follow(mut self, channel: Line, until: usize) -> Self {
        let mut client = PrintQueueClient::new(channel);
        let mut ticks = interval(RETRY_EVERY);
        while self.picture.len() < until {
            ticks.tick().await;
            let request = proto::WatchQueueRequest {
                district: String::new(),
                resume_token: self.token.clone(),
            };
            let Ok(answer) = client.watch_queue(request).await else {
                continue;
            };
            self.streams += 1;
            let mut stream = answer.into_inner();
            while self.picture.len() < until {
                match stream.message().await {
                    Ok(Some(message)) => {
                        self.take(message.message.expect("every message says something"))
                    }
                    Ok(None) | Err(_) => break,
                }
            }
        }
        self
    }

    fn take(&mut self, said: Said) {
        match said {
            Said::SnapshotBegin(_) => self.picture.clear(),
            Said::SnapshotChunk(chunk) => self.show(chunk.entries),
            Said::SnapshotEnd(end) => {
                self.position.begin(end.revision, end.topic_revision);
                self.token = end.resume_token;
                self.begun.notify_one();
            }
            Said::Change(change) => {
                self.position.change(change.prior_revision, change.revision);
                self.token = change.resume_token;
                self.show(change.entries);
            }
            Said::Bookmark(bookmark) => {
                self.position.mark(bookmark.topic_revision);
                self.token = bookmark.resume_token;
            }
            Said::Resync(resync) => panic!("the position was lost: {resync:?}"),
            Said::Stale(_) | Said::Drain(_) => {}
        }
    }

    fn show(&mut self, entries: Vec<proto::QueueEntry>) {
        for entry in entries {
            self.picture.insert(entry.print_request_id, entry.state);
        }
    }
}
