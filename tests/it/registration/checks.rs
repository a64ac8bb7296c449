//! The centre's check: leases in the national order, verdicts under the latest lease only.

use std::collections::BTreeSet;

use ektp::{
    feed::Timing,
    proto::{self, EnrolmentReason, EnrolmentState, VerdictOutcome},
};
use sqlx::Executor as _;
use time::Duration;
use tokio_stream::StreamExt as _;
use tonic::{Code, Status, Streaming};

use super::{enrolment, led_to};
use crate::support::{
    PATIENCE,
    office::{Client, MORNING, Office, reason, request_id},
    people::residents,
};

/// An engine's stream with some credit, which stays open.
async fn engine(matcher: &mut Client, wanted: u32) -> Streaming<proto::LeaseChecksResponse> {
    let wishes = tokio_stream::iter([proto::LeaseChecksRequest { wanted }]);
    let answer = matcher
        .registration
        .lease_checks(wishes.chain(tokio_stream::pending()))
        .await;
    answer.expect("the stream opens").into_inner()
}

async fn next(
    stream: &mut Streaming<proto::LeaseChecksResponse>,
) -> Option<Result<proto::LeaseChecksResponse, Status>> {
    tokio::time::timeout(PATIENCE, stream.next())
        .await
        .expect("the stream says something in time")
}

/// Makes every lease run out, as ten minutes would.
async fn run_out(office: &Office) {
    let sql = "update enrolment set check_expires_at = clock_timestamp() - interval '1 second' \
               where check_expires_at is not null";
    office.sql.execute(sql).await.expect("the leases run out");
}

/// S0-3, S0-16, S1-15: only the centre writes the verdict, and giving it twice changes nothing.
#[tokio::test]
async fn only_the_centres_verdict_makes_a_record_print_ready() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let (id, _) = terminal.enrol(&residents("35.75", 1)[0]).await;
    assert_eq!(
        enrolment(&mut terminal, &id).await.state(),
        EnrolmentState::Sent
    );
    let mut matcher = office.centre("matcher").await;
    let task = matcher.lease_checks(1).await.remove(0);
    assert_eq!((task.enrolment_id.as_str(), task.fence), (id.as_str(), 1));
    assert_eq!(task.district, "35.75");
    assert_eq!(
        enrolment(&mut terminal, &id).await.state(),
        EnrolmentState::Checking
    );

    let verdict = proto::RecordVerdictsRequest {
        request_id: request_id(),
        verdicts: vec![proto::Verdict {
            enrolment_id: id.clone(),
            fence: task.fence,
            outcome: VerdictOutcome::Unique.into(),
        }],
    };
    let refused = terminal.registration.record_verdicts(verdict.clone()).await;
    assert_eq!(
        reason(&refused.expect_err("no district may")),
        "ROLE_MAY_NOT_CALL"
    );
    assert_eq!(
        enrolment(&mut terminal, &id).await.state(),
        EnrolmentState::Checking
    );

    let first = matcher
        .registration
        .record_verdicts(verdict.clone())
        .await
        .expect("taken")
        .into_inner();
    assert_eq!(led_to(&first.results[0]), "PRINT_READY");
    let again = matcher
        .registration
        .record_verdicts(verdict)
        .await
        .expect("answered")
        .into_inner();
    assert_eq!(again, first);
    let anew = matcher.decide(&[task], VerdictOutcome::Duplicate).await;
    assert_eq!(led_to(&anew[0]), "VERDICT_ALREADY_GIVEN");
    let seen = enrolment(&mut terminal, &id).await;
    assert_eq!(
        (seen.state(), seen.reasons.len()),
        (EnrolmentState::PrintReady, 0)
    );
}

/// S0-9: unique by the fingers, but not by the biodata: a human decides, under the same lease.
#[tokio::test]
async fn a_demographic_mismatch_is_not_print_ready_until_a_human_says_so() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let (id, _) = terminal.enrol(&residents("35.75", 1)[0]).await;
    let mut matcher = office.centre("matcher").await;
    let tasks = matcher.lease_checks(1).await;
    let result = matcher
        .decide(&tasks, VerdictOutcome::DemographicMismatch)
        .await;
    assert_eq!(led_to(&result[0]), "ADJUDICATING");
    let seen = enrolment(&mut terminal, &id).await;
    assert_eq!(seen.state(), EnrolmentState::Adjudicating);
    assert_eq!(
        seen.reasons,
        [i32::from(EnrolmentReason::DemographicMismatch)]
    );

    let result = matcher.decide(&tasks, VerdictOutcome::Unique).await;
    assert_eq!(led_to(&result[0]), "PRINT_READY");
}

