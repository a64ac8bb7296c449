//! The ways that blanks go: direct, by the province, laterally, to subdistricts and into printers; taken back; and what is found
//! in the boxes and was not on the list.

use ektp::proto::{self, CustodyState, MovementKind, ShipmentState};
use sqlx::AssertSqlSafe;
use tonic::{Code, Status};

use super::{Blanks, assert_conserved, metadata};
use crate::support::{
    look,
    office::{Client, Office, reason},
    officers::{ALL_BUT_CONTRACTOR, open_shift_of, person_of},
};

fn refusal(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

async fn locate(client: &mut Client, serial: i64) -> (String, CustodyState) {
    let found = client.locate(serial).await.expect("it is here");
    (found.location.clone(), found.state())
}

/// S2-10 and S2-11: the city deals with the centre directly, or by its province; both ways exist.
#[tokio::test]
async fn blanks_come_directly_or_by_the_province() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    let mut province = office.client(0, "ektp://province/16").await;
    let mut city = office.terminal("16.71/office/1").await;
    store.deliver(&[(1, 20_000)]).await.expect("a delivery");
    let direct = store
        .dispatch("16.71", &[(1, 10_000)])
        .await
        .expect("direct");
    city.receive(&direct.shipment_id, &[(1, 10_000)])
        .await
        .expect("a receipt");
    let first = store
        .dispatch("16", &[(10_001, 20_000)])
        .await
        .expect("to the province");
    // The city sees nothing of what is the province's.
    assert_eq!(
        refusal(&city.locate(10_001).await.expect_err("not the city's")).1,
        "BLANK_NOT_FOUND"
    );
    province
        .receive(&first.shipment_id, &[(10_001, 20_000)])
        .await
        .expect("the province's receipt");
    let on = province
        .dispatch("16.71", &[(10_001, 20_000)])
        .await
        .expect("onward");
    assert_eq!(
        (on.origin.as_str(), on.destination.as_str()),
        ("16", "16.71")
    );
    city.receive(&on.shipment_id, &[(10_001, 20_000)])
        .await
        .expect("a receipt");
    let stock = province.stock_of("").await;
    assert_eq!(
        (stock.location.as_str(), stock.received, stock.sent_on),
        ("16", 10_000, 10_000)
    );
    assert_eq!(city.stock_of("").await.in_stock, 20_000);
    assert_conserved(&office, &["16", "16.71"], "two ways").await;
}

#[tokio::test]
async fn a_district_sends_to_its_neighbour_and_neither_sees_the_others_store() {
    let office = Office::open().await;
    office.stock("16.71", 1, 100).await;
    let mut giver = office.terminal("16.71/office/1").await;
    let mut taker = office.terminal("16.01/office/1").await;
    let sent = giver.dispatch("16.01", &[(41, 60)]).await.expect("lateral");
    assert_eq!(
        locate(&mut taker, 41).await,
        ("16.01".to_owned(), CustodyState::InTransit)
    );
    assert_eq!(
        refusal(&giver.locate(41).await.expect_err("given away")).1,
        "BLANK_NOT_FOUND"
    );
    let foreign = taker.account("16.71").await.expect_err("the other's store");
    assert_eq!(
        refusal(&foreign),
        (Code::NotFound, "LOCATION_NOT_FOUND".to_owned())
    );
    // What is on its way is named to whoever wants to send it again.
    let again = giver
        .dispatch("16.01", &[(60, 61)])
        .await
        .expect_err("under way");
    assert_eq!(refusal(&again).1, "BLANKS_NOT_IN_STOCK");
    let told = metadata(&again);
    assert_eq!(
        (told["why"].as_str(), &told["shipment_id"]),
        ("IN_TRANSIT", &sent.shipment_id)
    );
    taker
        .receive(&sent.shipment_id, &[(41, 60)])
        .await
        .expect("a receipt");
    assert_eq!(giver.stock_of("").await.in_stock, 80);
    assert_eq!(taker.stock_of("").await.in_stock, 20);
    assert_conserved(&office, &["16.71", "16.01"], "a lateral shipment").await;
}

