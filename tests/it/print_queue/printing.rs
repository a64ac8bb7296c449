//! What a printer does with its leases: one holder, one blank, and no card that nobody has looked at.

use std::sync::Arc;

use ektp::proto;
use tokio::{sync::Barrier, task::JoinSet};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{entry, leased, steps};
use crate::support::{
    cards::until,
    office::{Client, Office, reason, request_id, violated_fields},
    people::key,
};

async fn bind_one(
    terminal: &mut Client,
    lease: &proto::Lease,
    (serial, chip_uid): (i64, &str),
) -> String {
    let (lease, chip_uid) = (Some(key(lease)), chip_uid.to_owned());
    let bindings = vec![proto::BlankBinding {
        lease,
        serial,
        chip_uid,
    }];
    let request = proto::BindBlanksRequest {
        request_id: request_id(),
        bindings,
    };
    let answer = terminal
        .print_queue
        .bind_blanks(request)
        .await
        .expect("it is answered");
    steps(&answer.into_inner().results).swap_remove(0)
}

#[tokio::test]
async fn the_holder_alone_sees_the_face_and_it_is_the_persons() {
    let office = Office::open().await;
    let (person, resident) = office.print_ready("35.75", 1).await.swap_remove(0);
    let mut terminal = office.terminal("35.75/office/1").await;
    terminal.submit(&[resident]).await;
    office.stock("35.75", 1, 1).await;
    let lease = terminal.lease(1).await.leases.swap_remove(0);
    let face = terminal.face(&lease).await.expect("the holder sees it");
    // Compared without being shown: what is personal stays out of the output of a failing test, too.
    assert!(face.nik == person.nik && face.full_name == person.name);
    assert!(face.address == person.address && face.religion == person.religion);
    assert_eq!(face.birth_date, person.birth_date.to_string());
    assert_eq!(face.district_name, "Kota Pasuruan");
    assert_eq!(
        face.biometric_package,
        format!("package-{}", &person.nik[10..])
    );
    let mut other = office.terminal("35.75/office/2").await;
    let status = other.no_face(&lease).await;
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "FENCED")
    );
    let mut abroad = office.terminal("35.73/office/1").await;
    let foreign = abroad.no_face(&lease).await;
    let nothing = proto::Lease {
        entry: Some(proto::QueueEntry {
            print_request_id: request_id(),
            ..Default::default()
        }),
        ..lease.clone()
    };
    let missing = abroad.no_face(&nothing).await;
    assert_eq!(
        (foreign.code(), foreign.details()),
        (missing.code(), missing.details())
    );
    assert_eq!(reason(&foreign), "PRINT_REQUEST_NOT_FOUND");
    assert_eq!(
        steps(&terminal.bind(std::slice::from_ref(&lease), 1).await),
        ["BOUND"]
    );
    terminal.face(&lease).await.expect("the print goes on");
    terminal.report(std::slice::from_ref(&lease), 1).await;
    let status = terminal.no_face(&lease).await;
    let state = status
        .get_details_error_info()
        .map(|info| info.metadata["state"].clone());
    assert_eq!(state.as_deref(), Some("PRINTED"));
}

#[tokio::test]
async fn a_second_terminal_is_fenced_from_everything() {
    let office = Office::open().await;
    let (mut holder, leases) = leased(&office, 2).await;
    let mut other = office.terminal("35.75/office/2").await;
    let [bound, open] = &leases[..] else {
        unreachable!()
    };
    assert_eq!(
        steps(&holder.bind(std::slice::from_ref(bound), 1).await),
        ["BOUND"]
    );
    assert_eq!(other.renew(open).await, Err("FENCED".to_owned()));
    assert_eq!(
        steps(&other.bind(std::slice::from_ref(open), 2).await),
        ["FENCED"]
    );
    assert_eq!(
        steps(&other.release(std::slice::from_ref(open)).await),
        ["FENCED"]
    );
    assert_eq!(
        steps(&other.report(std::slice::from_ref(bound), 1).await),
        ["FENCED"]
    );
    assert_eq!(steps(&[other.spoil(bound, 1).await]), ["FENCED"]);
    // The holder goes on as if nobody had tried.
    assert_eq!(
        steps(&holder.release(std::slice::from_ref(bound)).await),
        ["WRONG_STATE"]
    );
    assert_eq!(
        steps(&holder.report(std::slice::from_ref(bound), 1).await),
        ["PRINTED"]
    );
    let mut stale = open.clone();
    stale.fence += 1;
    assert_eq!(steps(&holder.bind(&[stale], 2).await), ["FENCED"]);
    assert_eq!(
        steps(&holder.release(std::slice::from_ref(open)).await),
        ["QUEUED"]
    );
    assert_eq!(
        steps(&holder.bind(std::slice::from_ref(open), 2).await),
        ["FENCED"]
    );
}

