//! A snapshot of a whole topic.
//!
//! What is easily got wrong: the rows and the head they belong to must come from one and the same view of the database.

use std::sync::Arc;

use futures::future::BoxFuture;
use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::{Error, Result, Violation},
    feed::{chain::Position, journal, resume::Place, share::Subject},
    ids::District,
};

/// Reads all that a topic shows of a district, encoded as its events are.
pub type Source = for<'c> fn(&'c mut PgConnection, District) -> BoxFuture<'c, Result<Vec<Vec<u8>>>>;

/// A whole topic at one revision.
#[derive(Debug)]
pub(super) struct Picture {
    /// The history that it is of.
    pub feed_id: Uuid,
    /// Where changes follow.
    pub place: Place,
    /// The database's time of it.
    pub as_of: OffsetDateTime,
    /// The encoded states.
    pub bodies: Vec<Arc<[u8]>>,
}

#[tracing::instrument(name = "feed.snapshot", skip_all)]
pub(super) async fn take(pool: &PgPool, subject: Subject, source: Source) -> Result<Picture> {
    let mut view = journal::snapshot(pool, subject.scope).await?;
    let facts = journal::facts(&mut view, subject.district, subject.topic, None, None)
        .await?
        .ok_or_else(no_ledger)?;
    let bodies = source(&mut view, subject.district).await?;
    view.rollback().await?;
    Ok(Picture {
        feed_id: facts.feed_id,
        place: Place {
            position: Position {
                revision: facts.head,
                digest: facts.digest,
                day: facts.as_of.date(),
            },
            topic_revision: facts.topic_revision,
        },
        as_of: facts.as_of,
        bodies: bodies.into_iter().map(Arc::from).collect(),
    })
}

/// The district has a code's shape, and the ministry never gave it out.
pub(super) fn no_ledger() -> Error {
    Error::invalid(vec![Violation {
        field: "district".to_owned(),
        rule: "is not in the ministry's list".to_owned(),
    }])
}
