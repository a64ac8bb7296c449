//! Whether each movement is what it calls itself, and each correction the way back of what it names.
//!
//! What is easily got wrong: this repeats no rule of `decide`, on purpose. It is the list of all that may ever be found in the
//! ledger; a rule that lets something else through is found here.

use std::collections::BTreeMap;

use super::{Entry, Kind, Report, Written, place};
use crate::inventory::{
    Account,
    CustodyState::{
        self, AtSite, Bound, Destroyed, Disputed, HandedOver, InStock, InTransit, Lost, Returned,
        Spoiled,
    },
    Location, MovementKind, MovementName,
};

/// Whether serials change their location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes {
    Stays,
    Away,
    Either,
}

/// Every move between two accounts, by what it calls itself. Deliveries come from nowhere, corrections from what they name.
const MOVES: [(MovementKind, CustodyState, CustodyState, Goes); 20] = [
    (MovementKind::Dispatched, InStock, InTransit, Goes::Away),
    (MovementKind::Cancelled, InTransit, InStock, Goes::Away),
    (MovementKind::Received, InTransit, InStock, Goes::Stays),
    (MovementKind::Disputed, InTransit, Disputed, Goes::Stays),
    // In the boxes, and by the books still at the sender.
    (MovementKind::Disputed, InStock, Disputed, Goes::Either),
    (MovementKind::Disputed, Spoiled, Disputed, Goes::Stays),
    (MovementKind::Disputed, Returned, Disputed, Goes::Stays),
    // Here, or never sent.
    (MovementKind::Settled, Disputed, InStock, Goes::Either),
    (MovementKind::Settled, Disputed, Spoiled, Goes::Stays),
    (MovementKind::Settled, Disputed, Returned, Goes::Stays),
    (MovementKind::Bound, InStock, Bound, Goes::Stays),
    (MovementKind::Printed, Bound, AtSite, Goes::Stays),
    (MovementKind::Spoiled, Bound, Spoiled, Goes::Stays),
    (MovementKind::Spoiled, InStock, Spoiled, Goes::Stays),
    (MovementKind::HandedOver, AtSite, HandedOver, Goes::Stays),
    (MovementKind::Returned, HandedOver, Returned, Goes::Stays),
    (MovementKind::Lost, Disputed, Lost, Goes::Stays),
    (MovementKind::Found, Lost, Disputed, Goes::Stays),
    (MovementKind::Destroyed, Spoiled, Destroyed, Goes::Stays),
    (MovementKind::Destroyed, Returned, Destroyed, Goes::Stays),
];

/// What all movements say of themselves, one after the other in any order.
#[derive(Debug, Default)]
pub struct Conduct {
    /// What the store did by itself, and may take back.
    reversible: BTreeMap<(Location, i64), Entry>,
    corrections: Vec<Written>,
}

impl Conduct {
    /// The next movement.
    pub fn take(&mut self, written: &Written, report: &mut Report) {
        let entry = written.entry;
        if written.kind == MovementKind::Reversed {
            self.corrections.push(*written);
            return;
        }
        if [MovementKind::Spoiled, MovementKind::Returned].contains(&written.kind) {
            self.reversible
                .insert((entry.location, entry.number), entry);
        }
        if !fits(written.kind, entry.from, entry.to) {
            let from = entry.from.map_or_else(|| "the maker".to_owned(), place);
            let words = format!(
                "movement {} calls itself {}, and goes from {from} to {}",
                entry.number,
                kind_name(written.kind),
                place(entry.to)
            );
            report.add(Kind::KindDiffers, entry.location, Some(entry.run), words);
        }
    }

    /// After the last one.
    pub fn finish(self, report: &mut Report) {
        for written in &self.corrections {
            let entry = written.entry;
            let named = written.reverses.map(|name| (name.location, name.number));
            let named = named.and_then(|name| self.reversible.get(&name));
            if !named.is_some_and(|named| is_way_back(&entry, named)) {
                let name = written.reverses.as_ref().map(MovementName::to_string);
                let words = format!(
                    "movement {} takes back {}, and is not its way back",
                    entry.number,
                    name.as_deref().unwrap_or("nothing")
                );
                report.add(
                    Kind::ReversalDiffers,
                    entry.location,
                    Some(entry.run),
                    words,
                );
            }
        }
    }
}

