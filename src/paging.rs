//! Pages: limits of their size, and the opaque token that continues a list.
//!
//! A token carries the sort key of the last row and a digest of the filters, so that it cannot continue another list. It
//! never carries personal data: the sort keys are times and ids.

use crate::{
    error::{Error, Result, Violation},
    hex,
    seal::Keys,
};

/// A page without a wish.
pub const PAGE_SIZE_DEFAULT: u32 = 100;
/// More is cut to this.
pub const PAGE_SIZE_MAX: u32 = 500;
/// Length of the token's check.
const CHECK_BYTES: usize = 16;
/// Our keys are times and ids, which are far shorter.
const TOKEN_CHARS_MAX: usize = 1_024;

/// The size that a page really has.
pub fn size(wanted: u32) -> i64 {
    match wanted {
        0 => i64::from(PAGE_SIZE_DEFAULT),
        wanted => i64::from(wanted.min(PAGE_SIZE_MAX)),
    }
}

/// Cuts the one row too many that was asked for, and makes the token that continues behind the last row; empty on the
/// last page.
pub fn cut<T>(
    keys: &Keys,
    list: &str,
    rows: &mut Vec<T>,
    size: i64,
    key: impl Fn(&T) -> String,
) -> String {
    let size = usize::try_from(size).expect("a page's size is small and positive");
    if rows.len() <= size {
        return String::new();
    }
    rows.truncate(size);
    rows.last()
        .map_or_else(String::new, |last| token(keys, list, &key(last)))
}

/// Makes the token that continues after `key` in the list named `list` (its method and filters).
pub fn token(keys: &Keys, list: &str, key: &str) -> String {
    let check = keys.digest("page", format!("{list}\n{key}").as_bytes());
    let bytes: Vec<u8> = [&check[..CHECK_BYTES], key.as_bytes()].concat();
    hex::encode(&bytes)
}

/// Reads a token of the same list back into its key; an empty token starts at the beginning.
pub fn key(keys: &Keys, list: &str, token_text: &str) -> Result<Option<String>> {
    if token_text.is_empty() {
        return Ok(None);
    }
    let refused = || {
        let rule = "is not a token of this list with these filters".to_owned();
        Error::invalid(vec![Violation {
            field: "page_token".to_owned(),
            rule,
        }])
    };
    // A longer text cannot be one of ours; the limit bounds the work.
    if token_text.len() > TOKEN_CHARS_MAX {
        return Err(refused());
    }
    let bytes = hex::decode(token_text).ok_or_else(refused)?;
    let (_, key) = bytes.split_at_checked(CHECK_BYTES).ok_or_else(refused)?;
    let key = String::from_utf8(key.to_vec()).map_err(|_| refused())?;
    if token(keys, list, &key) == token_text {
        Ok(Some(key))
    } else {
        Err(refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_continues_its_own_list_only() {
        let keys = Keys::random();
        let made = token(&keys, "ListEnrolments state=SENT", "2017-04-18T00:00:00Z/1");
        assert_eq!(
            key(&keys, "ListEnrolments state=SENT", &made)
                .expect("ours")
                .as_deref(),
            Some("2017-04-18T00:00:00Z/1")
        );
        assert!(key(&keys, "ListEnrolments state=CHECKING", &made).is_err());
        assert!(key(&keys, "ListEnrolments state=SENT", "zz").is_err());
        assert!(key(&keys, "ListEnrolments state=SENT", &made[2..]).is_err());
        assert_eq!(key(&keys, "any", "").expect("empty is the beginning"), None);
    }

    #[test]
    fn a_page_is_never_larger_than_its_limit() {
        assert_eq!(size(0), 100);
        assert_eq!(size(7), 7);
        assert_eq!(size(1_000_000), 500);
    }
}
