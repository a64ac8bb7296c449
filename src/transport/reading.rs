//! What a request's message may cost before anybody has looked at it: how many fields it has, and how much of such
//! messages one connection may have under way.
//!
//! What is easily got wrong: the length of a message says little. A field of two bytes may become a hundred in memory, so
//! fields are counted as they arrive, before protobuf's reader makes room for them. And a message stays in memory until its
//! sender has ended the stream, which is as late as the sender likes.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::Request;
use http_body::{Body, Frame, SizeHint};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Sleep, sleep},
};
use tokio_util::sync::PollSemaphore;
use tonic::{Status, codegen::Bytes};

use super::connection::Peer;
use crate::error::{Error, Violation};

/// The largest message that is read: a batch of 100 items is far below.
pub const MESSAGE_READ_MAX: usize = 256 * 1024;
/// A message that has begun is there within this, or the call is over: as long as a call may take, and enough for the largest
/// on a line of 64 kbit/s.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(60);
/// Outermost fields of one message: a batch has 100 items and a few words beside them. Lists below them are of numbers, but
/// for the rules that the policy desk's two heads write.
const FIELDS_MAX: usize = 256;
/// What a byte of a message may become when it is read: a number in a list of numbers.
const MEMORY_PER_BYTE: u32 = 4;
/// Memory for the messages of one connection that are longer than a frame, until their streams are read to the end. Who would
/// bring more waits for its own; thirty batches of 100 at once fit.
pub(super) const UNDER_WAY_MAX: usize = 4 * 1024 * 1024;
/// gRPC's own head of a message: a flag and four bytes of length.
const HEAD: u8 = 5;

/// Makes a request's body one that is measured.
pub fn measured<B>(request: Request<B>) -> Request<tonic::body::Body>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<tonic::codegen::StdError>,
{
    let room = request.extensions().get::<Peer>().map(Peer::room);
    request.map(|body| {
        tonic::body::Body::new(Measured {
            body,
            fields: Fields::default(),
            room: room.map(PollSemaphore::new),
            waiting: None,
            needs: None,
            held: None,
            late: None,
        })
    })
}

/// A body whose messages are looked at as they pass.
struct Measured<B> {
    body: B,
    fields: Fields,
    /// Absent only where no connection stands behind a request.
    room: Option<PollSemaphore>,
    /// What has arrived and waits for the room that its message needs.
    waiting: Option<Frame<Bytes>>,
    needs: Option<u32>,
    /// The room of the last long message; of a stream until the next one, else until the body is dropped.
    held: Option<OwnedSemaphorePermit>,
    /// While a message has begun and is not there.
    late: Option<Pin<Box<Sleep>>>,
}

impl<B> Body for Measured<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<tonic::codegen::StdError>,
{
    type Data = Bytes;
    type Error = tonic::codegen::StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if this.waiting.is_none() {
            let frame = match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return this.wait(context).map(Some),
            };
            if let Err(error) = this.look(&frame) {
                return Poll::Ready(Some(Err(told(error))));
            }
            this.waiting = Some(frame);
        }
        if let (Some(room), Some(length)) = (&mut this.room, this.needs) {
            match room.poll_acquire_many(context, length * MEMORY_PER_BYTE) {
                Poll::Ready(held) => this.held = held,
                Poll::Pending => return this.wait(context).map(Some),
            }
            this.needs = None;
        }
        Poll::Ready(this.waiting.take().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // What waits here is not in the inner body's hint any more.
        SizeHint::default()
    }
}

impl<B> Measured<B> {
    /// Counts what has arrived, and says how much room it needs, for how long.
    fn look(&mut self, frame: &Frame<Bytes>) -> Result<(), Error> {
        let Some(bytes) = frame.data_ref() else {
            return Ok(());
        };
        self.needs = self.fields.take(bytes).map_err(|TooMany| {
            Error::invalid(vec![Violation {
                field: "message".to_owned(),
                rule: "has more fields than any message of the contract".to_owned(),
            }])
        })?;
        if self.needs.is_some() {
            self.held = None;
        }
        if self.fields.left == 0 {
            self.late = None;
        } else if self.late.is_none() || self.needs.is_some() {
            self.late = Some(Box::pin(sleep(MESSAGE_TIMEOUT)));
        }
        Ok(())
    }

    /// Nothing can be done now; a message that has begun is not waited for for ever.
    fn wait<T>(&mut self, context: &mut Context<'_>) -> Poll<Result<T, tonic::codegen::StdError>> {
        let Some(late) = &mut self.late else {
            return Poll::Pending;
        };
        late.as_mut()
            .poll(context)
            .map(|()| Err(told(Error::late())))
    }
}

fn told(error: Error) -> tonic::codegen::StdError {
    Box::new(Status::from(error))
}

/// A message with more fields than any of the contract has.
#[derive(Debug, PartialEq, Eq)]
struct TooMany;

/// Counts the outermost fields of messages in pieces of any size. What is no message is let pass: protobuf's reader says so.
#[derive(Debug, Default)]
struct Fields {
    at: At,
    /// Of the message under way.
    length: u32,
    left: usize,
    count: usize,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy)]
enum At {
    /// gRPC's head, of which so many bytes have come.
    Head(u8),
    /// The number and kind of a field.
    Tag(Number),
    /// A number, which is passed over.
    Varint,
    /// The length of what follows.
    Length(Number),
    /// So many bytes are passed over.
    Skip(u64),
}

impl Default for At {
    fn default() -> Self {
        Self::Head(0)
    }
}

/// A number of seven bits a byte, as far as it has come.
#[derive(Debug, Clone, Copy, Default)]
struct Number {
    value: u64,
    shift: u32,
}

