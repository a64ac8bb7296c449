//! What a certificate is about: the nation, a province, or a district.

use std::{fmt, str::FromStr};

use crate::{
    ids::{District, Province},
    inventory::Location,
};

/// The nation, a province or a district; with all locations in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// Every location.
    Nation,
    /// Those of a province's districts, and of its own office.
    Province(Province),
    /// A district's.
    District(District),
}

/// Why a text is no area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be empty for the nation, a province such as 35 or a district such as 35.75")]
pub struct AreaError;

/// The nation where it is written.
const NATION: &str = "nation";

impl Area {
    /// Whether a location is in it.
    pub fn covers(self, location: Location) -> bool {
        let district = location.district();
        match self {
            Self::Nation => true,
            Self::Province(province) => {
                district.province() == Some(province)
                    || district.number() == i32::from(province.number())
            }
            Self::District(own) => district == own,
        }
    }

    /// The number by which the database knows it; none for the nation.
    pub fn number(self) -> Option<i32> {
        match self {
            Self::Nation => None,
            Self::Province(province) => Some(i32::from(province.number())),
            Self::District(district) => Some(district.number()),
        }
    }
}

impl FromStr for Area {
    type Err = AreaError;

    fn from_str(text: &str) -> Result<Self, AreaError> {
        if text.is_empty() || text == NATION {
            return Ok(Self::Nation);
        }
        let province = text.parse::<Province>().map(Self::Province);
        province
            .or_else(|_| text.parse::<District>().map(Self::District))
            .map_err(|_| AreaError)
    }
}

impl fmt::Display for Area {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nation => out.write_str(NATION),
            Self::Province(province) => province.fmt(out),
            Self::District(district) => district.fmt(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_covers_its_own_locations() {
        let covers = |area: &str, location: &str| {
            let area: Area = area.parse().expect("an area");
            area.covers(location.parse().expect("a location"))
        };
        for (area, location, expected) in [
            ("", "centre", true),
            ("nation", "35.75.02", true),
            ("35", "35.75.02", true),
            ("35", "36.71", false),
            ("35", "centre", false),
            ("35.75", "35.75", true),
            ("35.75", "35.75.02", true),
            ("35.75", "35.14", false),
        ] {
            assert_eq!(covers(area, location), expected, "{location} in {area}");
        }
        for bad in ["3575", "35.75.02", "centre", "x"] {
            assert_eq!(bad.parse::<Area>(), Err(AreaError), "{bad}");
        }
    }
}
