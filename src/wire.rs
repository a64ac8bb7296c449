//! The few conversions that every feature's wire room needs: times, dates, ranges, the names of districts.
//!
//! What is easily got wrong: which district a call is about is decided in [`district_of_call`], by the caller and not by
//! what the message names.

use time::{Date, OffsetDateTime, macros::format_description};

use crate::{
    areas,
    ids::{District, Serial, SerialRange},
    proto,
    violations::Violations,
};

/// How the centre is named where a client may name it.
pub const CENTRE: &str = "00.00";

/// The district that a call is about: a terminal's own, whatever it names; the centre names one.
pub fn district_of_call(
    violations: &mut Violations,
    own: Option<District>,
    named: &str,
) -> Option<District> {
    if named.is_empty() && own.is_some() {
        return own;
    }
    let district = violations.parse::<District>("district", named)?;
    // Said of every other code, so that it tells nothing about which of them are districts.
    violations.require(
        own.is_none_or(|own| own == district),
        "district",
        "must be the terminal's own",
    );
    violations.require(
        own.is_some() || areas::district(district).is_some(),
        "district",
        "is not in the ministry's list",
    );
    Some(district)
}

/// A time as the contract carries it.
pub fn timestamp(at: OffsetDateTime) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.nanosecond()).expect("nanoseconds of a second fit");
    prost_types::Timestamp {
        seconds: at.unix_timestamp(),
        nanos,
    }
}

/// A time that a client sent.
pub fn instant(message: &prost_types::Timestamp) -> Result<OffsetDateTime, &'static str> {
    let nanos = i128::from(message.seconds) * 1_000_000_000 + i128::from(message.nanos);
    if !(0..1_000_000_000).contains(&message.nanos) {
        return Err("must have 0 to 999999999 nanoseconds");
    }
    OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| "is not a time")
}

/// A civil date that a client sent.
pub fn date(text: &str) -> Result<Date, &'static str> {
    Date::parse(text, format_description!("[year]-[month]-[day]"))
        .map_err(|_| "must be a date as YYYY-MM-DD")
}

/// A run of serials that a client sent.
pub fn serial_range(message: &proto::SerialRange) -> Result<SerialRange, String> {
    let first = Serial::new(message.first).map_err(|error| format!("first {error}"))?;
    let last = Serial::new(message.last).map_err(|error| format!("last {error}"))?;
    SerialRange::new(first, last).map_err(|error| error.to_string())
}

/// A run of serials as the contract carries it.
pub fn serial_range_message(range: SerialRange) -> proto::SerialRange {
    proto::SerialRange {
        first: range.first().number(),
        last: range.last().number(),
    }
}

/// How a district is named in answers.
pub fn district_text(district: District) -> String {
    if district.is_centre() {
        CENTRE.to_owned()
    } else {
        district.to_string()
    }
}
