//! What happens in the moment between a look at the stock and the locks: another act holds the place, is done while this one
//! waits for it, and this one must go by what is there then.
//!
//! What is easily got wrong: that the second one waits must be seen before the first one ends; else they are two acts in a row.

use ektp::proto::{CustodyState, ShipmentState};
use sqlx::{Postgres, Transaction};

use super::{
    Blanks as _, assert_conserved, metadata,
    write_offs::{reverse, spoil},
};
use crate::{
    administration::approve,
    support::{
        look,
        office::{Office, reason},
    },
};

/// Sessions of this database that wait for somebody's lock.
const WAITING: &str =
    "pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";

/// Moves a run at a place from one state to another, and holds the place until the answer is committed.
async fn held_by_another(
    office: &Office,
    at: i32,
    (first, last): (i64, i64),
    (from, to): (&str, &str),
) -> Transaction<'static, Postgres> {
    let mut tx = office.sql.begin().await.expect("the database answers");
    sqlx::query(
        "select move_custody(array[$5], array[$2], array[$3], array[$1], array[$4], array[$1], array[$5],
            array[null::uuid], 'T-1', clock_timestamp(), gen_random_uuid(), null, null)",
    )
    .bind(at)
    .bind(first)
    .bind(last)
    .bind(from)
    .bind(to)
    .execute(&mut *tx)
    .await
    .expect("the owner may");
    tx
}

#[tokio::test]
async fn what_leaves_the_senders_stock_during_a_receipt_is_found_elsewhere() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    let mut city = office.terminal("16.71/office/1").await;
    store.deliver(&[(1, 1_000)]).await.expect("a delivery");
    let sent = store.dispatch("16.71", &[(1, 100)]).await;
    let sent = sent.expect("a dispatch").shipment_id;
    let other = held_by_another(&office, 0, (101, 102), ("IN_STOCK", "SPOILED")).await;
    let (receipt, ()) = tokio::join!(city.receive(&sent, &[(1, 100), (101, 103)]), async {
        look::until_some(&office.sql, WAITING).await;
        other.commit().await.expect("it is committed");
    });
    let shipment = receipt.expect("a receipt").shipment.expect("a shipment");
    assert_eq!(shipment.state(), ShipmentState::ReceivedWithDifferences);
    assert_eq!(shipment.surplus_quantity, 1, "103 alone was in stock");
    for (serial, place, state) in [
        (102, "centre", CustodyState::Spoiled),
        (103, "16.71", CustodyState::Disputed),
    ] {
        let found = store.locate(serial).await.expect("it is somewhere");
        assert_eq!((found.location.as_str(), found.state()), (place, state));
    }
    let elsewhere = "stock_case where serials = '{[101,103)}' and not in_dispute";
    assert_eq!(look::count(&office.sql, elsewhere).await, 1);
    assert_conserved(&office, &["16.71"], "a receipt that had to look twice").await;
}

#[tokio::test]
async fn what_happens_to_a_mistake_before_it_is_taken_back_is_named() {
    let office = Office::open().await;
    office.stock("35.75", 1, 100).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut second = office.terminal("35.75/office/2").await;
    let wet = spoil(&mut terminal, &[(1, 10)]).await.expect("water")[0].number;
    let asked = reverse(&mut terminal, wet).await.expect("asked");
    let other = held_by_another(&office, 3575, (5, 6), ("SPOILED", "DESTROYED")).await;
    let (refused, ()) = tokio::join!(approve(&mut second, &asked), async {
        look::until_some(&office.sql, WAITING).await;
        other.commit().await.expect("it is committed");
    });
    let refused = refused.expect_err("two are burned");
    assert_eq!(reason(&refused), "MOVEMENT_BLOCKED");
    let named = format!("35.75#{}", wet + 1);
    assert_eq!(metadata(&refused)["movements"], named);
    assert_eq!(terminal.stock_of("").await.spoiled, 8);
}

#[tokio::test]
async fn blanks_that_come_while_the_account_is_read_are_in_it_once() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    let mut terminal = office.terminal("35.75/office/1").await;
    store.deliver(&[(1, 10)]).await.expect("a delivery");
    let sent = store.dispatch("35.75", &[(1, 10)]).await;
    let sent = sent.expect("a dispatch").shipment_id;
    // The stock was read, and what is due in is not yet asked for.
    let mut held = office.sql.begin().await.expect("the database answers");
    sqlx::raw_sql("lock table stock_count in access exclusive mode")
        .execute(&mut *held)
        .await
        .expect("the owner may");
    let mut clerk = terminal.clone();
    let account = tokio::spawn(async move { clerk.account("").await });
    look::until_some(&office.sql, WAITING).await;
    terminal
        .receive(&sent, &[(1, 10)])
        .await
        .expect("a receipt");
    held.commit().await.expect("the database answers");
    let account = account.await.expect("it does not panic");
    let account = account.expect("the account");
    let stock = account.stock.expect("a location");
    assert_eq!((stock.in_stock, stock.in_transit), (0, 10));
    assert_eq!(account.due_in.len(), 1, "they are still on their way");
    assert_eq!(terminal.stock_of("").await.in_stock, 10);
}
