//! What became of what was offered, second by second and kind by kind.
//!
//! What is easily got wrong: a call counts in the second in which it was answered, and a card when its report was; what was
//! refused was not done, however fast it was refused.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;
use tonic::Status;

use super::super::figures::percentile;
use crate::cli::client;

/// The kinds of calls, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Print,
    Lease,
    Submission,
    List,
}

impl Kind {
    /// As the server ranks them.
    pub const ALL: [Self; 4] = [Self::Print, Self::Lease, Self::Submission, Self::List];

    /// For people and machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Print => "bind, report",
            Self::Lease => "lease",
            Self::Submission => "submit",
            Self::List => "list",
        }
    }
}

/// What became of one kind.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Outcomes {
    pub sent: u64,
    pub done: u64,
    /// How often each refusal was answered: its code and reason.
    pub refused: BTreeMap<String, u64>,
    #[serde(skip)]
    pub latencies: Vec<Duration>,
}

impl Outcomes {
    /// All refusals.
    pub fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// What was done in one second.
#[derive(Debug, Default, Clone)]
pub struct Second {
    pub cards: u64,
    pub acts: u64,
    latencies: Vec<Duration>,
}

impl Second {
    /// Of all calls that were done; absent where there were none.
    pub fn p99_ms(&self) -> Option<f64> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        (!sorted.is_empty()).then(|| percentile(&sorted, 99))
    }

    /// One in which a call took so long.
    #[cfg(test)]
    pub fn of_one(took: Duration) -> Self {
        Self {
            cards: 1,
            acts: 1,
            latencies: vec![took],
        }
    }
}

/// One phase.
#[derive(Debug, Default, Clone)]
pub struct Phase {
    pub seconds: Vec<Second>,
    pub kinds: [Outcomes; 4],
    /// Arrivals for which the bench had no place: the server had not answered so many before them.
    pub unsent: u64,
    /// Cards that were bound and given up by their printer.
    pub given_up: u64,
    pub is_dry: bool,
}

/// A phase that is written by all its calls.
#[derive(Debug, Clone)]
pub struct Log {
    begun: Instant,
    phase: Arc<Mutex<Phase>>,
}

impl Log {
    /// A phase of so many seconds that begins now.
    pub fn begin(seconds: usize) -> Self {
        let phase = Phase {
            seconds: vec![Second::default(); seconds],
            ..Phase::default()
        };
        Self {
            begun: Instant::now(),
            phase: Arc::new(Mutex::new(phase)),
        }
    }

    /// What is written so far.
    pub fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call and what became of it.
    pub fn note<T>(&self, kind: Kind, took: Duration, answer: &Result<T, Status>) {
        let second = self.second();
        let mut phase = self.phase();
        let outcomes = &mut phase.kinds[kind as usize];
        outcomes.sent += 1;
        match answer {
            Ok(_) => {
                outcomes.done += 1;
                outcomes.latencies.push(took);
                // What is answered after the phase belongs to its kinds, and to no second.
                if let Some(second) = phase.seconds.get_mut(second) {
                    second.acts += 1;
                    second.latencies.push(took);
                }
            }
            Err(status) => *outcomes.refused.entry(named(status)).or_default() += 1,
        }
    }

    /// A card that is printed.
    pub fn note_card(&self) {
        let second = self.second();
        if let Some(second) = self.phase().seconds.get_mut(second) {
            second.cards += 1;
        }
    }

    fn second(&self) -> usize {
        usize::try_from(self.begun.elapsed().as_secs()).unwrap_or(usize::MAX)
    }
}

fn named(status: &Status) -> String {
    let code = format!("{:?}", status.code());
    let reason = client::reason(status);
    let reason = reason.strip_prefix("ERROR_REASON_").unwrap_or(&reason);
    if reason.is_empty() {
        code
    } else {
        format!("{code} {reason}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_was_not_done_and_is_told_by_code_and_reason() {
        let log = Log::begin(1);
        let took = Duration::from_millis(5);
        log.note(Kind::Lease, took, &Ok(()));
        log.note::<()>(Kind::Lease, took, &Err(Status::resource_exhausted("full")));
        log.note_card();
        let phase = log.phase();
        let leases = &phase.kinds[Kind::Lease as usize];
        assert_eq!((leases.sent, leases.done, leases.refusals()), (2, 1, 1));
        assert_eq!(leases.refused["ResourceExhausted"], 1);
        assert_eq!((phase.seconds[0].cards, phase.seconds[0].acts), (1, 1));
        assert_eq!(phase.kinds[Kind::List as usize].sent, 0);
    }
}
