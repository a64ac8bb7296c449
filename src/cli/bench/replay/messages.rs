//! The few messages of Postgres' protocol (version 3) that tell which statements a session sends and what it is answered.
//!
//! What is easily got wrong: a parameter's type is what the server answers to Describe, not what the client said at Parse,
//! which may be nothing; and a row's values are binary or text as the client asked.

/// The longest message that is looked at; the server's own are far below.
pub const MESSAGE_MAX: usize = 16 * 1024 * 1024;

/// A value as it went over the wire, in Postgres' binary form.
pub type Value = Option<Vec<u8>>;

/// What the client sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    /// The session's settings.
    Startup { options: String },
    /// A statement gets a name.
    Parse { name: String, sql: String },
    /// Its parameters, in binary form.
    Bind { name: String, values: Vec<Value> },
    /// One or several statements without parameters; a round trip.
    Query { sql: String },
    /// The client waits for the answer: a round trip.
    Sync,
    /// Of no interest here.
    Other,
}

/// What the server answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Answered {
    /// The types of the parameters of the statement parsed last.
    Parameters { types: Vec<u32> },
    /// The names and types of its columns.
    Columns { columns: Vec<(String, u32)> },
    /// A row of the statement executed last.
    Row { values: Vec<Value> },
    /// Of no interest here.
    Other,
}

/// A message is not what the protocol says.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a message of the database's protocol could not be read")]
pub struct Unreadable;

/// One message cut from the front of what arrived: its type (none of the first of a session) and its body.
pub fn cut(arrived: &mut Vec<u8>, is_first: bool) -> Result<Option<(u8, Vec<u8>)>, Unreadable> {
    let head = usize::from(!is_first);
    let Some(length) = arrived.get(head..head + 4) else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(length.try_into().map_err(|_| Unreadable)?) as usize;
    if !(4..=MESSAGE_MAX).contains(&length) {
        return Err(Unreadable);
    }
    if arrived.len() < head + length {
        return Ok(None);
    }
    let rest = arrived.split_off(head + length);
    let message = std::mem::replace(arrived, rest);
    let kind = if is_first { 0 } else { message[0] };
    Ok(Some((kind, message[head + 4..].to_vec())))
}

/// What a client's message says.
pub fn sent(kind: u8, body: &[u8]) -> Result<Sent, Unreadable> {
    let mut body = Body(body);
    Ok(match kind {
        0 => {
            body.number::<4>()?;
            let mut options = String::new();
            while !matches!(body.0, [] | [0]) {
                let (key, value) = (body.text()?, body.text()?);
                if key == "options" {
                    options = value;
                }
            }
            Sent::Startup { options }
        }
        b'P' => Sent::Parse {
            name: body.text()?,
            sql: body.text()?,
        },
        b'B' => {
            body.text()?;
            let name = body.text()?;
            let formats = body.number::<2>()?;
            for _ in 0..formats {
                body.number::<2>()?;
            }
            let values = body.values()?;
            Sent::Bind { name, values }
        }
        b'Q' => Sent::Query { sql: body.text()? },
        b'S' => Sent::Sync,
        _ => Sent::Other,
    })
}

/// What a server's message says.
pub fn answered(kind: u8, body: &[u8]) -> Result<Answered, Unreadable> {
    let mut body = Body(body);
    Ok(match kind {
        b't' => {
            let count = body.number::<2>()?;
            let types = (0..count).map(|_| body.number::<4>());
            Answered::Parameters {
                types: types.collect::<Result<_, _>>()?,
            }
        }
        b'T' => {
            let count = body.number::<2>()?;
            let columns = (0..count).map(|_| {
                let name = body.text()?;
                body.take(6)?;
                let of = body.number::<4>()?;
                body.take(8)?;
                Ok((name, of))
            });
            Answered::Columns {
                columns: columns.collect::<Result<_, _>>()?,
            }
        }
        b'D' => Answered::Row {
            values: body.values()?,
        },
        _ => Answered::Other,
    })
}

struct Body<'b>(&'b [u8]);

impl Body<'_> {
    fn take(&mut self, count: usize) -> Result<&[u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number<const BYTES: usize>(&mut self) -> Result<u32, Unreadable> {
        let bytes = self.take(BYTES)?;
        Ok(bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn text(&mut self) -> Result<String, Unreadable> {
        let end = self.0.iter().position(|byte| *byte == 0);
        let text = self.take(end.ok_or(Unreadable)?)?.to_vec();
        self.take(1)?;
        String::from_utf8(text).map_err(|_| Unreadable)
    }

    fn values(&mut self) -> Result<Vec<Value>, Unreadable> {
        let count = self.number::<2>()?;
        (0..count)
            .map(|_| match self.number::<4>()? {
                u32::MAX => Ok(None),
                length => Ok(Some(self.take(length as usize)?.to_vec())),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("short");
        [&[kind][..], &length.to_be_bytes(), body].concat()
    }

    #[test]
    fn messages_are_cut_where_they_end() {
        let whole = message(b'Q', b"begin\0");
        let mut arrived = [&whole[..], &whole[..4]].concat();
        assert_eq!(
            cut(&mut arrived, false),
            Ok(Some((b'Q', b"begin\0".to_vec())))
        );
        assert_eq!(cut(&mut arrived, false), Ok(None), "the next is not whole");
        assert_eq!(arrived.len(), 4);
        assert_eq!(
            cut(&mut message(b'Q', b"")[..].to_vec(), false),
            Ok(Some((b'Q', Vec::new())))
        );
        let mut wrong = vec![b'Q', 0xff, 0xff, 0xff, 0xff];
        assert_eq!(cut(&mut wrong, false), Err(Unreadable));
    }

    #[test]
    fn parameters_and_rows_are_read_with_their_nulls() {
        let bind = b"\0name\0\0\x01\0\x01\0\x02\0\0\0\x02ab\xff\xff\xff\xff\0\0";
        assert_eq!(
            sent(b'B', bind),
            Ok(Sent::Bind {
                name: "name".to_owned(),
                values: vec![Some(b"ab".to_vec()), None],
            })
        );
        assert_eq!(sent(b'B', &bind[..14]), Err(Unreadable));
        let columns = b"\0\x01room\0\0\0\0\0\0\0\0\0\0\x14\0\x08\xff\xff\xff\xff\0\x01";
        assert_eq!(
            answered(b'T', columns),
            Ok(Answered::Columns {
                columns: vec![("room".to_owned(), 20)],
            })
        );
    }
}