impl Number {
    /// Takes a byte; answers the number when it was the last.
    fn take(&mut self, byte: u8) -> Option<u64> {
        let bits = u64::from(byte & 0x7f);
        self.value |= bits.checked_shl(self.shift).unwrap_or(0);
        self.shift += 7;
        (byte < 0x80).then_some(self.value)
    }
}

impl Fields {
    /// Takes a piece; answers the length of a message that goes on behind its end and began in it.
    fn take(&mut self, piece: &[u8]) -> Result<Option<u32>, TooMany> {
        let mut bytes = piece;
        let mut begun = None;
        while let [byte, rest @ ..] = bytes {
            if let At::Head(come) = self.at {
                bytes = rest;
                begun = self.head(come, *byte).or(begun);
                continue;
            }
            let step = match self.at {
                At::Skip(bytes_left) => {
                    let all = usize::try_from(bytes_left).unwrap_or(usize::MAX);
                    let step = all.min(bytes.len()).min(self.left);
                    self.at = match bytes_left - step as u64 {
                        0 => At::Tag(Number::default()),
                        more => At::Skip(more),
                    };
                    step
                }
                At::Head(_) | At::Tag(_) | At::Varint | At::Length(_) => {
                    self.byte(*byte)?;
                    1
                }
            };
            bytes = &bytes[step..];
            self.left -= step;
            if self.left == 0 {
                self.at = At::default();
            }
        }
        Ok(begun.filter(|_| self.left > 0))
    }

    /// A byte of a head; answers the length with the last one.
    fn head(&mut self, come: u8, byte: u8) -> Option<u32> {
        if come > 0 {
            self.length = self.length << 8 | u32::from(byte);
        }
        if come + 1 < HEAD {
            self.at = At::Head(come + 1);
            return None;
        }
        let length = std::mem::take(&mut self.length);
        self.left = length as usize;
        self.count = 0;
        self.at = match length {
            0 => At::default(),
            1.. => At::Tag(Number::default()),
        };
        // A longer one is refused by tonic, which has room for none of it.
        (length as usize <= MESSAGE_READ_MAX).then_some(length)
    }

    /// A byte of a field.
    fn byte(&mut self, byte: u8) -> Result<(), TooMany> {
        const VARINT: u64 = 0;
        const EIGHT_BYTES: u64 = 1;
        const LENGTH: u64 = 2;
        const FOUR_BYTES: u64 = 5;
        match &mut self.at {
            At::Tag(number) => {
                if let Some(tag) = number.take(byte) {
                    self.count += 1;
                    self.at = match tag & 7 {
                        VARINT => At::Varint,
                        EIGHT_BYTES => At::Skip(8),
                        LENGTH => At::Length(Number::default()),
                        FOUR_BYTES => At::Skip(4),
                        // A group's begin or end, or nothing that protobuf knows.
                        _ => At::Tag(Number::default()),
                    };
                }
            }
            At::Varint if byte < 0x80 => self.at = At::Tag(Number::default()),
            At::Length(number) => {
                if let Some(length) = number.take(byte) {
                    self.at = match length {
                        0 => At::Tag(Number::default()),
                        more => At::Skip(more),
                    };
                }
            }
            At::Varint | At::Head(_) | At::Skip(_) => {}
        }
        if self.count > FIELDS_MAX {
            return Err(TooMany);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with gRPC's head.
    fn sent(message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).expect("a short one");
        [&[0][..], &length.to_be_bytes(), message].concat()
    }

    /// Whether all of it passes, in pieces of this size.
    fn passes(bytes: &[u8], size: usize) -> bool {
        let mut fields = Fields::default();
        bytes.chunks(size).all(|piece| fields.take(piece).is_ok())
    }

    #[test]
    fn fields_are_counted_whatever_the_pieces_they_come_in() {
        let empty = [0x12, 0];
        let text = [&[0x0a, 0x90, 0x01][..], &[0xff; 144]].concat();
        let numbers = [
            0x18, 0x96, 0x01, 0x25, 1, 2, 3, 4, 0x29, 1, 2, 3, 4, 5, 6, 7, 8,
        ];
        // 256 fields: of each kind, and as many empty ones as are allowed.
        let most = [&text[..], &numbers, &empty.repeat(FIELDS_MAX - 4)].concat();
        let over = [&most[..], &empty].concat();
        for size in [1, 2, 7, 100, 10_000] {
            assert!(passes(&sent(&most).repeat(3), size), "{size}");
            assert!(!passes(&sent(&over), size), "{size}");
            assert!(!passes(&[sent(&most), sent(&over)].concat(), size));
        }
    }

    #[test]
    fn what_is_no_message_passes_by() {
        for message in [
            &[0xff; 400][..],
            &[0x0a, 0xff, 0xff, 0xff, 0x7f, 1],
            &[],
            &[0x0f, 7],
        ] {
            for size in [1, 3, 1_000] {
                assert!(passes(&[sent(message), sent(b"\x08\x01")].concat(), size));
            }
        }
    }

    #[test]
    fn a_message_that_goes_on_behind_a_piece_says_how_long_it_is() {
        let long = sent(&[&[0x0a, 100][..], &[7; 100]].concat());
        let mut fields = Fields::default();
        assert_eq!(fields.take(&long), Ok(None), "nothing is missing of it");
        assert_eq!(fields.take(&long[..3]), Ok(None), "nobody knows yet");
        assert_eq!(fields.take(&long[3..50]), Ok(Some(102)));
        assert_eq!(fields.take(&long[50..]), Ok(None));
        assert_eq!(
            fields.take(&sent(&[0; 300 * 1024])[..9]),
            Ok(None),
            "nobody reads it"
        );
    }
}
