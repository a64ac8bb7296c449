//! What a district's stores look like: a table with bars, what is under way, open cases; or lines for scripts.
//!
//! What is easily got wrong: the quantities are the stream's and of the last change; what stands beside them was asked some
//! seconds before or after, so a sum over both may be off for a moment.

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc};

use comfy_table::{CellAlignment, Table};
use prost_types::Timestamp;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::sync::{Notify, watch};

use crate::{
    cli::{
        findings::{counted, table},
        follow::View,
    },
    clock::Clock,
    inventory::Location,
    proto::{CustodyState, DaysToEmpty, SerialRange, Shipment, StockCase, StockEntry},
};

use super::{
    STORES_SHOWN,
    ask::Answers,
    holdings::{Holdings, STATES, Sums},
    order,
};

/// The longest bar.
const BAR: u64 = 12;
/// Shipments and cases that have a line on the screen.
const LINES_SHOWN: usize = 5;

/// A district's stores on a screen or in lines.
pub struct StockView {
    changed: Arc<Notify>,
    answers: watch::Receiver<Answers>,
    /// The lines of the last answers; only those that differ are told again.
    told: Vec<String>,
}

impl StockView {
    /// Rings whenever something has changed, and shows the answers.
    pub fn new(changed: Arc<Notify>, answers: watch::Receiver<Answers>) -> Self {
        Self {
            changed,
            answers,
            told: Vec::new(),
        }
    }
}

impl View for StockView {
    type Of = Holdings;

    const HEADING: &'static str = "Stock";

    fn word(entry: &StockEntry) -> String {
        let serials = entry.serials.as_ref().map(run).unwrap_or_default();
        format!("{serials}@{}={}", entry.location, name(entry.state()))
    }

    fn change(entry: &StockEntry) -> String {
        let serials = entry.serials.as_ref();
        format!(
            "{} at {}  {} ({})",
            serials.map(run).unwrap_or_default(),
            entry.location,
            name(entry.state()),
            counted(serials.map(count).unwrap_or_default())
        )
    }

    fn sums(held: &Holdings) -> String {
        let total = held.total();
        let mut words = String::new();
        for state in STATES {
            let key = name(state).to_lowercase();
            let _ = write!(words, " {key}={}", total.of(state));
        }
        words
    }

    fn body(&self, held: &Holdings) -> String {
        // A case's clock runs in real time, whatever was told last.
        body(held, &self.answers.borrow(), Clock::System.now())
    }

    fn changed(&mut self) {
        self.changed.notify_one();
    }

    fn beside(&mut self) -> Option<Vec<String>> {
        if !self.answers.has_changed().unwrap_or_default() {
            return None;
        }
        let lines = lines(&self.answers.borrow_and_update());
        let is_new = |line: &&String| !self.told.contains(line);
        let new = lines.iter().filter(is_new).cloned().collect();
        self.told = lines;
        Some(new)
    }
}

fn body(held: &Holdings, answers: &Answers, now: OffsetDateTime) -> String {
    let mut body = stores(held, answers).to_string();
    body.push('\n');
    let mut shipments: Vec<&Shipment> = answers.shipments.values().collect();
    shipments.sort_by_key(|shipment| {
        let sent = shipment.dispatch_time.as_ref();
        sent.map(|at| (at.seconds, at.nanos))
    });
    if answers.stores.is_empty() {
        body.push_str("under way: not answered yet\n");
    } else {
        let under_way = shipments.into_iter().map(shipment_in_words);
        section(&mut body, "under way", under_way.collect());
    }
    match &answers.cases {
        Some(cases) => {
            let cases = cases.iter().map(|case| case_in_words(case, now));
            section(&mut body, "open cases", cases.collect());
        }
        None => body.push_str("open cases: shown to an officer at work here (--shift)\n"),
    }
    if !answers.trouble.is_empty() {
        let _ = writeln!(body, "asked in vain: {}", answers.trouble);
    }
    body
}

fn section(body: &mut String, title: &str, lines: Vec<String>) {
    let _ = writeln!(body, "{title}: {}", counted(lines.len() as u64));
    for line in lines.iter().take(LINES_SHOWN) {
        let _ = writeln!(body, "  {line}");
    }
    if lines.len() > LINES_SHOWN {
        let _ = writeln!(body, "  and {} more", lines.len() - LINES_SHOWN);
    }
}

