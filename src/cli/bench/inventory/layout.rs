//! Where each blank of the stock lies: every store has an unbroken run, a district's before its subdistricts', and behind all
//! runs lie the lots that are shipped while it is measured. Pure arithmetic.
//!
//! ```text
//!  centre | 11.01 | 11.01.01 | 11.01.02 | … | 96.71.05 | lot 1 | lot 2 | …
//! ```
//!
//! What is easily got wrong: serials begin with one, and a run is not longer than a message may hold.

use crate::{areas, cli::Failure, ids::District, inventory::Location};

/// The longest run that a message may hold.
const RUN_MAX: i64 = 1_000_000;
/// This part of all blanks is shipped while it is measured.
const SHIPPED_PART: i64 = 10;
/// Serials of one box, of which a shipment takes from its second to its last: no two shipments meet.
const BOX: i64 = 20;
/// Boxes are shipped in leaps of so many, so that shipments hit the whole lot; a prime, which meets every box once.
const LEAP: i64 = 7_919;
/// Shipments are two blanks long or up to so many lengths longer,
const LENGTHS: i64 = 18;
/// and each box gives another length than its neighbours.
const LENGTH_LEAP: i64 = 7;
/// Shipments of each client are numbered from here times its place: the number makes the ids that a replay makes.
pub const NUMBERS_APART: i64 = 1_000_000_000;

/// One leg of a move: a run between two stores; none gives what the maker delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    pub first: i64,
    pub last: i64,
    pub from: Option<Location>,
    pub to: Location,
}

/// The blanks that one client ships.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    pub first: i64,
    pub boxes: i64,
    pub origin: Location,
    pub destination: Location,
}

/// The whole stock.
#[derive(Debug)]
pub struct Layout {
    pub blanks: i64,
    pub stores: Vec<Location>,
    /// The blanks of each store; the last one has what is left over, too.
    each: i64,
    pub lots: Vec<Lot>,
}

impl Layout {
    /// So many blanks in so many stores, with a lot for each client.
    pub fn new(blanks: i64, stores: usize, clients: u16) -> Result<Self, Failure> {
        let stores: Vec<Location> = stores_of_the_nation().take(stores).collect();
        let ways = ways(&stores);
        let quantity = blanks / SHIPPED_PART / i64::from(clients);
        let boxes = quantity / BOX;
        let boxes = boxes - i64::from(boxes % LEAP == 0);
        let shipped = quantity * i64::from(clients);
        let each = (blanks - shipped) / i64::try_from(stores.len()).expect("some thousands");
        if boxes < 1 || each < 1 {
            return Err(Failure::Call(
                "so few blanks are not enough for so many stores and clients".to_owned(),
            ));
        }
        let lots = (0..i64::from(clients)).zip(ways.iter().cycle());
        let lots = lots.map(|(place, (origin, destination))| Lot {
            first: blanks - shipped + place * quantity + 1,
            boxes,
            origin: *origin,
            destination: *destination,
        });
        Ok(Self {
            blanks,
            each,
            lots: lots.collect(),
            stores,
        })
    }

    /// The last blank that is in no lot.
    pub fn settled(&self) -> i64 {
        self.lots.first().map_or(self.blanks, |lot| lot.first - 1)
    }

    /// The place of the store of a settled blank among all.
    pub fn place_of(&self, serial: i64) -> usize {
        let place = usize::try_from((serial - 1) / self.each).unwrap_or_default();
        place.min(self.stores.len() - 1)
    }

    /// The store of a settled blank.
    pub fn store_of(&self, serial: i64) -> Location {
        self.stores[self.place_of(serial)]
    }

    /// How often a settled blank has moved before it is bound: delivered, and sent and received once or twice.
    pub fn moves_of(&self, serial: i64) -> usize {
        let store = self.store_of(serial);
        if store == Location::CENTRE {
            1
        } else if store.is_of_office() {
            3
        } else {
            5
        }
    }

    /// What the maker delivers to the centre.
    pub fn deliveries(&self) -> Vec<Leg> {
        legs(1, self.blanks, None, Location::CENTRE)
    }

    /// What the centre sends to the districts, each with the blanks of its subdistricts.
    pub fn to_districts(&self) -> Vec<Leg> {
        let mut all: Vec<Leg> = Vec::new();
        for (place, store) in self.stores.iter().enumerate() {
            let (first, last) = self.run(place);
            let office = Location::of_district(store.district());
            if office == Location::CENTRE {
                continue;
            }
            match all.last_mut() {
                Some(leg) if leg.to == office => leg.last = last,
                Some(_) | None => all.push(Leg {
                    first,
                    last,
                    from: Some(Location::CENTRE),
                    to: office,
                }),
            }
        }
        for lot in &self.lots {
            let last = lot.first + lot.boxes * BOX - 1;
            all.push(Leg {
                first: lot.first,
                last,
                from: Some(Location::CENTRE),
                to: lot.origin,
            });
        }
        let pieces = all.iter();
        pieces
            .flat_map(|leg| legs(leg.first, leg.last, leg.from, leg.to))
            .collect()
    }

    /// What the districts send to their subdistricts.
    pub fn to_subdistricts(&self) -> Vec<Leg> {
        let stores = self.stores.iter().enumerate();
        stores
            .filter(|(_, store)| !store.is_of_office())
            .flat_map(|(place, store)| {
                let (first, last) = self.run(place);
                let office = Location::of_district(store.district());
                legs(first, last, Some(office), *store)
            })
            .collect()
    }

