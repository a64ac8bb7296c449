//! The ministry's area codes as types: province, district, subdistrict, village.
//!
//! Text is always the dotted form (`35.75.02.1001`), numbers are for SQL and have no dots (3575021001). A value of these
//! types has a code's shape; whether the ministry ever gave it out is answered by [`crate::areas`]. The centre (0) and the
//! provinces' offices (35) keep ledgers as districts do: [`District`] has them too, but no text names them as districts.

use std::{fmt, str::FromStr};

/// Why a text or a number is not an area code. It says which kind was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    #[error("must be a province code such as 35")]
    Province,
    #[error("must be a district code such as 35.75")]
    District,
    #[error("must be a subdistrict code such as 35.75.02")]
    Subdistrict,
    #[error("must be a village code such as 35.75.02.1001")]
    Village,
}

/// A province (provinsi), two digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Province(u8);

/// A district (kabupaten or kota), four digits; or an office that keeps a ledger like one: [`District::CENTRE`], and each
/// province's ([`District::of_province`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct District(u16);

/// A subdistrict (kecamatan), six digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subdistrict(u32);

/// A village (kelurahan or desa), ten digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Village(u64);

impl Province {
    pub fn from_number(number: i16) -> Result<Self, CodeError> {
        match u8::try_from(number) {
            Ok(code @ 11..=99) => Ok(Self(code)),
            Ok(_) | Err(_) => Err(CodeError::Province),
        }
    }

    pub fn number(self) -> i16 {
        i16::from(self.0)
    }
}

impl District {
    /// The ministry itself, number 0: the ledger of acts that concern no district. It is displayed as `centre` and
    /// parses from no text, so no client can name it by mistake.
    pub const CENTRE: Self = Self(0);

    /// The province's own office.
    pub fn of_province(province: Province) -> Self {
        Self(u16::from(province.0))
    }

    /// Whether it is a province's office.
    pub fn is_provinces(self) -> bool {
        matches!(self.0, 11..=99)
    }

    /// Takes the number of a stored row back, the centre's and the provinces' included.
    pub fn from_number(number: i32) -> Result<Self, CodeError> {
        if number == 0 {
            return Ok(Self::CENTRE);
        }
        let code = u16::try_from(number).map_err(|_| CodeError::District)?;
        if matches!(code, 11..=99) {
            return Ok(Self(code));
        }
        // 01-69 are kabupaten and 71-99 are kota; 00 and 70 were never given out.
        let known = matches!(code / 100, 11..=99) && !matches!(code % 100, 0 | 70);
        known.then_some(Self(code)).ok_or(CodeError::District)
    }

    pub fn number(self) -> i32 {
        i32::from(self.0)
    }

    pub fn is_centre(self) -> bool {
        self == Self::CENTRE
    }

    /// None for the centre, which lies in no province.
    pub fn province(self) -> Option<Province> {
        let code = if self.is_provinces() {
            self.0
        } else {
            self.0 / 100
        };
        let code = u8::try_from(code).expect("four digits without the last two are below 100");
        (!self.is_centre()).then_some(Province(code))
    }
}

impl Subdistrict {
    pub fn from_number(number: i32) -> Result<Self, CodeError> {
        let code = u32::try_from(number).map_err(|_| CodeError::Subdistrict)?;
        let inside = District::from_number(number / 100)
            .is_ok_and(|district| !district.is_centre() && !district.is_provinces());
        (inside && code % 100 != 0)
            .then_some(Self(code))
            .ok_or(CodeError::Subdistrict)
    }

    pub fn number(self) -> i32 {
        i32::try_from(self.0).expect("six digits fit")
    }

    pub fn district(self) -> District {
        District(u16::try_from(self.0 / 100).expect("six digits without the last two are four"))
    }

    pub fn province(self) -> Province {
        Province(u8::try_from(self.0 / 10_000).expect("six digits without the last four are two"))
    }
}

impl Village {
    pub fn from_number(number: i64) -> Result<Self, CodeError> {
        let code = u64::try_from(number).map_err(|_| CodeError::Village)?;
        let subdistrict = i32::try_from(number / 10_000).map_err(|_| CodeError::Village)?;
        // The first of the last four digits tells the kind: 1 kelurahan, 2 desa, 3 desa adat.
        let local = code % 10_000;
        let known = matches!(local / 1000, 1..=3) && local % 1000 != 0;
        (known && Subdistrict::from_number(subdistrict).is_ok())
            .then_some(Self(code))
            .ok_or(CodeError::Village)
    }

    pub fn number(self) -> i64 {
        i64::try_from(self.0).expect("ten digits fit")
    }

    pub fn subdistrict(self) -> Subdistrict {
        Subdistrict(
            u32::try_from(self.0 / 10_000).expect("ten digits without the last four are six"),
        )
    }

    pub fn district(self) -> District {
        self.subdistrict().district()
    }

    pub fn province(self) -> Province {
        self.subdistrict().province()
    }
}

/// Reads groups of digits with dots between them, each group of exactly its length.
fn dotted(text: &str, lengths: &[usize]) -> Option<i64> {
    let mut groups = text.split('.');
    let mut number = 0;
    for length in lengths {
        let group = groups.next().filter(|group| group.len() == *length)?;
        for digit in group.chars() {
            number = number * 10 + i64::from(digit.to_digit(10)?);
        }
    }
    groups.next().is_none().then_some(number)
}

impl FromStr for Province {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let number = dotted(text, &[2]).and_then(|number| i16::try_from(number).ok());
        Self::from_number(number.ok_or(CodeError::Province)?)
    }
}

