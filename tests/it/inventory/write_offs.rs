//! Spoiled in the store, taken back, found again, burned, and taken back in the ledger.

use ektp::proto::{self, CustodyState, MovementKind, SettlementOutcome, SpoilageKind};
use tonic::Status;

use super::{
    Blanks as _, assert_conserved,
    cards::hand_over,
    cases::{cases, settle},
    metadata, runs,
};
use crate::{
    administration::approve,
    support::office::{Client, Office, reason, request_id, violated_fields},
};

pub async fn spoil(
    client: &mut Client,
    ends: &[(i64, i64)],
) -> Result<Vec<proto::Movement>, Status> {
    let request = proto::RecordSpoiledRequest {
        request_id: request_id(),
        location: String::new(),
        serials: runs(ends),
        kind: SpoilageKind::DamagedInStore.into(),
        document_number: "RS-1/2017".to_owned(),
    };
    let answer = client.inventory.record_spoiled(request).await?;
    Ok(answer.into_inner().movements)
}

async fn give_back(client: &mut Client, serials: &[i64]) -> Result<Vec<proto::Movement>, Status> {
    let request = proto::RecordReturnedRequest {
        request_id: request_id(),
        serials: serials.to_vec(),
        document_number: "RK-1/2017".to_owned(),
    };
    let answer = client.inventory.record_returned(request).await?;
    Ok(answer.into_inner().movements)
}

async fn burn(
    client: &mut Client,
    ends: &[(i64, i64)],
    letters: &[&str],
) -> Result<proto::Approval, Status> {
    let witness = |letter: &&str| proto::Witness {
        agency: proto::WitnessAgency::MunicipalPolice.into(),
        assignment_letter: (*letter).to_owned(),
    };
    let request = proto::RecordDestructionRequest {
        request_id: request_id(),
        location: String::new(),
        serials: runs(ends),
        record_number: "BA-470.13/1".to_owned(),
        witnesses: letters.iter().map(witness).collect(),
        purpose: "the weekly fire".to_owned(),
    };
    let answer = client.inventory.record_destruction(request).await?;
    Ok(answer.into_inner().approval.expect("an approval"))
}

pub async fn reverse(client: &mut Client, number: u64) -> Result<proto::Approval, Status> {
    let request = proto::ReverseMovementRequest {
        request_id: request_id(),
        location: String::new(),
        number,
        document_number: "K-1/2017".to_owned(),
        purpose: "the wrong box".to_owned(),
    };
    let answer = client.inventory.reverse_movement(request).await?;
    Ok(answer.into_inner().approval.expect("an approval"))
}

async fn ledger(client: &mut Client, kind: MovementKind) -> Vec<proto::Movement> {
    let request = proto::ListMovementsRequest {
        kind: kind.into(),
        ..proto::ListMovementsRequest::default()
    };
    let page = client.inventory.list_movements(request).await;
    page.expect("a page").into_inner().movements
}

/// Two cards of one person, of which the first was replaced; see `a_new_card_in_the_hand_ends_the_old_one`.
async fn replaced(office: &Office) -> Client {
    office.printed("35.75", 2).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    hand_over(&mut terminal, 1).await;
    sqlx::query("update card set resident_id = (select resident_id from card where serial = 1) where serial = 2")
        .execute(&office.sql)
        .await
        .expect("one card is held, one waits");
    hand_over(&mut terminal, 2).await;
    terminal
}