#[tokio::test]
async fn a_lease_that_ran_out_binds_nothing_until_it_is_renewed() {
    let office = Office::open().await;
    let (mut terminal, mut leases) = leased(&office, 1).await;
    // The chore may be faster and take the lease away; then the terminal is fenced and leases again.
    let lease = loop {
        let lease = leases.swap_remove(0);
        office.let_run_out(&lease).await;
        match bind_one(&mut terminal, &lease, (1, "04A1B2C3"))
            .await
            .as_str()
        {
            "LEASE_EXPIRED" => break lease,
            fate => assert_eq!(fate, "FENCED"),
        }
        leases = terminal.lease(1).await.leases;
    };
    let id = &entry(&lease).print_request_id;
    until("the place is given back", async || {
        terminal.standing(id).await == "QUEUED"
    })
    .await;
    let lease = terminal.lease(1).await.leases.swap_remove(0);
    let end = terminal.renew(&lease).await.expect("it is held");
    let was = lease.lease_expire_time.as_ref().expect("a lease ends");
    assert!((end.seconds, end.nanos) > (was.seconds, was.nanos));
    assert_eq!(
        bind_one(&mut terminal, &lease, (1, "04A1B2C3")).await,
        "BOUND"
    );
}

#[tokio::test]
async fn a_bound_request_in_doubt_waits_for_its_holders_word() {
    let office = Office::open().await;
    let (mut holder, leases) = leased(&office, 2).await;
    assert_eq!(steps(&holder.bind(&leases, 1).await), ["BOUND", "BOUND"]);
    for lease in &leases {
        office.let_run_out(lease).await;
        let id = &entry(lease).print_request_id;
        until("there is doubt", async || {
            holder.standing(id).await == "IN_DOUBT"
        })
        .await;
    }
    office.stock("35.75", 11, 12).await;
    let mut other = office.terminal("35.75/office/2").await;
    assert!(
        other.lease(2).await.leases.is_empty(),
        "there may be a card in the tray"
    );
    assert_eq!(steps(&other.report(&leases[..1], 1).await), ["FENCED"]);
    assert_eq!(
        holder.renew(&leases[0]).await,
        Err("WRONG_STATE".to_owned())
    );
    // One came out well. That of the other the tray holds a ruin is not for one person to say.
    assert_eq!(steps(&holder.report(&leases[..1], 1).await), ["PRINTED"]);
    let refused = holder.spoil(&leases[1], 2).await;
    assert_eq!(steps(&[refused]), ["SECOND_PERSON_REQUIRED"]);
    assert!(other.lease(2).await.leases.is_empty());
}

#[tokio::test]
async fn of_two_subdistrict_terminals_with_one_blank_exactly_one_binds() {
    let office = Office::open().await;
    office.queued("35.75", 2).await;
    office.stock("35.75", 1, 2).await;
    let barrier = Arc::new(Barrier::new(2));
    let mut binding = JoinSet::new();
    for (place, chip) in [
        ("35.75/35.75.01/1", "04AA00000001"),
        ("35.75/35.75.02/1", "04AA00000002"),
    ] {
        let mut terminal = office.terminal(place).await;
        let lease = terminal.lease(1).await.leases.swap_remove(0);
        let barrier = Arc::clone(&barrier);
        binding.spawn(async move {
            barrier.wait().await;
            bind_one(&mut terminal, &lease, (1, chip)).await
        });
    }
    let mut fates = binding.join_all().await;
    fates.sort();
    assert_eq!(fates, ["BLANK_NOT_IN_STOCK", "BOUND"]);
}

