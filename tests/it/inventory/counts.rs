//! Blind counts: what is missing and what is too many, while others print and ship; and who must not see what.

use ektp::proto::{self, CountState, CustodyState};
use sqlx::Row as _;
use tonic::{Code, Status};

use super::{Blanks, assert_conserved, metadata, runs};
use crate::support::office::{Client, Office, reason, request_id};

/// The short ways of these tests.
trait Counts {
    async fn begin(&mut self, location: &str) -> Result<proto::StockCount, Status>;
    async fn find(&mut self, count: &str, ends: &[(i64, i64)]) -> Result<u64, Status>;
    async fn submit_count(
        &mut self,
        count: &str,
        quantity: u64,
    ) -> Result<proto::SubmitCountResponse, Status>;
    async fn cancel_count(&mut self, count: &str) -> Result<proto::StockCount, Status>;
    async fn counts(&mut self) -> Vec<proto::StockCount>;
}

impl Counts for Client {
    async fn begin(&mut self, location: &str) -> Result<proto::StockCount, Status> {
        let request = proto::StartCountRequest {
            request_id: request_id(),
            document_number: "SO-1/2017".to_owned(),
            location: location.to_owned(),
        };
        let answer = self.inventory.start_count(request).await?.into_inner();
        Ok(answer.count.expect("a count"))
    }

    async fn find(&mut self, count: &str, ends: &[(i64, i64)]) -> Result<u64, Status> {
        let request = proto::RecordFindingsRequest {
            request_id: request_id(),
            count_id: count.to_owned(),
            serials: runs(ends),
        };
        let answer = self.inventory.record_findings(request).await?;
        Ok(answer.into_inner().quantity)
    }

    async fn submit_count(
        &mut self,
        count: &str,
        quantity: u64,
    ) -> Result<proto::SubmitCountResponse, Status> {
        let request = proto::SubmitCountRequest {
            request_id: request_id(),
            count_id: count.to_owned(),
            document_number: "BA-SO-1/2017".to_owned(),
            quantity: Some(quantity),
        };
        let answer = self.inventory.submit_count(request).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn cancel_count(&mut self, count: &str) -> Result<proto::StockCount, Status> {
        let request = proto::CancelCountRequest {
            request_id: request_id(),
            count_id: count.to_owned(),
            document_number: "BA-SO-2/2017".to_owned(),
        };
        let answer = self.inventory.cancel_count(request).await?.into_inner();
        Ok(answer.count.expect("a count"))
    }

    async fn counts(&mut self) -> Vec<proto::StockCount> {
        let request = proto::ListCountsRequest::default();
        let answer = self.inventory.list_counts(request).await;
        answer.expect("a page").into_inner().counts
    }
}

/// Takes the next `batches` hundreds of the queue and prints them on serials from `first` on.
async fn print(printer: &mut Client, batches: i64, size: u32, first: i64) {
    for batch in 0..batches {
        let from = first + batch * i64::from(size);
        let leases = printer.lease(size).await.leases;
        assert_eq!(leases.len(), size as usize, "the batch from {from}");
        printer.bind(&leases, from).await;
        printer.report(&leases, from).await;
    }
}

/// Trap 15: what moves during a count is neither missing nor too many, wherever it was when it was looked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_during_five_hundred_prints_and_three_shipments_is_exact() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    let mut counter = office.terminal("35.75/office/1").await;
    let mut printer = office.terminal("35.75/office/2").await;
    let mut keeper = office.terminal("35.75/office/3").await;
    store.deliver(&[(1, 3000)]).await.expect("a delivery");
    let first = sent(&mut store, (1, 1000)).await;
    keeper.receive(&first, &[(1, 1000)]).await.expect("in");
    office.queued("35.75", 510).await;
    // Ten cards lie at the site before anybody counts.
    print(&mut printer, 1, 10, 1).await;
    let coming = sent(&mut store, (2001, 2100)).await;

    let count = counter.begin("").await.expect("the count begins");
    assert_eq!((count.state(), count.result), (CountState::Open, None));
    assert!(count.pinned_number > 0);
    let id = count.count_id.as_str();
    let ships = async {
        keeper.receive(&coming, &[(2001, 2100)]).await.expect("in");
        keeper.dispatch("35.14", &[(901, 950)]).await.expect("out");
        let down = keeper.dispatch("35.75.02", &[(951, 970)]).await;
        down.expect("to a subdistrict");
    };
    let counts = async {
        // Scanned before the printer took them, or before they were sent off; some of them twice.
        counter.find(id, &[(11, 210), (901, 920)]).await.expect("");
        counter.find(id, &[(200, 210), (951, 955)]).await.expect("");
        // 211 to 510 are in the printer by now, and seven of the others are in somebody's bag.
        let rest = [(511, 599), (607, 900), (971, 1000), (2001, 2050)];
        counter.find(id, &rest).await.expect("");
        // A card of the site lay among them, one blank is the centre's, and one is nobody's.
        let strange = [(5, 5), (2500, 2500), (9999, 9999)];
        counter.find(id, &strange).await.expect("")
    };
    let ((), (), found) = tokio::join!(print(&mut printer, 5, 100, 11), ships, counts);
    assert_eq!(found, 691);

