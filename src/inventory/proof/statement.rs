//! The public statement of a district's day: what was there at its end, by the movements and the stages of then.
//!
//! What is easily got wrong: it must not say what the tables say today. A statement of last week is the same whenever it is
//! made, and therefore everything in it is a sum over what is never changed.

use serde::Serialize;
use sqlx::{Connection as _, PgConnection};
use time::{Date, OffsetDateTime};

use super::document::{self, Parts};
use crate::{
    areas::{self, TimeZone},
    audit::{self, time_as_text},
    error::Result,
    hex,
    ids::District,
    inventory::store::proof as store,
};

/// How the text begins; another version begins otherwise.
const TITLE: &str = "ektp stock statement v1";

/// What a district had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Blanks in its stores.
    pub on_hand: i64,
    /// Blanks on their way there.
    pub due_in: i64,
    /// Blanks bound to persons whose cards are being printed.
    pub bound: i64,
    /// Print-ready people whose request has no blank yet: queued, held or leased.
    pub print_ready_waiting: i64,
    /// Those of them that are held.
    pub held: i64,
    /// Cards printed on that day.
    pub printed: i64,
    /// Cards that await their holders.
    pub awaiting_collection: i64,
}

/// A district's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// Whose.
    pub district: District,
    /// The local day.
    pub day: Date,
    /// The end of the day, or the moment of a statement about today.
    pub as_of: OffsetDateTime,
    /// What it says.
    pub figures: Figures,
}

/// The statement as JSON; the signature is over the text.
#[derive(Serialize)]
struct Json<'a> {
    format: &'static str,
    district: String,
    name: &'a str,
    day: String,
    as_of: String,
    #[serde(flatten)]
    figures: Figures,
    public_key: String,
    signature: String,
}

impl Statement {
    fn name(&self) -> &'static str {
        areas::district(self.district).unwrap_or_default()
    }

    /// What is signed.
    fn text(&self) -> String {
        let Figures {
            on_hand,
            due_in,
            bound,
            print_ready_waiting,
            held,
            printed,
            awaiting_collection,
        } = self.figures;
        format!(
            "{TITLE}\ndistrict: {}\nname: {}\nday: {}\nas of: {}\non hand: {on_hand}\ndue in: {due_in}\nbound: {bound}\n\
             print-ready waiting: {print_ready_waiting}\nheld: {held}\nprinted: {printed}\n\
             awaiting collection: {awaiting_collection}\n",
            self.district,
            self.name(),
            self.day,
            time_as_text(self.as_of),
        )
    }

    /// The two files: the signed text, and the same as JSON.
    pub fn signed(&self, key: &audit::Key) -> (String, String) {
        let text = document::sign(&self.text(), key);
        let parts = Parts::of(&text).expect("it was just put together");
        let json = Json {
            format: TITLE,
            district: self.district.to_string(),
            name: self.name(),
            day: self.day.to_string(),
            as_of: time_as_text(self.as_of),
            figures: self.figures,
            public_key: hex::encode(&parts.key),
            signature: hex::encode(&parts.signature),
        };
        let json = serde_json::to_string_pretty(&json).expect("texts and numbers are always JSON");
        (text, format!("{json}\n"))
    }
}

/// Makes the statement of a local day; none for one that has not begun.
pub async fn stated(
    db: &mut PgConnection,
    (district, day): (District, Date),
    now: OffsetDateTime,
) -> Result<Option<Statement>> {
    let midnight = |day: Date| {
        day.midnight()
            .assume_offset(TimeZone::of(district).offset())
    };
    let begins = midnight(day);
    if begins > now {
        return Ok(None);
    }
    // The calendar of this type ends in the year 9999.
    let as_of = day.next_day().map_or(now, |next| midnight(next).min(now));
    let mut view = db
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    let had = store::had(&mut view, district.number(), (begins, as_of)).await?;
    let waiting = store::waiting(&mut view, district.number(), as_of).await?;
    view.rollback().await?;
    let count = |states: &[&str]| -> i64 {
        let counted = waiting
            .iter()
            .filter(|(state, _)| states.contains(&state.as_str()));
        counted.map(|(_, count)| count).sum()
    };
    Ok(Some(Statement {
        district,
        day,
        as_of,
        figures: Figures {
            on_hand: had.on_hand,
            due_in: had.due_in,
            bound: had.bound,
            print_ready_waiting: count(&["QUEUED", "HELD", "LEASED"]),
            held: count(&["HELD"]),
            printed: had.printed,
            awaiting_collection: had.awaiting_collection,
        },
    }))
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;
    use crate::audit::Key;

    #[test]
    fn text_and_json_say_the_same_under_one_signature() {
        let statement = Statement {
            district: "35.75".parse().expect("a district"),
            day: date!(2018 - 05 - 02),
            as_of: datetime!(2018-05-02 17:00 UTC),
            figures: Figures {
                on_hand: 1_500,
                due_in: 20,
                bound: 3,
                print_ready_waiting: 12,
                held: 2,
                printed: 55,
                awaiting_collection: 10,
            },
        };
        let key = Key::random();
        let (text, json) = statement.signed(&key);
        let parts = Parts::of(&text).expect("a signed text");
        assert!(parts.is_signed());
        assert_eq!(
            parts.text,
            "ektp stock statement v1\ndistrict: 35.75\nname: Kota Pasuruan\nday: 2018-05-02\n\
             as of: 2018-05-02T17:00:00.000000Z\non hand: 1500\ndue in: 20\nbound: 3\nprint-ready waiting: 12\n\
             held: 2\nprinted: 55\nawaiting collection: 10\n"
        );
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["on_hand"], 1_500);
        assert_eq!(json["signature"], hex::encode(&parts.signature));
    }
}
