//! What keeps the ledger short: old days are dropped, a partition at a time; and what gives it a new identity.
//!
//! What is easily got wrong: floors and partitions go in different rounds. A floor that has moved makes readers turn
//! away from what is below it; only a later round drops the partitions, when nobody is reading there any more. Doing
//! both at once would also hold all heads while waiting for the readers of the table.

use sqlx::{AssertSqlSafe, Executor, PgConnection};
use time::{Date, macros::format_description};
use uuid::Uuid;

use crate::error::{Error, Result};

/// Partitions of one round; a server that was away for long catches up over several.
const PARTITIONS_PER_ROUND: i64 = 8;

/// What a round of retention did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Ledgers whose floor moved.
    pub floors: usize,
    /// Days that are gone.
    pub partitions: usize,
}

/// One round of retention, to be run in a transaction: moves the floors above what is older than `keep_days`; when they
/// stand there already, drops those days. Safe to run by several servers at once.
#[tracing::instrument(name = "sql.drop_old_events", skip_all)]
pub async fn drop_old(db: &mut PgConnection, keep_days: i32) -> Result<Dropped> {
    // Two servers would read the same table first and then each wait for the other to let it go.
    let ours = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtext('feed_retention')) as "ours!""#
    )
    .fetch_one(&mut *db)
    .await?;
    if !ours {
        return Ok(Dropped::default());
    }
    let floors = move_floors(db, keep_days).await?;
    if floors > 0 {
        return Ok(Dropped {
            floors,
            partitions: 0,
        });
    }
    Ok(Dropped {
        floors: 0,
        partitions: drop_partitions(db, keep_days).await?,
    })
}

/// The floor of a ledger is the last number in the days that go. A commit around midnight may have left a smaller number
/// in a later day; that one is below the floor as well and goes with its own day.
async fn move_floors(db: &mut PgConnection, keep_days: i32) -> Result<usize> {
    // In ascending order, as every writer locks them.
    let moved = sqlx::query!(
        r#"
        with last as (
            select h.district, e.revision, e.digest
            from feed_head h
            cross join lateral (
                select revision, digest
                from feed_event
                where district = h.district and revision > h.floor
                    and day < clock_timestamp()::date - $1::integer
                order by revision desc
                limit 1
            ) as e
            order by h.district
            for no key update of h
        )
        update feed_head h set floor = last.revision, floor_digest = last.digest
        from last
        where h.district = last.district
        "#,
        keep_days,
    )
    .execute(db)
    .await?;
    Ok(usize::try_from(moved.rows_affected()).unwrap_or(usize::MAX))
}

async fn drop_partitions(db: &mut PgConnection, keep_days: i32) -> Result<usize> {
    // A catalogue's names are never null, and the pattern leaves nothing but a date at their end.
    let days = sqlx::query_scalar!(
        r#"
        select to_date(right(c.relname, 8), 'YYYYMMDD') as "day!"
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'feed_event'::regclass and c.relname ~ '^feed_event_[0-9]{8}$'
            and to_date(right(c.relname, 8), 'YYYYMMDD') < clock_timestamp()::date - $1::integer
        order by 1
        limit $2
        "#,
        keep_days,
        PARTITIONS_PER_ROUND,
    )
    .fetch_all(&mut *db)
    .await?;
    if days.is_empty() {
        return Ok(0);
    }
    // Dropping waits for all who use the table, and whoever comes later waits behind it: better to try again later.
    db.execute("set local lock_timeout = '500ms'").await?;
    for day in &days {
        db.execute(AssertSqlSafe(format!("drop table {}", partition(*day)?)))
            .await?;
    }
    Ok(days.len())
}

fn partition(day: Date) -> Result<String> {
    day.format(format_description!("feed_event_[year][month][day]"))
        .map_err(|error| Error::internal(format!("a day has no name: {error}")))
}

/// Gives the ledger a new identity after a restore: every token of the lost history is then recognised.
pub async fn restored(db: &mut PgConnection) -> Result<Uuid> {
    let feed_id =
        sqlx::query_scalar!("update feed set feed_id = gen_random_uuid() returning feed_id")
            .fetch_one(db)
            .await?;
    Ok(feed_id)
}
