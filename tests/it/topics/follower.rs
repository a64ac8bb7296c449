//! One who follows any of the streams, holding it to the promises of feed.proto at every message and keeping the picture as
//! the contract's comments say.

use std::{collections::BTreeMap, fmt::Debug};

use ektp::proto::{
    self, CollectionState, CustodyState, EnrolmentState, ResidentLife, watch_collections_response,
    watch_enrolments_response, watch_stock_response,
};
use tokio::time::timeout;
use tonic::{Status, Streaming};

use crate::support::{PATIENCE, office::Client};

/// One message of any stream.
pub enum Heard<E> {
    Begin(proto::SnapshotBegin),
    Chunk(Vec<E>),
    End(proto::SnapshotEnd),
    Change(Change<E>),
    Bookmark(proto::Bookmark),
    Stale,
    Resync,
    Drain,
}

/// What one commit changed, or a part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<E> {
    pub prior_revision: u64,
    pub revision: u64,
    pub entries: Vec<E>,
    pub more: bool,
    pub resume_token: Vec<u8>,
}

/// One of the streams.
pub trait Followed {
    type Entry: Clone + Debug + PartialEq;
    type Response;
    type Picture: Clone + Debug + Default + PartialEq;

    async fn open(
        client: &mut Client,
        district: &str,
        token: &[u8],
    ) -> Result<Streaming<Self::Response>, Status>;
    fn heard(response: Self::Response) -> Heard<Self::Entry>;
    /// Whether an entry leaves the picture with the state that it has.
    fn leaves(entry: &Self::Entry) -> bool;
    fn show(picture: &mut Self::Picture, entry: &Self::Entry);
}

/// One who follows.
pub struct Follower<F: Followed> {
    stream: Streaming<F::Response>,
    /// The token to keep.
    pub token: Vec<u8>,
    pub topic_revision: u64,
    revision: u64,
    pub picture: F::Picture,
}

impl<F: Followed> Follower<F> {
    /// Opens the stream.
    pub async fn open(client: &mut Client, district: &str, token: &[u8]) -> Result<Self, Status> {
        Ok(Self {
            stream: F::open(client, district, token).await?,
            token: token.to_vec(),
            topic_revision: 0,
            revision: 0,
            picture: F::Picture::default(),
        })
    }

    /// Follows the terminal's own district from a picture.
    pub async fn follow(client: &mut Client) -> Self {
        let mut follower = Self::open(client, "", &[]).await.expect("the stream opens");
        follower.snapshot().await;
        follower
    }

    /// Goes on where this one stands, on a new stream.
    pub async fn resumed(self, client: &mut Client) -> Self {
        let fresh = Self::open(client, "", &self.token).await;
        Self {
            stream: fresh.expect("the stream opens").stream,
            ..self
        }
    }

    async fn next(&mut self) -> Heard<F::Entry> {
        let answer = timeout(PATIENCE, self.stream.message())
            .await
            .expect("a stream says something in time")
            .expect("the stream goes on")
            .expect("the stream has not ended");
        F::heard(answer)
    }

    /// A whole picture must come now.
    pub async fn snapshot(&mut self) {
        let Heard::Begin(begin) = self.next().await else {
            panic!("not the beginning of a picture")
        };
        self.picture = F::Picture::default();
        loop {
            match self.next().await {
                Heard::Chunk(entries) => {
                    assert!((1..=200).contains(&entries.len()));
                    assert!(!entries.iter().any(F::leaves), "gone, and in a picture");
                    self.show(&entries);
                }
                Heard::End(end) => {
                    assert_eq!(end.revision, begin.revision);
                    self.revision = end.revision;
                    self.topic_revision = end.topic_revision;
                    self.token = end.resume_token;
                    return;
                }
                Heard::Begin(_)
                | Heard::Change(_)
                | Heard::Bookmark(_)
                | Heard::Stale
                | Heard::Resync
                | Heard::Drain => panic!("not a part of a picture"),
            }
        }
    }

    /// The next change, which comes in time; bookmarks before it are checked and passed over.
    pub async fn change(&mut self) -> Change<F::Entry> {
        let changed = timeout(PATIENCE, self.until_change()).await;
        changed.expect("a change comes in time")
    }

    async fn until_change(&mut self) -> Change<F::Entry> {
        loop {
            match self.next().await {
                Heard::Bookmark(bookmark) => {
                    assert_eq!(bookmark.topic_revision, self.topic_revision);
                    assert!(bookmark.revision >= self.revision, "never backwards");
                    self.revision = bookmark.revision;
                    self.token = bookmark.resume_token;
                }
                Heard::Change(change) => {
                    assert_eq!(change.prior_revision, self.topic_revision, "no gap");
                    assert!(change.revision > self.revision, "nothing comes twice");
                    assert_eq!(change.more, change.resume_token.is_empty());
                    self.topic_revision = change.revision;
                    self.revision = change.revision;
                    self.show(&change.entries);
                    self.token.clone_from(&change.resume_token);
                    return change;
                }
                Heard::Begin(_)
                | Heard::Chunk(_)
                | Heard::End(_)
                | Heard::Stale
                | Heard::Resync
                | Heard::Drain => panic!("not a change"),
            }
        }
    }

