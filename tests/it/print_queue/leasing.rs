//! The order of the queue, and what a lease gives: no more than the queue and the store's blanks allow.

use std::sync::Arc;

use ektp::proto::{self, ApplicantClass, ShortSide};
use time::Duration;
use tokio::{sync::Barrier, task::JoinSet};
use tonic::Code;

use super::{entry, lease_ids, stepped, steps};
use crate::support::{
    cards::until,
    office::{MORNING, Office, reason, request_id, violated_fields},
    people::residents,
};

use ApplicantClass::{DataChange, FirstIssue, Relocation};

#[tokio::test]
async fn s0_11_the_class_goes_first_then_the_enrolments_receipt_then_the_id() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut people = Vec::new();
    // Two arrive in each hour of the morning.
    for (place, person) in (0..).zip(residents("35.75", 6)) {
        office.clock.set(MORNING + Duration::hours(place / 2));
        people.push(terminal.enrol(&person).await);
    }
    let enrolments: Vec<String> = people
        .iter()
        .map(|(enrolment, _)| enrolment.clone())
        .collect();
    terminal.certify(&enrolments).await;
    let mut matcher = office.centre("matcher").await;
    let tasks = matcher.lease_checks(6).await;
    matcher.decide(&tasks, proto::VerdictOutcome::Unique).await;
    // The latest ask first, and the order of asking does not count.
    let classes = [
        DataChange, FirstIssue, Relocation, FirstIssue, FirstIssue, Relocation,
    ];
    let mut asked = Vec::new();
    for place in [5, 4, 3, 2, 1, 0] {
        let answer = terminal
            .ask(&[(&people[place].1, classes[place])], false)
            .await;
        asked.push(
            super::submitted(&answer.results[0])
                .expect("queued")
                .print_request_id
                .clone(),
        );
    }
    asked.reverse();
    let expected: Vec<&String> = [1, 3, 4, 2, 5, 0].map(|place| &asked[place]).into();
    let listed: Vec<String> = terminal
        .queue()
        .await
        .into_iter()
        .map(|request| request.entry.expect("an entry").print_request_id)
        .collect();
    assert_eq!(listed.iter().collect::<Vec<_>>(), expected);
    for (ahead, id) in (0..).zip(&listed) {
        assert_eq!(
            terminal.print_request(id).await.expect("it is here").ahead,
            ahead
        );
    }
    office.stock("35.75", 1, 6).await;
    let first = terminal.lease(4).await;
    let second = terminal.lease(4).await;
    let leased = [lease_ids(&first.leases), lease_ids(&second.leases)].concat();
    assert_eq!(leased, listed);
    assert_eq!(first.short_side(), ShortSide::Unspecified);
    assert_eq!(second.short_side(), ShortSide::Blanks);
}

#[tokio::test]
async fn the_pages_of_the_queue_show_every_request_once_in_its_order() {
    let office = Office::open().await;
    let ids = office.queued("35.75", 7).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    office.stock("35.75", 1, 2).await;
    let leased = terminal.lease(2).await.leases;
    assert_eq!(lease_ids(&leased), ids[..2]);
    let mut request = proto::ListPrintRequestsRequest {
        page_size: 3,
        ..Default::default()
    };
    let mut seen = Vec::new();
    // More pages than that show something twice.
    for _ in 0..=ids.len() {
        let answer = terminal
            .print_queue
            .list_print_requests(request.clone())
            .await;
        let page = answer.expect("the page is answered").into_inner();
        assert!(page.print_requests.len() <= 3);
        seen.extend(
            page.print_requests
                .into_iter()
                .map(|r| r.entry.expect("an entry").print_request_id),
        );
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen, ids);
    let only_leased = proto::ListPrintRequestsRequest {
        state: proto::PrintRequestState::Leased.into(),
        ..Default::default()
    };
    let answer = terminal
        .print_queue
        .list_print_requests(only_leased.clone())
        .await;
    let page = answer
        .expect("the page is answered")
        .into_inner()
        .print_requests;
    assert_eq!(page.len(), 2);
    assert_eq!(
        page[0].lease_holder,
        "ektp://district/35.75/site/office/terminal/1"
    );
    // A token of one list continues no other.
    let foreign = proto::ListPrintRequestsRequest {
        page_token: request.page_token,
        ..only_leased
    };
    let status = terminal.print_queue.list_print_requests(foreign).await;
    assert_eq!(
        violated_fields(&status.expect_err("another list")),
        ["page_token"]
    );
}

