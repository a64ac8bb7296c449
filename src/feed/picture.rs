//! A snapshot of a whole topic.
//!
//! What is easily got wrong: the rows and the head they belong to must come from one and the same view of the database.

use std::sync::Arc;

use futures::future::BoxFuture;
use prost::bytes::Bytes;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    error::{Error, Result, Violation},
    feed::{
        chain::Position,
        commits::FULL,
        journal,
        resume::Place,
        share::Subject,
        subscription::{Encode, Message},
    },
    ids::District,
};

/// The most entries of one message.
const CHUNK_MAX: usize = 200;

/// Reads all that a topic shows of a district, encoded as its events are.
pub type Source = for<'c> fn(&'c mut PgConnection, District) -> BoxFuture<'c, Result<Vec<Vec<u8>>>>;

/// A whole topic at one revision.
#[derive(Debug)]
pub(super) struct Picture {
    /// The history that it is of.
    pub feed_id: Uuid,
    /// Where changes follow, and the database's time of it.
    pub place: Place,
    /// Its messages between the beginning and the end.
    pub chunks: Vec<Bytes>,
}

#[tracing::instrument(name = "feed.snapshot", skip_all)]
pub(super) async fn take(
    pool: &PgPool,
    subject: Subject,
    source: Source,
    encode: &Encode,
) -> Result<Picture> {
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
            head: facts.head,
            as_of: facts.as_of,
        },
        chunks: chunks(&bodies, encode)?,
    })
}

/// The states in messages, each with so many entries or full.
fn chunks(mut bodies: &[Vec<u8>], encode: &Encode) -> Result<Vec<Bytes>> {
    let mut chunks = Vec::new();
    while !bodies.is_empty() {
        let mut bytes = 0;
        let fits = |body: &&Vec<u8>| {
            let fits = bytes < FULL;
            bytes += body.len();
            fits
        };
        let count = bodies.iter().take(CHUNK_MAX).take_while(fits).count();
        let (chunk, left) = bodies.split_at(count);
        bodies = left;
        let bodies = chunk.iter().map(|body| Arc::from(&body[..])).collect();
        chunks.push(encode(Message::SnapshotChunk { bodies })?);
    }
    Ok(chunks)
}

/// The district has a code's shape, and the ministry never gave it out.
pub(super) fn no_ledger() -> Error {
    Error::invalid(vec![Violation {
        field: "district".to_owned(),
        rule: "is not in the ministry's list".to_owned(),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_comes_in_messages_that_are_full_and_no_more() {
        let count: Encode = Box::new(|message| {
            let Message::SnapshotChunk { bodies } = message else {
                panic!("{message:?} is no chunk");
            };
            Ok(Bytes::from(vec![u8::try_from(bodies.len()).unwrap_or(0)]))
        });
        let counts = |bodies: Vec<Vec<u8>>| -> Vec<u8> {
            let chunks = chunks(&bodies, &count).expect("they are encoded");
            chunks.concat()
        };
        assert!(counts(Vec::new()).is_empty());
        assert_eq!(counts(vec![vec![1]; 450]), [200, 200, 50]);
        assert_eq!(counts(vec![vec![1; FULL / 4]; 9]), [4, 4, 1]);
        assert_eq!(counts(vec![vec![1; FULL * 2]; 2]), [1, 1]);
    }
}
