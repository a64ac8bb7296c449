//! Cases: what was missing or found is settled by officers of two offices, and by nobody else.

use ektp::{
    caller::OfficerRole,
    proto::{self, SettlementOutcome},
};
use tonic::{Code, Status};

use super::{Blanks as _, assert_conserved, assert_same, metadata, runs};
use crate::{
    administration::approve,
    support::{
        look,
        office::{Client, Office, reason, request_id},
    },
};

/// The cases that a caller sees.
pub async fn cases(client: &mut Client) -> Vec<proto::StockCase> {
    let request = proto::ListStockCasesRequest::default();
    let page = client.inventory.list_stock_cases(request).await;
    page.expect("a page").into_inner().cases
}

/// Says what became of serials of a case.
pub async fn settle(
    client: &mut Client,
    case: &str,
    ends: &[(i64, i64)],
    outcome: SettlementOutcome,
) -> Result<proto::Approval, Status> {
    let request = proto::SettleStockCaseRequest {
        request_id: request_id(),
        case_id: case.to_owned(),
        serials: runs(ends),
        outcome: outcome.into(),
        document_number: "BA-S/2017".to_owned(),
        purpose: "the box was torn".to_owned(),
    };
    let answer = client.inventory.settle_stock_case(request).await?;
    Ok(answer.into_inner().approval.expect("an approval"))
}

/// Seven hundred blanks of the centre arrive at Kota Pasuruan without fifteen of them; answers the case.
async fn fifteen_missing(office: &Office) -> String {
    let mut store = office.centre("store").await;
    let mut terminal = office.terminal("35.75/office/1").await;
    store.deliver(&[(1, 700)]).await.expect("a delivery");
    let sent = store.dispatch("35.75", &[(1, 700)]).await;
    let sent = sent.expect("a dispatch").shipment_id;
    let received = terminal.receive(&sent, &[(1, 685)]).await;
    received.expect("a receipt");
    let open = cases(&mut terminal).await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].open_serials, runs(&[(686, 700)]));
    assert_eq!(
        (open[0].counterpart.as_str(), open[0].in_dispute),
        ("centre", true)
    );
    let (opened, due) = (open[0].open_time, open[0].due_time);
    let lasts = due.expect("until when").seconds - opened.expect("when").seconds;
    assert_eq!(lasts, 7 * 86_400);
    open[0].case_id.clone()
}

#[tokio::test]
async fn fifteen_missing_of_seven_hundred_are_half_found_and_half_lost() {
    let office = Office::open().await;
    let case = fifteen_missing(&office).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut desk = office.centre("policy").await;
    assert_eq!(cases(&mut desk).await.len(), 1, "the centre sees all");

    let found = settle(
        &mut terminal,
        &case,
        &[(686, 692)],
        SettlementOutcome::FoundHere,
    )
    .await;
    let found = found.expect("the office asks");
    assert_eq!(
        (found.district.as_str(), found.approving_office.as_str()),
        ("35.75", "00.00")
    );
    assert_eq!(
        terminal.stock_of("").await.disputed,
        15,
        "nothing moved yet"
    );
    let done = approve(&mut desk, &found)
        .await
        .expect("the sender's office");
    assert_eq!(done.resource, format!("{case}#1"));
    let open = cases(&mut terminal).await;
    assert_eq!(
        open[0].open_serials,
        runs(&[(693, 700)]),
        "the rest stays open"
    );

    let lost = settle(&mut terminal, &case, &[(693, 700)], SettlementOutcome::Lost).await;
    approve(&mut desk, &lost.expect("the office asks"))
        .await
        .expect("the centre");
    let stock = terminal.stock_of("").await;
    assert_eq!((stock.in_stock, stock.disputed, stock.lost), (692, 0, 8));
    assert_conserved(&office, &["35.75"], "two settlements").await;
    let closed = cases(&mut terminal).await;
    assert_eq!((closed.len(), closed[0].open_serials.len()), (1, 0));

    // Both signatures are in the life of the serial.
    let life = terminal.locate(700).await.expect("it is here").movements;
    let last = life.last().expect("a movement");
    assert_eq!(last.kind(), proto::MovementKind::Lost);
    assert!(
        last.given_by != last.taken_by && !last.given_by.is_empty() && !last.taken_by.is_empty()
    );
    assert_eq!(last.shipment_id, open[0].shipment_id);
    let refused = settle(&mut terminal, &case, &[(690, 695)], SettlementOutcome::Lost).await;
    let refused = refused.expect_err("settled before");
    assert_eq!(reason(&refused), "SERIALS_NOT_IN_CASE");
    assert_eq!(metadata(&refused)["first"], "690");
}

