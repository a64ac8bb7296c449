//! Blanks that become cards: bound, printed, spoiled, found again; the store's figures follow every step.

use ektp::proto::{self, CustodyState, MovementKind, ShortSide, print_step_result::Outcome};
use tokio::sync::Barrier;
use tonic::Code;

use super::{Blanks, assert_conserved, assert_same};
use crate::support::{
    office::{Client, Office, reason, request_id},
    people::key,
};

/// The in-item reasons of a batch, "" where it was carried out.
fn refusals(results: &[proto::PrintStepResult]) -> Vec<String> {
    results
        .iter()
        .map(
            |result| match result.outcome.as_ref().expect("an outcome") {
                Outcome::Entry(_) => String::new(),
                Outcome::Refused(refusal) => {
                    refusal.reason().as_str_name().replace("ERROR_REASON_", "")
                }
            },
        )
        .collect()
}

async fn bind(
    client: &mut Client,
    bindings: &[(&proto::Lease, i64, &str)],
) -> Vec<proto::PrintStepResult> {
    let bindings = bindings
        .iter()
        .map(|(lease, serial, chip)| proto::BlankBinding {
            lease: Some(key(lease)),
            serial: *serial,
            chip_uid: format!("04C0FFEE{chip}"),
        })
        .collect();
    let request = proto::BindBlanksRequest {
        request_id: request_id(),
        bindings,
    };
    let answer = client.print_queue.bind_blanks(request).await;
    answer
        .expect("the bindings are answered")
        .into_inner()
        .results
}

/// S0-2: no stock before the receipt, and printing on the same day after it.
#[tokio::test]
async fn printing_begins_on_the_day_the_blanks_arrive() {
    let office = Office::open().await;
    office.queued("35.75", 2).await;
    let mut store = office.centre("store").await;
    let mut terminal = office.terminal("35.75/office/1").await;
    store.deliver(&[(1, 10)]).await.expect("a delivery");
    let sent = store
        .dispatch("35.75", &[(1, 10)])
        .await
        .expect("a dispatch");
    let before = terminal.lease(2).await;
    assert_eq!(
        (before.leases.len(), before.short_side()),
        (0, ShortSide::Blanks)
    );
    terminal
        .receive(&sent.shipment_id, &[(1, 10)])
        .await
        .expect("a receipt");
    let leases = terminal.lease(2).await.leases;
    assert_eq!(leases.len(), 2);
    assert_eq!(refusals(&terminal.bind(&leases, 1).await), ["", ""]);
}

#[tokio::test]
async fn the_account_adds_up_after_every_step_of_a_cards_life() {
    let office = Office::open().await;
    let places = ["35.75", "35.14"];
    let mut store = office.centre("store").await;
    let mut terminal = office.terminal("35.75/office/1").await;
    office.queued("35.75", 3).await;
    store.deliver(&[(1, 100)]).await.expect("a delivery");
    assert_conserved(&office, &places, "a delivery").await;
    let sent = store
        .dispatch("35.75", &[(11, 60)])
        .await
        .expect("a dispatch");
    store
        .dispatch("35.14", &[(1, 5)])
        .await
        .expect("a dispatch");
    assert_conserved(&office, &places, "two dispatches").await;
    terminal
        .receive(&sent.shipment_id, &[(11, 58)])
        .await
        .expect("a receipt");
    assert_conserved(&office, &places, "a receipt").await;
    let leases = terminal.lease(3).await.leases;
    assert_eq!(
        refusals(
            &bind(
                &mut terminal,
                &[
                    (&leases[0], 30, "04A0"),
                    (&leases[1], 40, "04A1"),
                    (&leases[2], 35, "04A2")
                ]
            )
            .await
        ),
        ["", "", ""]
    );
    assert_conserved(&office, &places, "a binding").await;
    assert_eq!(terminal.stock_of("").await.bound, 3);

    assert_eq!(refusals(&terminal.report(&leases[..1], 30).await), [""]);
    assert_conserved(&office, &places, "a printed card").await;
    spoil(&mut terminal, &leases[1], 40).await;
    assert_conserved(&office, &places, "a spoiled blank").await;
    for (serial, kind) in [
        (30, proto::SpoilageKind::Unspecified),
        (40, proto::SpoilageKind::PrintFailure),
    ] {
        let blank = terminal.locate(serial).await.expect("it is here");
        assert_eq!(blank.spoilage_kind(), kind);
    }
    hand_over(&mut terminal, 30).await;
    assert_conserved(&office, &places, "a handover").await;
    let stock = terminal.stock_of("").await;
    assert_eq!((stock.in_stock, stock.bound, stock.at_site), (45, 1, 0));
    assert_eq!(
        (stock.handed_over, stock.spoiled, stock.disputed),
        (1, 1, 2)
    );
}

