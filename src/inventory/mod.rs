//! STAND-IN, replaced at the merge by the real feature: just the names that handover calls.

use std::{fmt, str::FromStr};

use crate::{
    error::Result,
    ids::{CodeError, District, Serial},
    work::Work,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location(i32);

impl Location {
    pub fn of_district(district: District) -> Self {
        Self(district.number())
    }

    pub fn number(self) -> i32 {
        self.0
    }

    pub fn from_number(number: i32) -> Result<Self, CodeError> {
        Ok(Self(number))
    }
}

impl FromStr for Location {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        text.parse::<District>().map(Self::of_district)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match District::from_number(self.0) {
            Ok(district) => district.fmt(f),
            Err(_) => self.0.fmt(f),
        }
    }
}

pub async fn mark_handed_over(
    _work: &mut Work,
    _serial: Serial,
    _location: Location,
) -> Result<()> {
    Ok(())
}
