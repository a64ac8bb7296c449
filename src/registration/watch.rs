//! WatchEnrolments: the enrolments on their way to the centre's verdict as a stream of the contract's messages.
//!
//! What is easily got wrong: an enrolment that left the picture comes back when the person's identity is changed.

use futures::future::BoxFuture;
use sqlx::PgConnection;

use crate::{
    error::Result,
    feed::{Hub, Topic},
    ids::District,
    proto,
    registration::steps,
    stream::{self, Responses, Wish},
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
    stream::open(hub, stream::ask(desk, call, wish)?)
}

fn snapshot(db: &mut PgConnection, district: District) -> BoxFuture<'_, Result<Vec<Vec<u8>>>> {
    Box::pin(steps::snapshot(db, district))
}
