//! What is read back of the ledger: all heads in one poll, events, and what the ledger knows of a position.
//!
//! What is easily got wrong: the time that goes with a reading. `clock_timestamp()` would be read after the statement's
//! snapshot was taken, and an act committed in between would count as seen. The start of the reading's transaction
//! precedes its snapshot, so whatever was committed before that time is in the answer.

use std::sync::{Arc, OnceLock};

use prost::bytes::Bytes;
use sqlx::{Connection as _, PgConnection, PgPool, Postgres, Transaction};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    feed::Topic,
    ids::District,
    scope::Scope,
};

/// The furthest that a token's next event of its topic is looked for; who is further behind gets a snapshot anyway.
const LOOK_AHEAD_MAX: i64 = crate::feed::resume::BEHIND_MAX;

/// One event as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number in the district's ledger.
    pub revision: i64,
    /// Its stream.
    pub topic: Topic,
    /// The topic's revision before it.
    pub prior_revision: i64,
    /// Whether it is its commit's last event of the topic.
    pub last_in_commit: bool,
    /// The encoded state; opaque here.
    pub body: Arc<[u8]>,
    /// The ledger's chained digest at this event.
    pub digest: Vec<u8>,
    /// When it was written, by the database's clock.
    pub at: OffsetDateTime,
    /// What is said of the commit, or the part of it, that ends here; in which history, and once it was said.
    pub said: OnceLock<(Uuid, Bytes)>,
}

impl Event {
    /// What the streams of the topic say of the part that ends here. The first one puts it into words for all.
    pub fn say_once(&self, feed_id: Uuid, say: impl FnOnce() -> Result<Bytes>) -> Result<Bytes> {
        if let Some((of, bytes)) = self.said.get()
            && *of == feed_id
        {
            return Ok(bytes.clone());
        }
        let bytes = say()?;
        // A stream of another history, with other tokens, may have been first; then this one speaks for itself.
        self.said.set((feed_id, bytes.clone())).ok();
        Ok(bytes)
    }
}

/// Where one ledger stands.
#[derive(Debug, Clone)]
pub struct Head {
    /// Whose ledger.
    pub district: District,
    /// The last event's number.
    pub revision: i64,
    /// The digest there.
    pub digest: Vec<u8>,
}

/// One look at the heads.
#[derive(Debug, Clone)]
pub struct Heads {
    /// The identity of this history.
    pub feed_id: Uuid,
    /// Everything committed before this time is in the look.
    pub as_of: OffsetDateTime,
    /// The heads asked for.
    pub heads: Vec<Head>,
}

/// Which events of a ledger are wanted: those after one revision, up to another.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Whose ledger.
    pub district: District,
    /// Not this one.
    pub after: i64,
    /// This one still.
    pub up_to: i64,
}

/// What the ledger knows of one topic and, if asked, of a position in it.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The identity of this history.
    pub feed_id: Uuid,
    /// The ledger's last event.
    pub head: i64,
    /// The digest there.
    pub digest: Vec<u8>,
    /// Everything at or below is gone.
    pub floor: i64,
    /// The digest at the floor.
    pub floor_digest: Vec<u8>,
    /// The topic's last event.
    pub topic_revision: i64,
    /// Everything committed before this time is in the facts.
    pub as_of: OffsetDateTime,
    /// Of the revision asked for.
    pub asked: Asked,
}

/// What the ledger knows of one revision.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The digest of the event with this number, while it is kept.
    pub digest: Option<Vec<u8>>,
    /// What the topic's first event after it names as its prior; absent when there is none.
    pub next_prior: Option<i64>,
}

/// The heads of all ledgers, or of some.
#[tracing::instrument(name = "sql.heads", level = "debug", skip_all)]
pub async fn heads(db: &mut PgConnection, only: Option<&[District]>) -> Result<Heads> {
    let only: Option<Vec<i32>> =
        only.map(|districts| districts.iter().map(|district| district.number()).collect());
    // One row at least, even where none of the ledgers asked for exists; the time of the transaction is never null.
    let rows = sqlx::query!(
        r#"
        select f.feed_id, transaction_timestamp() as "as_of!",
            h.district as "district?", h.head as "head?", h.digest as "digest?"
        from feed f
        left join feed_head h on $1::integer[] is null or h.district = any($1)
        "#,
        only.as_deref(),
    )
    .fetch_all(db)
    .await?;
    let first = rows
        .first()
        .ok_or_else(|| Error::corrupt("feed", "the ledger has no identity"))?;
    let (feed_id, as_of) = (first.feed_id, first.as_of);
    let mut heads = Vec::with_capacity(rows.len());
    for row in rows {
        if let (Some(district), Some(revision), Some(digest)) = (row.district, row.head, row.digest)
        {
            heads.push(Head {
                district: super::district(district)?,
                revision,
                digest,
            });
        }
    }
    Ok(Heads {
        feed_id,
        as_of,
        heads,
    })
}

