//! WatchStock: where a district's blanks and cards are, as a stream of the contract's messages.
//!
//! What is easily got wrong: an entry is about a run of serials, and the runs of a snapshot are not those of the
//! changes: tables join what lies side by side.

use futures::future::BoxFuture;
use sqlx::PgConnection;

use crate::{
    error::Result,
    feed::{Hub, Topic},
    ids::District,
    inventory::steps,
    proto::{self, watch_stock_response::Message},
    stream::{self, Responses, Said, Wish},
    work::{Call, Desk},
};

/// What the stream hands out.
pub type StockStream = Responses<proto::WatchStockResponse>;

/// Opens the stream.
pub(super) fn watch(
    desk: &Desk,
    hub: &Hub,
    call: &Call,
    message: proto::WatchStockRequest,
) -> Result<StockStream> {
    let wish = Wish {
        topic: Topic::Stock,
        district: &message.district,
        resume_token: message.resume_token,
        source: snapshot,
    };
    stream::open(hub, stream::ask(desk, call, wish)?, response)
}

fn snapshot(db: &mut PgConnection, district: District) -> BoxFuture<'_, Result<Vec<Vec<u8>>>> {
    Box::pin(steps::snapshot(db, district))
}

fn response(said: Said<proto::StockEntry>) -> proto::WatchStockResponse {
    let message = match said {
        Said::SnapshotBegin(begin) => Message::SnapshotBegin(begin),
        Said::SnapshotChunk(entries) => {
            Message::SnapshotChunk(proto::StockSnapshotChunk { entries })
        }
        Said::SnapshotEnd(end) => Message::SnapshotEnd(end),
        Said::Change(change) => Message::Change(proto::StockChange {
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
    proto::WatchStockResponse {
        message: Some(message),
    }
}
