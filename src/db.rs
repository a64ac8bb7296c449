//! The database's doors: three named pools with their limits, and the migrations.
//!
//! Acts, reads and the feed have a pool each, so that a flood of lists can never keep a printer's report waiting.

use std::{str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions, Connection as _, Executor, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    areas,
    error::{Error, Result},
};

/// The migrations, part of the binary.
static MIGRATOR: Migrator = sqlx::migrate!();
/// The role that the server has in its database: bound by the walls between districts (migrations/0015).
pub const SERVE_ROLE: &str = "ektp_serve";
/// A connection of the chores beside those of the calls: an overloaded server still ends leases.
const CHORE_CONNECTIONS: u32 = 1;
/// A connection for whoever must know a shift or what ended, beside those of the reads.
const LOOK_CONNECTIONS: u32 = 1;
/// Who has a place has a connection; this long it may take until that is made anew.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that rested longer than this may be dead.
const RESTED: Duration = Duration::from_secs(1);
/// Connections of the feed: one reads events and snapshots, one answers the poll.
const FEED_CONNECTIONS: u32 = 2;
/// Feed partitions are made so many days ahead.
const PARTITION_DAYS_AHEAD: i32 = 7;
/// Audit partitions are made so many months ahead.
const PARTITION_MONTHS_AHEAD: i32 = 2;
/// How many areas one statement loads.
const AREAS_PER_STATEMENT: usize = 10_000;

/// How large the pools are.
#[derive(Debug, Clone, Copy)]
pub struct PoolSizes {
    /// Connections for writes, and so many of them at once.
    pub acts: u32,
    /// Connections for reads, and so many of them at once.
    pub reads: u32,
}

impl Default for PoolSizes {
    /// Twice the cores of the smallest machine, and two: more would only queue inside Postgres.
    fn default() -> Self {
        Self { acts: 6, reads: 4 }
    }
}

/// The three pools.
#[derive(Debug, Clone)]
pub struct Pools {
    /// For units of work.
    pub acts: PgPool,
    /// For reads.
    pub reads: PgPool,
    /// For the ledger's readers.
    pub feed: PgPool,
    /// How many calls may be in the first two.
    pub sizes: PoolSizes,
}

impl Pools {
    /// Opens the pools; fails when the database does not answer.
    pub async fn open(options: PgConnectOptions, sizes: PoolSizes) -> Result<Self> {
        let options = guarded(options);
        Ok(Self {
            acts: pool(sizes.acts + CHORE_CONNECTIONS, "acts")
                .connect_with(planned_once(named(&options, "ektp acts")))
                .await?,
            reads: pool(sizes.reads + LOOK_CONNECTIONS, "reads")
                .connect_with(named(&options, "ektp reads"))
                .await?,
            feed: pool(FEED_CONNECTIONS, "feed")
                .connect_with(named(&options, "ektp feed"))
                .await?,
            sizes,
        })
    }

