//! One district's ledger as this server knows it: its newest events in a ring, and its head for all who wait.
//!
//! Streams are handed no events, only the number of the head; each takes from the ring what it has not delivered yet. So
//! a slow reader holds nothing and delays nobody; one that has fallen out of the ring reads from the table.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use time::OffsetDateTime;
use tokio::sync::watch;

use crate::feed::{chain::Position, journal::Event, resume::Resync};

/// Events of a ring: the largest commit twice, and a minute of the busiest office.
pub(super) const RING: usize = 1_024;

/// And for so long. Who is further behind reads from the table, which is rare; every ledger's last thousand events with
/// what was said of them would be a third of a gigabyte.
const KEPT_FOR: time::Duration = time::Duration::minutes(1);

/// What a stream takes at a time: so many events, or bytes of states. A reader that takes nothing may hold back what the
/// ring has let go of long ago, and there may be a hundred of them.
const ARMFUL: (usize, usize) = (64, 32 * 1024);

/// What streams wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// Everything up to here is committed and checked.
    pub head: i64,
    /// Counts the histories; when it changes, no position of before is good any more.
    pub history: u64,
    /// Why it changed last.
    pub why: Resync,
}

/// The ledger; only the tail writes to it.
#[derive(Debug)]
pub(super) struct Ledger {
    ring: Mutex<Ring>,
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct Ring {
    /// Consecutive; the last one is the head.
    events: VecDeque<Arc<Event>>,
    /// Absent until the first look.
    head: Option<Position>,
}

/// What comes after a position.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The first of these; none when there is nothing.
    Events(Vec<Arc<Event>>),
    /// The ring begins later.
    Behind,
}

impl Ledger {
    /// A ledger that nobody has looked at.
    pub fn new() -> Self {
        let state = State {
            head: 0,
            history: 0,
            why: Resync::Expired,
        };
        Self {
            ring: Mutex::default(),
            state: watch::Sender::new(state),
        }
    }

    /// To be told when the head moves or the history changes.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// The head as known here.
    pub fn head(&self) -> Option<Position> {
        self.ring().head.clone()
    }

    /// Lets go of what was written long before `now`, by the database's clock.
    pub fn prune(&self, now: OffsetDateTime) {
        let mut ring = self.ring();
        let old = |event: &mut Arc<Event>| event.at < now - KEPT_FOR;
        while ring.events.pop_front_if(old).is_some() {}
        // An emptied ring keeps its places, which are few bytes; a burst's are given back.
        if ring.events.is_empty() {
            ring.events.shrink_to_fit();
        }
    }

    /// The same history, from its head on: at the first look, and where the ring would not hold what lies between.
    pub fn begin_at(&self, head: Position) {
        self.change(head, |ring| {
            ring.clear();
            |_| {}
        });
    }

    /// The events that follow the head, checked.
    pub fn extend(&self, events: Vec<Arc<Event>>, head: Position) {
        self.change(head, |ring| {
            ring.extend(events);
            let over = ring.len().saturating_sub(RING);
            ring.drain(..over);
            |_| {}
        });
    }

    /// Another history, from its head on: every stream must begin anew.
    pub fn turn(&self, head: Position, why: Resync) {
        self.change(head, |ring| {
            ring.clear();
            |state| {
                state.history += 1;
                state.why = why;
            }
        });
    }

    /// Tells the state while it holds the ring, so that nobody takes events of one history for those of another, or stands
    /// at one that was not told yet: that stream would take itself for one whose ledger went back.
    fn change<Also: FnOnce(&mut State)>(
        &self,
        head: Position,
        change: impl FnOnce(&mut VecDeque<Arc<Event>>) -> Also,
    ) {
        let revision = head.revision;
        let mut ring = self.ring();
        let also = change(&mut ring.events);
        ring.head = Some(head);
        self.state.send_modify(|state| {
            state.head = revision;
            also(state);
        });
    }

