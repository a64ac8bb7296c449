//! Collects every malformed field of a request, so that a client's author mends all of them at once.
//!
//! The rooms `*/wire.rs` parse into nouns through it. A rule's text never repeats the value: it may be personal.

use std::{fmt::Display, str::FromStr};

use crate::error::{Error, Result, Violation};

/// How much text a list of violations may have: it travels in the trailers, for which many clients take 8 KiB in all.
const TEXT_MAX: usize = 4 * 1024;

/// What one violation costs beside its words.
const OVERHEAD: usize = 8;

/// What was found wrong so far.
#[derive(Debug, Default)]
pub struct Violations {
    found: Vec<Violation>,
    /// The length of what is listed.
    text: usize,
    /// How many were found when the list was full.
    unlisted: usize,
}

impl Violations {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes one violation.
    pub fn add(&mut self, field: impl Into<String>, rule: impl Display) {
        let violation = Violation {
            field: field.into(),
            rule: rule.to_string(),
        };
        let text = self.text + violation.field.len() + violation.rule.len() + OVERHEAD;
        if text > TEXT_MAX {
            self.unlisted += 1;
        } else {
            self.text = text;
            self.found.push(violation);
        }
    }

    /// Notes what another list has of the fields that are wanted.
    pub fn absorb(&mut self, other: Self, wanted: impl Fn(&str) -> bool) {
        for violation in other.found.into_iter().filter(|v| wanted(&v.field)) {
            self.add(violation.field, violation.rule);
        }
    }

    /// Notes the rule unless it holds.
    pub fn require(&mut self, holds: bool, field: impl Into<String>, rule: impl Display) {
        if !holds {
            self.add(field, rule);
        }
    }

    /// The value, or nothing and a note.
    pub fn take<T, E: Display>(
        &mut self,
        field: impl Into<String>,
        result: std::result::Result<T, E>,
    ) -> Option<T> {
        result.map_err(|rule| self.add(field, rule)).ok()
    }

    /// Parses a typed id, code or the like; an empty text is "required".
    pub fn parse<T>(&mut self, field: impl Into<String>, text: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        if text.is_empty() {
            self.add(field, "is required");
            return None;
        }
        self.take(field, text.parse::<T>())
    }

    /// Parses an optional field: empty means absent.
    pub fn parse_optional<T>(&mut self, field: impl Into<String>, text: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        if text.is_empty() {
            None
        } else {
            self.take(field, text.parse::<T>())
        }
    }

    /// A text of `min..=max` characters without control characters and without a NIK, trimmed.
    pub fn text(&mut self, field: impl Into<String>, text: &str, min: usize, max: usize) -> String {
        let trimmed = text.trim();
        let length = trimmed.chars().count();
        let field = field.into();
        if length < min && min == 1 {
            self.add(field, "is required");
        } else if length < min || length > max {
            self.add(field, format_args!("must have {min} to {max} characters"));
        } else if trimmed.chars().any(char::is_control) {
            self.add(field, "must not contain control characters");
        } else if holds_long_number(trimmed) {
            self.add(field, "must not contain a number of 16 digits, as a NIK is");
        }
        trimmed.to_owned()
    }

    /// A batch of 1 to `max` items.
    pub fn batch<T>(&mut self, field: &str, items: &[T], max: usize) {
        self.require(
            !items.is_empty() && items.len() <= max,
            field,
            format_args!("must have 1 to {max} items"),
        );
    }

    /// Notes every item whose key came before in the batch.
    pub fn distinct<K: Ord>(&mut self, keys: impl IntoIterator<Item = (String, K)>) {
        let mut seen = std::collections::BTreeSet::new();
        for (field, key) in keys {
            if !seen.insert(key) {
                self.add(field, "comes twice in this batch");
            }
        }
    }

    /// The error of all notes; call it where a needed value is missing.
    pub fn error(mut self) -> Error {
        if self.unlisted > 0 {
            self.found.push(Violation {
                field: "(more)".to_owned(),
                rule: format!("{} further violations are not listed", self.unlisted),
            });
        }
        Error::invalid(self.found)
    }

    /// The value if nothing was noted.
    pub fn finish<T>(self, value: T) -> Result<T> {
        if self.found.is_empty() {
            Ok(value)
        } else {
            Err(self.error())
        }
    }
}

/// Whether a text holds sixteen digits in a row: nobody's NIK is kept in clear, whoever types it where.
fn holds_long_number(text: &str) -> bool {
    const NIK_DIGITS: usize = 16;
    let digits = text
        .as_bytes()
        .chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    digits
        .into_iter()
        .any(|run| run.len() >= NIK_DIGITS && run[0].is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_no_client_could_take_says_how_many_are_not_in_it() {
        let mut violations = Violations::new();
        for place in 0..300 {
            violations.add(format!("bindings[{place}].serial"), "is required");
        }
        let refusal = violations.error().to_refusal();
        let lines: Vec<&str> = refusal.metadata["violations"].split("; ").collect();
        assert!(lines.len() > 80 && refusal.metadata["violations"].len() < 2 * TEXT_MAX);
        let unlisted = 300 - (lines.len() - 1);
        let last = format!("(more): {unlisted} further violations are not listed");
        assert_eq!(lines.last(), Some(&last.as_str()));
    }
}