    /// Each with its name, for gauges.
    pub fn named(&self) -> [(&'static str, &PgPool); 3] {
        [
            ("acts", &self.acts),
            ("reads", &self.reads),
            ("feed", &self.feed),
        ]
    }

    /// Closes all three: at once for newcomers, then as the connections in use come back.
    pub async fn close(&self) {
        tokio::join!(self.acts.close(), self.reads.close(), self.feed.close());
    }
}

/// Options from a `postgres://` address. The user must be named: without one the driver would say "anonymous".
pub fn options_of(url: &str) -> Result<PgConnectOptions> {
    PgConnectOptions::from_str(url)
        .map_err(|_| Error::internal("DATABASE_URL is not a postgres:// address"))
}

fn named(options: &PgConnectOptions, name: &str) -> PgConnectOptions {
    options.clone().application_name(name)
}

/// Session guards: no statement, lock or forgotten transaction can hold a district for longer than these.
fn guarded(options: PgConnectOptions) -> PgConnectOptions {
    options
        .options([
            ("lock_timeout", "2s"),
            ("statement_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "3s"),
            ("default_transaction_isolation", "read committed"),
            ("timezone", "UTC"),
            // Our statements touch few rows; where their cost is overestimated, compiling one took longer than a hundred runs.
            ("jit", "off"),
        ])
        // Statements are traced by our own spans; the driver's log would repeat them.
        .disable_statement_logging()
}

/// An act's statements always find their rows by an index and read them in its order, so one plan serves every call. Left to
/// itself Postgres plans anew at each call because of the walls' policies, which cost a third of all acts; and a plan kept
/// from the day when a table was empty reads all of it later, in a scan or in a bitmap that is sorted after. Reads have
/// optional filters, so they are planned each time.
pub fn planned_once(options: PgConnectOptions) -> PgConnectOptions {
    options.options([
        ("plan_cache_mode", "force_generic_plan"),
        ("enable_seqscan", "off"),
        ("enable_bitmapscan", "off"),
    ])
}

fn pool(connections: u32, name: &'static str) -> PgPoolOptions {
    PgPoolOptions::new()
        .min_connections(1)
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // One that was used a moment ago is not asked whether it lives: that would be a round trip of every call.
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move {
                if about.idle_for > RESTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_release(move |connection, _| {
            Box::pin(async move {
                // sqlx 0.9.0 can return a connection inside an open transaction when a future is dropped while BEGIN is
                // in flight (its issues 4385, 4393); the next borrower's writes would be lost. Inside a transaction
                // block now() stands still and differs from the statement's own time.
                let row = connection
                    .fetch_one("select now() = statement_timestamp()")
                    .await?;
                let outside = sqlx::Row::try_get::<bool, _>(&row, 0)?;
                if !outside {
                    tracing::error!(
                        pool = name,
                        "a connection came back inside a transaction and was closed"
                    );
                }
                Ok(outside)
            })
        })
}

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// How many migrations were applied now.
    pub applied: usize,
    /// How many areas were loaded now; 0 when this release was loaded before.
    pub areas: usize,
}

/// Applies what is pending, loads the area codes and opens the offices' rows. Safe to run by several servers at once.
pub async fn migrate(options: &PgConnectOptions) -> Result<Migrated> {
    let mut db = options
        .clone()
        .disable_statement_logging()
        .connect()
        .await?;
    let before = pending(&mut db).await?;
    MIGRATOR
        .run(&mut db)
        .await
        .map_err(|error| Error::internal(format!("migration: {error}")))?;
    let mut tx = sqlx::Connection::begin(&mut db).await?;
    sqlx::query!("select pg_advisory_xact_lock(hashtext('ektp_load_areas'))")
        .execute(&mut *tx)
        .await?;
    let areas = load_areas(&mut tx).await?;
    ensure_partitions(&mut tx).await?;
    tx.commit().await?;
    Ok(Migrated {
        applied: before,
        areas,
    })
}

/// Makes the partitions of the ledger and of the audit log of the time ahead.
pub async fn ensure_partitions(db: &mut sqlx::PgConnection) -> Result<()> {
    sqlx::query!(
        "select feed_partitions($1), audit_partitions($2)",
        PARTITION_DAYS_AHEAD,
        PARTITION_MONTHS_AHEAD
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// How many migrations are not applied yet.
pub async fn pending(db: &mut sqlx::PgConnection) -> Result<usize> {
    let known =
        sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "known!""#)
            .fetch_one(&mut *db)
            .await?;
    let applied = if known {
        sqlx::migrate::Migrate::list_applied_migrations(db, "_sqlx_migrations")
            .await
            .map_err(|error| Error::internal(format!("migration: {error}")))?
            .len()
    } else {
        0
    };
    Ok(MIGRATOR.iter().count().saturating_sub(applied))
}

/// Whether the session's role is one for which the walls between districts do not hold. Such a role must not serve.
pub async fn stands_above_walls(db: &mut sqlx::PgConnection) -> Result<bool> {
    // Whoever may become the owner or a superuser is one. The expression is never null.
    let above = sqlx::query_scalar!(
        r#"
        select exists (
            select from pg_roles r
            where pg_has_role(session_user, r.oid, 'member')
                and (r.rolsuper or r.rolbypassrls or r.oid in (
                    select c.relowner from pg_class c where c.relnamespace = 'public'::regnamespace
                ))
        ) as "above!"
        "#
    )
    .fetch_one(db)
    .await?;
    Ok(above)
}

async fn load_areas(db: &mut sqlx::PgConnection) -> Result<usize> {
    let digest = areas::digest();
    let loaded = sqlx::query_scalar!("select digest from loaded_data where name = 'areas'")
        .fetch_optional(&mut *db)
        .await?;
    if loaded.as_deref() == Some(digest) {
        return Ok(0);
    }
    let rows: Vec<(i64, &str)> = areas::rows().collect();
    sqlx::query!("delete from area").execute(&mut *db).await?;
    for part in rows.chunks(AREAS_PER_STATEMENT) {
        let codes: Vec<i64> = part.iter().map(|(code, _)| *code).collect();
        let names: Vec<String> = part.iter().map(|(_, name)| (*name).to_owned()).collect();
        sqlx::query!(
            "insert into area (code, name) select * from unnest($1::bigint[], $2::text[])",
            &codes,
            &names
        )
        .execute(&mut *db)
        .await?;
    }
    sqlx::query!(
        "insert into loaded_data (name, digest) values ('areas', $1) on conflict (name) do update set digest = $1",
        digest,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("select open_offices()")
        .execute(&mut *db)
        .await?;
    Ok(rows.len())
}
