//! A terminal on a bad line: it follows one topic of its district at any server, comes back with its token whenever the stream
//! breaks, sometimes without, and writes down everything that it is told.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use ektp::{
    authority::Identity,
    proto::{self, PrintRequestState, QueueEntry, ResyncReason},
};
use prost::Message as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use time::OffsetDateTime;
use tokio::{
    sync::watch,
    time::{Duration, interval, timeout},
};
use tonic::{Code, Streaming};

use super::{
    history::{History, Seen, digest},
    wire::{self, Answer, Message},
    world::{Certificates, RETRY_EVERY},
};
use crate::support::{
    officers::{Line, OnShift},
    stream::QUEUE,
};

/// A stream that says nothing for so long is opened elsewhere: its server may stand still.
const SILENCE: Duration = Duration::from_secs(3);
/// Openings at which a reader has lost its token, and its picture with it.
const FORGETS: f64 = 0.1;

/// How far each topic of each district has come when all writers have ended.
pub type Ends = Option<Arc<HashMap<(i32, i16), u64>>>;

/// The reader.
pub struct Reader {
    pub name: String,
    pub district: i32,
    pub topic: i16,
    pub identity: Identity,
    pub shift: OnShift,
    pub certificates: Arc<Certificates>,
    /// The lines to the servers.
    pub lines: Vec<SocketAddr>,
    pub seed: u64,
}

/// What it keeps while it follows.
struct Following {
    reader: Reader,
    token: Vec<u8>,
    topic_revision: u64,
    seen: Vec<Seen>,
    /// The picture that is being drawn.
    begun: Option<HashMap<String, u64>>,
}

/// The id of an entry, and whether it stands in the picture; of topics without pictures neither.
pub fn entry_of(topic: i16, body: &[u8]) -> (String, bool) {
    if topic != QUEUE {
        return (String::new(), true);
    }
    let entry = QueueEntry::decode(body).expect("the queue's events are entries");
    let open = is_open(entry.state());
    (entry.print_request_id, open)
}

fn is_open(state: PrintRequestState) -> bool {
    match state {
        PrintRequestState::Queued
        | PrintRequestState::Leased
        | PrintRequestState::Bound
        | PrintRequestState::InDoubt
        | PrintRequestState::Held => true,
        PrintRequestState::Unspecified
        | PrintRequestState::Printed
        | PrintRequestState::Cancelled => false,
    }
}

pub fn time_of(time: Option<prost_types::Timestamp>) -> OffsetDateTime {
    let time = time.expect("a mark has a time");
    let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    OffsetDateTime::from_unix_timestamp_nanos(nanos).expect("a time of these years")
}

impl Reader {
    /// Follows until it has everything.
    pub async fn follow(self, mut ends: watch::Receiver<Ends>) -> History {
        let mut dice = ChaCha8Rng::seed_from_u64(self.seed);
        let mut following = Following {
            reader: self,
            token: Vec::new(),
            topic_revision: 0,
            seen: Vec::new(),
            begun: None,
        };
        let mut ticks = interval(RETRY_EVERY);
        while !following.has_everything(&ends) {
            ticks.tick().await;
            let line = dice.random_range(0..following.reader.lines.len());
            // Who has written nothing down has nothing to forget.
            let forgets = ends.borrow().is_none() && dice.random_bool(FORGETS);
            let Some(stream) = following.open(line, forgets).await else {
                continue;
            };
            following.listen(stream, &mut ends).await;
        }
        History {
            name: following.reader.name,
            district: following.reader.district,
            topic: following.reader.topic,
            seen: following.seen,
        }
    }
}

impl Following {
    fn has_everything(&self, ends: &watch::Receiver<Ends>) -> bool {
        let ends = ends.borrow();
        let mine = (self.reader.district, self.reader.topic);
        let end = ends.as_ref().map(|ends| ends[&mine]);
        // A topic that never changed is known when its picture is.
        end.is_some_and(|end| end <= self.topic_revision && !self.token.is_empty())
    }

