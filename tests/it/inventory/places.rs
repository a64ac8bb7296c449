//! Units that a store fills and printers lease from, and the list of an office's shipments.

use ektp::proto::{self, ShipmentDirection, ShipmentState, UnitKind};
use tonic::Status;

use super::{Blanks, assert_conserved};
use crate::support::{
    office::{Client, Office, reason, request_id},
    people::key,
};

async fn open(client: &mut Client, filled_by: &str, kind: UnitKind) -> Result<String, Status> {
    let request = proto::OpenLocationRequest {
        request_id: request_id(),
        kind: kind.into(),
        filled_by: filled_by.to_owned(),
    };
    let answer = client.inventory.open_location(request).await?;
    Ok(answer.into_inner().location)
}

#[tokio::test]
async fn a_store_fills_its_printers_hopper_and_the_printer_leases_from_it() {
    let office = Office::open().await;
    office.stock("35.75", 1, 100).await;
    office.queued("35.75", 2).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let hopper = open(&mut terminal, "", UnitKind::Hopper).await;
    assert_eq!(hopper.expect("the first"), "35.75/hopper/1");
    let sent = terminal.dispatch("35.75/hopper/1", &[(1, 10)]).await;
    let sent = sent.expect("a dispatch").shipment_id;
    // One person does both: it is the same store.
    terminal
        .receive(&sent, &[(1, 10)])
        .await
        .expect("a receipt");
    let request = proto::LeasePrintRequestsRequest {
        request_id: request_id(),
        count: 2,
        location: "35.75/hopper/1".to_owned(),
    };
    let answer = terminal.print_queue.lease_print_requests(request).await;
    let leases = answer.expect("a lease").into_inner().leases;
    assert_eq!(leases.len(), 2);
    assert_eq!(key(&leases[0]).fence, leases[0].fence);
    terminal.bind(&leases, 1).await;
    terminal.report(&leases, 1).await;
    let stock = terminal.stock_of("35.75/hopper/1").await;
    assert_eq!((stock.received, stock.in_stock, stock.at_site), (10, 8, 2));
    assert_conserved(&office, &["35.75", "35.75/hopper/1"], "two prints").await;
}

#[tokio::test]
async fn units_are_numbered_by_store_and_kind_however_many_ask() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let asked = (0..8).map(|_| {
        let mut terminal = terminal.clone();
        async move { open(&mut terminal, "35.75.02", UnitKind::Mobile).await }
    });
    let mut units: Vec<String> = futures::future::join_all(asked)
        .await
        .into_iter()
        .map(|unit| unit.expect("each gets one"))
        .collect();
    units.sort();
    let expected: Vec<String> = (1..=8).map(|n| format!("35.75.02/mobile/{n}")).collect();
    assert_eq!(units, expected);
    let hopper = open(&mut terminal, "35.75.02", UnitKind::Hopper).await;
    assert_eq!(hopper.expect("another kind"), "35.75.02/hopper/1");
    let nested = open(&mut terminal, "35.75.02/hopper/1", UnitKind::Hopper).await;
    assert_eq!(reason(&nested.expect_err("no store")), "NO_UNITS_THERE");
    let mut neighbour = office.terminal("35.76/office/1").await;
    let foreign = open(&mut neighbour, "35.75", UnitKind::Hopper).await;
    assert_eq!(reason(&foreign.expect_err("foreign")), "LOCATION_NOT_FOUND");

    let mut listed = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = proto::ListLocationsRequest {
            page_size: 5,
            page_token,
        };
        let answer = terminal.inventory.list_locations(request).await;
        let page = answer.expect("a page").into_inner();
        listed.extend(page.locations.into_iter().map(|place| place.location));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let mut places: Vec<String> = ["35.75", "35.75.01", "35.75.02", "35.75.03", "35.75.04"]
        .map(str::to_owned)
        .to_vec();
    places.push("35.75.02/hopper/1".to_owned());
    places.extend(expected);
    assert_eq!(listed, places);
}

async fn listed(
    client: &mut Client,
    direction: ShipmentDirection,
    state: ShipmentState,
) -> Vec<proto::Shipment> {
    let request = proto::ListShipmentsRequest {
        direction: direction.into(),
        state: state.into(),
        page_size: 1,
        page_token: String::new(),
    };
    let mut shipments = Vec::new();
    let mut next = request.clone();
    loop {
        let answer = client.inventory.list_shipments(next).await;
        let page = answer.expect("a page").into_inner();
        shipments.extend(page.shipments);
        if page.next_page_token.is_empty() {
            return shipments;
        }
        next = proto::ListShipmentsRequest {
            page_token: page.next_page_token,
            ..request.clone()
        };
    }
}

#[tokio::test]
async fn an_office_lists_what_it_sent_and_what_it_was_sent() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    let mut terminal = office.terminal("35.75/office/1").await;
    store.deliver(&[(1, 1000)]).await.expect("a delivery");
    let first = store.dispatch("35.75", &[(1, 100)]).await.expect("first");
    terminal
        .receive(&first.shipment_id, &[(1, 100)])
        .await
        .expect("a receipt");
    let second = store
        .dispatch("35.75", &[(101, 200)])
        .await
        .expect("second");
    let onward = terminal
        .dispatch("35.75.02", &[(1, 10)])
        .await
        .expect("third");
    store
        .dispatch("35.14", &[(201, 300)])
        .await
        .expect("another's");

    let ids = |shipments: &[proto::Shipment]| -> Vec<String> {
        shipments
            .iter()
            .map(|one| one.shipment_id.clone())
            .collect()
    };
    let (any, any_state) = (ShipmentDirection::Unspecified, ShipmentState::Unspecified);
    let all = listed(&mut terminal, any, any_state).await;
    let newest_first = [&onward, &second, &first].map(|one| one.shipment_id.clone());
    assert_eq!(ids(&all), newest_first);
    let outgoing = listed(&mut terminal, ShipmentDirection::Out, any_state).await;
    assert_eq!(ids(&outgoing), newest_first[..1]);
    // What goes from one of its stores to another comes in, too.
    let incoming = listed(&mut terminal, ShipmentDirection::In, any_state).await;
    assert_eq!(ids(&incoming), newest_first);
    let received = listed(&mut terminal, any, ShipmentState::Received).await;
    assert_eq!(ids(&received), newest_first[2..]);
    assert_eq!(received[0].dispatched_by, first.dispatched_by);
    assert_ne!(received[0].received_by, received[0].dispatched_by);
    assert_eq!(
        (first.received_by.as_str(), second.received_by.as_str()),
        ("", "")
    );
    assert_eq!(listed(&mut store, any, any_state).await.len(), 3);
    let mut neighbour = office.terminal("35.76/office/1").await;
    assert_eq!(listed(&mut neighbour, any, any_state).await, []);
}
