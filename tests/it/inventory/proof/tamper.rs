//! Whoever owns the database changes it by hand, and is found.

use super::{certify, kept};
use crate::support::{Folder, office::Office};

#[tokio::test]
async fn a_serial_changed_by_hand_in_custody_is_found_by_the_audit() {
    let office = Office::open().await;
    office.busy().await;
    office.assert_audited(None).await;
    // Serial 50 goes from the store of Kota Pasuruan to the centre, as custody alone has it.
    office
        .tamper(
            "update custody set serials = int8range(1, 50) where serials @> 50::bigint;
             insert into custody values (int8range(51, 101), 3575, 'IN_STOCK'), (int8range(50, 51), 0, 'IN_STOCK')",
        )
        .await;
    let (well, said) = office.audited(None).await;
    let found = "CUSTODY_DIFFERS centre serial 50: custody has them IN_STOCK at centre, \
                 the movements IN_STOCK at 35.75";
    assert!(!well && said.contains(found), "{said}");
    assert!(said.contains("1 findings"), "and nothing else: {said}");
}

#[tokio::test]
async fn a_serial_changed_in_movements_and_custody_is_found_with_an_older_certificate() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    office.stock("35.75", 1, 100).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let of_district = certify(&mut terminal, "").await.expect("it balances").file;
    let of_nation = certify(&mut store, "").await.expect("it balances").file;
    office.stock("35.75", 201, 300).await;
    // Serial 100 was never sent: so the movements, the shipment and custody say from now on.
    office
        .tamper(
            "update movement set serials = int8range(1, 100) where kind <> 'DELIVERED' and serials @> 100::bigint;
             update shipment set serials = '{[1,100)}', dispatched_quantity = 99, received_quantity = 99
             where serials @> 100::bigint;
             update custody set serials = int8range(1, 100) where serials @> 100::bigint;
             insert into custody values (int8range(100, 101), 0, 'IN_STOCK')",
        )
        .await;
    office.assert_audited(None).await;
    let (well, said) = office.audited(Some(&of_district)).await;
    let found = "CERTIFICATE_DIFFERS 35.75: IN_STOCK was 100, the movements give 99";
    assert!(!well && said.contains(found), "{said}");
    let (well, said) = office.audited(Some(&of_nation)).await;
    let at_the_centre = "CERTIFICATE_DIFFERS centre: IN_STOCK was 0, the movements give 1";
    assert!(
        !well && said.contains(found) && said.contains(at_the_centre),
        "{said}"
    );
    // A certificate that was changed to fit is no proof of anything.
    let folder = Folder::new();
    let path = kept(
        &folder,
        "kept.txt",
        &of_district.replace("IN_STOCK 100", "IN_STOCK 99"),
    );
    let (well, said) = office
        .ektp(&folder, &["audit-stock", "--certificate", &path])
        .await;
    assert!(
        !well && said.contains("it was changed after it was signed"),
        "{said}"
    );
}

#[tokio::test]
async fn every_other_change_by_hand_is_told_for_what_it_is() {
    let office = Office::open().await;
    office.busy().await;
    for (deed, undone, found) in [
        (
            "update card set state = 'HANDED_OVER' where serial = 102",
            "update card set state = 'AT_SITE' where serial = 102",
            "CARD_DIFFERS 35.75 serial 102",
        ),
        (
            "update location set movements = 10 where location = 3575",
            "update location set movements = 9 where location = 3575",
            "NUMBER_MISSING 35.75: the location counts 10 movements, the last one is 9",
        ),
        (
            "update delivery set quantity = 2001 where movement = 1",
            "update delivery set quantity = 2000 where movement = 1",
            "DELIVERY_DIFFERS centre: the delivery of movement 1 was 2001",
        ),
        (
            "update shipment set serials = '{[501,700)}' where destination = 3514",
            "update shipment set serials = '{[501,701)}' where destination = 3514",
            "SHIPMENT_DIFFERS 35.14 serial 700",
        ),
        (
            "update movement set to_state = 'AT_SITE' where kind = 'BOUND' and serials @> 103::bigint",
            "update movement set to_state = 'BOUND' where kind = 'BOUND' and serials @> 103::bigint",
            "CUSTODY_DIFFERS 35.75 serial 103",
        ),
        (
            "create table kept as select * from movement where location = 3575 and number = 5;
             delete from movement where location = 3575 and number = 5",
            "insert into movement select * from kept; drop table kept",
            "NUMBER_MISSING 35.75: numbers 5 to 5 are not there",
        ),
        (
            "update movement set serials = int8range(1, 302) where kind = 'RECEIVED' and serials @> 1::bigint",
            "update movement set serials = int8range(1, 301) where kind = 'RECEIVED' and serials @> 1::bigint",
            "NOT_THERE 35.75 serial 301",
        ),
    ] {
        office.tamper(deed).await;
        let (well, said) = office.audited(None).await;
        assert!(!well && said.contains(found), "{deed}\n{said}");
        office.tamper(undone).await;
    }
    office.assert_audited(None).await;
}