    async fn open(&mut self, line: usize, forgets: bool) -> Option<Streaming<Answer>> {
        let address = self.reader.lines[line];
        let endpoint = self
            .reader
            .certificates
            .endpoint(address, &self.reader.identity);
        let token = if forgets {
            Vec::new()
        } else {
            self.token.clone()
        };
        let opening = async {
            let channel = endpoint.connect().await.ok()?;
            let line = Line::new(channel, self.reader.shift.clone());
            match wire::watch(line, self.reader.topic, token).await {
                Ok(stream) => Some(stream),
                Err(status) => {
                    may_break(&status);
                    None
                }
            }
        };
        let stream = timeout(SILENCE, opening).await.ok().flatten()?;
        let fresh = forgets || self.token.is_empty();
        self.seen.push(Seen::Opened { fresh });
        self.begun = None;
        if forgets {
            self.token.clear();
            self.topic_revision = 0;
        }
        Some(stream)
    }

    /// Until the stream breaks, or there is nothing more to come.
    async fn listen(&mut self, mut stream: Streaming<Answer>, ends: &mut watch::Receiver<Ends>) {
        while !self.has_everything(ends) {
            let next = tokio::select! {
                next = timeout(SILENCE, stream.message()) => next,
                changed = ends.changed() => {
                    changed.expect("the test tells the end before it goes");
                    continue;
                }
            };
            match next {
                Ok(Ok(Some(answer))) => {
                    self.take(answer.message.expect("every message says something"));
                }
                Ok(Ok(None)) | Err(_) => return,
                Ok(Err(status)) => return may_break(&status),
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::SnapshotBegin(_) => self.begun = Some(HashMap::new()),
            Message::SnapshotChunk(chunk) => {
                let picture = self.begun.as_mut().expect("a chunk follows a beginning");
                for entry in chunk.entries {
                    // Only the queue's pictures are ever more than empty.
                    let id = entry_of(self.reader.topic, &entry).0;
                    picture.insert(id, digest(&entry));
                }
            }
            Message::SnapshotEnd(end) => {
                let picture = self.begun.take().expect("an end follows a beginning");
                self.token = end.resume_token;
                self.topic_revision = end.topic_revision;
                self.seen.push(Seen::Picture {
                    revision: end.revision,
                    topic_revision: end.topic_revision,
                    as_of: time_of(end.as_of_time),
                    entries: picture.into_iter().collect(),
                });
            }
            Message::Change(change) => {
                let entries = change.entries.iter();
                self.seen.push(Seen::Change {
                    prior_revision: change.prior_revision,
                    revision: change.revision,
                    more: change.more,
                    entries: entries.map(|entry| digest(entry)).collect(),
                });
                assert_eq!(change.more, change.resume_token.is_empty());
                if !change.more {
                    self.token = change.resume_token;
                    self.topic_revision = change.revision;
                }
            }
            Message::Bookmark(bookmark) => self.bookmark(bookmark),
            Message::Resync(resync) => self.seen.push(match resync.reason() {
                ResyncReason::Expired => Seen::Expired,
                why @ (ResyncReason::Unspecified
                | ResyncReason::Restored
                | ResyncReason::Diverged
                | ResyncReason::Ahead) => Seen::Lost(format!("{why:?}")),
            }),
            Message::Stale(_) | Message::Drain(_) => {}
        }
    }

    fn bookmark(&mut self, bookmark: proto::Bookmark) {
        let as_of = time_of(bookmark.as_of_time);
        if let Some(Seen::Bookmark {
            revision,
            topic_revision,
            as_of: before,
        }) = self.seen.last_mut()
            && (*revision, *topic_revision) == (bookmark.revision, bookmark.topic_revision)
        {
            assert!(*before <= as_of, "time goes on");
            *before = as_of;
        } else {
            self.seen.push(Seen::Bookmark {
                revision: bookmark.revision,
                topic_revision: bookmark.topic_revision,
                as_of,
            });
        }
        self.token = bookmark.resume_token;
    }
}

/// A stream may break in many ways, and none of them is a judgement of the reader.
fn may_break(status: &tonic::Status) {
    let judged = matches!(
        status.code(),
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::DataLoss
    );
    assert!(!judged, "{status:?}");
}
