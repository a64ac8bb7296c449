//! WatchStock: every blank of the district from the day it is sent on its way until its card is with the holder.

use ektp::proto::{self, CustodyState};

use super::{
    follower::{Follower, Stock, Stocked},
    shows_its_own_district_and_no_other,
};
use crate::support::{
    office::{Client, Office, request_id},
    stream::quick,
};

type Stocks = Follower<Stock>;

fn all(first: i64, last: i64, state: CustodyState) -> Stocked {
    (first..=last)
        .map(|serial| (serial, ("35.75".to_owned(), state)))
        .collect()
}

fn run(first: i64, last: i64) -> Vec<proto::SerialRange> {
    vec![proto::SerialRange { first, last }]
}

/// Sends blanks from the maker on their way to Kota Pasuruan; answers the shipment.
async fn send(store: &mut Client, first: i64, last: i64) -> String {
    let delivery = proto::RegisterDeliveryRequest {
        request_id: request_id(),
        document_number: format!("BA-{first}"),
        serials: run(first, last),
    };
    let delivered = store.inventory.register_delivery(delivery).await;
    delivered.expect("the maker's delivery");
    let dispatch = proto::DispatchShipmentRequest {
        request_id: request_id(),
        destination: "35.75".to_owned(),
        document_number: format!("SJ-{first}"),
        serials: run(first, last),
        origin: String::new(),
        blank_request_id: String::new(),
    };
    let sent = store.inventory.dispatch_shipment(dispatch).await;
    let sent = sent.expect("a dispatch").into_inner();
    sent.shipment.expect("a shipment").shipment_id
}

#[tokio::test]
async fn a_districts_stock_is_a_picture_and_then_every_movement_in_its_state() {
    let office = Office::open_with(quick()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut store = office.centre("store").await;
    let mut follower = Stocks::follow(&mut terminal).await;
    assert_eq!(follower.picture, Stocked::new());
    let shipment = send(&mut store, 1, 10).await;
    follower.change().await;
    assert_eq!(follower.picture, all(1, 10, CustodyState::InTransit));
    let receipt = proto::ReceiveShipmentRequest {
        request_id: request_id(),
        shipment_id: shipment,
        serials: run(1, 8),
        document_number: "BAST-1".to_owned(),
    };
    let received = terminal.inventory.receive_shipment(receipt).await;
    let revision = received.expect("a receipt").into_inner().committed_revision;
    let change = follower.change().await;
    assert_eq!(change.revision, revision);
    let mut expected = all(1, 8, CustodyState::InStock);
    expected.extend(all(9, 10, CustodyState::Disputed));
    assert_eq!(follower.picture, expected);
    // One blank becomes a card at the site, and goes to its holder.
    office.queued("35.75", 1).await;
    let leases = terminal.lease(1).await.leases;
    terminal.bind(&leases, 3).await;
    follower.change().await;
    assert_eq!(follower.picture[&3].1, CustodyState::Bound);
    terminal.report(&leases, 3).await;
    follower.change().await;
    assert_eq!(follower.picture[&3].1, CustodyState::AtSite);
    let card = terminal.awaiting().await.remove(0);
    let challenge = terminal.challenge(&card).await;
    let handed = terminal.complete_handover(&challenge, true).await;
    handed.expect("the holder was matched");
    let handed = follower.change().await;
    assert_eq!(handed.entries[0].state(), CustodyState::HandedOver);
    expected.remove(&3);
    assert_eq!(follower.picture, expected, "a card with its holder is gone");
    // What the changes led to is what a picture shows.
    let mut other = office.terminal("35.75/35.75.02/2").await;
    let mut fresh = Stocks::follow(&mut other).await;
    assert_eq!(fresh.picture, expected);
    assert_eq!(fresh.topic_revision, follower.topic_revision);
    send(&mut store, 11, 12).await;
    assert_eq!(fresh.change().await, follower.change().await);
}

#[tokio::test]
async fn the_centres_store_follows_a_district_to_which_it_sends() {
    let office = Office::open_with(quick()).await;
    let mut store = office.centre("store").await;
    let watched = Stocks::open(&mut store, "35.75", &[]).await;
    let mut watched = watched.expect("any district");
    watched.snapshot().await;
    send(&mut store, 1, 3).await;
    watched.change().await;
    assert_eq!(watched.picture, all(1, 3, CustodyState::InTransit));
}

#[tokio::test]
async fn a_follower_of_the_stock_goes_on_without_a_gap() {
    let office = Office::open_with(quick()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    office.stock("35.75", 1, 5).await;
    let follower = Stocks::follow(&mut terminal).await;
    office.stock("35.75", 6, 9).await;
    let mut follower = follower.resumed(&mut terminal).await;
    let revision = follower.topic_revision + 2;
    assert_eq!(follower.changes_to(revision).await.len(), 2);
    assert_eq!(follower.picture, all(1, 9, CustodyState::InStock));
}

#[tokio::test]
async fn a_run_longer_than_a_message_may_carry_is_shown_in_several() {
    let office = Office::open_with(quick()).await;
    sqlx::raw_sql("insert into custody values ('[1,2500000]', 3575, 'IN_STOCK'), ('[3000000,3000000]', 357502, 'IN_STOCK')")
        .execute(&office.sql)
        .await
        .expect("the store is full");
    let mut terminal = office.terminal("35.75/office/1").await;
    let follower = Stocks::follow(&mut terminal).await;
    assert_eq!(follower.picture.len(), 2_500_001);
    assert_eq!(follower.picture[&3_000_000].0, "35.75.02");
}

#[tokio::test]
async fn a_terminal_follows_the_stock_of_its_own_district_and_of_no_other() {
    shows_its_own_district_and_no_other::<Stock>().await;
}
