//! All SQL of policy's table. Which version is in force stands in the function `policy_in_force`, because the queue's
//! lease selects by it in its own statement.

use sqlx::PgConnection;
use time::Date;

use crate::{
    error::{Error, Result},
    policy::{ApplicantClass, Policy},
};

/// The version in force on a day.
#[tracing::instrument(name = "sql.current_policy", skip_all)]
pub async fn current(db: &mut PgConnection, on: Date) -> Result<Policy> {
    // The function's columns are those of a row whose columns are not null.
    let row = sqlx::query!(
        r#"
        select version as "version!", class_order as "class_order!: Vec<ApplicantClass>",
            interim_certificate_required as "interim_certificate_required!"
        from policy_in_force($1)
        "#,
        on,
    )
    .fetch_optional(db)
    .await?
    .ok_or_else(|| Error::corrupt("policy_version", "no version is in force"))?;
    Ok(Policy {
        version: row.version,
        class_order: row.class_order,
        interim_certificate_required: row.interim_certificate_required,
    })
}
