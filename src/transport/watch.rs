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

/// Why a connection is ended by us.
enum End {
    /// Nothing was called in time.
    Silent,
    /// Nothing was called yet, and the server goes away.
    Drained,
    /// The caller may no more.
    Lost(Error),
}

/// Watches until the connection is over.
pub(super) async fn over(peer: Peer, access: Access, draining: CancellationToken) {
    let end = tokio::select! {
        () = peer.over() => return,
        end = unused(&peer, &draining) => end,
        why = lost(&peer, &access) => End::Lost(why),
    };
    match end {
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

/// HTTP/2's own shutdown waits for ever for a peer that has not said a word; nobody else would end it.
async fn unused(peer: &Peer, draining: &CancellationToken) -> End {
    tokio::select! {
        () = peer.called() => pending().await,
        () = sleep(FIRST_CALL_TIMEOUT) => End::Silent,
        () = draining.cancelled() => End::Drained,
    }
}

async fn lost(peer: &Peer, access: &Access) -> Error {
    match peer.caller() {
        Ok(caller) => access.standing(caller).lost().await,
        // Its calls are refused one by one, with a reason.
        Err(_) => pending().await,
    }
}