/// A row for each store and unit, and one for all of them.
fn stores(held: &Holdings, answers: &Answers) -> Table {
    let mut table = table();
    let mut header = vec!["store".to_owned(), String::new()];
    header.extend(STATES.map(|state| name(state).to_lowercase().replace('_', "\n")));
    header.extend(["received", "sent\non", "days\nleft"].map(str::to_owned));
    table.set_header(header);

    let sums = held.by_location();
    let known: BTreeSet<&Location> = sums.keys().chain(&answers.stores).collect();
    let mut known: Vec<&Location> = known.into_iter().collect();
    known.sort_by_key(|location| order(location));
    let nothing = Sums::default();
    let of = |location: &Location| sums.get(location).unwrap_or(&nothing);
    let in_stock = |location: &&Location| of(location).of(CustodyState::InStock);
    let largest = known.iter().map(in_stock).max().unwrap_or_default();
    for location in known.iter().take(STORES_SHOWN) {
        let mut row = vec![location.to_string(), bar(in_stock(location), largest)];
        row.extend(STATES.map(|state| counted(of(location).of(state))));
        if let Some(account) = answers.accounts.get(location) {
            row.extend([account.received, account.sent_on].map(counted));
            // Of an office's own store it is about all of them.
            let days = account.days_to_empty.as_ref();
            let days = days.filter(|_| !location.is_of_office());
            row.push(days.map(lasting).unwrap_or_default());
        }
        table.add_row(row);
    }
    let hidden = known.len().saturating_sub(STORES_SHOWN);
    let all = match hidden {
        0 => "all".to_owned(),
        more => format!("all, with {more} more"),
    };
    let mut row = vec![all, String::new()];
    let total = held.total();
    row.extend(STATES.map(|state| counted(total.of(state))));
    let office = answers.accounts.iter().find(|(at, _)| at.is_of_office());
    let days = office.and_then(|(_, account)| account.days_to_empty.as_ref());
    row.extend([
        String::new(),
        String::new(),
        days.map(lasting).unwrap_or_default(),
    ]);
    table.add_row(row);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// What is in stock beside the fullest store; what is not nothing shows.
fn bar(in_stock: u64, largest: u64) -> String {
    let blocks = (in_stock * BAR).div_ceil(largest.max(1));
    "█".repeat(usize::try_from(blocks).unwrap_or_default())
}

fn lasting(days: &DaysToEmpty) -> String {
    let (expected, low) = (days.expected_days, days.low_days);
    match days.high_days {
        Some(high) => format!("{expected:.1} ({low:.1}-{high:.1})"),
        None => format!("{expected:.1} ({low:.1} or more)"),
    }
}

fn shipment_in_words(shipment: &Shipment) -> String {
    format!(
        "{} from {} to {}, since {}",
        counted(shipment.dispatched_quantity),
        shipment.origin,
        shipment.destination,
        written(shipment.dispatch_time.as_ref())
    )
}

fn case_in_words(case: &StockCase, now: OffsetDateTime) -> String {
    format!(
        "{} of {} at {}, with {}: {}",
        kind(case),
        counted(open(case)),
        case.location,
        case.counterpart,
        clock(case.due_time.as_ref(), now)
    )
}

/// How long a case's clock still runs.
fn clock(due: Option<&Timestamp>, now: OffsetDateTime) -> String {
    let Some(due) = due.and_then(instant) else {
        return String::new();
    };
    let minutes = (due - now).whole_minutes();
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let length = match hours / 24 {
        0 => format!("{hours} h {rest} min"),
        days => format!("{days} d {} h", hours % 24),
    };
    if due < now {
        format!("OVERDUE for {length}")
    } else {
        format!("{length} left")
    }
}

/// The answers for scripts: a line for each account, shipment and case, and one that counts them.
fn lines(answers: &Answers) -> Vec<String> {
    let mut lines = Vec::new();
    for (location, account) in &answers.accounts {
        let mut line = format!(
            "account location={location} received={} sent_on={}",
            account.received, account.sent_on
        );
        if let Some(days) = &account.days_to_empty {
            let (expected, low) = (days.expected_days, days.low_days);
            let _ = write!(line, " days={expected:.1} low={low:.1}");
            if let Some(high) = days.high_days {
                let _ = write!(line, " high={high:.1}");
            }
        }
        lines.push(line);
    }
    for shipment in answers.shipments.values() {
        lines.push(format!(
            "shipment id={} from={} to={} quantity={}",
            shipment.shipment_id,
            shipment.origin,
            shipment.destination,
            shipment.dispatched_quantity
        ));
    }
    for case in answers.cases.iter().flatten() {
        lines.push(format!(
            "case id={} kind={} location={} counterpart={} quantity={} due={}",
            case.case_id,
            kind(case),
            case.location,
            case.counterpart,
            open(case),
            written(case.due_time.as_ref())
        ));
    }
    // The district's own store is always among them: without it nothing was answered yet.
    if !answers.stores.is_empty() {
        let mut counts = format!("open shipments={}", answers.shipments.len());
        if let Some(cases) = &answers.cases {
            let _ = write!(counts, " cases={}", cases.len());
        }
        lines.push(counts);
    }
    if !answers.trouble.is_empty() {
        lines.push(format!("unanswered {}", answers.trouble));
    }
    lines
}

fn open(case: &StockCase) -> u64 {
    case.open_serials.iter().map(count).sum()
}

fn count(range: &SerialRange) -> u64 {
    range.last.abs_diff(range.first).saturating_add(1)
}

fn run(range: &SerialRange) -> String {
    format!("{}-{}", range.first, range.last)
}

fn instant(at: &Timestamp) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(at.seconds).ok()
}

fn written(at: Option<&Timestamp>) -> String {
    at.and_then(instant)
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

fn name(state: CustodyState) -> &'static str {
    state.as_str_name().trim_start_matches("CUSTODY_STATE_")
}

fn kind(case: &StockCase) -> &'static str {
    let kind = case.kind().as_str_name();
    kind.trim_start_matches("STOCK_CASE_KIND_")
}

#[cfg(test)]
mod tests;
