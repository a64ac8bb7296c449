//! Who gets one of a pool's connections: as many at once as there are connections, the others in a line ordered by class
//! and then by arrival (`line`), bounded by the work that is ahead (`service`) and by number. What does not fit is told at
//! once to come again, and what cannot be answered in time is not begun.
//!
//! What is easily got wrong: a waiter that went away. It leaves the line when its future is dropped, and a place that was
//! on its way to it comes back by itself.

mod line;
mod service;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::{
    caller::Class,
    deadline::{ANSWER_MARGIN, Deadline},
    error::{Error, Result},
    ids::District,
    telemetry::{self, Gauge, Reading},
};

use line::{Ask, Asked, Line, Refusal, Turn};

/// Nobody waits longer, whatever was estimated: while the database stands still no estimate is right.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// What RetryInfo proposes at least: a client that comes back sooner finds the same line.
const RETRY_MIN: Duration = Duration::from_millis(200);

/// The way to one pool; its copies are one.
#[derive(Clone)]
pub struct Admission(Arc<Inner>);

struct Inner {
    pool: &'static str,
    line: Mutex<Line<Waiter>>,
}

/// Who waits, and how it is told.
struct Waiter {
    district: District,
    tell: oneshot::Sender<Told>,
}

/// What a waiter hears.
type Told = std::result::Result<Place, Shed>;

/// Why somebody who waited, or would have, got no place: the metric's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shed {
    /// Too much work was ahead.
    Full,
    /// A more urgent one took its place in the line.
    Displaced,
    /// The line did not move.
    Stuck,
    /// The answer would have come too late.
    Late,
}

impl Shed {
    const fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Displaced => "displaced",
            Self::Stuck => "stuck",
            Self::Late => "late",
        }
    }
}

/// The right to one connection; given back when dropped.
pub struct Place {
    admission: Admission,
    district: District,
    /// Since when it is used; absent while it is on its way to a waiter.
    since: Option<Instant>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = Instant::now();
        let served = self.since.map(|since| now.duration_since(since));
        let next = self.admission.line().leave(self.district, served, now);
        for late in next.late {
            // Who went away in this moment needs no answer.
            late.tell.send(Err(Shed::Late)).ok();
        }
        if let Some(first) = next.first {
            let place = Place {
                admission: self.admission.clone(),
                district: first.district,
                since: None,
            };
            // If the first went away, the place is dropped here and goes to the one behind.
            drop(first.tell.send(Ok(place)));
        }
    }
}

impl Place {
    fn taken(mut self) -> Self {
        self.since = Some(Instant::now());
        self
    }
}

/// A turn in the line, given up when dropped.
struct Waiting<'a> {
    admission: &'a Admission,
    turn: Turn,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.admission.line().quit(self.turn);
    }
}

impl Admission {
    /// The way to the pool of this name, in which so many may be at once.
    pub fn new(pool: &'static str, places: u32) -> Self {
        let places = usize::try_from(places).unwrap_or(usize::MAX);
        Self(Arc::new(Inner {
            pool,
            line: Mutex::new(Line::new(places)),
        }))
    }

    /// Whether a call of this class would be refused now. Costs nothing, so it can be asked before anything of the call is
    /// read; the place itself is taken by [`Admission::enter`].
    pub fn look(&self, class: Class, district: District, deadline: Deadline) -> Result<()> {
        let ask = Ask {
            class,
            district,
            by: Some(deadline.0),
        };
        let judged = self.line().judge(ask, Instant::now());
        judged.map_err(|refusal| self.refused(class, refusal))
    }

    /// Refuses a call of this class that needs no place here, while more urgent ones of its district wait too long for
    /// theirs: the two pools share one database and its cores.
    pub fn give_way(&self, class: Class, district: District) -> Result<()> {
        let ask = Ask {
            class,
            district,
            by: None,
        };
        let crowded = self.line().crowded(ask, Instant::now());
        crowded.map_or(Ok(()), |wait| {
            Err(self.refused(class, Refusal::Full { wait }))
        })
    }

    /// A place, at once or after a wait. Whoever has no deadline is a stream: it is not held to the class's bound, for it
    /// asks for one place at a time and its client waits with it.
    pub async fn enter(
        &self,
        class: Class,
        district: District,
        deadline: Option<Deadline>,
    ) -> Result<Place> {
        let now = Instant::now();
        let by = deadline.map(|deadline| deadline.0);
        let ask = Ask {
            class,
            district,
            by,
        };
        let (tell, told) = oneshot::channel();
        let asked = self.line().ask(ask, now, Waiter { district, tell });
        let (turn, displaced) = match asked {
            Asked::Enter => {
                let admission = self.clone();
                let since = Some(now);
                return Ok(Place {
                    admission,
                    district,
                    since,
                });
            }
            Asked::Wait { turn, displaced } => (turn, displaced),
            Asked::Refused(refusal) => return Err(self.refused(class, refusal)),
        };
        if let Some(displaced) = displaced {
            displaced.tell.send(Err(Shed::Displaced)).ok();
        }
        let _waiting = Waiting {
            admission: self,
            turn,
        };
        let patience = now + WAIT_MAX;
        let useful = by.map(|by| by.checked_sub(ANSWER_MARGIN).unwrap_or(now));
        let until = useful.map_or(patience, |useful| useful.min(patience));
        let shed = match timeout_at(until, told).await {
            Ok(Ok(Ok(place))) => return Ok(place.taken()),
            Ok(Ok(Err(shed))) => shed,
            Ok(Err(_)) => return Err(Error::internal("a waiter was forgotten by its line")),
            Err(_) if until < patience => Shed::Late,
            Err(_) => Shed::Stuck,
        };
        Err(self.shed(class, shed))
    }

