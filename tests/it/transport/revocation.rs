//! A terminal is revoked, or its certificate comes to its end: during a stream, during a handshake, and with a session that
//! it would like to resume; on both of two servers.

use std::io::Write as _;

use ektp::feed::Timing;
use rustls::{AlertDescription, HandshakeKind};

use super::*;
use crate::support::{office::reason, officers::unstaffed, stream::Follower};

const TERMINAL: usize = 1;
const NEIGHBOUR: usize = 2;

async fn two_servers() -> Office {
    let timing = Timing {
        bookmark_every: Duration::from_millis(500),
        ..Timing::default()
    };
    let mut office = Office::open_with(timing).await;
    office.add_server(timing).await;
    office
}

/// Until the stream is over; bookmarks and the like may come before.
async fn stream_ends(mut follower: Follower, deadline: Instant) -> Option<tonic::Status> {
    let ending = async {
        loop {
            match follower.next().await {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(status) => return Some(status),
            }
        }
    };
    timeout_at(deadline, ending)
        .await
        .expect("the stream is over in time")
}

/// How the server refused a connection, from the alert that it sent.
fn alert(error: &std::io::Error) -> Option<AlertDescription> {
    let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    if let rustls::Error::AlertReceived(alert) = inner {
        Some(*alert)
    } else {
        None
    }
}

async fn refused(office: &Office, server: usize, config: &Arc<ClientConfig>) -> bool {
    match let_in(office, server, config).await {
        Ok(_) => false,
        Err(error) => alert(&error) == Some(AlertDescription::CertificateRevoked),
    }
}

#[tokio::test]
async fn a_revoked_terminals_streams_end_on_both_servers_and_its_neighbours_go_on() {
    let office = two_servers().await;
    let (mut clients, mut streams, mut neighbours) = (Vec::new(), Vec::new(), Vec::new());
    let own = config(&office.identity(&terminal(TERMINAL)), &TLS13);
    let mut idle = Vec::new();
    for server in [0, 1] {
        let connection = let_in(&office, server, &own).await;
        idle.push(connection.expect("it is let in"));
        let mut client = office.client(server, &terminal(TERMINAL)).await;
        streams.push(client.follow().await);
        clients.push(client);
        let mut neighbour = office.client(server, &terminal(NEIGHBOUR)).await;
        let stream = neighbour.follow().await;
        neighbours.push((neighbour, stream));
    }
    revoke(&office, &terminal(TERMINAL)).await;
    let deadline = Instant::now() + REVOKED_WITHIN;
    for (stream, mut client) in streams.into_iter().zip(clients) {
        let status = stream_ends(stream, deadline).await;
        let why = status.as_ref().map(reason);
        assert_eq!(why.as_deref(), Some("TERMINAL_REVOKED"));
        call(&mut client).await.expect_err("nothing is called");
    }
    for connection in idle {
        over(connection, deadline).await;
    }
    for server in [0, 1] {
        assert!(refused(&office, server, &own).await, "at server {server}");
    }
    for (mut neighbour, mut stream) in neighbours {
        call(&mut neighbour).await.expect("it may go on");
        stream.bookmark().await;
    }
}

#[tokio::test]
async fn a_revoked_terminal_is_told_so_before_its_connection_is_cut() {
    let office = Office::open().await;
    let mut client = office.client(0, &terminal(TERMINAL)).await;
    call(&mut client).await.expect("it may call");
    revoke(&office, &terminal(TERMINAL)).await;
    let mut reasons = Vec::new();
    until("its calls are refused", REVOKED_WITHIN, async || {
        if let Err(status) = call(&mut client).await {
            reasons.push(reason(&status));
        }
        !reasons.is_empty()
    })
    .await;
    assert_eq!(reasons, ["TERMINAL_REVOKED"]);
}