#[tokio::test]
async fn what_is_destroyed_is_nowhere_else() {
    let office = Office::open().await;
    let mut terminal = replaced(&office).await;
    office.stock("35.75", 101, 200).await;
    let moved = spoil(&mut terminal, &[(101, 110)]).await.expect("water");
    assert_eq!((moved.len(), moved[0].kind()), (1, MovementKind::Spoiled));
    let wet = terminal.locate(105).await.expect("it is here");
    assert_eq!(wet.spoilage_kind(), SpoilageKind::DamagedInStore);
    give_back(&mut terminal, &[1]).await.expect("the old card");
    assert_conserved(&office, &["35.75"], "what waits for the fire").await;

    let letters = ["ST-1", "ST-2"];
    let asked = burn(&mut terminal, &[(1, 1), (101, 110)], &letters).await;
    let asked = asked.expect("the office asks");
    let refused = approve(&mut terminal, &asked).await.expect_err("alone");
    assert_eq!(reason(&refused), "SAME_PERSON");
    let desk = &mut office.centre("policy").await;
    let refused = approve(desk, &asked).await.expect_err("another office");
    assert_eq!(reason(&refused), "APPROVAL_NOT_FOUND");
    let mut second = office.terminal("35.75/office/2").await;
    approve(&mut second, &asked).await.expect("a colleague");

    let stock = terminal.stock_of("").await;
    assert_eq!((stock.destroyed, stock.spoiled, stock.returned), (11, 0, 0));
    assert_conserved(&office, &["35.75"], "the fire").await;
    for serial in [1, 105] {
        let found = terminal.locate(serial).await.expect("it is told");
        assert_eq!(found.state(), CustodyState::Destroyed);
        let last = found.movements.last().expect("a movement");
        assert_eq!(
            (last.kind(), last.to_state()),
            (MovementKind::Destroyed, CustodyState::Destroyed)
        );
        assert_eq!(last.document_number, "BA-470.13/1");
    }
    let cards: i64 =
        sqlx::query_scalar("select count(*) from card where serial = 1 and state = 'DESTROYED'")
            .fetch_one(&office.sql)
            .await
            .expect("the table can be read");
    assert_eq!(cards, 1, "the card's row follows");
    let again = burn(&mut terminal, &[(105, 105)], &letters).await;
    assert_eq!(
        reason(&again.expect_err("burned")),
        "SERIALS_NOT_FOR_DESTRUCTION"
    );
    let fire = last_number(&mut terminal).await;
    let back = reverse(&mut terminal, fire).await;
    assert_eq!(reason(&back.expect_err("never")), "MOVEMENT_NOT_REVERSIBLE");
}

async fn last_number(client: &mut Client) -> u64 {
    let all = ledger(client, MovementKind::Unspecified).await;
    let numbers: Vec<u64> = all.iter().map(|moved| moved.number).collect();
    let dense: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, dense, "the ledger has no hole");
    *numbers.last().expect("movements")
}

#[tokio::test]
async fn a_destruction_without_witnesses_is_refused() {
    let office = Office::open().await;
    office.stock("35.75", 1, 100).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    spoil(&mut terminal, &[(1, 10)]).await.expect("water");
    for letters in [&[][..], &["ST-1"][..]] {
        let refused = burn(&mut terminal, &[(1, 10)], letters).await;
        let refused = refused.expect_err("nobody stood by");
        assert_eq!(violated_fields(&refused), ["witnesses"]);
    }
    let refused = burn(&mut terminal, &[(1, 11)], &["ST-1", "ST-2"]).await;
    let refused = refused.expect_err("a good blank");
    assert_eq!(reason(&refused), "SERIALS_NOT_FOR_DESTRUCTION");
    assert_eq!(metadata(&refused)["first"], "11");
    let alone = sqlx::query(
        "insert into destruction select gen_random_uuid(), gen_random_uuid(), 3575, 3575, 'x', '{[1,2)}', 1,
            '{POLICE}', '{ST-1}', gen_random_uuid(), gen_random_uuid(), now()",
    );
    let refused = alone.execute(&office.sql).await.expect_err("one witness");
    assert!(refused.to_string().contains("destruction_is_witnessed"));
}

