//! The audit rows as COPY sends them, and the text that a row's digest covers.
//!
//! Binary COPY spares both sides the spelling of a million rows as SQL values. What is easily got wrong: the text must be
//! the one that `ledger_append` hashes, byte for byte; an integration test compares the two.

use std::io::Write as _;

use sha2::{Digest as _, Sha256};
use uuid::{Uuid, fmt::Hyphenated};

use super::Digest;

/// All rows, chain by chain. A number that stands twice comes in the order of its times.
pub(super) const COPY: &str = "copy (
    select district, number, kind, terminal, officer_id, shift_id, method, request_id, code, reason, resources, trace_id,
        at, digest
    from audit
    order by district, number, at
) to stdout (format binary)";
/// Columns of [`COPY`].
const COLUMNS: u16 = 14;
/// How binary COPY begins.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// The signature, a word of flags, and the length of an extension that no version has.
const HEADER_BYTES: usize = SIGNATURE.len() + 8;
/// Between two columns of the text: the unit separator.
const SEPARATOR: u8 = 0x1f;
/// Postgres counts from 2000-01-01; the text from 1970.
const MICROS_TO_2000: i64 = 946_684_800_000_000;

/// One row. Its text without district and number is in the buffer that the reader was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub district: i32,
    pub number: i64,
    /// As stored; one of another length can never be right and is read as zeros.
    pub digest: Digest,
}

/// What was sent is not what COPY sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the database sent rows in another form")]
pub(super) struct Malformed;

/// The bytes of the copy, as they come.
#[derive(Default)]
pub(super) struct Reader {
    bytes: Vec<u8>,
    /// Everything before was taken.
    taken: usize,
    begun: bool,
    ended: bool,
}

impl Reader {
    /// Takes what has come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole row; none until more has come. `rest` becomes the end of its text.
    pub fn next(&mut self, rest: &mut Vec<u8>) -> Result<Option<Row>, Malformed> {
        let mut from = Fields(&self.bytes[self.taken..]);
        if !self.begun {
            if from.0.len() < HEADER_BYTES {
                return Ok(None);
            }
            if !from.0.starts_with(SIGNATURE) {
                return Err(Malformed);
            }
            from.0 = &from.0[HEADER_BYTES..];
        }
        rest.clear();
        let row = match from.row(rest) {
            Ok(row) => row,
            Err(Stop::Incomplete) => return Ok(None),
            Err(Stop::Malformed) => return Err(Malformed),
        };
        self.begun = true;
        self.taken = self.bytes.len() - from.0.len();
        self.ended |= row.is_none();
        Ok(row)
    }

    /// Whether the end of the copy has come; without it rows may be missing.
    pub fn has_ended(&self) -> bool {
        self.ended
    }
}

enum Stop {
    Incomplete,
    Malformed,
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The next row; none at the end of the copy.
    fn row(&mut self, rest: &mut Vec<u8>) -> Result<Option<Row>, Stop> {
        match u16::from_be_bytes(self.array()?) {
            u16::MAX => return Ok(None),
            COLUMNS => {}
            _ => return Err(Stop::Malformed),
        }
        let district = i32::from_be_bytes(self.fixed()?);
        let number = i64::from_be_bytes(self.fixed()?);
        let kind = self.text()?;
        let terminal = self.text()?;
        let officer = self.uuid()?;
        let shift = self.uuid()?;
        let method = self.text()?;
        let request = self.uuid()?;
        let code = i32::from_be_bytes(self.fixed()?);
        let reason = self.text()?;
        let resources = self.text()?;
        let trace = self.text()?;
        let at = i64::from_be_bytes(self.fixed()?);
        let digest = self.text()?;
        let micros = at.checked_add(MICROS_TO_2000).ok_or(Stop::Malformed)?;
        write!(rest, "{micros}").expect("a buffer takes everything");
        for text in [kind, terminal] {
            joined(rest, text);
        }
        for id in [officer, shift] {
            joined_id(rest, id);
        }
        joined(rest, method);
        joined_id(rest, request);
        rest.push(SEPARATOR);
        write!(rest, "{code}").expect("a buffer takes everything");
        for text in [reason, resources, trace] {
            joined(rest, text);
        }
        Ok(Some(Row {
            district,
            number,
            digest: digest.try_into().unwrap_or([0; 32]),
        }))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Stop> {
        let (field, left) = self.0.split_at_checked(length).ok_or(Stop::Incomplete)?;
        self.0 = left;
        Ok(field)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        self.take(N)?.try_into().map_err(|_| Stop::Malformed)
    }

    /// None for a null.
    fn field(&mut self) -> Result<Option<&'a [u8]>, Stop> {
        match i32::from_be_bytes(self.array()?) {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| Stop::Malformed)?;
                self.take(length).map(Some)
            }
        }
    }

    fn text(&mut self) -> Result<&'a [u8], Stop> {
        self.field()?.ok_or(Stop::Malformed)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        self.text()?.try_into().map_err(|_| Stop::Malformed)
    }

    fn uuid(&mut self) -> Result<Option<Uuid>, Stop> {
        self.field()?
            .map(|bytes| Uuid::from_slice(bytes).map_err(|_| Stop::Malformed))
            .transpose()
    }
}

