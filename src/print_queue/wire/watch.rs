//! What the feed hands out, as WatchQueue says it.

use std::{sync::Arc, time::Duration};

use prost::Message as _;

use crate::{
    caller::Caller,
    error::{Error, Result},
    feed::{
        Resync,
        subscription::{Change, Mark, Message},
    },
    ids::District,
    proto::{self, watch_queue_response::Message as Said},
    violations::Violations,
    wire::timestamp,
};

/// Parses whose queue is watched: a terminal's own, which it need not name, or the one that the centre names.
pub fn watch_queue(message: &proto::WatchQueueRequest, caller: &Caller) -> Result<District> {
    let mut violations = Violations::new();
    let district = match caller.district() {
        // Whether another district exists is none of the terminal's business.
        Some(own) => {
            let named = message.district.is_empty() || message.district == own.to_string();
            violations.require(named, "district", "must be the terminal's own, or empty");
            Some(own)
        }
        None => violations.parse::<District>("district", &message.district),
    };
    let Some(district) = district else { return Err(violations.error()) };
    violations.finish(district)
}

/// One message of the stream.
pub fn watch_response(message: Message) -> Result<proto::WatchQueueResponse> {
    let said = match message {
        Message::SnapshotBegin { revision } => {
            Said::SnapshotBegin(proto::SnapshotBegin { revision: revision.unsigned_abs() })
        }
        Message::SnapshotChunk { bodies } => {
            Said::SnapshotChunk(proto::QueueSnapshotChunk { entries: entries(&bodies)? })
        }
        Message::SnapshotEnd(Mark { revision, topic_revision, token, as_of }) => {
            Said::SnapshotEnd(proto::SnapshotEnd {
                revision: revision.unsigned_abs(),
                topic_revision: topic_revision.unsigned_abs(),
                resume_token: token,
                as_of_time: Some(timestamp(as_of)),
            })
        }
        Message::Change(change) => Said::Change(queue_change(change)?),
        Message::Bookmark(Mark { revision, topic_revision, token, as_of }) => {
            Said::Bookmark(proto::Bookmark {
                revision: revision.unsigned_abs(),
                topic_revision: topic_revision.unsigned_abs(),
                resume_token: token,
                as_of_time: Some(timestamp(as_of)),
            })
        }
        Message::Stale { since } => {
            Said::Stale(proto::Stale { since_time: Some(timestamp(since)) })
        }
        Message::Resync(reason) => {
            Said::Resync(proto::Resync { reason: resync_reason(reason).into() })
        }
        Message::Drain { after, spread } => Said::Drain(proto::Drain {
            after: Some(duration(after)),
            spread: Some(duration(spread)),
        }),
    };
    Ok(proto::WatchQueueResponse { message: Some(said) })
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

/// What this feature encoded, read back.
fn entries(bodies: &[Arc<[u8]>]) -> Result<Vec<proto::QueueEntry>> {
    let entry = |body: &Arc<[u8]>| {
        proto::QueueEntry::decode(&**body).map_err(|error| Error::corrupt("feed_event", error))
    };
    bodies.iter().map(entry).collect()
}

fn resync_reason(reason: Resync) -> proto::ResyncReason {
    match reason {
        Resync::Expired => proto::ResyncReason::Expired,
        Resync::Restored => proto::ResyncReason::Restored,
        Resync::Diverged => proto::ResyncReason::Diverged,
        Resync::Ahead => proto::ResyncReason::Ahead,
    }
}

fn duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).expect("nanoseconds of a second fit"),
    }
}
