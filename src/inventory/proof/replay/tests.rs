//! Movements in any order of reading lead to the same end; what is missing or forged is told once.

use super::*;
use crate::inventory::{Account, CustodyState};

fn at(text: &str) -> Location {
    text.parse().expect("a location of the test")
}

fn account(text: &str, state: CustodyState) -> Account {
    Account {
        location: at(text),
        state,
    }
}

fn moved(from: Option<Account>, to: Account, number: i64, run: (i64, i64)) -> Entry {
    Entry {
        location: from.unwrap_or(to).location,
        number,
        run: Run {
            first: run.0,
            last: run.1,
        },
        from,
        to,
    }
}

/// A hundred blanks come, fifty go to a district and arrive, one is bound, and ten go back to the centre.
fn story() -> Vec<Entry> {
    let centre = account("centre", CustodyState::InStock);
    let due = account("35.75", CustodyState::InTransit);
    let store = account("35.75", CustodyState::InStock);
    let back = account("centre", CustodyState::InTransit);
    vec![
        moved(None, centre, 1, (1, 100)),
        moved(Some(centre), due, 2, (1, 50)),
        moved(Some(due), store, 1, (1, 50)),
        moved(
            Some(store),
            account("35.75", CustodyState::Bound),
            2,
            (7, 7),
        ),
        moved(Some(store), back, 3, (41, 50)),
        moved(Some(back), centre, 3, (41, 50)),
    ]
}

fn replayed(entries: &[Entry], cut: Option<Cut>) -> (Replayed, Report) {
    let (mut replay, mut report) = (Replay::new(cut), Report::default());
    for entry in entries {
        replay.take(*entry);
    }
    let end = replay.finish(&mut report);
    (end, report)
}

fn told(report: &Report) -> Vec<String> {
    report.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn the_order_of_reading_makes_no_difference() {
    let story = story();
    let (straight, report) = replayed(&story, None);
    assert!(report.is_clean(), "{:?}", told(&report));
    let backwards: Vec<Entry> = story.iter().rev().copied().collect();
    let (other, report) = replayed(&backwards, None);
    assert!(report.is_clean(), "{:?}", told(&report));
    assert_eq!(straight.derived, other.derived);
    assert_eq!(straight.heads, other.heads);
    let runs: Vec<String> = straight
        .derived
        .runs()
        .map(|(run, held)| format!("{run} {}", place(held)))
        .collect();
    assert_eq!(
        runs,
        [
            "serials 1 to 6 IN_STOCK at 35.75",
            "serial 7 BOUND at 35.75",
            "serials 8 to 40 IN_STOCK at 35.75",
            "serials 41 to 100 IN_STOCK at centre"
        ]
    );
}

#[test]
fn a_number_that_is_missing_is_told_and_the_rest_goes_on() {
    let mut story = story();
    story.remove(3);
    let (end, report) = replayed(&story, None);
    assert_eq!(
        told(&report),
        ["NUMBER_MISSING 35.75: numbers 2 to 2 are not there"]
    );
    assert_eq!(end.heads[&at("centre")], 3);
}

#[test]
fn a_movement_of_what_is_elsewhere_is_told_by_its_serials() {
    let mut story = story();
    story[3].run = Run {
        first: 49,
        last: 52,
    };
    let (_, report) = replayed(&story, None);
    assert_eq!(
        told(&report),
        [
            "NOT_THERE 35.75 serials 51 to 52: movement 2 takes them from IN_STOCK at 35.75, and they were \
             IN_STOCK at centre",
            "NOT_THERE 35.75 serials 49 to 50: movement 3 takes them from IN_STOCK at 35.75, and they were \
             BOUND at 35.75"
        ]
    );
}

#[test]
fn a_cut_of_a_district_leaves_out_what_came_after() {
    let cut = Cut {
        numbers: [(at("35.75"), 2), (at("centre"), 2)].into(),
        area: "35.75".parse().expect("an area"),
    };
    let mut story = story();
    // Another district got blanks since, and sent them here: its number is not in the certificate.
    let there = account("35.14", CustodyState::InStock);
    let centre = account("centre", CustodyState::InStock);
    story.push(moved(Some(centre), there, 4, (60, 69)));
    let due = account("35.75", CustodyState::InTransit);
    story.push(moved(Some(there), due, 1, (60, 64)));
    let (end, report) = replayed(&story, Some(cut));
    assert!(report.is_clean(), "{:?}", told(&report));
    assert_eq!(end.movements, 4);
    assert_eq!(
        end.derived.at(45),
        Some(account("35.75", CustodyState::InStock))
    );
    assert_eq!(end.derived.at(60), Some(centre));
}
