//! The line before a pool as plain arithmetic: who enters, who waits at which place, who is refused. It reads no clock,
//! holds no lock and tells nobody; what it says is told by the room around it.
//!
//! What is easily got wrong: a free place while somebody waits. A place that is given back goes to the first in the line
//! in the same step, and only who finds nobody waiting enters past it.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::service::Service;
use crate::{caller::Class, deadline::ANSWER_MARGIN};

/// So many wait for each place before anything is estimated: the burst of an office in a slow moment is no overload, and
/// the time that the last acts took is a poor guess of the next ones'. At five milliseconds an act it is 40 ms of work.
pub(super) const ALWAYS_PER_PLACE: usize = 8;
/// So many wait for each place at most, however short they are: memory and the order stay bounded.
pub(super) const WAITING_PER_PLACE: usize = 64;

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
    by: Option<Instant>,
    tell: W,
}

/// The line; `W` is how a waiter is told.
pub(super) struct Line<W> {
    places: usize,
    busy: usize,
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

    /// How long a newcomer of the class would wait: the work before it, shared by all places.
    pub fn estimate(&self, class: Class, now: Instant) -> Duration {
        if self.busy < self.places {
            return Duration::ZERO;
        }
        // One act of those under way must end as well.
        let before = u32::try_from(self.ahead(class) + 1).unwrap_or(u32::MAX);
        let places = u32::try_from(self.places).unwrap_or(u32::MAX);
        self.service.mean(now).saturating_mul(before) / places
    }

    /// Whether a newcomer would be refused now.
    pub fn judge(&self, ask: Ask, now: Instant) -> Result<(), Refusal> {
        let wait = self.estimate(ask.class, now);
        if let Some(by) = ask.by {
            let needed = wait + self.service.mean(now) + ANSWER_MARGIN;
            if by.saturating_duration_since(now) < needed {
                return Err(Refusal::Late { needed });
            }
            let burst = self.ahead(ask.class) < self.places * ALWAYS_PER_PLACE;
            if !burst && wait > bound(ask.class) {
                return Err(Refusal::Full { wait });
            }
        }
        if self.is_full() && self.last_below(ask.class).is_none() {
            return Err(Refusal::Full { wait });
        }
        Ok(())
    }

    /// Takes a newcomer in, or refuses it.
    pub fn ask(&mut self, ask: Ask, now: Instant, tell: W) -> Asked<W> {
        if let Err(refusal) = self.judge(ask, now) {
            return Asked::Refused(refusal);
        }
        if self.busy < self.places {
            self.busy += 1;
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
        self.waiting.insert(turn, Waiter { by: ask.by, tell });
        Asked::Wait { turn, displaced }
    }

    /// A place is given back after so long, if anything was done there; it goes to the first whose answer is still of use.
    pub fn leave(&mut self, served: Option<Duration>, now: Instant) -> Next<W> {
        if let Some(served) = served {
            self.service.note(served, now);
        }
        let needed = self.service.mean(now) + ANSWER_MARGIN;
        let mut late = Vec::new();
        while let Some((turn, waiter)) = self.waiting.pop_first() {
            self.of_class[turn.class as usize] -= 1;
            let too_late = waiter
                .by
                .is_some_and(|by| by.saturating_duration_since(now) < needed);
            if !too_late {
                let first = Some(waiter.tell);
                return Next { late, first };
            }
            late.push(waiter.tell);
        }
        self.busy -= 1;
        Next { late, first: None }
    }

    /// Leaves the line without a place; nothing where it was told already.
    pub fn quit(&mut self, turn: Turn) -> Option<W> {
        let waiter = self.waiting.remove(&turn)?;
        self.of_class[turn.class as usize] -= 1;
        Some(waiter.tell)
    }

    /// Who waits before a newcomer of the class.
    fn ahead(&self, class: Class) -> usize {
        self.of_class[..=class as usize].iter().sum()
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
