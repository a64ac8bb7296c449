//! The movements once more, each location's in the order of its numbers, up to now or up to a certificate's vector.
//!
//! What is easily got wrong: no clock is believed. Only the giver's location takes serials out of its accounts, so a
//! movement whose serials are there may be carried out at once and one whose serials are not waits for those of other
//! locations; whatever the order of reading, the end is the same. What still waits when all were read is a finding.

use std::collections::BTreeMap;

use super::{Area, Derived, Entry, Kind, Report, Run, place};
use crate::inventory::Location;

/// How far a certificate looked: up to which number of which locations.
#[derive(Debug, Clone)]
pub struct Cut {
    /// Of each location that the certificate names.
    pub numbers: BTreeMap<Location, i64>,
    /// What it is about.
    pub area: Area,
}

impl Cut {
    /// Whether a movement had happened. A location that is not named had given nothing into the area, and what it did
    /// among others changes nothing there.
    fn had(&self, entry: &Entry) -> bool {
        match self.numbers.get(&entry.location) {
            Some(last) => entry.number <= *last,
            None => !self.area.covers(entry.location) && !self.area.covers(entry.to.location),
        }
    }
}

/// A movement that waits, with the place at which it was read.
type Waiting = BTreeMap<i64, (u64, Entry)>;

/// A replay under way.
#[derive(Debug, Default)]
pub struct Replay {
    derived: Derived,
    /// The last number of each location that was carried out.
    heads: BTreeMap<Location, i64>,
    waiting: BTreeMap<Location, Waiting>,
    /// What came in from the maker, by location and number.
    delivered: BTreeMap<(Location, i64), Run>,
    read: u64,
    cut: Option<Cut>,
}

impl Replay {
    /// Of all movements, or of those that a certificate covers.
    pub fn new(cut: Option<Cut>) -> Self {
        Self {
            cut,
            ..Self::default()
        }
    }

    /// Takes the next movement that was read.
    pub fn take(&mut self, entry: Entry) {
        if self.cut.as_ref().is_some_and(|cut| !cut.had(&entry)) {
            return;
        }
        self.read += 1;
        if entry.from.is_none() {
            self.delivered
                .insert((entry.location, entry.number), entry.run);
        }
        let queue = self.waiting.entry(entry.location).or_default();
        queue.insert(entry.number, (self.read, entry));
        self.go_on(entry.location);
    }

    /// Carries out what can be, from one location on.
    fn go_on(&mut self, location: Location) {
        let mut ready = vec![location];
        while let Some(location) = ready.pop() {
            while let Some((number, entry)) = self.next_of(location) {
                if self.head(location) + 1 != number || self.derived.apply(&entry).is_err() {
                    break;
                }
                self.done(&entry);
                if entry.to.location != location {
                    ready.push(entry.to.location);
                }
            }
        }
    }

    fn next_of(&self, location: Location) -> Option<(i64, Entry)> {
        let queue = self.waiting.get(&location)?;
        let (number, (_, entry)) = queue.first_key_value()?;
        Some((*number, *entry))
    }

    fn head(&self, location: Location) -> i64 {
        self.heads.get(&location).copied().unwrap_or(0)
    }

    fn done(&mut self, entry: &Entry) {
        self.heads.insert(entry.location, entry.number);
        if let Some(queue) = self.waiting.get_mut(&entry.location) {
            queue.remove(&entry.number);
            if queue.is_empty() {
                self.waiting.remove(&entry.location);
            }
        }
    }

    /// All was read: what still waits is told, carried out all the same, and so does not hide what comes after it.
    pub fn finish(mut self, report: &mut Report) -> Replayed {
        while let Some(entry) = self.stuck() {
            let head = self.head(entry.location);
            if head + 1 != entry.number {
                let words = format!("numbers {} to {} are not there", head + 1, entry.number - 1);
                report.add(Kind::NumberMissing, entry.location, None, words);
                self.heads.insert(entry.location, entry.number - 1);
            } else {
                self.tell_gap(&entry, report);
                self.derived.put(entry.run, entry.to);
                self.done(&entry);
                self.go_on(entry.to.location);
            }
            self.go_on(entry.location);
        }
        Replayed {
            derived: self.derived,
            heads: self.heads,
            delivered: self.delivered,
            movements: self.read,
        }
    }

    /// The movement that was read first among those that wait. Beyond a certificate's vector waiting is no fault: what it
    /// waits for happened after.
    fn stuck(&self) -> Option<Entry> {
        let judged = |location: &Location| match &self.cut {
            Some(cut) => cut.numbers.contains_key(location),
            None => true,
        };
        let heads = self.waiting.iter().filter(|(at, _)| judged(at));
        let firsts = heads.filter_map(|(_, queue)| queue.values().next());
        firsts
            .min_by_key(|(read, _)| *read)
            .map(|(_, entry)| *entry)
    }

    fn tell_gap(&self, entry: &Entry, report: &mut Report) {
        let Some(gap) = self.derived.gap(entry.run, entry.from) else {
            return;
        };
        let there = self
            .derived
            .at(gap.first)
            .map_or_else(|| "nowhere".to_owned(), place);
        let wanted = entry.from.map_or_else(|| "the maker".to_owned(), place);
        let words = format!(
            "movement {} takes them from {wanted}, and they were {there}",
            entry.number
        );
        report.add(Kind::NotThere, entry.location, Some(gap), words);
    }
}

/// Where the movements lead.
#[derive(Debug)]
pub struct Replayed {
    /// Where every serial is.
    pub derived: Derived,
    /// The last number of each location.
    pub heads: BTreeMap<Location, i64>,
    /// What came in from the maker, by location and number.
    pub delivered: BTreeMap<(Location, i64), Run>,
    /// How many were taken.
    pub movements: u64,
}

#[cfg(test)]
mod tests;
