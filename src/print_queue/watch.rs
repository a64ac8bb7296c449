//! WatchQueue: the queue's topic of one district's ledger as a stream of the contract's messages.
//!
//! What is easily got wrong: a printed or cancelled request is no part of a snapshot, and still comes once as a change.

use futures::future::BoxFuture;
use sqlx::PgConnection;

use crate::{
    error::Result,
    feed::{Hub, Topic},
    ids::District,
    print_queue::steps,
    proto::{self, watch_queue_response::Message},
    stream::{self, Responses, Said, Wish},
    work::{Call, Desk},
};

/// What the stream hands out.
pub type QueueStream = Responses<proto::WatchQueueResponse>;

/// Opens the stream.
pub(super) fn watch(
    desk: &Desk,
    hub: &Hub,
    call: &Call,
    message: proto::WatchQueueRequest,
) -> Result<QueueStream> {
    let wish = Wish {
        topic: Topic::Queue,
        district: &message.district,
        resume_token: message.resume_token,
        source: snapshot,
    };
    stream::open(hub, stream::ask(desk, call, wish)?, response)
}

fn snapshot(db: &mut PgConnection, district: District) -> BoxFuture<'_, Result<Vec<Vec<u8>>>> {
    Box::pin(steps::snapshot(db, district))
}

fn response(said: Said<proto::QueueEntry>) -> proto::WatchQueueResponse {
    let message = match said {
        Said::SnapshotBegin(begin) => Message::SnapshotBegin(begin),
        Said::SnapshotChunk(entries) => {
            Message::SnapshotChunk(proto::QueueSnapshotChunk { entries })
        }
        Said::SnapshotEnd(end) => Message::SnapshotEnd(end),
        Said::Change(change) => Message::Change(proto::QueueChange {
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
    proto::WatchQueueResponse {
        message: Some(message),
    }
}
