//! What the screen and the lines say of a small district.

use time::macros::datetime;

use super::*;
use crate::{
    cli::{
        follow::Watched as _,
        stock::ask::{Account, Asker},
    },
    ids::District,
    proto::StockCaseKind,
};

fn district() -> District {
    "35.75".parse().expect("a district")
}

fn at(text: &str) -> Location {
    text.parse().expect("a location")
}

fn entry(first: i64, last: i64, location: &str, state: CustodyState) -> StockEntry {
    StockEntry {
        serials: Some(SerialRange { first, last }),
        location: location.to_owned(),
        state: state.into(),
    }
}

fn held() -> Holdings {
    let mut held = Holdings::of(district());
    for entry in [
        entry(1, 8000, "35.75", CustodyState::InStock),
        entry(11, 12, "35.75", CustodyState::Bound),
        entry(9001, 9100, "35.75/hopper/1", CustodyState::InStock),
        entry(9500, 9999, "35.75.02", CustodyState::InTransit),
    ] {
        held.take(&entry);
    }
    held
}

fn time(at: OffsetDateTime) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: at.unix_timestamp(),
        nanos: 0,
    })
}

fn answers() -> Answers {
    let days = DaysToEmpty {
        in_stock: 8098,
        used_per_day: 400.0,
        expected_days: 20.245,
        low_days: 15.5,
        high_days: Some(30.25),
    };
    let account = Account {
        received: 9000,
        sent_on: 900,
        days_to_empty: Some(days),
    };
    let shipment = Shipment {
        shipment_id: "s-1".to_owned(),
        origin: "35.75".to_owned(),
        destination: "35.75.02".to_owned(),
        dispatched_quantity: 500,
        dispatch_time: time(datetime!(2017-04-18 02:00 UTC)),
        ..Shipment::default()
    };
    let case = StockCase {
        case_id: "c-1".to_owned(),
        kind: StockCaseKind::MissingAtReceipt.into(),
        location: "35.75".to_owned(),
        counterpart: "centre".to_owned(),
        open_serials: vec![SerialRange {
            first: 21,
            last: 35,
        }],
        due_time: time(datetime!(2017-04-25 01:00 UTC)),
        ..StockCase::default()
    };
    Answers {
        accounts: [(at("35.75"), account)].into(),
        stores: vec![at("35.75"), at("35.75.01")],
        shipments: [(shipment.shipment_id.clone(), shipment)].into(),
        cases: Some(vec![case]),
        trouble: String::new(),
    }
}

#[test]
fn a_screen_shows_every_store_its_units_behind_it_and_what_is_open() {
    let body = body(&held(), &answers(), datetime!(2017-04-18 02:00 UTC));
    let rows: Vec<&str> = body
        .lines()
        .filter_map(|line| line.strip_prefix("│ "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let named = rows.iter().filter(|row| row.starts_with("35."));
    let named: Vec<&str> = named.copied().collect();
    assert_eq!(named, ["35.75", "35.75/hopper/1", "35.75.01", "35.75.02"]);
    for part in [
        "7,998",
        "8,098",
        "████████████",
        "20.2 (15.5-30.2)",
        "under way: 1\n  500 from 35.75 to 35.75.02, since 2017-04-18T02:00:00Z\n",
        "open cases: 1\n  MISSING_AT_RECEIPT of 15 at 35.75, with centre: 6 d 23 h left\n",
    ] {
        assert!(body.contains(part), "{part} in\n{body}");
    }
}

#[test]
fn who_is_no_officer_is_told_why_no_case_is_shown() {
    let answers = Answers {
        trouble: "Unavailable: nobody".to_owned(),
        ..Answers::default()
    };
    let body = body(&held(), &answers, OffsetDateTime::UNIX_EPOCH);
    assert!(body.contains("under way: not answered yet"), "{body}");
    assert!(body.contains("open cases: shown to an officer"), "{body}");
    assert!(
        body.contains("asked in vain: Unavailable: nobody"),
        "{body}"
    );
}

#[test]
fn a_districts_worth_of_shipments_and_stores_fits_a_screen() {
    let mut held = held();
    for number in 1..=40 {
        let unit = format!("35.75/mobile/{number}");
        held.take(&entry(
            20_000 + number,
            20_000 + number,
            &unit,
            CustodyState::Spoiled,
        ));
    }
    let mut answers = answers();
    for number in 0..9 {
        answers
            .shipments
            .insert(number.to_string(), Shipment::default());
    }
    let body = body(&held, &answers, OffsetDateTime::UNIX_EPOCH);
    assert!(body.contains("all, with 20 more"), "{body}");
    assert!(body.contains("  and 5 more"), "{body}");
}

#[test]
fn a_bar_is_as_long_as_its_share_and_never_hides_a_blank() {
    for (in_stock, largest, length) in [
        (0, 0, 0),
        (0, 8000, 0),
        (1, 8000, 1),
        (4000, 8000, 6),
        (8000, 8000, 12),
    ] {
        assert_eq!(bar(in_stock, largest).chars().count(), length);
    }
}

#[test]
fn a_clock_runs_down_and_then_up() {
    let now = datetime!(2017-04-18 02:00 UTC);
    for (due, words) in [
        (datetime!(2017-04-25 01:30 UTC), "6 d 23 h left"),
        (datetime!(2017-04-18 03:05 UTC), "1 h 5 min left"),
        (datetime!(2017-04-18 01:59 UTC), "OVERDUE for 0 h 1 min"),
        (datetime!(2017-04-15 01:00 UTC), "OVERDUE for 3 d 1 h"),
    ] {
        assert_eq!(clock(time(due).as_ref(), now), words);
    }
    assert_eq!(clock(None, now), "");
}

#[test]
fn lines_say_where_serials_are_and_what_is_open() {
    assert_eq!(
        StockView::word(&entry(1, 10, "35.75", CustodyState::InTransit)),
        "1-10@35.75=IN_TRANSIT"
    );
    assert_eq!(
        StockView::change(&entry(1, 1000, "35.75", CustodyState::Lost)),
        "1-1000 at 35.75  LOST (1,000)"
    );
    assert_eq!(
        StockView::sums(&held()),
        " in_stock=8098 in_transit=500 bound=2 at_site=0 spoiled=0 disputed=0 returned=0 lost=0"
    );
    assert_eq!(
        lines(&answers()),
        [
            "account location=35.75 received=9000 sent_on=900 days=20.2 low=15.5 high=30.2",
            "shipment id=s-1 from=35.75 to=35.75.02 quantity=500",
            "case id=c-1 kind=MISSING_AT_RECEIPT location=35.75 counterpart=centre quantity=15 due=2017-04-25T01:00:00Z",
            "open shipments=1 cases=1",
        ]
    );
}

#[test]
fn only_what_is_new_beside_the_stream_is_told() {
    let (sender, answers_in) = watch::channel(Answers::default());
    let asker = Asker::new(district(), None);
    let mut view = StockView::new(asker.changed(), answers_in);
    assert_eq!(view.beside(), None);
    sender.send_replace(answers());
    assert_eq!(view.beside().map(|lines| lines.len()), Some(4));
    assert_eq!(view.beside(), None);
    let settled = Answers {
        cases: Some(Vec::new()),
        ..answers()
    };
    sender.send_replace(settled);
    let told = view.beside();
    assert_eq!(told, Some(vec!["open shipments=1 cases=0".to_owned()]));
}
