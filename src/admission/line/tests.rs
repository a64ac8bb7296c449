//! The line's arithmetic, case by case and then walked at random.

use proptest::prelude::*;

use super::*;

/// What the acts of these tests take.
const ACT: Duration = Duration::from_millis(10);

fn district(number: i32) -> District {
    District::from_number(3570 + number).expect("a district's number")
}

fn ask(class: Class, now: Instant, left_ms: u64) -> Ask {
    Ask {
        class,
        district: district(1),
        by: Some(now + Duration::from_millis(left_ms)),
    }
}

/// A line of so many places, all taken, whose acts have taken [`ACT`].
fn busy(places: usize, now: Instant) -> Line<usize> {
    let mut line = Line::new(places);
    for _ in 0..places {
        assert!(matches!(
            line.ask(ask(Class::Lists, now, 5_000), now, 0),
            Asked::Enter
        ));
    }
    for place in 0..places * 20 {
        let taken = line.ask(ask(Class::Prints, now, 60_000), now, place);
        assert!(matches!(taken, Asked::Wait { .. }));
        assert!(line.leave(district(1), Some(ACT), now).first.is_some());
    }
    line
}

/// So many of a class come; answers how many were refused.
fn come(line: &mut Line<usize>, class: Class, count: usize, now: Instant) -> usize {
    let asked = (0..count).map(|number| line.ask(ask(class, now, 60_000), now, number));
    asked
        .filter(|asked| matches!(asked, Asked::Refused(Refusal::Full { .. })))
        .count()
}

#[test]
fn a_class_is_refused_beyond_its_bound_of_work_and_the_more_urgent_later() {
    let now = Instant::now();
    let mut line = busy(1, now);
    // A burst of eight is taken whatever it is, though it is 80 ms of work.
    assert_eq!(
        come(&mut line, Class::Lists, 10, now),
        2,
        "beyond the burst"
    );
    // Who is less urgent is not ahead.
    assert_eq!(come(&mut line, Class::Registration, 12, now), 2, "100 ms");
    assert_eq!(come(&mut line, Class::Leases, 30, now), 10, "200 ms");
    assert_eq!(come(&mut line, Class::Prints, 50, now), 10, "400 ms");
    let waiting = Class::ALL.map(|class| line.waiting(class));
    assert_eq!(
        waiting,
        [40, 20, 4, 0],
        "64 wait, the least urgent had to go"
    );
}

#[test]
fn a_full_line_gives_up_its_youngest_of_the_least_urgent_for_a_more_urgent_one_alone() {
    let now = Instant::now();
    let mut line = Line::new(1);
    assert!(matches!(
        line.ask(ask(Class::Lists, now, 5_000), now, 0),
        Asked::Enter
    ));
    let stream = |class| Ask {
        class,
        district: district(1),
        by: None,
    };
    for number in 0..WAITING_PER_PLACE {
        let asked = line.ask(stream(Class::Registration), now, number);
        assert!(matches!(
            asked,
            Asked::Wait {
                displaced: None,
                ..
            }
        ));
    }
    for class in [Class::Registration, Class::Lists] {
        let asked = line.ask(stream(class), now, 0);
        assert!(
            matches!(asked, Asked::Refused(Refusal::Full { .. })),
            "{class:?}"
        );
    }
    let youngest = WAITING_PER_PLACE - 1;
    let asked = line.ask(stream(Class::Prints), now, 0);
    assert!(matches!(asked, Asked::Wait { displaced: Some(last), .. } if last == youngest));
}

#[test]
fn what_cannot_be_answered_in_time_is_not_begun() {
    let now = Instant::now();
    let mut line = busy(1, now);
    assert_eq!(come(&mut line, Class::Prints, 10, now), 0);
    // Ten and the one at work are before it: 110 ms, its own 10 ms, and the answer's margin.
    let late = line.ask(ask(Class::Prints, now, 169), now, 0);
    assert!(matches!(late, Asked::Refused(Refusal::Late { needed }) if needed == ACT * 17));
    let in_time = line.ask(ask(Class::Prints, now, 170), now, 77);
    assert!(matches!(in_time, Asked::Wait { .. }));
    // It had time enough, but the line has moved more slowly than it seemed.
    let later = now + Duration::from_millis(150);
    for _ in 0..10 {
        assert!(line.leave(district(1), None, later).late.is_empty());
    }
    let next = line.leave(district(1), None, later);
    assert_eq!((next.late, next.first), (vec![77], None));
    assert!(matches!(
        line.ask(ask(Class::Lists, later, 59), later, 0),
        Asked::Refused(_)
    ));
}

#[test]
fn a_district_that_keeps_its_places_leaves_some_to_the_others() {
    let now = Instant::now();
    let mut line = Line::new(6);
    let of = |number| Ask {
        district: district(number),
        ..ask(Class::Prints, now, 5_000)
    };
    for number in 0..20 {
        let asked = line.ask(of(1), now, number);
        assert_eq!(matches!(asked, Asked::Enter), number < 4, "a share of four");
    }
    // Twenty wait or are stuck, and nobody else stands behind them.
    for _ in 0..2 {
        assert!(matches!(line.ask(of(2), now, 100), Asked::Enter));
    }
    assert!(matches!(line.ask(of(3), now, 101), Asked::Wait { .. }));
    assert_eq!(line.leave(district(2), Some(ACT), now).first, Some(101));
    assert_eq!(
        line.leave(district(2), Some(ACT), now).first,
        None,
        "it stays free"
    );
    assert_eq!(
        line.leave(district(1), Some(ACT), now).first,
        Some(4),
        "one of its own"
    );
    assert!(matches!(line.ask(of(3), now, 102), Asked::Enter));
}

