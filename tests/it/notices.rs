//! Who is told that the card is ready: a message to those with a number, the village's officer for the others (S0-13,
//! S0-14), once for each card, and never in the way of the printing (S1-6, S1-17).

use std::collections::BTreeSet;

use ektp::{
    handover::{Gateway, send_notices},
    proto::{self, NoticeState},
};

use crate::support::{cards::until, office::Office, people::residents};

/// Enough that some of them left a number and some did not.
const CARDS: u32 = 12;

/// The collections of these cards whose holders are called so, sorted.
fn called_by(cards: &[proto::Collection], called: &[NoticeState]) -> BTreeSet<String> {
    let called = cards
        .iter()
        .filter(|card| called.contains(&card.notice_state()));
    called.map(|card| card.collection_id.clone()).collect()
}

fn by_message(cards: &[proto::Collection]) -> BTreeSet<String> {
    called_by(cards, &[NoticeState::Queued, NoticeState::Sent])
}

/// What the log of messages is about, with doubles if there are any.
fn told(lines: &[serde_json::Value]) -> Vec<String> {
    let told = lines.iter().map(|line| line["collection_id"].as_str());
    let mut told: Vec<_> = told.map(|id| id.expect("an id").to_owned()).collect();
    told.sort();
    told
}

/// One more round by hand; the lines of the log file tell what it sent.
async fn one_more_round(office: &Office) {
    let gateway = Gateway::LogFile(office.notices());
    send_notices(office.server(0).desk(), &gateway)
        .await
        .expect("the database answers");
}

/// How many notices match a condition on their rows.
async fn notices(office: &Office, count: &'static str) -> i64 {
    sqlx::query_scalar(count)
        .fetch_one(&office.sql)
        .await
        .expect("the database answers")
}

#[tokio::test]
async fn a_printed_card_calls_its_holder_by_message_or_through_the_village() {
    let office = Office::open().await;
    let people = residents("35.75", CARDS as usize);
    let cards = office.printed("35.75", CARDS).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    // S0-14: no number, a task in the list of the own village.
    let (mut named, mut tasks) = (BTreeSet::new(), BTreeSet::new());
    let villages: BTreeSet<_> = cards.iter().map(|card| &card.village).collect();
    for village in villages {
        for task in terminal.contact_tasks(village).await {
            assert_eq!(&task.village, village);
            named.insert((task.full_name, task.address, task.village));
            tasks.insert(task.collection_id);
        }
    }
    let without: BTreeSet<_> = people
        .iter()
        .filter(|person| person.phone.is_none())
        .map(|person| {
            (
                person.name.clone(),
                person.address.clone(),
                person.village.clone(),
            )
        })
        .collect();
    assert!(
        !without.is_empty() && without.len() < people.len(),
        "some of both"
    );
    assert_eq!(named, without);
    assert_eq!(tasks, called_by(&cards, &[NoticeState::ContactTask]));
    // S0-13: a number, one message; and it says nothing about the person.
    let lines = office.notices_sent(people.len() - without.len()).await;
    assert_eq!(told(&lines), Vec::from_iter(by_message(&cards)));
    let text =
        "KTP-el Anda sudah dicetak. Silakan diambil di kantor Dukcapil Kota Pasuruan. Gratis.";
    for line in &lines {
        assert_eq!(line["text"], text);
        assert!(line["to"].as_str().is_some_and(|to| to.contains("****")));
    }
}

#[tokio::test]
async fn a_report_that_is_sent_twice_sends_one_message() {
    let office = Office::open().await;
    office.stock("35.75", 1, i64::from(CARDS)).await;
    office.queued("35.75", CARDS as usize).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let leases = terminal.lease(CARDS).await.leases;
    terminal.bind(&leases, 1).await;
    terminal.report(&leases, 1).await;
    // Under another request id, as a printer's program does that has forgotten its first one.
    terminal.report(&leases, 1).await;
    let cards = terminal.awaiting().await;
    assert_eq!(cards.len(), CARDS as usize);
    let messages = by_message(&cards);
    office.notices_sent(messages.len()).await;
    until("all messages are marked as sent", async || {
        let cards = office.terminal("35.75/office/2").await.awaiting().await;
        called_by(&cards, &[NoticeState::Sent]) == messages
    })
    .await;
    one_more_round(&office).await;
    let lines = office.notices_sent(messages.len()).await;
    assert_eq!(told(&lines), Vec::from_iter(messages));
}

#[tokio::test]
async fn a_gateway_that_fails_stops_no_printing_and_its_messages_go_later() {
    let office = Office::open().await;
    // Nothing can be appended to a folder.
    std::fs::create_dir(office.notices()).expect("the folder is the test's");
    let cards = office.printed("35.75", CARDS).await;
    let messages = by_message(&cards);
    let wanted = i64::try_from(messages.len()).expect("a dozen");
    until("the gateway has refused every message", async || {
        let tried = "select count(*) from notice where attempts > 0 and state = 'QUEUED'";
        notices(&office, tried).await == wanted
    })
    .await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let waiting = called_by(&terminal.awaiting().await, &[NoticeState::Queued]);
    assert_eq!(waiting, messages);
    std::fs::remove_dir(office.notices()).expect("it is empty");
    // Their next turn would be in a minute or more.
    until("all messages have gone", async || {
        sqlx::query("update notice set due_at = clock_timestamp() where state = 'QUEUED'")
            .execute(&office.sql)
            .await
            .expect("the database answers");
        one_more_round(&office).await;
        called_by(&terminal.awaiting().await, &[NoticeState::Sent]) == messages
    })
    .await;
    let told: BTreeSet<_> = told(&office.notices_sent(messages.len()).await)
        .into_iter()
        .collect();
    assert_eq!(told, messages);
}

#[tokio::test]
async fn nobody_is_called_for_a_card_that_was_collected() {
    let office = Office::open().await;
    std::fs::create_dir(office.notices()).expect("the folder is the test's");
    let cards = office.printed("35.75", CARDS).await;
    let wanted = i64::try_from(by_message(&cards).len()).expect("a dozen");
    let mut terminal = office.terminal("35.75/office/1").await;
    assert_eq!(
        terminal.contact_tasks("").await.len(),
        cards.len() - by_message(&cards).len()
    );
    for card in &cards {
        let challenge = terminal.challenge(card).await;
        let receipt = terminal.complete_handover(&challenge, true).await;
        receipt.expect("the holder was matched");
    }
    assert_eq!(terminal.contact_tasks("").await, []);
    until(
        "no message is due any more, whatever a sender was doing",
        async || {
            let never =
                "select count(*) from notice where state = 'QUEUED' and due_at = 'infinity'";
            notices(&office, never).await == wanted
        },
    )
    .await;
    std::fs::remove_dir(office.notices()).expect("it is empty");
    one_more_round(&office).await;
    assert!(!office.notices().exists(), "no message went out");
}
