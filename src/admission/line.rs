//! The line before a pool as plain arithmetic: who enters, who waits at which place, who is refused. It reads no clock,
//! holds no lock and tells nobody; what it says is told by the room around it.
//!
//! What is easily got wrong: a free place while somebody waits who may have it. A place that is given back goes to the first
//! in the line whose district has room, in the same step; whoever waits beside a free place waits for its own district.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::time::Instant;

use super::service::Service;
use crate::{caller::Class, deadline::ANSWER_MARGIN, ids::District};

/// So many wait for each place before anything is estimated: the burst of an office in a slow moment is no overload, and
/// the time that the last acts took is a poor guess of the next ones'. At five milliseconds an act it is 40 ms of work.
pub(super) const ALWAYS_PER_PLACE: usize = 8;
/// So many wait for each place at most, however short they are: memory and the order stay bounded.
pub(super) const WAITING_PER_PLACE: usize = 64;

/// How many of the places one district may have. A district whose ledger somebody holds keeps every act of its own until
/// the database gives up; the places that are left are enough for the others, who need each for milliseconds.
const fn share(places: usize) -> usize {
    places - places / 3
}

/// The most work ahead of a newcomer, by class. 50 ms is where a line begins to be felt at the counter; lists are held to
/// it, and each class before them may wait twice as long, so that the last to be refused are prints and handovers.
pub(super) const fn bound(class: Class) -> Duration {
    Duration::from_millis(match class {
        Class::Prints => 400,
        Class::Leases => 200,
        Class::Registration => 100,
        Class::Lists => 50,
    })
}

/// Who asks for a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub class: Class,
    /// Whose act it is.
    pub district: District,
    /// When the answer is of no use any more. A stream has none: it holds its own client back while it waits.
    pub by: Option<Instant>,
}

/// A place in the line: by class, then by arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    class: Class,
    arrival: u64,
}

/// Why somebody gets no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Too much work is ahead.
    Full {
        /// How much.
        wait: Duration,
    },
    /// The answer would come too late.
    Late {
        /// How long it would take.
        needed: Duration,
    },
}

/// What becomes of a newcomer.
#[derive(Debug)]
pub(super) enum Asked<W> {
    /// There is a place.
    Enter,
    /// It stands in the line; the one whose place there it has taken must be told.
    Wait { turn: Turn, displaced: Option<W> },
    /// It is refused.
    Refused(Refusal),
}

/// Who is told when a place is given back.
#[derive(Debug)]
pub(super) struct Next<W> {
    /// Whose answer would come too late by now.
    pub late: Vec<W>,
    /// Who has the place.
    pub first: Option<W>,
}

struct Waiter<W> {
    district: District,
    by: Option<Instant>,
    tell: W,
}

/// The line; `W` is how a waiter is told.
pub(super) struct Line<W> {
    places: usize,
    busy: usize,
    /// Districts with a place; at most as many as there are places.
    busy_of: HashMap<District, usize>,
    waiting: BTreeMap<Turn, Waiter<W>>,
    of_class: [usize; Class::ALL.len()],
    arrivals: u64,
    service: Service,
}

impl<W> Line<W> {
    pub fn new(places: usize) -> Self {
        Self {
            places,
            busy: 0,
            busy_of: HashMap::new(),
            waiting: BTreeMap::new(),
            of_class: [0; Class::ALL.len()],
            arrivals: 0,
            service: Service::default(),
        }
    }

    /// How many of a class wait.
    pub fn waiting(&self, class: Class) -> usize {
        self.of_class[class as usize]
    }

    /// How long a newcomer of the class would wait at most: the work before it, shared by all places.
    pub fn estimate(&self, class: Class, now: Instant) -> Duration {
        if self.busy < self.places {
            return Duration::ZERO;
        }
        let ahead = self.of_class[..=class as usize].iter().sum();
        self.work(ahead, self.places, now)
    }

    /// The same for one newcomer, who does not stand behind those that wait for another district.
    fn wait(&self, ask: Ask, now: Instant) -> Duration {
        if self.is_free_for(ask.district) {
            return Duration::ZERO;
        }
        let places = if self.has_room(ask.district) {
            self.places
        } else {
            share(self.places)
        };
        self.work(self.ahead(ask), places, now)
    }

    fn work(&self, ahead: usize, places: usize, now: Instant) -> Duration {
        // One act of those under way must end as well.
        let before = u32::try_from(ahead + 1).unwrap_or(u32::MAX);
        let places = u32::try_from(places).unwrap_or(u32::MAX);
        self.service.mean(now).saturating_mul(before) / places
    }

