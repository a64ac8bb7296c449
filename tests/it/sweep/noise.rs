//! What no client of ours sends: random bytes, half-broken messages, messages beyond all limits. Each is answered with
//! the sender's own fault, and the server goes on.

use ektp::proto;
use prost::Message as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::time::Duration;
use tonic::Code;

use crate::support::{
    office::{Client, Office, reason, request_id},
    raw::{self, Sending},
};

use super::{field, line, methods, samples::sample, scene};

/// Bodies of each kind for each RPC.
const TRIES: usize = 12;

/// The longest random body.
const LONGEST: usize = 200;

/// A stream that has said nothing by then was opened and waits: bytes that happened to be a request.
const STREAM_OPENS: Duration = Duration::from_millis(150);

/// The largest message that the server reads.
const MESSAGE_MAX: usize = 256 * 1024;

/// A field that no message of ours has.
const UNKNOWN_FIELD: u32 = 1_000;

#[tokio::test]
async fn noise_is_the_senders_fault_and_the_server_goes_on() {
    let office = Office::open().await;
    let things = scene::set(&office).await;
    let mut rng = ChaCha8Rng::seed_from_u64(2017);
    for method in methods() {
        let path = method.path.as_str();
        let channel = line(&office, 0, path).await;
        for attempt in 0..2 * TRIES {
            let message = if attempt < TRIES {
                random(&mut rng)
            } else {
                spoiled(&mut rng, sample(path, &things, &request_id()))
            };
            let sent = (vec![message.clone()], Sending::Closed);
            let patience = if method.ends() {
                crate::support::PATIENCE
            } else {
                STREAM_OPENS
            };
            let answer = raw::within(patience, &channel, path, sent, usize::MAX).await;
            assert!(
                answer.is_some() || !method.ends(),
                "{path} does not answer {message:02x?}"
            );
            if let Some(Err(status)) = answer {
                let ours = matches!(
                    status.code(),
                    Code::Internal | Code::Unknown | Code::DataLoss | Code::Unimplemented
                );
                assert!(!ours, "{path} with {message:02x?}: {status:?}");
                assert!(
                    !reason(&status).is_empty(),
                    "{path} gives no reason: {status:?}"
                );
            }
        }
    }
    let mut terminal = office.terminal("35.75/office/1").await;
    assert!(alive(&mut terminal).await, "the server goes on");
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused_by_every_rpc() {
    let office = Office::open().await;
    let things = scene::set(&office).await;
    for method in methods() {
        let path = method.path.as_str();
        let channel = line(&office, 0, path).await;
        let mut message = sample(path, &things, &request_id());
        message.extend(field(UNKNOWN_FIELD, &vec![0; MESSAGE_MAX]));
        let status = raw::call(&channel, path, &message)
            .await
            .expect_err("it is too long");
        assert_eq!(status.code(), Code::InvalidArgument, "{path}: {status:?}");
        assert_eq!(reason(&status), "INVALID_FIELDS", "{path}");
    }
    let mut terminal = office.terminal("35.75/office/1").await;
    assert!(alive(&mut terminal).await, "the server goes on");
}

#[tokio::test]
async fn a_message_nested_without_end_is_refused() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    // A group (wire type 3) of an unknown field opens ten thousand more of its kind.
    let nested = [0xc3, 0x3e].repeat(10_000);
    let path = "/ektp.v1.Registration/RecordEnrolment";
    let status = raw::call(&terminal.channel, path, &nested)
        .await
        .expect_err("it has no end");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(alive(&mut terminal).await, "the server goes on");
}

async fn alive(terminal: &mut Client) -> bool {
    let answer = raw::call(&terminal.channel, "/grpc.health.v1.Health/Check", &[]).await;
    let stock = terminal
        .inventory
        .get_stock(proto::GetStockRequest::default())
        .await;
    // SERVING is the first value.
    answer.is_ok_and(|messages| messages[0] == [8, 1])
        && stock.is_ok_and(|stock| stock.get_ref().encoded_len() > 0)
}

fn random(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let length = rng.random_range(1..=LONGEST);
    (0..length).map(|_| rng.random()).collect()
}

/// A good message with up to four bytes turned, and sometimes its end cut off.
fn spoiled(rng: &mut ChaCha8Rng, mut message: Vec<u8>) -> Vec<u8> {
    if message.is_empty() {
        return random(rng);
    }
    for _ in 0..rng.random_range(1..=4) {
        let place = rng.random_range(0..message.len());
        message[place] ^= rng.random_range(1..=255_u8);
    }
    if rng.random_bool(0.3) {
        message.truncate(rng.random_range(1..=message.len()));
    }
    message
}
