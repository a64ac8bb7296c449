//! The handover through the counter's eyes: no match, no card; one card, once; and nobody else's card at all.
//!
//! A challenge's time is the database's. Where a test needs it to be over it says so to the database instead of waiting.

use std::sync::Arc;

use ektp::proto::{self, CollectionState};
use tokio::{sync::Barrier, task::JoinSet};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::support::{
    cards::completion,
    office::{Client, Office, reason, request_id, violated_fields},
};

/// A value of a refusal's ErrorInfo.
fn metadata(status: &Status, key: &str) -> Option<String> {
    status.get_details_error_info()?.metadata.get(key).cloned()
}

/// What a client can tell one refusal from another by.
fn whole(status: &Status) -> (Code, String, Vec<u8>) {
    let details = status.details().to_vec();
    (status.code(), status.message().to_owned(), details)
}

/// Which cards, in their order; the notices go on meanwhile.
fn ids(cards: &[proto::Collection]) -> Vec<&str> {
    cards.iter().map(|card| &*card.collection_id).collect()
}

/// One printed card and the terminal at the office's counter.
async fn one_card(office: &Office) -> (Client, proto::Collection) {
    let card = office.printed("35.75", 1).await.swap_remove(0);
    (office.terminal("35.75/office/1").await, card)
}

#[tokio::test]
async fn printing_and_handing_over_are_two_counts_at_the_same_office() {
    let office = Office::open().await;
    let cards = office.printed("35.75", 3).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let challenge = terminal.challenge(&cards[1]).await;
    assert_eq!(ids(challenge.collection.as_slice()), ids(&cards[1..2]));
    assert_eq!(challenge.nonce.len(), 32);
    let receipt = terminal
        .complete_handover(&challenge, true)
        .await
        .expect("the holder was matched");
    assert_eq!(receipt.collection_id, cards[1].collection_id);
    assert_eq!(receipt.serial, cards[1].serial);
    assert!(!receipt.repeated && receipt.committed_revision > 0);
    let left = terminal.awaiting().await;
    assert_eq!(left.len(), 2);
    assert!(
        !left
            .iter()
            .any(|card| card.collection_id == receipt.collection_id)
    );
    assert!(
        left.iter()
            .all(|card| card.state() == CollectionState::Awaiting)
    );
    // S0-17.
    let stock = terminal
        .inventory
        .get_stock(proto::GetStockRequest::default())
        .await
        .expect("the stock is answered")
        .into_inner()
        .stock
        .expect("a stock");
    assert_eq!((stock.at_site, stock.handed_over), (2, 1));
}

#[tokio::test]
async fn without_a_match_the_card_stays_at_the_site() {
    let office = Office::open().await;
    let (mut terminal, card) = one_card(&office).await;
    let challenge = terminal.challenge(&card).await;
    // S3-8: a presence that nobody vouches for is none.
    let mut absent = completion(&challenge, true);
    absent.evidence = None;
    let refused = terminal.handover.complete_handover(absent).await;
    let refused = refused.expect_err("nobody was presented");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(violated_fields(&refused), ["evidence"]);
    // S3-9.
    let refused = terminal
        .complete_handover(&challenge, false)
        .await
        .expect_err("another person stands there");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "MATCH_FAILED");
    assert_eq!(metadata(&refused, "attempts_left").as_deref(), Some("3"));
    assert_eq!(ids(&terminal.awaiting().await), [card.collection_id]);
    // The right person comes within the same challenge.
    terminal
        .complete_handover(&challenge, true)
        .await
        .expect("the holder was matched");
}

#[tokio::test]
async fn four_failed_matches_end_the_challenge_and_a_repeat_of_one_is_counted_once() {
    let office = Office::open().await;
    let (mut terminal, card) = one_card(&office).await;
    let earlier = terminal.challenge(&card).await;
    let refused = terminal.complete_handover(&earlier, false).await;
    refused.expect_err("no match; the next challenge does not count it");
    let challenge = terminal.challenge(&card).await;
    for left in ["3", "2", "1", "0"] {
        let request = completion(&challenge, false);
        let first = terminal
            .handover
            .complete_handover(request.clone())
            .await
            .expect_err("no match");
        assert_eq!(metadata(&first, "attempts_left").as_deref(), Some(left));
        let again = terminal.handover.complete_handover(request).await;
        assert_eq!(whole(&again.expect_err("the same answer")), whole(&first));
    }
    let refused = terminal.complete_handover(&challenge, true).await;
    let refused = refused.expect_err("the challenge is gone");
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(reason(&refused), "CHALLENGE_NOT_FOUND");
    let fresh = terminal.challenge(&card).await;
    terminal
        .complete_handover(&fresh, true)
        .await
        .expect("the right person came");
}

