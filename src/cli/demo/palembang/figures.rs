//! The figures of October: each counted from the system's answers and set beside what the article says.
//!
//! What is easily got wrong: the article names the blanks, the day and the subdistricts. How many wait in this story is told
//! by fewer people, so what follows from that is set beside the story's own arithmetic.

use time::Date;

use super::{
    City,
    plan::{
        ASKED, ASKING_DAY, BLANKS, BLANKS_DAY, FIRST_CARDS, FORGOTTEN, LAST_DAY, LOT, MISSING,
        MONTHS_USE, REST, SECOND_CARDS, SHORT_BOX, SLOW, SLOW_DAY, SUBDISTRICTS,
    },
    stores::pieces,
};
use crate::{
    cli::demo::{
        order,
        place::local_day,
        table::{Figure, Sheet, count, imbalance},
    },
    proto::{
        BlankRequestCause, BlankRequestRoute, BlankRequestState, CustodyState, ErrorReason,
        PrintRequest, Shipment, ShipmentState,
    },
};

/// All figures of the story.
pub fn figures(city: &City) -> Vec<Figure> {
    let mut sheet = Sheet::default();
    cards(city, &mut sheet);
    days(city, &mut sheet);
    delivery(city, &mut sheet);
    distribution(city, &mut sheet);
    missing(city, &mut sheet);
    shortage(city, &mut sheet);
    counted(city, &mut sheet);
    books(city, &mut sheet);
    public(city, &mut sheet);
    let leased = city.print.printed + city.print.spoiled;
    order::figures(&city.proof, leased, &mut sheet);
    sheet.rule("faces");
    sheet.number(
        "faces that show what was recorded",
        leased,
        city.print.faces_right,
    );
    sheet.figures()
}

fn number(small: u32) -> usize {
    usize::try_from(small).expect("a small number")
}

