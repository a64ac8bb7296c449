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
    proto,
    stream::{self, Responses, Wish},
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
    stream::open(hub, stream::ask(desk, call, wish)?)
}

fn snapshot(db: &mut PgConnection, district: District) -> BoxFuture<'_, Result<Vec<Vec<u8>>>> {
    Box::pin(steps::snapshot(db, district))
}
