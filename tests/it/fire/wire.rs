//! The four Watch streams as one: their messages have the same fields at the same numbers, and only the entries differ.
//! Here an entry is its bytes, so that one reader can follow any topic and compare with the table's bytes themselves.
//!
//! What is easily got wrong: this is the contract's layout written down a second time, by hand. If it drifts, nothing can be
//! read here; the generated clients are used everywhere else.

use ektp::proto::{Bookmark, Drain, Resync, SnapshotBegin, SnapshotEnd, Stale, WatchQueueRequest};
use tonic::{Request, Status, Streaming, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;

use crate::support::{
    officers::Line,
    stream::{QUEUE, STOCK},
};

/// The topic of cards that wait for their owners.
pub const COLLECTIONS: i16 = 3;
/// The topic of people on their way to a card.
pub const ENROLMENTS: i16 = 4;
/// All that can be watched.
pub const TOPICS: [i16; 4] = [QUEUE, STOCK, COLLECTIONS, ENROLMENTS];

#[derive(Clone, PartialEq, prost::Message)]
pub struct Chunk {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub entries: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Change {
    #[prost(uint64, tag = "1")]
    pub prior_revision: u64,
    #[prost(uint64, tag = "2")]
    pub revision: u64,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub entries: Vec<Vec<u8>>,
    #[prost(bool, tag = "4")]
    pub more: bool,
    #[prost(bytes = "vec", tag = "5")]
    pub resume_token: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Message {
    #[prost(message, tag = "1")]
    SnapshotBegin(SnapshotBegin),
    #[prost(message, tag = "2")]
    SnapshotChunk(Chunk),
    #[prost(message, tag = "3")]
    SnapshotEnd(SnapshotEnd),
    #[prost(message, tag = "4")]
    Change(Change),
    #[prost(message, tag = "5")]
    Bookmark(Bookmark),
    #[prost(message, tag = "6")]
    Stale(Stale),
    #[prost(message, tag = "7")]
    Resync(Resync),
    #[prost(message, tag = "8")]
    Drain(Drain),
}

/// What any of the four says.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Answer {
    #[prost(oneof = "Message", tags = "1, 2, 3, 4, 5, 6, 7, 8")]
    pub message: Option<Message>,
}

/// Opens the stream of a topic with a token, or without one; the terminal's own district.
pub async fn watch(
    line: Line,
    topic: i16,
    resume_token: Vec<u8>,
) -> Result<Streaming<Answer>, Status> {
    let path = PathAndQuery::from_static(match topic {
        QUEUE => "/ektp.v1.PrintQueue/WatchQueue",
        STOCK => "/ektp.v1.Inventory/WatchStock",
        COLLECTIONS => "/ektp.v1.Handover/WatchCollections",
        ENROLMENTS => "/ektp.v1.Registration/WatchEnrolments",
        other => panic!("nobody watches topic {other}"),
    });
    // All four requests are the same two fields.
    let request = WatchQueueRequest {
        district: String::new(),
        resume_token,
    };
    let mut client = Grpc::new(line);
    let ready = client.ready().await;
    ready.map_err(|error| Status::unavailable(error.to_string()))?;
    let codec = ProstCodec::<WatchQueueRequest, Answer>::default();
    let answers = client.server_streaming(Request::new(request), path, codec);
    Ok(answers.await?.into_inner())
}
