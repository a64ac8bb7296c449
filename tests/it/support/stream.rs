//! A terminal that follows a queue, holding the stream to its promises at every message; and acts written past the
//! server, which ring no doorbell.

use std::{collections::BTreeMap, time::Duration};

use ektp::proto::{
    self, PrintRequestState, QueueEntry, ResyncReason, watch_queue_response::Message,
};
use prost::Message as _;
use sqlx::{PgConnection, PgPool};
use tokio::time::timeout;
use tonic::{Status, Streaming};
use uuid::Uuid;

use super::{PATIENCE, office::Client};

/// The topic of print requests.
pub const QUEUE: i16 = 1;
/// The topic of blanks and cards.
pub const STOCK: i16 = 2;

/// What one commit changed, its parts put together.
#[derive(Debug, Clone, PartialEq)]
pub struct Whole {
    pub prior_revision: u64,
    pub revision: u64,
    pub ids: Vec<String>,
    pub parts: Vec<usize>,
    pub token: Vec<u8>,
}

/// A terminal that follows one district's queue.
pub struct Follower {
    stream: Streaming<proto::WatchQueueResponse>,
    /// The token to keep.
    pub token: Vec<u8>,
    /// The last revision of the topic that was delivered.
    pub topic_revision: u64,
    /// Everything up to here was delivered.
    pub revision: u64,
    /// The open requests as the terminal shows them.
    pub picture: BTreeMap<String, QueueEntry>,
    /// Revision and topic revision where the token goes on; parts of a commit that is not whole lie beyond.
    pub kept: (u64, u64),
    /// Absent until the stream or a token has said where it stands.
    placed: bool,
    /// The database's time of the picture.
    pub pictured: Option<prost_types::Timestamp>,
}

impl Client {
    /// Opens WatchQueue; with a token the follower goes on where the other one stood.
    pub async fn watch(&mut self, district: &str, token: &[u8]) -> Result<Follower, Status> {
        let request = proto::WatchQueueRequest {
            district: district.to_owned(),
            resume_token: token.to_vec(),
        };
        Ok(Follower {
            stream: self.print_queue.watch_queue(request).await?.into_inner(),
            token: token.to_vec(),
            topic_revision: 0,
            revision: 0,
            picture: BTreeMap::new(),
            kept: (0, 0),
            placed: !token.is_empty(),
            pictured: None,
        })
    }

    /// Follows the terminal's own district from a fresh picture.
    pub async fn follow(&mut self) -> Follower {
        let mut follower = self.watch("", &[]).await.expect("the stream opens");
        follower.snapshot().await;
        follower
    }

    /// Follows on where another follower stood.
    pub async fn resume(&mut self, other: &Follower) -> Follower {
        let mut follower = self
            .watch("", &other.token)
            .await
            .expect("the stream opens");
        follower.kept = other.kept;
        (follower.revision, follower.topic_revision) = other.kept;
        follower.picture.clone_from(&other.picture);
        follower.placed = true;
        follower
    }
}

impl Follower {
    /// The next message, or how the stream ended.
    pub async fn next(&mut self) -> Result<Option<Message>, Status> {
        let answer = timeout(PATIENCE, self.stream.message())
            .await
            .expect("a stream says something in time")?;
        let message = answer.map(|answer| answer.message.expect("every message says something"));
        if let Some(message) = &message {
            self.check(message);
        }
        Ok(message)
    }

    /// The next message of a stream that goes on.
    pub async fn said(&mut self) -> Message {
        self.next()
            .await
            .expect("the stream goes on")
            .expect("the stream has not ended")
    }

    /// Order, density and bookmarks (G1, G2, G4, G7), and the picture.
    fn check(&mut self, message: &Message) {
        match message {
            Message::SnapshotBegin(begin) => {
                self.picture.clear();
                self.revision = begin.revision;
                self.placed = false;
            }
            Message::SnapshotChunk(chunk) => {
                assert!((1..=200).contains(&chunk.entries.len()));
                self.apply(&chunk.entries);
            }
            Message::SnapshotEnd(end) => {
                assert_eq!(end.revision, self.revision, "one picture, one revision");
                assert!(end.topic_revision <= end.revision);
                self.topic_revision = end.topic_revision;
                self.keep(&end.resume_token);
                self.pictured = end.as_of_time;
                self.placed = true;
            }
            Message::Change(change) => {
                assert!(
                    self.placed,
                    "a change comes only after a picture or a token"
                );
                assert_eq!(
                    change.prior_revision, self.topic_revision,
                    "nothing is missing"
                );
                assert!(change.revision > self.revision, "nothing comes twice");
                assert!((1..=100).contains(&change.entries.len()));
                assert_eq!(change.more, change.resume_token.is_empty());
                self.topic_revision = change.revision;
                self.revision = change.revision;
                self.apply(&change.entries);
                if !change.more {
                    self.keep(&change.resume_token);
                }
            }
            Message::Bookmark(bookmark) => {
                assert_eq!(bookmark.topic_revision, self.topic_revision);
                assert!(bookmark.revision >= self.revision, "never backwards");
                self.revision = bookmark.revision;
                self.keep(&bookmark.resume_token);
            }
            Message::Stale(_) | Message::Resync(_) | Message::Drain(_) => {}
        }
    }