#[tokio::test]
async fn only_blanks_of_the_own_stock_are_spoiled_in_the_store() {
    let office = Office::open().await;
    office.stock("35.75", 1, 100).await;
    office.stock("35.76", 101, 200).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    spoil(&mut terminal, &[(1, 5)]).await.expect("water");
    for (serial, why) in [(5, "NOT_HERE"), (150, "NOT_HERE")] {
        let refused = spoil(&mut terminal, &[(serial, serial)]).await;
        let refused = refused.expect_err("not in stock");
        assert_eq!(reason(&refused), "BLANKS_NOT_IN_STOCK");
        assert_eq!(metadata(&refused)["why"], why);
    }
    let part = &mut office.terminal("35.75/35.75.02/1").await;
    let refused = spoil(part, &[(6, 6)]).await.expect_err("the office's");
    assert_eq!(reason(&refused), "OUTSIDE_SUBDISTRICT");
}

#[tokio::test]
async fn only_a_replaced_card_is_taken_back_and_once() {
    let office = Office::open().await;
    let mut terminal = replaced(&office).await;
    let refused = give_back(&mut terminal, &[1, 2])
        .await
        .expect_err("2 is the good one");
    assert_eq!(reason(&refused), "CARD_NOT_REPLACED");
    assert_eq!(metadata(&refused)["serial"], "2");
    let moved = give_back(&mut terminal, &[1]).await.expect("the old one");
    assert_eq!(moved[0].to_state(), CustodyState::Returned);
    let refused = give_back(&mut terminal, &[1])
        .await
        .expect_err("it is back");
    assert_eq!(reason(&refused), "CARD_NOT_REPLACED");

    // It was a mistake: the holder has it still, and its row says again that it was replaced.
    let asked = reverse(&mut terminal, moved[0].number)
        .await
        .expect("asked");
    let mut second = office.terminal("35.75/office/2").await;
    approve(&mut second, &asked).await.expect("a colleague");
    assert_eq!(terminal.stock_of("").await.handed_over, 2);
    give_back(&mut terminal, &[1])
        .await
        .expect("now it is back");
    assert_conserved(&office, &["35.75"], "a card that came back twice").await;
}

#[tokio::test]
async fn what_was_lost_and_turns_up_is_a_case_of_the_centre() {
    let office = Office::open().await;
    let mut store = office.centre("store").await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut desk = office.centre("policy").await;
    store.deliver(&[(1, 100)]).await.expect("a delivery");
    let sent = store
        .dispatch("35.75", &[(1, 100)])
        .await
        .expect("a dispatch");
    let received = terminal.receive(&sent.shipment_id, &[(1, 90)]).await;
    received.expect("a receipt");
    let case = cases(&mut terminal).await[0].case_id.clone();
    let lost = settle(&mut terminal, &case, &[(91, 100)], SettlementOutcome::Lost).await;
    approve(&mut desk, &lost.expect("asked"))
        .await
        .expect("the centre");

    let found = |first, last| proto::RecordFoundRequest {
        request_id: request_id(),
        location: String::new(),
        serials: runs(&[(first, last)]),
        document_number: "RF-1/2017".to_owned(),
    };
    let refused = terminal.inventory.record_found(found(85, 95)).await;
    let refused = refused.expect_err("85 was never lost");
    assert_eq!(reason(&refused), "SERIALS_NOT_LOST");
    assert_eq!(
        (
            metadata(&refused)["first"].as_str(),
            metadata(&refused)["last"].as_str()
        ),
        ("85", "90")
    );
    let answer = terminal.inventory.record_found(found(91, 95)).await;
    let again = answer
        .expect("five turned up")
        .into_inner()
        .stock_case
        .expect("a case");
    assert_eq!(
        (again.kind(), again.counterpart.as_str()),
        (proto::StockCaseKind::FoundAgain, "centre")
    );
    let stock = terminal.stock_of("").await;
    assert_eq!((stock.lost, stock.disputed), (5, 5));
    let open: Vec<String> = cases(&mut terminal)
        .await
        .into_iter()
        .map(|case| case.case_id)
        .collect();
    assert_eq!(open, [again.case_id.clone(), case], "open ones first");
    let here = settle(
        &mut terminal,
        &again.case_id,
        &[(91, 95)],
        SettlementOutcome::FoundHere,
    )
    .await;
    approve(&mut desk, &here.expect("asked"))
        .await
        .expect("the centre");
    // Nobody knows what was done with them: they are kept for destruction.
    let stock = terminal.stock_of("").await;
    assert_eq!((stock.in_stock, stock.spoiled), (90, 5));
    assert_conserved(&office, &["35.75"], "five that turned up").await;
}