    /// What comes after a revision.
    pub fn after(&self, revision: i64) -> Next {
        let ring = self.ring();
        let head = ring.head.as_ref().map_or(0, |head| head.revision);
        // Negative when the position is newer than the last look.
        let wanted = usize::try_from(head - revision).unwrap_or(0);
        match ring.events.len().checked_sub(wanted) {
            Some(known) => Next::Events(armful(ring.events.range(known..))),
            None => Next::Behind,
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As many events as a stream may hold.
pub(super) fn armful<'a>(events: impl Iterator<Item = &'a Arc<Event>>) -> Vec<Arc<Event>> {
    let (most, full) = ARMFUL;
    let mut bytes = 0;
    events
        .take(most)
        .take_while(|event| {
            let fits = bytes < full;
            bytes += event.body.len();
            fits
        })
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::feed::{
        Topic,
        chain::tests::{beginning, ledger},
    };

    fn numbers(next: &Next) -> Option<(i64, i64, usize)> {
        match next {
            Next::Events(events) => match (events.first(), events.last()) {
                (Some(first), Some(last)) => Some((first.revision, last.revision, events.len())),
                (None, _) | (_, None) => Some((0, 0, 0)),
            },
            Next::Behind => None,
        }
    }

    fn filled(events: i64) -> Ledger {
        let ours = Ledger::new();
        ours.begin_at(beginning());
        let count = usize::try_from(events).expect("a count");
        for event in ledger(&vec![&[Topic::Queue][..]; count]) {
            let head = Position::at(&event);
            ours.extend(vec![event], head);
        }
        ours
    }

    #[test]
    fn a_reader_gets_exactly_what_it_lacks() {
        let ledger = filled(10);
        assert_eq!(numbers(&ledger.after(0)), Some((1, 10, 10)));
        assert_eq!(numbers(&ledger.after(7)), Some((8, 10, 3)));
        assert_eq!(numbers(&ledger.after(10)), Some((0, 0, 0)));
        assert_eq!(
            numbers(&ledger.after(12)),
            Some((0, 0, 0)),
            "newer than the last look"
        );
    }

    #[test]
    fn the_ring_keeps_the_newest_and_tells_who_is_behind() {
        let ledger = filled(1_030);
        assert_eq!(numbers(&ledger.after(5)), None);
        assert_eq!(numbers(&ledger.after(6)), Some((7, 70, 64)));
        assert_eq!(numbers(&ledger.after(1_000)), Some((1_001, 1_030, 30)));
    }

    #[test]
    fn a_stream_takes_no_more_than_an_armful() {
        let mut events = ledger(&[&[Topic::Queue; 20]]);
        for event in &mut events {
            let mut long = (**event).clone();
            long.body = vec![0; 4_096].into();
            *event = Arc::new(long);
        }
        assert_eq!(armful(events.iter()).len(), 8, "full with eight of them");
        assert_eq!(armful(events[..3].iter()).len(), 3);
    }

    #[test]
    fn nobody_takes_an_event_before_the_head_is_told() {
        const EVENTS: usize = 20_000;
        let ours = Ledger::new();
        ours.begin_at(beginning());
        let events = ledger(&vec![&[Topic::Queue][..]; EVENTS]);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                for event in &events {
                    ours.extend(vec![Arc::clone(event)], Position::at(event));
                }
            });
            let told = ours.watch();
            let mut taken = 0;
            while taken < i64::try_from(EVENTS).expect("a count") {
                taken = match ours.after(taken) {
                    Next::Events(events) => events.last().map_or(taken, |last| last.revision),
                    // As one who reads from the table up to the head.
                    Next::Behind => told.borrow().head,
                };
                let head = told.borrow().head;
                assert!(taken <= head, "{taken} was taken, {head} was told");
            }
        });
    }

    #[test]
    fn what_is_old_is_let_go_of_and_the_head_stays() {
        let ledger = filled(100);
        let at = |seconds| datetime!(2017-04-18 08:00 UTC) + time::Duration::seconds(seconds);
        ledger.prune(at(100));
        assert_eq!(numbers(&ledger.after(38)), None);
        assert_eq!(numbers(&ledger.after(39)), Some((40, 100, 61)));
        ledger.prune(at(1_000));
        assert_eq!(numbers(&ledger.after(99)), None);
        assert_eq!(numbers(&ledger.after(100)), Some((0, 0, 0)));
        assert_eq!(ledger.head().map(|head| head.revision), Some(100));
    }

    #[test]
    fn a_ledger_that_begins_late_has_nothing_of_before() {
        let ledger = Ledger::new();
        assert_eq!(numbers(&ledger.after(0)), Some((0, 0, 0)));
        let mut head = beginning();
        head.revision = 40;
        ledger.begin_at(head);
        assert_eq!(numbers(&ledger.after(39)), None);
        assert_eq!(numbers(&ledger.after(40)), Some((0, 0, 0)));
        assert_eq!(ledger.watch().borrow().head, 40);
    }

    #[test]
    fn a_turn_of_history_is_told_to_all() {
        let ledger = filled(3);
        let mut told = ledger.watch();
        ledger.turn(beginning(), Resync::Ahead);
        let state = *told.borrow_and_update();
        assert_eq!(
            (state.head, state.history, state.why),
            (0, 1, Resync::Ahead)
        );
    }
}