fn fits(kind: MovementKind, from: Option<Account>, to: Account) -> bool {
    let Some(from) = from else {
        return kind == MovementKind::Delivered && to.state == InStock;
    };
    let goes = if from.location == to.location {
        Goes::Stays
    } else {
        Goes::Away
    };
    MOVES.iter().any(|(of, before, after, by)| {
        (*of, *before, *after) == (kind, from.state, to.state) && [goes, Goes::Either].contains(by)
    })
}

fn is_way_back(entry: &Entry, named: &Entry) -> bool {
    entry.run == named.run
        && entry.from == Some(named.to)
        && Some(entry.to) == named.from
        && (entry.location != named.location || entry.number > named.number)
}

fn kind_name(kind: MovementKind) -> &'static str {
    let name = crate::inventory::wire::movement_kind(kind).as_str_name();
    name.trim_start_matches("MOVEMENT_KIND_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::proof::Run;

    fn account(location: &str, state: CustodyState) -> Account {
        Account {
            location: location.parse().expect("a location of the test"),
            state,
        }
    }

    fn written(number: i64, kind: MovementKind, (from, to): (Account, Account)) -> Written {
        let run = Run { first: 1, last: 9 };
        Written {
            entry: Entry {
                location: from.location,
                number,
                run,
                from: Some(from),
                to,
            },
            kind,
            reverses: None,
        }
    }

    fn told(movements: &[Written]) -> Vec<String> {
        let (mut conduct, mut report) = (Conduct::default(), Report::default());
        for movement in movements {
            conduct.take(movement, &mut report);
        }
        conduct.finish(&mut report);
        report.findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_movement_is_what_it_calls_itself() {
        let (stock, bound) = (account("35.75", InStock), account("35.75", Bound));
        let printed = account("35.75", AtSite);
        assert_eq!(
            told(&[written(1, MovementKind::Bound, (stock, bound))]),
            [""; 0]
        );
        assert_eq!(
            told(&[
                written(1, MovementKind::Spoiled, (stock, bound)),
                written(2, MovementKind::Printed, (stock, printed)),
                written(
                    3,
                    MovementKind::Received,
                    (account("35.14", InTransit), stock)
                ),
            ]),
            [
                "KIND_DIFFERS 35.75 serials 1 to 9: movement 1 calls itself SPOILED, and goes from IN_STOCK at 35.75 to \
                 BOUND at 35.75",
                "KIND_DIFFERS 35.75 serials 1 to 9: movement 2 calls itself PRINTED, and goes from IN_STOCK at 35.75 to \
                 AT_SITE at 35.75",
                "KIND_DIFFERS 35.14 serials 1 to 9: movement 3 calls itself RECEIVED, and goes from IN_TRANSIT at 35.14 to \
                 IN_STOCK at 35.75",
            ]
        );
    }

    #[test]
    fn a_correction_is_the_way_back_of_what_it_names() {
        let (stock, spoiled) = (account("35.75", InStock), account("35.75", Spoiled));
        let mistake = written(4, MovementKind::Spoiled, (stock, spoiled));
        let name = MovementName {
            location: mistake.entry.location,
            number: 4,
        };
        let back = Written {
            reverses: Some(name),
            ..written(5, MovementKind::Reversed, (spoiled, stock))
        };
        // In whatever order they are read.
        assert_eq!(told(&[back, mistake]), [""; 0]);
        let of_another = Written {
            reverses: Some(MovementName { number: 3, ..name }),
            ..back
        };
        let mut of_less = back;
        of_less.entry.run.last = 8;
        assert_eq!(
            told(&[mistake, of_another, of_less]),
            [
                "REVERSAL_DIFFERS 35.75 serials 1 to 9: movement 5 takes back 35.75#3, and is not its way back",
                "REVERSAL_DIFFERS 35.75 serials 1 to 8: movement 5 takes back 35.75#4, and is not its way back",
            ]
        );
    }
}
