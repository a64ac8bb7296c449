//! Distributions: one store's blanks sent to many, and the proposal that is shown before.

use ektp::proto;
use tonic::{Code, Status};

use super::{Blanks as _, assert_conserved, assert_same, metadata};
use crate::support::office::{Client, Office, reason, request_id};

impl Client {
    async fn propose(
        &mut self,
        total_quantity: u64,
        destinations: &[&str],
    ) -> Result<proto::ProposeDistributionResponse, Status> {
        let request = proto::ProposeDistributionRequest {
            total_quantity,
            destinations: destinations.iter().map(ToString::to_string).collect(),
        };
        let answer = self.inventory.propose_distribution(request).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn distribute(
        &mut self,
        total_quantity: u64,
        items: &[(&str, u64)],
    ) -> Result<Vec<proto::Shipment>, Status> {
        let items = items.iter().map(|&(destination, quantity)| {
            let destination = destination.to_owned();
            proto::DistributionItem {
                destination,
                quantity,
                document_number: String::new(),
            }
        });
        let request = proto::DistributeBlanksRequest {
            request_id: request_id(),
            total_quantity,
            items: items.collect(),
            document_number: "SJ-16.71/2017".to_owned(),
        };
        let answer = self.inventory.distribute_blanks(request).await?;
        Ok(answer.into_inner().shipments)
    }
}

fn quantities(shares: &[proto::ProposedShare]) -> Vec<u64> {
    shares.iter().map(|share| share.quantity).collect()
}

fn ends(shipment: &proto::Shipment) -> Vec<(i64, i64)> {
    let runs = shipment.serials.iter();
    runs.map(|run| (run.first, run.last)).collect()
}

#[tokio::test]
async fn s2_5_twenty_thousand_blanks_over_the_18_subdistricts_of_palembang_exactly() {
    let office = Office::open().await;
    office.stock("16.71", 1, 20_000).await;
    let mut terminal = office.terminal("16.71/office/1").await;
    let proposed = terminal.propose(20_000, &[]).await.expect("a proposal");
    // Nobody waits anywhere: equal shares would leave two blanks, which go to the first two.
    assert_eq!((proposed.shares.len(), proposed.total_weight), (18, 18));
    let mut expected = vec![1_111; 18];
    expected[..2].fill(1_112);
    assert_eq!(quantities(&proposed.shares), expected);
    assert_eq!(
        terminal.stock_of("").await.in_stock,
        20_000,
        "a proposal moves nothing"
    );

    let items: Vec<(&str, u64)> = proposed
        .shares
        .iter()
        .map(|share| (share.destination.as_str(), share.quantity))
        .collect();
    let equal: Vec<(&str, u64)> = items.iter().map(|(store, _)| (*store, 1_111)).collect();
    let refused = terminal.distribute(20_000, &equal).await;
    let refused = refused.expect_err("two are left");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let told = tonic_types::StatusExt::get_details_bad_request(&refused).expect("violations");
    let [violation] = &told.field_violations[..] else {
        panic!("{told:?}")
    };
    assert_eq!(violation.field, "total_quantity");
    assert_eq!(
        violation.description,
        "is 20000, and the items sum to 19998"
    );

    let sent = terminal
        .distribute(20_000, &items)
        .await
        .expect("18 shipments");
    let home = terminal.stock_of("").await;
    assert_eq!((home.in_stock, home.sent_on), (0, 20_000));
    let (mut next, mut received) = (1, 0);
    for (shipment, (store, quantity)) in sent.iter().zip(&items) {
        let last = next + i64::try_from(*quantity).expect("small") - 1;
        assert_eq!(shipment.destination, *store);
        assert_eq!(ends(shipment), [(next, last)], "{store}: the lowest first");
        next = last + 1;
        let mut own = office.terminal(&format!("16.71/{store}/1")).await;
        own.receive(&shipment.shipment_id, &ends(shipment))
            .await
            .expect("the subdistrict receives its own");
        received += own.stock_of(store).await.in_stock;
    }
    assert_eq!(received, 20_000);
    let mut stores: Vec<&str> = items.iter().map(|(store, _)| *store).collect();
    stores.push("16.71");
    assert_conserved(&office, &stores, "the distribution").await;
}

#[tokio::test]
async fn a_proposal_weighs_who_waits_less_what_is_there() {
    let office = Office::open().await;
    office.queued("35.75", 12).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let proposed = terminal.propose(30, &[]).await.expect("a proposal");
    let waiting: Vec<u64> = proposed.shares.iter().map(|share| share.waiting).collect();
    assert_eq!(waiting.iter().sum::<u64>(), 12);
    assert!(waiting[0] > 1, "somebody waits in the first: {waiting:?}");
    assert_eq!(quantities(&proposed.shares).iter().sum::<u64>(), 30);
    for share in &proposed.shares {
        assert_eq!(share.weight, share.waiting);
        let exact = 30.0 * f64::from(u32::try_from(share.weight).expect("a few")) / 12.0;
        assert!((share.exact_share - exact).abs() < 1e-9, "{share:?}");
        let rounded = f64::from(u32::try_from(share.quantity).expect("a few"));
        assert!((rounded - exact).abs() < 1.0, "{share:?}");
    }

    // What lies there and what is on its way there counts against those who wait, and with it what lies in its units.
    office.stock("35.75", 1, 100).await;
    let first = proposed.shares[0].destination.clone();
    terminal
        .distribute(1, &[(&first, 1)])
        .await
        .expect("a shipment");
    let again = terminal.propose(30, &[&first]).await.expect("a proposal");
    let share = &again.shares[0];
    assert_eq!((share.in_transit, share.weight), (1, waiting[0] - 1));
    assert_eq!((again.shares.len(), share.quantity), (1, 30));
}

#[tokio::test]
async fn a_proposal_is_for_stores_of_the_districts_own_subdistricts() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let foreign = terminal
        .propose(10, &["35.14.01"])
        .await
        .expect_err("foreign");
    assert_eq!(reason(&foreign), "LOCATION_NOT_FOUND");
    let missing = terminal
        .propose(10, &["35.75.99"])
        .await
        .expect_err("missing");
    assert_same(&foreign, &missing);
    let own = terminal
        .propose(10, &["35.75"])
        .await
        .expect_err("no subdistrict's");
    assert_eq!(reason(&own), "ROUTE_NOT_ALLOWED");
    let mut limited = office.terminal("35.75/35.75.02/1").await;
    let refused = limited.propose(10, &[]).await.expect_err("limited");
    assert_eq!(reason(&refused), "OUTSIDE_SUBDISTRICT");
}