#[tokio::test]
async fn a_mistake_is_taken_back_once_and_not_under_what_was_built_on_it() {
    let office = Office::open().await;
    office.stock("35.75", 1, 100).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut second = office.terminal("35.75/office/2").await;
    let wet = spoil(&mut terminal, &[(1, 10)]).await.expect("water")[0].clone();
    let other = spoil(&mut terminal, &[(21, 30)]).await.expect("water")[0].clone();
    let asked = burn(&mut terminal, &[(25, 25)], &["ST-1", "ST-2"]).await;
    approve(&mut second, &asked.expect("asked"))
        .await
        .expect("burned");
    let burned = last_number(&mut terminal).await;
    let refused = reverse(&mut terminal, other.number)
        .await
        .expect_err("one is burned");
    assert_eq!(reason(&refused), "MOVEMENT_BLOCKED");
    assert_eq!(metadata(&refused)["movements"], format!("35.75#{burned}"));

    let asked = reverse(&mut terminal, wet.number).await.expect("asked");
    let refused = approve(&mut terminal, &asked).await.expect_err("alone");
    assert_eq!(reason(&refused), "SAME_PERSON");
    let done = approve(&mut second, &asked).await.expect("a colleague");
    let back = ledger(&mut terminal, MovementKind::Reversed).await;
    assert_eq!(back.len(), 1);
    assert_eq!(done.resource, format!("35.75#{}", back[0].number));
    assert_eq!(
        (back[0].reverses_location.as_str(), back[0].reverses_number),
        ("35.75", wet.number)
    );
    let stock = terminal.stock_of("").await;
    assert_eq!((stock.in_stock, stock.spoiled, stock.destroyed), (90, 9, 1));
    let dry = terminal.locate(5).await.expect("it is here");
    assert_eq!(dry.spoilage_kind(), SpoilageKind::Unspecified);
    let refused = reverse(&mut terminal, wet.number)
        .await
        .expect_err("back already");
    assert_eq!(reason(&refused), "MOVEMENT_ALREADY_REVERSED");
    let refused = reverse(&mut terminal, 999).await.expect_err("none");
    assert_eq!(reason(&refused), "MOVEMENT_NOT_FOUND");
    assert_conserved(&office, &["35.75"], "a correction").await;
}

#[tokio::test]
async fn the_ledger_is_listed_page_by_page_to_its_own_office_alone() {
    let office = Office::open().await;
    office.stock("35.75", 1, 100).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    for first in [1, 3, 5, 7, 9] {
        spoil(&mut terminal, &[(first, first)])
            .await
            .expect("water");
    }
    let all = ledger(&mut terminal, MovementKind::Unspecified).await;
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let request = proto::ListMovementsRequest {
            page_size: 2,
            page_token: token,
            ..proto::ListMovementsRequest::default()
        };
        let page = terminal.inventory.list_movements(request).await;
        let page = page.expect("a page").into_inner();
        assert!(page.movements.len() <= 2);
        paged.extend(page.movements);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all);
    let spoiled = ledger(&mut terminal, MovementKind::Spoiled).await;
    assert_eq!(spoiled.len(), 5);
    assert!(
        spoiled
            .iter()
            .all(|moved| !moved.given_by.is_empty() && !moved.request_id.is_empty())
    );
    let foreign = proto::ListMovementsRequest {
        location: "centre".to_owned(),
        ..proto::ListMovementsRequest::default()
    };
    let refused = terminal.inventory.list_movements(foreign).await;
    assert_eq!(
        reason(&refused.expect_err("the centre's")),
        "LOCATION_NOT_FOUND"
    );
}
