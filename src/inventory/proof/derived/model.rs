//! A model serial by serial, on which random movements are played beside the runs: they always tell the same.
//!
//! Most of the commands fit, some do not: those must be refused by both, and change nothing.

use std::collections::BTreeMap;

use proptest::{
    collection::vec,
    prelude::{Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest},
    test_runner::Config,
};

use super::*;
use crate::inventory::{CustodyState, Location};

/// Small, so that runs meet, split and join all the time.
const SERIALS: i64 = 40;
const STATES: [CustodyState; 3] = [
    CustodyState::InStock,
    CustodyState::InTransit,
    CustodyState::Bound,
];
const STORES: [i32; 3] = [0, 3575, 3514];

fn account(index: usize) -> Account {
    Account {
        location: Location::from_number(STORES[index % 3]).expect("a location of the test"),
        state: STATES[index / 3 % 3],
    }
}

fn entry(first: i64, more: i64, from: Option<usize>, to: usize) -> Entry {
    Entry {
        location: account(to).location,
        number: 1,
        run: Run {
            first,
            last: (first + more).min(SERIALS),
        },
        from: from.map(account),
        to: account(to),
    }
}

#[derive(Debug, Clone)]
enum Command {
    Deliver(i64, i64, usize),
    /// What its first serial is with now goes elsewhere, as much of it as there is.
    Move(i64, i64, usize),
    /// The same in two halves: a split that the end of it undoes.
    Halves(i64, i64, usize),
    /// From anywhere to anywhere, fitting or not.
    Any(i64, i64, usize, usize),
}

fn command() -> impl Strategy<Value = Command> {
    let (first, more, account) = (1..=SERIALS, 0..12_i64, 0..9_usize);
    prop_oneof![
        2 => (first.clone(), more.clone(), account.clone()).prop_map(|(a, b, c)| Command::Deliver(a, b, c)),
        4 => (first.clone(), more.clone(), account.clone()).prop_map(|(a, b, c)| Command::Move(a, b, c)),
        2 => (first.clone(), more.clone(), account.clone()).prop_map(|(a, b, c)| Command::Halves(a, b, c)),
        1 => (first, more, account.clone(), account).prop_map(|(a, b, c, d)| Command::Any(a, b, c, d)),
    ]
}

#[derive(Default)]
struct Both {
    runs: Derived,
    serials: BTreeMap<i64, Account>,
}

impl Both {
    /// Plays one movement on both; whether it fitted.
    fn play(&mut self, entry: &Entry) -> bool {
        let serials = entry.run.first..=entry.run.last;
        let misfit = serials
            .clone()
            .find(|serial| self.serials.get(serial).copied() != entry.from);
        let answer = self.runs.apply(entry);
        assert_eq!(
            answer.map_err(|gap| gap.first),
            misfit.map_or(Ok(()), Err),
            "{entry:?}"
        );
        if misfit.is_none() {
            self.serials
                .extend(serials.map(|serial| (serial, entry.to)));
        }
        misfit.is_none()
    }

    /// The account of a serial, and how far it goes on from there without a break.
    fn stretch(&self, first: i64, more: i64) -> Option<(Account, i64)> {
        let account = self.serials.get(&first).copied()?;
        let same = (1..=more).take_while(|n| self.serials.get(&(first + n)) == Some(&account));
        Some((account, same.count().try_into().expect("a few")))
    }
}

