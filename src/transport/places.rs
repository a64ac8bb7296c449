//! How many connections there are, in all and of each caller.
//!
//! What is easily got wrong: certificates are renewed, so it is the identity that is counted and not the certificate; and
//! certificates that name nobody are counted together, or each new one would be a caller of its own.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{CONNECTIONS_MAX, CONNECTIONS_PER_CALLER};
use crate::caller::Principal;

/// All connections of one server.
#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    free: Arc<Semaphore>,
    /// How many each caller has; one who has none does not stand here.
    of_callers: Mutex<HashMap<Option<Principal>, usize>>,
    cut: CancellationToken,
}

/// A connection's place, from before the handshake to its end.
pub(super) struct Room {
    connections: Connections,
    _permit: OwnedSemaphorePermit,
}

/// A connection's place among those of its caller.
pub(super) struct Place {
    room: Room,
    caller: Option<Principal>,
}

impl Connections {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner {
            free: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            of_callers: Mutex::default(),
            cut: CancellationToken::new(),
        }))
    }

    /// How many there are, handshakes included.
    pub fn count(&self) -> usize {
        CONNECTIONS_MAX - self.0.free.available_permits()
    }

    /// Cuts them all.
    pub fn cut(&self) {
        self.0.cut.cancel();
    }

    /// What cuts one of them, and all.
    pub(super) fn cutter(&self) -> CancellationToken {
        self.0.cut.child_token()
    }

    /// Room for one more, if there is.
    pub(super) fn room(&self) -> Option<Room> {
        let permit = Arc::clone(&self.0.free).try_acquire_owned().ok()?;
        Some(Room {
            connections: self.clone(),
            _permit: permit,
        })
    }

    fn of_callers(&self) -> MutexGuard<'_, HashMap<Option<Principal>, usize>> {
        let locked = self.0.of_callers.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    /// The place of a caller who is known now, if the caller may have one more.
    pub(super) fn of(self, caller: Option<Principal>) -> Option<Place> {
        {
            let mut of_callers = self.connections.of_callers();
            let count = of_callers.entry(caller.clone()).or_insert(0);
            if *count >= CONNECTIONS_PER_CALLER {
                return None;
            }
            *count += 1;
        }
        Some(Place { room: self, caller })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut of_callers = self.room.connections.of_callers();
        if let Entry::Occupied(mut count) = of_callers.entry(self.caller.take()) {
            if *count.get() > 1 {
                *count.get_mut() -= 1;
            } else {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_so_many_places_and_gets_one_back_with_each_that_ends() {
        let connections = Connections::new();
        let caller: Principal = "ektp://centre/store".parse().expect("an identity");
        let other: Principal = "ektp://centre/matcher".parse().expect("an identity");
        let place = |caller: &Principal| connections.room()?.of(Some(caller.clone()));
        let mut places: Vec<Option<Place>> = (0..=CONNECTIONS_PER_CALLER)
            .map(|_| place(&caller))
            .collect();
        assert!(places.pop().is_some_and(|last| last.is_none()));
        assert!(places.iter().all(Option::is_some));
        assert!(place(&other).is_some(), "others have their own");
        assert_eq!(connections.count(), CONNECTIONS_PER_CALLER);
        places.pop();
        assert!(place(&caller).is_some(), "one has ended");
        places.clear();
        assert_eq!(connections.count(), 0);
        assert!(connections.of_callers().is_empty(), "nobody is remembered");
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let connections = Connections::new();
        let rooms: Vec<Room> = (0..CONNECTIONS_MAX)
            .map_while(|_| connections.room())
            .collect();
        assert_eq!(rooms.len(), CONNECTIONS_MAX);
        assert!(connections.room().is_none());
        drop(rooms);
        assert!(connections.room().is_some());
    }
}
