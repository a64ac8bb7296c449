//! What the database's own catalogues say: every table has its wall, PUBLIC has nothing, and the server's role has the
//! rights that this table lists and cannot help itself to more.

use ektp::db::SERVE_ROLE;
use sqlx::PgPool;

use crate::support::office::Office;

use super::{refused, session};

/// Tables without a wall, each with its reason.
const OPEN: [(&str, &str); 4] = [
    ("_sqlx_migrations", "which migrations were applied"),
    ("area", "the ministry's public list of codes"),
    ("feed", "one row: the identity of the history"),
    ("loaded_data", "which data files were loaded"),
];

/// What the server may do with each table, columns included: Select, Insert, Update, Delete. Of the tables in brackets
/// only columns: an update there is the right to lock a row.
const SERVES: [&str; 48] = [
    "_sqlx_migrations S",
    "approval SIU",
    "audit_tree_head SI",
    "blank_request SIU",
    "card S(U)",
    "certificate_counter SIU",
    "challenge SIUD",
    "collection SIU",
    "contact_task SIU",
    "custody S",
    "delivery SI",
    "destruction SI",
    "dispatch SI",
    "dispatch_pass SI",
    "enrolment SIU",
    "feed S",
    "feed_event S",
    "feed_head S",
    "handover SI",
    "interim_certificate SIU",
    "life_event SI",
    "location S(IU)",
    "notice SIU",
    "officer SIU",
    "policy_class SI",
    "policy_version SI(U)",
    "print_decision SI",
    "print_incident SIU",
    "print_ready SI",
    "print_request SIU",
    "queue S(U)",
    "quota_use SIU",
    "request SD(IU)",
    "request_stage SI",
    "resident SI(U)",
    "resident_nik SI",
    "seniority_change SI",
    "shift SIU",
    "shipment SIU",
    "stock_case SIU",
    "stock_count SIU",
    "stock_case_settlement SI",
    "store_spoilage SI",
    "terminal SIU",
    "terminal_revocation SI",
    // Reached through functions alone, or not at all.
    "audit",
    "disclosure_count",
    "honeytoken",
];

async fn texts(sql: &PgPool, query: &'static str) -> Vec<String> {
    sqlx::query_scalar(query)
        .fetch_all(sql)
        .await
        .expect("the catalogue can be read")
}

#[tokio::test]
async fn every_table_has_its_wall_or_its_reason() {
    let office = Office::open().await;
    let open = texts(
        &office.sql,
        "select relname::text from pg_class
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
            and not (relrowsecurity and relforcerowsecurity)
         order by relname",
    )
    .await;
    let expected: Vec<&str> = OPEN.iter().map(|(table, _)| *table).collect();
    assert_eq!(open, expected);
    // A partition is reached through its table, whose wall then holds; itself nobody but the owner may touch.
    let reached = texts(
        &office.sql,
        "select c.relname || ' by ' || r.rolname from pg_class c, pg_roles r
         where c.relispartition and c.relnamespace = 'public'::regnamespace and r.rolname like 'ektp%'
            and not pg_has_role(r.oid, c.relowner, 'member')
            and has_table_privilege(r.oid, c.oid, 'select, insert, update, delete, truncate, references, trigger')",
    )
    .await;
    assert_eq!(reached, Vec::<String>::new());
}

#[tokio::test]
async fn the_server_has_the_rights_of_the_table_and_no_other() {
    let office = Office::open().await;
    let mut given = texts(
        &office.sql,
        "select concat_ws(' ', c.relname, nullif(whole.verbs || coalesce('(' || nullif(part.verbs, '') || ')', ''), ''))
         from pg_class c
         cross join lateral (
             select coalesce(string_agg(left(v, 1), '' order by place), '') as verbs
             from unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) with ordinality u (v, place)
             where has_table_privilege('ektp_serve', c.oid, v)
         ) as whole
         cross join lateral (
             select coalesce(string_agg(left(v, 1), '' order by place), '') as verbs
             from unnest('{SELECT,INSERT,UPDATE}'::text[]) with ordinality u (v, place)
             where has_any_column_privilege('ektp_serve', c.oid, v) and not has_table_privilege('ektp_serve', c.oid, v)
         ) as part
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition",
    )
    .await;
    let mut expected: Vec<&str> = SERVES.to_vec();
    expected.extend(["area", "loaded_data", "movement", "officer_person"]);
    given.sort_unstable();
    expected.sort_unstable();
    assert_eq!(given, expected);
}

#[tokio::test]
async fn public_has_nothing() {
    let office = Office::open().await;
    let given = texts(
        &office.sql,
        "select 'table ' || relname from pg_class c, aclexplode(c.relacl) a
         where c.relnamespace = 'public'::regnamespace and a.grantee = 0
         union all
         select 'function ' || p.proname from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
         where p.pronamespace = 'public'::regnamespace and a.grantee = 0
         union all
         select 'schema ' || n.nspname from pg_namespace n, aclexplode(n.nspacl) a
         where n.nspname = 'public' and a.grantee = 0
         union all
         -- A copy does not inherit this; what was migrated has it.
         select 'database ' || d.datname from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
         where d.datname = 'template_migrated' and a.grantee = 0",
    )
    .await;
    assert_eq!(given, Vec::<String>::new());
}

