//! A signed text: lines of plain text, and below them the key and the signature over all of it.
//!
//! What is easily got wrong: what is signed is the text byte for byte as it stands in the file, up to the line of the key.
//! Nothing is rebuilt from values, so a reader need not know how they are spelled.

use crate::{
    audit::{self, PublicKey, SIGNATURE_BYTES, is_signed},
    hex,
};

const KEY: &str = "public key: ";
const SIGNATURE: &str = "signature: ";

/// Signs a text whose every line is ended.
pub fn sign(text: &str, key: &audit::Key) -> String {
    let signature = hex::encode(&key.sign(text.as_bytes()));
    let public = hex::encode(&key.public());
    format!("{text}{KEY}{public}\n{SIGNATURE}{signature}\n")
}

/// A signed text, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// What is signed.
    pub text: &'a str,
    /// By which key.
    pub key: PublicKey,
    /// How.
    pub signature: [u8; SIGNATURE_BYTES],
}

impl<'a> Parts<'a> {
    /// Takes a file apart; none where it is no signed text.
    pub fn of(file: &'a str) -> Option<Self> {
        let at = file.find(&format!("\n{KEY}"))? + 1;
        let (text, rest) = file.split_at(at);
        let (key, rest) = rest.strip_prefix(KEY)?.split_once('\n')?;
        let signature = rest.strip_prefix(SIGNATURE)?.strip_suffix('\n')?;
        Some(Self {
            text,
            key: hex::decode_exact(key)?,
            signature: hex::decode_exact(signature)?,
        })
    }

    /// Whether the signature is of the text and by the key that stands there.
    pub fn is_signed(&self) -> bool {
        is_signed(self.text.as_bytes(), &self.signature, &self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_changed_byte_shows() {
        let key = audit::Key::random();
        let file = sign("a title\nfigure: 17\n", &key);
        let parts = Parts::of(&file).expect("a signed text");
        assert!(parts.is_signed());
        assert_eq!(
            (parts.text, parts.key),
            ("a title\nfigure: 17\n", key.public())
        );
        let changed = file.replace("17", "18");
        assert!(!Parts::of(&changed).expect("a signed text").is_signed());
        for broken in ["", "a title\n", &file[1..file.len() - 1]] {
            assert_eq!(Parts::of(broken), None, "{broken}");
        }
    }
}
