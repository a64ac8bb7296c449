//! What there is before the race: blanks in each office, units, people who wait for cards, and old cards that newer ones have
//! replaced.

use ektp::proto::{self, UnitKind, VerdictOutcome};

use crate::{
    fire::world::World,
    support::{
        office::{Client, request_id},
        people::{deliver, residents},
        soak,
    },
};

const DISTRICT: &str = "35.75";
/// People of whom each has an old card and a new one.
const PAIRS: usize = 6;
/// As many as one call takes.
const BATCH: usize = 100;
/// Who waits for a card, in the ordinary suite and in a soak.
const WAITING: (usize, usize) = (40, 400);
/// What each office has, and the centre besides.
const STOCK: [(&str, &str, i64, i64); 4] = [
    (
        "35.75",
        "ektp://district/35.75/site/office/terminal/98",
        1_001,
        1_600,
    ),
    (
        "35.76",
        "ektp://district/35.76/site/office/terminal/98",
        1_601,
        1_900,
    ),
    (
        "35.14",
        "ektp://district/35.14/site/office/terminal/98",
        1_901,
        2_200,
    ),
    ("35", "ektp://province/35", 2_201, 2_500),
];
const AT_THE_CENTRE: (i64, i64) = (2_501, 4_000);

/// Furnishes the offices; answers the serials of the old cards.
pub async fn furnish(world: &World) -> Vec<i64> {
    let sql = world.sql();
    let client = async |principal: &str| super::lines(world, &sql, principal).await.remove(0);
    let mut store = client("ektp://centre/store").await;
    let mut terminal = client("ektp://district/35.75/site/office/terminal/99").await;
    let mut matcher = client("ektp://centre/matcher").await;
    let cards = i64::try_from(2 * PAIRS).expect("a few");
    deliver(&mut store, &mut terminal, DISTRICT, (1, cards)).await;
    queue(&mut terminal, &mut matcher).await;
    let leases = terminal.lease(u32::try_from(cards).expect("a few")).await;
    terminal.bind(&leases.leases, 1).await;
    terminal.report(&leases.leases, 1).await;
    let old = i64::try_from(PAIRS).expect("a few");
    hand_over(&mut terminal, 1..=old).await;
    // The other cards are for the same people.
    let same = "update card as c set resident_id = (select o.resident_id from card as o where o.serial = c.serial - $1)
        where c.serial > $1";
    let done = sqlx::query(same).bind(old).execute(&sql).await;
    done.expect("one card of each is held, one waits");
    hand_over(&mut terminal, old + 1..=cards).await;

    for (office, principal, first, last) in STOCK {
        let mut receiver = client(principal).await;
        deliver(&mut store, &mut receiver, office, (first, last)).await;
    }
    let (first, last) = AT_THE_CENTRE;
    let delivery = proto::RegisterDeliveryRequest {
        request_id: request_id(),
        document_number: "BA-1/2018".to_owned(),
        serials: vec![proto::SerialRange { first, last }],
    };
    let delivered = store.inventory.register_delivery(delivery).await;
    delivered.expect("a delivery");
    for (filled_by, kind) in [(DISTRICT, UnitKind::Hopper), ("35.75.02", UnitKind::Mobile)] {
        let unit = proto::OpenLocationRequest {
            request_id: request_id(),
            kind: kind.into(),
            filled_by: filled_by.to_owned(),
        };
        let opened = terminal.inventory.open_location(unit).await;
        opened.expect("the first unit");
    }
    (1..=old).collect()
}

/// People with interim certificates, found unique, in the queue.
async fn queue(terminal: &mut Client, matcher: &mut Client) {
    let waiting = soak::either(WAITING.0, WAITING.1) + 2 * PAIRS;
    let (mut enrolments, mut people) = (Vec::new(), Vec::new());
    for person in residents(DISTRICT, waiting) {
        let (enrolment, resident) = terminal.enrol(&person).await;
        enrolments.push(enrolment);
        people.push(resident);
    }
    for (enrolments, people) in enrolments.chunks(BATCH).zip(people.chunks(BATCH)) {
        terminal.certify(enrolments).await;
        let count = u32::try_from(enrolments.len()).expect("a hundred");
        let tasks = matcher.lease_checks(count).await;
        matcher.decide(&tasks, VerdictOutcome::Unique).await;
        terminal.submit(people).await;
    }
}

/// Hands cards to their holders.
async fn hand_over(terminal: &mut Client, serials: std::ops::RangeInclusive<i64>) {
    let waiting = terminal.awaiting().await.into_iter();
    for card in waiting.filter(|card| serials.contains(&card.serial)) {
        let challenge = terminal.challenge(&card).await;
        let handed = terminal.complete_handover(&challenge, true).await;
        handed.expect("the holder was matched");
    }
}
