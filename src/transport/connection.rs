//! One connection after its handshake, and what a call knows of it.
//!
//! What is easily got wrong: the certificate is read once, when the connection begins, and every call on it is that
//! caller's. So the connection must end when the certificate does; and it must end under a peer that neither reads nor
//! writes, which is why the cut is looked for wherever HTTP/2 could be waiting.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{Semaphore, SetOnce},
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use super::{
    calls::Calls,
    farewell,
    frames::Frames,
    holds::Breaches,
    pace::{self, Pace},
    places::Place,
    reading::UNDER_WAY_MAX,
    taking::{Answers, Taken},
};
use crate::{
    caller::{Caller, CallerError},
    error::Error,
};

/// Who is at the other end. Every call finds it in its extensions.
#[derive(Clone)]
pub struct Peer(Arc<Line>);

struct Line {
    caller: Result<Caller, CallerError>,
    called: SetOnce<()>,
    ended: SetOnce<Error>,
    cut: CancellationToken,
    answers: Answers,
    /// For messages that are being read.
    room: Arc<Semaphore>,
}

impl Peer {
    pub(super) fn new(
        caller: Result<Caller, CallerError>,
        cut: CancellationToken,
        answers: Answers,
    ) -> Self {
        Self(Arc::new(Line {
            caller,
            called: SetOnce::new(),
            ended: SetOnce::new(),
            cut,
            answers,
            room: Arc::new(Semaphore::new(UNDER_WAY_MAX)),
        }))
    }

    /// Who it is, or why the certificate names nobody.
    pub fn caller(&self) -> &Result<Caller, CallerError> {
        &self.0.caller
    }

    /// Notes that something was called on the connection.
    pub fn note_call(&self) {
        // Only the first call matters.
        self.0.called.set(()).ok();
    }

    /// Why nothing may be called any more on a connection that is about to be cut; its calls are told the same.
    pub fn ended(&self) -> Option<&Error> {
        self.0.ended.get()
    }

    /// An answer on this connection; when nobody takes it, the connection ends.
    pub fn answer<B>(&self, body: B) -> Taken<B> {
        Taken::new(body, self, &self.0.answers)
    }

    /// The room for messages that are being read on the connection.
    pub(super) fn room(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.room)
    }

    pub(super) async fn called(&self) {
        self.0.called.wait().await;
    }

    pub(super) fn end(&self, why: Error) {
        // The first reason stands.
        self.0.ended.set(why).ok();
    }

    /// Ends the connection now, whatever goes on there.
    pub(super) fn cut(&self) {
        self.0.cut.cancel();
    }

    /// Until the connection is over, cut by us or left by the peer.
    pub(super) async fn over(&self) {
        self.0.cut.cancelled().await;
    }
}

/// A connection, as HTTP/2 reads and writes it.
pub struct Connection {
    /// Boxed, because HTTP/2's task has room for a connection twice: before it begins, and as it goes on.
    stream: Box<TlsStream<TcpStream>>,
    peer: Peer,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    received: Frames,
    calls: Calls,
    pace: Pace,
    breaches: Breaches,
    _place: Place,
}

impl Connection {
    pub(super) fn new(
        stream: TlsStream<TcpStream>,
        peer: Peer,
        place: Place,
        breaches: Breaches,
    ) -> Self {
        Self {
            cut: Box::pin(peer.0.cut.clone().cancelled_owned()),
            stream: Box::new(stream),
            peer,
            received: Frames::of_client(),
            calls: Calls::new(),
            pace: Pace::new(),
            breaches,
            _place: place,
        }
    }

    /// An error when the connection was cut; else the task is woken when it is.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(context) {
            Poll::Ready(()) => {
                self.part(context);
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Poll::Pending => Ok(()),
        }
    }

    fn wrote(&mut self, bytes: &[u8]) {
        let sent = self.calls.wrote(bytes);
        self.pace.pay(sent.refusals.saturating_mul(pace::REFUSED));
        if sent.goes_away && self.breaches.note() {
            let caller = self.peer.caller().as_ref().ok();
            let caller = caller.map(|caller| caller.principal.to_string());
            tracing::info!(caller, "connection ended: it broke the rules of HTTP/2");
        }
    }

    /// Tells the calls why, as far as the socket takes it at once: nobody waits for a peer that is cut.
    fn part(&mut self, context: &mut Context<'_>) {
        let words = self
            .peer
            .ended()
            .map(|why| farewell::words(&mut self.calls, why));
        let mut left = words.as_deref().unwrap_or_default();
        while !left.is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, left) {
                Poll::Ready(Ok(written @ 1..)) => left = &left[written..],
                Poll::Ready(_) | Poll::Pending => return,
            }
        }
        // Flushes as well.
        drop(Pin::new(&mut self.stream).poll_shutdown(context));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The watch over it ends with it.
        self.peer.cut();
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        ready!(self.pace.poll_ready(context));
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        let this = &mut *self;
        let mut price = 0_u32;
        this.received.take(&into.filled()[before..], |head| {
            price = price.saturating_add(pace::price(head));
            this.calls.read(head);
        });
        this.pace.pay(price);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.wrote(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices))?;
        let mut left = written;
        for slice in slices {
            let taken = left.min(slice.len());
            self.wrote(&slice[..taken]);
            left -= taken;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
