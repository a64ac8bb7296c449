//! The days on which an office takes requests into the queue: local days, without the closed weekdays and the holidays.

use std::collections::BTreeSet;

use time::{Date, Weekday};

/// A calendar of one version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calendar {
    /// ISO numbers of the closed weekdays, 1 is Monday.
    closed: BTreeSet<u8>,
    holidays: BTreeSet<Date>,
}

impl Calendar {
    /// A calendar of closed weekdays and holidays.
    pub fn new(
        closed: impl IntoIterator<Item = Weekday>,
        holidays: impl IntoIterator<Item = Date>,
    ) -> Self {
        Self {
            closed: closed
                .into_iter()
                .map(Weekday::number_from_monday)
                .collect(),
            holidays: holidays.into_iter().collect(),
        }
    }

    /// A calendar by the ISO numbers of the closed weekdays.
    pub(super) fn of_numbers(
        closed: impl IntoIterator<Item = u8>,
        holidays: impl IntoIterator<Item = Date>,
    ) -> Self {
        Self {
            closed: closed.into_iter().collect(),
            holidays: holidays.into_iter().collect(),
        }
    }

    /// The ISO numbers of the closed weekdays, rising.
    pub fn closed_weekdays(&self) -> Vec<i16> {
        self.closed.iter().copied().map(i16::from).collect()
    }

    /// The holidays in their order.
    pub fn holidays(&self) -> Vec<Date> {
        self.holidays.iter().copied().collect()
    }

    /// Whether an office is open on a local day.
    pub fn is_open(&self, day: Date) -> bool {
        !self.closed.contains(&day.weekday().number_from_monday()) && !self.holidays.contains(&day)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn saturdays_and_holidays_are_closed() {
        let calendar = Calendar::new(
            [Weekday::Saturday, Weekday::Sunday],
            [date!(2017 - 12 - 25)],
        );
        assert!(calendar.is_open(date!(2017 - 10 - 20)));
        assert!(!calendar.is_open(date!(2017 - 10 - 21)));
        assert!(!calendar.is_open(date!(2017 - 12 - 25)));
        assert!(calendar.is_open(date!(2017 - 12 - 26)));
    }
}
