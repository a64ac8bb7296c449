//! WatchEnrolments: the enrolments on their way to the centre's verdict as a stream of the contract's messages.
//!
//! What is easily got wrong: an enrolment that left the picture comes back when the person's identity is changed.

use futures::future::BoxFuture;
use sqlx::PgConnection;

use crate::{
    error::Result,
    feed::{Hub, Topic},
    ids::District,
    proto::{self, watch_enrolments_response::Message},
    registration::steps,
    stream::{self, Responses, Said, Wish},
    work::{Call, Desk},
};

/// What the stream hands out.
pub type EnrolmentsStream = Responses<proto::WatchEnrolmentsResponse>;

/// Opens the stream.
pub(super) fn watch(
    desk: &Desk,
    hub: &Hub,
    call: &Call,
    message: proto::WatchEnrolmentsRequest,
) -> Result<EnrolmentsStream> {
    let wish = Wish {
        topic: Topic::Enrolments,
        district: &message.district,
        resume_token: message.resume_token,
        source: snapshot,
    };
    stream::open(hub, stream::ask(desk, call, wish)?, response)
}

fn snapshot(db: &mut PgConnection, district: District) -> BoxFuture<'_, Result<Vec<Vec<u8>>>> {
    Box::pin(steps::snapshot(db, district))
}

fn response(said: Said<proto::Enrolment>) -> proto::WatchEnrolmentsResponse {
    let message = match said {
        Said::SnapshotBegin(begin) => Message::SnapshotBegin(begin),
        Said::SnapshotChunk(entries) => {
            Message::SnapshotChunk(proto::EnrolmentsSnapshotChunk { entries })
        }
        Said::SnapshotEnd(end) => Message::SnapshotEnd(end),
        Said::Change(change) => Message::Change(proto::EnrolmentsChange {
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
    proto::WatchEnrolmentsResponse {
        message: Some(message),
    }
}
