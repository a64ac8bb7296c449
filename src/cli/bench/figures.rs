//! What all benches' reports are made of: how the database is set, medians, percentiles, bars, tables.
//!
//! A figure without durability is no figure: a bench refuses to measure on a server that does not write what it promises.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use sqlx::{ConnectOptions as _, Executor as _, Row as _, postgres::PgConnectOptions};

use crate::cli::Failure;

/// The length of the longest bar.
const BAR: f64 = 24.0;

/// How the database is set.
#[derive(Debug, Clone, Serialize)]
pub struct Settings {
    pub postgres: String,
    pub fsync: String,
    pub synchronous_commit: String,
    pub full_page_writes: String,
}

impl Settings {
    /// As a session of this kind finds them; a failure where one of the three is off.
    pub async fn durable(options: &PgConnectOptions) -> Result<Self, Failure> {
        let row = options
            .connect()
            .await?
            .fetch_one(
                "select current_setting('server_version'), current_setting('fsync'),
                     current_setting('synchronous_commit'), current_setting('full_page_writes')",
            )
            .await?;
        let settings = Self {
            postgres: row.try_get(0)?,
            fsync: row.try_get(1)?,
            synchronous_commit: row.try_get(2)?,
            full_page_writes: row.try_get(3)?,
        };
        let off = [
            ("fsync", &settings.fsync),
            ("synchronous_commit", &settings.synchronous_commit),
            ("full_page_writes", &settings.full_page_writes),
        ]
        .into_iter()
        .find(|(_, value)| *value == "off");
        match off {
            None => Ok(settings),
            Some((name, _)) => Err(Failure::Call(format!(
                "nothing was measured: {name} is off in this database, so what it answers may be lost; switch it on"
            ))),
        }
    }

    /// In one line.
    pub fn words(&self) -> String {
        let Self {
            postgres,
            fsync,
            synchronous_commit,
            full_page_writes,
        } = self;
        format!(
            "PostgreSQL {postgres}, fsync {fsync}, synchronous_commit {synchronous_commit}, \
             full_page_writes {full_page_writes}"
        )
    }
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// In milliseconds, of sorted latencies.
pub fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted
        .get(place)
        .map_or(0.0, |latency| latency.as_secs_f64() * 1_000.0)
}

/// As long as the share of the longest.
pub fn bar(value: f64, longest: f64) -> String {
    let length = (value / longest.max(f64::EPSILON) * BAR).round();
    (0..)
        .map(f64::from)
        .take_while(|at| *at < length)
        .map(|_| '█')
        .collect()
}

/// A table with these columns, of which these hold numbers.
pub fn table(header: &[&str], numbers: std::ops::Range<usize>, rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_slowest_are_found() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        let sorted: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert!((percentile(&sorted, 50) - 51.0).abs() < 0.001);
        assert!((percentile(&sorted, 99) - 100.0).abs() < 0.001);
        assert!(percentile(&[], 99).abs() < f64::EPSILON);
    }
}
