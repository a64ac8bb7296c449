//! WatchQueue: the queue's topic of one district's ledger as a stream of the contract's messages.
//!
//! What is easily got wrong: which district a caller may watch is decided here. It is a terminal's own, whatever it names.

use futures::future::BoxFuture;
use sqlx::PgConnection;

use crate::{
    access::Standing,
    error::Result,
    feed::{Hub, Topic, subscription::Ask},
    ids::District,
    print_queue::{steps, wire},
    proto::{self, watch_queue_response::Message},
    stream::{self, Responses, Said},
    violations::Violations,
    work::Call,
};

/// What the stream hands out.
pub type QueueStream = Responses<proto::WatchQueueResponse>;

/// Opens the stream.
pub(super) fn watch(
    hub: &Hub,
    standing: Standing,
    call: &Call,
    message: proto::WatchQueueRequest,
) -> Result<QueueStream> {
    let ask = Ask {
        caller: call.caller.name(),
        district: district(call, &message.district)?,
        topic: Topic::Queue,
        token: message.resume_token,
        source: snapshot,
        standing,
        scope: call.caller.walls(),
    };
    stream::open(hub, ask, response)
}

fn snapshot(db: &mut PgConnection, district: District) -> BoxFuture<'_, Result<Vec<Vec<u8>>>> {
    Box::pin(steps::snapshot(db, district))
}

/// The district to watch: of a terminal its own; the centre names one.
fn district(call: &Call, named: &str) -> Result<District> {
    let mut violations = Violations::new();
    let district = wire::district(&mut violations, call.caller.scope(), named);
    match district {
        Some(district) => violations.finish(district),
        None => Err(violations.error()),
    }
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
