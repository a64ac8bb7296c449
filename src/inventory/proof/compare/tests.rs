//! Every way in which the tables can say something else than the movements is told by its serials.

use super::*;
use crate::inventory::store::papers::Paper;

fn account(state: CustodyState) -> Account {
    Account {
        location: "35.75".parse().expect("a location of the test"),
        state,
    }
}

fn run(first: i64, last: i64) -> Run {
    Run { first, last }
}

fn derived(runs: &[(i64, i64, CustodyState)]) -> Derived {
    let mut derived = Derived::default();
    for (first, last, state) in runs {
        derived.put(run(*first, *last), account(*state));
    }
    derived
}

fn told(report: &Report) -> Vec<String> {
    report.findings.iter().map(ToString::to_string).collect()
}

fn compared(
    movements: &[(i64, i64, CustodyState)],
    rows: &[(i64, i64, CustodyState)],
) -> Vec<String> {
    let (derived, mut report) = (derived(movements), Report::default());
    let mut walk = Custody::begin(derived.runs());
    for (first, last, state) in rows {
        let row = Row {
            run: run(*first, *last),
            account: account(*state),
        };
        walk.row(&row, &mut report);
    }
    walk.finish(&mut report);
    told(&report)
}

use CustodyState::{AtSite, Bound, HandedOver, InStock, InTransit, Spoiled};

#[test]
fn custody_that_fits_is_not_told() {
    let runs = [
        (1, 6, InStock),
        (7, 7, Bound),
        (8, 50, InStock),
        (60, 70, InTransit),
    ];
    assert_eq!(compared(&runs, &runs), [""; 0]);
    assert_eq!(compared(&[], &[]), [""; 0]);
}

#[test]
fn custody_that_differs_is_told_by_serials_and_place() {
    let movements = [(1, 6, InStock), (7, 7, Bound), (8, 50, InStock)];
    assert_eq!(
        compared(&movements, &[(1, 50, InStock)]),
        [
            "CUSTODY_DIFFERS 35.75 serial 7: custody has them IN_STOCK at 35.75, the movements BOUND at 35.75"
        ]
    );
    assert_eq!(
        compared(
            &movements,
            &[(3, 6, InStock), (7, 7, Bound), (8, 40, InStock)]
        ),
        [
            "CUSTODY_DIFFERS 35.75 serials 1 to 2: the movements have them IN_STOCK at 35.75, custody nowhere",
            "CUSTODY_DIFFERS 35.75 serials 41 to 50: the movements have them IN_STOCK at 35.75, custody nowhere",
        ]
    );
    assert_eq!(
        compared(&[(5, 6, InStock)], &[(1, 9_999_999_999_999, InStock)]),
        [
            "CUSTODY_DIFFERS 35.75 serials 1 to 4: custody has them IN_STOCK at 35.75, the movements nowhere",
            "CUSTODY_DIFFERS 35.75 serials 7 to 9999999999999: custody has them IN_STOCK at 35.75, the movements nowhere",
        ]
    );
    assert_eq!(
        compared(&[(1, 10, InStock)], &[(1, 4, InStock), (5, 10, InStock)]),
        ["NOT_MERGED 35.75 serials 5 to 10: two rows of IN_STOCK at 35.75 that should be one"]
    );
    assert_eq!(
        compared(&[(1, 10, InStock)], &[(1, 10, InStock), (4, 5, InStock)]),
        ["CUSTODY_DIFFERS 35.75 serials 4 to 5: custody has them twice"]
    );
}