/// S0-10.
#[tokio::test]
async fn a_duplicate_is_left_by_no_later_verdict() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let (id, _) = terminal.enrol(&residents("35.75", 1)[0]).await;
    let mut matcher = office.centre("matcher").await;
    let tasks = matcher.lease_checks(1).await;
    let result = matcher.decide(&tasks, VerdictOutcome::Duplicate).await;
    assert_eq!(led_to(&result[0]), "DUPLICATE");
    let result = matcher.decide(&tasks, VerdictOutcome::Unique).await;
    assert_eq!(led_to(&result[0]), "VERDICT_ALREADY_GIVEN");
    assert_eq!(
        enrolment(&mut terminal, &id).await.state(),
        EnrolmentState::Duplicate
    );
}

/// S2-9: half a year in check is no reason to give up, and the wait is visible.
#[tokio::test]
async fn a_check_of_half_a_year_ages_visibly_and_never_times_out() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let (id, _) = terminal.enrol(&residents("35.75", 1)[0]).await;
    let mut matcher = office.centre("matcher").await;
    let first = matcher.lease_checks(1).await;
    let since = enrolment(&mut terminal, &id).await.state_time;
    office.clock.set(MORNING + Duration::days(180));
    run_out(&office).await;
    let seen = enrolment(&mut terminal, &id).await;
    assert_eq!(
        (seen.state(), seen.state_time),
        (EnrolmentState::Checking, since)
    );

    let second = matcher.lease_checks(1).await;
    assert_eq!(second[0].enrolment_id, id);
    assert_eq!(second[0].fence, first[0].fence + 1);
    let seen = enrolment(&mut terminal, &id).await;
    assert_eq!(
        (seen.state(), seen.state_time),
        (EnrolmentState::Checking, since)
    );
    // The first engine comes back to life: its word no longer counts.
    let late = matcher.decide(&first, VerdictOutcome::Duplicate).await;
    assert_eq!(led_to(&late[0]), "CHECK_FENCED");
    let result = matcher.decide(&second, VerdictOutcome::Unique).await;
    assert_eq!(led_to(&result[0]), "PRINT_READY");
}

#[tokio::test]
async fn a_lease_that_ran_out_still_gives_its_verdict_while_nobody_else_has_leased() {
    let office = Office::open().await;
    office
        .terminal("35.75/office/1")
        .await
        .enrol(&residents("35.75", 1)[0])
        .await;
    let mut matcher = office.centre("matcher").await;
    let tasks = matcher.lease_checks(1).await;
    run_out(&office).await;
    let result = matcher.decide(&tasks, VerdictOutcome::Unique).await;
    assert_eq!(led_to(&result[0]), "PRINT_READY");
}

#[tokio::test]
async fn a_failed_search_is_handed_out_again_at_once() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let (id, _) = terminal.enrol(&residents("35.75", 1)[0]).await;
    let mut matcher = office.centre("matcher").await;
    let first = matcher.lease_checks(1).await;
    let result = matcher.decide(&first, VerdictOutcome::SearchFailed).await;
    assert_eq!(led_to(&result[0]), "CHECKING");
    let reasons = enrolment(&mut terminal, &id).await.reasons;
    assert_eq!(reasons, [i32::from(EnrolmentReason::SearchFailed)]);
    let second = matcher.lease_checks(1).await;
    assert_eq!(
        (second[0].enrolment_id.as_str(), second[0].fence),
        (id.as_str(), 2)
    );
    assert_eq!(enrolment(&mut terminal, &id).await.reasons, [0; 0]);
}

