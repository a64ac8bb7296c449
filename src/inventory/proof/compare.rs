//! What stands in the tables, held against what the movements give.
//!
//! What is easily got wrong: nothing here may take a serial at a time. A forged run can be ten million million long.

use std::iter::Peekable;

use super::{Derived, Kind, Report, Run, name, place, replay::Replayed};
use crate::inventory::{
    Account, CustodyState, Location,
    store::proof::{Card, Delivered, Row},
};

mod papers;

pub use papers::Papers;

/// A card that a newer one replaced.
const ENDED: &str = "ENDED";

/// Walks along custody's rows and the derived runs at once.
pub struct Custody<I: Iterator<Item = (Run, Account)>> {
    derived: Peekable<I>,
    /// What is left of the derived run under way.
    open: Option<(Run, Account)>,
    before: Option<(Run, Account)>,
}

impl<I: Iterator<Item = (Run, Account)>> Custody<I> {
    /// At the beginning.
    pub fn begin(derived: I) -> Self {
        Self {
            derived: derived.peekable(),
            open: None,
            before: None,
        }
    }

    /// The next row, in rising order.
    pub fn row(&mut self, row: &Row, report: &mut Report) {
        let mut run = row.run;
        if let Some((before, account)) = self.before {
            if before.last >= run.first {
                let twice = Run {
                    first: run.first,
                    last: run.last.min(before.last),
                };
                let words = "custody has them twice";
                report.add(
                    Kind::CustodyDiffers,
                    row.account.location,
                    Some(twice),
                    words,
                );
                run.first = before.last + 1;
            } else if before.last + 1 == run.first && account == row.account {
                let words = format!("two rows of {} that should be one", place(account));
                report.add(Kind::NotMerged, account.location, Some(run), words);
            }
        }
        while run.first <= run.last {
            let part = self.part(run, row.account, report);
            run.first = part + 1;
        }
        let last = self
            .before
            .map_or(run.last, |(before, _)| run.last.max(before.last));
        self.before = Some((Run { last, ..row.run }, row.account));
    }

    /// Compares the beginning of a run as far as one derived run reaches; answers where that ends.
    fn part(&mut self, run: Run, account: Account, report: &mut Report) -> i64 {
        self.missing_below(run.first, report);
        let at = account.location;
        let alone = |last: i64, report: &mut Report| {
            let part = Run {
                first: run.first,
                last,
            };
            let words = format!("custody has them {}, the movements nowhere", place(account));
            report.add(Kind::CustodyDiffers, at, Some(part), words);
            last
        };
        match self.next() {
            None => alone(run.last, report),
            Some((there, _)) if there.first > run.first => {
                alone(run.last.min(there.first - 1), report)
            }
            Some((there, derived)) => {
                let last = run.last.min(there.last);
                if derived != account {
                    let part = Run {
                        first: run.first,
                        last,
                    };
                    let words = format!(
                        "custody has them {}, the movements {}",
                        place(account),
                        place(derived)
                    );
                    report.add(Kind::CustodyDiffers, at, Some(part), words);
                }
                self.open = (last < there.last).then_some((
                    Run {
                        first: last + 1,
                        last: there.last,
                    },
                    derived,
                ));
                last
            }
        }
    }

    fn next(&mut self) -> Option<(Run, Account)> {
        if self.open.is_none() {
            self.open = self.derived.next();
        }
        self.open
    }

    /// Derived runs below a serial that no row has.
    fn missing_below(&mut self, serial: i64, report: &mut Report) {
        while let Some((there, account)) = self.next().filter(|(there, _)| there.first < serial) {
            let part = Run {
                first: there.first,
                last: there.last.min(serial - 1),
            };
            let words = format!(
                "the movements have them {}, custody nowhere",
                place(account)
            );
            report.add(Kind::CustodyDiffers, account.location, Some(part), words);
            self.open = (part.last < there.last).then_some((
                Run {
                    first: part.last + 1,
                    last: there.last,
                },
                account,
            ));
        }
    }

    /// After the last row.
    pub fn finish(mut self, report: &mut Report) {
        self.missing_below(i64::MAX, report);
    }
}

