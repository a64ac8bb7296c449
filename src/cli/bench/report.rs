//! What was measured: medians over the rounds, ratios to the product, a bar for each.

use std::{fmt, time::Duration};

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::{Print, VARIANTS, Variant};

/// The length of the longest bar.
const BAR: f64 = 24.0;

/// One round of one variant.
#[derive(Debug)]
pub struct Measured {
    pub cards_per_second: f64,
    pub latencies: Vec<Duration>,
}

/// How the database was set; without these a figure means nothing.
#[derive(Debug, Clone, Serialize)]
pub struct Settings {
    pub postgres: String,
    pub fsync: String,
    pub synchronous_commit: String,
    pub full_page_writes: String,
}

/// All rounds.
pub struct Report {
    print: Print,
    settings: Settings,
    rounds: Vec<(Variant, Measured)>,
}

#[derive(Serialize)]
struct Row {
    variant: &'static str,
    cards_per_second: f64,
    /// Of the product: 1.0.
    ratio: f64,
    call_p50_ms: f64,
    call_p99_ms: f64,
}

impl Report {
    /// Nothing measured yet.
    pub fn new(print: Print, settings: Settings) -> Self {
        Self {
            print,
            settings,
            rounds: Vec::new(),
        }
    }

    /// One more round.
    pub fn add(&mut self, variant: Variant, measured: Measured) {
        self.rounds.push((variant, measured));
    }

    fn rows(&self) -> Vec<Row> {
        let speed = |variant: Variant| {
            let mut speeds: Vec<f64> = self
                .of(variant)
                .map(|measured| measured.cards_per_second)
                .collect();
            speeds.sort_by(f64::total_cmp);
            speeds.get(speeds.len() / 2).copied().unwrap_or_default()
        };
        let product = speed(VARIANTS[0]);
        VARIANTS
            .into_iter()
            .map(|variant| {
                let mut latencies: Vec<Duration> = self
                    .of(variant)
                    .flat_map(|measured| measured.latencies.iter().copied())
                    .collect();
                latencies.sort_unstable();
                Row {
                    variant: variant.name,
                    cards_per_second: speed(variant),
                    ratio: speed(variant) / product,
                    call_p50_ms: percentile(&latencies, 50),
                    call_p99_ms: percentile(&latencies, 99),
                }
            })
            .collect()
    }

    fn of(&self, variant: Variant) -> impl Iterator<Item = &Measured> {
        self.rounds
            .iter()
            .filter(move |(of, _)| *of == variant)
            .map(|(_, measured)| measured)
    }

    /// For machines.
    pub fn json(&self) -> String {
        let Print {
            printers,
            districts,
            cards,
            batch,
            rounds,
            ..
        } = self.print;
        serde_json::json!({
            "bench": "print",
            "printers": printers,
            "districts": districts,
            "cards_per_printer_and_round": cards,
            "batch": batch,
            "rounds": rounds,
            "database": self.settings,
            "variants": self.rows(),
        })
        .to_string()
    }
}

/// For people.
impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        table.set_header([
            "variant",
            "cards/s",
            "ratio",
            "call p50 ms",
            "call p99 ms",
            "",
        ]);
        let rows = self.rows();
        let fastest = rows
            .iter()
            .map(|row| row.cards_per_second)
            .fold(f64::EPSILON, f64::max);
        for row in rows {
            let length = (row.cards_per_second / fastest * BAR).round();
            let bar: String = (0..)
                .map(f64::from)
                .take_while(|at| *at < length)
                .map(|_| '█')
                .collect();
            table.add_row([
                row.variant.to_owned(),
                format!("{:.0}", row.cards_per_second),
                format!("{:.2}", row.ratio),
                format!("{:.1}", row.call_p50_ms),
                format!("{:.1}", row.call_p99_ms),
                bar,
            ]);
        }
        for column in 1..=4 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let Settings {
            postgres,
            fsync,
            synchronous_commit,
            full_page_writes,
        } = &self.settings;
        writeln!(out, "{table}")?;
        write!(
            out,
            "{} printers in {} districts, {} cards each and round, {} together, {} rounds; PostgreSQL {postgres}, \
             fsync {fsync}, synchronous_commit {synchronous_commit}, full_page_writes {full_page_writes}",
            self.print.printers,
            self.print.districts,
            self.print.cards,
            self.print.batch,
            self.print.rounds,
        )
    }
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted
        .get(place)
        .map_or(0.0, |latency| latency.as_secs_f64() * 1_000.0)
}
