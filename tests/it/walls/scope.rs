//! The scope of a transaction: without one there is no row; with a district's there are that district's; and it is gone
//! with its transaction.

use ektp::{db::SERVE_ROLE, feed::Timing};
use sqlx::{Connection as _, PgConnection};

use crate::{
    support::{
        look,
        office::{HeldBy, Office},
    },
    sweep::scene,
};

use super::{refused, session};

/// Regional tables that the server may read and in which the scene has rows of one district alone.
const OURS: [&str; 10] = [
    "resident",
    "resident_nik",
    "enrolment",
    "print_ready",
    "interim_certificate",
    "card",
    "print_request",
    "collection",
    "contact_task",
    "shipment",
];

/// How many rows a session sees in a transaction of a scope; without one it has none.
async fn seen(db: &mut PgConnection, scope: Option<&str>, table: &str) -> i64 {
    let mut tx = db.begin().await.expect("a transaction begins");
    if let Some(scope) = scope {
        sqlx::query("select set_config('ektp.scope', $1, true)")
            .bind(scope)
            .execute(&mut *tx)
            .await
            .expect("anybody may set it");
    }
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
        .fetch_one(&mut *tx)
        .await
        .expect("the role may read it")
}

#[tokio::test]
async fn without_a_scope_there_is_no_row_and_with_one_only_its_own() {
    let office = Office::open().await;
    scene::set(&office).await;
    let mut db = session(&office, SERVE_ROLE).await;
    for table in OURS {
        let all = look::count(&office.sql, table).await;
        assert!(all > 0, "the scene has some {table}");
        assert_eq!(seen(&mut db, Some("nation"), table).await, all, "{table}");
        assert_eq!(seen(&mut db, Some("3575"), table).await, all, "{table}");
        for scope in [
            None,
            Some(""),
            Some("3576"),
            Some("0"),
            Some("all"),
            Some("3575 or true"),
        ] {
            assert_eq!(seen(&mut db, scope, table).await, 0, "{table} in {scope:?}");
        }
        // What was set is gone with its transaction.
        assert_eq!(seen(&mut db, None, table).await, 0, "{table} afterwards");
    }
    for table in ["custody", "location", "feed_head", "queue"] {
        for scope in [None, Some("0"), Some("elsewhere")] {
            assert_eq!(seen(&mut db, scope, table).await, 0, "{table} in {scope:?}");
        }
        let own = seen(&mut db, Some("3575"), table).await;
        let all = look::count(&office.sql, table).await;
        assert!(0 < own && own < all, "{table}: {own} of {all}");
    }
}

#[tokio::test]
async fn a_pooled_connection_keeps_no_scope() {
    let office = Office::open().await;
    scene::set(&office).await;
    let pools = office.server(0).desk().pools();
    for (name, pool) in pools.named() {
        let mut idle = Vec::new();
        for _ in 0..pool.num_idle() {
            idle.extend(pool.try_acquire());
        }
        assert!(!idle.is_empty() || name == "feed", "{name} was used");
        for db in &mut idle {
            let left: Option<String> =
                sqlx::query_scalar("select current_setting('ektp.scope', true)")
                    .fetch_one(&mut **db)
                    .await
                    .expect("the connection lives");
            assert_eq!(left.unwrap_or_default(), "", "{name}");
            let people: i64 = sqlx::query_scalar("select count(*) from resident")
                .fetch_one(&mut **db)
                .await
                .expect("the role may read it");
            assert_eq!(people, 0, "{name}");
        }
    }
}

#[tokio::test]
async fn a_row_of_another_district_is_neither_written_nor_moved_there() {
    let office = Office::open().await;
    let things = scene::set(&office).await;
    let before = look::contents(&office.sql).await;
    let mut db = session(&office, SERVE_ROLE).await;
    let walled =
        |statement: &str| format!("begin; set local ektp.scope = '3576'; {statement}; commit");
    let resident = &things.resident;
    // These find no row.
    for statement in [
        "update enrolment set state = 'DUPLICATE'".to_owned(),
        "update print_request set fence = fence + 1".to_owned(),
        "delete from challenge".to_owned(),
        format!(
            "update interim_certificate set state = 'REVOKED' where resident_id = '{resident}'"
        ),
    ] {
        assert_eq!(
            refused(&mut db, &walled(&statement)).await,
            None,
            "{statement}"
        );
    }
    let nik = "insert into resident_nik (nik_index, resident_id, district, enrolled_on)
        values ('\\x01', gen_random_uuid(), 3575, '2017-04-18')";
    // These are stopped. The functions that run with the owner's rights stop them themselves.
    for statement in [
        nik.to_owned(),
        "insert into certificate_counter (district, year, last) values (3575, 2017, 9)".to_owned(),
        format!(
            "select bind_cards(array[8000011], array[3575], array['04ff'], array['{resident}'::uuid],
                array[gen_random_uuid()], now(), gen_random_uuid(), null)"
        ),
        "select move_custody(array['SPOILED'], array[8000011], array[8000011], array[3575], array['IN_STOCK'],
            array[3576], array['IN_STOCK'], array[null::uuid], '', now(), gen_random_uuid(), null, null)"
            .to_owned(),
        close_of("3576", "{3575}", "{1}"),
        close_of("3575", "{3576}", "{1}"),
        // The centre's chain is not a district's to write in, and of its ledger only the alarms.
        close_of("0", "{3576}", "{1}"),
        close_of("3576", "{0}", "{1}"),
    ] {
        let code = refused(&mut db, &walled(&statement)).await;
        assert_eq!(code.as_deref(), Some("42501"), "{statement}");
        assert_eq!(refused(&mut db, "rollback").await, None);
    }
    assert_eq!(look::contents(&office.sql).await, before);
    let alarm = close_of("3576", "{0}", "{6}");
    assert_eq!(
        refused(&mut db, &walled(&alarm)).await,
        None,
        "a district may raise an alarm"
    );
}

/// An act that closes with one audit row and one event.
fn close_of(audit_district: &str, districts: &str, topics: &str) -> String {
    format!(
        "select close_work('test', null, null, null, 'test', '', {audit_district}, '{{null}}', '{{0}}', '{{\"\"}}', '{{\"\"}}',
            '{{}}', '{{}}', '{{}}', {audit_district}, '{districts}', '{topics}', '{{\"x\"}}')"
    )
}

#[tokio::test]
async fn an_answer_under_a_request_id_is_seen_in_its_own_scope_alone() {
    let office = Office::open().await;
    scene::set(&office).await;
    let mut db = session(&office, SERVE_ROLE).await;
    let own = "request where caller like '%/35.75/%'";
    let all = look::count(&office.sql, own).await;
    assert!(all > 0);
    assert_eq!(seen(&mut db, Some("3575"), own).await, all);
    for scope in [None, Some(""), Some("3576"), Some("0")] {
        assert_eq!(seen(&mut db, scope, own).await, 0, "{scope:?}");
    }
}

#[tokio::test]
async fn a_database_whose_owner_is_no_superuser_serves_the_same() {
    let office = Office::open_held(Timing::default(), HeldBy::BothOfPlainOwner).await;
    scene::set(&office).await;
    let mut owner = session(&office, "ektp_plain_owner").await;
    // The policies hold for the owner too, and let it see all: its functions work for every scope.
    let seen = seen(&mut owner, None, "resident").await;
    assert_eq!(seen, look::count(&office.sql, "resident").await);
}
