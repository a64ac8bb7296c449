//! The one place between a stream's task and its reader: a message lies there until it is taken, and at last the end.
//!
//! What is easily got wrong: a channel of the runtime keeps room for 32 messages however few it lets in, which is 1.5 KiB
//! of each stream; here one is all there is. Whoever looks notes first that it wants to be woken: what comes between the
//! look and the wait is then no loss.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use prost::bytes::Bytes;
use tokio::sync::Notify;

use crate::error::{Error, Result};

/// Makes the place; a message waits for the one before it to be taken. More would only be older when they are read.
pub(super) fn handoff() -> (Giver, Taker) {
    let place = Arc::new(Place::default());
    (Giver(Arc::clone(&place)), Taker(place))
}

/// The task's side. Dropped without an end it leaves an error to the reader.
#[derive(Debug)]
pub(super) struct Giver(Arc<Place>);

/// The reader's side.
#[derive(Debug)]
pub(super) struct Taker(Arc<Place>);

/// Why a message was not laid down.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// The one before it has not been taken; here it is back.
    Full(Bytes),
    /// Nobody takes anything any more.
    Gone,
}

#[derive(Debug, Default)]
struct Place {
    held: Mutex<Held>,
    /// Something was taken, or the reader has gone.
    taken: Notify,
}

#[derive(Debug, Default)]
struct Held {
    message: Option<Bytes>,
    /// What the end says, until that is told.
    error: Option<Error>,
    is_over: bool,
    is_gone: bool,
    reader: Option<Waker>,
}

impl Place {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn lay(&mut self, message: Bytes) -> Result<Option<Waker>, Kept> {
        if self.is_gone {
            return Err(Kept::Gone);
        }
        if self.message.is_some() {
            return Err(Kept::Full(message));
        }
        self.message = Some(message);
        Ok(self.reader.take())
    }
}

impl Giver {
    /// Lays a message down, if there is room for it now.
    pub fn try_give(&self, message: Bytes) -> Result<(), Kept> {
        let reader = self.0.held().lay(message)?;
        wake(reader);
        Ok(())
    }

    /// Lays a message down when there is room for it; false when nobody takes it any more.
    pub async fn give(&self, mut message: Bytes) -> bool {
        loop {
            let taken = self.0.taken.notified();
            match self.try_give(message) {
                Ok(()) => return true,
                Err(Kept::Gone) => return false,
                Err(Kept::Full(back)) => message = back,
            }
            taken.await;
        }
    }

    /// Until the reader has gone.
    pub async fn gone(&self) {
        loop {
            let taken = self.0.taken.notified();
            if self.0.held().is_gone {
                return;
            }
            taken.await;
        }
    }

    /// The last word, behind whatever lies there. What is said after it is not heard.
    pub fn end(&self, end: Result<()>) {
        let reader = {
            let mut held = self.0.held();
            if held.is_over {
                return;
            }
            held.is_over = true;
            held.error = end.err();
            held.reader.take()
        };
        wake(reader);
    }
}

impl Drop for Giver {
    fn drop(&mut self) {
        self.end(Err(Error::internal("the task of a stream died")));
    }
}

impl Taker {
    /// The next message, then the end's error if it has one, then nothing.
    pub fn poll_take(&self, context: &Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let mut held = self.0.held();
        if let Some(message) = held.message.take() {
            drop(held);
            self.0.taken.notify_waiters();
            return Poll::Ready(Some(Ok(message)));
        }
        if held.is_over {
            return Poll::Ready(held.error.take().map(Err));
        }
        if !held
            .reader
            .as_ref()
            .is_some_and(|reader| reader.will_wake(context.waker()))
        {
            held.reader = Some(context.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        {
            let mut held = self.0.held();
            held.is_gone = true;
            held.message = None;
        }
        self.0.taken.notify_waiters();
    }
}

fn wake(reader: Option<Waker>) {
    if let Some(reader) = reader {
        reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn taken(taker: &Taker) -> Option<Result<Bytes>> {
        poll_fn(|context| taker.poll_take(context)).await
    }

    fn said(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[tokio::test]
    async fn messages_come_in_their_order_one_at_a_time_and_then_the_end() {
        let (giver, taker) = handoff();
        let task = tokio::spawn(async move {
            assert!(giver.give(said("one")).await);
            assert!(giver.give(said("two")).await);
            assert_eq!(giver.try_give(said("x")), Err(Kept::Full(said("x"))));
            assert!(giver.give(said("three")).await);
            giver.end(Ok(()));
        });
        for text in ["one", "two", "three"] {
            let message = taken(&taker).await.expect("a message").expect("no error");
            assert_eq!(message, said(text));
        }
        assert!(taken(&taker).await.is_none());
        assert!(taken(&taker).await.is_none(), "told once, over for good");
        task.await.expect("the task has seen what it expects");
    }

    #[tokio::test]
    async fn who_gives_hears_that_the_reader_has_gone_wherever_it_waits() {
        let (giver, taker) = handoff();
        assert!(giver.give(said("one")).await);
        let (_, stayed, ()) = tokio::join!(giver.gone(), giver.give(said("two")), async {
            drop(taker);
        });
        assert!(!stayed);
        assert_eq!(giver.try_give(said("three")), Err(Kept::Gone));
    }

    #[tokio::test]
    async fn a_task_that_dies_is_told_after_what_it_said() {
        let (giver, taker) = handoff();
        assert!(giver.give(said("one")).await);
        drop(giver);
        assert!(taken(&taker).await.is_some_and(|message| message.is_ok()));
        assert!(taken(&taker).await.is_some_and(|message| message.is_err()));
        assert!(taken(&taker).await.is_none());
    }
}