#[tokio::test]
async fn the_functions_with_the_owners_rights_have_a_fixed_path_and_are_these() {
    let office = Office::open().await;
    let defining = texts(
        &office.sql,
        "select proname::text from pg_proc where pronamespace = 'public'::regnamespace and prosecdef order by proname",
    )
    .await;
    assert_eq!(
        defining,
        [
            "audit_began",
            "audit_partitions",
            "bind_cards",
            "close_refused",
            "close_work",
            "custody_of_serial",
            "daily_use",
            "disclose",
            "drop_disclosure_counts",
            "feed_drop_partitions",
            "feed_move_floors",
            "feed_partitions",
            "flows_of_area",
            "in_stock_of_sender",
            "is_location",
            "life_of_serial",
            "move_custody",
            "moved_since",
            "movements_of_location",
            "movements_since",
            "nik_holders",
            "person_of_officer",
            "shipments_of_requests",
        ]
    );
    let loose = texts(
        &office.sql,
        "select proname::text from pg_proc where pronamespace = 'public'::regnamespace and prosecdef
            and not 'search_path=public, pg_temp' = any(coalesce(proconfig, '{}'))",
    )
    .await;
    assert_eq!(loose, Vec::<String>::new());
}

#[tokio::test]
async fn the_servers_role_cannot_help_itself_to_more() {
    let office = Office::open().await;
    let mut db = session(&office, SERVE_ROLE).await;
    for statement in [
        "select from audit",
        "insert into audit (district, number, at, kind, terminal, method, code, reason, resources, trace_id, digest)
            values (0, 1, now(), 'ACT', 't', 'm', 0, '', '', '', '')",
        "update audit set code = 0",
        "delete from audit",
        "truncate audit",
        "select from honeytoken",
        "update feed_head set head = 0",
        "insert into feed_event select * from feed_event",
        "update feed set feed_id = gen_random_uuid()",
        "truncate request",
        "insert into request (caller, request_id, method, content_digest, answer_code, answer)
            values ('x', gen_random_uuid(), 'm', '', 0, '')",
        "update request set answer = ''",
        "update audit_tree_head set root = ''",
        "delete from audit_tree_head",
        "select ledger_append(0, null, null, 'ACT', '', null, null, '', '', '{}', '{}', '{}', '{}')",
        "select open_offices()",
        "drop policy scope_sees_its_own on resident",
        "create policy mine on resident using (true)",
        "alter table resident disable row level security",
        "alter table resident owner to ektp_serve",
        "drop table resident",
        "create table mine ()",
        "create function mine() returns integer language sql as 'select 1'",
        "set role ektp",
        "set session authorization ektp",
        "set role ektp_audit",
        "alter role ektp_serve bypassrls",
        "create role mine",
        // The ledgers are kept as long as was promised, whoever serves.
        "begin; set local ektp.scope = 'nation'; select feed_move_floors(13)",
        "begin; set local ektp.scope = 'nation'; select feed_drop_partitions(-1, 8)",
        "begin; set local ektp.scope = '3575'; select feed_move_floors(31)",
        // Nor does it forget whom it has answered today.
        "begin; set local ektp.scope = 'nation'; select drop_disclosure_counts(current_date + 1, 500)",
        "begin; set local ektp.scope = '3575'; select drop_disclosure_counts('2017-04-01', 500)",
        // Without its wall the server sees an error, not the rows.
        "begin; set local row_security = off; select from resident",
    ] {
        let code = refused(&mut db, statement).await;
        // Not the owner, no right, or a role that it may not change.
        assert_eq!(code.as_deref(), Some("42501"), "{statement}");
        refused(&mut db, "rollback").await;
    }
}

#[tokio::test]
async fn the_auditor_reads_the_audit_log_and_no_person() {
    let office = Office::open().await;
    office.stock("35.75", 8_000_001, 8_000_002).await;
    let mut db = session(&office, "ektp_audit").await;
    let rows: i64 = sqlx::query_scalar("select count(*) from audit")
        .fetch_one(&mut db)
        .await
        .expect("it may");
    assert!(rows > 0);
    for table in ["resident", "request", "enrolment", "officer", "honeytoken"] {
        let code = refused(&mut db, &format!("select from {table}")).await;
        assert_eq!(code.as_deref(), Some("42501"), "{table}");
    }
    let code = refused(&mut db, "delete from audit").await;
    assert_eq!(code.as_deref(), Some("42501"));
    let mut reader = session(&office, "ektp_read").await;
    for column in [
        "resident.sealed",
        "resident_nik.nik_index",
        "request.answer",
        "officer.pin_hash",
        "challenge.nonce",
    ] {
        let (table, column) = column.split_once('.').expect("a column has its table");
        let code = refused(&mut reader, &format!("select {column} from {table}")).await;
        assert_eq!(code.as_deref(), Some("42501"), "{table}.{column}");
    }
    assert_eq!(
        refused(&mut reader, "select state from print_request").await,
        None
    );
}
