//! The statement that stands before every answer with personal data.

use sqlx::PgConnection;
use time::Date;
use uuid::Uuid;

use super::Actor;
use crate::{error::Result, scope::Scope};

/// Who is about to see whom.
#[derive(Debug)]
pub struct Disclosure<'a> {
    /// Who asked.
    pub actor: &'a Actor,
    /// Whose rows the asker sees; there, too, it is written.
    pub scope: Scope,
    /// The persons, without repetition.
    pub residents: &'a [Uuid],
    /// On whose day's counts they go, and up to where.
    pub subjects: &'a [(String, u32)],
    /// The office's day.
    pub day: Date,
    /// What the centre is told if one of them is a trap; encoded, ids only.
    pub alarm: Vec<u8>,
}

/// What came of it.
#[derive(Debug)]
pub struct Disclosed {
    /// Whose quota is reached; then nothing may be answered.
    pub reached: Option<String>,
    /// A trap was among them.
    pub alarmed: bool,
}

/// Counts, writes and tells, in one transaction of its own.
#[tracing::instrument(name = "sql.disclose", skip_all, fields(persons = disclosure.residents.len()))]
pub async fn disclose(db: &mut PgConnection, disclosure: &Disclosure<'_>) -> Result<Disclosed> {
    let actor = disclosure.actor;
    let (subjects, limits): (Vec<String>, Vec<i32>) = disclosure
        .subjects
        .iter()
        .map(|(subject, limit)| (subject.clone(), i32::try_from(*limit).unwrap_or(i32::MAX)))
        .unzip();
    // One statement is its own transaction: the scope is set before the rest and ends with it. The function answers one row;
    // only `reached` may be null in it.
    let row = sqlx::query!(
        r#"
        with wall as materialized (select set_config('ektp.scope', $12, true) as scope),
        told as materialized (
            select disclose($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) as it from wall
        )
        select (it).reached, (it).alarmed as "alarmed!" from told
        "#,
        disclosure.scope.ledger().number(),
        actor.terminal,
        actor.officer_id(),
        actor.shift_id(),
        actor.method,
        actor.trace_id,
        disclosure.residents,
        &subjects,
        &limits,
        disclosure.day,
        disclosure.alarm,
        disclosure.scope.to_string(),
    )
    .fetch_one(db)
    .await?;
    Ok(Disclosed {
        reached: row.reached,
        alarmed: row.alarmed,
    })
}

/// Drops counts of days before `before`, at most `limit` of them; answers how many. A function, because the server sees no
/// count itself.
#[tracing::instrument(name = "sql.drop_disclosure_counts", skip_all)]
pub async fn drop_counts(db: &mut PgConnection, before: Date, limit: i64) -> Result<i64> {
    let dropped = sqlx::query_scalar!(
        r#"select drop_disclosure_counts($1, $2) as "dropped!""#,
        before,
        limit,
    )
    .fetch_one(db)
    .await?;
    Ok(dropped)
}
