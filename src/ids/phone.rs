//! An Indonesian mobile number, kept in the one form that a gateway takes (E.164, `+62812…`).
//!
//! Only mobile numbers are taken, because a notice is a text message; a landline is no number to us. The number is
//! personal data: it has no `Display`, `masked` is what a screen may show and `expose` is for sealing and sending.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use zeroize::Zeroize;

/// Digits of the number as people write it, the leading 0 included (`081234567890`): the oldest numbers in use have ten,
/// the numbering plan allows thirteen.
const NATIONAL_DIGITS: RangeInclusive<usize> = 10..=13;

/// The longest text looked at: the longest number with a separator between any two of its characters.
const TEXT_BYTES_MAX: usize = 32;

/// The country code and the operator's prefix (`+62812`): what a masked number still shows at its start.
const MASKED_HEAD: usize = 6;

/// What a masked number still shows at its end, enough for its owner to recognise it.
const MASKED_TAIL: usize = 3;

/// Why a text is not a mobile number. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    #[error("must hold digits only, with spaces or hyphens between them and a + at most in front")]
    Character,
    #[error("must be an Indonesian mobile number beginning with 08, 628 or +628")]
    NotMobile,
    #[error("must have 10 to 13 digits, counted with the leading 0")]
    Length,
}

/// A mobile number, wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// The whole number in E.164. For sealing, indexing and sending only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Operator prefix and last three digits. The number of asterisks does not tell the length.
    pub fn masked(&self) -> String {
        let (head, tail) = (
            &self.0[..MASKED_HEAD],
            &self.0[self.0.len() - MASKED_TAIL..],
        );
        format!("{head}****{tail}")
    }
}

impl FromStr for Phone {
    type Err = PhoneError;

    fn from_str(text: &str) -> Result<Self, PhoneError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(PhoneError::Length);
        }
        let digits: String = text
            .chars()
            .filter(|sign| !matches!(sign, ' ' | '-'))
            .collect();
        let (international, digits) = match digits.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, digits.as_str()),
        };
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(PhoneError::Character);
        }
        let trunk = if international {
            None
        } else {
            digits.strip_prefix('0')
        };
        let subscriber = trunk
            .or_else(|| digits.strip_prefix("62"))
            .ok_or(PhoneError::NotMobile)?;
        // Mobile operators hold 81 to 89; 80 is free calls and other services.
        if !matches!(subscriber.as_bytes(), [b'8', b'1'..=b'9', ..]) {
            return Err(PhoneError::NotMobile);
        }
        if !NATIONAL_DIGITS.contains(&(subscriber.len() + 1)) {
            return Err(PhoneError::Length);
        }
        Ok(Self(format!("+62{subscriber}")))
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Phone({})", self.masked())
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn phone(text: &str) -> Phone {
        text.parse().expect("a number of the test")
    }

    #[test]
    fn every_way_of_writing_a_number_is_the_same_number() {
        for text in [
            "081234567890",
            "0812-3456-7890",
            "+62 812 3456 7890",
            "6281234567890",
            "+62-812-3456-7890",
        ] {
            assert_eq!(phone(text).expose(), "+6281234567890", "{text}");
        }
    }

    #[test]
    fn ten_to_thirteen_digits_are_taken() {
        for text in ["0811234567", "0811234567890"] {
            assert!(text.parse::<Phone>().is_ok(), "{text}");
        }
        for text in [
            "081123456",
            "08112345678901",
            "+6281123456",
            &"08".repeat(20),
        ] {
            assert_eq!(text.parse::<Phone>(), Err(PhoneError::Length), "{text}");
        }
    }

    #[test]
    fn what_is_no_mobile_number_is_refused() {
        for text in [
            "0343421234",
            "62343421234",
            "+6581234567",
            "81234567890",
            "08001234567",
            "+081234567890",
        ] {
            assert_eq!(text.parse::<Phone>(), Err(PhoneError::NotMobile), "{text}");
        }
        for text in [
            "",
            "+",
            " - ",
            "0812x4567890",
            "(0812)34567890",
            "08+1234567890",
            "٠٨١٢٣٤٥٦٧٨٩",
        ] {
            assert_eq!(text.parse::<Phone>(), Err(PhoneError::Character), "{text}");
        }
    }

    #[test]
    fn neither_mask_nor_debug_output_shows_the_middle() {
        let number = phone("081234567890");
        assert_eq!(number.masked(), "+62812****890");
        assert_eq!(format!("{number:?}"), "Phone(+62812****890)");
    }

    proptest! {
        #[test]
        fn a_number_reads_back_as_itself(text in "0?(\\+?62)?8[1-9][0-9 -]{6,14}") {
            if let Ok(number) = text.parse::<Phone>() {
                prop_assert_eq!(phone(number.expose()), number);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            prop_assert!(text.parse::<Phone>().is_err() || text.contains('8'));
        }
    }
}