    /// Whether a newcomer would be refused now.
    pub fn judge(&self, ask: Ask, now: Instant) -> Result<(), Refusal> {
        let wait = self.wait(ask, now);
        if let Some(by) = ask.by {
            let needed = wait + self.service.mean(now) + ANSWER_MARGIN;
            if by.saturating_duration_since(now) < needed {
                return Err(Refusal::Late { needed });
            }
            if self.is_beyond(ask, wait) {
                return Err(Refusal::Full { wait });
            }
        }
        let is_free = self.is_free_for(ask.district);
        if self.is_full() && !is_free && self.last_below(ask.class).is_none() {
            return Err(Refusal::Full { wait });
        }
        Ok(())
    }

    /// How long one would wait who waits elsewhere, if that is more than its class may wait here.
    pub fn crowded(&self, ask: Ask, now: Instant) -> Option<Duration> {
        let wait = self.wait(ask, now);
        self.is_beyond(ask, wait).then_some(wait)
    }

    fn is_beyond(&self, ask: Ask, wait: Duration) -> bool {
        let is_burst = self.ahead(ask) < self.places * ALWAYS_PER_PLACE;
        !is_burst && wait > bound(ask.class)
    }

    /// Takes a newcomer in, or refuses it.
    pub fn ask(&mut self, ask: Ask, now: Instant, tell: W) -> Asked<W> {
        if let Err(refusal) = self.judge(ask, now) {
            return Asked::Refused(refusal);
        }
        if self.is_free_for(ask.district) {
            self.take(ask.district);
            return Asked::Enter;
        }
        let displaced = if self.is_full() {
            self.last_below(ask.class).and_then(|turn| self.quit(turn))
        } else {
            None
        };
        self.arrivals += 1;
        let turn = Turn {
            class: ask.class,
            arrival: self.arrivals,
        };
        self.of_class[ask.class as usize] += 1;
        let (district, by) = (ask.district, ask.by);
        self.waiting.insert(turn, Waiter { district, by, tell });
        Asked::Wait { turn, displaced }
    }

    /// A place of a district is given back after so long, if anything was done there; it goes to the first that may have it
    /// and whose answer is still of use.
    pub fn leave(&mut self, of: District, served: Option<Duration>, now: Instant) -> Next<W> {
        if let Some(served) = served {
            self.service.note(served, now);
        }
        self.give_back(of);
        let needed = self.service.mean(now) + ANSWER_MARGIN;
        let (mut late, mut first) = (Vec::new(), None);
        while first.is_none()
            && let Some(turn) = self.first_with_room()
            && let Some(waiter) = self.remove(turn)
        {
            let too_late = waiter
                .by
                .is_some_and(|by| by.saturating_duration_since(now) < needed);
            if too_late {
                late.push(waiter.tell);
            } else {
                self.take(waiter.district);
                first = Some(waiter.tell);
            }
        }
        Next { late, first }
    }

    /// Leaves the line without a place; nothing where it was told already.
    pub fn quit(&mut self, turn: Turn) -> Option<W> {
        self.remove(turn).map(|waiter| waiter.tell)
    }

    fn remove(&mut self, turn: Turn) -> Option<Waiter<W>> {
        let waiter = self.waiting.remove(&turn)?;
        self.of_class[turn.class as usize] -= 1;
        Some(waiter)
    }

    fn has_room(&self, district: District) -> bool {
        let busy = self.busy_of.get(&district).copied().unwrap_or(0);
        busy < share(self.places)
    }

    fn is_free_for(&self, district: District) -> bool {
        self.busy < self.places && self.has_room(district)
    }

    fn take(&mut self, district: District) {
        self.busy += 1;
        *self.busy_of.entry(district).or_default() += 1;
    }

    fn give_back(&mut self, district: District) {
        self.busy -= 1;
        if let Some(busy) = self.busy_of.get_mut(&district) {
            *busy -= 1;
            if *busy == 0 {
                self.busy_of.remove(&district);
            }
        }
    }

    fn first_with_room(&self) -> Option<Turn> {
        let mut turns = self.waiting.iter();
        turns
            .find(|(_, waiter)| self.has_room(waiter.district))
            .map(|(turn, _)| *turn)
    }

    /// How many wait before a newcomer, for a place that it could have.
    fn ahead(&self, ask: Ask) -> usize {
        let has_room = self.has_room(ask.district);
        let before = self.waiting.iter();
        before
            .take_while(|(turn, _)| turn.class <= ask.class)
            .filter(|(_, waiter)| {
                waiter.district == ask.district || (has_room && self.has_room(waiter.district))
            })
            .count()
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= self.places * WAITING_PER_PLACE
    }

    /// The youngest of the least urgent, if that is less urgent than the newcomer.
    fn last_below(&self, class: Class) -> Option<Turn> {
        let (turn, _) = self.waiting.last_key_value()?;
        (turn.class > class).then_some(*turn)
    }
}

#[cfg(test)]
mod tests;
