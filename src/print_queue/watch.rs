//! WatchQueue: the queue's topic of one district's ledger as a stream of the contract's messages.
//!
//! The feed carries states as bytes and knows nothing of the contract; here they are read back. Which district a caller
//! may watch is decided here too: a terminal's own, whatever it names.

use std::{pin::Pin, sync::Arc};

use futures::{Stream, StreamExt as _, future::BoxFuture};
use prost::Message as _;
use sqlx::PgConnection;
use tonic::Status;

use crate::{
    access::Standing,
    areas,
    error::{Error, Result},
    feed::{
        Hub, Resync, Topic,
        subscription::{self, Ask, Change, Mark, Message},
    },
    ids::District,
    print_queue::steps,
    proto::{self, watch_queue_response::Message as Said},
    violations::Violations,
    wire::timestamp,
    work::Call,
};

/// What the stream hands out.
pub type QueueStream =
    Pin<Box<dyn Stream<Item = Result<proto::WatchQueueResponse, Status>> + Send>>;

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
    let messages = subscription::open(hub, ask)?;
    Ok(Box::pin(messages.map(|message| {
        let message = Some(said(message?)?);
        Ok(proto::WatchQueueResponse { message })
    })))
}

fn snapshot(db: &mut PgConnection, district: District) -> BoxFuture<'_, Result<Vec<Vec<u8>>>> {
    Box::pin(steps::snapshot(db, district))
}

/// The district to watch: of a terminal its own; the centre names one.
fn district(call: &Call, named: &str) -> Result<District> {
    let mut violations = Violations::new();
    let own = call.caller.scope();
    if named.is_empty()
        && let Some(own) = own
    {
        return Ok(own);
    }
    let district = violations.parse::<District>("district", named);
    if let Some(district) = district {
        // Said of every other code, so that it tells nothing about which of them are districts.
        violations.require(
            own.is_none_or(|own| own == district),
            "district",
            "must be the terminal's own",
        );
        violations.require(
            own.is_some() || areas::district(district).is_some(),
            "district",
            "is not in the ministry's list",
        );
    }
    match district {
        Some(district) => violations.finish(district),
        None => Err(violations.error()),
    }
}

fn said(message: Message) -> Result<Said> {
    Ok(match message {
        Message::SnapshotBegin { revision } => Said::SnapshotBegin(proto::SnapshotBegin {
            revision: revision.unsigned_abs(),
        }),
        Message::SnapshotChunk { bodies } => Said::SnapshotChunk(proto::QueueSnapshotChunk {
            entries: entries(&bodies)?,
        }),
        Message::SnapshotEnd(mark) => Said::SnapshotEnd(snapshot_end(mark)),
        Message::Change(change) => Said::Change(queue_change(change)?),
        Message::Bookmark(mark) => Said::Bookmark(bookmark(mark)),
        Message::Stale { since } => Said::Stale(proto::Stale {
            since_time: Some(timestamp(since)),
        }),
        Message::Resync(why) => Said::Resync(proto::Resync {
            reason: resync_reason(why).into(),
        }),
        Message::Drain { after, spread } => {
            let duration = |length| prost_types::Duration::try_from(length).ok();
            Said::Drain(proto::Drain {
                after: duration(after),
                spread: duration(spread),
            })
        }
    })
}

fn entries(bodies: &[Arc<[u8]>]) -> Result<Vec<proto::QueueEntry>> {
    bodies
        .iter()
        .map(|body| proto::QueueEntry::decode(&body[..]))
        .collect::<Result<_, _>>()
        .map_err(|error| Error::corrupt("feed_event", error))
}

fn queue_change(change: Change) -> Result<proto::QueueChange> {
    Ok(proto::QueueChange {
        prior_revision: change.prior_revision.unsigned_abs(),
        revision: change.revision.unsigned_abs(),
        entries: entries(&change.bodies)?,
        more: change.more,
        resume_token: change.token,
        as_of_time: Some(timestamp(change.as_of)),
    })
}

fn snapshot_end(mark: Mark) -> proto::SnapshotEnd {
    proto::SnapshotEnd {
        revision: mark.revision.unsigned_abs(),
        topic_revision: mark.topic_revision.unsigned_abs(),
        resume_token: mark.token,
        as_of_time: Some(timestamp(mark.as_of)),
    }
}

fn bookmark(mark: Mark) -> proto::Bookmark {
    proto::Bookmark {
        revision: mark.revision.unsigned_abs(),
        topic_revision: mark.topic_revision.unsigned_abs(),
        resume_token: mark.token,
        as_of_time: Some(timestamp(mark.as_of)),
    }
}

fn resync_reason(why: Resync) -> proto::ResyncReason {
    match why {
        Resync::Expired => proto::ResyncReason::Expired,
        Resync::Restored => proto::ResyncReason::Restored,
        Resync::Diverged => proto::ResyncReason::Diverged,
        Resync::Ahead => proto::ResyncReason::Ahead,
    }
}