fn joined(rest: &mut Vec<u8>, text: &[u8]) {
    rest.push(SEPARATOR);
    rest.extend_from_slice(text);
}

fn joined_id(rest: &mut Vec<u8>, id: Option<Uuid>) {
    rest.push(SEPARATOR);
    if let Some(id) = id {
        let mut spelled = [0; Hyphenated::LENGTH];
        rest.extend_from_slice(id.hyphenated().encode_lower(&mut spelled).as_bytes());
    }
}

/// The digest of a row that stands at a number of a chain after `prior`; the first row follows nothing.
pub(super) fn chained(prior: Option<&Digest>, district: i32, number: i64, rest: &[u8]) -> Digest {
    // Two numbers of at most 20 characters, and a separator after each.
    let mut place = [0; 48];
    let room = place.len();
    let mut cursor = &mut place[..];
    write!(cursor, "{district}\x1f{number}\x1f").expect("two numbers fit");
    let length = room - cursor.len();
    let mut hash = Sha256::new();
    if let Some(prior) = prior {
        hash.update(prior);
    }
    hash.update(&place[..length]);
    hash.update(rest);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(into: &mut Vec<u8>, bytes: Option<&[u8]>) {
        let length = bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).expect("short"));
        into.extend_from_slice(&length.to_be_bytes());
        into.extend_from_slice(bytes.unwrap_or_default());
    }

    fn copied(numbers: &[i64]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend_from_slice(&[0; 8]);
        for number in numbers {
            bytes.extend_from_slice(&COLUMNS.to_be_bytes());
            field(&mut bytes, Some(&3_575_i32.to_be_bytes()));
            field(&mut bytes, Some(&number.to_be_bytes()));
            field(&mut bytes, Some(b"ACT"));
            field(&mut bytes, Some(b"system"));
            field(&mut bytes, None);
            field(&mut bytes, Some(&[0x11; 16]));
            field(&mut bytes, Some(b"chore/x"));
            field(&mut bytes, None);
            field(&mut bytes, Some(&5_i32.to_be_bytes()));
            field(&mut bytes, Some(b"NOT_FOUND"));
            field(&mut bytes, Some(b"a/1,b/2"));
            field(&mut bytes, Some(b""));
            field(&mut bytes, Some(&(-1_i64).to_be_bytes()));
            field(&mut bytes, Some(&[7; 32]));
        }
        bytes.extend_from_slice(&u16::MAX.to_be_bytes());
        bytes
    }

    #[test]
    fn rows_come_whole_however_the_bytes_are_cut() {
        let bytes = copied(&[1, 2, 3]);
        for size in [1, 7, 64, bytes.len()] {
            let (mut reader, mut rest, mut numbers) = (Reader::default(), Vec::new(), Vec::new());
            for part in bytes.chunks(size) {
                reader.push(part);
                while let Some(row) = reader.next(&mut rest).expect("well formed") {
                    assert_eq!((row.district, row.digest), (3_575, [7; 32]));
                    assert_eq!(
                        rest,
                        b"946684799999999\x1fACT\x1fsystem\x1f\x1f11111111-1111-1111-1111-111111111111\x1fchore/x\x1f\
                          \x1f5\x1fNOT_FOUND\x1fa/1,b/2\x1f"
                    );
                    numbers.push(row.number);
                }
            }
            assert_eq!(numbers, [1, 2, 3]);
            assert!(reader.has_ended());
        }
    }

    #[test]
    fn what_ends_early_has_not_ended_and_what_is_no_copy_is_refused() {
        let bytes = copied(&[1]);
        let (mut reader, mut rest) = (Reader::default(), Vec::new());
        reader.push(&bytes[..bytes.len() - 2]);
        assert!(reader.next(&mut rest).is_ok_and(|row| row.is_some()));
        assert_eq!(reader.next(&mut rest), Ok(None));
        assert!(!reader.has_ended());
        let mut reader = Reader::default();
        reader.push(&[0; 64]);
        assert_eq!(reader.next(&mut rest), Err(Malformed));
    }

    #[test]
    fn a_digest_covers_the_one_before_the_place_and_the_content() {
        let one = chained(None, 0, 1, b"x");
        let expected: Digest = Sha256::digest(b"0\x1f1\x1fx").into();
        assert_eq!(one, expected);
        let others = [
            chained(Some(&one), 0, 1, b"x"),
            chained(None, 1, 1, b"x"),
            chained(None, 0, 2, b"x"),
            chained(None, 0, 1, b"y"),
        ];
        assert!(others.iter().all(|other| *other != one));
    }
}
