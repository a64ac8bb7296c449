//! The frames of HTTP/2 in what passes by: their heads, whatever the pieces they come in.

/// What a client says before its first frame.
const PREFACE: usize = 24;
/// The frame that carries a part of a message.
pub(super) const DATA: u8 = 0;
/// The one that begins a call, an answer, or an answer's end.
pub(super) const HEADERS: u8 = 1;
/// The one that gives a call up.
pub(super) const RESET: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GO_AWAY: u8 = 7;
pub(super) const WINDOW: u8 = 8;
/// The one that goes on with headers that one frame was too short for.
pub(super) const CONTINUATION: u8 = 9;
/// The flag of a stream's last frame.
pub(super) const END_STREAM: u8 = 1;
/// The flag of the last frame of some headers.
pub(super) const END_HEADERS: u8 = 4;
/// A frame's head: three bytes of length, one of its kind, one of flags, four of the stream.
const HEAD: usize = 9;

/// What a frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub length: u32,
    pub kind: u8,
    pub flags: u8,
    /// 0 is the connection.
    pub stream: u32,
}

impl Head {
    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// As it stands before its frame.
    pub fn bytes(self) -> [u8; HEAD] {
        let [_, high, middle, low] = self.length.to_be_bytes();
        let [a, b, c, d] = self.stream.to_be_bytes();
        [high, middle, low, self.kind, self.flags, a, b, c, d]
    }
}

/// Finds the frames of one direction.
pub(super) struct Frames {
    /// Bytes that are passed over: the preface, then each frame's payload.
    skip: usize,
    /// The head of the next frame, as far as it has come.
    head: [u8; HEAD],
    come: usize,
}

impl Frames {
    pub fn of_client() -> Self {
        Self {
            skip: PREFACE,
            ..Self::of_server()
        }
    }

    pub fn of_server() -> Self {
        Self {
            skip: 0,
            head: [0; HEAD],
            come: 0,
        }
    }

    /// Shows the heads that are complete with this piece.
    pub fn take(&mut self, mut bytes: &[u8], mut show: impl FnMut(Head)) {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let more = (self.head.len() - self.come).min(bytes.len());
            self.head[self.come..self.come + more].copy_from_slice(&bytes[..more]);
            self.come += more;
            bytes = &bytes[more..];
            if self.come == self.head.len() {
                let [high, middle, low, kind, flags, a, b, c, d] = self.head;
                let length = u32::from_be_bytes([0, high, middle, low]);
                show(Head {
                    length,
                    kind,
                    flags,
                    // The first bit says nothing.
                    stream: u32::from_be_bytes([a & 0x7f, b, c, d]),
                });
                self.skip = length as usize;
                self.come = 0;
            }
        }
    }

    /// Whether the last frame is complete and no other has begun.
    pub fn are_whole(&self) -> bool {
        self.skip == 0 && self.come == 0
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A frame with so many bytes behind its head.
    pub fn frame(kind: u8, flags: u8, stream: u32, length: u32) -> Vec<u8> {
        let head = Head {
            length,
            kind,
            flags,
            stream,
        };
        [&head.bytes()[..], &vec![9; length as usize]].concat()
    }

    #[test]
    fn frames_are_found_whatever_the_pieces_they_come_in() {
        let sent = [
            (SETTINGS, 0, 0, 12),
            (HEADERS, END_HEADERS, 1, 300),
            (DATA, 0, 1, 70_000),
            (DATA, END_STREAM, 0x7fff_ffff, 0),
            (PING, 0, 0, 8),
        ];
        let line = sent.map(|(kind, flags, stream, length)| frame(kind, flags, stream, length));
        let line = [&[b'P'; PREFACE][..], &line.concat()].concat();
        for size in [1, 2, 9, 10, 31, 1_000, 100_000] {
            let mut frames = Frames::of_client();
            let mut found = Vec::new();
            for piece in line.chunks(size) {
                frames.take(piece, |head| {
                    found.push((head.kind, head.flags, head.stream, head.length));
                });
            }
            assert_eq!(found, sent, "{size}");
            assert!(frames.are_whole());
        }
        let mut frames = Frames::of_server();
        for (piece, is_whole) in [
            (&[0, 0][..], false),
            (&[1, 0, 0, 0, 0, 0, 1], false),
            (&[7], true),
        ] {
            frames.take(piece, |_| {});
            assert_eq!(frames.are_whole(), is_whole);
        }
    }
}
