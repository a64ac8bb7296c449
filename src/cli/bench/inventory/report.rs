//! What was measured, beside the bars that the product has set itself.

use std::fmt;

use serde::Serialize;

use super::{
    super::figures::{Settings, bar, table},
    Inventory,
    books::{Rows, Size},
    lookups::Lookups,
    shipping::Shipments,
};

/// LocateBlank at the server, all but the last hundredth.
const LOCATE_P99_MS: f64 = 1.0;
/// Rows of the custody to maximal runs of one holder and state.
const ROWS_RATIO: f64 = 1.01;
/// Shipments a second.
const SHIPMENTS: f64 = 300.0;
/// Of what the server's statements alone would do.
const CEILING_SHARE: f64 = 0.5;

/// Everything that a run has seen.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    pub database: Settings,
    pub stores: usize,
    pub custody: Rows,
    /// After the shipments.
    pub custody_at_the_end: Rows,
    pub sizes: Vec<Size>,
    pub locate: Lookups,
    pub shipments: Shipments,
}

/// All of it, with what was asked for.
pub struct Report {
    pub inventory: Inventory,
    pub figures: Figures,
}

/// A figure that has a bar.
#[derive(Debug, Serialize)]
struct Verdict {
    what: &'static str,
    seen: f64,
    at: &'static str,
    bar: f64,
    reached: bool,
}

fn at_most(what: &'static str, seen: f64, bar: f64) -> Verdict {
    Verdict {
        what,
        seen,
        at: "at most",
        bar,
        reached: seen <= bar,
    }
}

fn at_least(what: &'static str, seen: f64, bar: f64) -> Verdict {
    Verdict {
        what,
        seen,
        at: "at least",
        bar,
        reached: seen >= bar,
    }
}

impl Report {
    fn verdicts(&self) -> Vec<Verdict> {
        let Figures {
            custody,
            custody_at_the_end,
            locate,
            shipments,
            ..
        } = &self.figures;
        let rows = custody.ratio().max(custody_at_the_end.ratio());
        vec![
            at_most(
                "LocateBlank at the server, p99 ms",
                locate.server_p99_ms,
                LOCATE_P99_MS,
            ),
            at_most("rows of the custody to maximal runs", rows, ROWS_RATIO),
            at_least("shipments a second", shipments.per_second, SHIPMENTS),
            at_least(
                "shipments to their ceiling",
                shipments.per_second / shipments.ceiling_per_second.max(f64::EPSILON),
                CEILING_SHARE,
            ),
        ]
    }

    /// For machines.
    pub fn json(&self) -> String {
        let Inventory {
            blanks,
            bound,
            clients,
            seconds,
            rounds,
            ..
        } = self.inventory;
        serde_json::json!({
            "bench": "inventory",
            "blanks": blanks,
            "bound": bound,
            "clients": clients,
            "seconds": seconds,
            "rounds": rounds,
            "figures": self.figures,
            "verdicts": self.verdicts(),
        })
        .to_string()
    }

    fn stock(&self) -> Vec<Vec<String>> {
        let sizes = &self.figures.sizes;
        let largest = sizes.first().map_or(0, |size| size.bytes);
        let mib = |bytes: i64| bytes as f64 / 1_048_576.0;
        let row = |size: &Size| {
            vec![
                size.name.clone(),
                size.kind.clone(),
                format!("{:.1}", mib(size.bytes)),
                bar(mib(size.bytes), mib(largest)),
            ]
        };
        sizes.iter().map(row).collect()
    }

    fn latencies(&self) -> Vec<Vec<String>> {
        let Figures {
            locate, shipments, ..
        } = &self.figures;
        let row = |name: &str, p50: f64, p99: f64| {
            vec![name.to_owned(), format!("{p50:.2}"), format!("{p99:.2}")]
        };
        let mut rows = vec![
            row(
                "LocateBlank, at the server",
                locate.server_p50_ms,
                locate.server_p99_ms,
            ),
            row(
                "LocateBlank, at the client",
                locate.client_p50_ms,
                locate.client_p99_ms,
            ),
        ];
        for act in &shipments.acts {
            let name = format!("{}, at the client", act.name);
            rows.push(row(&name, act.p50_ms, act.p99_ms));
        }
        rows
    }

    fn speeds(&self) -> Vec<Vec<String>> {
        let Shipments {
            per_second,
            ceiling_per_second,
            ..
        } = self.figures.shipments;
        let most = per_second.max(ceiling_per_second);
        [
            ("ektp", per_second),
            ("its statements in pgbench", ceiling_per_second),
        ]
        .map(|(name, speed)| vec![name.to_owned(), format!("{speed:.0}"), bar(speed, most)])
        .into()
    }

    fn bars(&self) -> Vec<Vec<String>> {
        let verdicts = self.verdicts().into_iter().map(|verdict| {
            vec![
                verdict.what.to_owned(),
                format!("{:.3}", verdict.seen),
                format!("{} {}", verdict.at, verdict.bar),
                if verdict.reached {
                    "reached"
                } else {
                    "NOT reached"
                }
                .to_owned(),
            ]
        });
        verdicts.collect()
    }
}

/// For people.
impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures {
            custody,
            custody_at_the_end: end,
            locate,
            shipments,
            ..
        } = &self.figures;
        writeln!(out, "{}", table(&["", "", "MiB", ""], 2..3, self.stock()))?;
        let header = ["", "p50 ms", "p99 ms"];
        writeln!(out, "{}", table(&header, 1..3, self.latencies()))?;
        let header = ["", "shipments/s", ""];
        writeln!(out, "{}", table(&header, 1..2, self.speeds()))?;
        let header = ["", "seen", "bar", ""];
        writeln!(out, "{}", table(&header, 1..2, self.bars()))?;
        writeln!(
            out,
            "custody: {} rows for {} maximal runs, and {} for {} after the shipments",
            custody.rows, custody.maximal_runs, end.rows, end.maximal_runs,
        )?;
        writeln!(
            out,
            "{} serials asked for, {:.0} a second, of {:.1} movements each on the mean and {} at most",
            locate.count, locate.per_second, locate.movements_mean, locate.movements_most,
        )?;
        let trips = shipments.acts.iter();
        let trips: Vec<String> = trips
            .map(|act| format!("{} {}", act.name, act.round_trips))
            .collect();
        writeln!(
            out,
            "round trips of a shipment: {}; replayed as recorded: {}",
            trips.join(", "),
            shipments.as_recorded.join(", "),
        )?;
        write!(
            out,
            "{} blanks in {} stores, {} bound one by one; {} clients ship, {} rounds of {} s, medians; {}",
            self.inventory.blanks,
            self.figures.stores,
            self.inventory.bound,
            self.inventory.clients,
            self.inventory.rounds,
            self.inventory.seconds,
            self.figures.database.words(),
        )
    }
}
