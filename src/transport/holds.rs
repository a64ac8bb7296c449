//! Addresses that broke the rules a moment ago begin their next handshakes one after the other.
//!
//! A handshake is the dearest thing that a stranger can ask for, and whoever is cut for a breach of HTTP/2 asks for the next
//! one at once. Who that is, is known when the handshake is paid; so it is the address that waits, for one second after its
//! last breach. A district whose terminals all come back after a broken line has broken no rule and waits for nothing.
//! What is easily got wrong: those who wait take places themselves; so few may wait, and not long.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher as _,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Turned;

/// An address is held so long after its last breach; and so long may a socket wait for its turn, or it is closed.
const HELD_FOR: Duration = Duration::from_secs(1);
/// Between two handshakes of an address that is held: 50 a second are more than an office has machines, and an eighth of what
/// four hostile connections make unhindered.
const EVERY: Duration = Duration::from_millis(20);
/// Addresses are remembered in so many places, whatever their number; two that meet in one are held together.
const PLACES: usize = 1_024;

/// All addresses, as far as they are remembered.
#[derive(Clone)]
pub(super) struct Holds(Arc<Inner>);

struct Inner {
    /// Which place is whose differs from server to server, so nobody can look for a neighbour to be held with.
    hasher: RandomState,
    places: Vec<Mutex<Place>>,
}

#[derive(Clone, Copy)]
struct Place {
    /// Until when its addresses are held.
    until: Instant,
    /// When the next handshake may begin while they are.
    next: Instant,
}

/// Where the connections of one address begin.
#[derive(Clone)]
pub(super) struct Doorstep {
    holds: Holds,
    place: usize,
}

impl Holds {
    pub fn new() -> Self {
        let now = Instant::now();
        let free = || {
            Mutex::new(Place {
                until: now,
                next: now,
            })
        };
        Self(Arc::new(Inner {
            hasher: RandomState::new(),
            places: std::iter::repeat_with(free).take(PLACES).collect(),
        }))
    }

    pub fn doorstep(&self, of: IpAddr) -> Doorstep {
        let hash = self.0.hasher.hash_one(of);
        let places = self.0.places.len() as u64;
        Doorstep {
            holds: self.clone(),
            place: usize::try_from(hash % places).unwrap_or_default(),
        }
    }
}

impl Doorstep {
    /// Notes a breach.
    pub fn hold(&self, now: Instant) {
        self.place().until = now + HELD_FOR;
    }

    /// When the next handshake may begin, which takes that turn; nothing where too many wait already.
    pub fn turn(&self, now: Instant) -> Option<Instant> {
        let mut place = self.place();
        if place.until <= now {
            return Some(now);
        }
        let turn = place.next.max(now);
        if turn - now > HELD_FOR {
            return None;
        }
        place.next = turn + EVERY;
        Some(turn)
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        let locked = self.holds.0.places[self.place].lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }
}

/// What HTTP/2 says of a connection's manners: it sends a GOAWAY when it drains, and when the peer broke its rules.
pub(super) struct Breaches {
    doorstep: Doorstep,
    draining: CancellationToken,
}

impl Breaches {
    pub fn new(doorstep: Doorstep, draining: CancellationToken) -> Self {
        Self { doorstep, draining }
    }

    /// Notes a GOAWAY that is sent; whether it says that the peer broke the rules.
    pub fn note(&self) -> bool {
        let is_breach = !self.draining.is_cancelled();
        if is_breach {
            Turned::Unruly.count();
            self.doorstep.hold(Instant::now());
        }
        is_breach
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_held_for_a_second_after_its_last_breach_and_no_other_is() {
        let holds = Holds::new();
        let now = Instant::now();
        let after = |millis| now + Duration::from_millis(millis);
        let (held, other) = (holds.0.places.len() - 1, 0);
        let [held, other] = [held, other].map(|place| Doorstep {
            holds: holds.clone(),
            place,
        });
        assert_eq!([held.turn(now), held.turn(now)], [Some(now); 2]);
        held.hold(now);
        assert_eq!(held.turn(now), Some(now));
        assert_eq!(held.turn(now), Some(after(20)));
        assert_eq!(held.turn(after(100)), Some(after(100)), "nothing is owed");
        assert_eq!(held.turn(after(100)), Some(after(120)));
        assert_eq!([other.turn(now), other.turn(now)], [Some(now); 2]);
        held.hold(after(500));
        assert_eq!(held.turn(after(1_499)), Some(after(1_499)));
        assert_eq!(held.turn(after(1_499)), Some(after(1_519)));
        assert_eq!(
            [(); 2].map(|()| held.turn(after(1_500))),
            [Some(after(1_500)); 2]
        );
    }

    #[test]
    fn of_an_address_that_is_held_fifty_wait_and_no_more() {
        let holds = Holds::new();
        let now = Instant::now();
        let doorstep = holds.doorstep("10.35.75.1".parse().expect("an address"));
        doorstep.hold(now);
        let turns = (0..1_000).map_while(|_| doorstep.turn(now));
        assert_eq!(turns.count(), 51, "one goes on at once");
        let a_turn_later = now + EVERY;
        assert!(doorstep.turn(a_turn_later).is_some());
        assert!(doorstep.turn(a_turn_later).is_none());
    }

    #[test]
    fn an_address_has_one_place_and_two_have_rarely_the_same() {
        let holds = Holds::new();
        let place = |last: u8| holds.doorstep(IpAddr::from([10, 35, 75, last])).place;
        let places: std::collections::HashSet<usize> = (0..100).map(place).collect();
        assert_eq!(place(7), place(7));
        assert!(places.len() > 50, "{places:?}");
    }
}
