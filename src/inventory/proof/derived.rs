//! Where every serial is as the movements tell it: maximal runs of one account, kept by their first serial.
//!
//! What is easily got wrong: this shares nothing with the function that moves custody in the database, on purpose. Two
//! ways that have a mistake in common would agree about it.

use super::{Entry, Run};
use crate::{ids::Runs, inventory::Account};

/// Runs of serials and the account of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Derived(Runs<Account>);

impl Derived {
    /// Carries one movement out, or says which part of its run is not where it should come from.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Run> {
        match self.gap(entry.run, entry.from) {
            Some(gap) => Err(gap),
            None => {
                self.put(entry.run, entry.to);
                Ok(())
            }
        }
    }

    /// The first part of a run that is not in an account; where none is named, that is in any.
    pub fn gap(&self, run: Run, account: Option<Account>) -> Option<Run> {
        let mut next = run.first;
        for (there, held) in self.touching(run) {
            match account {
                None => return Some(there),
                Some(_) if there.first > next => {
                    return Some(Run {
                        first: next,
                        last: there.first - 1,
                    });
                }
                Some(account) if held != account => return Some(there),
                Some(_) => next = there.last + 1,
            }
        }
        let missing = Run {
            first: next,
            last: run.last,
        };
        (account.is_some() && missing.count() > 0).then_some(missing)
    }

    /// Puts a run into an account, wherever its serials were.
    pub fn put(&mut self, run: Run, account: Account) {
        self.0.put(run.first, run.last, account);
    }

    /// What of a run is in any account, in rising order.
    fn touching(&self, run: Run) -> impl Iterator<Item = (Run, Account)> {
        self.0.touching(run.first, run.last).map(named)
    }

    /// All runs in rising order.
    pub fn runs(&self) -> impl Iterator<Item = (Run, Account)> {
        self.0.iter().map(named)
    }

    /// Where one serial is.
    pub fn at(&self, serial: i64) -> Option<Account> {
        let mut there = self.0.touching(serial, serial);
        there.next().map(|(_, _, account)| account)
    }
}

fn named((first, last, account): (i64, i64, Account)) -> (Run, Account) {
    (Run { first, last }, account)
}

#[cfg(test)]
mod model;
