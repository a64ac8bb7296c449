//! Requests for blanks: asked by a district, decided at the centre or by the province, fulfilled by shipments.

use ektp::proto::{
    self, BlankRequest, BlankRequestRoute, BlankRequestState,
    decide_blank_request_request::Decision,
};
use time::Duration;
use tonic::{Code, Status};

use super::{Blanks as _, assert_same, metadata, runs};
use crate::support::office::{Client, MORNING, Office, reason, request_id};

use BlankRequestRoute::{Direct, Province};

impl Client {
    async fn ask_for(
        &mut self,
        quantity: u64,
        route: BlankRequestRoute,
    ) -> Result<BlankRequest, Status> {
        let request = proto::RequestBlanksRequest {
            request_id: request_id(),
            quantity,
            route: route.into(),
        };
        let answer = self.inventory.request_blanks(request).await?.into_inner();
        Ok(answer.blank_request.expect("a request"))
    }

    async fn decide_request(
        &mut self,
        id: &str,
        decision: Decision,
    ) -> Result<BlankRequest, Status> {
        let request = proto::DecideBlankRequestRequest {
            request_id: request_id(),
            blank_request_id: id.to_owned(),
            decision: Some(decision),
        };
        let answer = self.inventory.decide_blank_request(request).await?;
        Ok(answer.into_inner().blank_request.expect("a request"))
    }

    async fn grant(&mut self, id: &str, quantity: u64) -> Result<BlankRequest, Status> {
        let grant = proto::BlankGrant {
            quantity,
            collection_date: "2017-04-21".to_owned(),
        };
        self.decide_request(id, Decision::Grant(grant)).await
    }

    async fn take_back(&mut self, id: &str) -> Result<BlankRequest, Status> {
        let request = proto::WithdrawBlankRequestRequest {
            request_id: request_id(),
            blank_request_id: id.to_owned(),
        };
        let answer = self.inventory.withdraw_blank_request(request).await?;
        Ok(answer.into_inner().blank_request.expect("a request"))
    }

    pub(super) async fn asked(&mut self, state: BlankRequestState) -> Vec<BlankRequest> {
        let request = proto::ListBlankRequestsRequest {
            state: state.into(),
            page_size: 500,
            page_token: String::new(),
        };
        let answer = self.inventory.list_blank_requests(request).await;
        answer.expect("a page").into_inner().blank_requests
    }

    async fn send_for(
        &mut self,
        id: &str,
        destination: &str,
        ends: &[(i64, i64)],
    ) -> Result<proto::Shipment, Status> {
        let request = proto::DispatchShipmentRequest {
            request_id: request_id(),
            destination: destination.to_owned(),
            document_number: "SJ-9/2017".to_owned(),
            serials: runs(ends),
            origin: String::new(),
            blank_request_id: id.to_owned(),
        };
        let answer = self
            .inventory
            .dispatch_shipment(request)
            .await?
            .into_inner();
        Ok(answer.shipment.expect("a shipment"))
    }
}

