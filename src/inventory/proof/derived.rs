//! Where every serial is as the movements tell it: maximal runs of one account, kept by their first serial.
//!
//! What is easily got wrong: this shares nothing with the function that moves custody in the database, on purpose. Two
//! ways that have a mistake in common would agree about it.

use std::collections::BTreeMap;

use super::{Entry, Run};
use crate::inventory::Account;

/// Runs of serials and the account of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Derived(BTreeMap<i64, Held>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    last: i64,
    account: Account,
}

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
        let mut whole = run;
        let touched: Vec<(Run, Account)> = self.touching(run).collect();
        if let Some((first, held)) = self.0.range(..=run.first).next_back().map(copied)
            && held.last >= run.first
            && first < run.first
        {
            self.keep(first, run.first - 1, held.account);
            self.keep(run.first, held.last, held.account);
        }
        for (there, _) in touched {
            if let Some(held) = self.0.remove(&there.first)
                && held.last > run.last
            {
                self.keep(run.last + 1, held.last, held.account);
            }
        }
        // Neighbours of the same account become one run with it.
        if let Some((first, held)) = self.0.range(..run.first).next_back().map(copied)
            && held.last + 1 == run.first
            && held.account == account
        {
            whole.first = first;
        }
        if let Some(held) = self.0.get(&(run.last + 1)).copied()
            && held.account == account
        {
            self.0.remove(&(run.last + 1));
            whole.last = held.last;
        }
        self.keep(whole.first, whole.last, account);
    }

    fn keep(&mut self, first: i64, last: i64, account: Account) {
        self.0.insert(first, Held { last, account });
    }

    /// What of a run is in any account, in rising order.
    fn touching(&self, run: Run) -> impl Iterator<Item = (Run, Account)> {
        let before = self.0.range(..run.first).next_back();
        let before = before.filter(move |(_, held)| held.last >= run.first);
        let inside = self.0.range(run.first..=run.last);
        before.into_iter().chain(inside).map(move |(first, held)| {
            let part = Run {
                first: run.first.max(*first),
                last: run.last.min(held.last),
            };
            (part, held.account)
        })
    }

    /// All runs in rising order.
    pub fn runs(&self) -> impl Iterator<Item = (Run, Account)> {
        self.0.iter().map(|(first, held)| {
            let run = Run {
                first: *first,
                last: held.last,
            };
            (run, held.account)
        })
    }

    /// Where one serial is.
    pub fn at(&self, serial: i64) -> Option<Account> {
        let (_, held) = self.0.range(..=serial).next_back()?;
        (held.last >= serial).then_some(held.account)
    }
}

fn copied((first, held): (&i64, &Held)) -> (i64, Held) {
    (*first, *held)
}

#[cfg(test)]
mod model;
