//! Calls by path with bytes as they are: for tests that walk over all RPCs, compare answers byte for byte, or send what
//! no generated client can.
//!
//! What is easily got wrong: a unary call is read to its end by the server before it acts, so its side must be closed;
//! a stream of requests may stay open ([`Sending::Open`]).

use std::time::Duration;

use prost::bytes::{Buf as _, BufMut as _};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
};

use super::{PATIENCE, officers::Line};

/// The messages of an answer, or the status that came instead of them or after them.
pub type Answer = Result<Vec<Vec<u8>>, Status>;

/// What the client does after its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// It closes its side.
    Closed,
    /// It keeps its side open, as one who may send more.
    Open,
}

/// Bytes in, bytes out.
#[derive(Debug, Clone, Copy, Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut bytes = vec![0; from.remaining()];
        from.copy_to_slice(&mut bytes);
        Ok(Some(bytes))
    }
}

/// Sends one message and reads the answer to its end.
pub async fn call(channel: &Line, path: &str, message: &[u8]) -> Answer {
    exchange(
        channel,
        path,
        vec![message.to_vec()],
        Sending::Closed,
        usize::MAX,
    )
    .await
}

/// Sends messages and reads until the end, or until so many messages have come.
pub async fn exchange(
    channel: &Line,
    path: &str,
    messages: Vec<Vec<u8>>,
    sending: Sending,
    enough: usize,
) -> Answer {
    within(PATIENCE, channel, path, (messages, sending), enough)
        .await
        .unwrap_or_else(|| panic!("{path} was not answered within {PATIENCE:?}"))
}

/// The same for one who waits only so long; `None` when neither the end nor enough messages have come by then.
pub async fn within(
    patience: Duration,
    channel: &Line,
    path: &str,
    (messages, sending): (Vec<Vec<u8>>, Sending),
    enough: usize,
) -> Option<Answer> {
    let open = match sending {
        Sending::Closed => 0,
        Sending::Open => usize::MAX,
    };
    let requests = tokio_stream::iter(messages).chain(tokio_stream::pending().take(open));
    let reading = read(channel.clone(), path, Request::new(requests), enough);
    tokio::time::timeout(patience, reading).await.ok()
}

/// One message with further metadata, read as [`within`] does.
pub async fn with_metadata(
    patience: Duration,
    channel: &Line,
    path: &str,
    (message, metadata): (Vec<u8>, &[(&'static str, &str)]),
    enough: usize,
) -> Option<Answer> {
    let mut request = Request::new(tokio_stream::once(message));
    for (key, value) in metadata {
        let value = value.parse().expect("plain text");
        request.metadata_mut().insert(*key, value);
    }
    let reading = read(channel.clone(), path, request, enough);
    tokio::time::timeout(patience, reading).await.ok()
}

async fn read(
    channel: Line,
    path: &str,
    requests: Request<impl Stream<Item = Vec<u8>> + Send + 'static>,
    enough: usize,
) -> Answer {
    let path: PathAndQuery = path.parse().expect("a path of the contract");
    let mut client = Grpc::new(channel);
    client
        .ready()
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    let mut answers = client.streaming(requests, path, Plain).await?.into_inner();
    let mut messages = Vec::new();
    while messages.len() < enough {
        match answers.message().await? {
            Some(message) => messages.push(message),
            None => break,
        }
    }
    Ok(messages)
}

/// Sends the same message until the answer is one that lasts, as the contract asks of a client.
pub async fn insist(channel: &Line, path: &str, message: &[u8]) -> Answer {
    let trying = async {
        loop {
            match call(channel, path, message).await {
                Err(status) if may_pass(status.code()) => tokio::task::yield_now().await,
                answer @ (Ok(_) | Err(_)) => return answer,
            }
        }
    };
    tokio::time::timeout(PATIENCE * 3, trying)
        .await
        .unwrap_or_else(|_| panic!("{path} had no lasting answer in time"))
}

/// The codes with which the contract says: the same request again.
pub fn may_pass(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable | Code::Aborted | Code::DeadlineExceeded | Code::ResourceExhausted
    )
}
