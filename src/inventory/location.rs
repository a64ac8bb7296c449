//! Where blanks are kept. A location is neither a printer nor an area: it only shares the areas' codes.
//!
//! ```text
//!  centre ── province 35 ── district's store 35.75 ── subdistrict's store 35.75.02
//!                                 └── units: a printer's hopper 35.75/hopper/1, a mobile unit 35.75.02/mobile/1
//! ```
//!
//! What is easily got wrong: the number of a unit is its store's with three digits more, so a store's units are a stretch of
//! numbers, but they do not lie in the stretch of the store itself.

use std::{fmt, str::FromStr};

use crate::ids::{District, Province, Subdistrict};

/// Where blanks are kept: a store, or a unit that a store fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location(i32);

/// What a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitKind {
    /// What lies in a printer: the blanks that the next cards are made of.
    Hopper,
    /// A van that goes to the villages (jemput bola).
    Mobile,
}

/// Why a unit is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitRefusal {
    /// The centre's store, a province's and a unit fill none.
    NotThere,
    /// The store has all the units of the kind that there are numbers for.
    NoneFree,
}

/// Why a text or a number is no location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be centre, a province code such as 35, a district code such as 35.75, a subdistrict code such as 35.75.02, or a \
     unit of one such as 35.75/hopper/1 or 35.75/mobile/1"
)]
pub struct LocationError;

/// A unit's number is its store's with three digits more.
const UNITS: i32 = 1_000;
/// Hoppers are numbered from 1 to 499.
const HOPPERS: std::ops::RangeInclusive<i32> = 1..=499;
/// Mobile units are stored as 501 to 999 and called 1 to 499.
const MOBILE: i32 = 500;

impl UnitKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Hopper => "hopper",
            Self::Mobile => "mobile",
        }
    }

    /// What its numbers in the tables are above those that it is called by.
    const fn base(self) -> i32 {
        match self {
            Self::Hopper => 0,
            Self::Mobile => MOBILE,
        }
    }
}

impl Location {
    /// The ministry's store.
    pub const CENTRE: Self = Self(0);

    /// An office's own store: the centre's, a province's or a district's.
    pub fn of_district(district: District) -> Self {
        Self(district.number())
    }

    /// A subdistrict's store.
    pub fn of_subdistrict(subdistrict: Subdistrict) -> Self {
        Self(subdistrict.number())
    }

    /// Takes the number of a stored row back.
    pub fn from_number(number: i32) -> Result<Self, LocationError> {
        let is_store = |number: i32| {
            District::from_number(number).is_ok() || Subdistrict::from_number(number).is_ok()
        };
        let unit = number % UNITS;
        let is_unit = number >= 1_101 * UNITS
            && (HOPPERS.contains(&unit) || HOPPERS.contains(&(unit - MOBILE)))
            && is_store(number / UNITS);
        (is_store(number) || is_unit)
            .then_some(Self(number))
            .ok_or(LocationError)
    }

    /// The number in the tables: 0, 35, 3575, 357502 or 3575001.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The store that fills it; a store is its own.
    pub fn filled_from(self) -> Self {
        match self.unit() {
            Some(_) => Self(self.0 / UNITS),
            None => self,
        }
    }

    /// What it is beside a store, and its number among its store's.
    pub fn unit(self) -> Option<(UnitKind, i32)> {
        // The smallest number of a unit has seven digits, the longest of a store six.
        if self.0 < 1_101 * UNITS {
            return None;
        }
        let number = self.0 % UNITS;
        Some(if number > MOBILE {
            (UnitKind::Mobile, number - MOBILE)
        } else {
            (UnitKind::Hopper, number)
        })
    }

    /// The subdistrict that its store belongs to.
    pub fn subdistrict(self) -> Option<Subdistrict> {
        Subdistrict::from_number(self.filled_from().0).ok()
    }

    /// The office in whose charge it is: the centre, a province's or a district's.
    pub fn district(self) -> District {
        let store = self.filled_from();
        match store.subdistrict() {
            Some(subdistrict) => subdistrict.district(),
            None => District::from_number(store.0).expect("a store that is no subdistrict's"),
        }
    }

