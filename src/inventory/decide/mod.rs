//! The rules of inventory, pure: which movement leads from which account to which, what a receipt amounts to, and what
//! keeps a blank from being bound.
//!
//! That serials really are where a movement takes them from is found by the move itself, under the locks.

mod case;
mod count;
mod distribution;
mod location;
mod request;
mod reversal;
mod runs;
mod shipment;
mod write_off;

use std::collections::BTreeSet;

use crate::{
    ids::{PrintRequestId, SerialRange},
    inventory::{
        Account, Binding, CustodyState, Found, Leg, Location, MovementKind, Refusal, Stock,
    },
};

pub use case::{other_office, settle};
pub use count::{
    cancel_count, compare, counterpart, is_blind, is_complete, may_count, record_findings,
    start_count,
};
pub use distribution::{RUNS_MAX, allot, candidates, downward, propose, shortage};
pub use location::{next_unit, open_location};
pub use request::{
    decide as decide_request, for_the_office, fulfil, low_stock, may_be_low,
    withdraw as withdraw_request,
};
pub use reversal::reverse;
pub use runs::{merged, minus, union};
pub use shipment::{cancel, due_at, may_act_at, receive, route};
pub use write_off::{destroy, found_again, of_office, returned, spoiled};

/// From which state to which a movement leads; a delivery comes from nowhere. The others go where their act says.
pub fn path(kind: MovementKind) -> Option<(Option<CustodyState>, CustodyState)> {
    use CustodyState::{
        AtSite, Bound, Disputed, HandedOver, InStock, InTransit, Lost, Returned, Spoiled,
    };
    Some(match kind {
        MovementKind::Delivered => (None, InStock),
        MovementKind::Dispatched => (Some(InStock), InTransit),
        MovementKind::Cancelled | MovementKind::Received => (Some(InTransit), InStock),
        MovementKind::Bound => (Some(InStock), Bound),
        MovementKind::Printed => (Some(Bound), AtSite),
        MovementKind::HandedOver => (Some(AtSite), HandedOver),
        MovementKind::Returned => (Some(HandedOver), Returned),
        MovementKind::Spoiled => (Some(Bound), Spoiled),
        MovementKind::Lost => (Some(Disputed), Lost),
        MovementKind::Found => (Some(Lost), Disputed),
        MovementKind::Disputed
        | MovementKind::Settled
        | MovementKind::Destroyed
        | MovementKind::Reversed => return None,
    })
}

/// A leg of a movement whose path is its kind's, between two locations.
pub fn leg(kind: MovementKind, serials: SerialRange, from: Location, to: Location) -> Leg {
    let (before, after) = path(kind).expect("its path is its kind's");
    let before = before.map(|state| Account {
        location: from,
        state,
    });
    let after = Account {
        location: to,
        state: after,
    };
    leg_between(kind, serials, before, after)
}

/// A leg between two accounts.
pub fn leg_between(
    kind: MovementKind,
    serials: SerialRange,
    from: Option<Account>,
    to: Account,
) -> Leg {
    Leg {
        kind,
        serials,
        from,
        to,
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
            + stock.disputed
            + stock.returned
            + stock.lost
            + stock.destroyed
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ResidentId, Serial};

    fn location(text: &str) -> Location {
        text.parse().expect("a location of the test")
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
