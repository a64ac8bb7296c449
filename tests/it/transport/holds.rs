//! An address from which the rules were broken begins its next handshakes one after the other; no other address waits.

use std::net::Ipv4Addr;

use tokio::{net::TcpSocket, task::JoinSet};

use super::*;
use crate::support::{collector::collector, in_own_process};

/// The address of an office that has a hostile client, and of one that has none.
const HOSTILE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const HONEST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Handshakes at a time: more than wait for an address that is held (docs/limits.md), and than come to their turn while a busy
/// machine accepts the others.
const AT_ONCE: usize = 400;
/// Connections that a terminal may have; a fifth would be a breach.
const OF_A_TERMINAL: usize = 4;
/// DATA on a stream that nobody has begun: the plainest breach of HTTP/2.
const BREACH: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 1];

/// A handshake from this address.
async fn handshake(
    server: std::net::SocketAddr,
    from: Ipv4Addr,
    config: Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let socket = socket.connect(server).await?;
    let connecting = TlsConnector::from(config).connect(localhost(), socket);
    timeout(PATIENCE, connecting)
        .await
        .expect("a handshake ends in time")
}

/// How many of so many handshakes at once are refused before TLS has begun.
async fn refused_before_tls(office: &Office, from: Ipv4Addr) -> usize {
    let server = office.server(0).address();
    let mut handshakes = JoinSet::new();
    for number in 0..AT_ONCE / OF_A_TERMINAL {
        let config = own_config(number + 100);
        for _ in 0..OF_A_TERMINAL {
            handshakes.spawn(handshake(server, from, Arc::clone(&config)));
        }
    }
    let ended = handshakes.join_all().await;
    let refused = ended.iter().filter_map(|ended| ended.as_ref().err());
    let refused = refused.inspect(|error| {
        assert!(
            error
                .get_ref()
                .is_none_or(|inner| !inner.is::<rustls::Error>()),
            "TLS itself refuses nobody: {error}"
        );
    });
    refused.count()
}

#[tokio::test]
async fn whoever_breaks_the_rules_waits_at_the_door_and_no_other_address_does() {
    let name =
        "transport::holds::whoever_breaks_the_rules_waits_at_the_door_and_no_other_address_does";
    if !in_own_process(name).await {
        return;
    }
    let collector = collector();
    let office = Office::open().await;
    assert_eq!(refused_before_tls(&office, HONEST).await, 0);

    let mut hostile = let_in(&office, 0, &own_config(2)).await.expect("let in");
    let line = [PREFACE, BREACH].concat();
    hostile.write_all(&line).await.expect("it is taken");
    hostile.flush().await.expect("it is sent");
    over(hostile, Instant::now() + PATIENCE).await;

    let refused = refused_before_tls(&office, HOSTILE).await;
    assert!(refused > 0, "all {AT_ONCE} went on at once");
    for (reason, at_least) in [("protocol_breach", 1.0), ("address_held", 1.0)] {
        let labels = [("reason", reason)];
        let count = collector
            .wait_for(reason, |received| {
                received.value("ektp.connections.refused", &labels)
            })
            .await;
        assert!(count >= at_least, "{reason}: {count}");
    }
    // Whoever waits its turn is let in: the honest terminal beside the hostile one.
    until("the address is free again", PATIENCE, async || {
        let_in(&office, 0, &own_config(3)).await.is_ok()
    })
    .await;
}
