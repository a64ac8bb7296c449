//! A look into all tables of a test's database, for what no client is told: that nothing changed, that something
//! happened once, that nothing personal lies there.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgPool};
use tokio::time::{Duration, MissedTickBehavior, interval, timeout};

use super::PATIENCE;

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The public list of areas, which is loaded once and never written by an act.
const STILL: [&str; 3] = ["area", "loaded_data", "_sqlx_migrations"];

/// What the server notes about the calls themselves, whatever they change: refused ones too are answered, audited and
/// counted, and tests write the officers of their clients past it.
fn is_margin(table: &str) -> bool {
    const MARGIN: [&str; 7] = [
        "request",
        "audit",
        "disclosure_count",
        "terminal",
        "officer_person",
        "officer",
        "shift",
    ];
    MARGIN.contains(&table)
}

/// All tables, but no partitions: a new day brings new ones, whatever clients do.
pub async fn tables(sql: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "select relname::text from pg_class
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
         order by relname",
    )
    .fetch_all(sql)
    .await
    .expect("the catalogue can be read")
}

/// Every row of a table as text.
pub async fn rows(sql: &PgPool, table: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(format!("select t::text from {table} t")))
        .fetch_all(sql)
        .await
        .expect("the table can be read")
}

/// A digest of each table that acts write, but for what is noted about the calls themselves.
pub async fn contents(sql: &PgPool) -> BTreeMap<String, String> {
    let mut contents = contents_with_officers(sql).await;
    contents.retain(|table, _| !is_margin(table));
    contents
}

/// The same with the officers and their shifts, where no client comes to be between two looks.
pub async fn contents_with_officers(sql: &PgPool) -> BTreeMap<String, String> {
    const OFFICERS: [&str; 3] = ["officer_person", "officer", "shift"];
    let mut contents = BTreeMap::new();
    for table in tables(sql).await {
        let is_of_officers = OFFICERS.contains(&table.as_str());
        if STILL.contains(&table.as_str()) || (is_margin(&table) && !is_of_officers) {
            continue;
        }
        // The head row of a ledger also ends the audit chain, which goes on at every call.
        let row = "(to_jsonb(t) - '{audit_head,audit_digest}'::text[])::text";
        let digest: String = sqlx::query_scalar(AssertSqlSafe(format!(
            "select coalesce(md5(string_agg({row}, '|' order by {row})), '') from {table} t"
        )))
        .fetch_one(sql)
        .await
        .expect("the table can be read");
        contents.insert(table, digest);
    }
    contents
}

/// How many rows each table has that acts write, the stored answers included.
pub async fn counts(sql: &PgPool) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for table in tables(sql).await {
        if !STILL.contains(&table.as_str()) {
            counts.insert(table.clone(), count(sql, &table).await);
        }
    }
    counts
}

/// How many rows a table has, or a table with a condition (`print_request where state = 'PRINTED'`).
pub async fn count(sql: &PgPool, of: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {of}")))
        .fetch_one(sql)
        .await
        .expect("the table can be read")
}

/// Waits until no row is left, and says what was waited for when some stay.
pub async fn until_none(sql: &PgPool, of: &str) {
    until(sql, of, |rows| rows == 0).await;
}

/// Waits until there is a row.
pub async fn until_some(sql: &PgPool, of: &str) {
    until(sql, of, |rows| rows > 0).await;
}

async fn until(sql: &PgPool, of: &str, enough: impl Fn(i64) -> bool) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let waiting = async {
        loop {
            ticks.tick().await;
            if enough(count(sql, of).await) {
                return;
            }
        }
    };
    timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for rows to come or go: {of}"));
}
