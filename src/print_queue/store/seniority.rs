//! What is kept of a change of the order by hand, beside the stage that it begins.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    error::Result,
    ids::ApprovalId,
    print_queue::{PrintRequest, SeniorityChange, SeniorityReason},
};

/// A change that was carried out.
#[derive(Debug)]
pub struct Changed<'a> {
    /// By whose word.
    pub approval_id: ApprovalId,
    /// What was asked for.
    pub change: SeniorityChange,
    /// Where the request stood.
    pub before: OffsetDateTime,
    /// The request now; its stage is saved.
    pub after: &'a PrintRequest,
}

/// Keeps a change.
#[tracing::instrument(name = "sql.insert_seniority_change", skip_all)]
pub async fn insert_seniority_change(db: &mut PgConnection, changed: &Changed<'_>) -> Result<()> {
    sqlx::query!(
        r#"
        insert into seniority_change (
            approval_id, district, print_request_id, stage, reason, seniority_before, seniority_after, changed_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        changed.approval_id.uuid(),
        changed.after.district.number(),
        changed.change.print_request_id.uuid(),
        changed.after.stage,
        changed.change.reason as SeniorityReason,
        changed.before,
        changed.after.seniority_at,
        changed.after.state_at,
    )
    .execute(db)
    .await?;
    Ok(())
}
