//! The text of a certificate, written and read: one spelling, one line a fact.
//!
//! What is easily got wrong: reading must take nothing that writing would not write. So what was read is written again and
//! compared; a line with another spelling is no line of a certificate.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Certificate, CertificateError, FIGURE_MAX, Place, TITLE};
use crate::{
    audit::{time_as_text, time_of_text},
    hex,
    inventory::{Location, proof::leaf::Quantities},
};

impl Certificate {
    /// What is signed.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{TITLE}\nscope: {}\nmade: {}\nregistered: {}\n",
            self.area,
            time_as_text(self.made_at),
            self.registered
        );
        for (location, number) in &self.givers {
            put(&mut text, format_args!("giver: {location} {number}"));
        }
        for (location, place) in &self.places {
            let Place {
                movements,
                received,
                sent_on,
                due,
                leaf,
                quantities,
            } = place;
            let (leaf, quantities) = (hex::encode(leaf), spelled(quantities));
            put(
                &mut text,
                format_args!(
                    "location: {location} movements {movements} received {received} sent-on {sent_on} due {due} \
                     leaf {leaf}{quantities}"
                ),
            );
        }
        put(&mut text, format_args!("total:{}", spelled(&self.total())));
        put(
            &mut text,
            format_args!("root: {}", hex::encode(&self.root())),
        );
        text
    }

    /// Reads such a text.
    pub(super) fn parse(text: &str) -> Result<Self, CertificateError> {
        let mut lines = text.lines().enumerate().peekable();
        let mut next = |start: &str| {
            let line = lines.next_if(|(_, line)| line.starts_with(start));
            line.map(|(_, line)| &line[start.len()..])
        };
        let wrong = |number: usize| CertificateError::Line(number);
        next(TITLE).ok_or_else(|| wrong(1))?;
        let area = next("scope: ").and_then(|text| text.parse().ok());
        let area = area.ok_or_else(|| wrong(2))?;
        let made_at = next("made: ")
            .and_then(time_of_text)
            .ok_or_else(|| wrong(3))?;
        let registered = next("registered: ").and_then(figure);
        let registered = registered.ok_or_else(|| wrong(4))?;
        let mut number = 4;
        let mut givers = BTreeMap::new();
        while let Some(rest) = next("giver: ") {
            number += 1;
            let (location, movements) = giver(rest).ok_or_else(|| wrong(number))?;
            givers.insert(location, movements);
        }
        let mut places = BTreeMap::new();
        while let Some(rest) = next("location: ") {
            number += 1;
            let (location, place) = place(rest).ok_or_else(|| wrong(number))?;
            places.insert(location, place);
        }
        let total = next("total:").ok_or_else(|| wrong(number + 1))?;
        let root = next("root: ").ok_or_else(|| wrong(number + 2))?;
        let certificate = Self {
            area,
            made_at,
            registered,
            givers,
            places,
        };
        if total != spelled(&certificate.total()) {
            return Err(CertificateError::Sum("total"));
        }
        if root != hex::encode(&certificate.root()) {
            return Err(CertificateError::Sum("root"));
        }
        let again = certificate.text();
        let differs = again
            .lines()
            .zip(text.lines())
            .position(|(ours, read)| ours != read);
        match differs {
            Some(line) => Err(wrong(line + 1)),
            None if again.len() != text.len() => Err(wrong(again.lines().count() + 1)),
            None => Ok(certificate),
        }
    }
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a string cannot fail");
}

/// ` AT_SITE 1 IN_STOCK 7996`, in the order of the names.
fn spelled(quantities: &Quantities) -> String {
    let parts = quantities
        .iter()
        .map(|(state, quantity)| format!(" {state} {quantity}"));
    parts.collect()
}

fn figure(text: &str) -> Option<i64> {
    let figure: i64 = text.parse().ok()?;
    (0..=FIGURE_MAX).contains(&figure).then_some(figure)
}

fn giver(rest: &str) -> Option<(Location, i64)> {
    let (location, number) = rest.split_once(' ')?;
    Some((location.parse().ok()?, figure(number)?))
}

fn place(rest: &str) -> Option<(Location, Place)> {
    let mut words = rest.split(' ');
    let location = words.next()?.parse().ok()?;
    let mut after = |label: &str| (words.next()? == label).then(|| words.next())?;
    let mut number = |label: &str| figure(after(label)?);
    let (movements, received) = (number("movements")?, number("received")?);
    let (sent_on, due) = (number("sent-on")?, number("due")?);
    let leaf = hex::decode_exact(after("leaf")?)?;
    let mut quantities = Quantities::new();
    while let Some(state) = words.next() {
        quantities.insert(state.to_owned(), figure(words.next()?)?);
    }
    let place = Place {
        movements,
        received,
        sent_on,
        due,
        leaf,
        quantities,
    };
    Some((location, place))
}
