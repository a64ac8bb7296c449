//! Whose data was seen: the READ rows of the audit log, for the question that the law gives an hour for.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::Result;

/// At most so many rows in one answer; who needs more asks for less time at once.
pub const SIGHTS_MAX: i64 = 100_000;

/// What is asked; each part narrows.
#[derive(Debug, Clone)]
pub struct Asked {
    /// From then on.
    pub since: OffsetDateTime,
    /// By this terminal, as `ektp://…`.
    pub terminal: Option<String>,
    /// By this officer's account.
    pub officer: Option<Uuid>,
    /// Of this person.
    pub resident: Option<Uuid>,
}

/// One answer with personal data, or one that was refused because a quota was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    pub at: OffsetDateTime,
    pub district: i32,
    pub number: i64,
    pub officer_id: Option<Uuid>,
    pub terminal: String,
    pub method: String,
    /// Empty where the data left.
    pub refused: String,
    /// As `resident/<id>` with commas between them.
    pub residents: String,
}

/// The rows, oldest first; at most [`SIGHTS_MAX`] and one, by which the caller sees that there are more.
#[tracing::instrument(name = "sql.sights", skip_all)]
pub async fn sights(db: &mut PgConnection, asked: &Asked) -> Result<Vec<Sight>> {
    let rows = sqlx::query_as!(
        Sight,
        r#"
        select at, district, number, officer_id, terminal, method, reason as refused, resources as residents
        from audit
        where kind = 'READ' and at >= $1
            and ($2::text is null or terminal = $2)
            and ($3::uuid is null or officer_id = $3)
            and ($4::uuid is null or 'resident/' || $4 = any(string_to_array(resources, ',')))
        order by at, district, number
        limit $5
        "#,
        asked.since,
        asked.terminal,
        asked.officer,
        asked.resident,
        SIGHTS_MAX + 1,
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}
