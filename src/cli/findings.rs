//! What the two audits show alike: how far they are, what they found, what they counted.
//!
//! What is easily got wrong: findings beyond the listed ones are counted too, so a summary and an exit code that come from
//! the list alone would say less than was found.

use std::fmt::Display;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};

use super::demo::table::grouped;

/// How far an audit is; the bar hides itself where standard error is no terminal.
pub fn progress(what: &'static str, all: u64) -> ProgressBar {
    let bar = ProgressBar::new(all);
    let style = ProgressStyle::with_template("{prefix} {bar:40} {pos:>9}/{len} {per_sec}");
    bar.set_style(style.expect("the template is a constant"));
    bar.set_prefix(what);
    bar
}

/// Prints what was found, a line each, and how much more there is.
pub fn print<F: Display>(findings: &[F], unlisted: u64) {
    for finding in findings {
        println!("{finding}");
    }
    if unlisted > 0 {
        println!("and {unlisted} more");
    }
}

/// What was counted, with the figures on the right.
pub fn summary(counts: &[(&str, u64)]) -> Table {
    let mut table = table();
    for (what, count) in counts {
        table.add_row([(*what).to_owned(), counted(*count)]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// An empty table of this look.
pub fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table
}

/// A quantity for people.
pub fn counted(count: u64) -> String {
    grouped(usize::try_from(count).unwrap_or(usize::MAX))
}
