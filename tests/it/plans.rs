//! What an act reads does not grow with what was done before: its plan is made once, often while the tables are small.
//!
//! What is easily got wrong: with a few rows every plan is quick, so these look at the rows that Postgres counted and not at
//! the time; and a connection adds what it did to the statistics all at once, some time after.

use sqlx::AssertSqlSafe;

use crate::support::{cards::until, office::Office, people::residents};

#[tokio::test]
async fn a_lease_reads_the_persons_it_takes_and_not_all_who_wait() {
    let office = Office::open().await;
    let ready = office.print_ready("35.75", 155).await;
    let ids: Vec<String> = ready.into_iter().map(|(_, id)| id).collect();
    office.stock("35.75", 1, 100).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    // The plan is made while five wait; the others come after.
    let (few, many) = ids.split_at(5);
    terminal.submit(few).await;
    analyze(&office).await;
    for _ in 0..3 {
        assert_eq!(terminal.lease(1).await.leases.len(), 1);
    }
    for some in many.chunks(100) {
        terminal.submit(some).await;
    }
    until("the submissions are counted", async || {
        statistic(&office, "n_tup_ins", "print_request").await == 155
    })
    .await;
    let read = statistic(&office, "idx_tup_fetch", "resident").await;
    let changed = statistic(&office, "n_tup_upd", "print_request").await;
    assert_eq!(terminal.lease(1).await.leases.len(), 1);
    until("the lease is counted", async || {
        statistic(&office, "n_tup_upd", "print_request").await > changed
    })
    .await;
    let read = statistic(&office, "idx_tup_fetch", "resident").await - read;
    assert!(read < 50, "{read} persons were read for one lease");
}

#[tokio::test]
async fn an_acts_answer_is_stored_without_a_look_at_what_its_caller_asked_before() {
    const FEW: usize = 5;
    const MANY: usize = 100;
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let people = residents("35.75", FEW + MANY + 1);
    let (last, before) = people.split_last().expect("there are some");
    let (few, many) = before.split_at(FEW);
    for person in few {
        terminal.enrol(person).await;
    }
    analyze(&office).await;
    for person in many {
        terminal.enrol(person).await;
    }
    let acts = i64::try_from(before.len()).expect("a few");
    until("the acts are counted", async || {
        statistic(&office, "n_tup_upd", "request").await >= acts
    })
    .await;
    let read = statistic(&office, "idx_tup_fetch", "request").await;
    let answered = statistic(&office, "n_tup_upd", "request").await;
    terminal.enrol(last).await;
    until("the last act is counted", async || {
        statistic(&office, "n_tup_upd", "request").await > answered
    })
    .await;
    let read = statistic(&office, "idx_tup_fetch", "request").await - read;
    assert!(read < 10, "{read} requests were read for one answer");
}

/// The plans that are made from now on know how few rows there are.
async fn analyze(office: &Office) {
    sqlx::raw_sql("analyze")
        .execute(&office.sql)
        .await
        .expect("the tables are the owner's");
}

/// What Postgres counted of a table.
async fn statistic(office: &Office, name: &str, table: &str) -> i64 {
    let query = format!("select {name} from pg_stat_user_tables where relname = '{table}'");
    sqlx::query_scalar(AssertSqlSafe(query))
        .fetch_one(&office.sql)
        .await
        .expect("the table is there")
}
