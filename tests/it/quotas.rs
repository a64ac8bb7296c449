//! How much one officer may see: a script that walks through the register gets the day's quota and not one person more;
//! and the first read of a trap raises the alarm.
//!
//! What is easily got wrong: the count is a person's, over all servers and accounts. A second account, a second terminal
//! or a second server buys nothing.

use std::{num::NonZeroU32, sync::Arc};

use ektp::{
    caller::OfficerRole,
    feed::Timing,
    proto::{self, get_enrolment_request::Key},
    quota::{Quotas, Rate},
};
use prost::Message as _;
use tokio::{sync::Barrier, task::JoinSet};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{
    cards::until,
    look,
    office::{Client, MORNING, Office, reason, request_id},
    officers::{Line, OnShift, open_shift_of, person_of},
    people::{key, residents},
};

const COUNTER: &str = "ektp://district/35.75/site/office/terminal/1";
const OTHER_COUNTER: &str = "ektp://district/35.75/site/office/terminal/2";
const LIMIT: u32 = 20;
const ALARMS: &str = "feed_event where topic = 6 and district = 0";

async fn office_with_limit() -> Office {
    let quotas = Quotas {
        persons_per_officer_day: LIMIT,
        ..Quotas::default()
    };
    Office::open_as(Timing::default(), quotas).await
}

async fn enrolled(office: &Office, count: usize) -> Vec<String> {
    let mut terminal = office.terminal("35.75/office/9").await;
    let mut ids = Vec::new();
    for person in residents("35.75", count) {
        ids.push(terminal.enrol(&person).await.0);
    }
    ids
}

async fn look_at(client: &mut Client, enrolment: &str) -> Result<proto::Enrolment, Status> {
    let key = Some(Key::EnrolmentId(enrolment.to_owned()));
    let answer = client
        .registration
        .get_enrolment(proto::GetEnrolmentRequest { key })
        .await?;
    Ok(answer.into_inner().enrolment.expect("an enrolment"))
}

/// A refusal for the quota: of whom, and how long to wait.
fn refused(status: &Status) -> (String, std::time::Duration) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(reason(status), "QUOTA_REACHED");
    let details = status.get_error_details();
    let info = details.error_info().expect("a reason");
    let wait = details.retry_info().and_then(|retry| retry.retry_delay);
    (
        info.metadata["of"].clone(),
        wait.expect("when to come again"),
    )
}

#[tokio::test]
async fn who_walks_through_the_register_gets_the_quota_and_nobody_more() {
    let office = office_with_limit().await;
    let ids = enrolled(&office, 30).await;
    let mut counter = office.client(0, COUNTER).await;
    let mut seen = 0;
    let mut last = None;
    for id in ids.iter().cycle().take(100) {
        match look_at(&mut counter, id).await {
            Ok(_) => seen += 1,
            Err(status) => last = Some(refused(&status)),
        }
    }
    assert_eq!(seen, LIMIT);
    let (of, wait) = last.expect("it was refused");
    assert_eq!(of, "officer");
    // Eight in the morning in Kota Pasuruan: sixteen hours to midnight.
    assert_eq!(wait, std::time::Duration::from_secs(16 * 3_600));

    // Tomorrow is another day.
    office.clock.set(MORNING + time::Duration::days(1));
    look_at(&mut counter, &ids[0]).await.expect("a new day");
}

#[tokio::test]
async fn counts_of_days_that_are_over_are_dropped_and_todays_stays() {
    let mut office = office_with_limit().await;
    let ids = enrolled(&office, 1).await;
    let mut counter = office.client(0, COUNTER).await;
    look_at(&mut counter, &ids[0]).await.expect("the first day");
    office.clock.set(MORNING + time::Duration::days(3));
    for _ in 0..LIMIT {
        look_at(&mut counter, &ids[0])
            .await
            .expect("within the quota");
    }
    // More than one round takes.
    sqlx::raw_sql(
        "insert into disclosure_count (day, subject, persons)
            select date '2016-01-01' + n, 'terminal/long gone', 1 from generate_series(0, 449) as n
            union all select date '2016-01-01' + n, 'officer/long gone', 1 from generate_series(0, 449) as n",
    )
    .execute(&office.sql)
    .await
    .expect("the owner may");
    let old = "disclosure_count where day < '2017-04-20'";
    assert!(look::count(&office.sql, old).await > 900);

    // A server's first round comes at its start.
    office.add_server(Timing::default()).await;
    until("the old counts are gone", async || {
        look::count(&office.sql, old).await == 0
    })
    .await;
    let status = look_at(&mut counter, &ids[0])
        .await
        .expect_err("today's count is kept");
    assert_eq!(refused(&status).0, "officer");
}

