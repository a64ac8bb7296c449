//! What keeps the ledger short: old days are dropped, a partition at a time; and what gives it a new identity.
//!
//! What is easily got wrong: floors and partitions go in different rounds. A floor that has moved makes readers turn
//! away from what is below it; only a later round drops the partitions, when nobody is reading there any more. Doing
//! both at once would also hold all heads while waiting for the readers of the table.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::Result;

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

/// Moves the floors above what goes; a function, because the server may not write the heads itself.
async fn move_floors(db: &mut PgConnection, keep_days: i32) -> Result<usize> {
    let moved = sqlx::query_scalar!(r#"select feed_move_floors($1) as "moved!""#, keep_days)
        .fetch_one(db)
        .await?;
    Ok(usize::try_from(moved).unwrap_or(usize::MAX))
}

/// Drops the days that are below the floors, if nobody is reading; a function, because only a table's owner drops it.
async fn drop_partitions(db: &mut PgConnection, keep_days: i32) -> Result<usize> {
    let dropped = sqlx::query_scalar!(
        r#"select feed_drop_partitions($1, $2) as "dropped!""#,
        keep_days,
        PARTITIONS_PER_ROUND,
    )
    .fetch_one(db)
    .await?;
    Ok(usize::try_from(dropped).unwrap_or(usize::MAX))
}

/// Gives the ledger a new identity after a restore: every token of the lost history is then recognised.
pub async fn restored(db: &mut PgConnection) -> Result<Uuid> {
    let feed_id =
        sqlx::query_scalar!("update feed set feed_id = gen_random_uuid() returning feed_id")
            .fetch_one(db)
            .await?;
    Ok(feed_id)
}