#[tokio::test]
async fn a_shipment_is_taken_back_by_its_sender_until_it_is_received() {
    let office = Office::open().await;
    office.stock("16.71", 1, 100).await;
    let mut giver = office.terminal("16.71/office/1").await;
    let mut taker = office.terminal("16.01/office/1").await;
    let sent = giver.dispatch("16.01", &[(1, 50)]).await.expect("lateral");
    let foreign = taker
        .cancel(&sent.shipment_id)
        .await
        .expect_err("not its own");
    assert_eq!(
        refusal(&foreign),
        (Code::NotFound, "SHIPMENT_NOT_FOUND".to_owned())
    );
    let back = giver.cancel(&sent.shipment_id).await.expect("taken back");
    assert_eq!(back.state(), ShipmentState::Cancelled);
    assert!(back.receive_time.is_none());
    assert_eq!(giver.stock_of("").await.in_stock, 100);
    assert_eq!(taker.stock_of("").await.in_transit, 0);
    for refused in [
        giver.cancel(&sent.shipment_id).await.err(),
        taker.receive(&sent.shipment_id, &[(1, 50)]).await.err(),
    ] {
        let status = refused.expect("it is over");
        assert_eq!(
            refusal(&status),
            (Code::FailedPrecondition, "SHIPMENT_CANCELLED".to_owned())
        );
    }
    let life = giver.locate(1).await.expect("it is here again").movements;
    assert_eq!(
        life.last().map(proto::Movement::kind),
        Some(MovementKind::Cancelled)
    );
    assert_conserved(&office, &["16.71", "16.01"], "a cancellation").await;
}

#[tokio::test]
async fn who_sent_it_does_not_sign_for_its_arrival_under_another_account() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    store.deliver(&[(1, 10)]).await.expect("a delivery");
    let sent = store
        .dispatch("16.71", &[(1, 10)])
        .await
        .expect("a dispatch");
    // The same person has an account in the district.
    let person = person_of(&office.sql, office.shift("ektp://centre/store").await).await;
    let own = "ektp://district/16.71/site/office/terminal/7";
    let certificate = office.identity(own);
    let shift = open_shift_of(
        &office.sql,
        person,
        &certificate.certificate_pem,
        &ALL_BUT_CONTRACTOR,
    )
    .await;
    let mut both = office.client_of(0, own, Some(shift)).await;
    let refused = both
        .receive(&sent.shipment_id, &[(1, 10)])
        .await
        .expect_err("one person");
    assert_eq!(
        refusal(&refused),
        (Code::FailedPrecondition, "SAME_PERSON".to_owned())
    );
    let mut another = office.terminal("16.71/office/1").await;
    another
        .receive(&sent.shipment_id, &[(1, 10)])
        .await
        .expect("another person");
}

/// S2-5: a subdistrict's terminal receives for its own store, and for nobody else's.
#[tokio::test]
async fn a_subdistrict_receives_for_itself_alone() {
    let office = Office::open().await;
    office.stock("16.71", 1, 100).await;
    let mut city = office.terminal("16.71/office/1").await;
    let mut own = office.terminal("16.71/16.71.02/1").await;
    let mut other = office.terminal("16.71/16.71.03/1").await;
    let sent = city
        .dispatch("16.71.02", &[(1, 50)])
        .await
        .expect("to the subdistrict");
    let refused = other
        .receive(&sent.shipment_id, &[(1, 50)])
        .await
        .expect_err("not its own");
    assert_eq!(refusal(&refused).1, "OUTSIDE_SUBDISTRICT");
    let refused = other
        .send("16.71", "16.71.03", &[(51, 60)])
        .await
        .expect_err("the office's");
    assert_eq!(refusal(&refused).1, "OUTSIDE_SUBDISTRICT");
    own.receive(&sent.shipment_id, &[(1, 50)])
        .await
        .expect("its own");
    assert_eq!(city.stock_of("16.71.02").await.in_stock, 50);
    assert_conserved(&office, &["16.71", "16.71.02"], "a subdistrict's receipt").await;
}

