//! A model of the whole custody, serial by serial, on which random commands are played: whatever happens in whatever
//! order, every location's account adds up and no serial is lost or doubled.
//!
//! It shares the rules with the server (paths, receipts) and nothing of the tables; the tables are tried by the
//! integration tests in the same way.

use std::collections::BTreeMap;

use proptest::{
    collection::vec,
    prelude::{Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest},
};
use time::macros::datetime;

use super::{is_conserved, leg, leg_between, merged, path, receive};
use crate::{
    ids::{OfficerId, PersonId, Serial, SerialRange, ShipmentId, total},
    inventory::{
        Account, CustodyState, Leg, Location, MovementKind, Shipment, ShipmentState, Signature,
        Stock,
    },
};

const STORES: [i32; 3] = [0, 3575, 3514];

#[derive(Debug, Clone)]
enum Command {
    Deliver(SerialRange),
    Dispatch(SerialRange, usize),
    /// The shipment by its place, and what is left out: every serial that this number divides.
    Receive(usize, i64),
    Change(MovementKind, i64, usize),
}

#[derive(Debug, Default)]
struct Model {
    custody: BTreeMap<i64, Account>,
    delivered: i64,
    shipments: Vec<Shipment>,
}

fn range(first: i64, last: i64) -> SerialRange {
    let serial = |number| Serial::new(number).expect("a serial of the test");
    SerialRange::new(serial(first), serial(last)).expect("a range of the test")
}

fn place(index: usize) -> Location {
    Location::from_number(STORES[index]).expect("a location of the test")
}

/// Missing at receipt.
fn disputed(run: SerialRange, location: Location) -> Leg {
    let account = |state| Account { location, state };
    leg_between(
        MovementKind::Disputed,
        run,
        Some(account(CustodyState::InTransit)),
        account(CustodyState::Disputed),
    )
}

fn serials(range: SerialRange) -> impl Iterator<Item = i64> {
    range.first().number()..=range.last().number()
}

impl Model {
    /// All or nothing, as the tables do it.
    fn carry(&mut self, legs: &[Leg]) -> bool {
        let fits = legs.iter().all(|leg| {
            serials(leg.serials).all(|serial| self.custody.get(&serial).copied() == leg.from)
        });
        if fits {
            for leg in legs {
                self.custody
                    .extend(serials(leg.serials).map(|serial| (serial, leg.to)));
            }
        }
        fits
    }

    fn play(&mut self, command: &Command) {
        match command {
            Command::Deliver(run) => {
                if self.carry(&[leg(
                    MovementKind::Delivered,
                    *run,
                    Location::CENTRE,
                    Location::CENTRE,
                )]) {
                    self.delivered += run.count();
                }
            }
            Command::Dispatch(run, to) => {
                let destination = place(*to);
                if self.carry(&[leg(
                    MovementKind::Dispatched,
                    *run,
                    Location::CENTRE,
                    destination,
                )]) {
                    self.shipments.push(Shipment {
                        shipment_id: ShipmentId::fresh(),
                        origin: Location::CENTRE,
                        destination,
                        state: ShipmentState::Dispatched,
                        document_number: String::new(),
                        serials: vec![*run],
                        dispatched_quantity: run.count(),
                        received_quantity: 0,
                        surplus_quantity: 0,
                        dispatched_at: datetime!(2017-04-10 08:00 UTC),
                        dispatched_by: Signature {
                            officer: OfficerId::fresh(),
                            person: PersonId::fresh(),
                        },
                        ended_at: None,
                        ended_by: None,
                        blank_request_id: None,
                    });
                }
            }
            Command::Receive(which, left_out) => self.receive(*which, *left_out),
            Command::Change(kind, serial, at) => {
                self.carry(&[leg(*kind, range(*serial, *serial), place(*at), place(*at))]);
            }
        }
    }

    fn receive(&mut self, which: usize, left_out: i64) {
        let Some(shipment) = self.shipments.get(which) else {
            return;
        };
        let found: Vec<SerialRange> = shipment
            .serials
            .iter()
            .flat_map(|run| serials(*run))
            .filter(|serial| serial % left_out != 0)
            .map(|serial| range(serial, serial))
            .collect();
        let Ok(receipt) = receive(shipment, &found, PersonId::fresh(), None) else {
            return;
        };
        let at = shipment.destination;
        let legs: Vec<Leg> = receipt
            .arrived
            .iter()
            .map(|run| leg(MovementKind::Received, *run, at, at))
            .chain(receipt.missing.iter().map(|run| disputed(*run, at)))
            .collect();
        assert!(
            self.carry(&legs),
            "what was dispatched is in transit until it is received"
        );
        let shipment = &mut self.shipments[which];
        shipment.state = receipt.state;
        shipment.received_quantity = receipt.received_quantity;
    }

