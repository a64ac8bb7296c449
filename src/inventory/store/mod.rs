//! All SQL of inventory's tables, by what it is about. Every move of serials goes through [`move_custody`].

mod backlog;
mod cards;
mod cases;
mod counts;
mod custody;
mod distribution;
mod ledger;
mod locations;
pub mod papers;
pub mod proof;
mod reads;
mod requests;
mod shipments;
mod write_off;

use crate::{
    error::{Error, Result},
    ids::{Serial, SerialRange},
    inventory::{Location, pieces},
};

pub use backlog::{find_backlog, find_use, list_unsupplied};
pub use cards::{Bound, bind_cards, end_held, note_spoilage};
pub use cases::{Settled, insert_case, insert_settlement, list_cases, lock_case};
pub use counts::{
    books, find_open_count, insert_count, list_counts, lock_location, lock_sheet,
    save_end_of_count, save_found,
};
pub use custody::{Moved, is_location, move_custody};
pub use distribution::{count_in_stock, list_lacks, lowest_in_stock};
pub use ledger::{find_movement, life_of, movements_of, movements_since};
pub use locations::{highest_unit, insert_unit, list_locations};
pub use reads::{find_obstacle, find_stock, page_of_district};
pub use requests::{
    find_open, insert_request, list_requests, lock_request, reopen, save_fulfilled, save_verdict,
    save_withdrawal, sent_for,
};
pub use shipments::{
    Listed, in_stock_of_sender, insert_delivery, insert_shipment, list_due_in, list_shipments,
    lock_shipment, save_end,
};
pub use write_off::{
    Destroyed, find_spoilage, held_for_destruction, insert_destruction, insert_spoilage,
    lock_replaced,
};

fn location(table: &'static str, number: i32) -> Result<Location> {
    Location::from_number(number).map_err(|error| Error::corrupt(table, error))
}

fn range(table: &'static str, first: i64, last: i64) -> Result<SerialRange> {
    let corrupt = |error| Error::corrupt(table, error);
    let (first, last) = (
        Serial::new(first).map_err(corrupt)?,
        Serial::new(last).map_err(corrupt)?,
    );
    SerialRange::new(first, last).map_err(corrupt)
}

/// Runs of a multirange, which may be longer than a range of ours.
fn runs(table: &'static str, firsts: &[i64], lasts: &[i64]) -> Result<Vec<SerialRange>> {
    let mut runs = Vec::with_capacity(firsts.len());
    for (first, last) in firsts.iter().zip(lasts) {
        runs.extend(pieces(*first, *last).map_err(|error| Error::corrupt(table, error))?);
    }
    Ok(runs)
}

/// The two ends of each run, as `unnest` takes them.
fn ends(runs: &[SerialRange]) -> (Vec<i64>, Vec<i64>) {
    runs.iter()
        .map(|run| (run.first().number(), run.last().number()))
        .unzip()
}
