//! Deliveries, dispatches and receipts: what comes in, goes on, is missing, or is asked for twice.

use ektp::proto::{self, ShipmentState};
use tokio::sync::Barrier;
use tonic::Code;

use super::{Blanks, assert_conserved, assert_same, metadata, runs};
use crate::support::office::{MORNING, Office, reason, request_id, violated_fields};

#[tokio::test]
async fn s0_2_service_opens_the_day_the_blanks_arrive() {
    let office = Office::open().await;
    office.queued("35.75", 2).await;
    let mut store = office.centre("store").await;
    let mut terminal = office.terminal("35.75/office/1").await;
    store.deliver(&[(1, 2)]).await.expect("the maker's");
    let sent = store.dispatch("35.75", &[(1, 2)]).await.expect("sent");
    let before = terminal.lease(2).await;
    assert_eq!(before.leases.len(), 0, "what is on its way is not there");
    assert_eq!(before.short_side(), proto::ShortSide::Blanks);
    office.clock.set(MORNING + time::Duration::days(1));
    let received = terminal.receive(&sent.shipment_id, &[(1, 2)]).await;
    received.expect("a receipt");
    let leases = terminal.lease(2).await.leases;
    assert_eq!(leases.len(), 2);
    terminal.bind(&leases, 1).await;
    terminal.report(&leases, 1).await;
    assert_eq!(terminal.awaiting().await.len(), 2, "the same day");
}

#[tokio::test]
async fn s0_1_eight_thousand_blanks_come_from_the_ministry_to_the_office() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let entered = store
        .deliver(&[(1, 8000)])
        .await
        .expect("the maker's delivery");
    assert_eq!((entered.quantity, entered.committed_revision), (8000, 1));
    let sent = store
        .dispatch("35.75", &[(1, 8000)])
        .await
        .expect("a dispatch");
    assert_eq!(sent.state(), ShipmentState::Dispatched);
    assert_eq!(
        (sent.origin.as_str(), sent.destination.as_str()),
        ("centre", "35.75")
    );
    assert!(sent.receive_time.is_none());

    let before = terminal.account("").await.expect("the account");
    assert_eq!(before.due_in, std::slice::from_ref(&sent));
    let stock = before.stock.expect("an account");
    assert_eq!(
        (stock.location.as_str(), stock.in_transit, stock.in_stock),
        ("35.75", 8000, 0)
    );

    let receipt = terminal
        .receive(&sent.shipment_id, &[(1, 8000)])
        .await
        .expect("a receipt");
    // The district's ledger: the dispatch, and now the receipt.
    assert_eq!(receipt.committed_revision, 2);
    let received = receipt.shipment.expect("a shipment");
    assert_eq!(received.state(), ShipmentState::Received);
    assert_eq!(
        (received.dispatched_quantity, received.received_quantity),
        (8000, 8000)
    );
    assert!(received.receive_time.is_some());
    let after = terminal.account("35.75").await.expect("the account");
    assert_eq!(after.due_in, []);
    let stock = after.stock.expect("an account");
    assert_eq!(
        (stock.received, stock.in_stock, stock.in_transit),
        (8000, 8000, 0)
    );
}

/// S4-1: ten thousand blanks from the ministry, in two boxes that are received as one run.
#[tokio::test]
async fn ten_thousand_blanks_in_two_boxes_are_one_receipt() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    store
        .deliver(&[(5001, 10_000), (1, 5000)])
        .await
        .expect("a delivery");
    let sent = store
        .dispatch("35.75", &[(1, 5000), (5001, 10_000)])
        .await
        .expect("a dispatch");
    assert_eq!(sent.serials, runs(&[(1, 10_000)]));
    let mut terminal = office.terminal("35.75/office/1").await;
    terminal
        .receive(&sent.shipment_id, &[(5001, 10_000), (1, 5000)])
        .await
        .expect("a receipt");
    assert_eq!(terminal.stock_of("").await.in_stock, 10_000);
    let held: i64 = sqlx::query_scalar("select count(*) from custody")
        .fetch_one(&office.sql)
        .await
        .expect("the table can be read");
    assert_eq!(held, 1, "one account holds one run");
}

