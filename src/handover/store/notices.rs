//! The notices' queue: claim, then send outside of any transaction, then mark.
//!
//! A claim is a lease by the database's clock: a sender that dies lets its notices go by itself, so a message is sent at
//! least once. Senders on many servers pass each other by skipping locked rows.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Row;
use crate::{
    error::{Error, Result},
    handover::{Collection, CollectionState, NoticeState},
    ids::{CollectionId, District, ResidentId},
};

/// How long a sender has before its notices are taken for forgotten.
const LEASE_MINUTES: i32 = 1;
/// A failing gateway is tried again after one minute more each time, up to this.
const WAIT_MINUTES_MAX: i32 = 60;

/// A claimed notice whose person is still sealed.
#[derive(Debug)]
pub struct Due {
    /// The collection.
    pub collection_id: CollectionId,
    /// Whose office calls.
    pub district: District,
    /// Whom.
    pub resident_id: ResidentId,
    /// The person's sealed record.
    pub sealed: Vec<u8>,
}

/// Claims the notices that are due, the longest due first.
#[tracing::instrument(name = "sql.claim_notices", skip_all)]
pub async fn claim_notices(db: &mut PgConnection, limit: i64) -> Result<Vec<Due>> {
    // The sealed person stands in registration's table.
    let rows = sqlx::query!(
        r#"
        with due as materialized (
            select collection_id
            from notice
            where state = 'QUEUED' and due_at <= clock_timestamp()
            order by due_at
            limit $1
            for update skip locked
        ), claimed as (
            update notice as n
            set due_at = clock_timestamp() + make_interval(mins => $2), attempts = n.attempts + 1
            from due
            where n.collection_id = due.collection_id
            returning n.collection_id
        )
        select c.collection_id, c.district, c.resident_id, r.sealed
        from claimed
        join collection c using (collection_id)
        join resident r on r.resident_id = c.resident_id
        "#,
        limit,
        LEASE_MINUTES,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Due {
                collection_id: row.collection_id.into(),
                district: District::from_number(row.district)
                    .map_err(|error| Error::corrupt("collection", error))?,
                resident_id: row.resident_id.into(),
                sealed: row.sealed,
            })
        })
        .collect()
}

/// Marks notices as sent; answers their collections as they are now, without those that were marked before.
#[tracing::instrument(name = "sql.mark_notices_sent", skip_all, fields(notices = ids.len()))]
pub async fn mark_sent(
    db: &mut PgConnection,
    ids: &[CollectionId],
    at: OffsetDateTime,
) -> Result<Vec<Collection>> {
    // A handover may be under way: its row is waited for, in the order of the ids, and read as the handover left it, or
    // the event that follows would put the card back on the shelf.
    let rows = sqlx::query_as!(
        Row,
        r#"
        with held as materialized (
            select collection_id, print_request_id, serial, location, district, village, state, opened_at
            from collection
            where collection_id = any($1)
            order by collection_id
            for no key update
        ), sent as (
            update notice as n
            set state = 'SENT', sent_at = $2
            from held
            where n.collection_id = held.collection_id and n.state = 'QUEUED'
            returning n.collection_id
        )
        select h.collection_id, h.print_request_id, h.serial, h.location, h.district, h.village,
            h.state as "state: CollectionState", 'SENT' as "notice!: NoticeState", h.opened_at
        from held h
        join sent using (collection_id)
        order by h.collection_id
        "#,
        &uuids(ids),
        at,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Collection::try_from).collect()
}

/// Puts notices that the gateway did not take off until later.
#[tracing::instrument(name = "sql.mark_notices_failed", skip_all, fields(notices = ids.len()))]
pub async fn mark_failed(db: &mut PgConnection, ids: &[CollectionId]) -> Result<()> {
    // What is due never again (the holder came meanwhile) stays so.
    sqlx::query!(
        r#"
        with failed as materialized (
            select collection_id
            from notice
            where collection_id = any($1) and state = 'QUEUED' and due_at < 'infinity'
            order by collection_id
            for no key update
        )
        update notice as n
        set due_at = clock_timestamp() + make_interval(mins => least(n.attempts, $2))
        from failed
        where n.collection_id = failed.collection_id
        "#,
        &uuids(ids),
        WAIT_MINUTES_MAX,
    )
    .execute(db)
    .await?;
    Ok(())
}

fn uuids(ids: &[CollectionId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.uuid()).collect()
}
