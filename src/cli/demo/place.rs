//! Where and when an article happened: its office, its calendar, its hours.
//!
//! What is easily got wrong: the calendar is that of the people outside. On which days the system takes requests is its
//! policy's to say.

use time::{
    Date, Duration, OffsetDateTime, UtcOffset, Weekday,
    macros::{date, offset},
};

/// Western Indonesian time; all four articles happened there.
pub const LOCAL: UtcOffset = offset!(+7);

/// The office of an article.
#[derive(Debug)]
pub struct Place {
    /// `Kota Pasuruan`.
    pub name: &'static str,
    /// `35.75`.
    pub district: &'static str,
    /// All of its subdistricts; each has a counter and a printer.
    pub subdistricts: &'static [&'static str],
    /// What the packages of its biometrics are called after.
    pub slug: &'static str,
    /// The first enrolment of the story.
    pub first_day: Date,
    /// The centre's engine has come so far; who enrolled later has not been looked at.
    pub checked_until: Date,
    /// Printing begins.
    pub print_day: Date,
    /// Whether its subdistricts keep blanks of their own; who prints there keeps them.
    pub stores: bool,
    /// Its province, where somebody of that office has a part in the story.
    pub province: Option<&'static str>,
}

/// Holidays on which no office opened.
const HOLIDAYS: [Date; 13] = [
    date!(2016 - 12 - 12),
    date!(2016 - 12 - 26),
    date!(2017 - 01 - 02),
    date!(2017 - 02 - 15),
    date!(2017 - 03 - 28),
    date!(2017 - 04 - 14),
    date!(2017 - 04 - 24),
    date!(2017 - 05 - 01),
    date!(2017 - 05 - 11),
    date!(2017 - 05 - 25),
    date!(2017 - 08 - 17),
    date!(2017 - 09 - 01),
    date!(2017 - 09 - 21),
];

/// A printer's working day, from eight o'clock.
const OPENS_AT: u8 = 8;
const MINUTES_A_DAY: u64 = 8 * 60;

/// The days from `first` to `last` on which offices open.
pub fn working_days(first: Date, last: Date) -> Vec<Date> {
    let days = std::iter::successors(Some(first), |day| day.next_day());
    days.take_while(|day| *day <= last)
        .filter(|day| is_working_day(*day))
        .collect()
}

fn is_working_day(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !HOLIDAYS.contains(&day)
}

/// A time of day at the office.
pub fn at(day: Date, hour: u8, minute: u8) -> OffsetDateTime {
    day.with_hms(hour, minute, 0)
        .expect("the story's hours are on the clock")
        .assume_offset(LOCAL)
}

/// When an office that opened on `first` has worked so many minutes: nights, weekends and holidays pass by.
pub fn after_working(first: Date, minutes: u64) -> OffsetDateTime {
    let mut left = minutes;
    let mut day = first;
    loop {
        if is_working_day(day) {
            if left <= MINUTES_A_DAY {
                return at(day, OPENS_AT, 0) + Duration::minutes(left.cast_signed());
            }
            left -= MINUTES_A_DAY;
        }
        day = day
            .next_day()
            .expect("the story ends long before the calendar does");
    }
}

/// The local day of an instant.
pub fn local_date(instant: OffsetDateTime) -> Date {
    instant.to_offset(LOCAL).date()
}

/// The local day of an instant that the system answered.
pub fn local_day(instant: Option<&prost_types::Timestamp>) -> Option<Date> {
    let instant = OffsetDateTime::from_unix_timestamp(instant?.seconds).ok()?;
    Some(local_date(instant))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TUESDAY: Date = date!(2017 - 04 - 18);

    #[test]
    fn nights_weekends_and_holidays_pass_by() {
        assert_eq!(after_working(TUESDAY, 0), at(TUESDAY, 8, 0));
        assert_eq!(after_working(TUESDAY, 481), at(date!(2017 - 04 - 19), 8, 1));
        // Four days to Friday, then the weekend and the holiday of 24 April.
        assert_eq!(
            after_working(TUESDAY, 4 * 480 + 30),
            at(date!(2017 - 04 - 25), 8, 30)
        );
    }
}
