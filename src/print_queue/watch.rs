//! WatchQueue: the queue's topic of one district's ledger as a stream.

use std::pin::Pin;

use futures::Stream;
use tonic::{Request, Response, Status};

use crate::{proto, work::Desk};

/// What the stream hands out.
pub type QueueStream =
    Pin<Box<dyn Stream<Item = Result<proto::WatchQueueResponse, Status>> + Send>>;

/// Opens the stream.
pub async fn watch(
    _desk: &Desk,
    _request: Request<proto::WatchQueueRequest>,
) -> Result<Response<QueueStream>, Status> {
    Err(Status::unimplemented("the feed's own branch fills this in"))
}