    /// The first and last blank of a store.
    fn run(&self, place: usize) -> (i64, i64) {
        let first = i64::try_from(place).expect("some thousands") * self.each + 1;
        if place + 1 == self.stores.len() {
            (first, self.settled())
        } else {
            (first, first + self.each - 1)
        }
    }
}

impl Lot {
    /// The run of a client's shipment of this number; none when the boxes are used up.
    pub fn run(&self, number: i64) -> Option<(i64, i64)> {
        let number = number % NUMBERS_APART;
        if number >= self.boxes {
            return None;
        }
        let place = number * LEAP % self.boxes;
        let first = self.first + place * BOX;
        Some((first, first + 1 + place * LENGTH_LEAP % LENGTHS))
    }

    /// The same for pgbench, from its variable `serial` to `run_first` and `run_last`.
    pub fn prelude(&self) -> Vec<String> {
        let Self { first, boxes, .. } = self;
        vec![
            format!("\\set place (:serial % {NUMBERS_APART}) * {LEAP} % {boxes}"),
            format!("\\set run_first {first} + :place * {BOX}"),
            format!("\\set run_last :run_first + 1 + :place * {LENGTH_LEAP} % {LENGTHS}"),
        ]
    }
}

/// The centre's store, and those of all districts with their subdistricts' behind each.
fn stores_of_the_nation() -> impl Iterator<Item = Location> {
    let of_district = |district: District| {
        let subdistricts = areas::subdistricts_of(district).map(Location::of_subdistrict);
        std::iter::once(Location::of_district(district)).chain(subdistricts)
    };
    std::iter::once(Location::CENTRE).chain(areas::districts().flat_map(of_district))
}

/// From each district's store to one of its subdistricts', then to the next ones: clients meet as late as possible.
fn ways(stores: &[Location]) -> Vec<(Location, Location)> {
    let mut ways: Vec<(usize, Location, Location)> = Vec::new();
    let mut turn = 0;
    for store in stores {
        if store.is_of_office() {
            turn = 0;
        } else {
            ways.push((turn, Location::of_district(store.district()), *store));
            turn += 1;
        }
    }
    ways.sort_by_key(|(turn, _, _)| *turn);
    ways.into_iter()
        .map(|(_, origin, destination)| (origin, destination))
        .collect()
}

fn legs(first: i64, last: i64, from: Option<Location>, to: Location) -> Vec<Leg> {
    let mut legs = Vec::new();
    let mut next = first;
    while next <= last {
        let end = last.min(next + RUN_MAX - 1);
        legs.push(Leg {
            first: next,
            last: end,
            from,
            to,
        });
        next = end + 1;
    }
    legs
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn total(legs: &[Leg]) -> i64 {
        legs.iter().map(|leg| leg.last - leg.first + 1).sum()
    }

    #[test]
    fn the_nations_stores_are_7800_and_share_twenty_million_blanks() {
        let layout = Layout::new(20_000_000, 7_800, 8).expect("enough for all");
        assert_eq!(layout.stores.len(), 7_800);
        assert_eq!(layout.settled(), 18_000_000);
        assert_eq!(total(&layout.deliveries()), 20_000_000);
        let centre = layout.each;
        let lots: i64 = layout.lots.iter().map(|lot| lot.boxes * BOX).sum();
        assert_eq!(total(&layout.to_districts()), 18_000_000 - centre + lots);
        let of_districts = 515 * layout.each;
        assert_eq!(total(&layout.to_subdistricts()), 18_000_000 - of_districts);
        let all = [
            layout.deliveries(),
            layout.to_districts(),
            layout.to_subdistricts(),
        ];
        assert!(
            all.concat()
                .iter()
                .all(|leg| leg.last - leg.first < RUN_MAX)
        );
        assert_eq!(layout.store_of(1), Location::CENTRE);
        assert_eq!(layout.moves_of(1), 1);
        assert_eq!(layout.store_of(layout.each + 1).to_string(), "11.01");
        assert_eq!(layout.moves_of(layout.each + 1), 3);
        assert_eq!(layout.moves_of(18_000_000), 5);
        let offices: BTreeSet<Location> = layout.lots.iter().map(|lot| lot.origin).collect();
        assert_eq!(offices.len(), 8, "eight clients in eight districts");
    }

    #[test]
    fn no_two_shipments_of_a_lot_meet_and_their_lengths_differ() {
        let layout = Layout::new(100_000, 40, 2).expect("enough for all");
        let lot = layout.lots[1];
        let mut taken = BTreeSet::new();
        let mut lengths = BTreeSet::new();
        for number in 0..lot.boxes {
            let (first, last) = lot.run(NUMBERS_APART + number).expect("a box is left");
            assert!((2..=19).contains(&(last - first + 1)), "{first} to {last}");
            assert!(first >= lot.first && last < lot.first + lot.boxes * BOX);
            assert!(taken.insert((first - lot.first) / BOX));
            lengths.insert(last - first);
        }
        assert_eq!(lengths.len(), 18);
        assert_eq!(lot.run(NUMBERS_APART + lot.boxes), None);
        assert!(Layout::new(1_000, 7_800, 8).is_err());
    }
}
