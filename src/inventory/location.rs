//! Where blanks are kept. A location is neither a printer nor an area: it only shares their codes.

use std::{fmt, str::FromStr};

use crate::ids::{District, Subdistrict};

/// Where blanks are kept: the centre's store, a district's, or a subdistrict's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location(i32);

/// Why a text or a number is no location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be centre, a district code such as 35.75 or a subdistrict code such as 35.75.02")]
pub struct LocationError;

impl Location {
    /// The ministry's store.
    pub const CENTRE: Self = Self(0);

    /// A district's own store.
    pub fn of_district(district: District) -> Self {
        Self(district.number())
    }

    /// Takes the number of a stored row back.
    pub fn from_number(number: i32) -> Result<Self, LocationError> {
        let known =
            District::from_number(number).is_ok() || Subdistrict::from_number(number).is_ok();
        known.then_some(Self(number)).ok_or(LocationError)
    }

    /// The number in the tables: 0, 3575 or 357502.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The district that it lies in; the centre's store lies in the centre.
    pub fn district(self) -> District {
        District::from_number(self.0).unwrap_or_else(|_| {
            Subdistrict::from_number(self.0)
                .expect("a location is a district or a subdistrict")
                .district()
        })
    }

    /// Whether it is a district's own store, to which the centre sends.
    pub fn takes_shipments(self) -> bool {
        self != Self::CENTRE && self == Self::of_district(self.district())
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        if text == District::CENTRE.to_string() {
            return Ok(Self::CENTRE);
        }
        let district = text.parse::<District>().map(District::number);
        district
            .or_else(|_| text.parse::<Subdistrict>().map(Subdistrict::number))
            .map(Self)
            .map_err(|_| LocationError)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Subdistrict::from_number(self.0) {
            Ok(subdistrict) => subdistrict.fmt(out),
            Err(_) => self.district().fmt(out),
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
            "35",
            "3575",
            "35.70",
            "35.75.00",
            "35.75.02.1001",
        ] {
            assert_eq!(bad.parse::<Location>(), Err(LocationError), "{bad}");
        }
        assert_eq!(Location::from_number(-1), Err(LocationError));
        assert_eq!(Location::from_number(35), Err(LocationError));
    }

    #[test]
    fn only_a_districts_own_store_takes_shipments() {
        let is = |text: &str| {
            let location: Location = text.parse().expect("a location");
            location.takes_shipments()
        };
        assert_eq!(
            (is("35.75"), is("35.75.02"), is("centre")),
            (true, false, false)
        );
    }
}