#[tokio::test]
async fn an_expired_challenge_hands_nothing_over() {
    let office = Office::open().await;
    let (mut terminal, card) = one_card(&office).await;
    let challenge = terminal.challenge(&card).await;
    sqlx::query("update challenge set expires_at = clock_timestamp()")
        .execute(&office.sql)
        .await
        .expect("the database answers");
    let refused = terminal
        .complete_handover(&challenge, true)
        .await
        .expect_err("five minutes are over");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "CHALLENGE_EXPIRED");
    assert_eq!(terminal.awaiting().await.len(), 1);
    let fresh = terminal.challenge(&card).await;
    terminal
        .complete_handover(&fresh, true)
        .await
        .expect("the new one is open");
}

#[tokio::test]
async fn only_the_latest_challenge_its_nonce_and_its_terminal_count() {
    let office = Office::open().await;
    let (mut terminal, card) = one_card(&office).await;
    let mut neighbour = office.terminal("35.75/office/2").await;
    let earlier = terminal.challenge(&card).await;
    let later = neighbour.challenge(&card).await;
    let replaced = terminal.complete_handover(&earlier, true).await;
    let replaced = replaced.expect_err("a later one took its place");
    assert_eq!(reason(&replaced), "CHALLENGE_NOT_FOUND");
    let foreign = terminal.complete_handover(&later, true).await;
    let foreign = foreign.expect_err("another terminal's");
    assert_eq!(whole(&foreign), whole(&replaced));
    let mut wrong = later.clone();
    wrong.nonce[31] ^= 1;
    for matched in [true, false, false, false, false] {
        let refused = neighbour.complete_handover(&wrong, matched).await;
        let refused = refused.expect_err("the nonce is wrong");
        assert_eq!(reason(&refused), "CHALLENGE_WRONG");
    }
    neighbour
        .complete_handover(&later, true)
        .await
        .expect("wrong nonces are not counted as fingers");
}

#[tokio::test]
async fn sixteen_completions_at_once_hand_the_card_over_once() {
    let office = Office::open().await;
    let (mut terminal, card) = one_card(&office).await;
    let challenge = terminal.challenge(&card).await;
    let together = Arc::new(Barrier::new(16));
    let mut completions = JoinSet::new();
    for _ in 0..16 {
        let (mut terminal, challenge) = (terminal.clone(), challenge.clone());
        let together = Arc::clone(&together);
        completions.spawn(async move {
            together.wait().await;
            terminal.complete_handover(&challenge, true).await
        });
    }
    let receipts: Vec<_> = completions
        .join_all()
        .await
        .into_iter()
        .map(|answer| answer.expect("a second attempt gets the first one's receipt"))
        .collect();
    let first: Vec<_> = receipts.iter().filter(|r| !r.repeated).collect();
    assert_eq!(first.len(), 1, "one of them did it");
    let first = first[0];
    for receipt in &receipts {
        assert_eq!(receipt.serial, first.serial);
        assert_eq!(receipt.collection_id, first.collection_id);
        assert_eq!(receipt.handover_time, first.handover_time);
        let surrendered = receipt.interim_certificate_surrendered;
        assert_eq!(surrendered, first.interim_certificate_surrendered);
    }
    let life = terminal
        .inventory
        .locate_blank(proto::LocateBlankRequest {
            serial: card.serial,
        })
        .await
        .expect("the card is known")
        .into_inner();
    let handed_over =
        |movement: &&proto::Movement| movement.kind() == proto::MovementKind::HandedOver;
    assert_eq!(life.movements.iter().filter(handed_over).count(), 1);
}

#[tokio::test]
async fn a_card_that_is_gone_answers_with_its_receipt_or_the_day() {
    let office = Office::open().await;
    let (mut terminal, card) = one_card(&office).await;
    let challenge = terminal.challenge(&card).await;
    let receipt = terminal
        .complete_handover(&challenge, true)
        .await
        .expect("the holder was matched");
    office
        .clock
        .set(office.clock.now() + time::Duration::days(1));
    let again = terminal
        .complete_handover(&challenge, true)
        .await
        .expect("the challenge is gone, its receipt is not");
    assert!(again.repeated);
    assert_eq!(again.handover_time, receipt.handover_time);
    assert_eq!(
        (again.serial, again.committed_revision),
        (receipt.serial, 0)
    );
    let refused = terminal.start_handover(&card.collection_id).await;
    let refused = refused.expect_err("the card is with its holder");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "ALREADY_HANDED_OVER");
    let day = metadata(&refused, "handover_date");
    assert_eq!(day.as_deref(), Some("2017-04-18"));
    let mut neighbour = office.terminal("35.75/office/2").await;
    let refused = neighbour.complete_handover(&challenge, true).await;
    assert_eq!(
        reason(&refused.expect_err("not its receipt")),
        "CHALLENGE_NOT_FOUND"
    );
}