/// Events in the order of their ledgers and numbers, at most `limit` of each span. None of them may be older than
/// `since`: it is what spares the database the partitions of all other days.
#[tracing::instrument(name = "sql.events", level = "debug", skip_all, fields(spans = spans.len()))]
pub async fn events(
    db: &mut PgConnection,
    spans: &[Span],
    since: Date,
    limit: i64,
) -> Result<Vec<(District, Arc<Event>)>> {
    let districts: Vec<i32> = spans.iter().map(|span| span.district.number()).collect();
    let after: Vec<i64> = spans.iter().map(|span| span.after).collect();
    let up_to: Vec<i64> = spans.iter().map(|span| span.up_to).collect();
    let rows = sqlx::query!(
        r#"
        select e.district, e.revision, e.topic, e.prior_revision, e.last_in_commit, e.body, e.digest, e.at
        from unnest($1::integer[], $2::bigint[], $3::bigint[]) as wanted (district, after, up_to)
        cross join lateral (
            select district, revision, topic, prior_revision, last_in_commit, body, digest, at
            from feed_event
            where district = wanted.district and revision > wanted.after and revision <= wanted.up_to and day >= $4
            order by revision
            limit $5
        ) as e
        order by e.district, e.revision
        "#,
        &districts,
        &after,
        &up_to,
        since,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let topic = Topic::from_number(row.topic)
                .ok_or_else(|| Error::corrupt("feed_event", "an unknown topic"))?;
            let event = Event {
                revision: row.revision,
                topic,
                prior_revision: row.prior_revision,
                last_in_commit: row.last_in_commit,
                body: row.body.into(),
                digest: row.digest,
                at: row.at,
                said: OnceLock::new(),
            };
            Ok((super::district(row.district)?, Arc::new(event)))
        })
        .collect()
}

/// What the ledger knows of a topic and of the revision `asked`, whose events are not older than `since`. One statement,
/// hence one snapshot: floor, head and digests belong together. None for a district that has no ledger.
#[tracing::instrument(name = "sql.facts", skip_all)]
pub async fn facts(
    db: &mut PgConnection,
    district: District,
    topic: Topic,
    asked: Option<i64>,
    since: Option<Date>,
) -> Result<Option<Facts>> {
    // The head row knows all four topics (its constraint); the time of the transaction is never null.
    let row = sqlx::query!(
        r#"
        select f.feed_id, h.head, h.digest, h.floor, h.floor_digest,
            h.topic_heads[$2::smallint] as "topic_revision!", transaction_timestamp() as "as_of!",
            (select e.digest from feed_event e where e.district = h.district and e.revision = $3) as "asked_digest?",
            case when h.topic_heads[$2::smallint] > $3 then (
                select e.prior_revision from feed_event e
                where e.district = h.district and e.topic = $2 and e.revision > $3 and e.revision <= $3 + $5
                    and e.day >= $4
                order by e.revision
                limit 1
            ) end as next_prior
        from feed_head h
        cross join feed f
        where h.district = $1
        "#,
        district.number(),
        topic.number(),
        asked,
        since,
        LOOK_AHEAD_MAX,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Facts {
        feed_id: row.feed_id,
        head: row.head,
        digest: row.digest,
        floor: row.floor,
        floor_digest: row.floor_digest,
        topic_revision: row.topic_revision,
        as_of: row.as_of,
        asked: Asked {
            digest: row.asked_digest,
            next_prior: row.next_prior,
        },
    }))
}

/// One unchanging view of the database, in which a topic's rows and its head belong together. Reads only; whoever takes
/// it ends it by rolling back.
pub async fn snapshot(pool: &PgPool, scope: Scope) -> Result<Transaction<'static, Postgres>> {
    let begin = scope.begin("isolation level repeatable read, read only");
    Ok(Box::pin(pool.begin_with(begin)).await?)
}

/// A transaction that reads what is in the scope; whoever takes it ends it by rolling back.
pub async fn read(
    connection: &mut PgConnection,
    scope: Scope,
) -> Result<Transaction<'_, Postgres>> {
    Ok(connection.begin_with(scope.begin_read()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::chain::tests::ledger;

    #[test]
    fn what_one_stream_has_said_is_said_for_all_of_its_history() {
        let events = ledger(&[&[Topic::Queue]]);
        let (ours, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut said = 0;
        for (feed_id, words, expected) in [
            (ours, "one", "one"),
            (ours, "two", "one"),
            (other, "three", "three"),
            (ours, "four", "one"),
        ] {
            let bytes = events[0].say_once(feed_id, || {
                said += 1;
                Ok(Bytes::from_static(words.as_bytes()))
            });
            assert_eq!(bytes.expect("it is said"), expected);
        }
        assert_eq!(said, 2, "once in each history");
        let failed =
            ledger(&[&[Topic::Queue]])[0].say_once(ours, || Err(Error::internal("no words")));
        assert!(failed.is_err());
    }
}
