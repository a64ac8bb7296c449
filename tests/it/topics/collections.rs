//! WatchCollections: the cards that await their holders, from the printer's report to the handover.

use std::collections::BTreeSet;

use ektp::proto::{self, CollectionState, NoticeState};

use super::{
    follower::{Collections, Follower},
    shows_its_own_district_and_no_other,
};
use crate::support::{
    office::{Client, Office},
    stream::quick,
};

type Cards = Follower<Collections>;

async fn hand_over(terminal: &mut Client, card: &proto::Collection) -> u64 {
    let challenge = terminal.challenge(card).await;
    let receipt = terminal.complete_handover(&challenge, true).await;
    receipt.expect("the holder was matched").committed_revision
}

#[tokio::test]
async fn the_cards_that_wait_are_a_picture_and_then_every_change_in_its_state() {
    let office = Office::open_with(quick()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut follower = Cards::follow(&mut terminal).await;
    let cards = office.printed("35.75", 3).await;
    let opened = follower.change().await;
    assert_eq!(opened.entries.len(), 3, "one report, one change");
    let ids = |cards: &[proto::Collection]| -> BTreeSet<String> {
        cards
            .iter()
            .map(|card| card.collection_id.clone())
            .collect()
    };
    assert_eq!(ids(&opened.entries), ids(&cards));
    // Whoever left a number is told of the card, and the stream says so.
    let waiting = |follower: &Cards| {
        let queued = |card: &&proto::Collection| card.notice_state() == NoticeState::Queued;
        follower.picture.values().filter(queued).count()
    };
    while waiting(&follower) > 0 {
        let told = follower.change().await;
        let sent = |card: &proto::Collection| card.notice_state() == NoticeState::Sent;
        assert!(told.entries.iter().all(sent));
    }
    let revision = hand_over(&mut terminal, &cards[1]).await;
    let handed = follower.change().await;
    assert_eq!(handed.revision, revision);
    assert_eq!(handed.entries[0].state(), CollectionState::HandedOver);
    assert_eq!(handed.entries[0].serial, cards[1].serial);
    assert!(!follower.picture.contains_key(&cards[1].collection_id));
    let mut other = office.terminal("35.75/35.75.02/2").await;
    let fresh = Cards::follow(&mut other).await;
    assert_eq!(fresh.picture, follower.picture);
    assert_eq!(fresh.topic_revision, follower.topic_revision);
    // Resumed, it misses nothing and gets nothing twice.
    let revision = hand_over(&mut terminal, &cards[0]).await;
    let mut resumed = follower.resumed(&mut terminal).await;
    let entries = resumed.changes_to(revision).await;
    assert_eq!(ids(&entries), ids(&cards[..1]));
    assert_eq!(resumed.picture.len(), 1);
}

#[tokio::test]
async fn a_terminal_follows_the_cards_of_its_own_district_and_of_no_other() {
    shows_its_own_district_and_no_other::<Collections>().await;
}
