//! What was done of three times the capacity, what was refused, and how soon the latency was as before.

use std::fmt;

use super::{
    super::figures::{Settings, bar, median, percentile, table},
    Overload, Seen,
    log::{Kind, Phase, Second},
};

/// So much of the capacity is still done.
const DONE_AT_LEAST: f64 = 0.8;
/// The latency is back when it is at most so many times the normal one …
const NORMAL_TIMES: f64 = 2.0;
/// … in two seconds on end, at most so many after the overload.
const BACK_WITHIN: usize = 10;
/// Lines of the chart at most; longer runs are drawn in stretches.
const CHART_LINES: usize = 30;

/// All that was seen.
pub struct Report {
    overload: Overload,
    settings: Settings,
    seen: Seen,
}

impl Report {
    /// What is to be told.
    pub fn new(overload: Overload, settings: Settings, seen: Seen) -> Self {
        Self {
            overload,
            settings,
            seen,
        }
    }

    /// Cards a second while three times the capacity was offered.
    fn goodput(&self) -> f64 {
        per_second(&self.seen.overload, |second| second.cards)
    }

    fn capacity(&self) -> f64 {
        let [first, last] = self.seen.capacities;
        f64::midpoint(first, last)
    }

    fn share(&self) -> f64 {
        self.goodput() / self.capacity()
    }

    /// The usual second's p99 under half the capacity.
    fn normal_p99_ms(&self) -> f64 {
        let seconds = self.seen.before.seconds.iter();
        median(seconds.filter_map(Second::p99_ms).collect())
    }

    fn back_after(&self) -> Option<usize> {
        back_after(
            &self.seen.after.seconds,
            self.normal_p99_ms() * NORMAL_TIMES,
        )
    }

    /// For machines.
    pub fn json(&self) -> String {
        let back = self.back_after();
        let overload = &self.seen.overload;
        let kinds = Kind::ALL.into_iter().zip(&overload.kinds).map(
            |(kind, outcomes)| serde_json::json!({ "kind": kind.name(), "outcomes": outcomes }),
        );
        let seconds = overload
            .seconds
            .iter()
            .map(|s| serde_json::json!([s.cards, s.acts]));
        let after = self.seen.after.seconds.iter().map(Second::p99_ms);
        serde_json::json!({
            "bench": "overload",
            "printers": self.overload.site.printers,
            "districts": self.overload.site.districts,
            "seconds": self.overload.seconds,
            "database": self.settings,
            "capacity_cards_per_second": self.capacity(),
            "capacity_cards_per_second_before_and_after": self.seen.capacities,
            "overload": {
                "cards_per_second": self.goodput(),
                "acts_per_second": per_second(overload, |second| second.acts),
                "unsent": overload.unsent,
                "cards_given_up": overload.given_up,
                "kinds": kinds.collect::<Vec<_>>(),
                "cards_and_acts_by_second": seconds.collect::<Vec<_>>(),
            },
            "normal_p99_ms": self.normal_p99_ms(),
            "p99_ms_by_second_after": after.collect::<Vec<_>>(),
            "back_after_seconds": back,
            "verdicts": [
                { "what": "done of the capacity", "seen": self.share(), "at_least": DONE_AT_LEAST,
                  "reached": self.share() >= DONE_AT_LEAST },
                { "what": "seconds until the latency is normal", "seen": back, "at_most": BACK_WITHIN,
                  "reached": back.is_some_and(|back| back <= BACK_WITHIN) },
            ],
        })
        .to_string()
    }

    fn kinds(&self) -> Vec<Vec<String>> {
        let kinds = Kind::ALL.into_iter().zip(&self.seen.overload.kinds);
        kinds
            .map(|(kind, outcomes)| {
                let mut sorted = outcomes.latencies.clone();
                sorted.sort_unstable();
                let refused = outcomes.refused.iter();
                let refused: Vec<String> = refused
                    .map(|(why, count)| format!("{count} {why}"))
                    .collect();
                vec![
                    kind.name().to_owned(),
                    outcomes.sent.to_string(),
                    outcomes.done.to_string(),
                    outcomes.refusals().to_string(),
                    format!("{:.0}", percentile(&sorted, 50)),
                    format!("{:.0}", percentile(&sorted, 99)),
                    refused.join(", "),
                ]
            })
            .collect()
    }

