//! Wrong PINs, one and by the thousand: counted exactly, slowed down, and nobody else's trouble.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::office::{Office, reason};

use super::{
    COUNTER, OTHER, OWN_PIN, at, by_pin, count, first_shift, heads, open, registered, registration,
    shift, sql,
};

const WRONG: &str = "000000";

/// What is told on a busy machine, whoever asks.
const BUSY: [&str; 2] = ["OVERLOADED", "DEADLINE_PASSED"];

async fn two_officers() -> Office {
    let office = Office::open().await;
    let (mut one, mut other) = heads(&office).await;
    registered((&mut one, &mut other), registration("C-1", 3)).await;
    registered((&mut one, &mut other), registration("C-2", 4)).await;
    first_shift(&office, COUNTER, "C-1").await;
    first_shift(&office, OTHER, "C-2").await;
    office
}

fn wait(status: &Status) -> Duration {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    let info = status.get_details_retry_info().expect("when to come again");
    info.retry_delay.expect("a time")
}

#[tokio::test]
async fn an_unknown_badge_is_answered_like_a_wrong_pin() {
    let office = two_officers().await;
    let mut nobody = at(&office, 0, COUNTER, None).await;
    let mut answers = Vec::new();
    for badge in ["C-1", "C-999"] {
        let status = open(&mut nobody, by_pin(badge, WRONG, ""))
            .await
            .expect_err("wrong");
        answers.push((
            status.code(),
            status.message().to_owned(),
            status.details().to_vec(),
        ));
    }
    assert_eq!(answers[0].0, Code::Unauthenticated);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(count(&office, "officer where pin_failures = 1").await, 1);
}

#[tokio::test]
async fn the_third_wrong_pin_waits_half_a_minute_and_each_further_one_twice_as_long() {
    let office = two_officers().await;
    let mut nobody = at(&office, 0, COUNTER, None).await;
    for _ in 0..3 {
        let status = open(&mut nobody, by_pin("C-1", WRONG, ""))
            .await
            .expect_err("wrong");
        assert_eq!(reason(&status), "PIN_WRONG");
    }
    for expected in [30, 60, 120] {
        // Not even the right one is taken, and asking does not make the wait longer.
        let request = by_pin("C-1", OWN_PIN, "");
        let status = open(&mut nobody, request.clone())
            .await
            .expect_err("it waits");
        assert_eq!(reason(&status), "PIN_LOCKED");
        let (wait, most) = (wait(&status), Duration::from_secs(expected));
        assert!(
            wait <= most && wait + Duration::from_secs(20) > most,
            "{wait:?} of {most:?}"
        );
        // The wait goes by.
        sql(
            &office,
            "update officer set pin_locked_until = clock_timestamp()",
        )
        .await;
        let status = open(&mut nobody, by_pin("C-1", WRONG, ""))
            .await
            .expect_err("wrong again");
        assert_eq!(reason(&status), "PIN_WRONG");
    }
    sql(
        &office,
        "update officer set pin_locked_until = clock_timestamp()",
    )
    .await;
    shift(&office, COUNTER, "C-1").await;
    let forgotten = "officer where pin_failures = 0 and pin_locked_until is null and badge = 'C-1'";
    assert_eq!(
        count(&office, forgotten).await,
        1,
        "a right PIN forgets the wrong ones"
    );
}

#[tokio::test]
async fn a_locked_answer_is_not_kept_and_the_same_request_opens_later() {
    let office = two_officers().await;
    let mut nobody = at(&office, 0, COUNTER, None).await;
    sql(&office, "update officer set pin_locked_until = clock_timestamp() + interval '1 hour' where badge = 'C-1'").await;
    let request = by_pin("C-1", OWN_PIN, "");
    let status = open(&mut nobody, request.clone())
        .await
        .expect_err("it waits");
    assert_eq!(reason(&status), "PIN_LOCKED");
    sql(
        &office,
        "update officer set pin_locked_until = clock_timestamp()",
    )
    .await;
    open(&mut nobody, request)
        .await
        .expect("the same request, later");
}

#[tokio::test]
async fn a_thousand_wrong_pins_from_many_terminals_are_three_and_hurt_nobody_else() {
    const TERMINALS: usize = 40;
    const EACH: usize = 25;
    let office = Arc::new(two_officers().await);
    let mut thieves = JoinSet::new();
    for number in 100..100 + TERMINALS {
        let office = Arc::clone(&office);
        thieves.spawn(async move {
            let terminal = format!("ektp://district/35.75/site/office/terminal/{number}");
            let mut nobody = at(&office, 0, &terminal, None).await;
            let mut told = Vec::new();
            for guess in 0..EACH {
                let pin = format!("{:06}", number * 100 + guess);
                let status = open(&mut nobody, by_pin("C-1", &pin, "")).await;
                told.push(reason(&status.expect_err("a guess")));
            }
            told
        });
    }
    // The other officer comes and goes meanwhile.
    for _ in 0..5 {
        let mut nobody = at(&office, 0, OTHER, None).await;
        let mut request = by_pin("C-2", OWN_PIN, "");
        while let Err(status) = open(&mut nobody, request.clone()).await {
            let told = reason(&status);
            assert!(BUSY.contains(&told.as_str()), "busy, never refused: {told}");
            request = by_pin("C-2", OWN_PIN, "");
        }
    }
    let told: Vec<String> = thieves.join_all().await.into_iter().flatten().collect();
    assert_eq!(told.len(), TERMINALS * EACH);
    let times = |reason: &str| told.iter().filter(|told| *told == reason).count();
    assert_eq!(times("PIN_WRONG"), 3, "judged one after the other");
    let refused = times("PIN_LOCKED") + times("QUOTA_REACHED") + times("CONFLICT");
    let busy: usize = BUSY.into_iter().map(times).sum();
    assert_eq!(refused + busy, TERMINALS * EACH - 3);
    // Who was told that the server is busy has not tried. A terminal alone tries twenty times in a minute.
    let mut nobody = at(
        &office,
        0,
        "ektp://district/35.75/site/office/terminal/99",
        None,
    )
    .await;
    let mut last = String::new();
    for guess in 0..EACH {
        let pin = format!("{:06}", 99 * 100 + guess);
        let status = open(&mut nobody, by_pin("C-1", &pin, "")).await;
        last = reason(&status.expect_err("a guess"));
    }
    assert_eq!(last, "QUOTA_REACHED");
    assert_eq!(
        count(&office, "officer where badge = 'C-1' and pin_failures = 3").await,
        1
    );
    assert_eq!(
        count(&office, "officer where badge = 'C-2' and pin_failures = 0").await,
        1
    );
}
