//! How long a request stood where: its intervals join without gap or overlap, whatever the servers' clocks say.
#![expect(
    clippy::disallowed_methods,
    reason = "test code does not use the query macros, so that the metadata holds src only"
)]

use time::Duration;

use super::{
    entry,
    replay::{Dice, Month},
    steps,
};
use crate::support::office::{MORNING, Office};

/// What is wrong with the stored intervals: each request's stages are numbered without a gap, none begins before the one
/// before it, the first begins with the request, and the last one is how it stands.
const BROKEN: &str = "
    with stage as (
        select s.*, lag(s.stage) over w as before, lag(s.began_at) over w as began_before
        from request_stage s
        window w as (partition by s.print_request_id order by s.stage)
    )
    select concat_ws(' ', p.print_request_id, s.stage, s.state)
    from print_request p
    join stage s on s.print_request_id = p.print_request_id
    where s.stage <> coalesce(s.before, 0) + 1
        or s.began_at < s.began_before
        or (s.stage = 1 and s.began_at <> p.requested_at)
        or s.stage > p.stage
        or (s.stage = p.stage and (s.state, s.hold_reasons, s.applicant_class, s.seniority_at, s.began_at)
            is distinct from (p.state, p.hold_reasons, p.applicant_class, p.seniority_at, p.state_at))
    union all
    select p.print_request_id::text
    from print_request p
    where (select count(*) from request_stage s where s.print_request_id = p.print_request_id) <> p.stage";

#[tokio::test]
async fn the_intervals_of_every_request_join_from_submission_to_now() {
    let mut dice = Dice::thrown();
    let mut month = Month::begin(40).await;
    for day in 0..8 {
        month.turn_to(day);
        month.work(&mut dice).await;
    }
    let broken: Vec<String> = sqlx::query_scalar(BROKEN)
        .fetch_all(&month.office.sql)
        .await
        .expect("the stages can be read");
    assert_eq!(broken, Vec::<String>::new(), "seed {}", dice.seed);
    let longest: i32 = sqlx::query_scalar("select max(stage) from print_request")
        .fetch_one(&month.office.sql)
        .await
        .expect("there are requests");
    assert!(longest >= 4, "somebody had a life: {longest}");
}

#[tokio::test]
async fn a_servers_clock_that_steps_by_five_minutes_changes_nothing_about_leases() {
    let office = Office::open().await;
    let ids = office.queued("35.75", 2).await;
    office.stock("35.75", 1, 9).await;
    let mut holder = office.terminal("35.75/office/1").await;
    let mut other = office.terminal("35.75/office/2").await;
    let leases = holder.lease(1).await.leases;
    // A lease lasts for ninety seconds of the database's time.
    office.clock.set(MORNING + Duration::minutes(5));
    holder.renew(&leases[0]).await.expect("it still holds");
    let rest = other.lease(9).await.leases;
    assert_eq!(super::lease_ids(&rest), ids[1..]);
    office.clock.set(MORNING - Duration::minutes(5));
    assert_eq!(steps(&holder.bind(&leases, 1).await), ["BOUND"]);
    assert_eq!(steps(&other.bind(&rest, 2).await), ["BOUND"]);
    assert_eq!(steps(&holder.report(&leases, 1).await), ["PRINTED"]);
    // A new lease does not live longer because the clock is behind.
    assert_eq!(steps(&other.report(&rest, 2).await), ["PRINTED"]);
    let broken: Vec<String> = sqlx::query_scalar(BROKEN)
        .fetch_all(&office.sql)
        .await
        .expect("the stages can be read");
    assert_eq!(broken, Vec::<String>::new());
    let printed = holder.print_request(&ids[1]).await.expect("it is here");
    let printed = printed.entry.expect("an entry");
    assert!(
        printed.state_time.expect("a time").seconds
            >= entry(&rest[0]).state_time.expect("a time").seconds
    );
}
