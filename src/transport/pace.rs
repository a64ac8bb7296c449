//! How fast a connection may bring frames of HTTP/2.
//!
//! HTTP/2 answers pings, settings and windows by itself, at the expense of all other connections, and no layer above it
//! hears of them. So frames are counted as they are read; who brings too many is read more slowly, and nothing is refused.
//! What is easily got wrong: a frame of a call is followed by work that has limits of its own, so it costs little here; one
//! that carries nothing costs the more.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// What a connection may bring in a second: 20,000 frames of calls, or as many fewer of the others as they cost more. The
/// busiest office's connection brings some hundred; nothing that is saved up goes beyond a second's.
const PER_SECOND: u32 = 20_000;
/// The price of a frame that begins a call or carries some of its message.
const CALL: u32 = 1;
/// The price of resets and whatever else is noted and not answered.
const NOTED: u32 = 10;
/// The price of pings and windows: an answer, or a part of one, goes out at once. Who reads 16 KiB for each window reads
/// 8 MiB a second.
const ANSWERED: u32 = 40;
/// The price of settings: they are answered before anything else is read, and may change every stream. A client sends them
/// once.
const SETTINGS: u32 = 400;
/// What a client says before its first frame.
const PREFACE: usize = 24;

/// A connection's pace.
pub(super) struct Pace {
    frames: Frames,
    credit: Credit,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    pub fn new() -> Self {
        Self {
            frames: Frames::default(),
            credit: Credit {
                left: f64::from(PER_SECOND),
                at: Instant::now(),
            },
            pause: None,
        }
    }

    /// Ready when the connection may be read; else the task is woken when it may.
    pub fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        Poll::Ready(())
    }

    /// Notes what was read.
    pub fn read(&mut self, bytes: &[u8]) {
        let price = self.frames.take(bytes);
        let wait = self.credit.pay(price, Instant::now());
        self.pause = wait.map(|wait| Box::pin(sleep(wait)));
    }
}

/// What a connection may still bring; below nothing after a burst.
struct Credit {
    left: f64,
    /// When that was so.
    at: Instant,
}

impl Credit {
    /// Pays for what was brought; answers how long nothing more may come.
    fn pay(&mut self, price: u32, now: Instant) -> Option<Duration> {
        let per_second = f64::from(PER_SECOND);
        let earned = (now - self.at).as_secs_f64() * per_second;
        self.left = (self.left + earned).min(per_second) - f64::from(price);
        self.at = now;
        (self.left < 0.0).then(|| Duration::from_secs_f64(-self.left / per_second))
    }
}

/// Finds the frames in what is read, in pieces of any size.
struct Frames {
    /// Bytes that are passed over: the preface, then each frame's payload.
    skip: usize,
    /// The head of the next frame, as far as it has come: three bytes of length, one of its kind, five more.
    head: [u8; 9],
    come: usize,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            skip: PREFACE,
            head: [0; 9],
            come: 0,
        }
    }
}

impl Frames {
    /// What the frames cost that began in this piece.
    fn take(&mut self, mut bytes: &[u8]) -> u32 {
        let mut price = 0_u32;
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let more = (self.head.len() - self.come).min(bytes.len());
            self.head[self.come..self.come + more].copy_from_slice(&bytes[..more]);
            self.come += more;
            bytes = &bytes[more..];
            if self.come == self.head.len() {
                let [high, middle, low, kind, ..] = self.head;
                let length = u32::from_be_bytes([0, high, middle, low]);
                price = price.saturating_add(price_of(kind, length));
                self.skip = length as usize;
                self.come = 0;
            }
        }
        price
    }
}

fn price_of(kind: u8, length: u32) -> u32 {
    match (kind, length) {
        // Data, and headers.
        (0, 1..) | (1, _) => CALL,
        (4, _) => SETTINGS,
        // A ping, and a window.
        (6 | 8, _) => ANSWERED,
        _ => NOTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        let head = u32::try_from(length).expect("a short one").to_be_bytes();
        [&head[1..], &[kind, 0, 0, 0, 0, 1], &vec![9; length]].concat()
    }

    #[test]
    fn frames_are_found_whatever_the_pieces_they_come_in() {
        let line = [
            vec![b'P'; PREFACE],
            frame(4, 12),
            frame(1, 300),
            frame(0, 5),
            frame(0, 0),
            frame(6, 8),
        ]
        .concat();
        for size in [1, 2, 9, 10, 31, 1_000] {
            let mut frames = Frames::default();
            let price: u32 = line.chunks(size).map(|piece| frames.take(piece)).sum();
            assert_eq!(price, 2 * CALL + NOTED + ANSWERED + SETTINGS, "{size}");
        }
    }

    #[test]
    fn who_brings_too_much_is_read_later_and_nothing_is_saved_up() {
        let begun = Instant::now();
        let mut credit = Credit {
            left: f64::from(PER_SECOND),
            at: begun,
        };
        assert_eq!(credit.pay(PER_SECOND, begun), None, "a second's worth");
        assert_eq!(
            credit.pay(2 * PER_SECOND, begun),
            Some(Duration::from_secs(2))
        );
        let later = begun + Duration::from_secs(3_600);
        assert_eq!(credit.pay(PER_SECOND, later), None);
        assert!(credit.pay(1, later).is_some(), "an hour's quiet is no more");
    }
}
