//! Readings of the ledger that many streams want at about the same time: one of them reads, the others wait for it.
//!
//! When a server dies, all its terminals come to the others within seconds, most of a district from the very same place.
//! Shared is only what is true of a place in the ledger, whoever asks: that a token's digest stands there, what follows
//! it, the picture at the head. What is easily got wrong: a reading is of the moment in which it was made. Each stream
//! notes the ledger's history before it asks, a turn of history forgets the readings, and whatever is delivered after one
//! must follow from it by number and by digest.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{sync::OnceCell, time::Instant};
use uuid::Uuid;

use crate::{
    feed::{
        Resync, Topic, chain::Position, journal::Event, picture::Picture, resume::Place,
        token::Token,
    },
    ids::District,
    scope::Scope,
};

/// Of what a reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Subject {
    pub district: District,
    pub topic: Topic,
    /// Whoever shares it sees the same rows.
    pub scope: Scope,
}

/// Events that follow a place, or why none do.
pub(super) type Page = Result<Arc<[Arc<Event>]>, Resync>;

/// The readings of the last second.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// The picture of a topic, in a history.
    pub pictures: Shared<(Subject, Uuid), Arc<Picture>>,
    /// What became of a token: the history of now, and where its stream goes on.
    pub places: Shared<(Subject, Token), (Uuid, Result<Place, Resync>)>,
    /// The first events after a place.
    pub pages: Shared<(Subject, Position), Page>,
}

impl Shares {
    /// Lets go of what nobody may share any more.
    pub fn prune(&self, share_for: Duration) {
        self.pictures.prune(share_for);
        self.places.prune(share_for);
        self.pages.prune(share_for);
    }

    /// Lets go of a district's readings, whose history has turned.
    pub fn forget(&self, district: District) {
        self.pictures.forget(|(of, _)| of.district == district);
        self.places.forget(|(of, _)| of.district == district);
        self.pages.forget(|(of, _)| of.district == district);
    }
}

/// Readings by what they are of. There are as many as were made within the time for which they are shared.
#[derive(Debug)]
pub(super) struct Shared<K, V>(Mutex<HashMap<K, Arc<Cell<V>>>>);

/// When it was read, and what.
type Cell<V> = OnceCell<(Instant, V)>;

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Shared<K, V> {
    /// The reading of `key`, if one is under way or not older than `share_for`; else `read` makes it. A failure is the
    /// reader's own: the next in line tries for itself.
    pub async fn get<E>(
        &self,
        key: K,
        share_for: Duration,
        read: BoxFuture<'_, Result<V, E>>,
    ) -> Result<V, E> {
        let cell = {
            let mut cells = self.cells();
            let cell = cells.entry(key).or_default();
            if is_old(cell, share_for) {
                *cell = Arc::default();
            }
            Arc::clone(cell)
        };
        let reading = cell
            .get_or_try_init(|| async { Ok((Instant::now(), read.await?)) })
            .await?;
        Ok(reading.1.clone())
    }

    fn prune(&self, share_for: Duration) {
        // One that nobody holds was given up by all who waited for it.
        self.cells().retain(|_, cell| {
            !is_old(cell, share_for) && (cell.initialized() || Arc::strong_count(cell) > 1)
        });
    }

    fn forget(&self, of: impl Fn(&K) -> bool) {
        self.cells().retain(|key, _| !of(key));
    }

    fn cells(&self) -> MutexGuard<'_, HashMap<K, Arc<Cell<V>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_old<V>(cell: &Cell<V>, share_for: Duration) -> bool {
    cell.get().is_some_and(|(at, _)| at.elapsed() > share_for)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    async fn read(counted: &AtomicUsize, fail_first: bool) -> Result<usize, &'static str> {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        if fail_first && number == 0 {
            return Err("it failed");
        }
        Ok(number)
    }

    #[tokio::test]
    async fn who_comes_together_shares_one_reading_and_who_comes_late_has_a_new_one() {
        let (shared, counted) = (Shared::<u8, usize>::default(), AtomicUsize::new(0));
        let ask = |share_for| shared.get(1, share_for, Box::pin(read(&counted, false)));
        let all = join_all((0..100).map(|_| ask(LONG))).await;
        assert!(all.iter().all(|read| *read == Ok(0)), "{all:?}");
        assert_eq!(ask(LONG).await, Ok(0));
        assert_eq!(ask(Duration::ZERO).await, Ok(1));
        shared.forget(|key| *key == 1);
        assert_eq!(ask(LONG).await, Ok(2));
    }

    #[tokio::test]
    async fn a_failure_is_the_readers_own_and_the_next_one_tries() {
        let (shared, counted) = (Shared::<u8, usize>::default(), AtomicUsize::new(0));
        let ask = || shared.get(1, LONG, Box::pin(read(&counted, true)));
        let all = join_all((0..10).map(|_| ask())).await;
        assert_eq!(all[0], Err("it failed"));
        assert!(all[1..].iter().all(|read| *read == Ok(1)), "{all:?}");
    }

    #[tokio::test]
    async fn a_reading_that_nobody_waits_for_is_not_kept() {
        let (shared, counted) = (Shared::<u8, usize>::default(), AtomicUsize::new(0));
        let never = Box::pin(std::future::pending::<Result<usize, &str>>());
        let gone = tokio::time::timeout(Duration::ZERO, shared.get(1, LONG, never)).await;
        assert!(gone.is_err());
        shared.prune(LONG);
        assert!(shared.cells().is_empty());
        let one = shared.get(2, LONG, Box::pin(read(&counted, false))).await;
        assert_eq!(one, Ok(0));
        shared.prune(LONG);
        assert_eq!(shared.cells().len(), 1, "it may still be shared");
        shared.prune(Duration::ZERO);
        assert!(shared.cells().is_empty());
    }
}
