//! Area codes: a stand-in until the real file arrives; it holds only what `caller` needs.
//! The dotted form is the only form.

use std::{fmt, str::FromStr};

/// A code that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an area code")]
pub struct NotACode;

/// Reads `35.75.02` as its numbers; each part has exactly two digits.
fn parts<const N: usize>(text: &str) -> Result<[u32; N], NotACode> {
    let mut numbers = [0; N];
    let mut seen = 0;
    for part in text.split('.') {
        let two_digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if !two_digits || seen == N {
            return Err(NotACode);
        }
        numbers[seen] = part.parse().map_err(|_| NotACode)?;
        seen += 1;
    }
    if seen == N {
        Ok(numbers)
    } else {
        Err(NotACode)
    }
}

/// A province, `35`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Province(pub u8);

/// A district, `35.75`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct District(pub u16);

/// A subdistrict, `35.75.02`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subdistrict(pub u32);

impl District {
    /// The ledger of acts that concern no district.
    pub const CENTRE: District = District(0);
}

impl Subdistrict {
    /// The district that this subdistrict is a part of.
    pub fn district(self) -> District {
        District(u16::try_from(self.0 / 100).expect("a subdistrict has six digits"))
    }
}

impl FromStr for Province {
    type Err = NotACode;
    fn from_str(text: &str) -> Result<Self, NotACode> {
        let [province] = parts(text)?;
        u8::try_from(province).map(Province).map_err(|_| NotACode)
    }
}

impl FromStr for District {
    type Err = NotACode;
    fn from_str(text: &str) -> Result<Self, NotACode> {
        let [province, district] = parts(text)?;
        u16::try_from(province * 100 + district)
            .map(District)
            .map_err(|_| NotACode)
    }
}

impl FromStr for Subdistrict {
    type Err = NotACode;
    fn from_str(text: &str) -> Result<Self, NotACode> {
        let [province, district, subdistrict] = parts(text)?;
        Ok(Subdistrict((province * 100 + district) * 100 + subdistrict))
    }
}

impl fmt::Display for Province {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:02}", self.0)
    }
}

impl fmt::Display for District {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:02}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl fmt::Display for Subdistrict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{:02}", self.district(), self.0 % 100)
    }
}
