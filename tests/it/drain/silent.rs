//! Clients that hold a server back without meaning to: silent sockets of every kind, and one that has stopped in the middle
//! of its stream.

use std::{net::SocketAddr, path::Path, sync::mpsc, thread};

use ektp::proto::{WatchQueueRequest, print_queue_client::PrintQueueClient};
use rustls::version::TLS13;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    restart::{PATIENCE, channel, identity, terminal_of},
    transport::{PREFACE, config_of, localhost},
};

/// Sockets that say nothing at all, nothing after the handshake, and nothing after HTTP/2's first words.
const MUTE: usize = 20;
const HANDSHAKED: usize = 15;
const GREETING: usize = 15;
/// The first of their terminals.
const FIRST: usize = 600;
/// The terminal that has stopped.
const STOPPED: usize = 599;

/// Fifty silent connections.
pub struct Silent {
    _mute: Vec<TcpStream>,
    _handshaked: Vec<TlsStream<TcpStream>>,
}

impl Silent {
    pub async fn open(data: &Path, address: SocketAddr) -> Self {
        let (mut mute, mut handshaked) = (Vec::new(), Vec::new());
        for _ in 0..MUTE {
            mute.push(socket(address).await);
        }
        for number in 0..HANDSHAKED + GREETING {
            let identity = identity(data, &terminal_of(FIRST + number));
            let connector = TlsConnector::from(config_of(&identity, &identity.ca_pem, &TLS13));
            let shaking = connector.connect(localhost(), socket(address).await);
            let shaken = timeout(PATIENCE, shaking).await.expect("in time");
            let mut stream = shaken.expect("a handshake");
            if number >= HANDSHAKED {
                stream.write_all(PREFACE).await.expect("it is taken");
                stream.flush().await.expect("it is sent");
            }
            handshaked.push(stream);
        }
        Self {
            _mute: mute,
            _handshaked: handshaked,
        }
    }
}

async fn socket(address: SocketAddr) -> TcpStream {
    let connecting = TcpStream::connect(address).await;
    connecting.expect("the server listens")
}

/// A client that has opened a stream, has read its first message, and then stands still with everything it holds: it reads
/// nothing, answers no ping and closes nothing.
pub struct Stopped {
    /// Dropped, the client goes.
    _hold: mpsc::Sender<()>,
}

impl Stopped {
    pub async fn open(data: &Path, address: SocketAddr) -> Self {
        let (hold, held) = mpsc::channel();
        let (tell, told) = tokio::sync::oneshot::channel();
        let data = data.to_owned();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            // Outside of `block_on` nothing on this runtime moves.
            let stream = runtime.block_on(async {
                let channel = channel(&data, address, &terminal_of(STOPPED));
                let mut client = PrintQueueClient::new(channel);
                let opened = client.watch_queue(WatchQueueRequest::default()).await;
                let mut stream = opened.expect("the stream opens").into_inner();
                stream.message().await.expect("it begins");
                stream
            });
            tell.send(()).ok();
            held.recv().ok();
            drop(stream);
        });
        let begun = timeout(PATIENCE, told).await.expect("in time");
        begun.expect("it does not panic");
        Self { _hold: hold }
    }
}