#[tokio::test]
async fn an_officer_of_the_same_office_cannot_approve() {
    let office = Office::open().await;
    let case = fifteen_missing(&office).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut colleague = office.terminal("35.75/office/2").await;
    let asked = settle(&mut terminal, &case, &[(686, 700)], SettlementOutcome::Lost).await;
    let asked = asked.expect("the office asks");
    let pending = proto::ListPendingApprovalsRequest::default();
    let shown = colleague
        .administration
        .list_pending_approvals(pending)
        .await;
    assert_eq!(shown.expect("a page").into_inner().approvals, []);
    let refused = approve(&mut colleague, &asked)
        .await
        .expect_err("the same office");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::NotFound, "APPROVAL_NOT_FOUND")
    );
    let neighbour = &mut office.terminal("35.76/office/1").await;
    assert_same(
        &approve(neighbour, &asked).await.expect_err("a third one"),
        &refused,
    );
    assert_eq!(terminal.stock_of("").await.disputed, 15);

    // And so says the database, whoever writes: the approver is of the named office, a settlement of both.
    let statements = [
        (
            "update approval as a set state = 'DONE', approved_by = o.officer_id, approver_person = o.person_id,
                approved_in = o.district, approved_at = clock_timestamp(), resource = ''
             from officer as o where o.district = 3575 and o.person_id <> a.requester_person",
            "approval_is_of_the_right_office",
        ),
        (
            "insert into stock_case_settlement
             select c.case_id, 1, a.approval_id, c.location, c.district, c.counterpart, c.serials, 15, 'LOST', null, 'x',
                a.requested_by, 3575, a.requested_by, 3575, now()
             from stock_case as c, approval as a",
            "settlement_is_of_two_offices",
        ),
        (
            "insert into stock_case_settlement
             select c.case_id, 1, a.approval_id, c.location, c.district, c.counterpart, c.serials, 15, 'LOST', null, 'x',
                a.requested_by, 3575, a.requested_by, 0, now()
             from stock_case as c, approval as a",
            "settlement_approver_is_of_the_other",
        ),
    ];
    for (statement, constraint) in statements {
        let refused = sqlx::raw_sql(statement).execute(&office.sql).await;
        let refused = refused.expect_err(constraint).to_string();
        assert!(refused.contains(constraint), "{refused}");
    }
}

#[tokio::test]
async fn what_never_left_the_sender_is_in_its_charge_again() {
    let office = Office::open().await;
    office.stock("35.14", 1, 100).await;
    let mut sender = office.terminal("35.14/office/1").await;
    let mut receiver = office.terminal("35.75/office/1").await;
    let sent = sender
        .dispatch("35.75", &[(1, 50)])
        .await
        .expect("a dispatch");
    let received = receiver.receive(&sent.shipment_id, &[(1, 44)]).await;
    received.expect("a receipt");
    let case = cases(&mut sender).await[0].case_id.clone();
    assert_eq!(cases(&mut receiver).await[0].counterpart, "35.14");
    // Here the sender asks and the receiver approves.
    let asked = settle(&mut sender, &case, &[(45, 50)], SettlementOutcome::AtSender).await;
    let asked = asked.expect("the sender found them");
    let desk = &mut office.centre("policy").await;
    let refused = approve(desk, &asked)
        .await
        .expect_err("not the centre's case");
    assert_eq!(reason(&refused), "APPROVAL_NOT_FOUND");
    approve(&mut receiver, &asked)
        .await
        .expect("the other office");
    let (here, there) = (receiver.stock_of("").await, sender.stock_of("").await);
    assert_eq!(
        (here.received, here.sent_on, here.in_stock, here.disputed),
        (50, 6, 44, 0)
    );
    assert_eq!(
        (there.received, there.sent_on, there.in_stock),
        (106, 50, 56)
    );
    let life = sender.locate(47).await.expect("it is here again");
    assert_eq!(
        (life.location.as_str(), life.state()),
        ("35.14", proto::CustodyState::InStock)
    );
    assert_conserved(&office, &["35.75", "35.14"], "a settlement for the sender").await;
}