#[tokio::test]
async fn a_second_account_terminal_or_server_buys_nothing_and_another_person_has_its_own() {
    let mut office = office_with_limit().await;
    office.add_server(Timing::default()).await;
    let ids = enrolled(&office, 5).await;
    let mut counter = office.client(0, COUNTER).await;
    for id in ids.iter().cycle().take(20) {
        look_at(&mut counter, id).await.expect("within the quota");
    }
    let person = person_of(&office.sql, office.shift(COUNTER).await).await;
    let certificate = &office.identity(OTHER_COUNTER).certificate_pem;
    let second = open_shift_of(&office.sql, person, certificate, &[OfficerRole::Counter]).await;
    let channel = office
        .endpoint(1, OTHER_COUNTER)
        .connect()
        .await
        .expect("the server answers");
    let mut elsewhere = Client::over(Line::new(channel, OnShift(Some(second))));
    let status = look_at(&mut elsewhere, &ids[0])
        .await
        .expect_err("the same person");
    assert_eq!(refused(&status).0, "officer");
    let mut colleague = office
        .client(1, "ektp://district/35.75/site/office/terminal/3")
        .await;
    look_at(&mut colleague, &ids[0])
        .await
        .expect("a person of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_at_once_on_two_servers_see_the_quota_together_and_not_one_more() {
    let mut office = office_with_limit().await;
    office.add_server(Timing::default()).await;
    let ids = enrolled(&office, 5).await;
    let barrier = Arc::new(Barrier::new(8));
    let mut walkers = JoinSet::new();
    for walker in 0..8 {
        let mut counter = office.client(walker % 2, COUNTER).await;
        let (ids, barrier) = (ids.clone(), Arc::clone(&barrier));
        walkers.spawn(async move {
            barrier.wait().await;
            let mut seen = 0;
            for id in &ids {
                seen += u32::from(look_at(&mut counter, id).await.is_ok());
            }
            seen
        });
    }
    let seen: u32 = walkers.join_all().await.into_iter().sum();
    assert_eq!(seen, LIMIT);
}

#[tokio::test]
async fn a_page_of_more_people_than_are_left_shows_none_of_them() {
    let quotas = Quotas {
        persons_per_officer_day: 2,
        ..Quotas::default()
    };
    let office = Office::open_as(Timing::default(), quotas).await;
    office.printed("35.75", 12).await;
    let mut counter = office.client(0, COUNTER).await;
    let waiting = look::count(&office.sql, "contact_task where closed_at is null").await;
    assert!(
        waiting > 2,
        "the story needs some people without a phone: {waiting}"
    );
    let request = proto::ListContactTasksRequest::default();
    let status = counter
        .handover
        .list_contact_tasks(request)
        .await
        .expect_err("more than are left");
    assert_eq!(refused(&status).0, "officer");
    let request = proto::ListContactTasksRequest {
        page_size: 2,
        ..proto::ListContactTasksRequest::default()
    };
    let page = counter.handover.list_contact_tasks(request).await;
    assert_eq!(
        page.expect("a smaller page")
            .into_inner()
            .contact_tasks
            .len(),
        2
    );
}

#[tokio::test]
async fn card_faces_have_a_count_of_their_own() {
    let quotas = Quotas {
        faces_per_officer_day: 2,
        persons_per_officer_day: 1,
        ..Quotas::default()
    };
    let office = Office::open_as(Timing::default(), quotas).await;
    office.stock("35.75", 1, 10).await;
    office.queued("35.75", 3).await;
    let mut printer = office.client(0, COUNTER).await;
    let leases = printer.lease(3).await.leases;
    let mut last = None;
    let mut seen = 0;
    for lease in &leases {
        let request = proto::GetCardFaceRequest {
            lease: Some(key(lease)),
        };
        match printer.print_queue.get_card_face(request).await {
            Ok(_) => seen += 1,
            Err(status) => last = Some(refused(&status).0),
        }
    }
    assert_eq!((seen, last.as_deref()), (2, Some("printer")));
}

#[tokio::test]
async fn every_answer_with_a_person_has_its_row_and_without_it_there_is_no_answer() {
    let office = Office::open().await;
    let ids = enrolled(&office, 2).await;
    let mut counter = office.client(0, COUNTER).await;
    let enrolment = look_at(&mut counter, &ids[0]).await.expect("it is there");
    let rows = "audit where kind = 'READ' and code = 0";
    assert_eq!(look::count(&office.sql, rows).await, 1);
    let about = format!(
        "{rows} and resources = 'resident/{}' and officer_id is not null and shift_id = '{}'",
        enrolment.resident_id,
        office.shift(COUNTER).await
    );
    assert_eq!(look::count(&office.sql, &about).await, 1);

    let mut lock = office.sql.begin().await.expect("the database answers");
    sqlx::query("lock table audit in exclusive mode")
        .execute(&mut *lock)
        .await
        .expect("the owner may");
    let status = look_at(&mut counter, &ids[1])
        .await
        .expect_err("it cannot be written");
    assert!(
        matches!(status.code(), Code::Aborted | Code::DeadlineExceeded),
        "{status:?}"
    );
    lock.rollback().await.expect("the database answers");
    assert_eq!(look::count(&office.sql, rows).await, 1);
}

#[tokio::test]
async fn the_first_read_of_a_trap_raises_the_alarm_and_tells_nobody_at_the_counter() {
    let office = Office::open().await;
    let ids = enrolled(&office, 2).await;
    let mut db = office.sql.acquire().await.expect("the database answers");
    let trap = ids[1].parse().expect("an id");
    assert!(
        ektp::registration::mark_trap(&mut db, trap)
            .await
            .expect("it can be marked")
    );
    drop(db);
    let mut counter = office.client(0, COUNTER).await;
    look_at(&mut counter, &ids[0]).await.expect("a person");
    assert_eq!(look::count(&office.sql, ALARMS).await, 0);
    look_at(&mut counter, &ids[1])
        .await
        .expect("a trap looks like a person");
    let body: Vec<u8> =
        sqlx::query_scalar("select body from feed_event where topic = 6 and district = 0")
            .fetch_one(&office.sql)
            .await
            .expect("the alarm is in the centre's ledger");
    let alarm = proto::Alarm::decode(&body[..]).expect("an alarm");
    assert_eq!(alarm.kind(), proto::AlarmKind::HoneytokenRead);
    assert_eq!((&*alarm.district, &*alarm.terminal), ("35.75", COUNTER));
    assert_eq!(alarm.method, "Registration/GetEnrolment");
    assert!(!alarm.officer_id.is_empty());
    look_at(&mut counter, &ids[1]).await.expect("again");
    assert_eq!(look::count(&office.sql, ALARMS).await, 2);
}

#[tokio::test]
async fn writes_and_streams_have_their_buckets() {
    let few = Rate {
        per_minute: NonZeroU32::MIN,
        burst: NonZeroU32::new(3).expect("not nought"),
    };
    let quotas = Quotas {
        writes: few,
        streams: few,
        ..Quotas::default()
    };
    let office = Office::open_as(Timing::default(), quotas).await;
    let mut counter = office.client(0, COUNTER).await;
    let submit = || proto::SubmitPrintRequestsRequest {
        request_id: request_id(),
        ..proto::SubmitPrintRequestsRequest::default()
    };
    let mut codes = Vec::new();
    for _ in 0..4 {
        let answer = counter.print_queue.submit_print_requests(submit()).await;
        codes.push(answer.expect_err("it is empty"));
    }
    assert!(
        codes[..3]
            .iter()
            .all(|status| status.code() == Code::InvalidArgument)
    );
    let (of, wait) = refused(&codes[3]);
    assert_eq!(of, "terminal");
    assert!(wait > std::time::Duration::from_secs(30), "{wait:?}");
    for _ in 0..3 {
        let stream = counter
            .print_queue
            .watch_queue(proto::WatchQueueRequest::default());
        drop(stream.await.expect("a stream"));
    }
    let stream = counter
        .print_queue
        .watch_queue(proto::WatchQueueRequest::default());
    let status = stream.await.expect_err("one too many");
    assert_eq!(refused(&status).0, "terminal");
}