    /// How many of a class wait just now.
    pub fn waiting(&self, class: Class) -> usize {
        self.line().waiting(class)
    }

    fn line(&self) -> MutexGuard<'_, Line<Waiter>> {
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self, class: Class, refusal: Refusal) -> Error {
        match refusal {
            Refusal::Full { wait } => self
                .shed(class, Shed::Full)
                .with("wait_ms", wait.as_millis()),
            Refusal::Late { needed } => {
                let error = self.shed(class, Shed::Late);
                error.with("needed_ms", needed.as_millis())
            }
        }
    }

    /// Counts it and says when to come again: after what is ahead, and a random part of the same, so that those who were
    /// refused together do not come back together.
    fn shed(&self, class: Class, why: Shed) -> Error {
        telemetry::count_shed(self.0.pool, class.label(), why.label());
        let wait = self.line().estimate(class, Instant::now()).max(RETRY_MIN);
        let after = wait.mul_f64(1.0 + rand::random::<f64>());
        let error = match why {
            Shed::Full | Shed::Displaced | Shed::Stuck => Error::overloaded(),
            Shed::Late => Error::late(),
        };
        error.with("class", class.label()).retry(after)
    }

    /// How many wait, by class, and how long the least urgent would wait.
    pub fn gauges(&self) -> [Gauge; 2] {
        let (waiting, wait) = (self.clone(), self.clone());
        let reading = |admission: &Self, class: Class, value: f64| Reading {
            value,
            labels: vec![
                ("pool", admission.0.pool.to_owned()),
                ("class", class.label().to_owned()),
            ],
        };
        [
            telemetry::gauge("ektp.admission.waiting", "{call}", move || {
                let count = |class| waiting.waiting(class) as f64;
                Class::ALL
                    .map(|class| reading(&waiting, class, count(class)))
                    .into()
            }),
            telemetry::gauge("ektp.admission.wait", "s", move || {
                let now = Instant::now();
                let estimate = |class| wait.line().estimate(class, now).as_secs_f64();
                Class::ALL
                    .map(|class| reading(&wait, class, estimate(class)))
                    .into()
            }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: District = District::CENTRE;

    fn in_time() -> Option<Deadline> {
        Some(Deadline(Instant::now() + Duration::from_secs(5)))
    }

    #[tokio::test]
    async fn a_place_goes_to_the_most_urgent_and_comes_back_from_who_went_away() {
        let admission = Admission::new("acts", 1);
        let held = admission
            .enter(Class::Lists, HERE, in_time())
            .await
            .expect("it is free");
        let mut waits = [Class::Lists, Class::Prints, Class::Leases]
            .map(|class| Box::pin(admission.enter(class, HERE, in_time())));
        for wait in &mut waits {
            assert!(futures::poll!(wait.as_mut()).is_pending(), "one at a time");
        }
        let [list, print, lease] = waits;
        drop(held);
        // The print has it and goes away without having looked.
        drop(print);
        let lease = lease.await.expect("the next in order");
        assert_eq!(admission.waiting(Class::Lists), 1);
        drop(lease);
        drop(list.await.expect("the last"));
        assert!(admission.enter(Class::Lists, HERE, in_time()).await.is_ok());
    }

    #[tokio::test]
    async fn nobody_waits_for_ever_and_nobody_beyond_his_deadline() {
        let admission = Admission::new("acts", 1);
        let _held = admission
            .enter(Class::Prints, HERE, in_time())
            .await
            .expect("it is free");
        let begun = Instant::now();
        let stuck = admission.enter(Class::Prints, HERE, None).await.err();
        assert_eq!(
            stuck.map(|error| error.kind()),
            Some(crate::error::Kind::Exhausted)
        );
        assert!(begun.elapsed() >= WAIT_MAX);
        let soon = Deadline(Instant::now() + Duration::from_millis(500));
        let late = admission.enter(Class::Prints, HERE, Some(soon)).await.err();
        assert_eq!(
            late.map(|error| error.kind()),
            Some(crate::error::Kind::Late)
        );
        assert!(Instant::now() < soon.0, "in time to be told");
        assert_eq!(admission.waiting(Class::Prints), 0);
    }
}
