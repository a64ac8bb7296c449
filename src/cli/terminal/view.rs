//! What the queue looks like: how many requests are in each state and class, the next ones, what changed.
//!
//! What is easily got wrong: the order here is the queue's own, first issues first and then by the receipt of the enrolment;
//! the stream tells in none.

use std::collections::BTreeMap;

use comfy_table::{Table, presets};

use crate::{
    cli::follow::View,
    proto::{ApplicantClass, PrintRequestState, QueueEntry},
};

use super::Queue;

/// The next requests that the table shows.
const NEXT_SHOWN: usize = 10;

/// The queue on a screen or in lines.
pub struct QueueView;

impl View for QueueView {
    type Of = Queue;

    const HEADING: &'static str = "Queue";

    fn word(entry: &QueueEntry) -> String {
        format!("{}={}", entry.print_request_id, state_name(entry.state()))
    }

    fn change(entry: &QueueEntry) -> String {
        let serial = if entry.serial == 0 {
            String::new()
        } else {
            format!(" blank {}", entry.serial)
        };
        let state = state_name(entry.state());
        format!("{}  {state}{serial}", entry.print_request_id)
    }

    fn body(&self, queue: &Queue) -> String {
        format!("{}\n{}", counts(queue), next(queue))
    }
}

fn counts(queue: &Queue) -> String {
    let mut by_state: BTreeMap<i32, usize> = BTreeMap::new();
    let mut by_class: BTreeMap<i32, usize> = BTreeMap::new();
    for entry in queue.entries() {
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
fn next(queue: &Queue) -> Table {
    let mut queued: Vec<&QueueEntry> = queue
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
