//! How fast a connection may bring frames of HTTP/2, and calls that are refused.
//!
//! HTTP/2 answers pings, settings and windows by itself, at the expense of all other connections, and no layer above it
//! hears of them. So frames are counted as they are read; who brings too many is read more slowly, and nothing is refused.
//! The same for calls that end with a refusal and nothing else: they are cheap, and who only brings such ones brings
//! thousands a second.
//! What is easily got wrong: a frame of a call is followed by work that has limits of its own, so it costs little here; one
//! that carries nothing costs the more. And what is written may only lower the credit: the reader waits for the pause that
//! it has looked at, and for no other.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

use super::frames::{DATA, HEADERS, Head, PING, SETTINGS, WINDOW};

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
const SET: u32 = 400;
/// The price of a refusal: 200 a second. A line of people whose papers are refused one by one does not come near it.
pub(super) const REFUSED: u32 = 100;

/// A connection's pace.
pub(super) struct Pace {
    credit: Credit,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    pub fn new() -> Self {
        Self {
            credit: Credit {
                left: f64::from(PER_SECOND),
                at: Instant::now(),
            },
            pause: None,
        }
    }

    /// Ready when the connection may be read; else the task is woken when it may.
    pub fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
            }
            match self.credit.wait(Instant::now()) {
                Some(wait) => self.pause = Some(Box::pin(sleep(wait))),
                None => return Poll::Ready(()),
            }
        }
    }

    /// Notes what the frames cost that were read or written.
    pub fn pay(&mut self, price: u32) {
        self.credit.pay(price, Instant::now());
    }
}

/// What a connection may still bring; below nothing after a burst.
struct Credit {
    left: f64,
    /// When that was so.
    at: Instant,
}

impl Credit {
    fn left(&self, now: Instant) -> f64 {
        let per_second = f64::from(PER_SECOND);
        let earned = (now - self.at).as_secs_f64() * per_second;
        (self.left + earned).min(per_second)
    }

    /// Pays for what was brought.
    fn pay(&mut self, price: u32, now: Instant) {
        self.left = self.left(now) - f64::from(price);
        self.at = now;
    }

    /// How long nothing more may come.
    fn wait(&self, now: Instant) -> Option<Duration> {
        let left = self.left(now);
        (left < 0.0).then(|| Duration::from_secs_f64(-left / f64::from(PER_SECOND)))
    }
}

/// What a frame costs.
pub(super) fn price(of: Head) -> u32 {
    match of.kind {
        DATA if of.length > 0 => CALL,
        HEADERS => CALL,
        SETTINGS => SET,
        PING | WINDOW => ANSWERED,
        _ => NOTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_carries_nothing_costs_the_more() {
        let frame = |kind, length| Head {
            length,
            kind,
            flags: 0,
            stream: 1,
        };
        let prices = [
            (DATA, 5),
            (HEADERS, 300),
            (DATA, 0),
            (PING, 8),
            (SETTINGS, 12),
        ]
        .map(|(kind, length)| price(frame(kind, length)));
        assert_eq!(prices, [CALL, CALL, NOTED, ANSWERED, SET]);
    }

    #[test]
    fn who_brings_too_much_is_read_later_and_nothing_is_saved_up() {
        let begun = Instant::now();
        let mut credit = Credit {
            left: f64::from(PER_SECOND),
            at: begun,
        };
        let mut pay = |price, now| {
            credit.pay(price, now);
            credit.wait(now)
        };
        assert_eq!(pay(PER_SECOND, begun), None, "a second's worth");
        assert_eq!(pay(2 * PER_SECOND, begun), Some(Duration::from_secs(2)));
        let later = begun + Duration::from_secs(3_600);
        assert_eq!(pay(PER_SECOND, later), None);
        assert!(pay(1, later).is_some(), "an hour's quiet is no more");
    }

    #[tokio::test]
    async fn what_is_paid_while_somebody_waits_is_waited_for_as_well() {
        const MORE: u32 = PER_SECOND / 20;
        let mut pace = Pace::new();
        pace.pay(PER_SECOND + MORE);
        let begun = Instant::now();
        let mut has_paid = false;
        let ready = std::future::poll_fn(|context| {
            let ready = pace.poll_ready(context);
            if ready.is_pending() && !has_paid {
                has_paid = true;
                pace.pay(MORE);
            }
            ready
        });
        tokio::time::timeout(Duration::from_secs(10), ready)
            .await
            .expect("it is woken");
        assert!(begun.elapsed() >= Duration::from_millis(90));
    }
}
