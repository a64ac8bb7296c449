//! The rules of what is written off: only blanks of the stock are spoiled there, only replaced cards come back, only what is
//! lost is found, and only what is spoiled or returned is burned.

use crate::{
    ids::{District, Serial, SerialRange, Subdistrict},
    inventory::{
        Account, CustodyState, Holding, Leg, Location, MovementKind, Refusal, WriteOffRefusal,
        decide::{leg_between, may_act_at, merged, minus},
        single,
    },
};

/// Whether an office's officer acts at the location; another office's looks like a missing one.
pub fn of_office(
    location: Location,
    office: District,
    limit: Option<Subdistrict>,
) -> Result<(), Refusal> {
    if location.district() != office {
        return Err(Refusal::LocationNotFound);
    }
    may_act_at(location, limit)
}

fn in_place(
    kind: MovementKind,
    run: SerialRange,
    at: Location,
    (before, after): (CustodyState, CustodyState),
) -> Leg {
    let account = |state| Account {
        location: at,
        state,
    };
    leg_between(kind, run, Some(account(before)), account(after))
}

/// Blanks of the stock that nobody can use.
pub fn spoiled(serials: &[SerialRange], at: Location) -> Vec<Leg> {
    let path = (CustodyState::InStock, CustodyState::Spoiled);
    let runs = merged(serials).into_iter();
    runs.map(|run| in_place(MovementKind::Spoiled, run, at, path))
        .collect()
}

/// What was lost and is there again.
pub fn found_again(serials: &[SerialRange], at: Location) -> Vec<Leg> {
    let path = (CustodyState::Lost, CustodyState::Disputed);
    let runs = merged(serials).into_iter();
    runs.map(|run| in_place(MovementKind::Found, run, at, path))
        .collect()
}

/// Cards that come back, given those of them that a newer one has replaced and where these were handed over. A card moves
/// alone: its row follows.
pub fn returned(
    wanted: &[Serial],
    replaced: &[(Serial, Location)],
) -> Result<Vec<Leg>, WriteOffRefusal> {
    let path = (CustodyState::HandedOver, CustodyState::Returned);
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    wanted
        .into_iter()
        .map(|serial| {
            let found = replaced.iter().find(|(known, _)| *known == serial);
            let (_, at) = found.ok_or(WriteOffRefusal::CardNotReplaced(serial))?;
            Ok(in_place(MovementKind::Returned, single(serial), *at, path))
        })
        .collect()
}

/// What is burned, given what of it is spoiled or returned at the location.
pub fn destroy(wanted: &[SerialRange], held: &[Holding]) -> Result<Vec<Leg>, WriteOffRefusal> {
    let of_state: Vec<&Holding> = held
        .iter()
        .filter(|holding| {
            matches!(
                holding.account.state,
                CustodyState::Spoiled | CustodyState::Returned
            )
        })
        .collect();
    let there: Vec<SerialRange> = of_state.iter().map(|holding| holding.serials).collect();
    if let Some(first) = minus(wanted, &there).first() {
        return Err(WriteOffRefusal::SerialsNotForDestruction(*first));
    }
    let legs = of_state.into_iter().map(|holding| {
        let (at, state) = (holding.account.location, holding.account.state);
        let path = (state, CustodyState::Destroyed);
        in_place(MovementKind::Destroyed, holding.serials, at, path)
    });
    Ok(legs.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serial(number: i64) -> Serial {
        Serial::new(number).expect("a serial of the test")
    }

    fn range(first: i64, last: i64) -> SerialRange {
        SerialRange::new(serial(first), serial(last)).expect("a range of the test")
    }

    fn location(text: &str) -> Location {
        text.parse().expect("a location of the test")
    }

    fn held(first: i64, last: i64, state: CustodyState) -> Holding {
        Holding {
            serials: range(first, last),
            account: Account {
                location: location("35.75"),
                state,
            },
        }
    }

    #[test]
    fn an_office_writes_off_what_is_its_own_and_a_subdistrict_its_part() {
        let (own, limit) = (
            location("35.75").district(),
            location("35.75.02").subdistrict(),
        );
        assert_eq!(of_office(location("35.75.02"), own, None), Ok(()));
        assert_eq!(of_office(location("35.75.02"), own, limit), Ok(()));
        let foreign = of_office(location("35.76"), own, None);
        assert_eq!(foreign, Err(Refusal::LocationNotFound));
        let outside = of_office(location("35.75"), own, limit);
        assert_eq!(
            outside,
            Err(Refusal::OutsideSubdistrict(limit.expect("a subdistrict")))
        );
    }

    #[test]
    fn only_a_replaced_card_comes_back_each_to_the_store_that_handed_it_over() {
        let replaced = [
            (serial(7), location("35.75")),
            (serial(3), location("35.75.02")),
        ];
        let legs = returned(&[serial(7), serial(3)], &replaced).expect("both are replaced");
        let told: Vec<(SerialRange, Location)> = legs
            .iter()
            .map(|leg| (leg.serials, leg.to.location))
            .collect();
        assert_eq!(
            told,
            [
                (range(3, 3), location("35.75.02")),
                (range(7, 7), location("35.75"))
            ]
        );
        let refused = returned(&[serial(7), serial(8)], &replaced);
        assert_eq!(refused, Err(WriteOffRefusal::CardNotReplaced(serial(8))));
    }

    #[test]
    fn what_is_burned_is_spoiled_or_returned_every_serial_of_it() {
        let kept = [
            held(1, 10, CustodyState::Spoiled),
            held(11, 11, CustodyState::Returned),
        ];
        let legs = destroy(&[range(1, 11)], &kept).expect("all of it is kept for it");
        assert_eq!(legs.len(), 2, "out of two accounts");
        assert!(
            legs.iter()
                .all(|leg| leg.to.state == CustodyState::Destroyed)
        );
        let refused = destroy(&[range(5, 12)], &kept);
        let first = WriteOffRefusal::SerialsNotForDestruction(range(12, 12));
        assert_eq!(refused, Err(first));
        let in_stock = destroy(&[range(1, 2)], &[held(1, 2, CustodyState::InStock)]);
        let first = WriteOffRefusal::SerialsNotForDestruction(range(1, 2));
        assert_eq!(in_stock, Err(first));
    }
}