    fn stock(&self, location: Location) -> Stock {
        let held = |state| {
            let here = Account { location, state };
            let count = self
                .custody
                .values()
                .filter(|account| **account == here)
                .count();
            i64::try_from(count).expect("few serials")
        };
        let received: i64 = self
            .shipments
            .iter()
            .filter(|s| s.destination == location)
            .filter(|s| s.state != ShipmentState::Dispatched)
            .map(|s| s.dispatched_quantity)
            .sum();
        Stock {
            location,
            received: received
                + if location == Location::CENTRE {
                    self.delivered
                } else {
                    0
                },
            sent_on: self
                .shipments
                .iter()
                .filter(|s| s.origin == location)
                .map(|s| s.dispatched_quantity)
                .sum(),
            in_stock: held(CustodyState::InStock),
            bound: held(CustodyState::Bound),
            at_site: held(CustodyState::AtSite),
            handed_over: held(CustodyState::HandedOver),
            spoiled: held(CustodyState::Spoiled),
            in_transit: held(CustodyState::InTransit),
            disputed: held(CustodyState::Disputed),
            returned: held(CustodyState::Returned),
            lost: held(CustodyState::Lost),
            destroyed: held(CustodyState::Destroyed),
        }
    }
}

fn command() -> impl Strategy<Value = Command> {
    let run = (1_i64..60, 0_i64..20).prop_map(|(first, more)| range(first, first + more));
    let change = prop_oneof![
        proptest::prelude::Just(MovementKind::Bound),
        proptest::prelude::Just(MovementKind::Printed),
        proptest::prelude::Just(MovementKind::Spoiled),
        proptest::prelude::Just(MovementKind::HandedOver),
    ];
    prop_oneof![
        2 => run.clone().prop_map(Command::Deliver),
        2 => (run, 1_usize..3).prop_map(|(run, to)| Command::Dispatch(run, to)),
        2 => (0_usize..6, 2_i64..30).prop_map(|(which, left_out)| Command::Receive(which, left_out)),
        6 => (change, 1_i64..80, 0_usize..3).prop_map(|(kind, serial, at)| Command::Change(kind, serial, at)),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_every_account_adds_up(commands in vec(command(), 1..120)) {
        let mut model = Model::default();
        for command in &commands {
            model.play(command);
            let accounts: Vec<Stock> = (0..STORES.len()).map(|index| model.stock(place(index))).collect();
            for stock in &accounts {
                prop_assert!(is_conserved(stock), "{command:?}: {stock:?}");
            }
            // Nationally: whatever was delivered is somewhere.
            let somewhere: i64 = accounts
                .iter()
                .map(|s| s.in_stock + s.bound + s.at_site + s.handed_over + s.spoiled + s.in_transit + s.disputed)
                .sum();
            prop_assert_eq!(somewhere, model.delivered);
        }
    }
}

#[test]
fn a_movement_begins_where_another_one_ended() {
    let all = [
        MovementKind::Delivered,
        MovementKind::Dispatched,
        MovementKind::Cancelled,
        MovementKind::Received,
        MovementKind::Bound,
        MovementKind::Printed,
        MovementKind::Spoiled,
        MovementKind::HandedOver,
        MovementKind::Returned,
        MovementKind::Lost,
        MovementKind::Found,
    ];
    let of = |kind| path(kind).expect("its path is its kind's");
    for kind in all {
        let (from, to) = of(kind);
        assert_ne!(from, Some(to), "{kind:?} moves nothing");
        assert!(
            from.is_none_or(|from| all.iter().any(|other| of(*other).1 == from)),
            "{kind:?}"
        );
    }
}

#[test]
fn the_model_reaches_the_holders_hand() {
    let mut model = Model::default();
    for command in [
        Command::Deliver(range(1, 100)),
        Command::Dispatch(range(1, 50), 1),
        Command::Receive(0, 7),
        Command::Change(MovementKind::Bound, 1, 1),
        Command::Change(MovementKind::Printed, 1, 1),
        Command::Change(MovementKind::HandedOver, 1, 1),
    ] {
        model.play(&command);
    }
    let stock = model.stock(place(1));
    assert_eq!(
        (stock.handed_over, stock.disputed, stock.received),
        (1, 7, 50)
    );
    assert_eq!(total(&merged(&[range(1, 50)])), stock.received);
}
