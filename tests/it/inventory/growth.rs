//! Custody outgrows the first page of its index while an act looks for its serials.
//!
//! What is easily got wrong: an inner scan of a GiST index that is started anew while the root, until then the only page, is
//! split flags live rows as dead, and whoever searches that index no longer finds them (docs/decisions/0026). Only a search
//! by several runs in one statement, among rows that were moved before, comes there.

use super::Blanks as _;
use crate::{
    stock_race::laws::SEEN_BY_CONSTRAINT,
    support::{look, office::Office},
};

/// Runs of one serial that touch none of the others: a row each, and few enough for one page with what they were before.
fn apart() -> Vec<(i64, i64)> {
    (0..50)
        .map(|i| (100_001 + 2 * i, 100_001 + 2 * i))
        .collect()
}

/// Other serials in the same table, more than a page holds, before the eleventh row of one act.
const GROW: [&str; 2] = [
    "create function grow() returns trigger language plpgsql as $$
    begin
        insert into public.custody (serials, location, state)
        select int8range(j * 10, j * 10 + 5), 0, 'IN_STOCK' from generate_series(1, 400) as j;
        return old;
    end $$",
    "create trigger grows before delete on custody for each row when (lower(old.serials) = 100021) execute function grow()",
];

async fn owner(office: &Office, statement: &'static str) {
    let done = sqlx::query(statement).execute(&office.sql).await;
    done.expect("the owner may");
}

/// The rows that the exclusion constraint would find in the way of all serials.
async fn seen_by_the_constraint(office: &Office) -> i64 {
    let mut tx = office.sql.begin().await.expect("the database answers");
    sqlx::query("set local enable_seqscan = off")
        .execute(&mut *tx)
        .await
        .expect("it is set");
    sqlx::query_scalar(SEEN_BY_CONSTRAINT)
        .fetch_one(&mut *tx)
        .await
        .expect("they are counted")
}

#[tokio::test]
async fn serials_are_found_while_the_index_grows_beyond_its_first_page() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    store.deliver(&apart()).await.expect("a delivery");
    let sent = store.dispatch("35.75", &apart()).await;
    let sent = sent.expect("a dispatch").shipment_id;
    store.cancel(&sent).await.expect("it is called back");
    for statement in GROW {
        owner(&office, statement).await;
    }
    let sent = store.dispatch("35.75", &apart()).await;
    let sent = sent.expect("a dispatch").shipment_id;
    owner(&office, "drop trigger grows on custody").await;
    let rows = look::count(&office.sql, "custody").await;
    assert_eq!(rows, 450, "it grew while they were sent");
    assert_eq!(seen_by_the_constraint(&office).await, rows);
    let mut district = office.terminal("35.75/office/1").await;
    let taken = district.receive(&sent, &apart()).await;
    let taken = taken.expect("a receipt").shipment.expect("a shipment");
    assert_eq!(taken.received_quantity, 50);
}
