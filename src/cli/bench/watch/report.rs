//! What was measured, beside the bars that the product has set itself.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::{super::figures::Settings, stalled::Stalled, storm::Storm, tally::Times};

/// Resident memory of a server with all the nation's terminals.
const MEMORY_MIB: f64 = 400.0;
/// Of one core, while nothing happens.
const IDLE_SHARE: f64 = 0.05;
/// What the contract calls usual.
const FRESH_P50_MS: f64 = 25.0;
/// From commit to terminal, all but the last hundredth.
const FRESH_P99_MS: f64 = 150.0;
/// Everybody is back after a server's death.
const BACK_SECONDS: f64 = 30.0;
/// Beside terminals that do not read, the others may be so much slower.
const STALLED_RATIO: f64 = 1.10;
/// And each may hold so much of the server's memory.
const STALLED_KIB: f64 = 64.0;
/// And is closed neither earlier
const CLOSED_LEAST_SECONDS: f64 = 25.0;
/// nor later.
const CLOSED_MOST_SECONDS: f64 = 35.0;

/// Everything that a run has seen.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    pub database: Settings,
    pub streams: u32,
    pub crowd: u32,
    pub districts: u32,
    pub people_per_queue: u32,
    pub connected: Connected,
    pub idle: Option<Idle>,
    pub freshness: Freshness,
    pub stalled: Option<Stalled>,
    /// The most that the first server ever had, stalled readers included.
    pub memory_most_kib: u64,
    pub storm: Option<Storm>,
}

/// The terminals' coming.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Connected {
    pub seconds: f64,
    pub handshakes_per_second: f64,
    pub memory_before_kib: u64,
    pub memory_kib: u64,
    pub kib_per_stream: f64,
    pub server_processor_seconds: f64,
}

/// Nothing happened.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Idle {
    pub seconds: u32,
    pub share_of_core: f64,
}

/// Changes came.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Freshness {
    pub asked_per_second: f64,
    pub done_per_second: f64,
    pub deliveries: u64,
    /// From the last statement before a commit to the terminal.
    pub from_commit: Times,
    /// From the time an act was due to its answer.
    pub acts: Times,
    /// Cores that the server kept busy.
    pub cores: f64,
    pub memory_kib: u64,
}

/// One line: what it is, what was seen, and the bar where there is one.
struct Line {
    what: &'static str,
    seen: String,
    bar: Option<(String, bool)>,
}

impl Line {
    fn seen(what: &'static str, seen: String) -> Self {
        Self {
            what,
            seen,
            bar: None,
        }
    }

    fn at_most(what: &'static str, seen: f64, bar: f64, unit: &str) -> Self {
        Self {
            what,
            seen: format!("{seen:.1} {unit}"),
            bar: Some((format!("≤ {bar:.1} {unit}"), seen <= bar)),
        }
    }
}

impl Figures {
    /// For machines.
    pub fn json(&self) -> String {
        let bars: Vec<_> = self
            .lines()
            .into_iter()
            .filter_map(|line| {
                let (bar, met) = line.bar?;
                Some(serde_json::json!({
                    "what": line.what, "seen": line.seen, "bar": bar, "met": met
                }))
            })
            .collect();
        serde_json::json!({"bench": "watch", "figures": self, "bars": bars}).to_string()
    }

    fn lines(&self) -> Vec<Line> {
        let connected = self.connected;
        let mut lines = vec![
            Line::seen(
                "terminals came",
                format!(
                    "in {:.1} s, {:.0} a second",
                    connected.seconds, connected.handshakes_per_second
                ),
            ),
            Line::seen(
                "memory of a stream",
                format!("{:.1} KiB", connected.kib_per_stream),
            ),
        ];
        if let Some(idle) = self.idle {
            let (seen, bar) = (idle.share_of_core * 100.0, IDLE_SHARE * 100.0);
            lines.push(Line::at_most("idle", seen, bar, "% of a core"));
        }
        lines.extend(self.fresh_lines());
        if let Some(stalled) = &self.stalled {
            lines.extend(stalled_lines(stalled));
        }
        if let Some(storm) = &self.storm {
            lines.extend(storm_lines(storm));
        }
        lines
    }