#[tokio::test]
async fn a_terminal_that_is_revoked_during_its_handshake_does_not_get_in() {
    let office = two_servers().await;
    let config = config(
        &identity(&terminal(TERMINAL), time::Duration::hours(1)),
        &TLS13,
    );
    let mut half_way = Vec::new();
    for server in [0, 1] {
        half_way.push(HalfWay::begin(socket(&office, server).await, &config).await);
    }
    revoke(&office, &terminal(TERMINAL)).await;
    for (server, handshake) in half_way.into_iter().enumerate() {
        until("the server knows", REVOKED_WITHIN, async || {
            refused(&office, server, &config).await
        })
        .await;
        assert_eq!(
            handshake.finish().await,
            rustls::Error::AlertReceived(AlertDescription::CertificateRevoked)
        );
    }
}

/// A handshake whose client has heard the server and has not shown its certificate yet.
struct HalfWay {
    socket: TcpStream,
    session: ClientConnection,
}

impl HalfWay {
    async fn begin(socket: TcpStream, config: &Arc<ClientConfig>) -> Self {
        let session = ClientConnection::new(Arc::clone(config), localhost()).expect("a client");
        let mut begun = Self { socket, session };
        begun.send().await;
        // The server's whole flight has come when this side could answer it.
        while !begun.session.wants_write() {
            begun.hear().await.expect("the server's flight is good");
        }
        begun
    }

    async fn send(&mut self) {
        let mut flight = Vec::new();
        while self.session.wants_write() {
            self.session
                .write_tls(&mut flight)
                .expect("a vector takes it");
        }
        self.socket.write_all(&flight).await.expect("it is taken");
    }

    async fn hear(&mut self) -> Result<(), rustls::Error> {
        let mut bytes = [0; 4096];
        let count = timeout(PATIENCE, self.socket.read(&mut bytes))
            .await
            .expect("the server says something")
            .expect("the connection stands");
        assert!(count > 0, "the server says why before it goes");
        let mut heard = &bytes[..count];
        while !heard.is_empty() {
            self.session.read_tls(&mut heard).expect("a slice gives it");
            self.session.process_new_packets()?;
        }
        Ok(())
    }

    /// Shows the certificate; answers how the server refuses it.
    async fn finish(mut self) -> rustls::Error {
        self.session
            .writer()
            .write_all(PREFACE)
            .expect("the session keeps it");
        self.send().await;
        loop {
            if let Err(error) = self.hear().await {
                return error;
            }
        }
    }
}

#[tokio::test]
async fn a_session_is_never_resumed_and_a_revoked_terminal_cannot_try() {
    let office = two_servers().await;
    for server in [0, 1] {
        let remembering = config(
            &identity(&terminal(3 + server), time::Duration::hours(1)),
            &TLS13,
        );
        for _ in 0..2 {
            let stream = let_in(&office, server, &remembering)
                .await
                .expect("it is let in");
            let (_, session) = stream.get_ref();
            assert_eq!(session.handshake_kind(), Some(HandshakeKind::Full));
            assert_eq!(session.tls13_tickets_received(), 0);
        }
        revoke(&office, &terminal(3 + server)).await;
        until("its session is refused", REVOKED_WITHIN, async || {
            refused(&office, server, &remembering).await
        })
        .await;
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_certificate() {
    let office = Office::open().await;
    let valid = time::Duration::seconds(3);
    let identity = identity(&terminal(TERMINAL), valid);
    let begun = Instant::now();
    let endpoint = office.endpoint_of(0, &identity);
    let mut client = Client::over(unstaffed(
        endpoint.connect().await.expect("the server answers"),
    ));
    let stream = client.follow().await;
    let status = stream_ends(stream, begun + valid.unsigned_abs() + REVOKED_WITHIN).await;
    let why = status.as_ref().map(reason);
    assert_eq!(why.as_deref(), Some("CERTIFICATE_ENDED"));
    // A certificate knows whole seconds, so its end may be one earlier.
    assert!(
        begun.elapsed() >= Duration::from_secs(2),
        "not before its end"
    );
    until(
        "no connection stands",
        REVOKED_WITHIN,
        async || matches!(call(&mut client).await, Err(status) if reason(&status).is_empty()),
    )
    .await;
}
