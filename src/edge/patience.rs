//! A unary call's message must have come when its deadline is over.
//!
//! What is easily got wrong: nothing else ends such a call. The client that sends headers and then nothing answers every
//! ping, its service has not begun, and a drain would wait for it to the end.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http_body::{Body as _, Frame, SizeHint};
use tokio::time::{Sleep, sleep_until};
use tonic::{Status, body::Body, codegen::Bytes};

use crate::{
    caller::{IMPORT_ENROLMENTS, Nature, Right},
    deadline::Deadline,
    error::Error,
};

/// The body of a call, read until its deadline where that ends it.
pub(super) fn until(deadline: Deadline, right: Option<&Right>, body: Body) -> Body {
    let unary = right
        .is_some_and(|right| right.nature != Nature::Stream && right.path != IMPORT_ENROLMENTS);
    if !unary || body.is_end_stream() {
        return body;
    }
    Body::new(Patient {
        body,
        over: Box::pin(sleep_until(deadline.0)),
    })
}

struct Patient {
    body: Body,
    over: Pin<Box<Sleep>>,
}

impl http_body::Body for Patient {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_pending() && self.over.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(Error::late().into())));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
