//! A stream that is followed over two servers: it goes on at the other one when this one goes, from its last token.

use ektp::proto::{
    self, print_queue_client::PrintQueueClient, watch_queue_response::Message as Said,
};
use tokio::{
    sync::watch,
    time::{Duration, MissedTickBehavior, interval},
};
use tonic::Status;

use crate::{
    restart::follower::Position,
    support::{office::reason, officers::Line},
};

/// What a stream went through.
#[derive(Default)]
pub struct Followed {
    pub position: Position,
    every: Duration,
    token: Vec<u8>,
    /// Ends with a bookmark and the word to come again elsewhere.
    pub farewells: usize,
    /// Ends with that word alone: the client was too busy to take its place in time, and goes on from an older one.
    pub hurried: usize,
    /// Refusals at the opening: everybody comes at once, and nobody waits as long as the server asks.
    pub refusals: usize,
    /// Other ends, in words.
    pub breaks: Vec<String>,
}

impl Followed {
    /// One that opens its stream at most so often: thousands who come back at once give one another time, as a server that
    /// sends them away asks.
    pub fn every(every: Duration) -> Self {
        Self {
            every,
            ..Self::default()
        }
    }

    /// Follows until so many changes have come and `done` is true; `open` counts the streams that stand and know their place.
    pub async fn follow(
        mut self,
        lines: [Line; 2],
        changes: usize,
        mut done: watch::Receiver<bool>,
        open: watch::Sender<usize>,
    ) -> Self {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut clients = lines.map(PrintQueueClient::new);
        loop {
            for client in &mut clients {
                ticks.tick().await;
                let request = proto::WatchQueueRequest {
                    district: String::new(),
                    resume_token: self.token.clone(),
                };
                let Ok(answer) = client.watch_queue(request).await else {
                    continue;
                };
                let mut stream = answer.into_inner();
                let mut stands = false;
                let mut last = [Word::Other; 2];
                loop {
                    if self.position.changes >= changes && *done.borrow_and_update() {
                        return self;
                    }
                    let said = tokio::select! {
                        said = stream.message() => said,
                        _ = done.changed() => continue,
                    };
                    let Some(said) = self.heard(said, last) else {
                        break;
                    };
                    last = [last[1], self.take(said)];
                    if !stands && last[1] == Word::Placed {
                        stands = true;
                        open.send_modify(|count| *count += 1);
                    }
                }
                if stands {
                    open.send_modify(|count| *count -= 1);
                }
            }
        }
    }

    /// What was said, or nothing when the stream has ended.
    fn heard(
        &mut self,
        said: Result<Option<proto::WatchQueueResponse>, Status>,
        last: [Word; 2],
    ) -> Option<Said> {
        if let Ok(Some(said)) = said {
            return Some(said.message.expect("every message says something"));
        }
        let how = said.err();
        if last == [Word::Placed, Word::Drain] {
            self.farewells += 1;
        } else if last[1] == Word::Drain {
            self.hurried += 1;
        } else if how
            .as_ref()
            .is_some_and(|status| reason(status) == "OVERLOADED")
        {
            self.refusals += 1;
        } else {
            self.breaks.push(format!("{how:?} after {last:?}"));
        }
        None
    }

    fn take(&mut self, said: Said) -> Word {
        match said {
            Said::SnapshotEnd(end) => {
                self.position.begin(end.revision, end.topic_revision);
                self.token = end.resume_token;
                Word::Placed
            }
            Said::Change(change) => {
                self.position.change(change.prior_revision, change.revision);
                self.token = change.resume_token;
                Word::Other
            }
            Said::Bookmark(bookmark) => {
                self.position.mark(bookmark.topic_revision);
                self.token = bookmark.resume_token;
                Word::Placed
            }
            Said::Drain(_) => Word::Drain,
            Said::Resync(resync) => panic!("the position was lost: {resync:?}"),
            Said::SnapshotBegin(_) | Said::SnapshotChunk(_) | Said::Stale(_) => Word::Other,
        }
    }
}

/// What kind of word a stream's message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// It says where the stream stands.
    Placed,
    /// It sends the client away.
    Drain,
    Other,
}
