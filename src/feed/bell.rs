//! The doorbell: which districts' ledgers have grown. A hint only; a lost ring costs half a second, never an event.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::ids::District;

/// Rung after a commit, answered by the tail; its copies are one bell.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    // At most one entry per district, so it is bounded by their number.
    rung: Mutex<BTreeSet<District>>,
    notify: Notify,
}

impl Bell {
    /// Says that these ledgers have grown.
    pub fn ring(&self, districts: impl IntoIterator<Item = District>) {
        self.0
            .rung
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(districts);
        self.0.notify.notify_one();
    }

    /// Waits for a ring and takes all districts rung since.
    pub async fn rung(&self) -> BTreeSet<District> {
        loop {
            let waiting = self.0.notify.notified();
            let taken =
                std::mem::take(&mut *self.0.rung.lock().unwrap_or_else(PoisonError::into_inner));
            if !taken.is_empty() {
                return taken;
            }
            waiting.await;
        }
    }
}