#[tokio::test]
async fn malformed_ranges_are_all_named() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    let refused = store
        .deliver(&[(5, 1), (-3, 7), (10, 20), (20, 30), (1, 3_000_000)])
        .await
        .expect_err("malformed");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::InvalidArgument, "INVALID_FIELDS")
    );
    assert_eq!(
        violated_fields(&refused),
        ["serials[0]", "serials[1]", "serials[4]", "serials[3]"]
    );
    assert_eq!(
        store.stock_of("centre").await,
        proto::Stock {
            location: "centre".to_owned(),
            ..Default::default()
        }
    );
}

#[tokio::test]
async fn no_serial_is_registered_twice() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    store.deliver(&[(1, 100)]).await.expect("a delivery");
    store
        .dispatch("35.75", &[(41, 60)])
        .await
        .expect("a dispatch");
    let refused = store
        .deliver(&[(200, 300), (51, 150)])
        .await
        .expect_err("registered before");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::AlreadyExists, "SERIALS_ALREADY_REGISTERED")
    );
    assert_eq!(
        (
            metadata(&refused)["first"].as_str(),
            metadata(&refused)["last"].as_str()
        ),
        ("51", "100")
    );
    assert_eq!(
        store.stock_of("centre").await.received,
        100,
        "nothing of a refused delivery is entered"
    );
}

#[tokio::test]
async fn blanks_that_the_centre_does_not_have_are_not_sent() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    store.deliver(&[(1, 100)]).await.expect("a delivery");
    store
        .dispatch("35.14", &[(31, 40)])
        .await
        .expect("a dispatch");
    let refused = store
        .dispatch("35.75", &[(1, 10), (21, 50)])
        .await
        .expect_err("partly gone");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "BLANKS_NOT_IN_STOCK")
    );
    assert_eq!(
        (
            metadata(&refused)["first"].as_str(),
            metadata(&refused)["last"].as_str()
        ),
        ("31", "40")
    );
    assert_eq!(
        store.stock_of("35.75").await.in_transit,
        0,
        "nothing of a refused dispatch is sent"
    );
}

#[tokio::test]
async fn the_centre_sends_to_offices_that_exist_only() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    store.deliver(&[(1, 100)]).await.expect("a delivery");
    for (place, code, why) in [
        ("99.99", Code::NotFound, "LOCATION_NOT_FOUND"),
        ("35.75/hopper/1", Code::NotFound, "LOCATION_NOT_FOUND"),
        ("35.75.02", Code::FailedPrecondition, "ROUTE_NOT_ALLOWED"),
        ("centre", Code::FailedPrecondition, "ROUTE_NOT_ALLOWED"),
    ] {
        let refused = store.dispatch(place, &[(1, 10)]).await.expect_err(place);
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (code, why),
            "{place}"
        );
    }
}

#[tokio::test]
async fn what_is_missing_at_receipt_goes_to_the_dispute_account() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    let mut terminal = office.terminal("35.75/office/1").await;
    store.deliver(&[(1, 1000)]).await.expect("a delivery");
    let sent = store
        .dispatch("35.75", &[(1, 500), (601, 800)])
        .await
        .expect("a dispatch");
    let receipt = terminal
        .receive(&sent.shipment_id, &[(1, 490), (601, 795)])
        .await
        .expect("a receipt");
    let received = receipt.shipment.expect("a shipment");
    assert_eq!(received.state(), ShipmentState::ReceivedWithDifferences);
    assert_eq!(received.received_quantity, 685);
    let stock = terminal.stock_of("").await;
    assert_eq!(
        (
            stock.received,
            stock.in_stock,
            stock.disputed,
            stock.in_transit
        ),
        (700, 685, 15, 0)
    );
    for serial in [491, 500, 796] {
        let found = terminal.locate(serial).await.expect("it is the district's");
        assert_eq!(found.state(), proto::CustodyState::Disputed, "{serial}");
        assert_eq!(
            found.movements.last().map(|m| m.kind()),
            Some(proto::MovementKind::Disputed)
        );
    }
    assert_conserved(&office, &["35.75"], "a receipt with differences").await;
}

