//! The comparison: medians, ratios, round trips, and whether each bar was reached.

use std::fmt;

use serde::Serialize;

use super::{
    super::{
        Run,
        figures::{Settings, bar, median, table},
        printer::ACTS,
        replay::{Act, Recording, fewest_waits},
    },
    BATCH,
};

/// A card's lease, binding and report may wait for the database so often.
const ROUND_TRIPS_MAX: usize = 21;
/// The server reaches at least this share of what its statements alone would do.
const CEILING_SHARE: f64 = 0.5;

/// Whatever takes turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Server,
    Replay,
    Batches,
    Claims,
    Graphile,
}

impl Kind {
    /// In the order of a round.
    pub const ALL: [Self; 5] = [
        Self::Server,
        Self::Replay,
        Self::Batches,
        Self::Claims,
        Self::Graphile,
    ];

    /// For people and machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "ektp, one by one",
            Self::Replay => "its statements in pgbench",
            Self::Batches => "ektp, 50 together",
            Self::Claims => "claim and complete in pgbench",
            Self::Graphile => "graphile-worker",
        }
    }
}

/// How often one card's acts wait for the database.
#[derive(Debug, Serialize)]
pub struct RoundTrips {
    lease: usize,
    bind: usize,
    report: usize,
    /// Of the three, from BEGIN to COMMIT.
    all: usize,
    at_most: usize,
    /// What the session sends between a COMMIT and the next BEGIN.
    beside: usize,
    /// What is sent, in its order.
    statements: Vec<String>,
}

impl RoundTrips {
    /// At their cheapest.
    pub fn of(recordings: &[Recording]) -> Self {
        let inside = |kind| fewest_waits(recordings, kind, |act: &Act| &act.statements);
        let [lease, bind, report] = ACTS.map(inside);
        let beside = ACTS.map(|kind| fewest_waits(recordings, kind, |act| &act.beside));
        let one = recordings
            .first()
            .and_then(|recording| recording.samples.last());
        let acts = one.iter().flat_map(|sample| &sample.acts);
        let statements = acts.flat_map(|act| {
            let sent = act.statements.iter().chain(&act.beside);
            sent.map(|told| {
                let words = first_words(&told.sql);
                format!("{}: {} for {words}", act.kind, told.round_trips)
            })
        });
        Self {
            lease,
            bind,
            report,
            all: lease + bind + report,
            at_most: ROUND_TRIPS_MAX,
            beside: beside.iter().sum(),
            statements: statements.collect(),
        }
    }

    /// In one line.
    pub fn words(&self) -> String {
        format!(
            "{} round trips a card (lease {}, bind {}, report {}), at most {}; {} more between the transactions, not replayed",
            self.all, self.lease, self.bind, self.report, self.at_most, self.beside
        )
    }
}

/// Enough to know a statement by.
fn first_words(sql: &str) -> String {
    let words: Vec<&str> = sql.split_whitespace().take(12).collect();
    words.join(" ")
}

/// All rounds.
pub struct Report {
    run: Run,
    settings: Settings,
    trips: RoundTrips,
    as_recorded: Vec<String>,
    rounds: Vec<(Kind, f64)>,
}

/// One comparison that has a bar.
#[derive(Debug, Serialize)]
struct Verdict {
    what: &'static str,
    ratio: f64,
    at_least: f64,
    reached: bool,
}

impl Report {
    /// Nothing measured yet.
    pub fn new(run: Run, settings: Settings, trips: RoundTrips, as_recorded: Vec<String>) -> Self {
        Self {
            run,
            settings,
            trips,
            as_recorded,
            rounds: Vec::new(),
        }
    }

    /// One more round.
    pub fn add(&mut self, kind: Kind, per_second: f64) {
        self.rounds.push((kind, per_second));
    }

    fn of(&self, kind: Kind) -> Vec<f64> {
        let ours = self.rounds.iter().filter(|(of, _)| *of == kind);
        ours.map(|(_, per_second)| *per_second).collect()
    }

    fn kinds(&self) -> Vec<(Kind, f64)> {
        Kind::ALL
            .into_iter()
            .map(|kind| (kind, self.of(kind)))
            .filter(|(_, rounds)| !rounds.is_empty())
            .map(|(kind, rounds)| (kind, median(rounds)))
            .collect()
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let kinds = self.kinds();
        let speed = |kind| {
            let found = kinds.iter().find(|(of, _)| *of == kind);
            found.map(|(_, speed)| *speed)
        };
        [
            (
                "one by one to the ceiling",
                Kind::Server,
                Kind::Replay,
                CEILING_SHARE,
            ),
            (
                "batches to claim and complete",
                Kind::Batches,
                Kind::Claims,
                1.0,
            ),
            (
                "batches to graphile-worker",
                Kind::Batches,
                Kind::Graphile,
                1.0,
            ),
        ]
        .into_iter()
        .filter_map(|(what, ours, theirs, at_least)| {
            let ratio = speed(ours)? / speed(theirs)?;
            Some(Verdict {
                what,
                ratio,
                at_least,
                reached: ratio >= at_least,
            })
        })
        .collect()
    }

    /// For machines.
    pub fn json(&self) -> String {
        let kinds = self.kinds().into_iter().map(|(kind, per_second)| {
            serde_json::json!({
                "kind": kind.name(),
                "per_second": per_second,
                "rounds": self.of(kind),
            })
        });
        serde_json::json!({
            "bench": "ceiling",
            "printers": self.run.site.printers,
            "districts": self.run.site.districts,
            "seconds": self.run.seconds,
            "rounds": self.run.rounds,
            "batch": BATCH,
            "database": self.settings,
            "round_trips": self.trips,
            "as_recorded": self.as_recorded,
            "kinds": kinds.collect::<Vec<_>>(),
            "verdicts": self.verdicts(),
        })
        .to_string()
    }
}

/// For people.
impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.kinds();
        let most = kinds.iter().map(|(_, speed)| *speed).fold(0.0, f64::max);
        let lines = kinds.iter().map(|(kind, speed)| {
            vec![
                kind.name().to_owned(),
                format!("{speed:.0}"),
                bar(*speed, most),
            ]
        });
        writeln!(
            out,
            "{}",
            table(&["", "cards or jobs/s", ""], 1..2, lines.collect())
        )?;
        let verdicts = self.verdicts().into_iter().map(|verdict| {
            vec![
                verdict.what.to_owned(),
                format!("{:.2}", verdict.ratio),
                format!("{:.2}", verdict.at_least),
                if verdict.reached {
                    "reached"
                } else {
                    "NOT reached"
                }
                .to_owned(),
            ]
        });
        writeln!(
            out,
            "{}",
            table(&["ratio", "seen", "at least", ""], 1..3, verdicts.collect())
        )?;
        writeln!(out, "{}", self.trips.words())?;
        writeln!(
            out,
            "digests, stored answers, events and the audit rows' subjects are replayed as recorded: {}",
            self.as_recorded.join(", ")
        )?;
        write!(
            out,
            "{} printers in {} districts, as many sessions of pgbench, {} rounds of {} s, medians; {}",
            self.run.site.printers,
            self.run.site.districts,
            self.run.rounds,
            self.run.seconds,
            self.settings.words(),
        )
    }
}
