//! Hostile clients at work: all the connections that one certificate may have, each doing the same again and again, and
//! connecting anew when it was sent away.
//!
//! What is easily got wrong: elsewhere they would have machines of their own. Here they have threads that run when nothing
//! else wants to, or an honest call would wait for them to encode and not for the server.

use std::{fs, net::SocketAddr, process::Command, sync::Arc, time::Duration};

use h2::client::SendRequest;
use prost::bytes::Bytes;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy, sink, split},
    net::TcpStream,
    runtime::{self, Runtime},
    task::JoinSet,
    time::{Instant, interval, timeout_at},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::attacks::{Attack, Means};

/// All that one certificate may have.
const CONNECTIONS: usize = 4;
/// Sockets that say nothing, at a time.
const SILENT: usize = 500;
/// Calls that a connection may have at a time.
const CALLS: usize = 64;
/// Who was sent away comes back after this.
const BACK_AFTER: Duration = Duration::from_millis(10);
/// What takes messages with a list of messages in their second field.
const SUBMIT: &str = "https://localhost/ektp.v1.PrintQueue/SubmitPrintRequests";

/// Whom the storm is for, and as whom it comes.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub config: Arc<ClientConfig>,
    /// The officer's shift at the hostile terminal.
    pub shift: String,
}

/// What came of it.
#[derive(Debug, Default, Clone, Copy)]
pub struct Told {
    /// Connections that were made.
    pub connections: u64,
    /// Bursts of frames, or calls, that were taken.
    pub rounds: u64,
    /// Calls that were answered with a refusal.
    pub refused: u64,
}

impl std::ops::AddAssign for Told {
    fn add_assign(&mut self, more: Self) {
        self.connections += more.connections;
        self.rounds += more.rounds;
        self.refused += more.refused;
    }
}

/// Attacks until the time is over.
pub async fn storm(attack: Attack, target: &Target, until: Instant) -> Told {
    let clients = match attack.means() {
        Means::Sockets => SILENT,
        Means::Handshakes | Means::Frames { .. } | Means::Messages { .. } => CONNECTIONS,
    };
    let elsewhere = elsewhere();
    let mut storming = JoinSet::new();
    for _ in 0..clients {
        storming.spawn_on(client(attack, target.clone(), until), elsewhere.handle());
    }
    let mut told = Told::default();
    while let Some(one) = storming.join_next().await {
        told += one.expect("a hostile client does not panic");
    }
    elsewhere.shutdown_background();
    told
}

/// Threads that give way to everybody.
fn elsewhere() -> Runtime {
    let threads = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .on_thread_start(|| {
            let thread = fs::read_link("/proc/thread-self").expect("the system names its threads");
            let thread = thread.file_name().expect("its number").to_owned();
            let mut renice = Command::new("renice");
            renice.args(["-n", "19", "-p"]).arg(thread);
            let done = renice.output().expect("every Linux has it");
            assert!(done.status.success(), "{done:?}");
        })
        .build();
    threads.expect("a runtime")
}

async fn client(attack: Attack, target: Target, until: Instant) -> Told {
    let mut told = Told::default();
    let mut back = interval(BACK_AFTER);
    while Instant::now() < until {
        back.tick().await;
        // However it ends, it begins again.
        drop(timeout_at(until, attempt(attack, &target, &mut told)).await);
    }
    told
}

async fn attempt(attack: Attack, target: &Target, told: &mut Told) -> std::io::Result<()> {
    let mut socket = TcpStream::connect(target.address).await?;
    match attack.means() {
        Means::Sockets => {
            told.connections += 1;
            socket.read_to_end(&mut Vec::new()).await.map(drop)
        }
        Means::Handshakes => {
            let mut line = handshake(target, socket).await?;
            told.connections += 1;
            line.read_to_end(&mut Vec::new()).await.map(drop)
        }
        Means::Frames { reads } => {
            let line = handshake(target, socket).await?;
            told.connections += 1;
            frames(attack, line, reads, told).await
        }
        Means::Messages {
            said,
            message,
            ends,
        } => {
            let line = handshake(target, socket).await?;
            told.connections += 1;
            let mut body = vec![0];
            let said = u32::try_from(said).expect("a length fits");
            body.extend_from_slice(&said.to_be_bytes());
            body.extend_from_slice(&message);
            let calls = calls(target, line, (Bytes::from(body), ends), told);
            calls.await.map_err(std::io::Error::other)
        }
    }
}

async fn handshake(target: &Target, socket: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = TlsConnector::from(Arc::clone(&target.config));
    connector.connect(name, socket).await
}

async fn frames(
    attack: Attack,
    line: TlsStream<TcpStream>,
    reads: bool,
    told: &mut Told,
) -> std::io::Result<()> {
    let (mut from, mut into) = split(line);
    let writing = async {
        into.write_all(&attack.greeting().0).await?;
        for round in 0.. {
            into.write_all(&attack.round(round).0).await?;
            into.flush().await?;
            told.rounds += 1;
        }
        Ok(())
    };
    if reads {
        let mut away = sink();
        tokio::select! {
            ended = writing => ended,
            ended = copy(&mut from, &mut away) => ended.map(drop),
        }
    } else {
        writing.await
    }
}

/// As many calls at a time as a connection may have, each with this body.
async fn calls(
    target: &Target,
    line: TlsStream<TcpStream>,
    (body, ends): (Bytes, bool),
    told: &mut Told,
) -> Result<(), h2::Error> {
    let (requests, connection) = h2::client::handshake(line).await?;
    let mut calling = JoinSet::new();
    let driving = tokio::spawn(connection);
    let ended = loop {
        while calling.len() < CALLS && !driving.is_finished() {
            calling.spawn(call(
                requests.clone(),
                target.shift.clone(),
                body.clone(),
                ends,
            ));
        }
        match calling.join_next().await {
            Some(Ok(Ok(refused))) => {
                told.rounds += 1;
                told.refused += u64::from(refused);
            }
            Some(Ok(Err(error))) => break Err(error),
            Some(Err(_)) | None => break Ok(()),
        }
    };
    driving.abort();
    ended
}

/// One call; answers whether it was refused.
async fn call(
    requests: SendRequest<Bytes>,
    shift: String,
    mut body: Bytes,
    ends: bool,
) -> Result<bool, h2::Error> {
    let request = http::Request::post(SUBMIT)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", "60S")
        .header("ektp-shift", shift)
        .body(())
        .expect("a request");
    let (answer, mut sending) = requests.ready().await?.send_request(request, false)?;
    let pouring = async {
        while !body.is_empty() {
            sending.reserve_capacity(body.len());
            let room = std::future::poll_fn(|context| sending.poll_capacity(context)).await;
            let Some(Ok(room)) = room else { return };
            let part = body.split_to(room.min(body.len()));
            let last = ends && body.is_empty();
            if sending.send_data(part, last).is_err() {
                return;
            }
        }
        // A side that was not ended stays open as long as the call is waited for.
        if !ends {
            std::future::pending::<()>().await;
        }
    };
    let answered = async {
        let answer = answer.await?;
        let status = answer.headers().get("grpc-status").cloned();
        Ok(status.is_some_and(|status| status != "0"))
    };
    tokio::pin!(answered);
    tokio::select! {
        answered = &mut answered => answered,
        () = pouring => answered.await,
    }
}
