//! The accept loop: a socket, a place, a handshake, a known caller.
//!
//! What is easily got wrong: an error of accept() is no reason to end. A peer that went away concerns nobody, and when the
//! system has no more files to give, some of ours will be closed in a moment; ending would lock everybody out.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
};

use tokio::{
    net::TcpStream,
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;

use super::{
    ACCEPT_PAUSE, HANDSHAKE_TIMEOUT, HANDSHAKES_MAX, Turned,
    connection::{Connection, Peer},
    holds::{Breaches, Doorstep, Holds},
    places::{Connections, Room},
    taking::Answers,
    tls, watch,
};
use crate::{
    access::Access,
    caller::{Caller, CallerError},
};

/// What stands between a socket and HTTP/2.
#[derive(Clone)]
pub(super) struct Gate {
    pub acceptor: TlsAcceptor,
    pub access: Access,
    pub connections: Connections,
    pub holds: Holds,
    pub answers: Answers,
    pub draining: CancellationToken,
    pub ready: mpsc::Sender<io::Result<Connection>>,
}

impl Gate {
    /// Accepts until nobody takes connections any more. Then the listener is closed, and handshakes under way are dropped.
    pub async fn accept(self, mut sockets: TcpIncoming) {
        let mut handshakes = JoinSet::new();
        loop {
            tokio::select! {
                () = self.ready.closed() => return,
                Some(_) = handshakes.join_next() => {}
                socket = sockets.next(), if handshakes.len() < HANDSHAKES_MAX => match socket {
                    Some(Ok(socket)) => match self.connections.room() {
                        Some(room) => {
                            handshakes.spawn(self.clone().admit(socket, room));
                        }
                        None => Turned::Full.count(),
                    },
                    Some(Err(error)) => rest(&error).await,
                    None => return,
                },
            }
        }
    }

    async fn admit(self, socket: TcpStream, room: Room) {
        // One whose peer has gone already has no address any more; its handshake ends at once.
        let address = socket.peer_addr().map(|address| address.ip());
        let doorstep = self
            .holds
            .doorstep(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        match self.enter(socket, room, &doorstep).await {
            // Nobody takes it when the server is going away.
            Ok(connection) => drop(self.ready.send(Ok(connection)).await),
            Err(turned) => {
                turned.count();
                if turned.is_breach() {
                    doorstep.hold(Instant::now());
                }
            }
        }
    }

    async fn enter(
        &self,
        socket: TcpStream,
        room: Room,
        doorstep: &Doorstep,
    ) -> Result<Connection, Turned> {
        let turn = doorstep.turn(Instant::now()).ok_or(Turned::Held)?;
        sleep_until(turn).await;
        let stream = timeout(HANDSHAKE_TIMEOUT, self.acceptor.accept(socket))
            .await
            .map_err(|_| Turned::Late)?
            .map_err(|error| {
                tracing::debug!(%error, "a handshake failed");
                tls::failure(&error)
            })?;
        let caller = caller(&stream);
        let principal = caller.as_ref().ok().map(|caller| caller.principal.clone());
        let place = room.of(principal.clone()).ok_or_else(|| {
            let caller = principal.map(|principal| principal.to_string());
            tracing::info!(caller, "connection refused: the caller has its connections");
            Turned::TooMany
        })?;
        let peer = Peer::new(caller, self.connections.cutter(), self.answers.clone());
        let breaches = Breaches::new(doorstep.clone(), self.draining.clone());
        // The handshake's question may be some seconds old when it is done; the watch asks again at once.
        tokio::spawn(watch::over(
            peer.clone(),
            self.access.clone(),
            self.draining.clone(),
        ));
        Ok(Connection::new(stream, peer, place, breaches))
    }
}

fn caller(stream: &TlsStream<TcpStream>) -> Result<Caller, CallerError> {
    let (_, session) = stream.get_ref();
    let shown = session.peer_certificates().and_then(<[_]>::first);
    shown.map_or(Err(CallerError::NoIdentity), |certificate| {
        Caller::from_certificate(certificate)
    })
}

/// After an error of accept(): at once where a peer was gone already, else after a moment.
async fn rest(error: &io::Error) {
    let gone = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    );
    if !gone {
        tracing::warn!(%error, "the system gives no socket; it is asked again");
        Turned::NoSocket.count();
        sleep(ACCEPT_PAUSE).await;
    }
}
