//! Answers of which the reader takes nothing: noticed here, and ended together with their connection.
//!
//! HTTP/2 asks an answer for its next piece when the reader has made room for it, and not before. A reader that makes no
//! room keeps its call, its seat and its memory for as long as it answers pings, which its library does by itself; and no
//! answer can say anything to it any more, since HTTP/2 does not even ask whether it has ended. What is said to it is said
//! by the connection (`farewell`). What is easily got wrong: a quiet stream is not a stalled one. It has been asked for
//! more and has nothing to say.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use http_body::{Frame, SizeHint};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tonic::{Status, codegen::Bytes};

use super::{Turned, connection::Peer};
use crate::error::{Error, ErrorReason, Kind};

/// Between two looks for stalled answers; a cut comes so much late at the most.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What is handed over at once. Whoever takes so much within the time is slow and not stalled: that is 4 kbit/s.
const PIECE: usize = 16 * 1024;
/// An answer that has been asked for its next piece waits for nobody.
const ASKED: u64 = u64::MAX;

/// The answers under way at one server.
#[derive(Clone)]
pub(super) struct Answers(Arc<Inner>);

struct Inner {
    begin: Instant,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    last: u64,
    answers: HashMap<u64, (Arc<AtomicU64>, Peer)>,
}

impl Answers {
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            begin: Instant::now(),
            open: Mutex::default(),
        }))
    }

    /// Cuts the connections of stalled answers, until the server drains: from then on the drain does that.
    pub async fn sweep(self, stalled_after: Duration, draining: CancellationToken) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = draining.cancelled() => return,
                _ = looks.tick() => {}
            }
            for peer in self.stalled(stalled_after) {
                peer.end(not_taken());
                peer.cut();
                Turned::Stalled.count();
            }
        }
    }

    /// Who has taken nothing for so long; each once, however many of its answers wait.
    fn stalled(&self, after: Duration) -> Vec<Peer> {
        let Some(since) = self.0.begin.elapsed().checked_sub(after) else {
            return Vec::new();
        };
        let open = self.open();
        let stalled = open.answers.values().filter(|(waits_since, peer)| {
            waits_since.load(Ordering::Relaxed) <= millis(since) && peer.ended().is_none()
        });
        stalled.map(|(_, peer)| peer.clone()).collect()
    }

    fn now(&self) -> u64 {
        millis(self.0.begin.elapsed())
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(ASKED - 1)
}

fn not_taken() -> Error {
    let message = "nothing was taken of an answer for too long; connect anew, resume streams with their last token";
    Error::new(Kind::Exhausted, ErrorReason::SlowConsumer, message)
}

/// An answer's body that knows since when it waits for its reader.
pub struct Taken<B> {
    body: B,
    /// What the body gave and the reader has no room for yet.
    rest: Bytes,
    waits_since: Arc<AtomicU64>,
    answers: Answers,
    number: u64,
}

impl<B> Taken<B> {
    pub(super) fn new(body: B, peer: &Peer, answers: &Answers) -> Self {
        // HTTP/2 does not ask at all where the reader gave no room to begin with.
        let waits_since = Arc::new(AtomicU64::new(answers.now()));
        let mut open = answers.open();
        open.last += 1;
        let number = open.last;
        open.answers
            .insert(number, (Arc::clone(&waits_since), peer.clone()));
        drop(open);
        Self {
            body,
            rest: Bytes::new(),
            waits_since,
            answers: answers.clone(),
            number,
        }
    }
}

impl<B> Drop for Taken<B> {
    fn drop(&mut self) {
        self.answers.open().answers.remove(&self.number);
    }
}

impl<B> http_body::Body for Taken<B>
where
    B: http_body::Body<Data = Bytes, Error = Status> + Unpin,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        this.waits_since.store(ASKED, Ordering::Relaxed);
        let mut frame = if this.rest.is_empty() {
            ready!(Pin::new(&mut this.body).poll_frame(context))
        } else {
            Some(Ok(Frame::data(std::mem::take(&mut this.rest))))
        };
        if let Some(Ok(whole)) = &mut frame
            && let Some(data) = whole.data_mut()
            && data.len() > PIECE
        {
            this.rest = data.split_off(PIECE);
        }
        this.waits_since
            .store(this.answers.now(), Ordering::Relaxed);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let left = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let body = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(left));
        if let Some(upper) = body.upper().and_then(|upper| upper.checked_add(left)) {
            hint.set_upper(upper);
        }
        hint
    }
}
