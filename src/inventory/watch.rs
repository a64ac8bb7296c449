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
    proto,
    stream::{self, Responses, Wish},
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
    stream::open(hub, stream::ask(desk, call, wish)?)
}

fn snapshot(db: &mut PgConnection, district: District) -> BoxFuture<'_, Result<Vec<Vec<u8>>>> {
    Box::pin(steps::snapshot(db, district))
}
