//! What papers list, held against the serials that the movements have in one state: shipments under way, open cases, records
//! of destruction.
//!
//! What is easily got wrong: both ways count. A paper without serials is a lie, and serials without a paper are lost.

use crate::inventory::{
    Account, CustodyState,
    proof::{Derived, Kind, Report, name},
    store::papers::Paper,
};

/// Papers of one kind, one after the other in any order.
pub struct Papers<'a> {
    derived: &'a Derived,
    state: CustodyState,
    kind: Kind,
    word: &'static str,
    listed: Derived,
}

impl<'a> Papers<'a> {
    /// Those that account for a state's serials.
    pub fn begin(
        derived: &'a Derived,
        state: CustodyState,
        (kind, word): (Kind, &'static str),
    ) -> Self {
        Self {
            derived,
            state,
            kind,
            word,
            listed: Derived::default(),
        }
    }

    /// The next one.
    pub fn paper(&mut self, paper: &Paper, report: &mut Report) {
        let (id, at) = (paper.id, paper.location);
        let account = Account {
            location: at,
            state: self.state,
        };
        let (word, state) = (self.word, name(self.state));
        if paper.says != paper.lists {
            let words = format!("{word} {id} says {} and lists {}", paper.says, paper.lists);
            report.add(self.kind, at, None, words);
        }
        for run in &paper.runs {
            if let Some(gap) = self.derived.gap(*run, Some(account)) {
                let words = format!("{word} {id} has them {state}, and the movements have not");
                report.add(self.kind, at, Some(gap), words);
            }
            if let Some(twice) = self.listed.gap(*run, None) {
                let words = format!("{word} {id} has them {state}, and so has another one");
                report.add(self.kind, at, Some(twice), words);
            }
            self.listed.put(*run, account);
        }
    }

    /// After the last one.
    pub fn finish(self, report: &mut Report) {
        let (word, state) = (self.word, name(self.state));
        let held = self.derived.runs();
        for (run, account) in held.filter(|(_, account)| account.state == self.state) {
            if let Some(gap) = self.listed.gap(run, Some(account)) {
                let words = format!("the movements have them {state}, and no {word} has");
                report.add(self.kind, account.location, Some(gap), words);
            }
        }
    }
}
