//! A client's recorded acts as a script for pgbench: the same statements in the same transactions.
//!
//! What is the same in every recorded piece stays as it is. What differs is recognised by its value: an id or fence that an
//! earlier statement of the piece answered, what the client chose (a blank's serial and chip), the request's id, the clock.
//! What is none of these (digests, encoded answers and events) goes in as recorded and is told. What a session sends between
//! transactions (pings) is nobody's work and is left out, which makes the ceiling higher. What is easily got wrong: several
//! statements in one message are one round trip; pgbench does that with a pipeline.

use super::record::{Act, Parameter, Recording, Sample, Told};
use crate::cli::Failure;

/// A script, and what it says that no replayed act would.
#[derive(Debug)]
pub struct Script {
    pub text: String,
    /// Parameters that go in as recorded: the act, and what type they have.
    pub as_recorded: Vec<String>,
}

/// The script of one client; `prelude` computes what it chooses from `:serial`, which rises by one each time.
pub fn script(recording: &Recording, prelude: &[String]) -> Result<Script, Failure> {
    let Some((last, others)) = recording.samples.split_last() else {
        return Err(Failure::Call("nothing was recorded".to_owned()));
    };
    let mut writer = Writer {
        last,
        others,
        lines: vec![
            // Up to version 15 pgbench prepares at the first statement, which must not be in a pipeline.
            "\\if :first".to_owned(),
            "select 1;".to_owned(),
            "\\set first 0".to_owned(),
            "\\endif".to_owned(),
            "\\set serial :serial + 1".to_owned(),
        ],
        as_recorded: Vec::new(),
    };
    writer.lines.extend_from_slice(prelude);
    for act in 0..last.acts.len() {
        writer.act(act)?;
    }
    writer.lines.push(String::new());
    Ok(Script {
        text: writer.lines.join("\n"),
        as_recorded: writer.as_recorded,
    })
}

struct Writer<'r> {
    /// The piece whose constants are taken.
    last: &'r Sample,
    others: &'r [Sample],
    lines: Vec<String>,
    as_recorded: Vec<String>,
}

/// Where a value comes from that differs from piece to piece.
struct Source {
    /// As SQL.
    sql: String,
    /// In the last piece, and in the others.
    values: Vec<String>,
}