    /// Cards a second, between what was found before and after.
    fn chart(&self) -> Vec<Vec<String>> {
        let seconds = &self.seen.overload.seconds;
        let stretch = seconds.len().div_ceil(CHART_LINES).max(1);
        let lines = seconds.chunks(stretch).enumerate().map(|(place, chunk)| {
            let cards =
                chunk.iter().map(|second| second.cards as f64).sum::<f64>() / chunk.len() as f64;
            (format!("second {}", place * stretch + 1), cards)
        });
        let [first, last] = self.seen.capacities;
        let lines: Vec<(String, f64)> = std::iter::once(("capacity before".to_owned(), first))
            .chain(lines)
            .chain(std::iter::once(("capacity after".to_owned(), last)))
            .collect();
        let most = lines.iter().map(|(_, cards)| *cards).fold(0.0, f64::max);
        lines
            .into_iter()
            .map(|(name, cards)| vec![name, format!("{cards:.0}"), bar(cards, most)])
            .collect()
    }
}

/// After how many seconds the latency was at most this for two on end.
fn back_after(seconds: &[Second], most_ms: f64) -> Option<usize> {
    let is_normal = |second: &Second| second.p99_ms().is_some_and(|p99| p99 <= most_ms);
    let mut pairs = seconds.windows(2);
    pairs.position(|pair| pair.iter().all(is_normal))
}

fn per_second(phase: &Phase, of: impl Fn(&Second) -> u64) -> f64 {
    phase.seconds.iter().map(of).sum::<u64>() as f64 / phase.seconds.len().max(1) as f64
}

fn reached(is_reached: bool) -> &'static str {
    if is_reached { "reached" } else { "NOT reached" }
}

/// For people.
impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", table(&["", "cards/s", ""], 1..2, self.chart()))?;
        let header = [
            "",
            "sent",
            "done",
            "refused",
            "p50 ms",
            "p99 ms",
            "why refused",
        ];
        writeln!(out, "{}", table(&header, 1..6, self.kinds()))?;
        writeln!(
            out,
            "three times the capacity of {:.0} cards/s: {:.0} cards/s done, {:.2} of it, at least {DONE_AT_LEAST}: {}",
            self.capacity(),
            self.goodput(),
            self.share(),
            reached(self.share() >= DONE_AT_LEAST),
        )?;
        let back = self.back_after();
        let words = back.map_or_else(|| "never".to_owned(), |back| format!("after {back} s"));
        writeln!(
            out,
            "latency normal again (p99 at most {NORMAL_TIMES} times {:.0} ms) {words}, at most {BACK_WITHIN} s: {}",
            self.normal_p99_ms(),
            reached(back.is_some_and(|back| back <= BACK_WITHIN)),
        )?;
        writeln!(
            out,
            "{} arrivals found no free place in the bench; {} bound cards were given up by their printers",
            self.seen.overload.unsent, self.seen.overload.given_up,
        )?;
        write!(
            out,
            "{} printers in {} districts, {} s; {}",
            self.overload.site.printers,
            self.overload.site.districts,
            self.overload.seconds,
            self.settings.words(),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn seconds(latencies: &[u64]) -> Vec<Second> {
        let seconds = latencies.iter().map(|ms| match ms {
            0 => Second::default(),
            ms => Second::of_one(Duration::from_millis(*ms)),
        });
        seconds.collect()
    }

    #[test]
    fn the_latency_is_back_when_two_seconds_on_end_are_normal() {
        assert_eq!(back_after(&seconds(&[5, 6, 90]), 10.0), Some(0));
        assert_eq!(back_after(&seconds(&[90, 5, 90, 6, 7]), 10.0), Some(3));
        assert_eq!(back_after(&seconds(&[90, 5, 90]), 10.0), None);
        // A second in which nothing was answered is not a quick one.
        assert_eq!(back_after(&seconds(&[0, 0, 5, 5]), 10.0), Some(2));
    }
}
