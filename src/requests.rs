//! The stored answers: a request id with the same content gets the first answer again, on any server, after any crash.
//!
//! The claim is the first statement of an act's transaction. A twin on any server waits on the row until the first has
//! ended and then reads its answer; no lock is invented.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    feed::journal::{Actor, Answer},
    ids::RequestId,
    scope::Scope,
};

/// Answers are kept this long: longer than any terminal stays without a line.
pub const KEPT_DAYS: i32 = 30;

/// What a claim found.
#[derive(Debug)]
pub enum Claim {
    /// The id is ours; the act may begin.
    Fresh,
    /// It was answered before.
    Taken(Stored),
}

/// An answer as it is stored.
#[derive(Debug)]
pub struct Stored {
    /// The keyed digest of the request it answers.
    pub content_digest: Vec<u8>,
    /// The gRPC code; 0 for success.
    pub code: i32,
    /// The encoded response, or the encoded google.rpc.Status.
    pub bytes: Vec<u8>,
    /// The caller's own ledger after the commit; 0 if the act wrote nothing there.
    pub revision: i64,
}

/// Claims a request id for a new act.
#[tracing::instrument(name = "sql.claim_request", skip_all)]
pub async fn claim(
    db: &mut PgConnection,
    caller: &str,
    method: &str,
    id: RequestId,
    digest: &[u8],
) -> Result<Claim> {
    let mut taken = claim_many(db, caller, method, &[(id, digest.to_vec())]).await?;
    Ok(taken.remove(&id).map_or(Claim::Fresh, Claim::Taken))
}

/// Claims many at once; answers those that were answered before.
#[tracing::instrument(name = "sql.claim_requests", skip_all, fields(requests = keys.len()))]
pub async fn claim_many(
    db: &mut PgConnection,
    caller: &str,
    method: &str,
    keys: &[(RequestId, Vec<u8>)],
) -> Result<BTreeMap<RequestId, Stored>> {
    let ids: Vec<Uuid> = keys.iter().map(|(id, _)| id.uuid()).collect();
    let digests: Vec<Vec<u8>> = keys.iter().map(|(_, digest)| digest.clone()).collect();
    // In the order of the ids: two imports with common ids must not wait for each other crosswise.
    let fresh = sqlx::query_scalar!(
        r#"
        insert into request (caller, request_id, method, content_digest)
        select $1, k.id, $2, k.digest
        from unnest($3::uuid[], $4::bytea[]) as k (id, digest)
        order by k.id
        on conflict do nothing
        returning request_id
        "#,
        caller,
        method,
        &ids,
        &digests,
    )
    .fetch_all(&mut *db)
    .await?;
    let fresh: BTreeSet<Uuid> = fresh.into_iter().collect();
    let taken: Vec<Uuid> = ids.into_iter().filter(|id| !fresh.contains(id)).collect();
    if taken.is_empty() {
        Ok(BTreeMap::new())
    } else {
        stored(db, caller, &taken).await
    }
}

async fn stored(
    db: &mut PgConnection,
    caller: &str,
    ids: &[Uuid],
) -> Result<BTreeMap<RequestId, Stored>> {
    let rows = sqlx::query!(
        r#"
        select request_id, content_digest, answer_code, answer, committed_revision
        from request
        where caller = $1 and request_id = any($2)
        "#,
        caller,
        ids,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let (Some(code), Some(bytes)) = (row.answer_code, row.answer) else {
                return Err(Error::corrupt(
                    "request",
                    "a committed request without an answer",
                ));
            };
            let revision = row.committed_revision.unwrap_or(0);
            Ok((
                RequestId::from(row.request_id),
                Stored {
                    content_digest: row.content_digest,
                    code,
                    bytes,
                    revision,
                },
            ))
        })
        .collect()
}

/// Stores a refusal after its act was rolled back, with its audit row; answers what is stored now, which may be a faster
/// twin's answer.
#[tracing::instrument(name = "sql.store_refusal", skip_all)]
pub async fn store_refusal(
    db: &mut PgConnection,
    actor: &Actor,
    scope: Scope,
    digest: &[u8],
    answer: &Answer,
) -> Result<Stored> {
    // One statement is its own transaction: the scope is set before the rest and ends with it. The function always answers
    // one row.
    let first = sqlx::query_scalar!(
        r#"
        with wall as materialized (select set_config('ektp.scope', $12, true) as scope)
        select close_refused($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) as "first!" from wall
        "#,
        actor.terminal,
        actor.officer_id(),
        actor.shift_id(),
        actor.method,
        actor.trace_id,
        scope.ledger().number(),
        answer.request_id.uuid(),
        digest,
        answer.code,
        answer.reason,
        answer.bytes,
        scope.to_string(),
    )
    .fetch_one(&mut *db)
    .await?;
    if first {
        return Ok(Stored {
            content_digest: digest.to_vec(),
            code: answer.code,
            bytes: answer.bytes.clone(),
            revision: 0,
        });
    }
    // A faster twin's answer. What is not committed ends with the borrowing.
    let mut read = db.begin_with(scope.begin_read()).await?;
    stored(&mut read, &actor.terminal, &[answer.request_id.uuid()])
        .await?
        .remove(&answer.request_id)
        .ok_or_else(|| Error::corrupt("request", "a claimed request is missing"))
}

/// Deletes answers older than [`KEPT_DAYS`], at most `limit` of them; answers how many.
#[tracing::instrument(name = "sql.delete_old_requests", skip_all)]
pub async fn delete_old(db: &mut PgConnection, limit: i64) -> Result<u64> {
    let deleted = sqlx::query!(
        r#"
        delete from request
        where (caller, request_id) in (
            select caller, request_id from request
            where received_at < clock_timestamp() - make_interval(days => $1)
            order by received_at
            limit $2
            for update skip locked
        )
        "#,
        KEPT_DAYS,
        limit,
    )
    .execute(db)
    .await?;
    Ok(deleted.rows_affected())
}