#[tokio::test]
async fn a_verdict_needs_an_enrolment_that_was_leased() {
    let office = Office::open().await;
    let (id, _) = office
        .terminal("35.75/office/1")
        .await
        .enrol(&residents("35.75", 1)[0])
        .await;
    let mut matcher = office.centre("matcher").await;
    let task = |enrolment_id: String| proto::CheckTask {
        enrolment_id,
        fence: 1,
        ..Default::default()
    };
    let results = matcher
        .decide(&[task(id), task(request_id())], VerdictOutcome::Unique)
        .await;
    let words: Vec<&str> = results.iter().map(led_to).collect();
    assert_eq!(words, ["CHECK_FENCED", "ENROLMENT_NOT_FOUND"]);
}

/// S1-14: nationally in the order of receipt, to two engines at two servers, each once.
#[tokio::test]
async fn two_engines_share_the_work_and_no_task_goes_out_twice() {
    let mut office = Office::open().await;
    let second = office.add_server(Timing::default()).await;
    let (mut here, mut there) = (
        office.terminal("35.75/office/1").await,
        office.terminal("35.76/office/1").await,
    );
    let mut order = Vec::new();
    let (near, far) = (residents("35.75", 150), residents("35.76", 150));
    for (minute, (one, other)) in (0..).zip(near.iter().zip(&far)) {
        office.clock.set(MORNING + Duration::minutes(minute));
        let ((a, _), (b, _)) = (here.enrol(one).await, there.enrol(other).await);
        order.push(BTreeSet::from([a, b]));
    }
    let mut matcher = office.centre("matcher").await;
    let earliest = matcher.lease_checks(2).await;
    let ids: BTreeSet<String> = earliest.into_iter().map(|task| task.enrolment_id).collect();
    assert_eq!(ids, order[0]);

    let mut matchers = [
        office.client(0, "ektp://centre/matcher").await,
        office.client(second, "ektp://centre/matcher").await,
    ];
    let [one, other] = &mut matchers;
    let (left, right) = tokio::join!(one.lease_checks(149), other.lease_checks(149));
    let handed_out: BTreeSet<String> = left
        .iter()
        .chain(&right)
        .map(|task| task.enrolment_id.clone())
        .collect();
    assert_eq!(handed_out.len(), 298);
    let rest: BTreeSet<String> = order[1..].iter().flatten().cloned().collect();
    assert_eq!(handed_out, rest);
}

#[tokio::test]
async fn an_engine_gets_no_more_than_it_asked_for_and_then_its_stream_ends() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    for person in residents("35.75", 5) {
        terminal.enrol(&person).await;
    }
    let mut matcher = office.centre("matcher").await;
    // It says what it wants and closes its side.
    let wishes = [1, 2].map(|wanted| proto::LeaseChecksRequest { wanted });
    let answer = matcher
        .registration
        .lease_checks(tokio_stream::iter(wishes))
        .await;
    let mut stream = answer.expect("the stream opens").into_inner();
    let mut tasks = 0;
    while let Some(answer) = next(&mut stream).await {
        tasks += answer.expect("no error").tasks.len();
    }
    assert_eq!(tasks, 3);
}

#[tokio::test]
async fn a_waiting_engine_gets_what_is_enrolled_later() {
    let office = Office::open().await;
    let mut matcher = office.centre("matcher").await;
    let mut stream = engine(&mut matcher, 10).await;
    let (id, _) = office
        .terminal("35.75/office/1")
        .await
        .enrol(&residents("35.75", 1)[0])
        .await;
    let answer = next(&mut stream)
        .await
        .expect("the stream goes on")
        .expect("no error");
    assert_eq!(answer.tasks[0].enrolment_id, id);
}

#[tokio::test]
async fn an_engine_that_asks_for_nothing_or_too_much_is_refused() {
    let office = Office::open().await;
    let mut matcher = office.centre("matcher").await;
    for wanted in [0, 1_001] {
        let mut stream = engine(&mut matcher, wanted).await;
        let refused = next(&mut stream)
            .await
            .expect("an answer")
            .expect_err("refused");
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_server_that_goes_away_tells_its_engines() {
    let mut office = Office::open().await;
    let mut matcher = office.centre("matcher").await;
    let mut stream = engine(&mut matcher, 10).await;
    let draining = tokio::spawn(office.take_server(0).drain());
    let refused = next(&mut stream)
        .await
        .expect("an answer")
        .expect_err("it goes");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::Unavailable, "SERVER_DRAINING")
    );
    draining.await.expect("it has gone");
}
