//! WatchCollections: the cards that await their holders as a stream of the contract's messages.
//!
//! What is easily got wrong: a terminal's subdistrict limits what it hands over, not what it sees of the ledger.

use futures::future::BoxFuture;
use sqlx::PgConnection;

use crate::{
    error::Result,
    feed::{Hub, Topic},
    handover::steps,
    ids::District,
    proto::{self, watch_collections_response::Message},
    stream::{self, Responses, Said, Wish},
    work::{Call, Desk},
};

/// What the stream hands out.
pub type CollectionsStream = Responses<proto::WatchCollectionsResponse>;

/// Opens the stream.
pub(super) fn watch(
    desk: &Desk,
    hub: &Hub,
    call: &Call,
    message: proto::WatchCollectionsRequest,
) -> Result<CollectionsStream> {
    let wish = Wish {
        topic: Topic::Collections,
        district: &message.district,
        resume_token: message.resume_token,
        source: snapshot,
    };
    stream::open(hub, stream::ask(desk, call, wish)?, response)
}

fn snapshot(db: &mut PgConnection, district: District) -> BoxFuture<'_, Result<Vec<Vec<u8>>>> {
    Box::pin(steps::snapshot(db, district))
}

fn response(said: Said<proto::Collection>) -> proto::WatchCollectionsResponse {
    let message = match said {
        Said::SnapshotBegin(begin) => Message::SnapshotBegin(begin),
        Said::SnapshotChunk(entries) => {
            Message::SnapshotChunk(proto::CollectionsSnapshotChunk { entries })
        }
        Said::SnapshotEnd(end) => Message::SnapshotEnd(end),
        Said::Change(change) => Message::Change(proto::CollectionsChange {
            prior_revision: change.prior_revision,
            revision: change.revision,
            entries: change.entries,
            more: change.more,
            resume_token: change.resume_token,
            as_of_time: change.as_of_time,
        }),
        Said::Bookmark(bookmark) => Message::Bookmark(bookmark),
        Said::Stale(stale) => Message::Stale(stale),
        Said::Resync(resync) => Message::Resync(resync),
        Said::Drain(drain) => Message::Drain(drain),
    };
    proto::WatchCollectionsResponse {
        message: Some(message),
    }
}
