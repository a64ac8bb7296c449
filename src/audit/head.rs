//! A signed head, the text that is signed, and the line of JSON in which it is kept.
//!
//! What is easily got wrong: the text is rebuilt from the values wherever a head is checked. It is the one spelling;
//! times have six digits after the second, in UTC, and hexadecimal is in lower case.

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset, macros::format_description};

use super::{
    Digest, PublicKey,
    key::{Key, SIGNATURE_BYTES, is_signed},
};
use crate::hex;

/// One signed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// 1, 2, 3 … without a hole.
    pub number: i64,
    /// By the database's clock; whatever was committed before is covered.
    pub made_at: OffsetDateTime,
    /// How many audit rows it covers.
    pub rows: i64,
    /// The root over all chains.
    pub root: Digest,
    /// The root of the head before; absent of the first.
    pub prior_root: Option<Digest>,
    /// Over [`Head::text`].
    pub signature: [u8; SIGNATURE_BYTES],
    /// Of the key that signed.
    pub public_key: PublicKey,
}

/// A line that is no head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a line of a signed head: {0}")]
pub struct HeadError(String);

/// A head as it is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    number: i64,
    made: String,
    rows: i64,
    root: String,
    prior_root: String,
    signature: String,
    public_key: String,
}

impl Head {
    /// Signs what the head says; the signature and the key that it bears already are replaced.
    pub fn signed(mut self, key: &Key) -> Self {
        self.public_key = key.public();
        self.signature = key.sign(self.text().as_bytes());
        self
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        let prior = self
            .prior_root
            .map_or_else(|| "none".to_owned(), |root| hex::encode(&root));
        format!(
            "ektp audit head v1\nnumber: {}\nmade: {}\nrows: {}\nroot: {}\nprior root: {prior}\n",
            self.number,
            written(self.made_at),
            self.rows,
            hex::encode(&self.root),
        )
    }

    /// Whether the signature is of the text and by the key that the head names.
    pub fn is_signed(&self) -> bool {
        is_signed(self.text().as_bytes(), &self.signature, &self.public_key)
    }

    /// The line in which it is kept, without the end of the line.
    pub fn line(&self) -> String {
        let line = Line {
            number: self.number,
            made: written(self.made_at),
            rows: self.rows,
            root: hex::encode(&self.root),
            prior_root: self
                .prior_root
                .as_ref()
                .map_or_else(String::new, |root| hex::encode(root)),
            signature: hex::encode(&self.signature),
            public_key: hex::encode(&self.public_key),
        };
        serde_json::to_string(&line).expect("texts and numbers are always JSON")
    }

    /// Reads such a line.
    pub fn from_line(line: &str) -> Result<Self, HeadError> {
        let wrong = |what: &str| HeadError(what.to_owned());
        let line: Line =
            serde_json::from_str(line).map_err(|error| HeadError(error.to_string()))?;
        let prior_root = match line.prior_root.as_str() {
            "" => None,
            text => Some(hex::decode_exact(text).ok_or_else(|| wrong("prior_root"))?),
        };
        Ok(Self {
            number: line.number,
            made_at: read(&line.made).ok_or_else(|| wrong("made"))?,
            rows: line.rows,
            root: hex::decode_exact(&line.root).ok_or_else(|| wrong("root"))?,
            prior_root,
            signature: hex::decode_exact(&line.signature).ok_or_else(|| wrong("signature"))?,
            public_key: hex::decode_exact(&line.public_key).ok_or_else(|| wrong("public_key"))?,
        })
    }
}

/// A time as signed texts have it: in UTC, with six digits after the second.
pub fn written(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC)
        .format(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z"
        ))
        .expect("every time of the database has this form")
}

/// The way back.
pub fn read(text: &str) -> Option<OffsetDateTime> {
    let form =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    let at = PrimitiveDateTime::parse(text, form).ok()?;
    Some(at.assume_utc())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn head() -> Head {
        Head {
            number: 2,
            made_at: datetime!(2017-04-18 08:01:00.25 +07:00),
            rows: 1_234,
            root: [0xab; 32],
            prior_root: Some([1; 32]),
            signature: [0; SIGNATURE_BYTES],
            public_key: [0; 32],
        }
    }

    #[test]
    fn the_signed_text_has_one_spelling() {
        let (root, prior) = ("ab".repeat(32), "01".repeat(32));
        assert_eq!(
            head().text(),
            format!(
                "ektp audit head v1\nnumber: 2\nmade: 2017-04-18T01:01:00.250000Z\nrows: 1234\nroot: {root}\n\
                 prior root: {prior}\n"
            )
        );
        let mut first = head();
        first.prior_root = None;
        assert!(first.text().ends_with("prior root: none\n"));
    }

    #[test]
    fn a_kept_line_reads_back_and_a_changed_one_is_no_head_or_not_signed() {
        let signed = head().signed(&Key::random());
        let read = Head::from_line(&signed.line()).expect("a line");
        assert_eq!(read, signed);
        assert!(read.is_signed());
        let changed = signed.line().replace("\"rows\":1234", "\"rows\":1233");
        assert!(!Head::from_line(&changed).expect("a line").is_signed());
        let line = signed.line();
        for broken in [&line[..line.len() - 1], "", "{}"] {
            assert!(Head::from_line(broken).is_err(), "{broken}");
        }
    }
}
