//! The NIK (nomor induk kependudukan), a person's number for life: `PPKKCC DDMMYY SSSS`, the area of first registration,
//! the birth date with 40 added to a woman's day, and a serial.
//!
//! It is never derived from: people move, areas are renumbered, and a wrong birth date is corrected in the record but not
//! in the number. So what is malformed is refused ([`NikError`]), and what merely disagrees is told ([`NikWarning`]).

use std::{fmt, str};

use time::{Date, Month};
use zeroize::Zeroize;

use super::codes::Subdistrict;

/// Digits of a NIK.
const LENGTH: usize = 16;

/// Added to the day of birth of a woman.
const FEMALE_DAY_OFFSET: u8 = 40;

/// The centuries a two-digit year may belong to. Nobody born before 1900 is enrolled.
const CENTURIES: [i32; 2] = [1900, 2000];

/// As the card states it (jenis kelamin).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sex {
    Female,
    Male,
}

/// Why a text is not a NIK, one variant a rule. None of them carries a digit of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NikError {
    #[error("must have exactly 16 digits and nothing else")]
    NotSixteenDigits,
    #[error("digits 1-2 are no province code that ever existed")]
    Province,
    #[error("digits 3-4 are no district: 00 and 70 were never given out")]
    District,
    #[error("digits 5-6 are no subdistrict: 00 was never given out")]
    Subdistrict,
    #[error("digits 7-8 are no day: 01-31 for men, 41-71 for women")]
    Day,
    #[error("digits 9-10 are no month")]
    Month,
    #[error("digits 7-12 are a day that its month does not have")]
    Date,
    #[error("digits 13-16 are no serial: they begin at 0001")]
    Serial,
}

/// What a clerk should look at, though the number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NikWarning {
    /// The subdistrict is not in today's list; it may have been renumbered since.
    UnknownArea,
    /// Day, month or two-digit year differ from the stated birth date.
    BirthDateDiffers,
    /// The 40 added to the day, or its absence, does not fit the stated sex.
    SexDiffers,
}

/// A well-formed NIK, wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Nik([u8; LENGTH]);

impl Nik {
    /// Takes sixteen digits without separators that pass every hard rule; the first broken rule is the answer.
    pub fn parse(text: &str) -> Result<Self, NikError> {
        let digits: [u8; LENGTH] = text
            .as_bytes()
            .try_into()
            .map_err(|_| NikError::NotSixteenDigits)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(NikError::NotSixteenDigits);
        }
        let nik = Self(digits);
        if !province_existed(nik.pair(0)) {
            return Err(NikError::Province);
        }
        if matches!(nik.pair(2), 0 | 70) {
            return Err(NikError::District);
        }
        if nik.pair(4) == 0 {
            return Err(NikError::Subdistrict);
        }
        if !(1..=31).contains(&nik.day()) {
            return Err(NikError::Day);
        }
        let month = Month::try_from(nik.pair(8)).map_err(|_| NikError::Month)?;
        let is_real =
            |century| Date::from_calendar_date(century + nik.year(), month, nik.day()).is_ok();
        if !CENTURIES.into_iter().any(is_real) {
            return Err(NikError::Date);
        }
        if nik.pair(12) == 0 && nik.pair(14) == 0 {
            return Err(NikError::Serial);
        }
        Ok(nik)
    }

    /// The whole number. For sealing, indexing and the card's face only.
    pub fn expose(&self) -> &str {
        str::from_utf8(&self.0).expect("parse lets only ASCII digits in")
    }

    /// What disagrees with the record, in the order of the number's parts. `is_listed` says whether a subdistrict is in
    /// today's list ([`crate::areas::is_listed`]).
    pub fn warnings(
        &self,
        birth_date: Date,
        sex: Sex,
        is_listed: fn(Subdistrict) -> bool,
    ) -> Vec<NikWarning> {
        let mut warnings = Vec::new();
        if !self.registered_in().is_some_and(is_listed) {
            warnings.push(NikWarning::UnknownArea);
        }
        let stated = (
            birth_date.day(),
            u8::from(birth_date.month()),
            birth_date.year().rem_euclid(100),
        );
        if (self.day(), self.pair(8), self.year()) != stated {
            warnings.push(NikWarning::BirthDateDiffers);
        }
        if self.sex() != sex {
            warnings.push(NikWarning::SexDiffers);
        }
        warnings
    }

    /// Private on purpose: the area of first registration says nothing about where the person is served.
    fn registered_in(&self) -> Option<Subdistrict> {
        let number = (0..=4)
            .step_by(2)
            .fold(0, |number, at| number * 100 + i32::from(self.pair(at)));
        Subdistrict::from_number(number).ok()
    }

    fn sex(&self) -> Sex {
        if self.pair(6) > FEMALE_DAY_OFFSET {
            Sex::Female
        } else {
            Sex::Male
        }
    }

    fn day(&self) -> u8 {
        match self.sex() {
            Sex::Female => self.pair(6) - FEMALE_DAY_OFFSET,
            Sex::Male => self.pair(6),
        }
    }

    fn year(&self) -> i32 {
        i32::from(self.pair(10))
    }

    /// The number that two digits make.
    fn pair(&self, at: usize) -> u8 {
        (self.0[at] - b'0') * 10 + (self.0[at + 1] - b'0')
    }
}