impl Writer<'_> {
    fn act(&mut self, act: usize) -> Result<(), Failure> {
        let Act {
            kind, statements, ..
        } = &self.last.acts[act];
        for sample in self.others {
            let theirs = &sample.acts[act].statements;
            if !is_alike(theirs, statements) {
                let list = |told: &[Told]| -> String {
                    told.iter()
                        .map(|told| format!("\n{}", told.sql.trim()))
                        .collect()
                };
                return Err(Failure::Call(format!(
                    "nothing can be replayed, for the server sent other statements for one {kind}:{}\nthan for \
                     another:{}",
                    list(theirs),
                    list(statements)
                )));
            }
        }
        for place in 0..statements.len() {
            self.statement(act, place)?;
        }
        Ok(())
    }

    fn statement(&mut self, act: usize, place: usize) -> Result<(), Failure> {
        let told = &self.last.acts[act].statements[place];
        if told.is_simple {
            let parts: Vec<&str> = told
                .sql
                .split(';')
                .map(str::trim)
                .filter(|s| !s.is_empty())
                .collect();
            if parts.len() > 1 {
                self.lines.push("\\startpipeline".to_owned());
            }
            for part in &parts {
                self.lines.push(plain(part)?);
            }
            if parts.len() > 1 {
                self.lines.push("\\endpipeline".to_owned());
            }
            return Ok(());
        }
        let sources = self.sources(act, place);
        let mut expressions = Vec::new();
        for (number, parameter) in told.parameters.iter().enumerate() {
            let others = self.others.iter().map(|sample| {
                sample.acts[act].statements[place].parameters[number]
                    .value
                    .as_ref()
            });
            let values: Vec<Option<&String>> = std::iter::once(parameter.value.as_ref())
                .chain(others)
                .collect();
            let (sql, is_known) = expression(parameter, &values, &sources);
            if !is_known {
                let kind = self.last.acts[act].kind;
                let told = format!("{kind} {}", parameter.of);
                if !self.as_recorded.contains(&told) {
                    self.as_recorded.push(told);
                }
            }
            expressions.push(sql);
        }
        let sql = put_in(&without_overrides(&told.sql), &expressions)?;
        self.lines.push(sql);
        let ending = if self.is_needed_later(act, place) {
            format!("\\gset {}", prefix(act, place))
        } else {
            ";".to_owned()
        };
        self.lines.push(ending);
        Ok(())
    }

    /// Whether the statement answered one row in every piece, with something that differs: a later one may ask for it.
    fn is_needed_later(&self, act: usize, place: usize) -> bool {
        !self.columns(act, place).is_empty()
    }

    fn columns(&self, act: usize, place: usize) -> Vec<Source> {
        let row = |sample: &Sample| sample.acts[act].statements[place].row.clone();
        let ours = row(self.last);
        let mut sources = Vec::new();
        for (column, (name, value)) in ours.iter().enumerate() {
            let name = plain_name(name);
            let others = self
                .others
                .iter()
                .map(|sample| row(sample).get(column).and_then(|(_, value)| value.clone()));
            let values: Option<Vec<String>> =
                std::iter::once(value.clone()).chain(others).collect();
            let is_variable =
                !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
            if let Some(values) = values
                && is_variable
                && values[1..].iter().any(|other| *other != values[0])
            {
                sources.push(Source {
                    sql: format!(":{}{name}", prefix(act, place)),
                    values,
                });
            }
        }
        sources
    }

    /// All that a statement's parameters may come from.
    fn sources(&self, act: usize, place: usize) -> Vec<Source> {
        let of_samples = |value: &dyn Fn(&Sample) -> String| -> Vec<String> {
            std::iter::once(self.last)
                .chain(self.others)
                .map(value)
                .collect()
        };
        let mut sources = Vec::new();
        for (number, chosen) in self.last.chosen.iter().enumerate() {
            sources.push(Source {
                sql: chosen.sql.clone(),
                values: of_samples(&|sample| sample.chosen[number].value.clone()),
            });
        }
        for (number, of) in self.last.acts.iter().enumerate() {
            sources.push(Source {
                sql: format!("md5('{}' || :serial::text)", of.kind),
                values: of_samples(&|sample| sample.acts[number].request_id.clone()),
            });
        }
        for earlier in 0..=act {
            let count = self.last.acts[earlier].statements.len();
            for statement in 0..if earlier == act { place } else { count } {
                sources.extend(self.columns(earlier, statement));
            }
        }
        sources
    }
}

fn prefix(act: usize, place: usize) -> String {
    format!("a{act}s{place}_")
}

fn is_alike(one: &[Told], other: &[Told]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| {
            // What a transaction begins with holds the time that the act has left.
            one.is_simple == other.is_simple && (one.is_simple || one.sql == other.sql)
        })
}

/// A parameter as SQL, and whether it is known where it comes from. Values: of the last piece, then of the others.
fn expression(
    parameter: &Parameter,
    values: &[Option<&String>],
    sources: &[Source],
) -> (String, bool) {
    let of = &parameter.of;
    let Some(value) = &parameter.value else {
        return (format!("null::{of}"), true);
    };
    let all: Option<Vec<&str>> = values.iter().map(|v| v.map(String::as_str)).collect();
    let all = all.unwrap_or_default();
    if let Some(sql) = one_value(of, &all, sources) {
        return (sql, true);
    }
    if let Some(element) = of.strip_suffix("[]")
        && let Some(sql) = each_element(element, &all, sources)
    {
        return (sql, true);
    }
    (format!("{}::{of}", literal(value)), false)
}