/// Hands a printed card to its holder.
pub async fn hand_over(terminal: &mut Client, serial: i64) {
    let mut cards = terminal.awaiting().await.into_iter();
    let card = cards
        .find(|card| card.serial == serial)
        .expect("the card awaits its holder");
    let challenge = terminal
        .start_handover(&card.collection_id)
        .await
        .expect("the card is there");
    terminal
        .complete_handover(&challenge, true)
        .await
        .expect("the holder was matched");
}

async fn spoil(terminal: &mut Client, lease: &proto::Lease, serial: i64) {
    let request = proto::ReportSpoiledRequest {
        request_id: request_id(),
        blanks: vec![proto::SpoiledBlank {
            lease: Some(key(lease)),
            serial,
            kind: proto::SpoilageKind::PrintFailure.into(),
        }],
    };
    let answer = terminal.print_queue.report_spoiled(request).await;
    assert_eq!(
        refusals(&answer.expect("the report is answered").into_inner().results),
        [""]
    );
}

#[tokio::test]
async fn a_blank_tells_its_whole_life() {
    let office = Office::open().await;
    office.stock("35.75", 1, 100).await;
    let requests = office.queued("35.75", 1).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let leases = terminal.lease(1).await.leases;
    terminal.bind(&leases, 42).await;
    terminal.report(&leases, 42).await;
    hand_over(&mut terminal, 42).await;
    let found = terminal.locate(42).await.expect("it is the district's");
    assert_eq!(
        (found.location.as_str(), found.state()),
        ("35.75", CustodyState::HandedOver)
    );
    assert_eq!(found.print_request_id, requests[0]);
    // The business clock has stood still all the while: the order is that of the acts.
    let life: Vec<_> = found
        .movements
        .iter()
        .map(|m| (m.kind(), m.location.as_str(), m.number))
        .collect();
    assert_eq!(
        life,
        [
            (MovementKind::Delivered, "centre", 1),
            (MovementKind::Dispatched, "centre", 2),
            (MovementKind::Received, "35.75", 1),
            (MovementKind::Bound, "35.75", 2),
            (MovementKind::Printed, "35.75", 3),
            (MovementKind::HandedOver, "35.75", 4),
        ]
    );
    let run = |place: usize| found.movements[place].serials.expect("a run");
    assert_eq!(
        (run(2).first, run(2).last, run(3).first, run(3).last),
        (1, 100, 42, 42)
    );
    let untouched = office
        .centre("store")
        .await
        .locate(43)
        .await
        .expect("the centre sees all");
    assert_eq!(
        (untouched.state(), untouched.movements.len()),
        (CustodyState::InStock, 3)
    );
    assert_eq!(untouched.print_request_id, "");
}