    let ended = counter.submit_count(id, 691).await.expect("it ends");
    is_exact(&ended);
    let lost = counter.locate(603).await.expect("it is the district's");
    assert_eq!(lost.state(), CustodyState::Disputed);
    let foreign = store.locate(2500).await.expect("it is the centre's");
    assert_eq!(
        (foreign.location.as_str(), foreign.state()),
        ("centre", CustodyState::InStock)
    );
    let stock = counter.stock_of("").await;
    assert_eq!(
        (stock.disputed, stock.at_site, stock.in_stock),
        (7, 510, 513)
    );
    assert_conserved(&office, &["35.75", "35.75.02", "35.14"], "a count").await;
    let found = (
        "FOUND_IN_COUNT".to_owned(),
        false,
        "{[2500,2501),[9999,10000)}".to_owned(),
        ended.unexpected_case_id,
    );
    let missing = (
        "MISSING_IN_COUNT".to_owned(),
        true,
        "{[600,607)}".to_owned(),
        ended.missing_case_ids.concat(),
    );
    assert_eq!(cases(&office).await, [found, missing]);
}

/// Sends blanks to 35.75; answers the shipment.
async fn sent(store: &mut Client, ends: (i64, i64)) -> String {
    let shipment = store.dispatch("35.75", &[ends]).await;
    shipment.expect("a dispatch").shipment_id
}

fn is_exact(ended: &proto::SubmitCountResponse) {
    let count = ended.count.as_ref().expect("a count");
    assert_eq!(count.state(), CountState::Submitted);
    let expected = proto::CountResult {
        counted: 691,
        expected: 990,
        missing: 7,
        unexpected: 2,
        // 300 printed, 30 and 15 sent off before they were looked for; 50 that came.
        moved: 395,
        beside: 1,
    };
    assert_eq!(count.result, Some(expected));
    assert_eq!(ended.missing_serials, runs(&[(600, 606)]));
    assert_eq!(
        ended.unexpected_serials,
        runs(&[(2500, 2500), (9999, 9999)])
    );
}

/// The open cases of 35.75's counts against the centre: kind, whether in dispute, serials, id.
async fn cases(office: &Office) -> Vec<(String, bool, String, String)> {
    let rows = sqlx::query(
        "select kind, in_dispute, open_serials::text, case_id::text from stock_case join stock_count using (count_id)
         where stock_case.counterpart = 0 and stock_case.due_at > stock_case.opened_at
            and stock_case.opened_by = stock_count.started_by and stock_case.location = stock_count.location
         order by kind",
    )
    .fetch_all(&office.sql)
    .await
    .expect("the table can be read");
    let row = |row: sqlx::postgres::PgRow| (row.get(0), row.get(1), row.get(2), row.get(3));
    rows.into_iter().map(row).collect()
}

#[tokio::test]
async fn who_counts_does_not_see_the_figures_and_others_do() {
    let office = Office::open().await;
    office.stock("35.75", 1, 100).await;
    let mut counter = office.terminal("35.75/office/1").await;
    let mut other = office.terminal("35.75/office/2").await;
    let principal = "ektp://district/35.75/site/office/terminal/3";
    let mut nobody = office.client_as(0, principal, None).await;
    assert_eq!(counter.stock_of("").await.in_stock, 100);
    let count = counter.begin("35.75").await.expect("the count begins");
    for blind in [&mut counter, &mut nobody] {
        let refused = blind.account("35.75").await.expect_err("blind");
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::FailedPrecondition, "COUNT_OPEN")
        );
        assert_eq!(metadata(&refused)["count_id"], count.count_id);
        assert_eq!(figures(blind, "35.75").await, None);
        // Only the place that is counted.
        assert!(figures(blind, "35.75.01").await.is_some());
        assert_eq!(blind.stock_of("35.75.01").await.in_stock, 0);
    }
    assert_eq!(other.stock_of("").await.in_stock, 100);
    assert_eq!(figures(&mut other, "35.75").await, Some(100));
    let mut store = office.centre("store").await;
    assert_eq!(store.stock_of("35.75").await.in_stock, 100);
    let open = other.counts().await;
    assert_eq!((open.len(), open[0].result), (1, None));

    counter.find(&count.count_id, &[(1, 100)]).await.expect("");
    let ended = counter.submit_count(&count.count_id, 100).await;
    let ended = ended.expect("the count ends");
    assert_eq!(
        (
            ended.missing_case_ids.len(),
            ended.unexpected_case_id.as_str()
        ),
        (0, "")
    );
    assert_eq!(counter.stock_of("").await.in_stock, 100);
    assert_eq!(nobody.stock_of("35.75").await.in_stock, 100);
    let listed = other.counts().await;
    assert_eq!(listed[0].result.expect("figures").expected, 100);
}

