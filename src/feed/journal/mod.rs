//! All SQL of the ledger: closing a unit of work here, what is read back in [`reads`], what is dropped in [`retention`].
//!
//! [`close`] must be the last statement before COMMIT: from there on the district's other writers wait.

mod reads;
mod retention;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    feed::Topic,
    ids::{District, RequestId},
};

pub use reads::{Asked, Event, Facts, Head, Heads, Span, events, facts, heads, snapshot};
pub use retention::{Dropped, drop_old, restored};

/// At most so many districts in one commit: their heads are locked one after the other.
pub const DISTRICTS_PER_COMMIT_MAX: usize = 64;
/// At most so many events of one district in one commit.
pub const EVENTS_PER_COMMIT_MAX: usize = 500;

/// One event to be written: the state of one thing after the act.
#[derive(Debug, Clone)]
pub struct Record {
    /// Whose ledger.
    pub district: District,
    /// Which stream.
    pub topic: Topic,
    /// The encoded state; ids and states only.
    pub body: Vec<u8>,
}

/// The answer that is stored under a request id.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Which request.
    pub request_id: RequestId,
    /// The gRPC code; 0 for success.
    pub code: i32,
    /// The encoded response, or the encoded google.rpc.Status.
    pub bytes: Vec<u8>,
}

/// Stores the answers and appends the records, in one round trip; answers the touched ledgers' new heads.
#[tracing::instrument(name = "sql.close_work", skip_all, fields(records = records.len()))]
pub async fn close(
    db: &mut PgConnection,
    caller: &str,
    answers: &[Answer],
    home: District,
    records: &[Record],
) -> Result<Vec<(District, i64)>> {
    check_limits(records)?;
    let requests: Vec<Uuid> = answers
        .iter()
        .map(|answer| answer.request_id.uuid())
        .collect();
    let codes: Vec<i32> = answers.iter().map(|answer| answer.code).collect();
    let bytes: Vec<Vec<u8>> = answers.iter().map(|answer| answer.bytes.clone()).collect();
    let districts: Vec<i32> = records
        .iter()
        .map(|record| record.district.number())
        .collect();
    let topics: Vec<i16> = records.iter().map(|record| record.topic.number()).collect();
    let bodies: Vec<Vec<u8>> = records.iter().map(|record| record.body.clone()).collect();
    // The function returns a row per touched ledger; both columns are never null.
    let heads = sqlx::query!(
        r#"
        select district as "district!", head as "head!"
        from close_work($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        caller,
        &requests,
        &codes,
        &bytes,
        home.number(),
        &districts,
        &topics,
        &bodies,
    )
    .fetch_all(db)
    .await?;
    heads
        .into_iter()
        .map(|row| Ok((district(row.district)?, row.head)))
        .collect()
}

/// A commit beyond the limits would hold many districts' heads for long; callers split their work before.
fn check_limits(records: &[Record]) -> Result<()> {
    let mut per_district = std::collections::BTreeMap::<District, usize>::new();
    for record in records {
        *per_district.entry(record.district).or_default() += 1;
    }
    if per_district.len() > DISTRICTS_PER_COMMIT_MAX {
        return Err(Error::internal("one commit touches too many districts"));
    }
    if per_district
        .values()
        .any(|events| *events > EVENTS_PER_COMMIT_MAX)
    {
        return Err(Error::internal(
            "one commit writes too many events to one district",
        ));
    }
    Ok(())
}

fn district(number: i32) -> Result<District> {
    if number == District::CENTRE.number() {
        return Ok(District::CENTRE);
    }
    District::from_number(number).map_err(|error| Error::corrupt("feed_head", error))
}