#[tokio::test]
async fn a_distribution_is_sent_whole_or_not_at_all() {
    let office = Office::open().await;
    office.stock("35.75", 1, 100).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    for (items, why) in [
        ([("35.75.01", 60), ("35.75.02", 41)], "STOCK_TOO_SMALL"),
        ([("35.75.01", 50), ("35.75.99", 50)], "LOCATION_NOT_FOUND"),
        ([("35.75.01", 50), ("35.14", 50)], "ROUTE_NOT_ALLOWED"),
    ] {
        let total = items.iter().map(|(_, quantity)| quantity).sum();
        let refused = terminal.distribute(total, &items).await.expect_err(why);
        assert_eq!(reason(&refused), why);
        if why == "STOCK_TOO_SMALL" {
            let told = metadata(&refused);
            assert_eq!(
                (told["have"].as_str(), told["asked"].as_str()),
                ("100", "101")
            );
        }
        assert_eq!(terminal.stock_of("").await.in_stock, 100, "{why}");
    }
    let mut limited = office.terminal("35.75/35.75.02/1").await;
    let refused = limited.distribute(1, &[("35.75.02", 1)]).await;
    assert_eq!(
        reason(&refused.expect_err("limited")),
        "OUTSIDE_SUBDISTRICT"
    );
}

#[tokio::test]
async fn two_distributions_at_once_take_no_serial_twice() {
    let office = Office::open().await;
    office.stock("35.75", 1, 100).await;
    let (mut one, mut other) = (
        office.terminal("35.75/office/1").await,
        office.terminal("35.75/office/2").await,
    );
    // Each names the stores in the other's contrary order.
    let (forth, back) = (
        [("35.75.01", 25), ("35.75.02", 25)],
        [("35.75.02", 25), ("35.75.01", 25)],
    );
    let (first, second) = tokio::join!(one.distribute(50, &forth), other.distribute(50, &back));
    let sent = [first.expect("fifty"), second.expect("the other fifty")].concat();
    let mut taken: Vec<_> = sent.iter().flat_map(ends).collect();
    taken.sort_unstable();
    assert_eq!(taken, [(1, 25), (26, 50), (51, 75), (76, 100)]);
    let (first, second) = tokio::join!(one.distribute(50, &forth), other.distribute(50, &back));
    for refused in [first, second] {
        assert_eq!(reason(&refused.expect_err("empty")), "STOCK_TOO_SMALL");
    }
}

#[tokio::test]
async fn a_province_distributes_to_its_own_districts() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    let mut province = office.client(0, "ektp://province/16").await;
    store.deliver(&[(1, 1_000)]).await.expect("a delivery");
    let sent = store
        .dispatch("16", &[(1, 1_000)])
        .await
        .expect("a dispatch");
    province
        .receive(&sent.shipment_id, &[(1, 1_000)])
        .await
        .expect("a receipt");
    let sent = province
        .distribute(900, &[("16.71", 600), ("16.01", 300)])
        .await
        .expect("two shipments");
    assert_eq!(ends(&sent[0]), [(1, 600)]);
    assert_eq!(ends(&sent[1]), [(601, 900)], "in the order of the items");
    let refused = province.distribute(1, &[("35.75", 1)]).await;
    assert_eq!(
        reason(&refused.expect_err("not its own")),
        "ROUTE_NOT_ALLOWED"
    );
    let mut terminal = office.terminal("16.01/office/1").await;
    terminal
        .receive(&sent[1].shipment_id, &[(601, 900)])
        .await
        .expect("a receipt");
    assert_conserved(
        &office,
        &["16", "16.71", "16.01"],
        "the province's shipments",
    )
    .await;
}

/// Every second blank was sent away: what is left lies in runs of one, of which a receipt could not list more than a hundred.
#[tokio::test]
async fn a_share_of_too_many_runs_is_sent_by_its_ranges() {
    let office = Office::open().await;
    office.stock("35.75", 1, 204).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    for first in [1, 103] {
        let even: Vec<(i64, i64)> = (first..first + 102)
            .filter(|serial| serial % 2 == 0)
            .map(|serial| (serial, serial))
            .collect();
        terminal
            .dispatch("35.75.04", &even)
            .await
            .expect("a dispatch");
    }
    let refused = terminal.distribute(101, &[("35.75.01", 101)]).await;
    let refused = refused.expect_err("101 runs");
    assert_eq!(reason(&refused), "STOCK_TOO_SCATTERED");
    let sent = terminal
        .distribute(101, &[("35.75.01", 50), ("35.75.02", 51)])
        .await
        .expect("a hundred at most in each");
    assert_eq!((sent[0].serials.len(), sent[1].serials.len()), (50, 51));
}
