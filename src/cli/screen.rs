//! How a follower of the queue is shown: a table drawn in place for people, and one line per message for scripts.
//!
//! What is easily got wrong: "live as of" is the time of the last thing told, never a sign that a connection is open.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
    io::{self, Write as _},
};

use comfy_table::{Table, presets};

use crate::proto::{ApplicantClass, PrintRequestState, QueueEntry};

use super::{
    picture::{Picture, Told},
    terminal::clock_face,
};

/// The next requests that the table shows.
const NEXT_SHOWN: usize = 10;
/// The last changes that are shown.
const CHANGES_SHOWN: usize = 6;

/// One line for each message, so that a script can check the revisions.
pub struct Lines;

impl Lines {
    pub fn told(&mut self, picture: &Picture, told: &Told) {
        let line = match told {
            Told::Building => return,
            Told::Snapshot {
                revision,
                topic_revision,
                entries,
            } => {
                format!(
                    "snapshot revision={revision} topic_revision={topic_revision} entries={entries}"
                )
            }
            Told::Change(change) => {
                let mut line = format!(
                    "change prior={} revision={}",
                    change.prior_revision, change.revision
                );
                if change.more {
                    line.push_str(" more");
                }
                for entry in &change.entries {
                    let _ = write!(
                        line,
                        " {}={}",
                        entry.print_request_id,
                        state_name(entry.state())
                    );
                }
                line
            }
            Told::Bookmark {
                revision,
                topic_revision,
            } => {
                format!("bookmark revision={revision} topic_revision={topic_revision}")
            }
            Told::Stale => {
                let since = picture.stale_since().map(clock_face).unwrap_or_default();
                format!("stale since={}", since.replace(' ', ""))
            }
            Told::Resync(reason) => {
                format!(
                    "resync reason={}",
                    reason.as_str_name().trim_start_matches("RESYNC_REASON_")
                )
            }
            Told::Drain(after, spread) => {
                format!(
                    "drain after={}s spread={}s",
                    after.as_secs_f64(),
                    spread.as_secs_f64()
                )
            }
            Told::Unknown => "unknown".to_owned(),
        };
        say(&line);
    }

    pub fn notice(&mut self, notice: &str) {
        eprintln!("{notice}");
    }
}

/// A table that is drawn over itself.
pub struct Screen {
    title: String,
    changes: VecDeque<String>,
    notice: String,
}

impl Screen {
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            changes: VecDeque::new(),
            notice: String::new(),
        }
    }

    pub fn told(&mut self, told: &Told) {
        match told {
            Told::Change(change) => {
                let at = change
                    .as_of_time
                    .as_ref()
                    .map(clock_face)
                    .unwrap_or_default();
                for entry in &change.entries {
                    self.changes.push_front(changed(&at, entry));
                }
                self.changes.truncate(CHANGES_SHOWN);
                self.notice.clear();
            }
            Told::Snapshot { .. } | Told::Bookmark { .. } => self.notice.clear(),
            Told::Stale => "the server cannot see the ledger; the picture may be old"
                .clone_into(&mut self.notice),
            Told::Resync(reason) => {
                let reason = reason.as_str_name().trim_start_matches("RESYNC_REASON_");
                self.notice = format!("resync ({reason}): a fresh picture follows");
            }
            Told::Drain(..) => {
                "the server goes away; this window follows it".clone_into(&mut self.notice)
            }
            Told::Building | Told::Unknown => {}
        }
    }

    pub fn notice(&mut self, notice: &str) {
        notice.clone_into(&mut self.notice);
    }

    pub fn draw(&mut self, picture: &Picture) {
        // From the upper left corner: counting lines would go wrong where a narrow window wraps them.
        let text = format!("\x1b[H\x1b[J{}", self.frame(picture));
        let mut out = io::stdout().lock();
        // A window that is gone ends the program by its signal; there is nobody left to tell.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn frame(&self, picture: &Picture) -> String {
        let as_of = picture
            .as_of()
            .map_or_else(|| "not live yet".to_owned(), clock_face);
        let live = match picture.stale_since() {
            Some(since) => format!("STALE since {}", clock_face(since)),
            None => format!("live as of {as_of}"),
        };
        let mut frame = format!(
            "Queue at {} - {live} - revision {}\n",
            self.title,
            picture.revision()
        );
        let _ = writeln!(frame, "{}", counts(picture));
        let _ = writeln!(frame, "{}", next(picture));
        frame.push_str("last changes\n");
        for place in 0..CHANGES_SHOWN {
            let _ = writeln!(
                frame,
                "  {}",
                self.changes.get(place).map_or("", String::as_str)
            );
        }
        let _ = writeln!(frame, "{}", self.notice);
        frame
    }
}

