//! The watch over one connection: cuts it when nothing is called, when its certificate ends, and when its terminal is
//! revoked.
//!
//! What is easily got wrong: the cut comes a little after the end. In between nothing new may be called, and the streams
//! say why they end and hand out their last token; a client that is cut without a word would come back at once.

use std::future::pending;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{FIRST_CALL_TIMEOUT, PARTING, Turned, connection::Peer};
use crate::{access::Access, error::Error};

/// How a connection ends.
enum End {
    /// Cut by others, or left by the peer.
    Over,
    /// Nothing was called in time.
    Silent,
    /// Nothing was called yet, and the server goes away.
    Drained,
    /// The caller may no more.
    Lost(Error),
}

/// Watches until the connection is over.
pub(super) async fn over(peer: Peer, access: Access, draining: CancellationToken) {
    // Boxed, because it is over in a moment; what comes after it waits for hours, on thousands of connections.
    let unused = Box::pin(unused(&peer, &access, draining)).await;
    let end = match unused {
        Some(end) => end,
        None => used(&peer, &access).await,
    };
    match end {
        End::Over => return,
        End::Silent => Turned::Silent.count(),
        End::Drained => {}
        End::Lost(why) => {
            peer.end(why);
            tokio::select! {
                () = peer.over() => return,
                () = sleep(PARTING) => {}
            }
        }
    }
    peer.cut();
}

/// Until the first call; or the end that comes before it. HTTP/2's own shutdown waits for ever for a peer that has not said
/// a word; nobody else would end it.
async fn unused(peer: &Peer, access: &Access, draining: CancellationToken) -> Option<End> {
    tokio::select! {
        end = used(peer, access) => Some(end),
        () = peer.called() => None,
        () = sleep(FIRST_CALL_TIMEOUT) => Some(End::Silent),
        () = draining.cancelled() => Some(End::Drained),
    }
}

async fn used(peer: &Peer, access: &Access) -> End {
    tokio::select! {
        () = peer.over() => End::Over,
        why = lost(peer, access) => End::Lost(why),
    }
}

async fn lost(peer: &Peer, access: &Access) -> Error {
    match peer.caller() {
        Ok(caller) => access.standing(caller).lost().await,
        // Its calls are refused one by one, with a reason.
        Err(_) => pending().await,
    }
}
