//! The SQL of the terminals. They are noted by `access` when they call; here they are read, and revoked.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    administration::{Area, Terminal},
    error::{Error, Result},
    ids::{ApprovalId, District, Subdistrict},
};

struct Row {
    terminal: String,
    district: i32,
    first_seen_at: OffsetDateTime,
    certificate_ends_at: OffsetDateTime,
    revoked_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for Terminal {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let district = District::from_number(row.district)
            .map_err(|error| Error::corrupt("terminal", error))?;
        Ok(Self {
            terminal: row.terminal,
            district,
            first_seen_at: row.first_seen_at,
            certificate_ends_at: row.certificate_ends_at,
            revoked_at: row.revoked_at,
        })
    }
}

/// A terminal that was seen, locked so that it is revoked once.
#[tracing::instrument(name = "sql.lock_terminal", skip_all)]
pub async fn find_terminal(db: &mut PgConnection, terminal: &str) -> Result<Option<Terminal>> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select t.terminal, t.district, t.first_seen_at, t.certificate_ends_at, (
            select max(r.revoked_at) from terminal_revocation as r
            where r.terminal = t.terminal and r.revoked_at >= t.certificate_begins_at
        ) as revoked_at
        from terminal as t
        where t.terminal = $1
        for update of t
        "#,
        terminal,
    )
    .fetch_optional(db)
    .await?;
    row.map(Terminal::try_from).transpose()
}

/// Ends all certificates of a terminal that have begun.
#[tracing::instrument(name = "sql.insert_revocation", skip_all)]
pub async fn insert_revocation(
    db: &mut PgConnection,
    approval: ApprovalId,
    terminal: &Terminal,
) -> Result<()> {
    sqlx::query!(
        "insert into terminal_revocation (approval_id, terminal, district) values ($1, $2, $3)",
        approval.uuid(),
        terminal.terminal,
        terminal.district.number(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The terminals of a district by identity, all or those of one part of it.
#[tracing::instrument(name = "sql.list_terminals", skip_all)]
pub async fn list_terminals(
    db: &mut PgConnection,
    (area, district): (Area, District),
    after: Option<String>,
    limit: i64,
) -> Result<Vec<Terminal>> {
    // A terminal's site stands in its identity alone.
    let site = area
        .part()
        .map(|part: Subdistrict| format!("/site/{part}/"));
    let rows = sqlx::query_as!(
        Row,
        r#"
        select t.terminal, t.district, t.first_seen_at, t.certificate_ends_at, (
            select max(r.revoked_at) from terminal_revocation as r
            where r.terminal = t.terminal and r.revoked_at >= t.certificate_begins_at
        ) as revoked_at
        from terminal as t
        where t.district = $1 and ($2::text is null or position($2 in t.terminal) > 0)
            and ($3::text is null or t.terminal > $3)
        order by t.terminal
        limit $4
        "#,
        district.number(),
        site,
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Terminal::try_from).collect()
}