#[tokio::test]
async fn a_foreign_case_looks_like_a_missing_one_and_outcomes_must_fit() {
    let office = Office::open().await;
    let case = fifteen_missing(&office).await;
    let stranger = &mut office.terminal("35.76/office/1").await;
    assert_eq!(cases(stranger).await, []);
    let foreign = settle(stranger, &case, &[(686, 700)], SettlementOutcome::Lost).await;
    let missing = settle(
        stranger,
        &request_id(),
        &[(686, 700)],
        SettlementOutcome::Lost,
    )
    .await;
    let foreign = foreign.expect_err("foreign");
    assert_eq!(reason(&foreign), "STOCK_CASE_NOT_FOUND");
    assert_same(&foreign, &missing.expect_err("missing"));
    let mut terminal = office.terminal("35.75/office/1").await;
    let noted = settle(
        &mut terminal,
        &case,
        &[(686, 700)],
        SettlementOutcome::Noted,
    )
    .await;
    assert_eq!(
        reason(&noted.expect_err("they are missing")),
        "OUTCOME_NOT_POSSIBLE"
    );
    let part = &mut office.terminal("35.75/35.75.02/1").await;
    let refused = settle(part, &case, &[(686, 700)], SettlementOutcome::Lost).await;
    assert_eq!(
        reason(&refused.expect_err("the office's")),
        "OUTSIDE_SUBDISTRICT"
    );
    let counter = Some(&[OfficerRole::Counter][..]);
    let principal = "ektp://district/35.75/site/office/terminal/3";
    let counter = &mut office.client_as(0, principal, counter).await;
    let refused = settle(counter, &case, &[(686, 700)], SettlementOutcome::Lost).await;
    assert_eq!(
        reason(&refused.expect_err("no stock officer")),
        "ROLE_MAY_NOT_CALL"
    );
    assert_eq!(look::count(&office.sql, "approval").await, 0);
}

#[tokio::test]
async fn what_changed_since_it_was_asked_is_not_settled_twice() {
    let office = Office::open().await;
    let case = fifteen_missing(&office).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut desk = office.centre("policy").await;
    let first = settle(
        &mut terminal,
        &case,
        &[(686, 700)],
        SettlementOutcome::FoundHere,
    )
    .await;
    let second = settle(&mut terminal, &case, &[(700, 700)], SettlementOutcome::Lost).await;
    approve(&mut desk, &first.expect("asked"))
        .await
        .expect("all of it");
    let refused = approve(&mut desk, &second.expect("asked"))
        .await
        .expect_err("gone");
    assert_eq!(reason(&refused), "SERIALS_NOT_IN_CASE");
    let stock = terminal.stock_of("").await;
    assert_eq!((stock.in_stock, stock.lost), (700, 0));
}

/// The centre's own store stands in Jakarta, whose office is the other one of its counts.
#[tokio::test]
async fn what_the_centre_misses_in_its_own_store_is_settled_with_jakarta() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    let mut jakarta = office.client(0, "ektp://province/31").await;
    store.deliver(&[(1, 100)]).await.expect("a delivery");
    let begun = proto::StartCountRequest {
        request_id: request_id(),
        document_number: "SO-1/2017".to_owned(),
        location: String::new(),
    };
    let begun = store.inventory.start_count(begun).await;
    let count = begun.expect("it begins").into_inner().count;
    let ended = proto::SubmitCountRequest {
        request_id: request_id(),
        count_id: count.expect("a count").count_id,
        document_number: "BA-SO-1/2017".to_owned(),
        quantity: Some(0),
    };
    let ended = store.inventory.submit_count(ended).await;
    let case = ended
        .expect("it ends")
        .into_inner()
        .missing_case_ids
        .concat();
    let (found, lost) = (SettlementOutcome::FoundHere, SettlementOutcome::Lost);
    let asked = settle(&mut store, &case, &[(1, 90)], found).await;
    let asked = asked.expect("the centre asks");
    assert_eq!(asked.approving_office, "31");
    approve(&mut jakarta, &asked).await.expect("Jakarta agrees");
    let asked = settle(&mut jakarta, &case, &[(91, 100)], lost).await;
    let desk = &mut office.centre("policy").await;
    approve(desk, &asked.expect("Jakarta asks"))
        .await
        .expect("the centre agrees");
    let stock = store.stock_of("").await;
    assert_eq!((stock.in_stock, stock.disputed, stock.lost), (90, 0, 10));
    assert_conserved(&office, &[], "two settlements with Jakarta").await;
}
