//! The rules of units: which stores fill some, and which number comes next.

use crate::{
    ids::{District, Subdistrict},
    inventory::{Location, Refusal, UnitKind, UnitRefusal, decide::shipment::may_act_at},
};

/// Whether an office opens a unit of that store.
pub fn open_location(
    of: Location,
    office: District,
    limit: Option<Subdistrict>,
) -> Result<(), Refusal> {
    if of.district() != office {
        return Err(Refusal::LocationNotFound);
    }
    may_act_at(of, limit)?;
    // A unit fills no unit, and the centre and the provinces print nothing and drive nowhere.
    if of.of_unit(UnitKind::Hopper, 1).is_none() {
        return Err(Refusal::Unit(UnitRefusal::NotThere));
    }
    Ok(())
}

/// The unit that comes behind the highest of its kind.
pub fn next_unit(
    of: Location,
    kind: UnitKind,
    highest: Option<Location>,
) -> Result<Location, Refusal> {
    let number = highest
        .and_then(Location::unit)
        .map_or(0, |(_, number)| number);
    of.of_unit(kind, number + 1)
        .ok_or(Refusal::Unit(UnitRefusal::NoneFree))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(text: &str) -> Location {
        text.parse().expect("a location of the test")
    }

    #[test]
    fn units_are_numbered_from_one_to_four_hundred_and_ninety_nine_for_each_kind() {
        let of = location("35.75.02");
        let next = |kind, highest: Option<&str>| next_unit(of, kind, highest.map(location));
        for (kind, highest, expected) in [
            (UnitKind::Hopper, None, "35.75.02/hopper/1"),
            (
                UnitKind::Hopper,
                Some("35.75.02/hopper/7"),
                "35.75.02/hopper/8",
            ),
            (UnitKind::Mobile, None, "35.75.02/mobile/1"),
            (
                UnitKind::Mobile,
                Some("35.75.02/mobile/498"),
                "35.75.02/mobile/499",
            ),
        ] {
            assert_eq!(next(kind, highest), Ok(location(expected)));
        }
        for (kind, last) in [
            (UnitKind::Hopper, "35.75.02/hopper/499"),
            (UnitKind::Mobile, "35.75.02/mobile/499"),
        ] {
            assert_eq!(
                next(kind, Some(last)),
                Err(Refusal::Unit(UnitRefusal::NoneFree))
            );
        }
    }

    #[test]
    fn only_the_stores_of_districts_fill_units() {
        let asked = |text: &str| {
            let of = location(text);
            open_location(of, of.district(), None)
        };
        for store in ["35.75", "35.75.02"] {
            assert_eq!(asked(store), Ok(()));
        }
        for other in ["centre", "35", "35.75/hopper/1"] {
            assert_eq!(
                asked(other),
                Err(Refusal::Unit(UnitRefusal::NotThere)),
                "{other}"
            );
        }
        let (of, foreign) = (location("35.75"), location("35.76").district());
        assert_eq!(
            open_location(of, foreign, None),
            Err(Refusal::LocationNotFound)
        );
        let limit = "35.75.02".parse().ok();
        let outside = open_location(of, of.district(), limit).err();
        assert_eq!(outside, limit.map(Refusal::OutsideSubdistrict));
    }
}
