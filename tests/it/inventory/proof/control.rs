//! The proof still holds after settlements, fires and corrections, and what accounts for them cannot be changed unseen.

use ektp::proto::{self, SettlementOutcome};

use super::certify;
use crate::{
    administration::approve,
    inventory::{
        Blanks as _,
        cases::{cases, settle},
        runs,
        write_offs::{burn, replaced, reverse, spoil},
    },
    support::office::{Client, Office, request_id},
};

/// Of fifty blanks ten do not arrive: six had never left, two are lost, two nobody can explain yet. Ten are spoiled, of which
/// five are burned; two more were spoiled by mistake.
async fn a_bad_week(office: &Office) -> Client {
    let mut terminal = replaced(office).await;
    let mut second = office.terminal("35.75/office/2").await;
    let mut sender = office.terminal("35.14/office/1").await;
    office.stock("35.14", 1001, 1100).await;
    let sent = sender.dispatch("35.75", &[(1001, 1050)]).await;
    let sent = sent.expect("a dispatch").shipment_id;
    let received = terminal.receive(&sent, &[(1001, 1040)]).await;
    received.expect("a receipt");
    let case = cases(&mut terminal).await[0].case_id.clone();
    let outcome = SettlementOutcome::AtSender;
    let asked = settle(&mut sender, &case, &[(1041, 1046)], outcome).await;
    let asked = asked.expect("the sender found them");
    approve(&mut terminal, &asked).await.expect("the receiver");
    let asked = settle(
        &mut terminal,
        &case,
        &[(1047, 1048)],
        SettlementOutcome::Lost,
    )
    .await;
    let asked = asked.expect("the receiver gives them up");
    approve(&mut sender, &asked).await.expect("the sender");

    spoil(&mut terminal, &[(1001, 1010)]).await.expect("water");
    let asked = burn(&mut terminal, &[(1001, 1005)], &["ST-1", "ST-2"]).await;
    let asked = asked.expect("the office asks");
    approve(&mut second, &asked).await.expect("a colleague");
    let mistake = spoil(&mut terminal, &[(1011, 1012)]).await;
    let mistake = mistake.expect("the wrong box")[0].number;
    let asked = reverse(&mut terminal, mistake).await;
    let asked = asked.expect("the office asks");
    approve(&mut second, &asked).await.expect("a colleague");
    terminal
}

#[tokio::test]
async fn settlements_fires_and_corrections_leave_the_certificates_true() {
    let office = Office::open().await;
    let mut terminal = a_bad_week(&office).await;
    let mut centre = office.centre("policy").await;
    let mut certificates = Vec::new();
    for scope in ["35.75", "35.14", "35", ""] {
        let certificate = certify(&mut centre, scope).await;
        certificates.push(certificate.expect("it balances").file);
    }
    // Fifty came with the boxes and six of them were never its charge; the sender sent forty-four.
    for (certificate, line) in [
        (&certificates[0], " received 52 sent-on 6 "),
        (&certificates[1], " received 106 sent-on 50 "),
        (&certificates[2], "DESTROYED 5 DISPUTED 2 "),
    ] {
        assert!(certificate.contains(line), "{line} is not in {certificate}");
    }
    // What was lost turns up, and all that was certified is still true of its time.
    let found = proto::RecordFoundRequest {
        request_id: request_id(),
        location: String::new(),
        serials: runs(&[(1047, 1047)]),
        document_number: "RF-1/2017".to_owned(),
    };
    let found = terminal.inventory.record_found(found).await;
    found.expect("behind the shelf");
    for certificate in &certificates {
        office.assert_audited(Some(certificate)).await;
    }
}

#[tokio::test]
async fn cases_records_and_corrections_changed_by_hand_are_found() {
    let office = Office::open().await;
    a_bad_week(&office).await;
    office.assert_audited(None).await;
    for (deed, undone, found) in [
        (
            "update movement set kind = 'PRINTED' where kind = 'SPOILED' and serials @> 1001::bigint",
            "update movement set kind = 'SPOILED' where kind = 'PRINTED' and serials @> 1001::bigint",
            "KIND_DIFFERS 35.75 serials 1001 to 1010: movement ",
        ),
        (
            "update movement set reverses_number = reverses_number - 1 where kind = 'REVERSED'",
            "update movement set reverses_number = reverses_number + 1 where kind = 'REVERSED'",
            "REVERSAL_DIFFERS 35.75 serials 1011 to 1012: movement ",
        ),
        (
            "update stock_case set open_serials = '{}'",
            "update stock_case set open_serials = '{[1049,1051)}'",
            "CASE_DIFFERS 35.75 serials 1049 to 1050: the movements have them DISPUTED, and no case has",
        ),
        (
            "create table kept as select * from stock_case_settlement where outcome = 'LOST';
             delete from stock_case_settlement where outcome = 'LOST'",
            "insert into stock_case_settlement select * from kept; drop table kept",
            " says 10 and lists 0",
        ),
        (
            "update destruction set serials = '{[1001,1005)}', quantity = 4",
            "update destruction set serials = '{[1001,1006)}', quantity = 5",
            "DESTRUCTION_DIFFERS 35.75 serial 1005: the movements have them DESTROYED, and no record of destruction has",
        ),
    ] {
        office.tamper(deed).await;
        let (well, said) = office.audited(None).await;
        assert!(!well && said.contains(found), "{deed}\n{said}");
        office.tamper(undone).await;
    }
    office.assert_audited(None).await;
}
