//! What was measured: medians over the rounds, ratios to the product, a bar for each.

use std::{fmt, time::Duration};

use serde::Serialize;

use super::{
    super::figures::{Settings, bar, median, percentile, table},
    Print, VARIANTS, Variant,
};

/// One round of one variant.
#[derive(Debug)]
pub struct Measured {
    pub cards_per_second: f64,
    pub latencies: Vec<Duration>,
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
            median(
                self.of(variant)
                    .map(|measured| measured.cards_per_second)
                    .collect(),
            )
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
        let rows = self.rows();
        let fastest = rows
            .iter()
            .map(|row| row.cards_per_second)
            .fold(0.0, f64::max);
        let lines = rows.into_iter().map(|row| {
            vec![
                row.variant.to_owned(),
                format!("{:.0}", row.cards_per_second),
                format!("{:.2}", row.ratio),
                format!("{:.1}", row.call_p50_ms),
                format!("{:.1}", row.call_p99_ms),
                bar(row.cards_per_second, fastest),
            ]
        });
        let header = [
            "variant",
            "cards/s",
            "ratio",
            "call p50 ms",
            "call p99 ms",
            "",
        ];
        writeln!(out, "{}", table(&header, 1..5, lines.collect()))?;
        write!(
            out,
            "{} printers in {} districts, {} cards each and round, {} together, {} rounds; {}",
            self.print.printers,
            self.print.districts,
            self.print.cards,
            self.print.batch,
            self.print.rounds,
            self.settings.words(),
        )
    }
}
