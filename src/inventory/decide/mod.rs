//! The rules of inventory, pure: which movement leads from which account to which, what a receipt amounts to, and what
//! keeps a blank from being bound.
//!
//! That serials really are where a movement takes them from is found by the move itself, under the locks.

mod runs;

use std::collections::BTreeSet;

use crate::{
    ids::{PrintRequestId, SerialRange, Subdistrict, total},
    inventory::{
        Account, Binding, CustodyState, Found, Leg, Location, MovementKind, Receipt, Refusal,
        Shipment, ShipmentState, Stock,
    },
};

pub use runs::merged;

/// From which state to which a movement leads; a delivery comes from nowhere.
pub fn path(kind: MovementKind) -> (Option<CustodyState>, CustodyState) {
    match kind {
        MovementKind::Delivered => (None, CustodyState::InStock),
        MovementKind::Dispatched => (Some(CustodyState::InStock), CustodyState::InTransit),
        MovementKind::Received => (Some(CustodyState::InTransit), CustodyState::InStock),
        MovementKind::Disputed => (Some(CustodyState::InTransit), CustodyState::Disputed),
        MovementKind::Bound => (Some(CustodyState::InStock), CustodyState::Bound),
        MovementKind::Printed => (Some(CustodyState::Bound), CustodyState::AtSite),
        MovementKind::Spoiled => (Some(CustodyState::Bound), CustodyState::Spoiled),
        MovementKind::HandedOver => (Some(CustodyState::AtSite), CustodyState::HandedOver),
    }
}

/// A leg between two locations.
pub fn leg(kind: MovementKind, serials: SerialRange, from: Location, to: Location) -> Leg {
    let (before, after) = path(kind);
    Leg {
        kind,
        serials,
        from: before.map(|state| Account {
            location: from,
            state,
        }),
        to: Account {
            location: to,
            state: after,
        },
        print_request_id: None,
    }
}

/// A leg of one blank or card that stays where it is and changes what it is.
pub fn leg_in_place(
    kind: MovementKind,
    serials: SerialRange,
    at: Location,
    print_request_id: Option<PrintRequestId>,
) -> Leg {
    Leg {
        print_request_id,
        ..leg(kind, serials, at, at)
    }
}

/// Whether the centre may send there: to a district's own store that exists.
pub fn dispatch(destination: Location, exists: bool) -> Result<(), Refusal> {
    if exists && destination.takes_shipments() {
        Ok(())
    } else {
        Err(Refusal::LocationNotFound)
    }
}

/// What becomes of a shipment when this was found in the boxes.
pub fn receive(
    shipment: &Shipment,
    found: &[SerialRange],
    limit: Option<Subdistrict>,
) -> Result<Receipt, Refusal> {
    if let Some(limit) = limit.filter(|limit| limit.number() != shipment.destination.number()) {
        return Err(Refusal::OutsideSubdistrict(limit));
    }
    match shipment.state {
        ShipmentState::Dispatched => {}
        ShipmentState::Received | ShipmentState::ReceivedWithDifferences => {
            return Err(Refusal::ShipmentAlreadyReceived);
        }
    }
    if let Some(foreign) = runs::minus(found, &shipment.serials).first() {
        return Err(Refusal::SerialsNotInShipment(*foreign));
    }
    let missing = runs::minus(&shipment.serials, found);
    let state = if missing.is_empty() {
        ShipmentState::Received
    } else {
        ShipmentState::ReceivedWithDifferences
    };
    Ok(Receipt {
        arrived: merged(found),
        missing,
        state,
        received_quantity: total(found),
    })
}

/// Refuses what comes twice in a batch of bindings: the second one is told what the first one's card would tell it.
pub fn distinct(bindings: &[Binding]) -> Vec<Result<(), Refusal>> {
    let (mut serials, mut chips, mut residents) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    bindings
        .iter()
        .map(|binding| {
            let found = Found {
                in_stock: serials.insert(binding.serial),
                chip_known: !chips.insert(binding.chip_uid.as_str()),
                card_under_way: !residents.insert(binding.resident_id),
            };
            bind(binding, found)
        })
        .collect()
}

/// Whether a blank may be bound, given what was found. The person comes first: a blank that is fine may serve another.
pub fn bind(binding: &Binding, found: Found) -> Result<(), Refusal> {
    if found.card_under_way {
        return Err(Refusal::CardAlreadyIssued);
    }
    if !found.in_stock {
        return Err(Refusal::BlankNotInStock {
            serial: binding.serial,
            location: binding.location,
        });
    }
    if found.chip_known {
        return Err(Refusal::ChipAlreadyBound);
    }
    Ok(())
}

