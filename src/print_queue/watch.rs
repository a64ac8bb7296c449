//! WatchQueue: the queue's topic of one district's ledger as a stream. What is personal cannot come here, because a
//! snapshot and an event are made of the same entries.

use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

use crate::{
    feed::{
        Hub, Topic,
        subscription::{self, Ask},
    },
    print_queue::{steps, wire},
    proto,
    work::Call,
};

/// What the stream hands out.
pub type QueueStream =
    Pin<Box<dyn Stream<Item = Result<proto::WatchQueueResponse, Status>> + Send>>;

/// Opens the stream.
pub fn watch(
    hub: &Hub,
    request: Request<proto::WatchQueueRequest>,
) -> Result<Response<QueueStream>, Status> {
    let (call, message) = Call::open(request, "PrintQueue/WatchQueue")?;
    let ask = Ask {
        caller: call.caller.name(),
        district: wire::watch_queue(&message, &call.caller)?,
        topic: Topic::Queue,
        token: message.resume_token,
        source: |db, district| Box::pin(steps::snapshot(db, district)),
    };
    let messages = subscription::open(hub, ask)?;
    let said = messages.map(|message| Ok(wire::watch_response(message?)?));
    Ok(Response::new(Box::pin(said)))
}
