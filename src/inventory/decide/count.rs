//! The rules of counts: who may end one, who must not see the figures, and what was missing or too many.

use crate::{
    ids::{District, PersonId, SerialRange, Subdistrict, total},
    inventory::{
        Books, CountRefusal, CountState, Counting, Difference, Ender, Location, Lying, Refusal,
        StockCount, Tally,
        decide::{runs::minus, shipment::may_act_at, union},
    },
};

/// So many runs one count may find: a store from which every second blank was taken, of twenty thousand.
const FOUND_RUNS_MAX: usize = 10_000;
/// So many runs one act may dispute: each is told to those who watch, and one commit tells 500 things.
const MISSING_RUNS_MAX: usize = 400;

/// Whether an office counts there.
pub fn start_count(
    location: Location,
    office: District,
    limit: Option<Subdistrict>,
) -> Result<(), Refusal> {
    if location.district() != office {
        return Err(Refusal::LocationNotFound);
    }
    may_act_at(location, limit)
}

/// What is found up to now, when that was found too: the same serial may be scanned twice.
pub fn record_findings(
    found: &[SerialRange],
    more: &[SerialRange],
) -> Result<Vec<SerialRange>, Refusal> {
    let all = union(found, more);
    if all.len() > FOUND_RUNS_MAX {
        return Err(Refusal::Count(CountRefusal::TooLong));
    }
    Ok(all)
}

/// Whether all that the counter found has arrived: a sheet that was lost on its way must not become a theft.
pub fn is_complete(found: &[SerialRange], quantity: i64) -> Result<(), Refusal> {
    match total(found) {
        recorded if recorded == quantity => Ok(()),
        recorded => Err(Refusal::Count(CountRefusal::Incomplete(recorded))),
    }
}

/// Whether an officer may write on a count or hand it in: who began alone counts.
pub fn may_count(count: &StockCount, by: Ender, limit: Option<Subdistrict>) -> Result<(), Refusal> {
    may_act_at(count.location, limit)?;
    is_open(count)?;
    if count.started_by.officer == by.officer {
        Ok(())
    } else {
        Err(Refusal::Count(CountRefusal::OfAnother))
    }
}

/// Whether an officer may give a count up: who began it, or who leads, because a counter may fall ill.
pub fn cancel_count(
    count: &StockCount,
    by: Ender,
    limit: Option<Subdistrict>,
) -> Result<(), Refusal> {
    if by.is_head {
        may_act_at(count.location, limit)?;
        return is_open(count);
    }
    may_count(count, by, limit)
}

fn is_open(count: &StockCount) -> Result<(), Refusal> {
    match count.state {
        CountState::Open => Ok(()),
        CountState::Submitted | CountState::Cancelled => Err(Refusal::Count(CountRefusal::Ended)),
    }
}

/// Whether the figures of a location that is being counted are kept from who looks: from the counter under whichever account,
/// and from everybody of that office who does not say who it is.
pub fn is_blind(counting: Counting, looker: Option<PersonId>, office: District) -> bool {
    office == counting.location.district() && looker.is_none_or(|person| person == counting.person)
}

/// The office that must agree to the end of a count's cases: the centre; for the centre's own store the office of the province
/// in which it stands.
pub fn counterpart(location: Location) -> District {
    if location == Location::CENTRE {
        District::from_number(JAKARTA).expect("it is a province's code")
    } else {
        District::CENTRE
    }
}

/// DKI Jakarta.
const JAKARTA: i32 = 31;

/// What was missing and what too many, given what lay there when the count began and what the books say now.
pub fn compare(frozen: &Lying, books: &Books, found: &[SerialRange]) -> Difference {
    let expected = frozen.all();
    // What lies there now and did not then has come since, from wherever.
    let come = minus(&books.lying.all(), &expected);
    let moved = union(&books.moved, &come);
    let missing = |of: &[SerialRange]| minus(&minus(of, found), &moved);
    let missing = Lying {
        in_stock: missing(&frozen.in_stock),
        spoiled: missing(&frozen.spoiled),
        returned: missing(&frozen.returned),
    };
    let missing_quantity = missing.total();
    let not_found = total(&minus(&expected, found));
    let not_expected = minus(found, &expected);
    let strange = minus(&not_expected, &moved);
    let unexpected = minus(&strange, &books.beside);
    let tally = Tally {
        counted: total(found),
        expected: total(&expected),
        missing: missing_quantity,
        unexpected: total(&unexpected),
        moved: not_found - missing_quantity + total(&not_expected) - total(&strange),
        beside: total(&strange) - total(&unexpected),
    };
    Difference {
        missing: missing.first_runs(MISSING_RUNS_MAX),
        unexpected,
        tally,
    }
}

impl Lying {
    /// All of it, in rising order.
    pub fn all(&self) -> Vec<SerialRange> {
        // A serial lies there as one thing only.
        super::merged(&[&self.in_stock[..], &self.spoiled, &self.returned].concat())
    }

    fn first_runs(mut self, most: usize) -> Self {
        self.in_stock.truncate(most);
        self.spoiled.truncate(most - self.in_stock.len());
        let room = most - self.in_stock.len() - self.spoiled.len();
        self.returned.truncate(room);
        self
    }

    fn total(&self) -> i64 {
        total(&self.in_stock) + total(&self.spoiled) + total(&self.returned)
    }
}

#[cfg(test)]
mod tests;