    fn keep(&mut self, token: &[u8]) {
        self.token = token.to_vec();
        self.kept = (self.revision, self.topic_revision);
    }

    fn apply(&mut self, entries: &[QueueEntry]) {
        for entry in entries {
            if entry.state() == PrintRequestState::Printed {
                self.picture.remove(&entry.print_request_id);
            } else {
                self.picture
                    .insert(entry.print_request_id.clone(), entry.clone());
            }
        }
    }

    /// A whole picture must come now.
    pub async fn snapshot(&mut self) {
        let begin = self.said().await;
        assert!(matches!(begin, Message::SnapshotBegin(_)), "{begin:?}");
        let mut said = self.said().await;
        while matches!(said, Message::SnapshotChunk(_)) {
            said = self.said().await;
        }
        assert!(matches!(said, Message::SnapshotEnd(_)), "{said:?}");
    }

    /// A resync must come now, and a whole picture after it.
    pub async fn resync(&mut self) -> ResyncReason {
        let mut said = self.said().await;
        while matches!(said, Message::Bookmark(_)) {
            said = self.said().await;
        }
        let Message::Resync(resync) = said else {
            panic!("not a resync: {said:?}")
        };
        self.snapshot().await;
        resync.reason()
    }

    /// The next commit, whole; bookmarks in between are checked and passed over.
    pub async fn change(&mut self) -> Whole {
        let before = self.topic_revision;
        let mut said = self.said().await;
        while matches!(said, Message::Bookmark(_)) {
            said = self.said().await;
        }
        let mut whole = Whole {
            prior_revision: before,
            revision: 0,
            ids: Vec::new(),
            parts: Vec::new(),
            token: Vec::new(),
        };
        loop {
            let Message::Change(change) = said else {
                panic!("not a change: {said:?}")
            };
            whole.revision = change.revision;
            whole.parts.push(change.entries.len());
            whole.token = change.resume_token;
            let ids = change
                .entries
                .into_iter()
                .map(|entry| entry.print_request_id);
            whole.ids.extend(ids);
            if !change.more {
                return whole;
            }
            said = self.said().await;
        }
    }

    /// Commits until the topic stands at `revision`; answers their ids.
    pub async fn changes_to(&mut self, revision: u64) -> Vec<String> {
        let mut ids = Vec::new();
        while self.topic_revision < revision {
            ids.extend(self.change().await.ids);
        }
        ids
    }

    /// The next bookmark; nothing else may come before it.
    pub async fn bookmark(&mut self) -> proto::Bookmark {
        let said = self.said().await;
        let Message::Bookmark(bookmark) = said else {
            panic!("not a bookmark: {said:?}")
        };
        bookmark
    }
}

/// An event as the queue writes it, with an id of its own; `weight` makes it longer.
pub fn event(weight: usize) -> (String, Vec<u8>) {
    let id = format!("{}{}", Uuid::new_v4(), "x".repeat(weight));
    let entry = QueueEntry {
        print_request_id: id.clone(),
        state: PrintRequestState::Queued.into(),
        ..Default::default()
    };
    (id, entry.encode_to_vec())
}

/// Closes a unit of work that wrote these events to a district; answers the ledger's head.
pub async fn close(
    db: &mut PgConnection,
    district: i32,
    topics: &[i16],
    bodies: &[Vec<u8>],
) -> i64 {
    sqlx::query_scalar(
        "select head from close_work(
             'test', null, null, null, 'test', '', $1, '{null}', '{0}', '{\"\"}', '{\"\"}',
             '{}', '{}', '{}', $1, array_fill($1, array[cardinality($2)]), $2, $3
         )",
    )
    .bind(district)
    .bind(topics)
    .bind(bodies)
    .fetch_one(db)
    .await
    .expect("the ledger takes the events")
}

/// Commits `count` events of the queue at once; answers their ids and the revision.
pub async fn commit(sql: &PgPool, district: i32, count: usize) -> (Vec<String>, u64) {
    let (ids, bodies): (Vec<String>, Vec<Vec<u8>>) = (0..count).map(|_| event(0)).unzip();
    let mut db = sql.acquire().await.expect("the database answers");
    let head = close(&mut db, district, &vec![QUEUE; count], &bodies).await;
    (ids, head.unsigned_abs())
}

/// Times that make a test short. Looks are frequent, so that what is written past the server is seen soon; pictures are
/// not shared, so that each is of the moment.
pub fn quick() -> ektp::feed::Timing {
    ektp::feed::Timing {
        look_every: Duration::from_millis(20),
        share_for: Duration::ZERO,
        ..Default::default()
    }
}
