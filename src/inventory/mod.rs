//! STAND-IN of the print queue's branch: only the signatures that the queue calls. The inventory's own branch replaces
//! this file at the merge.

use std::{fmt, str::FromStr};

use crate::{
    error::{Error, ErrorReason, Result},
    ids::{District, PrintRequestId, ResidentId, Serial, Subdistrict},
    work::Work,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location(i32);

impl Location {
    pub fn number(self) -> i32 {
        self.0
    }
    pub fn from_number(number: i32) -> Result<Self, crate::ids::CodeError> {
        Ok(Self(number))
    }
    pub fn of_district(district: District) -> Self {
        Self(district.number())
    }
    pub fn district(self) -> District {
        let number = if self.0 > 9_999 { self.0 / 100 } else { self.0 };
        District::from_number(number).unwrap_or(District::CENTRE)
    }
}

impl FromStr for Location {
    type Err = crate::ids::CodeError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "centre" {
            return Ok(Self(0));
        }
        text.parse::<Subdistrict>()
            .map(|s| Self(s.number()))
            .or_else(|_| text.parse::<District>().map(Self::of_district))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub serial: Serial,
    pub chip_uid: String,
    pub resident_id: ResidentId,
    pub print_request_id: PrintRequestId,
    pub location: Location,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    ChipAlreadyBound,
}

impl From<Refusal> for Error {
    fn from(_: Refusal) -> Self {
        Error::refused(ErrorReason::ChipAlreadyBound, "stand-in")
    }
}

pub async fn bind(_: &mut Work, _: &[Binding]) -> Result<Vec<Result<(), Refusal>>> {
    Err(Error::internal("stand-in"))
}

pub async fn mark_printed(_: &mut Work, _: &[(Serial, Location, PrintRequestId)]) -> Result<()> {
    Err(Error::internal("stand-in"))
}

pub async fn mark_spoiled(_: &mut Work, _: &[(Serial, Location, PrintRequestId)]) -> Result<()> {
    Err(Error::internal("stand-in"))
}
