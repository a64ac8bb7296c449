//! The evidence of the order: what each dispatch keeps about whom it passed over.

use uuid::Uuid;

use super::lease_ids;
use crate::support::office::Office;

/// The rules of the district from now on: those of the nation, with a change.
pub async fn new_version(office: &Office, change: &'static str) {
    let statements = sqlx::AssertSqlSafe(format!(
        "insert into policy_version (
             version, area, valid_from, state, tie_break, closed_weekdays, holidays, source, proposed_at
         )
         select 2, 3575, '2016-01-01', 'ACTIVE', tie_break, closed_weekdays, holidays, 'a test', proposed_at
         from policy_version where version = 1;
         insert into policy_class
         select 2, place, applicant_class, outcome, documents, enrolled_from, enrolled_to, release_above_demand,
             release_after_days
         from policy_class where version = 1;
         update policy_class set {change} where version = 2 and applicant_class = 'FIRST_ISSUE'"
    ));
    sqlx::raw_sql(statements)
        .execute(&office.sql)
        .await
        .expect("the version is written");
}

/// Changes a request by hand, beside the stages.
pub async fn change_request(office: &Office, id: &str, change: &'static str) {
    let statement = sqlx::AssertSqlSafe(format!(
        "update print_request set {change} where print_request_id = $1"
    ));
    sqlx::query(statement)
        .bind(id.parse::<Uuid>().expect("an id"))
        .execute(&office.sql)
        .await
        .expect("the request is there");
}

/// Whom the dispatches passed over: the number, the reason, how many, the most senior.
async fn passes(office: &Office) -> Vec<(i64, String, i32, String)> {
    let rows: Vec<(i64, String, i32, Uuid)> = sqlx::query_as(
        "select number, reason, passed, most_senior from dispatch_pass order by number, reason",
    )
    .fetch_all(&office.sql)
    .await
    .expect("the passes can be read");
    rows.into_iter()
        .map(|(number, reason, passed, id)| (number, reason, passed, id.to_string()))
        .collect()
}

#[tokio::test]
async fn a_dispatch_keeps_for_each_reason_whom_it_passed_over() {
    let office = Office::open().await;
    let ids = office.queued("35.75", 8).await;
    office.stock("35.75", 1, 10).await;
    new_version(&office, "enrolled_from = '2016-01-01'").await;
    change_request(&office, &ids[0], "enrolled_on = '2015-12-31'").await;
    sqlx::query(
        "update resident set life = 'DECEASED' where resident_id = any (
             select resident_id from print_request where print_request_id = any ($1)
         )",
    )
    .bind([&ids[1], &ids[2]].map(|id| id.parse::<Uuid>().expect("an id")))
    .execute(&office.sql)
    .await
    .expect("the persons are there");
    change_request(
        &office,
        &ids[3],
        "state = 'HELD', hold_reasons = '{QUOTA,INCIDENT}'",
    )
    .await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let answer = terminal.lease(2).await;
    // Whoever stands behind the last one was not passed over.
    assert_eq!(lease_ids(&answer.leases), ids[4..6]);
    let expected = |number| {
        vec![
            (number, "ENROLMENT_WINDOW".to_owned(), 1, ids[0].clone()),
            (number, "NOT_RESIDENT".to_owned(), 2, ids[1].clone()),
            (number, "QUOTA".to_owned(), 1, ids[3].clone()),
        ]
    };
    assert_eq!(passes(&office).await, expected(1));
    assert_eq!(lease_ids(&terminal.lease(9).await.leases), ids[6..]);
    let mut both = expected(1);
    both.extend(expected(2));
    assert_eq!(passes(&office).await, both);
    // What gives nothing is no dispatch.
    assert_eq!(terminal.lease(9).await.leases.len(), 0);
    assert_eq!(office.rows("dispatch").await, 2);
}

#[tokio::test]
async fn a_class_that_is_not_admitted_is_passed_over_unless_it_was_released_under_the_version() {
    let office = Office::open().await;
    let ids = office.queued("35.75", 2).await;
    office.stock("35.75", 1, 10).await;
    new_version(&office, "outcome = 'HOLD', release_above_demand = true").await;
    let mut terminal = office.terminal("35.75/office/1").await;
    assert_eq!(terminal.lease(9).await.leases.len(), 0);
    change_request(&office, &ids[1], "policy_version = 2").await;
    assert_eq!(lease_ids(&terminal.lease(9).await.leases), ids[1..]);
    let expected = (1, "CLASS_HELD".to_owned(), 1, ids[0].clone());
    assert_eq!(passes(&office).await, [expected]);
}

#[tokio::test]
async fn a_lease_pins_the_facts_that_it_saw() {
    let office = Office::open().await;
    let ids = office.queued("35.75", 1).await;
    office.stock("35.75", 1, 1).await;
    sqlx::query("update resident set facts_version = 3")
        .execute(&office.sql)
        .await
        .expect("the person is there");
    let mut terminal = office.terminal("35.75/office/1").await;
    assert_eq!(lease_ids(&terminal.lease(1).await.leases), ids);
    let pinned: i32 = sqlx::query_scalar("select facts_version from print_request")
        .fetch_one(&office.sql)
        .await
        .expect("one request");
    assert_eq!(pinned, 3);
}