#[tokio::test]
async fn a_foreign_blank_looks_like_one_that_was_never_registered() {
    let office = Office::open().await;
    office.stock("35.14", 1, 100).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let foreign = terminal.locate(7).await.expect_err("foreign");
    let missing = terminal.locate(777).await.expect_err("missing");
    assert_eq!(
        (foreign.code(), reason(&foreign).as_str()),
        (Code::NotFound, "BLANK_NOT_FOUND")
    );
    assert_same(&foreign, &missing);
    assert_same(
        &office
            .centre("store")
            .await
            .locate(777)
            .await
            .expect_err("missing"),
        &missing,
    );
    let malformed = terminal.locate(0).await.expect_err("no serial");
    assert_eq!(malformed.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn only_blanks_in_the_own_stock_with_new_chips_are_bound() {
    let office = Office::open().await;
    office.stock("35.75", 1, 20).await;
    office.stock("35.14", 101, 120).await;
    office.queued("35.75", 5).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let leases = terminal.lease(5).await.leases;
    assert_eq!(
        refusals(&bind(&mut terminal, &[(&leases[0], 1, "04A0")]).await),
        [""]
    );
    let batch = [
        (&leases[1], 1, "04A1"),
        (&leases[2], 101, "04A2"),
        (&leases[3], 3, "04A0"),
        (&leases[4], 4, "04A4"),
    ];
    let answers = bind(&mut terminal, &batch).await;
    assert_eq!(
        refusals(&answers),
        [
            "BLANK_NOT_IN_STOCK",
            "BLANK_NOT_IN_STOCK",
            "CHIP_ALREADY_BOUND",
            ""
        ]
    );
    let stock = terminal.stock_of("").await;
    assert_eq!(
        (stock.in_stock, stock.bound),
        (18, 2),
        "the refused ones took nothing"
    );
    assert_conserved(&office, &["35.75", "35.14"], "refused bindings").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_printers_never_bind_the_same_blank() {
    let office = Office::open().await;
    office.stock("35.75", 1, 40).await;
    office.queued("35.75", 16).await;
    let mut terminals = [
        office.terminal("35.75/office/1").await,
        office.terminal("35.75/office/2").await,
    ];
    let mine = [
        terminals[0].lease(8).await.leases,
        terminals[1].lease(8).await.leases,
    ];
    for round in 0..8_usize {
        let barrier = Barrier::new(2);
        let [one, other] = &mut terminals;
        let serial = i64::try_from(round).expect("a few") * 2 + 1;
        let (leases, chips) = (&mine, [format!("04B{round}0"), format!("04B{round}1")]);
        let take = |client: &mut Client, who: usize| {
            let (mut client, barrier, chips) = (client.clone(), &barrier, &chips);
            async move {
                barrier.wait().await;
                bind(&mut client, &[(&leases[who][round], serial, &chips[who])]).await
            }
        };
        let (first, second) = tokio::join!(take(one, 0), take(other, 1));
        let mut said = [refusals(&first), refusals(&second)].concat();
        said.sort();
        assert_eq!(said, ["", "BLANK_NOT_IN_STOCK"], "round {round}");
    }
    assert_eq!(terminals[0].stock_of("").await.bound, 8);
    assert_conserved(&office, &["35.75"], "eight races").await;
}

/// Law 4. No client can ask for a second card of a person before replacements are issued, so the database is told that
/// the second card is of the first one's holder.
#[tokio::test]
async fn a_new_card_in_the_hand_ends_the_old_one() {
    let office = Office::open().await;
    office.printed("35.75", 2).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    hand_over(&mut terminal, 1).await;
    sqlx::query("update card set resident_id = (select resident_id from card where serial = 1) where serial = 2")
        .execute(&office.sql)
        .await
        .expect("one card is held, one waits");
    hand_over(&mut terminal, 2).await;
    let states: Vec<String> = sqlx::query_scalar("select state from card order by serial")
        .fetch_all(&office.sql)
        .await
        .expect("the table can be read");
    assert_eq!(states, ["ENDED", "HANDED_OVER"]);
    assert_eq!(
        terminal.stock_of("").await.handed_over,
        2,
        "the old plastic is still out there"
    );
    assert_conserved(&office, &["35.75"], "a replaced card").await;
}
