//! Connections: how they are accepted, who stands behind them, and how they end.
//!
//! tonic's own TLS has no place for a question such as "was this terminal revoked?", lets a client resume a session
//! without showing its certificate again, and cannot end a connection. Therefore the accept loop is ours (`accept`), with
//! our rules for TLS (`tls`), and each connection has a watch over it (`watch`) that ends it when its certificate does.
//!
//! What is easily got wrong: whoever has not finished the handshake is a stranger, and may be one of thousands. Nothing
//! that strangers can hold back may stand between a known terminal and the server, or between the server and its drain.

use std::time::Duration;

use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;

use crate::{access::Access, error::Result};

mod accept;
mod calls;
mod connection;
mod farewell;
mod frames;
mod holds;
mod pace;
mod places;
mod reading;
mod taking;
mod tls;
mod watch;

pub use connection::{Connection, Peer};
pub use places::Connections;
pub use reading::{MESSAGE_READ_MAX, measured};
pub use tls::Tls;

use accept::Gate;
use holds::Holds;
use taking::Answers;

/// A TLS handshake that takes longer is cut; the slowest line to an office needs a tenth of it.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection on which nothing is called so long after the handshake is cut: it holds a place that others need.
const FIRST_CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The streams of a certificate that has ended get so long to say so and to hand out their last token.
const PARTING: Duration = Duration::from_secs(2);
/// Connections of one identity at a time: one in use, one that replaces it, and the same again for a second program.
const CONNECTIONS_PER_CALLER: usize = 4;
/// Connections in all, handshakes included: all 7,300 subdistricts twice over, and some memory is left.
const CONNECTIONS_MAX: usize = 20_000;
/// Handshakes at a time. Further sockets wait in the system's queue, so that strangers cannot take every place.
const HANDSHAKES_MAX: usize = 2_048;
/// Connections that stand and wait to be taken over by HTTP/2, which takes them at once.
const READY_MAX: usize = 64;
/// When the system gives no further sockets (its limit of open files), it is asked again after this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A silent peer is asked by TCP whether it is there; HTTP/2 asks as often on its own.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// Connections whose handshake is done, for HTTP/2.
pub type Incoming = ReceiverStream<std::io::Result<Connection>>;

/// Opens the doors: accepts on `listener` until the answered stream is dropped. A connection is cut when one of its
/// answers is not taken for `stalled_after`; from `draining` on, also when nothing was called on it yet.
pub fn open(
    listener: TcpListener,
    tls: &Tls,
    access: Access,
    (draining, stalled_after): (CancellationToken, Duration),
) -> Result<(Incoming, Connections)> {
    let acceptor = tls::acceptor(tls, access.clone())?;
    let connections = Connections::new();
    let (ready, incoming) = mpsc::channel(READY_MAX);
    // tonic ignores its own TCP settings where the listener is ours. Without them the second of two small messages waits
    // 40 ms for the acknowledgement of the first.
    let sockets = TcpIncoming::from(listener)
        .with_nodelay(Some(true))
        .with_keepalive(Some(KEEPALIVE_INTERVAL));
    let answers = Answers::new();
    tokio::spawn(answers.clone().sweep(stalled_after, draining.clone()));
    let gate = Gate {
        acceptor,
        access,
        connections: connections.clone(),
        holds: Holds::new(),
        answers,
        draining,
        ready,
    };
    tokio::spawn(gate.accept(sockets));
    Ok((ReceiverStream::new(incoming), connections))
}

/// Why a connection was not let in, or was cut by us: the metric's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turned {
    /// No bytes, or too slow ones, within the handshake's time.
    Late,
    /// No certificate of ours, no TLS 1.3, or no TLS at all.
    Failed,
    /// The peer left before the handshake was done.
    Left,
    /// The terminal was revoked.
    Revoked,
    /// The identity has its connections already.
    TooMany,
    /// The server has as many as it can hold.
    Full,
    /// Its address broke the rules a moment ago, and too many from there wait already.
    Held,
    /// Nothing was called within the time.
    Silent,
    /// An answer was not taken.
    Stalled,
    /// HTTP/2 ended the connection because of a breach of its rules.
    Unruly,
    /// The system gave no socket.
    NoSocket,
}

impl Turned {
    const fn label(self) -> &'static str {
        match self {
            Self::Late => "handshake_late",
            Self::Failed => "handshake_failed",
            Self::Left => "handshake_left",
            Self::Revoked => "revoked",
            Self::TooMany => "too_many_of_caller",
            Self::Full => "full",
            Self::Held => "address_held",
            Self::Silent => "silent",
            Self::Stalled => "answer_not_taken",
            Self::Unruly => "protocol_breach",
            Self::NoSocket => "no_socket",
        }
    }

    /// Whether the server paid for a handshake and the peer is to blame.
    const fn is_breach(self) -> bool {
        match self {
            Self::Failed | Self::Revoked | Self::TooMany | Self::Unruly => true,
            Self::Late
            | Self::Left
            | Self::Full
            | Self::Held
            | Self::Silent
            | Self::Stalled
            | Self::NoSocket => false,
        }
    }

    fn count(self) {
        crate::telemetry::count_turned_away(self.label());
    }
}