/// What was not on the list and the sender still has on its books goes to the dispute account, like what is missing.
#[tokio::test]
async fn what_is_found_and_was_not_sent_is_disputed_with_both_signatures() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    let mut city = office.terminal("16.71/office/1").await;
    store.deliver(&[(1, 1_000)]).await.expect("a delivery");
    let sent = store
        .dispatch("16.71", &[(1, 100)])
        .await
        .expect("a dispatch");
    // 96 to 100 are missing, 101 to 103 were packed by mistake, and 5,000 was never registered.
    let found = [(1, 95), (101, 103), (5_000, 5_000)];
    let receipt = city
        .receive(&sent.shipment_id, &found)
        .await
        .expect("a receipt");
    let shipment = receipt.shipment.expect("a shipment");
    assert_eq!(shipment.state(), ShipmentState::ReceivedWithDifferences);
    assert_eq!(
        (shipment.received_quantity, shipment.surplus_quantity),
        (95, 3)
    );
    for serial in [96, 100, 101, 103] {
        assert_eq!(
            locate(&mut city, serial).await,
            ("16.71".to_owned(), CustodyState::Disputed),
            "{serial}"
        );
    }
    let stock = city.stock_of("").await;
    assert_eq!(
        (stock.received, stock.in_stock, stock.disputed),
        (103, 95, 8)
    );
    let cases = cases(&office).await;
    assert_eq!(
        cases,
        [
            "FOUND_AT_RECEIPT 1671 0 {[101,104)} t t",
            "FOUND_AT_RECEIPT 1671 0 {[5000,5001)} f t",
            "MISSING_AT_RECEIPT 1671 0 {[96,101)} t t",
        ]
    );
    assert_eq!(
        look::count(
            &office.sql,
            "movement where taken_by is not null and taken_by <> given_by"
        )
        .await,
        3
    );
    // A disputed blank goes nowhere, and the answer says where to look.
    let refused = city
        .dispatch("16.01", &[(96, 96)])
        .await
        .expect_err("in dispute");
    assert_eq!(metadata(&refused)["why"], "IN_DISPUTE");
    assert_conserved(&office, &["16.71"], "a receipt with differences").await;
}

/// Kind, the two offices, the serials, whether they are in dispute, and whether it is due in seven days.
async fn cases(office: &Office) -> Vec<String> {
    let query = "select concat_ws(' ', kind, district, counterpart, serials, in_dispute, due_at = opened_at + interval '7 days')
         from stock_case order by kind, serials";
    sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
        .fetch_all(&office.sql)
        .await
        .expect("the cases can be read")
}

#[tokio::test]
async fn a_box_that_was_not_sent_is_another_shipment() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    let mut city = office.terminal("16.71/office/1").await;
    store.deliver(&[(1, 10_000)]).await.expect("a delivery");
    let sent = store
        .dispatch("16.71", &[(1, 100)])
        .await
        .expect("a dispatch");
    let refused = city
        .receive(&sent.shipment_id, &[(1, 100), (2_001, 4_000)])
        .await;
    let status = refused.expect_err("a whole box more");
    assert_eq!(
        refusal(&status),
        (
            Code::FailedPrecondition,
            "SERIALS_NOT_IN_SHIPMENT".to_owned()
        )
    );
    let told = metadata(&status);
    assert_eq!(
        (told["first"].as_str(), told["last"].as_str()),
        ("2001", "4000")
    );
    assert_eq!(
        city.stock_of("").await.in_transit,
        100,
        "nothing is half received"
    );
    city.receive(&sent.shipment_id, &[(1, 100)])
        .await
        .expect("what was sent");
}