#[test]
fn a_card_repeats_what_the_movements_say() {
    let derived = derived(&[
        (1, 1, Bound),
        (2, 3, AtSite),
        (4, 5, HandedOver),
        (6, 6, Spoiled),
        (7, 9, InStock),
    ]);
    let cards = |cards: &[(i64, &str)]| {
        let mut report = Report::default();
        let mut walk = Cards::begin(&derived);
        for (serial, state) in cards {
            let card = Card {
                serial: *serial,
                state: (*state).to_owned(),
            };
            walk.card(&card, &mut report);
        }
        walk.finish(&mut report);
        told(&report)
    };
    let fine = [
        (1, "BOUND"),
        (2, "AT_SITE"),
        (3, "AT_SITE"),
        (4, "HANDED_OVER"),
        (5, "ENDED"),
        (6, "SPOILED"),
    ];
    assert_eq!(cards(&fine), [""; 0]);
    assert_eq!(
        cards(&[
            fine[0],
            (3, "HANDED_OVER"),
            fine[3],
            fine[5],
            (8, "AT_SITE")
        ]),
        [
            "CARD_MISSING 35.75 serial 2: the movements have them AT_SITE at 35.75, and there is no card",
            "CARD_DIFFERS 35.75 serial 3: the card is HANDED_OVER, and by the movements it is AT_SITE at 35.75",
            "CARD_MISSING 35.75 serial 5: the movements have them HANDED_OVER at 35.75, and there is no card",
            "CARD_DIFFERS 35.75 serial 8: the card is AT_SITE, and by the movements it is IN_STOCK at 35.75",
        ]
    );
}

#[test]
fn papers_are_what_the_movements_have() {
    let derived = derived(&[(1, 10, InTransit), (11, 20, InStock)]);
    let id = uuid::Uuid::nil();
    let told_of = |papers: &[&[Run]], says: i64| {
        let mut report = Report::default();
        let about = (Kind::ShipmentDiffers, "shipment");
        let mut walk = Papers::begin(&derived, InTransit, about);
        for runs in papers {
            let paper = Paper {
                id,
                location: account(InTransit).location,
                runs: runs.to_vec(),
                says,
                lists: runs.iter().map(|run| run.count()).sum(),
            };
            walk.paper(&paper, &mut report);
        }
        walk.finish(&mut report);
        told(&report)
    };
    assert_eq!(told_of(&[&[run(1, 5)], &[run(6, 10)]], 5), [""; 0]);
    assert_eq!(
        told_of(&[&[run(3, 12)]], 9),
        [
            format!("SHIPMENT_DIFFERS 35.75: shipment {id} says 9 and lists 10"),
            format!("SHIPMENT_DIFFERS 35.75 serials 11 to 12: shipment {id} has them IN_TRANSIT, and the movements have not"),
            "SHIPMENT_DIFFERS 35.75 serials 1 to 2: the movements have them IN_TRANSIT, and no shipment has".to_owned(),
        ]
    );
    assert_eq!(
        told_of(&[&[run(1, 10)], &[run(1, 10)]], 10),
        [format!(
            "SHIPMENT_DIFFERS 35.75 serials 1 to 10: shipment {id} has them IN_TRANSIT, and so has another one"
        )]
    );
}

#[test]
fn a_delivery_is_the_sum_of_its_movements() {
    let centre = Location::CENTRE;
    let replayed = Replayed {
        derived: Derived::default(),
        heads: [].into(),
        delivered: [
            ((centre, 1), run(1, 10)),
            ((centre, 2), run(21, 30)),
            ((centre, 5), run(31, 40)),
        ]
        .into(),
        movements: 3,
    };
    let told_of = |rows: &[(i64, i64)]| {
        let rows: Vec<Delivered> = rows
            .iter()
            .map(|(movement, quantity)| Delivered {
                location: centre,
                movement: *movement,
                quantity: *quantity,
            })
            .collect();
        let mut report = Report::default();
        deliveries(&rows, &replayed, &mut report);
        told(&report)
    };
    assert_eq!(told_of(&[(1, 20), (5, 10)]), [""; 0]);
    assert_eq!(
        told_of(&[(2, 11), (5, 10)]),
        [
            "DELIVERY_DIFFERS centre: the delivery of movement 2 was 11, its movements brought 10",
            "DELIVERY_DIFFERS centre serials 1 to 10: movement 1 brought them, and no delivery has it",
        ]
    );
}
