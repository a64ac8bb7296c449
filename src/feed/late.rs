//! One clock for all streams: whether the last good look at the ledgers is so old that pictures may be.
//!
//! Each stream could watch the look's age by itself; eight thousand of them then wake every few seconds to find that all is
//! well. What is easily got wrong: this must not be the tail's own task. The tail may be what hangs.

use tokio::{sync::watch, time::sleep_until};

use crate::feed::Hub;

/// Tells `late` when no look has gone well for too long, and when one has again; until the hub drains.
pub(super) async fn tell(hub: Hub, late: watch::Sender<bool>) {
    let mut good = hub.watch_good();
    loop {
        let is_late = *late.borrow();
        let at = good.borrow_and_update().at;
        tokio::select! {
            () = hub.draining().cancelled() => return,
            changed = good.changed() => {
                if changed.is_err() {
                    return;
                }
                late.send_if_modified(std::mem::take);
            }
            () = sleep_until(at + hub.timing().stale_after), if !is_late => {
                late.send_replace(true);
            }
        }
    }
}
