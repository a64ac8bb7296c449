//! Which movements are taken back: mistakes of the store that nothing was built on, once.

use crate::inventory::{LedgerRefusal, Leg, Movement, MovementKind, Spoilage, decide::leg_between};

/// What takes a movement back, given what its store said of the spoilage and what happened to its serials later.
pub fn reverse(
    moved: &Movement,
    in_store: Option<Spoilage>,
    later: &[Movement],
) -> Result<Leg, LedgerRefusal> {
    let not_reversible = LedgerRefusal::MovementNotReversible(moved.kind);
    let may_be = match moved.kind {
        // What a printer spoiled is bound up with its print request.
        MovementKind::Spoiled => in_store.is_some(),
        MovementKind::Returned => true,
        MovementKind::Delivered
        | MovementKind::Dispatched
        | MovementKind::Cancelled
        | MovementKind::Received
        | MovementKind::Disputed
        | MovementKind::Settled
        | MovementKind::Bound
        | MovementKind::Printed
        | MovementKind::HandedOver
        | MovementKind::Lost
        | MovementKind::Found
        | MovementKind::Destroyed
        | MovementKind::Reversed => false,
    };
    let Some(before) = moved.from.filter(|_| may_be) else {
        return Err(not_reversible);
    };
    if let Some(back) = later.iter().find(|l| l.reverses == Some(moved.name())) {
        return Err(LedgerRefusal::MovementAlreadyReversed(back.name()));
    }
    if !later.is_empty() {
        let blocking = later.iter().map(Movement::name).collect();
        return Err(LedgerRefusal::MovementBlocked(blocking));
    }
    let kind = MovementKind::Reversed;
    Ok(leg_between(kind, moved.serials, Some(moved.to), before))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::{
        ids::{RequestId, Serial, SerialRange},
        inventory::{Account, CustodyState, Location},
    };

    fn movement(number: i64, kind: MovementKind) -> Movement {
        let serial = |number| Serial::new(number).expect("a serial of the test");
        let account = |state| Account {
            location: Location::CENTRE,
            state,
        };
        Movement {
            kind,
            location: Location::CENTRE,
            number,
            serials: SerialRange::new(serial(1), serial(9)).expect("a range of the test"),
            from: Some(account(CustodyState::InStock)),
            to: account(CustodyState::Spoiled),
            document_number: "R-1".to_owned(),
            moved_at: datetime!(2017-04-10 08:00 UTC),
            given_by: None,
            taken_by: None,
            shipment_id: None,
            request_id: "0190f5fe-7c00-7a00-8abc-def012345678"
                .parse::<RequestId>()
                .expect("an id of the test"),
            reverses: None,
        }
    }

    #[test]
    fn a_mistake_of_the_store_goes_back_the_whole_way() {
        let moved = movement(4, MovementKind::Spoiled);
        let leg =
            reverse(&moved, Some(Spoilage::FactoryDefect), &[]).expect("nothing is in the way");
        assert_eq!(leg.kind, MovementKind::Reversed);
        assert_eq!((leg.from, Some(leg.to)), (Some(moved.to), moved.from));
        assert_eq!(leg.serials, moved.serials);
    }

    #[test]
    fn what_printers_and_two_persons_did_stands() {
        let spoiled = movement(4, MovementKind::Spoiled);
        let by_printer = reverse(&spoiled, None, &[]);
        let kind = MovementKind::Spoiled;
        assert_eq!(by_printer, Err(LedgerRefusal::MovementNotReversible(kind)));
        for kind in [
            MovementKind::Delivered,
            MovementKind::Dispatched,
            MovementKind::Settled,
            MovementKind::Destroyed,
            MovementKind::Reversed,
        ] {
            let refused = reverse(&movement(4, kind), Some(Spoilage::FactoryDefect), &[]);
            assert_eq!(refused, Err(LedgerRefusal::MovementNotReversible(kind)));
        }
    }

    #[test]
    fn what_was_built_on_a_movement_blocks_it_and_it_goes_back_once() {
        let moved = movement(4, MovementKind::Spoiled);
        let later = [movement(5, MovementKind::Destroyed)];
        let refused = reverse(&moved, Some(Spoilage::FactoryDefect), &later);
        let blocking = vec![later[0].name()];
        assert_eq!(refused, Err(LedgerRefusal::MovementBlocked(blocking)));
        let back = Movement {
            reverses: Some(moved.name()),
            ..movement(6, MovementKind::Reversed)
        };
        let name = back.name();
        let refused = reverse(&moved, Some(Spoilage::FactoryDefect), &[back]);
        assert_eq!(refused, Err(LedgerRefusal::MovementAlreadyReversed(name)));
    }
}
