//! The last words on a connection that is cut: every call that has no status gets one.
//!
//! HTTP/2 keeps a status behind the data before it, and a reader that takes nothing leaves no room for data, so its library
//! would only ever learn that the line broke. But a status needs no room of its own: it may go out as soon as the frame
//! before it is complete. The data that waited is lost with the connection; whoever reads on later finds what had come, and
//! then why there is no more.
//!
//! What is easily got wrong: the headers are written past HTTP/2's own compression, so they may neither use nor change what
//! that remembers; each is a literal that nobody notes.

use tonic::Status;

use super::{
    calls::Calls,
    frames::{END_HEADERS, END_STREAM, GO_AWAY, HEADERS, Head},
};
use crate::error::Error;

/// `:status: 200` of HPACK's fixed table.
const STATUS_200: u8 = 0x88;
/// Of a header's frame, by the smallest limit that a peer may have.
const FRAME_MAX: usize = 16 * 1024;

/// What is to be written to tell each open call why it ends; nothing where a frame is still under way, and nothing the
/// second time.
pub(super) fn words(calls: &mut Calls, why: &Error) -> Vec<u8> {
    let open = calls.take_open();
    if open.is_empty() {
        return Vec::new();
    }
    let mut words = Vec::new();
    let status = Status::from(why.clone()).into_http::<()>();
    for call in open {
        let mut block = Vec::new();
        if !call.is_answered {
            block.push(STATUS_200);
        }
        for (name, value) in status.headers() {
            // The answer's beginning said what it is of.
            if !call.is_answered || name != http::header::CONTENT_TYPE {
                literal(&mut block, name.as_str().as_bytes(), value.as_bytes());
            }
        }
        words.extend(frame(
            HEADERS,
            END_STREAM | END_HEADERS,
            call.stream,
            &block,
        ));
    }
    // Nothing newer was begun, and no error of the protocol.
    let gone = [calls.last().to_be_bytes(), [0; 4]].concat();
    words.extend(frame(GO_AWAY, 0, 0, &gone));
    words
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let Some(length) = u32::try_from(payload.len())
        .ok()
        .filter(|_| payload.len() <= FRAME_MAX)
    else {
        return Vec::new();
    };
    let head = Head {
        length,
        kind,
        flags,
        stream,
    };
    [&head.bytes()[..], payload].concat()
}

/// A header as a literal that is not noted (RFC 7541, 6.2.2).
fn literal(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    text(block, name);
    text(block, value);
}

/// A text, not compressed, behind its length: in seven bits, or all ones and then seven bits a byte (RFC 7541, 5.1 and 5.2).
fn text(block: &mut Vec<u8>, text: &[u8]) {
    const ALL_ONES: usize = 0x7f;
    if text.len() < ALL_ONES {
        block.extend(u8::try_from(text.len()));
    } else {
        block.push(0x7f);
        let mut left = text.len() - ALL_ONES;
        while left > ALL_ONES {
            block.extend(u8::try_from(left & ALL_ONES).map(|bits| bits | 0x80));
            left >>= 7;
        }
        block.extend(u8::try_from(left));
    }
    block.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            calls::tests::begun,
            frames::{CONTINUATION, DATA, Frames, RESET, tests::frame},
        },
        *,
    };
    use crate::error::{ErrorReason, Kind};

    fn why() -> Error {
        Error::new(Kind::Exhausted, ErrorReason::SlowConsumer, "x".repeat(300))
    }

    /// Which streams are told, each with the first byte of what it is told.
    fn told(words: &[u8]) -> Vec<(u32, u8)> {
        let mut told = Vec::new();
        let mut at = 0;
        while at < words.len() {
            let mut head = None;
            Frames::of_server().take(&words[at..at + 9], |found| head = Some(found));
            let head = head.expect("a frame");
            if head.kind == HEADERS {
                told.push((head.stream, words[at + 9]));
            }
            at += 9 + head.length as usize;
        }
        told
    }

    #[test]
    fn every_call_without_a_status_is_told_and_none_twice() {
        let mut calls = begun(&[1, 3, 5, 7, 9]);
        calls.wrote(&frame(HEADERS, END_HEADERS, 1, 30));
        calls.wrote(&frame(HEADERS, END_HEADERS, 3, 30));
        calls.wrote(&frame(HEADERS, END_HEADERS | END_STREAM, 3, 30));
        calls.wrote(&frame(RESET, 0, 5, 4));
        calls.read(Head {
            length: 4,
            kind: RESET,
            flags: 0,
            stream: 7,
        });
        assert_eq!(told(&words(&mut calls, &why())), [(1, 0), (9, STATUS_200)]);
        assert!(words(&mut calls, &why()).is_empty());
    }

    #[test]
    fn nothing_is_said_within_a_frame_or_within_headers() {
        let whole = frame(DATA, 0, 1, 100);
        let mut calls = begun(&[1]);
        calls.wrote(&whole[..50]);
        assert!(words(&mut calls, &why()).is_empty());
        let mut calls = begun(&[1]);
        calls.wrote(&frame(HEADERS, 0, 1, 100));
        assert!(words(&mut calls, &why()).is_empty());
        let mut calls = begun(&[1]);
        calls.wrote(&frame(HEADERS, 0, 1, 100));
        calls.wrote(&frame(CONTINUATION, END_HEADERS, 1, 100));
        assert!(!words(&mut calls, &why()).is_empty());
    }

    #[test]
    fn a_texts_length_takes_as_many_bytes_as_it_needs() {
        for (length, head) in [
            (0, &[0][..]),
            (126, &[126]),
            (127, &[127, 0]),
            (254, &[127, 127]),
            (255, &[127, 128, 1]),
            (1_337, &[127, 186, 9]),
        ] {
            let mut block = Vec::new();
            text(&mut block, &vec![b'a'; length]);
            assert_eq!(block.len(), head.len() + length);
            assert_eq!(&block[..head.len()], head, "{length}");
        }
    }
}