#[tokio::test]
async fn the_handover_takes_the_interim_certificate_back() {
    let office = Office::open().await;
    let (mut terminal, card) = one_card(&office).await;
    let certificate = async |terminal: &mut Client| {
        let list = proto::ListEnrolmentsRequest::default();
        let listed = terminal.registration.list_enrolments(list).await;
        let enrolment = listed
            .expect("the list is answered")
            .into_inner()
            .enrolments
            .swap_remove(0);
        let key = proto::get_enrolment_request::Key::EnrolmentId(enrolment.enrolment_id);
        let request = proto::GetEnrolmentRequest { key: Some(key) };
        let found = terminal.registration.get_enrolment(request).await;
        let enrolment = found
            .expect("the enrolment is there")
            .into_inner()
            .enrolment;
        enrolment.and_then(|enrolment| enrolment.interim_certificate)
    };
    let active = certificate(&mut terminal).await.map(|paper| paper.state());
    assert_eq!(active, Some(proto::InterimCertificateState::Active));
    let challenge = terminal.challenge(&card).await;
    let receipt = terminal
        .complete_handover(&challenge, true)
        .await
        .expect("the holder was matched");
    assert!(receipt.interim_certificate_surrendered);
    let active = certificate(&mut terminal).await.map(|paper| paper.state());
    assert_ne!(active, Some(proto::InterimCertificateState::Active));
}

#[tokio::test]
async fn a_card_out_of_reach_looks_exactly_like_a_missing_one() {
    let office = Office::open().await;
    let (mut terminal, card) = one_card(&office).await;
    let subdistrict = &card.village[..8];
    let other = if subdistrict == "35.75.01" {
        "35.75.02"
    } else {
        "35.75.01"
    };
    let challenge = terminal.challenge(&card).await;
    for place in ["35.73/office/1".to_owned(), format!("35.75/{other}/1")] {
        let mut stranger = office.terminal(&place).await;
        assert_eq!(stranger.awaiting().await, []);
        assert_eq!(stranger.contact_tasks("").await, []);
        let foreign = stranger.start_handover(&card.collection_id).await;
        let foreign = foreign.expect_err("out of reach");
        let missing = stranger.start_handover(&Uuid::new_v4().to_string()).await;
        assert_eq!(
            whole(&foreign),
            whole(&missing.expect_err("missing")),
            "{place}"
        );
        assert_eq!(reason(&foreign), "COLLECTION_NOT_FOUND");
        let foreign = stranger.complete_handover(&challenge, true).await;
        let foreign = foreign.expect_err("out of reach");
        let mut unknown = challenge.clone();
        unknown.challenge_id = request_id();
        let missing = stranger.complete_handover(&unknown, true).await;
        assert_eq!(
            whole(&foreign),
            whole(&missing.expect_err("missing")),
            "{place}"
        );
        assert_eq!(reason(&foreign), "CHALLENGE_NOT_FOUND");
    }
    let mut own = office.terminal(&format!("35.75/{subdistrict}/1")).await;
    assert_eq!(ids(&own.awaiting().await), [&*card.collection_id]);
    let challenge = own.challenge(&card).await;
    let receipt = own.complete_handover(&challenge, true).await;
    assert_eq!(receipt.expect("the holder was matched").serial, card.serial);
}

#[tokio::test]
async fn the_pages_of_the_awaiting_show_every_card_once_in_order() {
    let office = Office::open().await;
    let cards = office.printed("35.75", 7).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = proto::ListAwaitingRequest {
            page_size: 3,
            page_token,
            ..Default::default()
        };
        let page = terminal.handover.list_awaiting(request).await;
        let page = page.expect("a page").into_inner();
        assert!(page.collections.len() <= 3);
        seen.extend(page.collections);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
        let other_list = proto::ListAwaitingRequest {
            subdistrict: "35.75.01".to_owned(),
            page_token: page_token.clone(),
            ..Default::default()
        };
        let refused = terminal.handover.list_awaiting(other_list).await;
        assert_eq!(
            violated_fields(&refused.expect_err("another list's token")),
            ["page_token"]
        );
    }
    assert_eq!(ids(&seen), ids(&cards));
}
