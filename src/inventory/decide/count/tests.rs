//! The rules of counts, by hand and against a model that follows every serial for itself.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{
    collection::{btree_map, btree_set, vec},
    prelude::{Strategy, prop_assert_eq, proptest},
    sample::select,
};
use time::macros::datetime;

use super::*;
use crate::{
    ids::{OfficerId, Serial, StockCountId},
    inventory::{Account, CountRefusal, CustodyState, Signature, single},
};

fn range(first: i64, last: i64) -> SerialRange {
    let serial = |number| Serial::new(number).expect("a serial of the test");
    SerialRange::new(serial(first), serial(last)).expect("a range of the test")
}

fn location(text: &str) -> Location {
    text.parse().expect("a location of the test")
}

fn stock(ranges: &[SerialRange]) -> Lying {
    Lying {
        in_stock: ranges.to_vec(),
        ..Lying::default()
    }
}

fn count() -> StockCount {
    StockCount {
        count_id: StockCountId::fresh(),
        location: location("35.75.02"),
        state: CountState::Open,
        pinned: 7,
        document_number: "SO-1".to_owned(),
        started_by: Signature {
            officer: OfficerId::fresh(),
            person: PersonId::fresh(),
        },
        started_at: datetime!(2017-04-18 01:00 UTC),
        ended_at: None,
        tally: None,
    }
}

fn ender(officer: OfficerId, is_head: bool) -> Ender {
    Ender { officer, is_head }
}

#[test]
fn what_is_neither_found_nor_moved_is_missing_and_what_nobody_expects_is_unexpected() {
    let frozen = stock(&[range(1, 100)]);
    let books = Books {
        // 1 to 20 were bound meanwhile, 201 to 210 came.
        lying: stock(&[range(21, 100), range(201, 210)]),
        beside: vec![range(1, 20), range(300, 309)],
        moved: vec![range(1, 20)],
    };
    // Of what was bound half still lay there; of what came half was there already; a card of the site lay beside it.
    let found = [
        range(11, 60),
        range(64, 100),
        range(206, 210),
        range(305, 305),
        range(999, 999),
    ];
    let difference = compare(&frozen, &books, &found);
    assert_eq!(difference.missing, stock(&[range(61, 63)]));
    assert_eq!(difference.unexpected, [range(999, 999)]);
    let expected = Tally {
        counted: 94,
        expected: 100,
        missing: 3,
        unexpected: 1,
        moved: 15,
        beside: 1,
    };
    assert_eq!(difference.tally, expected);
}

#[test]
fn an_office_counts_at_its_own_places_and_a_subdistrict_at_its_own() {
    let office = location("35.75").district();
    let limit = "35.75.02".parse().ok();
    assert_eq!(start_count(location("35.75"), office, None), Ok(()));
    assert_eq!(start_count(location("35.75.02"), office, limit), Ok(()));
    let outside = limit.map(Refusal::OutsideSubdistrict);
    assert_eq!(start_count(location("35.75"), office, limit).err(), outside);
    let foreign = start_count(location("35.76"), office, None);
    assert_eq!(foreign, Err(Refusal::LocationNotFound));
}

#[test]
fn who_began_a_count_hands_it_in_and_a_head_may_give_it_up() {
    let open = count();
    let (own, other) = (open.started_by.officer, OfficerId::fresh());
    assert_eq!(may_count(&open, ender(own, false), None), Ok(()));
    for is_head in [false, true] {
        let refused = may_count(&open, ender(other, is_head), None);
        assert_eq!(refused, Err(Refusal::Count(CountRefusal::OfAnother)));
    }
    assert_eq!(cancel_count(&open, ender(own, false), None), Ok(()));
    assert_eq!(cancel_count(&open, ender(other, true), None), Ok(()));
    let refused = cancel_count(&open, ender(other, false), None);
    assert_eq!(refused, Err(Refusal::Count(CountRefusal::OfAnother)));
    for state in [CountState::Submitted, CountState::Cancelled] {
        let ended = StockCount { state, ..count() };
        let own = ender(ended.started_by.officer, true);
        assert_eq!(
            may_count(&ended, own, None),
            Err(Refusal::Count(CountRefusal::Ended))
        );
        assert_eq!(
            cancel_count(&ended, own, None),
            Err(Refusal::Count(CountRefusal::Ended))
        );
    }
    let limit = "35.75.03".parse().ok();
    let outside = limit.map(Refusal::OutsideSubdistrict);
    assert_eq!(may_count(&open, ender(own, true), limit).err(), outside);
    assert_eq!(cancel_count(&open, ender(own, true), limit).err(), outside);
}

