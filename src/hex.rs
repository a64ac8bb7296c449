//! Bytes as lower-case hexadecimal text and back; only the one spelling is read.

use std::fmt::Write as _;

/// The text of bytes.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text
}

/// The bytes of a text; none where it is not what [`encode`] writes.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

/// The bytes of a text that has exactly so many.
pub fn decode_exact<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_and_other_spellings_do_not() {
        let bytes = [0, 0x0f, 0xa0, 0xff];
        assert_eq!(encode(&bytes), "000fa0ff");
        assert_eq!(decode("000fa0ff").as_deref(), Some(&bytes[..]));
        assert_eq!(decode_exact("000fa0ff"), Some(bytes));
        for bad in ["0", "0F", "+1", "0g", "éé"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
        assert_eq!(decode_exact::<3>("000fa0ff"), None);
    }
}