    fn fresh_lines(&self) -> Vec<Line> {
        let fresh = self.freshness;
        vec![
            Line::seen(
                "changes",
                format!(
                    "{:.1} a second, {} deliveries",
                    fresh.done_per_second, fresh.deliveries
                ),
            ),
            Line::at_most(
                "commit to terminal, p50",
                fresh.from_commit.p50_ms,
                FRESH_P50_MS,
                "ms",
            ),
            Line::at_most(
                "commit to terminal, p99",
                fresh.from_commit.p99_ms,
                FRESH_P99_MS,
                "ms",
            ),
            Line::seen(
                "commit to terminal, longest",
                format!("{:.1} ms", fresh.from_commit.max_ms),
            ),
            Line::seen(
                "an act, p50 and p99",
                format!("{:.1} and {:.1} ms", fresh.acts.p50_ms, fresh.acts.p99_ms),
            ),
            Line::seen("server at work", format!("{:.2} cores", fresh.cores)),
            Line::at_most(
                "resident memory, most",
                mib(self.memory_most_kib),
                MEMORY_MIB,
                "MiB",
            ),
        ]
    }
}

fn stalled_lines(stalled: &Stalled) -> Vec<Line> {
    let (least, most) = (
        stalled.closed_after_seconds_least,
        stalled.closed_after_seconds_most,
    );
    let in_time = least >= CLOSED_LEAST_SECONDS && most <= CLOSED_MOST_SECONDS;
    let ends: Vec<String> = stalled
        .ended
        .iter()
        .map(|(words, count)| format!("{count} × {words}"))
        .collect();
    vec![
        Line::at_most("beside stalled, p50", stalled.p50_ratio, STALLED_RATIO, "×"),
        Line::at_most("beside stalled, p99", stalled.p99_ratio, STALLED_RATIO, "×"),
        Line::at_most(
            "memory of a stalled one",
            stalled.kib_each,
            STALLED_KIB,
            "KiB",
        ),
        Line {
            what: "stalled ones closed after",
            seen: format!("{least:.1} to {most:.1} s"),
            bar: Some((
                format!("{CLOSED_LEAST_SECONDS:.0} to {CLOSED_MOST_SECONDS:.0} s"),
                in_time,
            )),
        },
        Line::seen("and with", ends.join("; ")),
    ]
}

fn storm_lines(storm: &Storm) -> Vec<Line> {
    vec![
        Line::seen(
            "a new server stood",
            format!("{:.1} s after the kill", storm.serving_after_seconds),
        ),
        Line::seen(
            "every office had a change",
            format!("{:.1} s after the kill", storm.changed_after_seconds),
        ),
        Line::at_most(
            "all back and caught up",
            storm.back_after_seconds,
            BACK_SECONDS,
            "s",
        ),
        Line::seen("tries in vain", storm.tries_in_vain.to_string()),
        Line::seen(
            "database meanwhile, p50 and p99",
            format!(
                "{:.1} and {:.1} ms",
                storm.database.p50_ms, storm.database.p99_ms
            ),
        ),
    ]
}

/// For people.
impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        table.set_header(["", "seen", "bar", ""]);
        for line in self.lines() {
            let (bar, met) = match line.bar {
                Some((bar, true)) => (bar, "kept"),
                Some((bar, false)) => (bar, "MISSED"),
                None => (String::new(), ""),
            };
            table.add_row([line.what.to_owned(), line.seen, bar, met.to_owned()]);
        }
        for column in 1..=2 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        writeln!(out, "{table}")?;
        write!(
            out,
            "{} streams over {} offices, {} of them in one that has every tenth change; {} people in each queue; {}",
            self.streams,
            self.districts,
            self.crowd,
            self.people_per_queue,
            self.database.words()
        )
    }
}

fn mib(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1_024.0
}