impl FromStr for District {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let number = dotted(text, &[2, 2]).and_then(|number| i32::try_from(number).ok());
        match Self::from_number(number.ok_or(CodeError::District)?) {
            Ok(office) if office.is_centre() || office.is_provinces() => Err(CodeError::District),
            answer @ (Ok(_) | Err(_)) => answer,
        }
    }
}

impl FromStr for Subdistrict {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let number = dotted(text, &[2, 2, 2]).and_then(|number| i32::try_from(number).ok());
        Self::from_number(number.ok_or(CodeError::Subdistrict)?)
    }
}

impl FromStr for Village {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        Self::from_number(dotted(text, &[2, 2, 2, 4]).ok_or(CodeError::Village)?)
    }
}

impl fmt::Display for Province {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:02}", self.0)
    }
}

impl fmt::Display for District {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.province() {
            Some(province) if self.is_provinces() => province.fmt(out),
            Some(province) => write!(out, "{province}.{:02}", self.0 % 100),
            None => out.write_str("centre"),
        }
    }
}

impl fmt::Display for Subdistrict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{:02}", self.district(), self.0 % 100)
    }
}

impl fmt::Display for Village {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{:04}", self.subdistrict(), self.0 % 10_000)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn a_village_knows_what_it_lies_in() {
        let village: Village = "35.75.02.1001"
            .parse()
            .expect("the shape of a village code");
        assert_eq!(village.number(), 3_575_021_001);
        assert_eq!(village.subdistrict().to_string(), "35.75.02");
        assert_eq!(village.subdistrict().number(), 357_502);
        assert_eq!(village.district().to_string(), "35.75");
        assert_eq!(village.district().number(), 3575);
        assert_eq!(village.province().to_string(), "35");
        assert_eq!(village.province().number(), 35);
    }

    #[test]
    fn only_the_dotted_form_is_a_code() {
        for bad in [
            "", "3575", "35.7", "35.755", "35.75.", ".35.75", "35,75", "3a.75", "35.75 ",
            "35.75.02", "+5.75",
        ] {
            assert_eq!(bad.parse::<District>(), Err(CodeError::District), "{bad}");
        }
        assert_eq!("3".parse::<Province>(), Err(CodeError::Province));
        assert_eq!("35.75".parse::<Subdistrict>(), Err(CodeError::Subdistrict));
        assert_eq!("35.75.02.100".parse::<Village>(), Err(CodeError::Village));
        assert_eq!("٣٥.75".parse::<District>(), Err(CodeError::District));
    }

    #[test]
    fn numbers_that_were_never_given_out_are_refused() {
        for bad in ["10.01", "00.01", "35.00", "35.70"] {
            assert_eq!(bad.parse::<District>(), Err(CodeError::District), "{bad}");
        }
        for bad in ["35.75.00", "35.70.01", "00.00.01"] {
            assert_eq!(
                bad.parse::<Subdistrict>(),
                Err(CodeError::Subdistrict),
                "{bad}"
            );
        }
        for bad in [
            "35.75.02.0001",
            "35.75.02.1000",
            "35.75.02.4001",
            "35.75.00.1001",
        ] {
            assert_eq!(bad.parse::<Village>(), Err(CodeError::Village), "{bad}");
        }
        assert_eq!(Province::from_number(-35), Err(CodeError::Province));
        assert_eq!(District::from_number(-3575), Err(CodeError::District));
        assert_eq!(Subdistrict::from_number(-1), Err(CodeError::Subdistrict));
        assert_eq!(Village::from_number(i64::MAX), Err(CodeError::Village));
    }

    #[test]
    fn the_centre_is_number_nought_and_no_text_names_it() {
        assert_eq!(District::from_number(0), Ok(District::CENTRE));
        assert_eq!(District::CENTRE.number(), 0);
        assert_eq!(District::CENTRE.province(), None);
        assert_eq!(District::CENTRE.to_string(), "centre");
        for text in ["centre", "00.00", "0"] {
            assert_eq!(text.parse::<District>(), Err(CodeError::District), "{text}");
        }
    }

    #[test]
    fn a_provinces_office_has_its_number_and_is_no_district_in_a_text() {
        let province: Province = "35".parse().expect("a province");
        let office = District::of_province(province);
        assert_eq!(District::from_number(35), Ok(office));
        assert_eq!((office.number(), office.province()), (35, Some(province)));
        assert_eq!(office.to_string(), "35");
        for text in ["35", "00.35"] {
            assert_eq!(text.parse::<District>(), Err(CodeError::District), "{text}");
        }
        assert!(Subdistrict::from_number(3502).is_err());
    }

    proptest! {
        #[test]
        fn a_code_survives_being_written_and_read(number in 1_101_011_001_i64..=9_999_993_999) {
            if let Ok(village) = Village::from_number(number) {
                prop_assert_eq!(village.number(), number);
                prop_assert_eq!(village.to_string().parse(), Ok(village));
                let subdistrict = village.subdistrict();
                prop_assert_eq!(Subdistrict::from_number(subdistrict.number()), Ok(subdistrict));
                prop_assert_eq!(subdistrict.to_string().parse(), Ok(subdistrict));
                let district = village.district();
                prop_assert_eq!(District::from_number(district.number()), Ok(district));
                prop_assert_eq!(district.to_string().parse(), Ok(district));
                prop_assert_eq!(Some(village.province()), district.province());
            }
        }

        #[test]
        fn no_text_and_no_number_makes_a_code_panic(text in any::<String>(), number in any::<i64>()) {
            let read = text.parse::<Village>();
            prop_assert_eq!(read.is_ok(), read.is_ok_and(|village| village.to_string() == text));
            let taken = Village::from_number(number);
            prop_assert_eq!(taken.is_ok(), taken.is_ok_and(|village| village.number() == number));
        }
    }
}