/// A name of the contract without that of its enum.
fn word(name: &'static str) -> &'static str {
    let enums = [
        "BLANK_REQUEST_ROUTE_",
        "BLANK_REQUEST_STATE_",
        "BLANK_REQUEST_CAUSE_",
    ];
    let mut words = enums.iter().filter_map(|prefix| name.strip_prefix(prefix));
    words.next().unwrap_or(name)
}

/// Who is printed: only whoever never had a card, and all of them.
fn cards(city: &City, sheet: &mut Sheet) {
    let second: usize = SECOND_CARDS.iter().map(|(_, share)| share).sum();
    sheet.rule("S2-6");
    sheet.number(
        "never had a card: taken into the queue",
        FIRST_CARDS,
        city.asked.queued.len(),
    );
    sheet.number(
        "second cards refused",
        second,
        city.asked.refused_for(ErrorReason::AlreadyPrinted),
    );
    sheet.number(
        "cards printed in all",
        FIRST_CARDS + SLOW + SUBDISTRICTS,
        city.printed.len(),
    );
    sheet.number("requests left", 0, city.waiting);
}

/// One day, and half a year.
fn days(city: &City, sheet: &mut Sheet) {
    let day = &city.last_day;
    sheet.rule("S2-3");
    sheet.number(
        "enrolled and not checked: refused",
        SLOW,
        day.unchecked.refused_for(ErrorReason::NotPrintReady),
    );
    sheet.rule("S2-7");
    sheet.number(
        "first-timers of one morning, each at the own counter",
        SUBDISTRICTS,
        day.todays.len(),
    );
    sheet.rule("S2-8");
    let is_of_today = |request: &&PrintRequest| {
        let entry = request.entry.as_ref();
        let enrolled = entry.and_then(|entry| local_day(entry.seniority_time.as_ref()));
        let printed = entry.and_then(|entry| local_day(entry.state_time.as_ref()));
        (enrolled, printed) == (Some(LAST_DAY), Some(LAST_DAY))
    };
    sheet.number(
        "enrolled, checked and printed on one day",
        SUBDISTRICTS,
        city.printed.iter().filter(is_of_today).count(),
    );
    sheet.rule("S2-9");
    let since = local_day(day.slowest.received_time.as_ref()).unwrap_or(LAST_DAY);
    let waited = |since: Date| usize::try_from((LAST_DAY - since).whole_days()).unwrap_or_default();
    sheet.number(
        "days in the check, still valid",
        waited(SLOW_DAY),
        waited(since),
    );
    let slow = day.checked.queued.values();
    let slow = slow.filter(|place| !day.todays.contains(place));
    sheet.number(
        "  of half a year, taken in on the day of the verdict",
        SLOW,
        slow.count(),
    );
}

/// Straight from the centre, and the province knows.
fn delivery(city: &City, sheet: &mut Sheet) {
    let supply = &city.supply;
    sheet.rule("S2-10");
    sheet.words(
        "the city's request goes",
        word(BlankRequestRoute::Direct.as_str_name()),
        word(supply.asked.route().as_str_name()),
    );
    sheet.happened("the province is informed", true, supply.informed);
    sheet.happened("the province decides it", false, supply.province_decided);
    sheet.number(
        "blanks asked for",
        number(ASKED),
        count(supply.asked.quantity),
    );
    sheet.number(
        "  of them granted",
        number(BLANKS),
        count(supply.granted.granted_quantity),
    );
    sheet.words(
        "the request at the end",
        word(BlankRequestState::Fulfilled.as_str_name()),
        word(supply.fulfilled.state().as_str_name()),
    );
    sheet.rule("S2-11");
    let took = usize::try_from((BLANKS_DAY - ASKING_DAY).whole_days()).unwrap_or_default();
    sheet.number(
        "days from asking to having, without it",
        took,
        supply.days(),
    );
    sheet.rule("S2-5");
    let received = local_day(supply.shipment.receive_time.as_ref());
    sheet.words(
        "the last delivery came on",
        &BLANKS_DAY.to_string(),
        &received.map(|day| day.to_string()).unwrap_or_default(),
    );
    sheet.number(
        "blanks received from the ministry",
        number(BLANKS),
        count(supply.shipment.received_quantity),
    );
    sheet.happened(
        "taken in by another person than who sent them",
        true,
        is_by_two(&supply.shipment),
    );
}

fn is_by_two(shipment: &Shipment) -> bool {
    !shipment.received_by.is_empty() && shipment.received_by != shipment.dispatched_by
}

/// 20,000 over 18.
fn distribution(city: &City, sheet: &mut Sheet) {
    let shared = &city.shared;
    let shares = &shared.proposed.shares;
    let blanks = number(BLANKS);
    sheet.rule("S2-5");
    sheet.number("subdistricts in the proposal", SUBDISTRICTS, shares.len());
    sheet.number(
        "  people who wait in them",
        FIRST_CARDS.saturating_sub(city.rest.printed),
        count(shared.proposed.total_weight),
    );
    let proposed: u64 = shares.iter().map(|share| share.quantity).sum();
    sheet.number("  sum of the proposed shares", blanks, count(proposed));
    let near = shares.iter().filter(|share| {
        let rounded = u32::try_from(share.quantity).map_or(f64::INFINITY, f64::from);
        (rounded - share.exact_share).abs() < 1.0
    });
    sheet.number(
        "  shares less than a piece from the exact one",
        SUBDISTRICTS,
        near.count(),
    );
    sheet.happened(
        "equal shares of 1,111, which leave 2, are sent",
        false,
        shared.equal_sent,
    );
    sheet.number(
        "shipments to subdistricts in one act",
        SUBDISTRICTS,
        shared.sent.len(),
    );
    let sent: u64 = shared
        .sent
        .iter()
        .map(|sent| sent.dispatched_quantity)
        .sum();
    sheet.number("  blanks in them", blanks, count(sent));
    let by_two = shared.received.iter().filter(|one| is_by_two(one));
    sheet.number("  received by another person", SUBDISTRICTS, by_two.count());
    sheet.happened(
        "who sent them receives them, too",
        false,
        shared.sender_received,
    );
}

/// The box that lacks three pieces.
fn missing(city: &City, sheet: &mut Sheet) {
    let (shared, settled) = (&city.shared, &city.settled);
    let differ = |shipment: &&Shipment| shipment.state() == ShipmentState::ReceivedWithDifferences;
    sheet.rule("S2-5");
    sheet.number(
        "blanks that arrived in the 18 stores",
        number(BLANKS) - MISSING,
        city.arrived,
    );
    sheet.number(
        "boxes that lack pieces (beyond)",
        1,
        shared.received.iter().filter(differ).count(),
    );
    sheet.number(
        "  pieces in the case",
        MISSING,
        pieces(&shared.case.serials),
    );
    sheet.happened("  the city settles it alone", false, settled.alone);
    sheet.number("  settlements by two offices", 2, settled.by_two);
    sheet.number(
        "  pieces that nobody can explain afterwards",
        0,
        pieces(&settled.case.open_serials),
    );
    let lost = city
        .books
        .stores
        .get(SHORT_BOX)
        .map_or(0, |stock| stock.lost);
    sheet.number("  lost for good", MISSING - FORGOTTEN, count(lost));
}

/// The city asks the centre when blanks run short: here the system does, before anybody has.
fn shortage(city: &City, sheet: &mut Sheet) {
    let raised = &city.supply.raised;
    sheet.rule("S2-12");
    sheet.words(
        "the request that low stock raised by itself",
        word(BlankRequestCause::LowStock.as_str_name()),
        word(raised.cause().as_str_name()),
    );
    let backlog = raised.backlog.unwrap_or_default();
    let waiting = FIRST_CARDS.saturating_sub(city.rest.printed);
    sheet.number(
        "  people who wait, as it counted them",
        waiting,
        count(backlog.queued),
    );
    sheet.number(
        "  blanks left, as it counted them",
        0,
        count(backlog.in_stock),
    );
    sheet.number(
        "  blanks asked for: for them, and a month's use",
        waiting + MONTHS_USE,
        count(raised.quantity),
    );
    sheet.words(
        "  taken back by the city, which asks for more",
        word(BlankRequestState::Withdrawn.as_str_name()),
        word(city.supply.withdrawn.as_str_name()),
    );
}

fn counted(city: &City, sheet: &mut Sheet) {
    let counted = &city.counted;
    let result = &counted.result;
    sheet.rule("count");
    sheet.happened(
        "who counts sees what the books say",
        false,
        counted.saw_books,
    );
    let used = counted.printed.printed + counted.printed.spoiled;
    sheet.number("blanks printed on or spoiled meanwhile", LOT, used);
    sheet.number("  explained by that", LOT, count(result.moved));
    sheet.number(
        "  expected, less those",
        count(result.expected).saturating_sub(LOT),
        count(result.counted),
    );
    sheet.number(
        "missing or too many in the store",
        0,
        count(result.missing + result.unexpected),
    );
}

fn books(city: &City, sheet: &mut Sheet) {
    let books = &city.books;
    let all = number(BLANKS) + number(REST);
    sheet.rule("stock");
    sheet.number(
        "blanks that any of the 20 accounts misses",
        0,
        books.accounts().map(imbalance).sum(),
    );
    sheet.happened(
        "the certificate stands its check without a database",
        true,
        books.is_genuine,
    );
    let totals = books.certificate.totals.iter();
    let certified: u64 = totals.map(|total| total.quantity).sum();
    sheet.number("serials that it certifies", all, count(certified));
    sheet.number(
        "  of them printed",
        city.printed.len(),
        count(books.certified(CustodyState::AtSite)),
    );
    sheet.number(
        "  spoiled",
        city.print.spoiled,
        count(books.certified(CustodyState::Spoiled)),
    );
    sheet.number(
        "  lost",
        MISSING - FORGOTTEN,
        count(books.certified(CustodyState::Lost)),
    );
    sheet.number(
        "  blanks in 19 stores",
        all.saturating_sub(city.printed.len() + city.print.spoiled + MISSING - FORGOTTEN),
        count(books.certified(CustodyState::InStock)),
    );
}

/// The public statement says what the stores have.
fn public(city: &City, sheet: &mut Sheet) {
    let (books, said) = (&city.books, &city.books.figures);
    let told = |figure: i64| usize::try_from(figure).unwrap_or(usize::MAX);
    sheet.rule("public");
    sheet.number(
        "on hand, as the stores' accounts have it",
        count(books.sum(|stock| stock.in_stock)),
        told(said.on_hand),
    );
    sheet.number("due in", 0, told(said.due_in));
    sheet.number(
        "waiting without a blank",
        city.waiting,
        told(said.print_ready_waiting),
    );
    sheet.number(
        "printed today",
        city.last_day.printed.printed,
        told(said.printed),
    );
    sheet.number(
        "awaiting collection",
        count(books.sum(|stock| stock.at_site)),
        told(said.awaiting_collection),
    );
}