/// A value that is the same in every piece, or comes from somewhere, or may be any of its kind. None where one was null.
fn one_value(of: &str, values: &[&str], sources: &[Source]) -> Option<String> {
    let (value, others) = values.split_first()?;
    if others.iter().all(|other| other == value) {
        return Some(format!("{}::{of}", literal(value)));
    }
    let source = sources
        .iter()
        .find(|source| source.values.iter().eq(values.iter()));
    if let Some(source) = source {
        return Some(format!("{}::{of}", source.sql));
    }
    match of {
        // An id that the server made: a new one in every piece, and the same one wherever the piece names it.
        "uuid" => Some(format!("md5('{value}' || :serial::text)::uuid")),
        "timestamp with time zone" => Some("statement_timestamp()".to_owned()),
        _ => None,
    }
}

/// An array whose elements need no quotes, each by itself.
fn each_element(of: &str, values: &[&str], sources: &[Source]) -> Option<String> {
    let arrays: Option<Vec<Vec<&str>>> = values
        .iter()
        .map(|array| {
            let inside = array.strip_prefix('{')?.strip_suffix('}')?;
            // A time stands in quotes for its blank.
            let inside = inside.split(',').map(|element| element.trim_matches('"'));
            Some(inside.collect())
        })
        .collect();
    let arrays = arrays?;
    let length = arrays.first()?.len();
    if arrays.iter().any(|array| array.len() != length) || values.iter().any(|v| v.contains('\\')) {
        return None;
    }
    let elements: Option<Vec<String>> = (0..length)
        .map(|place| {
            let element: Vec<&str> = arrays.iter().map(|array| array[place]).collect();
            one_value(of, &element, sources)
        })
        .collect();
    Some(format!("array[{}]", elements?.join(", ")))
}

/// Text in quotes; a colon ends them, or pgbench would take the word behind it for a variable.
fn literal(value: &str) -> String {
    let quoted = format!("'{}'", value.replace('\'', "''"));
    if quoted.contains(':') {
        format!("({})", quoted.replace(':', ":' || '"))
    } else {
        quoted
    }
}

/// A statement without parameters.
fn plain(sql: &str) -> Result<String, Failure> {
    put_in(sql, &[]).map(|sql| format!("{sql};"))
}

/// The driver's notes in the names of columns (`as "id!: Type"`) are no names that pgbench takes.
fn without_overrides(sql: &str) -> String {
    let mut parts = sql.split('"');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (place, part) in parts.enumerate() {
        text.push('"');
        // Every second part stands in quotes.
        text.push_str(if place % 2 == 0 {
            plain_name(part)
        } else {
            part
        });
    }
    text
}

fn plain_name(name: &str) -> &str {
    name.split(['!', '?', ':'])
        .next()
        .unwrap_or_default()
        .trim()
}

/// Puts SQL in the place of $1, $2 …; refuses what pgbench would take for a variable of its own.
fn put_in(sql: &str, expressions: &[String]) -> Result<String, Failure> {
    let cannot = |why: &str| Failure::Call(format!("a statement cannot be replayed, {why}: {sql}"));
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(at) = rest.find(['$', ':']) {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        if let Some(after) = from.strip_prefix("::") {
            text.push_str("::");
            rest = after;
            continue;
        }
        let after = &from[1..];
        if from.starts_with(':') {
            if after.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic()) {
                return Err(cannot("it holds a word behind a colon"));
            }
            text.push(':');
            rest = after;
            continue;
        }
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let expression = after[..digits]
            .parse::<usize>()
            .ok()
            .and_then(|number| expressions.get(number.checked_sub(1)?))
            .ok_or_else(|| cannot("it holds a dollar sign that names no parameter"))?;
        text.push_str(expression);
        rest = &after[digits..];
    }
    text.push_str(rest);
    Ok(text)
}

#[cfg(test)]
mod tests;