    /// The changes until the topic stands at a revision.
    pub async fn changes_to(&mut self, revision: u64) -> Vec<F::Entry> {
        let mut entries = Vec::new();
        while self.topic_revision < revision {
            entries.extend(self.change().await.entries);
        }
        entries
    }

    fn show(&mut self, entries: &[F::Entry]) {
        for entry in entries {
            F::show(&mut self.picture, entry);
        }
    }
}

/// What each stream's messages are called; the words are the same.
macro_rules! followed {
    ($of:ident, $entry:ident, $picture:ty, $service:ident.$method:ident, $request:ident, $response:ident, $messages:ident) => {
        pub struct $of;

        impl Followed for $of {
            type Entry = proto::$entry;
            type Response = proto::$response;
            type Picture = $picture;

            async fn open(
                client: &mut Client,
                district: &str,
                token: &[u8],
            ) -> Result<Streaming<Self::Response>, Status> {
                let request = proto::$request {
                    district: district.to_owned(),
                    resume_token: token.to_vec(),
                };
                Ok(client.$service.$method(request).await?.into_inner())
            }

            fn heard(response: Self::Response) -> Heard<Self::Entry> {
                use $messages::Message;
                match response.message.expect("every message says something") {
                    Message::SnapshotBegin(begin) => Heard::Begin(begin),
                    Message::SnapshotChunk(chunk) => Heard::Chunk(chunk.entries),
                    Message::SnapshotEnd(end) => Heard::End(end),
                    Message::Change(change) => Heard::Change(Change {
                        prior_revision: change.prior_revision,
                        revision: change.revision,
                        entries: change.entries,
                        more: change.more,
                        resume_token: change.resume_token,
                    }),
                    Message::Bookmark(bookmark) => Heard::Bookmark(bookmark),
                    Message::Stale(_) => Heard::Stale,
                    Message::Resync(_) => Heard::Resync,
                    Message::Drain(_) => Heard::Drain,
                }
            }

            fn leaves(entry: &Self::Entry) -> bool {
                leaves::$method(entry)
            }

            fn show(picture: &mut Self::Picture, entry: &Self::Entry) {
                show::$method(picture, entry);
            }
        }
    };
}

/// Where each serial is, by serial.
pub type Stocked = BTreeMap<i64, (String, CustodyState)>;
/// What has an id, by id.
pub type ById<E> = BTreeMap<String, E>;

followed!(
    Stock,
    StockEntry,
    Stocked,
    inventory.watch_stock,
    WatchStockRequest,
    WatchStockResponse,
    watch_stock_response
);
followed!(
    Collections,
    Collection,
    ById<proto::Collection>,
    handover.watch_collections,
    WatchCollectionsRequest,
    WatchCollectionsResponse,
    watch_collections_response
);
followed!(
    Enrolments,
    Enrolment,
    ById<proto::Enrolment>,
    registration.watch_enrolments,
    WatchEnrolmentsRequest,
    WatchEnrolmentsResponse,
    watch_enrolments_response
);

/// Which entries of each stream leave its picture.
mod leaves {
    use super::*;

    pub fn watch_stock(entry: &proto::StockEntry) -> bool {
        entry.state() == CustodyState::HandedOver
    }

    pub fn watch_collections(entry: &proto::Collection) -> bool {
        entry.state() == CollectionState::HandedOver
    }

    pub fn watch_enrolments(entry: &proto::Enrolment) -> bool {
        let lives_here = entry.life() == ResidentLife::Resident;
        entry.state() == EnrolmentState::PrintReady || !lives_here
    }
}

/// How each picture takes an entry in.
mod show {
    use super::*;

    pub fn watch_stock(picture: &mut Stocked, entry: &proto::StockEntry) {
        let run = entry.serials.expect("an entry has a run");
        for serial in run.first..=run.last {
            if leaves::watch_stock(entry) {
                picture.remove(&serial);
            } else {
                picture.insert(serial, (entry.location.clone(), entry.state()));
            }
        }
    }

    pub fn watch_collections(picture: &mut ById<proto::Collection>, entry: &proto::Collection) {
        if leaves::watch_collections(entry) {
            picture.remove(&entry.collection_id);
        } else {
            picture.insert(entry.collection_id.clone(), entry.clone());
        }
    }

    pub fn watch_enrolments(picture: &mut ById<proto::Enrolment>, entry: &proto::Enrolment) {
        if leaves::watch_enrolments(entry) {
            picture.remove(&entry.enrolment_id);
        } else {
            picture.insert(entry.enrolment_id.clone(), entry.clone());
        }
    }
}