/// Walks along the cards and the derived runs of what is a card.
pub struct Cards<'a> {
    derived: &'a Derived,
    /// Derived runs of which every serial must have a card.
    wanted: Vec<(Run, Account)>,
    /// How many of them are done.
    done: usize,
}

impl<'a> Cards<'a> {
    /// At the beginning.
    pub fn begin(derived: &'a Derived) -> Self {
        use CustodyState::{AtSite, Bound, HandedOver};
        let of_cards = |account: Account| [Bound, AtSite, HandedOver].contains(&account.state);
        Self {
            derived,
            wanted: derived.runs().filter(|(_, at)| of_cards(*at)).collect(),
            done: 0,
        }
    }

    /// The next card, in rising order.
    pub fn card(&mut self, card: &Card, report: &mut Report) {
        report.cards += 1;
        self.missing_below(card.serial, report);
        if let Some((run, _)) = self.wanted.get_mut(self.done)
            && run.first == card.serial
        {
            run.first += 1;
            self.done += usize::from(run.count() == 0);
        }
        let derived = self.derived.at(card.serial);
        if !agrees(&card.state, derived.map(|account| account.state)) {
            let run = Run {
                first: card.serial,
                last: card.serial,
            };
            let there = derived.map_or_else(|| "nowhere".to_owned(), place);
            let at = derived.map_or(Location::CENTRE, |account| account.location);
            let words = format!(
                "the card is {}, and by the movements it is {there}",
                card.state
            );
            report.add(Kind::CardDiffers, at, Some(run), words);
        }
    }

    fn missing_below(&mut self, serial: i64, report: &mut Report) {
        while let Some((run, account)) = self.wanted.get_mut(self.done)
            && run.first < serial
        {
            let part = Run {
                first: run.first,
                last: run.last.min(serial - 1),
            };
            let words = format!(
                "the movements have them {}, and there is no card",
                place(*account)
            );
            report.add(Kind::CardMissing, account.location, Some(part), words);
            run.first = part.last + 1;
            self.done += usize::from(run.count() == 0);
        }
    }

    /// After the last card.
    pub fn finish(mut self, report: &mut Report) {
        self.missing_below(i64::MAX, report);
    }
}

/// While a card lives, it repeats its blank's state. One that was replaced is with its old holder, and what becomes of
/// dead plastic afterwards is custody's alone to say.
fn agrees(card: &str, blank: Option<CustodyState>) -> bool {
    use CustodyState::{AtSite, Bound, HandedOver, InStock, InTransit};
    match blank {
        None | Some(InStock | InTransit) => false,
        Some(blank @ (Bound | AtSite)) => card == name(blank),
        Some(HandedOver) => [name(HandedOver), ENDED].contains(&card),
        Some(_) => ![name(Bound), name(AtSite)].contains(&card),
    }
}

/// Each delivery is the sum of its movements: those from its first one to before the next one's.
pub fn deliveries(rows: &[Delivered], replayed: &Replayed, report: &mut Report) {
    report.deliveries = rows.len() as u64;
    let mut left = replayed.delivered.clone();
    for (index, row) in rows.iter().enumerate() {
        let next = rows
            .get(index + 1)
            .filter(|next| next.location == row.location);
        let end = next.map_or(i64::MAX, |next| next.movement);
        let own = (row.location, row.movement)..(row.location, end);
        let keys: Vec<(Location, i64)> = left.range(own).map(|(key, _)| *key).collect();
        let brought: i64 = keys
            .iter()
            .filter_map(|key| left.remove(key))
            .map(Run::count)
            .sum();
        if brought != row.quantity {
            let words = format!(
                "the delivery of movement {} was {}, its movements brought {brought}",
                row.movement, row.quantity
            );
            report.add(Kind::DeliveryDiffers, row.location, None, words);
        }
    }
    for ((location, number), run) in left {
        let words = format!("movement {number} brought them, and no delivery has it");
        report.add(Kind::DeliveryDiffers, location, Some(run), words);
    }
}

#[cfg(test)]
mod tests;
