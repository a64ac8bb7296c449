//! The statements of the daily quota: how many requests of a site came into the queue on a local day, and how many may.
//!
//! What is easily got wrong: who waits for a day comes before who asks on it, so a site has room only for as many as are
//! left when all who wait are counted.

use sqlx::PgConnection;
use time::Date;

use crate::{error::Result, ids::District};

/// A site on a local day.
#[derive(Debug, Clone, Copy)]
pub struct SiteDay<'a> {
    /// Whose.
    pub district: District,
    /// The counter.
    pub site: &'a str,
    /// The local day.
    pub day: Date,
}

/// What is used of a site's day.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    /// Came into the queue.
    pub admitted: i64,
    /// Wait for a day, from before.
    pub waiting: i64,
}

/// What is used of a site's day, and holds it for this act alone: nobody else counts until the act ends.
#[tracing::instrument(name = "sql.lock_quota", skip_all)]
pub async fn lock_quota(db: &mut PgConnection, of: SiteDay<'_>) -> Result<Used> {
    // A release that ends while this waits may be counted twice, as admitted and as waiting: then too few are let in now,
    // and the review lets them in a moment later.
    let row = sqlx::query!(
        r#"
        insert into quota_use as q (district, site, day, admitted)
        values ($1, $2, $3, 0)
        on conflict (district, site, day) do update set admitted = q.admitted
        returning admitted::bigint as "admitted!", (
            select count(*) from print_request p
            where p.district = $1 and p.site = $2 and p.state = 'HELD' and p.hold_reasons <@ '{QUOTA,OFFICE_CLOSED}'
        ) as "waiting!"
        "#,
        of.district.number(),
        of.site,
        of.day,
    )
    .fetch_one(db)
    .await?;
    Ok(Used {
        admitted: row.admitted,
        waiting: row.waiting,
    })
}

/// What is used of a site's day; others may be counting.
#[tracing::instrument(name = "sql.look_at_quota", skip_all)]
pub async fn look_at_quota(db: &mut PgConnection, of: SiteDay<'_>) -> Result<Used> {
    let row = sqlx::query!(
        r#"
        select coalesce((
            select q.admitted from quota_use q where q.district = $1 and q.site = $2 and q.day = $3
        ), 0)::bigint as "admitted!", (
            select count(*) from print_request p
            where p.district = $1 and p.site = $2 and p.state = 'HELD' and p.hold_reasons <@ '{QUOTA,OFFICE_CLOSED}'
        ) as "waiting!"
        "#,
        of.district.number(),
        of.site,
        of.day,
    )
    .fetch_one(db)
    .await?;
    Ok(Used {
        admitted: row.admitted,
        waiting: row.waiting,
    })
}

/// Counts requests that come into the queue; the day is held by [`lock_quota`].
#[tracing::instrument(name = "sql.use_quota", skip_all)]
pub async fn use_quota(db: &mut PgConnection, of: SiteDay<'_>, count: i64) -> Result<()> {
    sqlx::query!(
        "update quota_use set admitted = admitted + $4::bigint where district = $1 and site = $2 and day = $3",
        of.district.number(),
        of.site,
        of.day,
        count,
    )
    .execute(db)
    .await?;
    Ok(())
}
