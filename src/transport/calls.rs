//! The calls under way on a connection, as their frames pass by: which have no status yet, which were refused, and whether
//! the connection is about to end.
//!
//! What is easily got wrong: a call ends with the frame that says so, whoever sends it, and a reset ends it as well.

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GO_AWAY, HEADERS, Head, RESET,
};

/// Calls that are noted; a connection has at most 64 at a time, and some that are refused for that.
const NOTED_MAX: usize = 128;

/// The calls under way, as their frames pass by.
pub(super) struct Calls {
    sent: Frames,
    /// The next frame that is sent belongs to the headers before it.
    within_headers: bool,
    last: u32,
    open: Vec<Call>,
}

/// What was written, as far as others want to know of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// Calls that ended with it and were refused: their answer is their end.
    pub refusals: u32,
    /// The connection is about to end.
    pub goes_away: bool,
}

/// One of them.
pub(super) struct Call {
    pub stream: u32,
    /// Its answer has begun.
    pub is_answered: bool,
}

impl Calls {
    pub fn new() -> Self {
        Self {
            sent: Frames::of_server(),
            within_headers: false,
            last: 0,
            open: Vec::new(),
        }
    }

    /// Notes a frame that was read.
    pub fn read(&mut self, head: Head) {
        match head.kind {
            HEADERS if head.stream > self.last => {
                self.last = head.stream;
                if self.open.len() < NOTED_MAX {
                    self.open.push(Call {
                        stream: head.stream,
                        is_answered: false,
                    });
                }
            }
            RESET => drop(self.close(head.stream)),
            _ => {}
        }
    }

    /// Notes what was written.
    pub fn wrote(&mut self, bytes: &[u8]) -> Sent {
        let mut noted = Sent::default();
        // Out of its place, because the frames show themselves to the rest.
        let mut sent = std::mem::replace(&mut self.sent, Frames::of_server());
        sent.take(bytes, |head| {
            noted.refusals += u32::from(self.refuses(head));
            noted.goes_away |= head.kind == GO_AWAY;
        });
        self.sent = sent;
        noted
    }

    /// Notes a frame that is sent; whether it is the whole answer of its call.
    fn refuses(&mut self, head: Head) -> bool {
        match head.kind {
            HEADERS | CONTINUATION => self.within_headers = !head.has(END_HEADERS),
            _ => {}
        }
        match head.kind {
            HEADERS | DATA if head.has(END_STREAM) => {
                let ended = self.close(head.stream);
                return ended.is_some_and(|call| !call.is_answered);
            }
            RESET => drop(self.close(head.stream)),
            HEADERS => {
                if let Some(call) = self.open.iter_mut().find(|call| call.stream == head.stream) {
                    call.is_answered = true;
                }
            }
            _ => {}
        }
        false
    }

    fn close(&mut self, stream: u32) -> Option<Call> {
        let at = self.open.iter().position(|call| call.stream == stream)?;
        Some(self.open.swap_remove(at))
    }

    /// The newest that was begun.
    pub fn last(&self) -> u32 {
        self.last
    }

    /// Those that have no status and may be told one now: nobody while a frame is under way, and nobody the second time.
    pub fn take_open(&mut self) -> Vec<Call> {
        let open = std::mem::take(&mut self.open);
        if self.sent.are_whole() && !self.within_headers {
            open
        } else {
            Vec::new()
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{super::frames::tests::frame, *};

    /// A connection on which these calls were begun.
    pub fn begun(streams: &[u32]) -> Calls {
        let mut calls = Calls::new();
        for &stream in streams {
            calls.read(Head {
                length: 9,
                kind: HEADERS,
                flags: END_HEADERS,
                stream,
            });
        }
        calls
    }

    #[test]
    fn a_call_is_refused_whose_answer_is_its_end() {
        let mut calls = begun(&[1, 3, 5]);
        let end = END_HEADERS | END_STREAM;
        let mut wrote = |frame: &[u8]| calls.wrote(frame).refusals;
        assert_eq!(wrote(&frame(HEADERS, END_HEADERS, 1, 30)), 0);
        assert_eq!(wrote(&frame(HEADERS, end, 1, 30)), 0, "it was answered");
        let both = [frame(HEADERS, end, 3, 30), frame(HEADERS, end, 5, 30)];
        assert_eq!(wrote(&both.concat()), 2);
        assert_eq!(wrote(&frame(HEADERS, end, 5, 30)), 0, "it is over");
    }
}