/// The one request that is shown.
async fn shown(client: &mut Client) -> BlankRequest {
    let mut all = client.asked(BlankRequestState::Unspecified).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[tokio::test]
async fn s2_10_a_city_asks_the_centre_and_its_province_is_informed() {
    let office = Office::open().await;
    let mut city = office.terminal("16.71/office/1").await;
    let mut province = office.client(0, "ektp://province/16").await;
    let mut store = office.centre("store").await;
    let asked = city.ask_for(50_000, Direct).await.expect("a request");
    let id = asked.blank_request_id.clone();
    assert_eq!(asked.state(), BlankRequestState::Requested);
    assert_eq!(asked.cause(), proto::BlankRequestCause::Office);
    assert_eq!(
        shown(&mut province).await,
        asked,
        "the province is informed"
    );
    let refused = province.grant(&id, 1).await.expect_err("not its to decide");
    assert_eq!(reason(&refused), "BLANK_REQUEST_DECIDED_ELSEWHERE");
    let twice = city.ask_for(1, Direct).await.expect_err("one at a time");
    assert_eq!(reason(&twice), "BLANK_REQUEST_OPEN");
    assert_eq!(metadata(&twice)["blank_request_id"], id);

    let more = store.grant(&id, 50_001).await.expect_err("more than asked");
    assert_eq!(reason(&more), "MORE_THAN_ASKED");
    office.clock.set(MORNING + Duration::days(1));
    let granted = store.grant(&id, 10_000).await.expect("often less");
    assert_eq!(granted.state(), BlankRequestState::Granted);
    assert_eq!(
        (granted.quantity, granted.granted_quantity),
        (50_000, 10_000)
    );
    assert_eq!(granted.collection_date, "2017-04-21");
    assert_eq!(
        granted.decide_time.expect("decided").seconds - asked.request_time.expect("asked").seconds,
        86_400,
        "the time that it took is there to see"
    );
    assert_eq!(shown(&mut city).await, granted);
    let again = store.grant(&id, 10_000).await.expect_err("decided once");
    assert_eq!(reason(&again), "BLANK_REQUEST_NOT_OPEN");
    assert_eq!(metadata(&again)["state"], "GRANTED");
}

#[tokio::test]
async fn what_was_granted_is_sent_in_parts_until_it_is_fulfilled() {
    let office = Office::open().await;
    let mut city = office.terminal("16.71/office/1").await;
    let mut province = office.client(0, "ektp://province/16").await;
    let mut store = office.centre("store").await;
    store.deliver(&[(1, 20_000)]).await.expect("a delivery");
    let id = city.ask_for(50_000, Direct).await.expect("a request");
    let id = id.blank_request_id;
    let early = store.send_for(&id, "16.71", &[(1, 10)]).await;
    assert_eq!(
        reason(&early.expect_err("not granted")),
        "BLANK_REQUEST_NOT_OPEN"
    );
    store.grant(&id, 10_000).await.expect("a grant");
    let wrong = store.send_for(&id, "16.01", &[(1, 10)]).await;
    assert_eq!(reason(&wrong.expect_err("another's")), "ROUTE_NOT_ALLOWED");
    let part = store.send_for(&id, "16.71", &[(1, 4_000)]).await;
    assert_eq!(part.expect("a part").blank_request_id, id);
    let late = city.take_back(&id).await.expect_err("on its way");
    assert_eq!(reason(&late), "BLANK_REQUEST_NOT_OPEN");
    let more = store.send_for(&id, "16.71", &[(4_001, 10_001)]).await;
    let more = more.expect_err("more than granted");
    assert_eq!(reason(&more), "MORE_THAN_ASKED");
    assert_eq!(metadata(&more)["have"], "6000");
    let rest = store.send_for(&id, "16.71", &[(4_001, 10_000)]).await;
    let rest = rest.expect("the rest").shipment_id;
    assert_eq!(
        shown(&mut store).await.state(),
        BlankRequestState::Fulfilled
    );

    // Taken back, it is open again.
    let cancel = proto::CancelShipmentRequest {
        request_id: request_id(),
        shipment_id: rest,
        document_number: "BA-9/2017".to_owned(),
    };
    store
        .inventory
        .cancel_shipment(cancel)
        .await
        .expect("not received yet");
    let open = shown(&mut store).await;
    assert_eq!(open.state(), BlankRequestState::Granted);
    assert_eq!(open.dispatched_quantity, 4_000);
    let rest = store.send_for(&id, "16.71", &[(10_001, 16_000)]).await;
    let rest = rest.expect("other ones").shipment_id;
    city.receive(&rest, &[(10_001, 16_000)])
        .await
        .expect("a receipt");
    for client in [&mut city, &mut province, &mut store] {
        let seen = shown(client).await;
        assert_eq!(seen.state(), BlankRequestState::Fulfilled);
        let sums = (seen.dispatched_quantity, seen.received_quantity);
        assert_eq!(sums, (10_000, 6_000), "the province sees it too");
        assert!(seen.dispatch_time.is_some() && seen.receive_time.is_some());
    }
    city.ask_for(40_000, Direct)
        .await
        .expect("what was fulfilled is not open");
}

#[tokio::test]
async fn s2_11_through_the_province_the_province_decides_and_sends() {
    let office = Office::open().await;
    let mut city = office.terminal("16.71/office/1").await;
    let mut province = office.client(0, "ektp://province/16").await;
    let mut store = office.centre("store").await;
    store.deliver(&[(1, 1_000)]).await.expect("a delivery");
    let sent = store
        .dispatch("16", &[(1, 1_000)])
        .await
        .expect("a dispatch");
    province
        .receive(&sent.shipment_id, &[(1, 1_000)])
        .await
        .expect("a receipt");
    let asked = city.ask_for(800, Province).await.expect("a request");
    let id = asked.blank_request_id;
    let refused = store.grant(&id, 800).await.expect_err("the province's");
    assert_eq!(reason(&refused), "BLANK_REQUEST_DECIDED_ELSEWHERE");
    province.grant(&id, 500).await.expect("a grant");
    province
        .send_for(&id, "16.71", &[(1, 500)])
        .await
        .expect("the province sends");
    assert_eq!(shown(&mut city).await.state(), BlankRequestState::Fulfilled);
}

#[tokio::test]
async fn a_request_is_refused_with_a_reason_or_withdrawn_and_then_asked_anew() {
    let office = Office::open().await;
    let mut city = office.terminal("16.71/office/1").await;
    let mut desk = office.centre("policy").await;
    let id = city.ask_for(500, Direct).await.expect("a request");
    let reason_of_it = Decision::Refusal("the centre has none until May".to_owned());
    let refused = desk
        .decide_request(&id.blank_request_id, reason_of_it)
        .await;
    let refused = refused.expect("a refusal");
    assert_eq!(refused.state(), BlankRequestState::Refused);
    assert_eq!(refused.refusal, "the centre has none until May");
    let id = city
        .ask_for(400, Direct)
        .await
        .expect("anew")
        .blank_request_id;
    desk.grant(&id, 400).await.expect("a grant");
    let withdrawn = city.take_back(&id).await.expect("nothing was sent");
    assert_eq!(withdrawn.state(), BlankRequestState::Withdrawn);
    let again = city.take_back(&id).await.expect_err("once");
    assert_eq!(reason(&again), "BLANK_REQUEST_NOT_OPEN");
    let past = proto::BlankGrant {
        quantity: 1,
        collection_date: "2017-04-17".to_owned(),
    };
    let past = desk.decide_request(&id, Decision::Grant(past)).await;
    assert_eq!(past.expect_err("yesterday").code(), Code::InvalidArgument);
    for (state, count) in [
        (BlankRequestState::Unspecified, 2),
        (BlankRequestState::Requested, 0),
        (BlankRequestState::Granted, 0),
        (BlankRequestState::Fulfilled, 0),
        (BlankRequestState::Refused, 1),
        (BlankRequestState::Withdrawn, 1),
    ] {
        assert_eq!(city.asked(state).await.len(), count, "{state:?}");
    }
}

#[tokio::test]
async fn a_foreign_request_looks_like_a_missing_one() {
    let office = Office::open().await;
    let mut city = office.terminal("16.71/office/1").await;
    let asked = city.ask_for(500, Province).await.expect("a request");
    let id = asked.blank_request_id.as_str();
    let nowhere = request_id();
    let mut neighbour = office.terminal("16.01/office/1").await;
    assert_same(
        &neighbour.take_back(id).await.expect_err("foreign"),
        &neighbour.take_back(&nowhere).await.expect_err("missing"),
    );
    let mut other = office.client(0, "ektp://province/35").await;
    let foreign = other.grant(id, 1).await.expect_err("foreign");
    assert_same(
        &foreign,
        &other.grant(&nowhere, 1).await.expect_err("missing"),
    );
    assert_eq!(foreign.code(), Code::NotFound);
    for client in [&mut neighbour, &mut other] {
        assert_eq!(client.asked(BlankRequestState::Unspecified).await, []);
    }
    let mut limited = office.terminal("16.71/16.71.02/1").await;
    for refused in [
        limited.ask_for(1, Direct).await,
        limited.take_back(id).await,
    ] {
        assert_eq!(
            reason(&refused.expect_err("limited")),
            "OUTSIDE_SUBDISTRICT"
        );
    }
    assert_eq!(shown(&mut city).await.state(), BlankRequestState::Requested);
}

#[tokio::test]
async fn the_backlog_is_counted_when_the_request_is_made() {
    let office = Office::open().await;
    let ready = office.print_ready("35.75", 5).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let residents: Vec<String> = ready.iter().map(|(_, id)| id.clone()).take(3).collect();
    terminal.submit(&residents).await;
    office.stock("35.75", 1, 10).await;
    let mut store = office.centre("store").await;
    store.deliver(&[(11, 20)]).await.expect("a delivery");
    store
        .dispatch("35.75", &[(11, 15)])
        .await
        .expect("a dispatch");
    let leases = terminal.lease(1).await.leases;
    terminal.bind(&leases, 1).await;
    let asked = terminal.ask_for(500, Direct).await.expect("a request");
    let backlog = asked.backlog.expect("a backlog");
    let counted = (backlog.queued, backlog.held, backlog.print_ready);
    assert_eq!(counted, (2, 0, 2), "{backlog:?}");
    assert_eq!((backlog.in_stock, backlog.in_transit), (9, 5));
    let days = backlog.days_to_empty.expect("one was used");
    assert!((days.expected_days - 9.0 * 14.0).abs() < 1e-9, "{days:?}");
    terminal.submit(&[ready[3].1.clone()]).await;
    assert_eq!(shown(&mut terminal).await, asked, "it stays as it was");
}

#[tokio::test]
async fn requests_are_listed_page_by_page_oldest_first() {
    let office = Office::open().await;
    for (hour, district) in ["16.71", "35.75", "16.01"].into_iter().enumerate() {
        let hours = i64::try_from(hour).expect("small");
        office.clock.set(MORNING + Duration::hours(hours));
        let mut terminal = office.terminal(&format!("{district}/office/1")).await;
        terminal.ask_for(500, Direct).await.expect("a request");
    }
    let mut store = office.centre("store").await;
    let (mut districts, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = proto::ListBlankRequestsRequest {
            state: BlankRequestState::Requested.into(),
            page_size: 2,
            page_token,
        };
        let page = store.inventory.list_blank_requests(request).await;
        let page = page.expect("a page").into_inner();
        districts.extend(page.blank_requests.into_iter().map(|asked| asked.district));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(districts, ["16.71", "35.75", "16.01"]);
    let mut province = office.client(0, "ektp://province/16").await;
    assert_eq!(province.asked(BlankRequestState::Requested).await.len(), 2);
}