    /// Whether it is an office's own store, to which other offices send.
    pub fn is_of_office(self) -> bool {
        self == Self::of_district(self.district())
    }

    /// The unit of this number, if the place fills units and may have so many: the centre and the provinces print nothing and
    /// drive nowhere.
    pub fn of_unit(self, kind: UnitKind, number: i32) -> Option<Self> {
        if self.unit().is_some() || !HOPPERS.contains(&number) {
            return None;
        }
        let unit = Self::from_number(self.0 * UNITS + kind.base() + number).ok()?;
        (unit.filled_from() == self).then_some(unit)
    }

    /// The lowest and the highest number that its units of a kind have in the tables. It must be a store that fills some.
    pub const fn units(self, kind: UnitKind) -> (i32, i32) {
        let base = self.0 * UNITS + kind.base();
        (base + *HOPPERS.start(), base + *HOPPERS.end())
    }

    fn unit_of(store: Self, kind: &str, number: &str) -> Option<Self> {
        let kind = match kind {
            "hopper" => UnitKind::Hopper,
            "mobile" => UnitKind::Mobile,
            _ => return None,
        };
        store.of_unit(kind, number.parse().ok()?)
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        if let Some((store, unit)) = text.split_once('/') {
            let store: Self = store.parse()?;
            let unit = unit
                .split_once('/')
                .and_then(|(kind, number)| Self::unit_of(store, kind, number))
                .ok_or(LocationError)?;
            // One spelling for each: no leading nought, no sign.
            return (unit.to_string() == text)
                .then_some(unit)
                .ok_or(LocationError);
        }
        if text == District::CENTRE.to_string() {
            return Ok(Self::CENTRE);
        }
        let district = text.parse::<District>();
        let office = district.or_else(|_| text.parse::<Province>().map(District::of_province));
        office
            .map(District::number)
            .or_else(|_| text.parse::<Subdistrict>().map(Subdistrict::number))
            .map(Self)
            .map_err(|_| LocationError)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subdistrict() {
            Some(subdistrict) => subdistrict.fmt(out)?,
            None => self.district().fmt(out)?,
        }
        match self.unit() {
            Some((kind, number)) => write!(out, "/{}/{number}", kind.name()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_written_as_it_is_read() {
        for (text, number, district) in [
            ("centre", 0, "centre"),
            ("35.75", 3575, "35.75"),
            ("35.75.02", 357_502, "35.75"),
            ("35", 35, "35"),
            ("35.75/hopper/1", 3_575_001, "35.75"),
            ("35.75/mobile/499", 3_575_999, "35.75"),
            ("35.75.02/hopper/12", 357_502_012, "35.75"),
        ] {
            let location: Location = text.parse().expect("a location");
            assert_eq!(location.number(), number);
            assert_eq!(Location::from_number(number), Ok(location));
            assert_eq!(location.to_string(), text);
            assert_eq!(location.district().to_string(), district);
        }
        for bad in [
            "",
            "0",
            "Centre",
            "3575",
            "35.70",
            "35.75.00",
            "35.75.02.1001",
            "35/hopper/1",
            "centre/hopper/1",
            "35.75/hopper/0",
            "35.75/hopper/01",
            "35.75/hopper/500",
            "35.75/mobile/+1",
            "35.75/van/1",
            "35.75/hopper/1/hopper/1",
        ] {
            assert_eq!(bad.parse::<Location>(), Err(LocationError), "{bad}");
        }
        assert_eq!(Location::from_number(-1), Err(LocationError));
        for bad in [10, 100, 3_575_000, 3_575_500, 35_001, 357_500_001] {
            assert_eq!(Location::from_number(bad), Err(LocationError), "{bad}");
        }
    }

    #[test]
    fn only_an_offices_own_store_is_sent_to_from_outside() {
        let is = |text: &str| {
            let location: Location = text.parse().expect("a location");
            location.is_of_office()
        };
        assert!(is("35.75") && is("35") && is("centre"));
        assert!(!is("35.75.02") && !is("35.75/hopper/1"));
    }
}