fn counts(picture: &Picture) -> String {
    let mut by_state: BTreeMap<i32, usize> = BTreeMap::new();
    let mut by_class: BTreeMap<i32, usize> = BTreeMap::new();
    for entry in picture.entries() {
        *by_state.entry(entry.state).or_default() += 1;
        *by_class.entry(entry.applicant_class).or_default() += 1;
    }
    let states = [
        PrintRequestState::Queued,
        PrintRequestState::Held,
        PrintRequestState::Leased,
        PrintRequestState::Bound,
        PrintRequestState::InDoubt,
    ];
    let classes = [
        ApplicantClass::FirstIssue,
        ApplicantClass::Relocation,
        ApplicantClass::DataChange,
        ApplicantClass::InterimExchange,
        ApplicantClass::Lost,
        ApplicantClass::Damaged,
        ApplicantClass::ReplaceDefective,
    ];
    let mut words = Vec::new();
    for state in states {
        let count = by_state.get(&i32::from(state)).copied().unwrap_or_default();
        words.push(format!("{} {count}", state_name(state)));
    }
    for class in classes {
        let count = by_class.get(&i32::from(class)).copied().unwrap_or_default();
        words.push(format!("{} {count}", class_name(class)));
    }
    words.join("  ")
}

/// The next in the order of the queue: first issues first, then by the receipt of the enrolment.
fn next(picture: &Picture) -> Table {
    let mut queued: Vec<&QueueEntry> = picture
        .entries()
        .filter(|entry| entry.state() == PrintRequestState::Queued)
        .collect();
    queued.sort_unstable_by_key(|entry| {
        let received = entry
            .seniority_time
            .as_ref()
            .map(|at| (at.seconds, at.nanos));
        (
            entry.applicant_class,
            received,
            entry.print_request_id.as_str(),
        )
    });
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header([
        "next",
        "print request",
        "class",
        "enrolled",
        "subdistrict",
        "attempt",
    ]);
    for place in 0..NEXT_SHOWN {
        // Always as many rows, so that the frame keeps its height.
        table.add_row(match queued.get(place) {
            Some(entry) => [
                (place + 1).to_string(),
                entry.print_request_id.clone(),
                class_name(entry.applicant_class()).to_owned(),
                entry.seniority_time.as_ref().map(day).unwrap_or_default(),
                entry.subdistrict.clone(),
                entry.attempt.to_string(),
            ],
            None => [const { String::new() }; 6],
        });
    }
    table
}

fn changed(at: &str, entry: &QueueEntry) -> String {
    let serial = if entry.serial == 0 {
        String::new()
    } else {
        format!(" blank {}", entry.serial)
    };
    format!(
        "{at}  {}  {}{serial}",
        entry.print_request_id,
        state_name(entry.state())
    )
}

fn day(at: &prost_types::Timestamp) -> String {
    time::OffsetDateTime::from_unix_timestamp(at.seconds)
        .map(|at| at.date().to_string())
        .unwrap_or_default()
}

fn state_name(state: PrintRequestState) -> &'static str {
    state
        .as_str_name()
        .trim_start_matches("PRINT_REQUEST_STATE_")
}

fn class_name(class: ApplicantClass) -> &'static str {
    class.as_str_name().trim_start_matches("APPLICANT_CLASS_")
}

/// Prints a line at once: a script that reads along must not wait for a full buffer.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    // A reader that is gone is no reason to fail.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_keeps_its_height() {
        let mut screen = Screen::new("https://127.0.0.1:50575 35.75");
        let empty = screen.frame(&Picture::default());
        let change = crate::proto::QueueChange {
            entries: vec![QueueEntry::default(); 40],
            ..crate::proto::QueueChange::default()
        };
        screen.told(&Told::Change(change));
        screen.notice("reconnecting in 1.0 s");
        let full = screen.frame(&Picture::default());
        assert_eq!(empty.lines().count(), full.lines().count());
        assert!(full.contains("not live yet"));
    }
}
