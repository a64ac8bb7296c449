//! Connections from outside: how they are refused, how long they may be silent, and how they end when a terminal is revoked.
//!
//! What is easily got wrong: with TLS 1.3 a client believes the connection to stand before the server has looked at its
//! certificate. So a client here waits for the server's first bytes of HTTP/2: only they say that it was let in.

use std::sync::Arc;

use ektp::{
    caller::{OfficerRole, Principal},
    clock::Clock,
    proto,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion,
    client::Resumption,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    version::TLS13,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Duration, Instant, interval, timeout, timeout_at},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{
    PATIENCE,
    office::{Client, Office, authority, request_id},
};

mod holds;
mod limits;
mod renewal;
mod revocation;

/// What the issue promises: a revocation is over on every server within this.
const REVOKED_WITHIN: Duration = Duration::from_secs(5);
/// How often something that must come is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What an HTTP/2 client says first, with an empty SETTINGS frame.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn terminal(number: usize) -> String {
    format!("ektp://district/35.75/site/office/terminal/{number}")
}

/// A certificate of the tests' authority.
fn identity(principal: &str, valid: time::Duration) -> ektp::authority::Identity {
    let principal: Principal = principal.parse().expect("a principal");
    authority()
        .terminal_identity(&principal, valid, Clock::System.now())
        .expect("the authority signs")
}

/// A terminal's side, with a good certificate.
fn own_config(number: usize) -> Arc<ClientConfig> {
    config(
        &identity(&terminal(number), time::Duration::hours(1)),
        &TLS13,
    )
}

/// A client's side of TLS; its connections share what it remembers of sessions.
fn config(
    identity: &ektp::authority::Identity,
    version: &'static SupportedProtocolVersion,
) -> Arc<ClientConfig> {
    config_of(identity, authority().ca_pem(), version)
}

/// The same for a server of another authority.
pub fn config_of(
    identity: &ektp::authority::Identity,
    ca_pem: &str,
    version: &'static SupportedProtocolVersion,
) -> Arc<ClientConfig> {
    let pem = CertificateDer::from_pem_slice(ca_pem.as_bytes());
    let mut roots = RootCertStore::empty();
    roots
        .add(pem.expect("our own PEM"))
        .expect("our own authority");
    let chain = CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes());
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .expect("ring has both versions")
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![chain.expect("our own PEM")], key.expect("our own PEM"))
        .expect("a pair that fits");
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = Resumption::in_memory_sessions(16);
    Arc::new(config)
}

pub fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("a name")
}

async fn socket(office: &Office, server: usize) -> TcpStream {
    TcpStream::connect(office.server(server).address())
        .await
        .expect("the server listens")
}

/// A connection whose handshake is done on this side; whether the server let it in, it does not know.
async fn connect(
    office: &Office,
    server: usize,
    config: &Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = socket(office, server).await;
    let connector = TlsConnector::from(Arc::clone(config));
    timeout(PATIENCE, connector.connect(localhost(), socket))
        .await
        .expect("a handshake ends in time")
}

/// A connection that the server has let in.
async fn let_in(
    office: &Office,
    server: usize,
    config: &Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut stream = connect(office, server, config).await?;
    let mut first = [0; 1];
    let reading = stream.read_exact(&mut first);
    timeout(PATIENCE, reading)
        .await
        .expect("the server speaks or ends the connection")?;
    Ok(stream)
}

/// Reads on until the connection is over; says when.
async fn over(mut stream: impl tokio::io::AsyncRead + Unpin, deadline: Instant) -> Instant {
    let mut bytes = [0; 256];
    let reading = async {
        // An end and an error are the same here: nobody is there any more.
        while let Ok(1..) = stream.read(&mut bytes).await {}
    };
    timeout_at(deadline, reading)
        .await
        .expect("the connection is ended in time");
    Instant::now()
}

/// Until the condition holds, within `patience`.
async fn until(what: &str, patience: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let mut ticks = interval(LOOK_EVERY);
    let looking = async {
        while !holds().await {
            ticks.tick().await;
        }
    };
    timeout(patience, looking)
        .await
        .unwrap_or_else(|_| panic!("within {patience:?}: {what}"));
}

/// Two persons revoke a terminal.
async fn revoke(office: &Office, principal: &str) {
    // Only what was seen can be revoked.
    let mut seen = office.client(0, principal).await;
    call(&mut seen).await.expect("it may call");
    drop(seen);
    let mut head = office
        .client_as(0, &terminal(8), Some(&[OfficerRole::Head]))
        .await;
    let request = proto::RevokeTerminalRequest {
        request_id: request_id(),
        terminal: principal.to_owned(),
        purpose: "stolen from the counter".to_owned(),
    };
    let asked = head.administration.revoke_terminal(request).await;
    let approval = asked.expect("it waits for the second person").into_inner();
    let approval = approval.approval.expect("a pending approval");
    let mut second = office
        .client_as(0, &terminal(9), Some(&[OfficerRole::Auditor]))
        .await;
    let request = proto::ApproveRequest {
        request_id: request_id(),
        approval_id: approval.approval_id,
        content_digest: approval.content_digest,
    };
    second
        .administration
        .approve(request)
        .await
        .expect("the second person approves");
}

/// One call on the client's connection.
async fn call(client: &mut Client) -> Result<(), tonic::Status> {
    let mut health = tonic_health::pb::health_client::HealthClient::new(client.channel.clone());
    let request = tonic_health::pb::HealthCheckRequest::default();
    health.check(request).await.map(drop)
}
