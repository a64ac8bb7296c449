//! A bad line: it forwards bytes to a server and is cut after a number of them that nobody knows beforehand, in the middle
//! of a handshake, a frame or a message.

use std::net::SocketAddr;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::{
    io::{AsyncReadExt as _, copy},
    net::{TcpListener, TcpStream},
};

/// The shortest life of a connection, as a power of two of the bytes that the server sends: within its first words.
const BYTES_MIN: u32 = 11;
/// And the longest: some seconds of a busy district.
const BYTES_MAX: u32 = 19;

/// Opens a bad line to a server; answers its near end. It lasts as long as the test's runtime.
pub async fn bad_line(server: SocketAddr, seed: u64) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("loopback has a free port");
    let near = listener.local_addr().expect("it listens");
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let power = dice.random_range(BYTES_MIN..BYTES_MAX);
            let bytes = dice.random_range(1 << power..2 << power);
            tokio::spawn(forward(client, server, bytes));
        }
    });
    near
}

/// Ends with both connections when either side ends, or when the server has sent so many bytes.
async fn forward(mut client: TcpStream, server: SocketAddr, bytes: u64) {
    // A server that is away is a line that ends at once.
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    let (from_client, mut to_client) = client.split();
    let (from_server, mut to_server) = server.split();
    let (mut up, mut down) = (from_client, from_server.take(bytes));
    tokio::select! {
        _ = copy(&mut up, &mut to_server) => {}
        _ = copy(&mut down, &mut to_client) => {}
    }
}