#[tokio::test]
async fn a_shipment_is_received_once() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    let mut terminal = office.terminal("35.75/office/1").await;
    store.deliver(&[(1, 100)]).await.expect("a delivery");
    let sent = store
        .dispatch("35.75", &[(1, 100)])
        .await
        .expect("a dispatch");
    terminal
        .receive(&sent.shipment_id, &[(1, 90)])
        .await
        .expect("a receipt");
    let refused = terminal
        .receive(&sent.shipment_id, &[(91, 100)])
        .await
        .expect_err("received before");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "SHIPMENT_ALREADY_RECEIVED")
    );
    assert_eq!(terminal.stock_of("").await.in_stock, 90);
}

/// S0-15: the city's own office opens the service, nobody else.
#[tokio::test]
async fn only_the_office_itself_takes_in_its_blanks() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    store.deliver(&[(1, 100)]).await.expect("a delivery");
    let sent = store
        .dispatch("35.75", &[(1, 100)])
        .await
        .expect("a dispatch");
    for (principal, refusal) in [
        (
            "ektp://district/35.75/site/35.75.02/terminal/1",
            "OUTSIDE_SUBDISTRICT",
        ),
        (
            "ektp://district/35.76/site/office/terminal/1",
            "SHIPMENT_NOT_FOUND",
        ),
        ("ektp://province/35", "SHIPMENT_NOT_FOUND"),
        ("ektp://centre/store", "SHIPMENT_NOT_FOUND"),
        ("ektp://centre/matcher", "ROLE_MAY_NOT_CALL"),
        ("ektp://public/website", "ROLE_MAY_NOT_CALL"),
    ] {
        let mut stranger = office.client(0, principal).await;
        let refused = stranger.receive(&sent.shipment_id, &[(1, 100)]).await;
        let status = refused.expect_err("nobody else opens the service");
        assert_eq!(reason(&status), refusal, "{principal}");
    }
    let mut terminal = office.terminal("35.75/office/1").await;
    assert_eq!(terminal.stock_of("").await.in_stock, 0);
    let received = terminal.receive(&sent.shipment_id, &[(1, 100)]).await;
    let shipment = received.expect("the office").shipment;
    assert_eq!(
        shipment.expect("a shipment").state(),
        ShipmentState::Received
    );
}

#[tokio::test]
async fn a_foreign_shipment_looks_like_a_missing_one() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    store.deliver(&[(1, 100)]).await.expect("a delivery");
    let sent = store
        .dispatch("35.14", &[(1, 100)])
        .await
        .expect("a dispatch");
    let mut terminal = office.terminal("35.75/office/1").await;
    let foreign = terminal
        .receive(&sent.shipment_id, &[(1, 100)])
        .await
        .expect_err("foreign");
    let missing = terminal
        .receive(&request_id(), &[(1, 100)])
        .await
        .expect_err("missing");
    assert_eq!(
        (foreign.code(), reason(&foreign).as_str()),
        (Code::NotFound, "SHIPMENT_NOT_FOUND")
    );
    assert_same(&foreign, &missing);
    assert_eq!(store.stock_of("35.14").await.in_transit, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_dispatches_of_the_same_blanks_exactly_one_goes() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    store.deliver(&[(1, 1000)]).await.expect("a delivery");
    for round in 0..10_i64 {
        let first = round * 100 + 1;
        let barrier = Barrier::new(2);
        let send = |to: &'static str, from: i64| {
            let (mut store, barrier) = (store.clone(), &barrier);
            async move {
                barrier.wait().await;
                store.dispatch(to, &[(from, from + 60)]).await
            }
        };
        let (one, other) = tokio::join!(send("35.75", first), send("35.14", first + 30));
        let refused = match (one, other) {
            (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
            (one, other) => panic!("not exactly one went: {one:?}, {other:?}"),
        };
        assert_eq!(reason(&refused), "BLANKS_NOT_IN_STOCK");
    }
    let stock = store.stock_of("centre").await;
    assert_eq!((stock.sent_on, stock.in_stock), (610, 390));
    assert_conserved(&office, &["35.75", "35.14"], "ten races").await;
}
