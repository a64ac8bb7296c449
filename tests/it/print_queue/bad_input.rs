//! What a printer may get wrong: each mistake has its own answer, and costs nobody else anything.

use ektp::proto;

use super::{leased, stepped, steps};
use crate::support::{
    office::{Client, Office, request_id},
    people::key,
};

async fn bind_chip(
    terminal: &mut Client,
    lease: &proto::Lease,
    (serial, chip_uid): (i64, &str),
) -> String {
    let bindings = vec![proto::BlankBinding {
        lease: Some(key(lease)),
        serial,
        chip_uid: chip_uid.to_owned(),
    }];
    let request = proto::BindBlanksRequest {
        request_id: request_id(),
        bindings,
    };
    let answer = terminal.print_queue.bind_blanks(request).await;
    steps(&answer.expect("it is answered").into_inner().results).swap_remove(0)
}

#[tokio::test]
async fn an_unknown_fence_and_a_foreign_lease_do_nothing() {
    let office = Office::open().await;
    let (mut holder, leases) = leased(&office, 1).await;
    let unknown = proto::Lease {
        fence: 1_000_000,
        ..leases[0].clone()
    };
    let mut other = office.terminal("35.75/office/2").await;
    for (terminal, lease) in [(&mut holder, &unknown), (&mut other, &leases[0])] {
        let lease = std::slice::from_ref(lease);
        assert_eq!(steps(&terminal.bind(lease, 1).await), ["FENCED"]);
        assert_eq!(steps(&terminal.report(lease, 1).await), ["FENCED"]);
        assert_eq!(steps(&terminal.release(lease).await), ["FENCED"]);
        assert_eq!(terminal.renew(&lease[0]).await, Err("FENCED".to_owned()));
        assert_eq!(steps(&[terminal.spoil(&lease[0], 1).await]), ["FENCED"]);
    }
    // In another district there is no such request.
    let mut abroad = office.terminal("35.73/office/1").await;
    assert_eq!(
        steps(&abroad.bind(&leases, 1).await),
        ["PRINT_REQUEST_NOT_FOUND"]
    );
    assert_eq!(office.rows("print_incident").await, 0);
    assert_eq!(steps(&holder.bind(&leases, 1).await), ["BOUND"]);
}

#[tokio::test]
async fn a_bind_of_a_serial_that_is_elsewhere_is_refused() {
    let office = Office::open().await;
    let (mut terminal, leases) = leased(&office, 2).await;
    office.stock("35.73", 101, 101).await;
    assert_eq!(steps(&terminal.bind(&leases[..1], 1).await), ["BOUND"]);
    // In another district, bound to another person, and nowhere.
    for serial in [101, 1, 999] {
        let chip = format!("04FF{serial:08}");
        let fate = bind_chip(&mut terminal, &leases[1], (serial, &chip)).await;
        assert_eq!(fate, "BLANK_NOT_IN_STOCK", "{serial}");
    }
    assert_eq!(
        bind_chip(&mut terminal, &leases[1], (2, "04FF00000002")).await,
        "BOUND"
    );
}

#[tokio::test]
async fn the_same_chip_uid_is_bound_once_in_the_whole_nation() {
    let office = Office::open().await;
    let (mut terminal, leases) = leased(&office, 2).await;
    let chip = "04A1B2C3D4";
    assert_eq!(
        bind_chip(&mut terminal, &leases[0], (1, chip)).await,
        "BOUND"
    );
    let lower = chip.to_ascii_lowercase();
    for chip in [chip, lower.as_str()] {
        let fate = bind_chip(&mut terminal, &leases[1], (2, chip)).await;
        assert_eq!(fate, "CHIP_ALREADY_BOUND");
    }
    office.queued("35.73", 1).await;
    office.stock("35.73", 101, 101).await;
    let mut abroad = office.terminal("35.73/office/1").await;
    let there = abroad.lease(1).await.leases;
    assert_eq!(
        bind_chip(&mut abroad, &there[0], (101, chip)).await,
        "CHIP_ALREADY_BOUND"
    );
}

#[tokio::test]
async fn a_report_without_a_bind_is_refused_and_the_lease_stays() {
    let office = Office::open().await;
    let (mut terminal, leases) = leased(&office, 1).await;
    assert_eq!(steps(&terminal.report(&leases, 1).await), ["WRONG_STATE"]);
    let spoiled = terminal.spoil(&leases[0], 1).await;
    let refused = stepped(&spoiled).expect_err("nothing is bound");
    assert_eq!(refused.metadata["state"], "LEASED");
    assert_eq!(steps(&terminal.bind(&leases, 1).await), ["BOUND"]);
}
