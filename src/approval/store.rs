//! All SQL of the approvals. That two persons were needed, and that they were in time, is also said by the constraints.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Approval, Area, LASTS, State, expired, same_person};
use crate::{
    caller::Officer,
    error::{self, Error, Result},
    ids::{ApprovalId, District, OfficerId},
};

/// An approval under lock, still sealed.
pub(super) struct Found {
    pub approval: Approval,
    pub sealed: Vec<u8>,
    /// From then on it does not run, if it was not over before.
    pub expires_at: OffsetDateTime,
    /// The database's time of the look.
    pub as_of: OffsetDateTime,
}

/// Where a page begins: behind this one.
pub type Cursor = (OffsetDateTime, Uuid);

/// The author's badge, and the database's time.
#[tracing::instrument(name = "sql.approval_author", skip_all)]
pub(super) async fn author(
    db: &mut PgConnection,
    author: OfficerId,
) -> Result<(String, OffsetDateTime)> {
    // A function is never null.
    let row = sqlx::query!(
        r#"select badge, clock_timestamp() as "now!" from officer where officer_id = $1"#,
        author.uuid(),
    )
    .fetch_one(db)
    .await?;
    Ok((row.badge, row.now))
}

/// Stores a new one.
#[tracing::instrument(name = "sql.insert_approval", skip_all)]
pub(super) async fn insert(
    db: &mut PgConnection,
    approval: &Approval,
    sealed: &[u8],
    terminal: &str,
) -> Result<()> {
    sqlx::query!(
        r#"
        insert into approval (
            approval_id, district, method, content, content_digest, summary, purpose, requested_by, requester_person,
            requester_badge, requested_on, requested_at, expires_at, approving_office
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        "#,
        approval.approval_id.uuid(),
        approval.district.number(),
        approval.method,
        sealed,
        approval.content_digest,
        approval.summary,
        approval.purpose,
        approval.author.uuid(),
        approval.author_person.uuid(),
        approval.author_badge,
        terminal,
        approval.requested_at,
        approval.requested_at + LASTS,
        approval.approving_office.map(District::number),
    )
    .execute(db)
    .await?;
    Ok(())
}

struct Row {
    approval_id: Uuid,
    district: i32,
    approving_office: Option<i32>,
    method: String,
    content: Vec<u8>,
    content_digest: Vec<u8>,
    summary: String,
    purpose: String,
    state: State,
    requested_by: Uuid,
    requester_person: Uuid,
    requested_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    requester_badge: String,
    approver_badge: Option<String>,
    resource: Option<String>,
    as_of: OffsetDateTime,
}

impl TryFrom<Row> for Found {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let office = |number| {
            District::from_number(number).map_err(|error| Error::corrupt("approval", error))
        };
        let district = office(row.district)?;
        let approving_office = row.approving_office.map(office).transpose()?;
        Ok(Self {
            approval: Approval {
                approval_id: row.approval_id.into(),
                district,
                approving_office,
                method: row.method,
                summary: row.summary,
                purpose: row.purpose,
                author: row.requested_by.into(),
                author_person: row.requester_person.into(),
                author_badge: row.requester_badge,
                requested_at: row.requested_at,
                content_digest: row.content_digest,
                state: row.state,
                approver_badge: row.approver_badge,
                resource: row.resource,
            },
            sealed: row.content,
            expires_at: row.expires_at,
            as_of: row.as_of,
        })
    }
}

/// The approval under lock, if it is of this area.
#[tracing::instrument(name = "sql.lock_approval", skip_all)]
pub(super) async fn lock(
    db: &mut PgConnection,
    id: ApprovalId,
    area: Area,
) -> Result<Option<Found>> {
    // A function is never null.
    let row = sqlx::query_as!(
        Row,
        r#"
        select a.approval_id, a.district, a.approving_office, a.method, a.content, a.content_digest, a.summary, a.purpose,
            a.state as "state: State", a.requested_by, a.requester_person, a.requested_at, a.expires_at, a.requester_badge,
            a.approver_badge, a.resource, clock_timestamp() as "as_of!"
        from approval as a
        where a.approval_id = $1
            and case when a.approving_office is null then $2::integer is null or a.district = $2
                else a.approving_office = $3 end
        for update
        "#,
        id.uuid(),
        area.district.map(District::number),
        area.office.number(),
    )
    .fetch_optional(db)
    .await?;
    row.map(Found::try_from).transpose()
}

/// Ends it; answers the approver's badge. The constraints have the last word on the two persons and on the time.
#[tracing::instrument(name = "sql.save_approval_done", skip_all)]
pub(super) async fn save_done(
    db: &mut PgConnection,
    id: ApprovalId,
    approver: &Officer,
    resource: &str,
) -> Result<String> {
    let saved = sqlx::query_scalar!(
        r#"
        update approval as a
        set state = 'DONE', approved_by = o.officer_id, approver_person = $3, approver_badge = o.badge,
            approved_in = o.district, approved_at = clock_timestamp(), resource = $4
        from officer as o
        where a.approval_id = $1 and a.state = 'PENDING' and o.officer_id = $2
        returning o.badge
        "#,
        id.uuid(),
        approver.officer_id.uuid(),
        approver.person_id.uuid(),
        resource,
    )
    .fetch_optional(db)
    .await;
    let badge = saved.map_err(|error| match error::constraint(&error) {
        Some("approval_is_by_two_persons") => same_person(),
        Some("approval_is_in_time") => expired(),
        Some(_) | None => error.into(),
    })?;
    badge.ok_or_else(|| Error::internal("a locked approval was not there to be ended"))
}

/// What waits in an area, the oldest first.
#[tracing::instrument(name = "sql.list_pending_approvals", skip_all)]
pub async fn list_pending(
    db: &mut PgConnection,
    area: Area,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<Approval>> {
    let (at, id) = after.unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"
        select a.approval_id, a.district, a.approving_office, a.method, a.content, a.content_digest, a.summary, a.purpose,
            a.state as "state: State", a.requested_by, a.requester_person, a.requested_at, a.expires_at, a.requester_badge,
            a.approver_badge, a.resource, clock_timestamp() as "as_of!"
        from approval as a
        where a.state = 'PENDING' and a.expires_at > clock_timestamp()
            and case when a.approving_office is null then $1::integer is null or a.district = $1
                else a.approving_office = $5 end
            and ($2::timestamptz is null or (a.requested_at, a.approval_id) > ($2, $3::uuid))
        order by a.requested_at, a.approval_id
        limit $4
        "#,
        area.district.map(District::number),
        at,
        id,
        limit,
        area.office.number(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| Found::try_from(row).map(|found| found.approval))
        .collect()
}