#[test]
fn what_is_found_twice_is_found_once_and_a_count_has_an_end() {
    let found = record_findings(&[range(1, 10)], &[range(5, 20), range(30, 30)]);
    assert_eq!(found, Ok(vec![range(1, 20), range(30, 30)]));
    let every_second: Vec<SerialRange> = (1..=10_000).map(|n| range(2 * n, 2 * n)).collect();
    assert!(record_findings(&every_second, &[range(2, 2)]).is_ok());
    let more = record_findings(&every_second, &[range(30_001, 30_001)]);
    assert_eq!(more, Err(Refusal::Count(CountRefusal::TooLong)));
}

#[test]
fn a_sheet_that_was_lost_on_its_way_is_no_theft() {
    let found = [range(1, 10), range(21, 22)];
    assert_eq!(is_complete(&found, 12), Ok(()));
    assert_eq!(
        is_complete(&found, 13),
        Err(Refusal::Count(CountRefusal::Incomplete(12)))
    );
    assert_eq!(is_complete(&[], 0), Ok(()));
}

#[test]
fn more_runs_than_one_act_tells_are_disputed_by_the_next_count() {
    let every_second = |from: i64| -> Vec<SerialRange> {
        (from..from + 300).map(|n| range(2 * n, 2 * n)).collect()
    };
    let frozen = Lying {
        in_stock: every_second(1),
        spoiled: every_second(1_001),
        returned: every_second(2_001),
    };
    let books = Books {
        lying: frozen.clone(),
        ..Books::default()
    };
    let difference = compare(&frozen, &books, &[]);
    assert_eq!(difference.tally.missing, 900);
    let missing = &difference.missing;
    let runs = [&missing.in_stock, &missing.spoiled, &missing.returned].map(Vec::len);
    assert_eq!(runs, [300, 100, 0]);
}

#[test]
fn the_figures_are_kept_from_the_counter_and_from_who_does_not_say_who_it_is() {
    let counting = Counting {
        count_id: StockCountId::fresh(),
        location: location("35.75.02"),
        person: PersonId::fresh(),
    };
    let office = counting.location.district();
    assert!(is_blind(counting, Some(counting.person), office));
    assert!(is_blind(counting, None, office));
    assert!(!is_blind(counting, Some(PersonId::fresh()), office));
    assert!(!is_blind(counting, None, District::CENTRE));
}

#[test]
fn a_counts_cases_are_between_two_offices() {
    assert_eq!(counterpart(location("35.75.02")), District::CENTRE);
    assert_ne!(counterpart(Location::CENTRE), District::CENTRE);
}

/// The place that is counted, and all that a serial can be there or at another one.
fn accounts() -> impl Strategy<Value = Account> {
    use CustodyState::{
        AtSite, Bound, Destroyed, Disputed, HandedOver, InStock, InTransit, Lost, Returned, Spoiled,
    };
    let states = vec![
        InStock, InStock, InStock, InTransit, Bound, AtSite, HandedOver, Spoiled, Disputed,
        Returned, Lost, Destroyed,
    ];
    let places = vec![location("35.75"), location("35.75"), location("35.76")];
    (select(places), select(states)).prop_map(|(location, state)| Account { location, state })
}

type Ledger = BTreeMap<i64, Account>;