/// What the list of places says is in stock at one, if it says.
async fn figures(client: &mut Client, location: &str) -> Option<u64> {
    let answer = client
        .inventory
        .list_locations(proto::ListLocationsRequest::default())
        .await;
    let places = answer.expect("a page").into_inner().locations;
    let place = places.into_iter().find(|place| place.location == location);
    let figures = place.expect("it is listed").figures;
    figures.map(|figures| figures.in_stock)
}

#[tokio::test]
async fn one_counts_at_a_time_and_hands_in_what_he_found_himself() {
    let office = Office::open().await;
    office.stock("35.75", 1, 100).await;
    let mut counter = office.terminal("35.75/office/1").await;
    let mut other = office.terminal("35.75/office/2").await;
    let count = counter.begin("35.75").await.expect("the count begins");
    let id = count.count_id.as_str();
    let second = other.begin("").await.expect_err("somebody counts");
    assert_eq!(reason(&second), "COUNT_OPEN");
    let refused = other.find(id, &[(1, 9)]).await.expect_err("another's");
    assert_eq!(reason(&refused), "COUNT_OF_ANOTHER");
    counter.find(id, &[(1, 90)]).await.expect("his own");
    let refused = other.submit_count(id, 90).await.expect_err("another's");
    assert_eq!(reason(&refused), "COUNT_OF_ANOTHER");
    // A sheet is still on its way.
    let refused = counter.submit_count(id, 100).await.expect_err("ten less");
    assert_eq!(reason(&refused), "COUNT_INCOMPLETE");
    assert_eq!(metadata(&refused)["recorded"], "90");

    // Who leads may give it up.
    let cancelled = other.cancel_count(id).await.expect("a head");
    assert_eq!(
        (cancelled.state(), cancelled.result),
        (CountState::Cancelled, None)
    );
    for refused in [
        counter.find(id, &[(91, 100)]).await.expect_err("it ended"),
        counter.submit_count(id, 90).await.expect_err("it ended"),
        counter.cancel_count(id).await.expect_err("it ended"),
    ] {
        assert_eq!(reason(&refused), "COUNT_ENDED");
    }
    assert_eq!(counter.stock_of("").await.disputed, 0);

    let mut neighbour = office.terminal("35.76/office/1").await;
    for refused in [
        neighbour.cancel_count(id).await.expect_err("foreign"),
        neighbour
            .cancel_count(&request_id())
            .await
            .expect_err("missing"),
    ] {
        assert_eq!(reason(&refused), "COUNT_NOT_FOUND");
    }
    let refused = neighbour.begin("35.75").await.expect_err("foreign");
    assert_eq!(reason(&refused), "LOCATION_NOT_FOUND");
    let mut village = office.terminal("35.75/35.75.02/1").await;
    let refused = village.begin("35.75").await.expect_err("outside");
    assert_eq!(reason(&refused), "OUTSIDE_SUBDISTRICT");
    village.begin("35.75.02").await.expect("its own store");
    other.begin("35.75").await.expect("the next count");
}

/// The minister at the door, and the store that was empty.
#[tokio::test]
async fn an_empty_store_is_a_case_of_all_its_blanks() {
    let office = Office::open().await;
    office.stock("35.75", 1, 23_000).await;
    let mut counter = office.terminal("35.75/office/1").await;
    let count = counter.begin("").await.expect("the count begins");
    let ended = counter.submit_count(&count.count_id, 0).await;
    let ended = ended.expect("nothing was found");
    assert_eq!(ended.missing_serials, runs(&[(1, 23_000)]));
    let stock = counter.stock_of("").await;
    assert_eq!((stock.in_stock, stock.disputed), (0, 23_000));
    assert_conserved(&office, &["35.75"], "an empty store").await;
}
