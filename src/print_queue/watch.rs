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
    proto,
    stream::{self, Responses, Wish},
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
    stream::open(hub, stream::ask(desk, call, wish)?)
}

fn snapshot(db: &mut PgConnection, district: District) -> BoxFuture<'_, Result<Vec<Vec<u8>>>> {
    Box::pin(steps::snapshot(db, district))
}