#[tokio::test]
async fn a_batch_answers_each_item_and_commits_the_good_ones() {
    let office = Office::open().await;
    let (mut terminal, leases) = leased(&office, 4).await;
    let item = |lease: proto::LeaseKey, serial: i64| proto::BlankBinding {
        lease: Some(lease),
        serial,
        chip_uid: format!("04bb{serial:08}"),
    };
    let stranger = proto::LeaseKey {
        print_request_id: request_id(),
        fence: 1,
    };
    let older = proto::LeaseKey {
        fence: 9,
        ..key(&leases[1])
    };
    let request = proto::BindBlanksRequest {
        request_id: request_id(),
        bindings: vec![
            item(key(&leases[0]), 1),
            item(older, 2),
            item(stranger, 3),
            item(key(&leases[2]), 77),
            item(key(&leases[3]), 4),
        ],
    };
    let answer = terminal.print_queue.bind_blanks(request.clone()).await;
    let answer = answer.expect("the batch is answered").into_inner();
    let fates = [
        "BOUND",
        "FENCED",
        "PRINT_REQUEST_NOT_FOUND",
        "BLANK_NOT_IN_STOCK",
        "BOUND",
    ];
    assert_eq!(steps(&answer.results), fates);
    assert!(answer.committed_revision > 0);
    let again = terminal.print_queue.bind_blanks(request).await;
    assert_eq!(
        again.expect("a repeat gets the first answer").into_inner(),
        answer
    );
    let standings: Vec<String> = {
        let queue = terminal.queue().await;
        queue
            .iter()
            .map(|r| super::state(r.entry.as_ref().expect("an entry")))
            .collect()
    };
    assert_eq!(standings, ["BOUND", "LEASED", "LEASED", "BOUND"]);

    let reports = [leases[0].clone(), leases[3].clone(), leases[2].clone()];
    let fates = steps(&terminal.report(&reports, 1).await);
    assert_eq!(fates, ["PRINTED", "SERIAL_DIFFERS", "WRONG_STATE"]);
    // A chip and a blank belong to one card, for ever.
    assert_eq!(
        bind_one(&mut terminal, &leases[1], (2, "04BB00000001")).await,
        "CHIP_ALREADY_BOUND"
    );
    assert_eq!(
        bind_one(&mut terminal, &leases[1], (1, "04BB00000002")).await,
        "BLANK_NOT_IN_STOCK"
    );
}

#[tokio::test]
async fn every_malformed_binding_is_named_at_once() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let lease = proto::LeaseKey {
        print_request_id: request_id(),
        fence: 1,
    };
    let chip_uid = "04A1B2C3".to_owned();
    let good = proto::BlankBinding {
        lease: Some(lease),
        serial: 1,
        chip_uid,
    };
    let bindings = vec![
        good.clone(),
        proto::BlankBinding {
            lease: None,
            serial: 0,
            chip_uid: "xyz".to_owned(),
        },
        proto::BlankBinding {
            chip_uid: "04a1b2c3".to_owned(),
            ..good
        },
    ];
    let request = proto::BindBlanksRequest {
        request_id: String::new(),
        bindings,
    };
    let status = terminal
        .print_queue
        .bind_blanks(request)
        .await
        .expect_err("it is malformed");
    let expected = [
        "request_id",
        "bindings[1].lease",
        "bindings[1].serial",
        "bindings[1].chip_uid",
        "bindings[2].lease",
        "bindings[2].serial",
        "bindings[2].chip_uid",
    ];
    assert_eq!(violated_fields(&status), expected);
    let blank = proto::SpoiledBlank {
        lease: None,
        serial: 1,
        kind: 0,
    };
    let request = proto::ReportSpoiledRequest {
        request_id: request_id(),
        blanks: vec![blank],
    };
    let status = terminal
        .print_queue
        .report_spoiled(request)
        .await
        .expect_err("it is malformed");
    assert_eq!(
        violated_fields(&status),
        ["blanks[0].kind", "blanks[0].lease"]
    );
}