/// What can happen to a line.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Somebody of a district comes, with so many milliseconds left, or without a deadline.
    Comes(Class, i32, Option<u64>),
    /// One of those at work is done, after so many milliseconds.
    Leaves(prop::sample::Index, u64),
    /// One of those who wait goes away.
    Quits(prop::sample::Index),
    /// Time passes.
    Passes(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (prop::sample::select(&Class::ALL[..]), 1..4_i32, prop::option::of(0..3_000_u64))
            .prop_map(|(class, number, left)| Event::Comes(class, number, left)),
        3 => (any::<prop::sample::Index>(), 0..80_u64)
            .prop_map(|(which, served)| Event::Leaves(which, served)),
        1 => any::<prop::sample::Index>().prop_map(Event::Quits),
        1 => (0..200_u64).prop_map(Event::Passes),
    ]
}

/// Beside the line: who must be waiting, in the order in which they came.
struct Walk {
    line: Line<usize>,
    now: Instant,
    /// Whose act is at each place.
    busy: Vec<District>,
    waiting: BTreeMap<Turn, (District, usize)>,
    come: usize,
}

impl Walk {
    fn step(&mut self, event: Event) {
        match event {
            Event::Comes(class, number, left) => {
                let by = left.map(|left| self.now + Duration::from_millis(left));
                let district = district(number);
                self.comes(Ask {
                    class,
                    district,
                    by,
                });
            }
            Event::Leaves(which, served) if !self.busy.is_empty() => {
                let which = which.index(self.busy.len());
                self.leaves(which, Duration::from_millis(served));
            }
            Event::Quits(which) if !self.waiting.is_empty() => {
                let turn = which
                    .get(&self.waiting.keys().copied().collect::<Vec<_>>())
                    .to_owned();
                let who = self.waiting.remove(&turn).map(|(_, who)| who);
                assert_eq!(self.line.quit(turn), who);
            }
            Event::Leaves(..) | Event::Quits(_) => {}
            Event::Passes(time) => self.now += Duration::from_millis(time),
        }
        assert!(
            self.busy.len() <= self.line.places,
            "no more than there are places"
        );
        let idle = self.busy.len() < self.line.places;
        let mut waiting = self.waiting.values();
        assert!(
            !idle || waiting.all(|(district, _)| !self.has_room(*district)),
            "nobody waits beside a place that it may have"
        );
        for district in &self.busy {
            let busy = self.busy.iter().filter(|busy| *busy == district).count();
            assert!(busy <= share(self.line.places), "a share and no more");
        }
        assert!(self.waiting.len() <= self.line.places * WAITING_PER_PLACE);
        assert!(
            self.line.waiting.keys().eq(self.waiting.keys()),
            "nobody is lost"
        );
        for class in Class::ALL {
            let of_class = self.waiting.keys().filter(|turn| turn.class == class);
            assert_eq!(self.line.waiting(class), of_class.count());
        }
    }

    fn has_room(&self, district: District) -> bool {
        let busy = self.busy.iter().filter(|busy| **busy == district).count();
        busy < share(self.line.places)
    }

    fn comes(&mut self, ask: Ask) {
        self.come += 1;
        match self.line.ask(ask, self.now, self.come) {
            Asked::Enter => self.busy.push(ask.district),
            Asked::Wait { turn, displaced } => {
                if let Some(displaced) = displaced {
                    let (last, (_, who)) = self.waiting.pop_last().expect("somebody was there");
                    assert_eq!(who, displaced);
                    assert!(last.class > ask.class, "only by a more urgent one");
                }
                let who = (ask.district, self.come);
                assert_eq!(self.waiting.insert(turn, who), None);
            }
            Asked::Refused(Refusal::Late { .. }) => assert!(ask.by.is_some()),
            Asked::Refused(Refusal::Full { .. }) => {
                let is_free = self.busy.len() < self.line.places && self.has_room(ask.district);
                assert!(!is_free);
            }
        }
    }

    fn leaves(&mut self, which: usize, served: Duration) {
        let of = self.busy.swap_remove(which);
        let next = self.line.leave(of, Some(served), self.now);
        let entered = next.first;
        // In their order, past those whose district has no room: who is too late, then the one who enters.
        for told in next.late.into_iter().chain(next.first) {
            let mut waiting = self.waiting.iter();
            let first = waiting.find(|(_, (district, _))| self.has_room(*district));
            let (turn, (district, who)) = first.map(|(turn, who)| (*turn, *who)).expect("one");
            assert_eq!(who, told);
            self.waiting.remove(&turn);
            if entered == Some(told) {
                self.busy.push(district);
            }
        }
        if entered.is_none() {
            let mut waiting = self.waiting.values();
            assert!(waiting.all(|(district, _)| !self.has_room(*district)));
        }
    }
}

proptest! {
    #[test]
    fn nobody_is_lost_and_the_order_holds(
        places in 1..4_usize,
        events in prop::collection::vec(event(), 0..600),
    ) {
        let line = Line::new(places);
        let mut walk = Walk { line, now: Instant::now(), busy: Vec::new(), waiting: BTreeMap::new(), come: 0 };
        for event in events {
            walk.step(event);
        }
        while !walk.busy.is_empty() {
            walk.leaves(0, ACT);
        }
        prop_assert!(walk.waiting.is_empty(), "everybody was told something");
    }
}