fn lies_here(account: Account) -> bool {
    account.location == location("35.75")
        && matches!(
            account.state,
            CustodyState::InStock | CustodyState::Spoiled | CustodyState::Returned
        )
}

fn is_beside(account: Account) -> bool {
    account.location == location("35.75")
        && matches!(
            account.state,
            CustodyState::Bound | CustodyState::AtSite | CustodyState::InTransit
        )
}

fn singles(serials: impl IntoIterator<Item = i64>) -> Vec<SerialRange> {
    let serial = |number| single(Serial::new(number).expect("a serial of the test"));
    serials.into_iter().map(serial).collect()
}

fn lying(ledger: &Ledger) -> Lying {
    let of = |state| {
        let held = ledger.iter().filter(move |(_, account)| {
            account.location == location("35.75") && account.state == state
        });
        singles(held.map(|(serial, _)| *serial))
    };
    Lying {
        in_stock: of(CustodyState::InStock),
        spoiled: of(CustodyState::Spoiled),
        returned: of(CustodyState::Returned),
    }
}

fn numbers(ranges: &[SerialRange]) -> BTreeSet<i64> {
    ranges
        .iter()
        .flat_map(|range| range.first().number()..=range.last().number())
        .collect()
}

proptest! {
    /// Whatever moves between the beginning and the end of a count, the difference is what following each serial tells.
    #[test]
    fn a_count_tells_what_following_each_serial_tells(
        start in btree_map(1_i64..60, accounts(), 0..50),
        moves in vec((1_i64..60, accounts()), 0..60),
        found in btree_set(1_i64..70, 0..50),
    ) {
        let here = location("35.75");
        let (mut end, mut touched, mut numbered) = (start.clone(), BTreeSet::new(), BTreeSet::new());
        for (serial, to) in moves {
            // What is in no custody yet comes in by a delivery, which stands in the receiver's numbering.
            let from = end.insert(serial, to);
            if from.unwrap_or(to).location == here {
                numbered.insert(serial);
            }
            if from.is_some_and(|from| from.location == here) || lies_here(to) {
                touched.insert(serial);
            }
        }
        // A delivery is told as moved even where it does not lie there; the model holds that it moved here.
        touched.extend(numbered.iter().filter(|serial| !start.contains_key(serial)));
        let books = Books {
            lying: lying(&end),
            beside: singles(end.iter().filter(|(_, to)| is_beside(**to)).map(|(serial, _)| *serial)),
            moved: singles(numbered),
        };
        let frozen = lying(&start);
        let difference = compare(&frozen, &books, &singles(found.clone()));

        let (mut missing, mut unexpected) = (BTreeSet::new(), BTreeSet::new());
        let (mut moved, mut beside) = (0, 0);
        for serial in 1..70 {
            let was_here = start.get(&serial).is_some_and(|account| lies_here(*account));
            match (was_here, found.contains(&serial), touched.contains(&serial)) {
                (true, true, _) | (false, false, _) => {}
                (_, _, true) => moved += 1,
                (true, false, false) => {
                    missing.insert(serial);
                }
                (false, true, false) => {
                    if end.get(&serial).is_some_and(|account| is_beside(*account)) {
                        beside += 1;
                    } else {
                        unexpected.insert(serial);
                    }
                }
            }
        }
        prop_assert_eq!(numbers(&difference.missing.all()), missing);
        prop_assert_eq!(numbers(&difference.unexpected), unexpected);
        prop_assert_eq!((difference.tally.moved, difference.tally.beside), (moved, beside));
        // Each missing serial is told as what it was, and is still.
        for (state, told) in [
            (CustodyState::InStock, &difference.missing.in_stock),
            (CustodyState::Spoiled, &difference.missing.spoiled),
            (CustodyState::Returned, &difference.missing.returned),
        ] {
            for serial in numbers(told) {
                prop_assert_eq!(end[&serial], Account { location: here, state });
            }
        }
    }
}
