//! A stream ends with the shift that opened it, and goes on with one that was prolonged in time.

use ektp::proto;
use tokio::time::{Duration, timeout};
use tonic::Code;

use super::{COUNTER, count, sql};
use crate::support::{
    office::{Office, reason, request_id},
    people::{draft, residents},
    stream::quick,
};

/// Longer than the shifts of these tests last, and far shorter than a test may take.
const SOON: Duration = Duration::from_secs(20);

const ENDS_SOON: &str = "update shift set ends_at = clock_timestamp() + interval '3 seconds'";
const PROLONGED: &str = "update shift set ends_at = clock_timestamp() + interval '10 minutes'";

async fn office() -> Office {
    let timing = ektp::feed::Timing {
        bookmark_every: Duration::from_millis(300),
        ..quick()
    };
    Office::open_with(timing).await
}

#[tokio::test]
async fn a_stream_ends_with_its_shift_by_itself_and_says_where_to_go_on() {
    let office = office().await;
    office.shift(COUNTER).await;
    sql(&office, ENDS_SOON).await;
    let mut terminal = office.client(0, COUNTER).await;
    let mut follower = terminal.follow().await;
    let ended = async {
        let mut last = None;
        loop {
            match follower.next().await {
                Ok(Some(message)) => last = Some(message),
                Ok(None) => panic!("it ends with its reason"),
                Err(status) => return (last, status),
            }
        }
    };
    let (last, status) = timeout(SOON, ended).await.expect("it ends");
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(reason(&status), "SHIFT_UNKNOWN");
    let bookmark = matches!(
        last,
        Some(proto::watch_queue_response::Message::Bookmark(_))
    );
    assert!(bookmark, "{last:?}");
}

#[tokio::test]
async fn a_stream_goes_on_under_a_shift_that_was_prolonged() {
    let office = office().await;
    let shift = office.shift(COUNTER).await;
    sql(&office, ENDS_SOON).await;
    let mut terminal = office.client(0, COUNTER).await;
    let mut follower = terminal.follow().await;
    sql(&office, PROLONGED).await;
    // A third of a second apart: the last of them is well behind the first end.
    let bookmarks = async {
        for _ in 0..15 {
            follower.bookmark().await;
        }
    };
    timeout(SOON, bookmarks).await.expect("it goes on");
    let again = office.shift(COUNTER).await;
    assert_eq!(shift, again);
    terminal.follow().await;
}

#[tokio::test]
async fn a_write_of_a_terminal_that_was_revoked_meanwhile_is_refused_by_the_database() {
    let office = office().await;
    let mut terminal = office.client(0, COUNTER).await;
    let people = residents("35.75", 2);
    terminal.enrol(&people[0]).await;
    // Past the server, which does not know yet; and past the approval that it would take.
    sql(
        &office,
        "begin; set local session_replication_role = replica;
         insert into terminal_revocation (approval_id, terminal, district)
         values (gen_random_uuid(), 'ektp://district/35.75/site/office/terminal/1', 3575); commit",
    )
    .await;
    let request = proto::RecordEnrolmentRequest {
        request_id: request_id(),
        enrolment: Some(draft(&people[1])),
    };
    let answer = terminal.registration.record_enrolment(request).await;
    let status = answer.expect_err("it was revoked");
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(reason(&status), "TERMINAL_REVOKED");
    assert_eq!(count(&office, "enrolment").await, 1);
}