/// Whether a location's account adds up: nothing that came in is anywhere but where it is shown.
pub fn is_conserved(stock: &Stock) -> bool {
    stock.received
        == stock.sent_on
            + stock.in_stock
            + stock.bound
            + stock.at_site
            + stock.handed_over
            + stock.spoiled
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::ids::{ResidentId, Serial, ShipmentId};

    fn range(first: i64, last: i64) -> SerialRange {
        let serial = |number| Serial::new(number).expect("a serial of the test");
        SerialRange::new(serial(first), serial(last)).expect("a range of the test")
    }

    fn location(text: &str) -> Location {
        text.parse().expect("a location of the test")
    }

    fn shipment(serials: Vec<SerialRange>) -> Shipment {
        Shipment {
            shipment_id: ShipmentId::fresh(),
            origin: Location::CENTRE,
            destination: location("35.75"),
            state: ShipmentState::Dispatched,
            document_number: "T-1".to_owned(),
            dispatched_quantity: total(&serials),
            serials,
            received_quantity: 0,
            dispatched_at: datetime!(2017-04-10 08:00 UTC),
            received_at: None,
        }
    }

    fn binding(serial: i64, chip: &str, resident_id: ResidentId) -> Binding {
        Binding {
            serial: Serial::new(serial).expect("a serial of the test"),
            chip_uid: chip.to_owned(),
            resident_id,
            print_request_id: PrintRequestId::fresh(),
            location: location("35.75"),
        }
    }

    #[test]
    fn the_centre_sends_to_a_districts_own_store_only() {
        assert_eq!(dispatch(location("35.75"), true), Ok(()));
        for (text, exists) in [("35.75", false), ("35.75.02", true), ("centre", true)] {
            let answer = dispatch(location(text), exists);
            assert_eq!(answer, Err(Refusal::LocationNotFound), "{text}");
        }
    }

    #[test]
    fn a_full_receipt_leaves_nothing_to_dispute() {
        let receipt = receive(
            &shipment(vec![range(1, 8000)]),
            &[range(4001, 8000), range(1, 4000)],
            None,
        );
        let expected = Receipt {
            arrived: vec![range(1, 8000)],
            missing: vec![],
            state: ShipmentState::Received,
            received_quantity: 8000,
        };
        assert_eq!(receipt, Ok(expected));
    }

    #[test]
    fn what_is_missing_at_receipt_is_disputed() {
        let sent = shipment(vec![range(1, 100), range(201, 300)]);
        let receipt = receive(
            &sent,
            &[range(1, 40), range(51, 100), range(201, 250)],
            None,
        )
        .expect("a receipt");
        assert_eq!(receipt.missing, [range(41, 50), range(251, 300)]);
        assert_eq!(receipt.state, ShipmentState::ReceivedWithDifferences);
        assert_eq!(receipt.received_quantity, 140);
    }

    #[test]
    fn serials_of_no_or_another_shipment_are_not_received() {
        let sent = shipment(vec![range(1, 100)]);
        assert_eq!(
            receive(&sent, &[range(50, 150)], None),
            Err(Refusal::SerialsNotInShipment(range(101, 150)))
        );
    }

    #[test]
    fn a_shipment_is_received_once() {
        for state in [
            ShipmentState::Received,
            ShipmentState::ReceivedWithDifferences,
        ] {
            let sent = Shipment {
                state,
                ..shipment(vec![range(1, 100)])
            };
            assert_eq!(
                receive(&sent, &[range(1, 100)], None),
                Err(Refusal::ShipmentAlreadyReceived)
            );
        }
    }

    #[test]
    fn what_comes_twice_in_a_batch_is_bound_once() {
        let person = ResidentId::fresh();
        let batch = [
            binding(1, "04A1", person),
            binding(1, "04A2", ResidentId::fresh()),
            binding(2, "04A1", ResidentId::fresh()),
            binding(3, "04A3", person),
            binding(4, "04A4", ResidentId::fresh()),
        ];
        let twice = Refusal::BlankNotInStock {
            serial: batch[0].serial,
            location: batch[0].location,
        };
        let answers = distinct(&batch);
        assert_eq!(
            answers,
            [
                Ok(()),
                Err(twice),
                Err(Refusal::ChipAlreadyBound),
                Err(Refusal::CardAlreadyIssued),
                Ok(())
            ]
        );
    }

    #[test]
    fn a_blank_is_bound_only_from_stock_with_a_new_chip_to_a_person_without_a_card() {
        let one = binding(1, "04A1", ResidentId::fresh());
        let fine = Found {
            in_stock: true,
            chip_known: false,
            card_under_way: false,
        };
        assert_eq!(bind(&one, fine), Ok(()));
        let absent = Refusal::BlankNotInStock {
            serial: one.serial,
            location: one.location,
        };
        assert_eq!(
            bind(
                &one,
                Found {
                    in_stock: false,
                    ..fine
                }
            ),
            Err(absent)
        );
        assert_eq!(
            bind(
                &one,
                Found {
                    chip_known: true,
                    ..fine
                }
            ),
            Err(Refusal::ChipAlreadyBound)
        );
        assert_eq!(
            bind(
                &one,
                Found {
                    card_under_way: true,
                    ..fine
                }
            ),
            Err(Refusal::CardAlreadyIssued)
        );
    }
}
