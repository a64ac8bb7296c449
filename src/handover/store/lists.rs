//! The two lists of an office: cards that await their holders, and whom the villages' officers should tell.
//!
//! Both go by waiting time, then id, under a partial index of their own; the terminal's limit and the request's filter
//! are two conditions, so a filter can never widen what a terminal sees.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Row;
use crate::{
    error::{Error, Result},
    handover::{Collection, CollectionState, Cursor, NoticeState, Scope},
    ids::{CollectionId, ContactTaskId, ResidentId, Subdistrict, Village},
};

/// A contact task whose person is still sealed.
#[derive(Debug)]
pub struct Sealed {
    /// The task.
    pub contact_task_id: ContactTaskId,
    /// The collection it is about.
    pub collection_id: CollectionId,
    /// Whose officer.
    pub village: Village,
    /// Since when the task waits.
    pub opened_at: OffsetDateTime,
    /// Whom.
    pub resident_id: ResidentId,
    /// The person's sealed record.
    pub sealed: Vec<u8>,
}

/// The cards that await their holders, the longest waiting first.
#[tracing::instrument(name = "sql.list_awaiting", skip_all)]
pub async fn list_awaiting(
    db: &mut PgConnection,
    scope: Scope,
    subdistrict: Option<Subdistrict>,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<Collection>> {
    let (at, id) = parts(after);
    let rows = sqlx::query_as!(
        Row,
        r#"
        select c.collection_id, c.print_request_id, c.serial, c.location, c.district, c.village,
            c.state as "state: CollectionState", coalesce(n.state, 'CONTACT_TASK') as "notice!: NoticeState", c.opened_at
        from collection c
        left join notice n using (collection_id)
        where c.state = 'AWAITING' and c.district = $1
            and ($2::integer is null or c.subdistrict = $2)
            and ($3::integer is null or c.subdistrict = $3)
            and ($4::timestamptz is null or (c.opened_at, c.collection_id) > ($4, $5::uuid))
        order by c.opened_at, c.collection_id
        limit $6
        "#,
        scope.district.number(),
        scope.limit.map(|limit| limit.number()),
        subdistrict.map(|subdistrict| subdistrict.number()),
        at,
        id,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Collection::try_from).collect()
}

/// The open contact tasks, the oldest first.
#[tracing::instrument(name = "sql.list_contact_tasks", skip_all)]
pub async fn list_contact_tasks(
    db: &mut PgConnection,
    scope: Scope,
    village: Option<Village>,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<Sealed>> {
    let (at, id) = parts(after);
    // The sealed person stands in registration's table.
    let rows = sqlx::query!(
        r#"
        select t.contact_task_id, t.collection_id, t.village, t.opened_at, r.resident_id, r.sealed
        from contact_task t
        join collection c using (collection_id)
        join resident r on r.resident_id = c.resident_id
        where t.closed_at is null and t.district = $1
            and ($2::bigint is null or t.village / 10000 = $2)
            and ($3::bigint is null or t.village = $3)
            and ($4::timestamptz is null or (t.opened_at, t.contact_task_id) > ($4, $5::uuid))
        order by t.opened_at, t.contact_task_id
        limit $6
        "#,
        scope.district.number(),
        scope.limit.map(|limit| i64::from(limit.number())),
        village.map(|village| village.number()),
        at,
        id,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Sealed {
                contact_task_id: row.contact_task_id.into(),
                collection_id: row.collection_id.into(),
                village: Village::from_number(row.village)
                    .map_err(|error| Error::corrupt("contact_task", error))?,
                opened_at: row.opened_at,
                resident_id: row.resident_id.into(),
                sealed: row.sealed,
            })
        })
        .collect()
}

fn parts(cursor: Option<Cursor>) -> (Option<OffsetDateTime>, Option<Uuid>) {
    cursor.map(|cursor| (cursor.opened_at, cursor.id)).unzip()
}
