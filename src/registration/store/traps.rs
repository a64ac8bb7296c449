//! Persons who exist only as a trap: an invented person, recorded as any other, whom nobody has a reason to read.

use sqlx::PgConnection;

use crate::{error::Result, ids::EnrolmentId};

/// Marks the person of an enrolment; answers whether there is such an enrolment.
#[tracing::instrument(name = "sql.mark_trap", skip_all)]
pub async fn mark_trap(db: &mut PgConnection, enrolment: EnrolmentId) -> Result<bool> {
    let marked = sqlx::query!(
        r#"
        insert into honeytoken (resident_id, district)
        select e.resident_id, e.district from enrolment as e where e.enrolment_id = $1
        on conflict (resident_id) do update set district = excluded.district
        "#,
        enrolment.uuid(),
    )
    .execute(db)
    .await?;
    Ok(marked.rows_affected() == 1)
}