/// Every province of the lists since the number exists: today's 38, and 54, East Timor until 1999.
fn province_existed(code: u8) -> bool {
    matches!(code, 11..=19 | 21 | 31..=36 | 51..=54 | 61..=65 | 71..=76 | 81..=82 | 91..=96)
}

impl fmt::Debug for Nik {
    /// Only the province shows.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Nik({:02}**************)", self.pair(0))
    }
}

impl Drop for Nik {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use time::macros::date;

    use super::*;

    /// A list of one subdistrict.
    fn is_listed(code: Subdistrict) -> bool {
        code.number() == 357_502
    }

    fn nik(text: &str) -> Nik {
        Nik::parse(text).expect("a number of the test")
    }

    #[test]
    fn a_well_formed_number_is_taken() {
        for text in [
            "3575021708900001", // a man
            "3575025708900001", // a woman
            "3575023112990001", // the last day of a year
            "3575022902000001", // 29 February of 2000, which 1900 did not have
            "3575026902960001", // a woman's 29 February
            "5401010101700001", // East Timor
            "9106010101709999", // a subdistrict may be gone, its province is not
        ] {
            assert_eq!(nik(text).expose(), text);
        }
    }

    #[test]
    fn each_rule_has_its_own_refusal() {
        for (text, error) in [
            ("", NikError::NotSixteenDigits),
            ("357502170890000", NikError::NotSixteenDigits),
            ("35750217089000011", NikError::NotSixteenDigits),
            ("35.7502170890001", NikError::NotSixteenDigits),
            ("357502170890000 ", NikError::NotSixteenDigits),
            ("٣٥٧٥٠٢١٧", NikError::NotSixteenDigits),
            ("0075021708900001", NikError::Province),
            ("2075021708900001", NikError::Province),
            ("9775021708900001", NikError::Province),
            ("3500021708900001", NikError::District),
            ("3570021708900001", NikError::District),
            ("3575001708900001", NikError::Subdistrict),
            ("3575020008900001", NikError::Day),
            ("3575023208900001", NikError::Day),
            ("3575024008900001", NikError::Day),
            ("3575027208900001", NikError::Day),
            ("3575021700900001", NikError::Month),
            ("3575021713900001", NikError::Month),
            ("3575023104900001", NikError::Date),
            ("3575022902900001", NikError::Date),
            ("3575027002960001", NikError::Date),
            ("3575021708900000", NikError::Serial),
        ] {
            assert_eq!(Nik::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn thirty_nine_provinces_ever_existed() {
        assert_eq!(
            (0..=99).filter(|code| province_existed(*code)).count(),
            38 + 1
        );
    }

    #[test]
    fn debug_output_shows_the_province_and_nothing_else() {
        assert_eq!(
            format!("{:?}", nik("3575021708900001")),
            "Nik(35**************)"
        );
    }

    #[test]
    fn a_number_that_fits_the_record_warns_of_nothing() {
        let man = nik("3575021708900001");
        assert_eq!(
            man.warnings(date!(1990 - 08 - 17), Sex::Male, is_listed),
            []
        );
        let woman = nik("3575025708050001");
        assert_eq!(
            woman.warnings(date!(2005 - 08 - 17), Sex::Female, is_listed),
            []
        );
    }

    #[test]
    fn what_differs_is_warned_of_and_not_refused() {
        let man = nik("3575021708900001");
        assert_eq!(
            man.warnings(date!(1990 - 08 - 18), Sex::Male, is_listed),
            [NikWarning::BirthDateDiffers]
        );
        assert_eq!(
            man.warnings(date!(1990 - 08 - 17), Sex::Female, is_listed),
            [NikWarning::SexDiffers]
        );
        let stranger = nik("5401021708900001");
        assert_eq!(
            stranger.warnings(date!(1991 - 08 - 17), Sex::Female, is_listed),
            [
                NikWarning::UnknownArea,
                NikWarning::BirthDateDiffers,
                NikWarning::SexDiffers
            ]
        );
    }

    proptest! {
        #[test]
        fn a_number_made_by_the_rules_is_taken(
            days in 0_i32..36_500,
            female in any::<bool>(),
            serial in 1_u16..=9999,
        ) {
            let born = date!(1925 - 01 - 01) + time::Duration::days(i64::from(days));
            let sex = if female { Sex::Female } else { Sex::Male };
            let day = born.day() + if female { FEMALE_DAY_OFFSET } else { 0 };
            let (month, year) = (u8::from(born.month()), born.year() % 100);
            let number = nik(&format!("357502{day:02}{month:02}{year:02}{serial:04}"));
            prop_assert_eq!(number.warnings(born, sex, is_listed), []);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), digits in "[0-9]{16}") {
            prop_assert_eq!(Nik::parse(&text).map(|nik| nik.expose() == text).unwrap_or(true), true);
            prop_assert_eq!(Nik::parse(&digits).map(|nik| nik.expose() == digits).unwrap_or(true), true);
        }
    }
}
