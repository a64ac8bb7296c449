//! Where a district's serials are, as WatchStock tells it. Quantities are sums over the runs, as they are at the server.
//!
//! What is easily got wrong: an entry takes its serials out of whatever runs had them, wherever it puts them. What a holder
//! has, what is destroyed and what is another office's leaves the picture, also where only a part of a run does.

use std::collections::BTreeMap;

use tonic::{Response, Status, Streaming};

use crate::{
    cli::{client::Terminal, follow::Watched},
    ids::{District, Runs, Serial, SerialRange},
    inventory::Location,
    proto::{self, CustodyState, StockEntry, WatchStockRequest, WatchStockResponse},
    stream::{Response as _, Said},
};

/// The states that a picture holds, in the order in which they are shown.
pub const STATES: [CustodyState; 8] = [
    CustodyState::InStock,
    CustodyState::InTransit,
    CustodyState::Bound,
    CustodyState::AtSite,
    CustodyState::Spoiled,
    CustodyState::Disputed,
    CustodyState::Returned,
    CustodyState::Lost,
];

/// Who has which serials of a district.
#[derive(Debug)]
pub struct Holdings {
    district: District,
    runs: Runs<(Location, CustodyState)>,
}

/// How many serials there are in each state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums(BTreeMap<CustodyState, u64>);

impl Sums {
    /// How many are in a state.
    pub fn of(&self, state: CustodyState) -> u64 {
        self.0.get(&state).copied().unwrap_or_default()
    }

    fn add(&mut self, state: CustodyState, serials: u64) {
        *self.0.entry(state).or_default() += serials;
    }
}

impl Holdings {
    /// Nothing yet of a district.
    pub fn of(district: District) -> Self {
        Self {
            district,
            runs: Runs::default(),
        }
    }

    /// The sums of each store and unit that has anything, or that something is on its way to.
    pub fn by_location(&self) -> BTreeMap<Location, Sums> {
        let mut sums: BTreeMap<Location, Sums> = BTreeMap::new();
        for (first, last, (location, state)) in self.runs.iter() {
            let sums = sums.entry(location).or_default();
            sums.add(state, (last - first + 1).unsigned_abs());
        }
        sums
    }

    /// The sums of the whole district.
    pub fn total(&self) -> Sums {
        let mut total = Sums::default();
        for (first, last, (_, state)) in self.runs.iter() {
            total.add(state, (last - first + 1).unsigned_abs());
        }
        total
    }

    /// Where an entry's serials are in this picture; nothing, where they leave it.
    fn place(&self, entry: &StockEntry) -> Option<(Location, CustodyState)> {
        let location: Location = entry.location.parse().ok()?;
        let state = entry.state();
        let stays = location.district() == self.district && STATES.contains(&state);
        stays.then_some((location, state))
    }
}

impl Watched for Holdings {
    type Entry = StockEntry;
    type Response = WatchStockResponse;

    async fn watch(
        terminal: &Terminal,
        district: String,
        resume_token: Vec<u8>,
    ) -> Result<Response<Streaming<WatchStockResponse>>, Status> {
        let request = WatchStockRequest {
            district,
            resume_token,
        };
        terminal.inventory_client().watch_stock(request).await
    }

    fn said(response: WatchStockResponse) -> Option<Said<StockEntry>> {
        response.said()
    }

    fn empty(&self) -> Self {
        Self::of(self.district)
    }

    fn take(&mut self, entry: &StockEntry) {
        // What is no range of the contract says nothing about any serial.
        let Some(range) = entry.serials.as_ref().and_then(range) else {
            return;
        };
        let (first, last) = (range.first().number(), range.last().number());
        match self.place(entry) {
            Some(place) => self.runs.put(first, last, place),
            None => self.runs.take_out(first, last),
        }
    }

    fn len(&self) -> usize {
        self.runs.iter().count()
    }
}

fn range(message: &proto::SerialRange) -> Option<SerialRange> {
    let serial = |number| Serial::new(number).ok();
    SerialRange::new(serial(message.first)?, serial(message.last)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::vec,
        prelude::{prop_assert_eq, proptest},
    };

    use super::*;

    /// Two stores of the district, and one of another.
    const PLACES: [&str; 3] = ["35.75", "35.75.02/hopper/1", "35.14"];

    fn entry(first: i64, last: i64, location: &str, state: CustodyState) -> StockEntry {
        StockEntry {
            serials: Some(proto::SerialRange { first, last }),
            location: location.to_owned(),
            state: state.into(),
        }
    }

    fn nothing() -> Holdings {
        Holdings::of("35.75".parse().expect("a district"))
    }

    #[test]
    fn a_bound_blank_leaves_the_middle_of_its_run() {
        let mut held = nothing();
        held.take(&entry(1, 10, "35.75", CustodyState::InStock));
        held.take(&entry(4, 4, "35.75", CustodyState::Bound));
        assert_eq!(held.len(), 3);
        let total = held.total();
        assert_eq!(
            (
                total.of(CustodyState::InStock),
                total.of(CustodyState::Bound)
            ),
            (9, 1)
        );
        held.take(&entry(4, 4, "35.75", CustodyState::HandedOver));
        assert_eq!(held.total().of(CustodyState::Bound), 0);
        held.take(&entry(5, 10, "35.14", CustodyState::InTransit));
        assert_eq!(held.total().of(CustodyState::InStock), 3);
        assert_eq!(held.total().of(CustodyState::InTransit), 0, "not ours");
    }

    #[test]
    fn what_is_no_entry_of_the_contract_changes_nothing() {
        let mut held = nothing();
        held.take(&entry(1, 10, "35.75", CustodyState::InStock));
        for bad in [
            StockEntry::default(),
            entry(9, 8, "35.75", CustodyState::Lost),
            entry(0, 4, "35.75", CustodyState::Lost),
            entry(1, i64::MAX, "35.75", CustodyState::Lost),
        ] {
            held.take(&bad);
        }
        assert_eq!(held.total().of(CustodyState::InStock), 10);
    }

    proptest! {
        #[test]
        fn the_sums_are_those_of_single_serials(
            told in vec((1_i64..60, 0_i64..20, 0..PLACES.len(), 0..=10_i32), 0..60)
        ) {
            let mut held = nothing();
            let mut singles: BTreeMap<i64, (usize, CustodyState)> = BTreeMap::new();
            for (first, more, place, state) in told {
                let state = CustodyState::try_from(state).unwrap_or_default();
                held.take(&entry(first, first + more, PLACES[place], state));
                singles.extend((first..=first + more).map(|serial| (serial, (place, state))));
            }
            for (place, location) in PLACES.iter().enumerate() {
                let location: Location = location.parse().expect("a location");
                let sums = held.by_location().remove(&location).unwrap_or_default();
                for state in STATES {
                    let there = singles.values().filter(|held| **held == (place, state));
                    let there = if location.district() == held.district { there.count() } else { 0 };
                    prop_assert_eq!(sums.of(state), there as u64);
                }
            }
        }
    }
}
