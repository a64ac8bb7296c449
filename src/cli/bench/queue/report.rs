//! What was measured of the server alone: cards and acts a second, and how long each kind of act takes.

use std::{fmt, time::Duration};

use serde::Serialize;

use super::super::{
    Run,
    figures::{Settings, bar, median, percentile, table},
    printer::{ACTS, Tally},
};

/// One round.
#[derive(Debug)]
pub struct Measured {
    pub tally: Tally,
    pub elapsed: Duration,
}

impl Measured {
    /// Cards that came out.
    pub fn cards_per_second(&self) -> f64 {
        self.tally.cards as f64 / self.elapsed.as_secs_f64()
    }

    /// Calls that were answered.
    pub fn acts_per_second(&self) -> f64 {
        let acts: usize = self.tally.acts.iter().map(Vec::len).sum();
        acts as f64 / self.elapsed.as_secs_f64()
    }
}

/// All rounds.
pub struct Report {
    run: Run,
    settings: Settings,
    rounds: Vec<(u32, Measured)>,
}

/// One kind of rounds.
#[derive(Debug, Serialize)]
struct Row {
    batch: u32,
    cards_per_second: f64,
    acts_per_second: f64,
    latencies: Vec<Latency>,
}

#[derive(Debug, Serialize)]
struct Latency {
    act: &'static str,
    p50_ms: f64,
    p99_ms: f64,
}

impl Report {
    /// Nothing measured yet.
    pub fn new(run: Run, settings: Settings) -> Self {
        Self {
            run,
            settings,
            rounds: Vec::new(),
        }
    }

    /// One more round.
    pub fn add(&mut self, batch: u32, measured: Measured) {
        self.rounds.push((batch, measured));
    }

    fn rows(&self) -> Vec<Row> {
        let mut batches: Vec<u32> = Vec::new();
        for (batch, _) in &self.rounds {
            if !batches.contains(batch) {
                batches.push(*batch);
            }
        }
        batches.into_iter().map(|batch| self.row(batch)).collect()
    }

    fn row(&self, batch: u32) -> Row {
        let of = || {
            self.rounds
                .iter()
                .filter(|(b, _)| *b == batch)
                .map(|(_, m)| m)
        };
        let latencies = ACTS.into_iter().enumerate().map(|(place, act)| {
            let mut all: Vec<Duration> = of().flat_map(|m| m.tally.acts[place].clone()).collect();
            all.sort_unstable();
            Latency {
                act,
                p50_ms: percentile(&all, 50),
                p99_ms: percentile(&all, 99),
            }
        });
        Row {
            batch,
            cards_per_second: median(of().map(Measured::cards_per_second).collect()),
            acts_per_second: median(of().map(Measured::acts_per_second).collect()),
            latencies: latencies.collect(),
        }
    }

    /// For machines.
    pub fn json(&self) -> String {
        serde_json::json!({
            "bench": "queue",
            "printers": self.run.site.printers,
            "districts": self.run.site.districts,
            "seconds": self.run.seconds,
            "rounds": self.run.rounds,
            "database": self.settings,
            "batches": self.rows(),
        })
        .to_string()
    }
}

/// For people.
impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let most = rows
            .iter()
            .map(|row| row.cards_per_second)
            .fold(0.0, f64::max);
        let mut lines = Vec::new();
        for row in &rows {
            for (place, latency) in row.latencies.iter().enumerate() {
                let first = |text: String| if place == 0 { text } else { String::new() };
                lines.push(vec![
                    first(row.batch.to_string()),
                    first(format!("{:.0}", row.cards_per_second)),
                    first(format!("{:.0}", row.acts_per_second)),
                    format!("{:.1}", latency.p50_ms),
                    format!("{:.1}", latency.p99_ms),
                    latency.act.to_owned(),
                    first(bar(row.cards_per_second, most)),
                ]);
            }
        }
        let header = [
            "together", "cards/s", "acts/s", "p50 ms", "p99 ms", "act", "",
        ];
        writeln!(out, "{}", table(&header, 0..5, lines))?;
        write!(
            out,
            "{} printers in {} districts, {} rounds of {} s, medians; {}",
            self.run.site.printers,
            self.run.site.districts,
            self.run.rounds,
            self.run.seconds,
            self.settings.words(),
        )
    }
}