#[tokio::test]
async fn the_queue_stops_at_zero_stock_and_keeps_its_order_through_spoilage() {
    let office = Office::open().await;
    let ids = office.queued("35.75", 5).await;
    office.stock("35.75", 1, 3).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let answer = terminal.lease(5).await;
    assert_eq!(lease_ids(&answer.leases), ids[..3]);
    assert_eq!(answer.short_side(), ShortSide::Blanks);
    // What is in stock is spoken for: another terminal gets nothing.
    let mut other = office.terminal("35.75/office/2").await;
    assert_eq!(other.lease(1).await.short_side(), ShortSide::Blanks);

    assert_eq!(
        steps(&terminal.bind(&answer.leases, 1).await),
        ["BOUND", "BOUND", "BOUND"]
    );
    let spoiled = terminal.spoil(&answer.leases[1], 2).await;
    let back = stepped(&spoiled).expect("it is back in the queue");
    let before = entry(&answer.leases[1]);
    assert_eq!((back.attempt, back.serial), (2, 0));
    assert_eq!(back.seniority_time, before.seniority_time);
    let good = [answer.leases[0].clone()];
    assert_eq!(steps(&terminal.report(&good, 1).await), ["PRINTED"]);
    let good = [answer.leases[2].clone()];
    assert_eq!(steps(&terminal.report(&good, 3).await), ["PRINTED"]);

    let stopped = terminal.lease(5).await;
    assert_eq!(
        (stopped.leases.len(), stopped.short_side()),
        (0, ShortSide::Blanks)
    );
    let left: Vec<String> = terminal
        .queue()
        .await
        .into_iter()
        .map(|request| request.entry.expect("an entry").print_request_id)
        .collect();
    assert_eq!(left, [ids[1].as_str(), &ids[3], &ids[4]]);

    office.stock("35.75", 11, 14).await;
    let resumed = terminal.lease(5).await;
    assert_eq!(lease_ids(&resumed.leases), left);
    assert_eq!(resumed.short_side(), ShortSide::Requests);
    assert!(resumed.leases[0].fence > answer.leases[1].fence);
}

#[tokio::test]
async fn a_terminal_leases_from_its_own_stores_only() {
    let office = Office::open().await;
    office.queued("35.75", 1).await;
    office.stock("35.75", 1, 1).await;
    let mut terminal = office.terminal("35.75/35.75.02/1").await;
    let wish = |location: &str| proto::LeasePrintRequestsRequest {
        request_id: request_id(),
        count: 1,
        location: location.to_owned(),
    };
    for location in ["centre", "35.73", "35.75.03", "35.75.99"] {
        let status = terminal
            .print_queue
            .lease_print_requests(wish(location))
            .await;
        let status = status.expect_err("it is not the terminal's");
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::NotFound, "LOCATION_NOT_FOUND")
        );
    }
    // Its own store is there, and empty; the district's has the blank.
    let answer = terminal
        .print_queue
        .lease_print_requests(wish("35.75.02"))
        .await;
    let answer = answer.expect("it is the terminal's").into_inner();
    assert_eq!(
        (answer.leases.len(), answer.short_side()),
        (0, ShortSide::Blanks)
    );
    let answer = terminal
        .print_queue
        .lease_print_requests(wish("35.75"))
        .await;
    assert_eq!(
        answer
            .expect("it is the district's")
            .into_inner()
            .leases
            .len(),
        1
    );
    for count in [0, 101] {
        let request = proto::LeasePrintRequestsRequest {
            count,
            ..wish("somewhere")
        };
        let status = terminal.print_queue.lease_print_requests(request).await;
        let fields = violated_fields(&status.expect_err("it is malformed"));
        assert_eq!(fields, ["count", "location"]);
    }
}

#[tokio::test]
async fn an_expired_lease_gives_the_place_back_and_the_next_terminal_takes_it() {
    let office = Office::open().await;
    let ids = office.queued("35.75", 2).await;
    office.stock("35.75", 1, 1).await;
    let mut slow = office.terminal("35.75/office/1").await;
    let lease = slow.lease(1).await.leases.swap_remove(0);
    office.let_run_out(&lease).await;
    until("the chore gives the place back", async || {
        slow.standing(&ids[0]).await == "QUEUED"
    })
    .await;
    let mut quick = office.terminal("35.75/office/2").await;
    let again = quick.lease(1).await.leases.swap_remove(0);
    assert_eq!(entry(&again).print_request_id, ids[0]);
    assert_eq!(entry(&again).seniority_time, entry(&lease).seniority_time);
    assert!(again.fence > lease.fence);
    assert_eq!(steps(&slow.bind(&[lease], 1).await), ["FENCED"]);
    assert_eq!(steps(&quick.bind(&[again], 1).await), ["BOUND"]);
}

#[tokio::test]
async fn terminals_that_lease_at_once_never_share_a_request_nor_outrun_the_stock() {
    let office = Office::open().await;
    let ids = office.queued("35.75", 20).await;
    office.stock("35.75", 1, 13).await;
    let barrier = Arc::new(Barrier::new(4));
    let mut leasing = JoinSet::new();
    for subdistrict in ["35.75.01", "35.75.02", "35.75.03", "35.75.04"] {
        let mut terminal = office.terminal(&format!("35.75/{subdistrict}/1")).await;
        let barrier = Arc::clone(&barrier);
        leasing.spawn(async move {
            barrier.wait().await;
            lease_ids(&terminal.lease(5).await.leases)
        });
    }
    let mut leased = leasing.join_all().await.concat();
    leased.sort();
    let mut first: Vec<String> = ids[..13].to_vec();
    first.sort();
    assert_eq!(leased, first, "the first thirteen, each once");
}