fn moves(both: &Both, command: &Command) -> Vec<Entry> {
    let moved = |first: i64, more: i64, to: usize| {
        both.stretch(first, more).map(|(from, more)| Entry {
            from: Some(from),
            ..entry(first, more, None, to)
        })
    };
    match *command {
        Command::Deliver(first, more, to) => vec![entry(first, more, None, to)],
        Command::Move(first, more, to) => moved(first, more, to).into_iter().collect(),
        Command::Halves(first, more, to) => {
            let Some(whole) = moved(first, more, to) else {
                return Vec::new();
            };
            let middle = (whole.run.first + whole.run.last) / 2;
            let upper = Entry {
                run: Run {
                    first: middle + 1,
                    last: whole.run.last,
                },
                ..whole
            };
            let lower = Entry {
                run: Run {
                    first: whole.run.first,
                    last: middle,
                },
                ..whole
            };
            let parts = [upper, lower].into_iter();
            parts.filter(|part| part.run.count() > 0).collect()
        }
        Command::Any(first, more, from, to) => vec![entry(first, more, Some(from), to)],
    }
}

proptest! {
    #![proptest_config(Config { cases: 10_000, ..Config::default() })]

    #[test]
    fn runs_tell_what_every_serial_tells(commands in vec(command(), 1..30)) {
        let mut both = Both::default();
        for command in &commands {
            let before = both.serials.len();
            for entry in moves(&both, command) {
                let fitted = both.play(&entry);
                let delivered = if fitted && entry.from.is_none() { entry.run.count() } else { 0 };
                // The sum is constant but for what the maker delivers.
                let sum: i64 = both.runs.runs().map(|(run, _)| run.count()).sum();
                prop_assert_eq!(sum, i64::try_from(before).expect("a few") + delivered);
            }
            let told: BTreeMap<i64, Account> = both
                .runs
                .runs()
                .flat_map(|(run, account)| (run.first..=run.last).map(move |serial| (serial, account)))
                .collect();
            prop_assert_eq!(&told, &both.serials);
            let runs: Vec<(Run, Account)> = both.runs.runs().collect();
            prop_assert!(
                runs.windows(2).all(|pair| {
                    let [(one, held), (next, follows)] = pair else { return true };
                    one.last < next.first && (one.last + 1 < next.first || held != follows)
                }),
                "a run is not maximal: {:?}",
                runs
            );
        }
    }

    /// Whatever is taken out of a run, in whatever pieces, and put back is the run again.
    #[test]
    fn a_split_and_its_merge_leave_no_trace(
        pieces in vec((1..=SERIALS, 0..8_i64, 1..9_usize), 1..20),
    ) {
        let whole = Run { first: 1, last: SERIALS };
        let mut both = Both::default();
        prop_assert!(both.play(&entry(1, SERIALS, None, 0)));
        let unsplit = both.runs.clone();
        let mut gone = Vec::new();
        for (first, more, to) in pieces {
            let Some((from, more)) = both.stretch(first, more).filter(|(at, _)| *at == account(0)) else { continue };
            let there = Entry { from: Some(from), ..entry(first, more, None, to) };
            prop_assert!(both.play(&there));
            gone.push(there);
        }
        for there in gone {
            let back = Entry { from: Some(there.to), to: account(0), ..there };
            prop_assert!(both.play(&back));
        }
        prop_assert_eq!(&both.runs, &unsplit);
        prop_assert_eq!(both.runs.runs().collect::<Vec<_>>(), [(whole, account(0))]);
    }
}

#[test]
fn a_gap_is_the_first_part_that_is_elsewhere() {
    let mut runs = Derived::default();
    runs.put(Run { first: 1, last: 10 }, account(0));
    runs.put(Run { first: 4, last: 5 }, account(1));
    let gap = |first, last, at: Option<usize>| runs.gap(Run { first, last }, at.map(account));
    assert_eq!(gap(1, 3, Some(0)), None);
    assert_eq!(gap(1, 10, Some(0)), Some(Run { first: 4, last: 5 }));
    assert_eq!(
        gap(8, 12, Some(0)),
        Some(Run {
            first: 11,
            last: 12
        })
    );
    assert_eq!(gap(11, 12, None), None);
    assert_eq!(gap(9, 12, None), Some(Run { first: 9, last: 10 }));
    assert_eq!(
        (runs.at(4), runs.at(10), runs.at(11)),
        (Some(account(1)), Some(account(0)), None)
    );
}
