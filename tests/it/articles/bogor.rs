//! Kota Bogor, October 2017: a daily quota until the 22nd and none from the 23rd on, papers, and 93,454 cards to be printed.

use ektp::proto::{
    self, ApplicantClass, NextAction, ShortSide, WaitStage, explain_position_request::Key,
};
use time::macros::datetime;

use super::{ask_all, count, crowd, lease_all};
use crate::support::{cards::until, office::Office, policies};

use ApplicantClass::FirstIssue;

const BOGOR: i32 = 3271;

#[tokio::test]
async fn s1_11_with_a_quota_of_400_the_401st_waits_and_from_23_october_nobody_does() {
    let office = Office::open().await;
    let people = crowd(&office, BOGOR, (802, 802)).await;
    let mut until_22nd = policies::draft();
    until_22nd.area = "32.71".to_owned();
    until_22nd.daily_quota = Some(400);
    until_22nd.valid_from = "2017-10-20".to_owned();
    office.put_in_force(until_22nd).await;
    let mut terminal = office.terminal("32.71/office/1").await;
    let first = ask_all(&mut terminal, &people[..401], FirstIssue).await;
    assert_eq!(
        (count(&first, "QUEUED"), first[400].as_str()),
        (400, "QUOTA")
    );
    let mut from_23rd = policies::draft();
    from_23rd.area = "32.71".to_owned();
    from_23rd.valid_from = "2017-10-23".to_owned();
    office.put_in_force(from_23rd).await;
    let second = ask_all(&mut terminal, &people[401..], FirstIssue).await;
    assert_eq!(count(&second, "QUEUED"), 401);
    // The one who waited comes in by itself, before all of them.
    until("nobody waits", async || {
        terminal.queue().await.iter().all(|request| {
            request
                .entry
                .as_ref()
                .is_some_and(|entry| entry.hold_reasons.is_empty())
        })
    })
    .await;
    let waited = Key::ResidentId(people[400].clone());
    let told = terminal.explain(waited).await.expect("it is told");
    assert_eq!(told.place, 401);
}

#[tokio::test]
async fn s1_5_a_delay_says_whether_it_is_the_centre_or_the_blanks() {
    let office = Office::open().await;
    let people = crowd(&office, BOGOR, (2, 1)).await;
    let mut terminal = office.terminal("32.71/office/1").await;
    ask_all(&mut terminal, &people, FirstIssue).await;
    for (resident, stage, next) in [
        (&people[0], WaitStage::Stock, NextAction::WaitForTurn),
        (&people[1], WaitStage::Centre, NextAction::WaitForCentre),
    ] {
        let told = terminal.explain(Key::ResidentId(resident.clone())).await;
        let told = told.expect("it is told");
        assert_eq!((told.stage(), told.next_action()), (stage, next));
    }
}

#[tokio::test]
async fn s1_4_no_date_is_promised_only_the_place_and_what_is_waited_for() {
    let office = Office::open().await;
    let people = crowd(&office, BOGOR, (3, 3)).await;
    office.clock.set(datetime!(2017-10-24 02:00 UTC));
    let mut terminal = office.terminal("32.71/office/1").await;
    ask_all(&mut terminal, &people, FirstIssue).await;
    let told = terminal.explain(Key::ResidentId(people[2].clone())).await;
    let told = told.expect("it is told");
    assert_eq!(told.place, 3);
    let now = datetime!(2017-10-24 02:00 UTC).unix_timestamp();
    let entry = told.entry.expect("there is a request");
    for time in [told.since_time, entry.state_time, entry.seniority_time] {
        assert!(
            time.expect("it has begun").seconds <= now,
            "a time to come is told"
        );
    }
}

#[tokio::test]
async fn s1_10_nothing_is_printed_between_the_last_blank_and_the_next_delivery() {
    let office = Office::open().await;
    let people = crowd(&office, BOGOR, (3, 3)).await;
    let mut terminal = office.terminal("32.71/office/1").await;
    ask_all(&mut terminal, &people, FirstIssue).await;
    let mut printer = office.terminal("32.71/office/2").await;
    assert_eq!(lease_all(&mut printer).await, (0, ShortSide::Blanks));
    assert_eq!(terminal.queue().await.len(), 3);
    office.stock("32.71", 1, 2).await;
    assert_eq!(lease_all(&mut printer).await, (2, ShortSide::Blanks));
}

#[tokio::test]
async fn s1_16_whether_blanks_are_enough_for_93_454_is_counted_and_not_declared() {
    let office = Office::open().await;
    crowd(&office, BOGOR, (93_454, 93_454)).await;
    sqlx::query(
        "with asked as (
             insert into print_request (
                 print_request_id, district, subdistrict, site, resident_id, applicant_class, seniority_at, requested_at,
                 enrolled_on, state, state_at, policy_version, identity_version, facts_version
             )
             select gen_random_uuid(), e.district, e.subdistrict, 'office', e.resident_id, 'FIRST_ISSUE', e.received_at,
                 e.received_at, e.received_at::date, 'QUEUED', e.received_at, 1, 1, 1
             from enrolment e
             returning print_request_id, district, state, applicant_class, seniority_at, state_at
         )
         insert into request_stage (print_request_id, stage, district, state, applicant_class, seniority_at, began_at)
         select a.print_request_id, 1, a.district, a.state, a.applicant_class, a.seniority_at, a.state_at from asked a",
    )
    .execute(&office.sql)
    .await
    .expect("the requests fit the table");
    // 9,000 on 22 September; one more person asks and learns how many stand before.
    office.stock("32.71", 1, 9_000).await;
    let mut terminal = office.terminal("32.71/office/1").await;
    let last: String = sqlx::query_scalar(
        "select print_request_id::text from print_request order by seniority_at desc limit 1",
    )
    .fetch_one(&office.sql)
    .await
    .expect("somebody is the last");
    let told = terminal
        .explain(Key::PrintRequestId(last))
        .await
        .expect("it is told");
    let stock = terminal
        .inventory
        .get_stock(proto::GetStockRequest {
            location: "32.71".to_owned(),
        })
        .await
        .expect("the account is told")
        .into_inner()
        .stock
        .expect("an account");
    assert_eq!((told.place, stock.in_stock), (93_454, 9_000));
    assert!(told.place > stock.in_stock, "they are not enough");
}
