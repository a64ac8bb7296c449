//! The changes: printers that take some requests out of the queue and give them back one by one, each act a commit of its
//! own and one change on every stream of its office.
//!
//! What is easily got wrong: the acts follow a timetable and do not wait for one another. A slow server is then seen in
//! their times, instead of being asked less.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tonic::{Code, Status};

use super::{streams::Shared, tally::Tally};
use crate::{
    cli::{
        Failure,
        client::{self, Line, Terminal},
    },
    proto::{self, print_queue_client::PrintQueueClient, print_step_result::Outcome},
};

/// Every so manieth change is one of the crowded office.
const CROWDED_EVERY: u32 = 10;
/// Acts that wait for one printer; a server so far behind is not keeping up at all.
const WAITING_MAX: usize = 512;
/// A lease ends by itself after 90 seconds, which would be a change that nobody counted; so each printer's turn comes again
/// within this.
const TURN_MAX_SECONDS: u32 = 30;

/// The most that one lease may ask for.
const LEASES_MAX: u32 = 100;
/// An act without an answer by then is a failure of the run.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Between two tries of the same act, at most.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// A printer and the requests that it has taken.
pub struct Printer {
    terminal: Terminal,
    /// The place of its office.
    pub office: usize,
    hand: Vec<proto::LeaseKey>,
    /// How many it takes at once.
    at_once: u32,
    unanswered: Option<Act>,
}

/// A message that is sent under one id until it is answered.
enum Act {
    Lease(proto::LeasePrintRequestsRequest),
    Release(proto::ReleaseLeasesRequest),
}

/// All printers, by office.
pub struct Printers {
    pub all: Vec<Printer>,
    /// How many of them are the crowded office's; they come first, and every other office has one.
    pub crowded: usize,
    /// How many people each office's queue has.
    pub queue: u32,
}

/// What came of a timetable.
pub struct Done {
    pub asked_per_second: f64,
    pub done: u64,
    pub seconds: f64,
    pub first_failure: Option<String>,
    /// From the time at which each act was due to its answer.
    pub times: Tally,
}

impl Done {
    /// The rate that was kept.
    pub fn per_second(&self) -> f64 {
        f64::from(u32::try_from(self.done).unwrap_or(u32::MAX)) / self.seconds
    }
}

struct Counts {
    done: AtomicU64,
    last: Mutex<Instant>,
    first_failure: OnceLock<String>,
    times: Tally,
}

impl Printer {
    /// A printer with nothing in its hands.
    pub fn new(terminal: Terminal, office: usize) -> Self {
        Self {
            terminal,
            office,
            hand: Vec::new(),
            at_once: 1,
            unanswered: None,
        }
    }

    /// One act: takes the next requests, or gives one back. Answers where the ledger stands. What got no answer is sent
    /// again under its own id, before anything else.
    async fn act(&mut self) -> Result<u64, Status> {
        let act = self.unanswered.take().unwrap_or_else(|| self.next());
        let answered = match &act {
            Act::Lease(message) => self.lease(message.clone()).await,
            Act::Release(message) => self.release(message.clone()).await,
        };
        if answered.is_err() {
            self.unanswered = Some(act);
        }
        answered
    }

    /// The same until it is answered.
    async fn act_in_the_end(&mut self) -> Result<u64, Status> {
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        loop {
            match self.act().await {
                Err(status) if passes(&status) && Instant::now() < deadline => {
                    sleep(client::backoff(RETRY_DELAY, RETRY_DELAY, 1)).await;
                }
                ended => return ended,
            }
        }
    }

    fn next(&self) -> Act {
        let request_id = client::request_id();
        match self.hand.last() {
            None => Act::Lease(proto::LeasePrintRequestsRequest {
                request_id,
                count: self.at_once,
                location: String::new(),
            }),
            Some(key) => Act::Release(proto::ReleaseLeasesRequest {
                request_id,
                leases: vec![key.clone()],
            }),
        }
    }

    async fn lease(&mut self, message: proto::LeasePrintRequestsRequest) -> Result<u64, Status> {
        let call = |mut client: PrintQueueClient<Line>, message| async move {
            client.lease_print_requests(message).await
        };
        let answer = self.terminal.print_queue(message, call).await?;
        let keys = answer.leases.into_iter().filter_map(|lease| {
            Some(proto::LeaseKey {
                print_request_id: lease.entry?.print_request_id,
                fence: lease.fence,
            })
        });
        self.hand.extend(keys);
        if self.hand.is_empty() {
            return Err(Status::not_found("the queue is empty"));
        }
        Ok(answer.committed_revision)
    }

    async fn release(&mut self, message: proto::ReleaseLeasesRequest) -> Result<u64, Status> {
        let call = |mut client: PrintQueueClient<Line>, message| async move {
            client.release_leases(message).await
        };
        let answer = self.terminal.print_queue(message, call).await?;
        for result in &answer.results {
            if let Some(Outcome::Refused(refusal)) = &result.outcome {
                return Err(Status::failed_precondition(refusal.message.clone()));
            }
        }
        self.hand.pop();
        Ok(answer.committed_revision)
    }
}

/// What the contract says to send again. The last two are what the client library makes of a line that broke.
fn passes(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::Aborted
            | Code::ResourceExhausted
            | Code::DeadlineExceeded
            | Code::Unknown
            | Code::Cancelled
    )
}

impl Printers {
    /// Works off a timetable of so many acts a second.
    pub async fn work(
        &mut self,
        shared: &Arc<Shared>,
        per_second: u32,
        seconds: u32,
    ) -> Result<Done, Failure> {
        let started = Instant::now();
        let counts = Arc::new(Counts::new(started));
        let mut at_work = JoinSet::new();
        let mut desks = Vec::new();
        let [crowded, other] = self.at_once(per_second);
        for mut printer in self.all.drain(..) {
            let is_crowded = self.crowded > 0 && printer.office == 0;
            printer.at_once = if is_crowded { crowded } else { other };
            let (desk, due) = mpsc::channel(WAITING_MAX);
            at_work.spawn(follow(
                printer,
                due,
                Arc::clone(shared),
                Arc::clone(&counts),
            ));
            desks.push(desk);
        }
        let asked = per_second * seconds;
        for number in 0..asked {
            let due = started + Duration::from_secs(1) * number / per_second;
            sleep_until(due).await;
            if desks[self.turn(number, per_second, desks.len())]
                .try_send(due)
                .is_err()
            {
                counts.fail("too many acts wait for one printer");
            }
        }
        drop(desks);
        while let Some(printer) = at_work.join_next().await {
            let printer = printer.map_err(|error| Failure::Call(error.to_string()))?;
            self.all.push(printer);
        }
        self.all.sort_by_key(|printer| printer.office);
        let counts = Arc::into_inner(counts)
            .ok_or_else(|| Failure::Call("a printer is still at work".to_owned()))?;
        Ok(counts.done(asked, started, seconds))
    }

    /// One act of every printer, so many a second; each tries again while the server is away.
    pub async fn each_once(
        &mut self,
        shared: &Arc<Shared>,
        per_second: u32,
    ) -> Result<(), Failure> {
        let mut at_work = JoinSet::new();
        for mut printer in self.all.drain(..) {
            at_work.spawn(async move {
                let ended = printer.act_in_the_end().await;
                (printer, ended)
            });
            sleep(Duration::from_secs(1) / per_second).await;
        }
        while let Some(one) = at_work.join_next().await {
            let (printer, ended) = one.map_err(|error| Failure::Call(error.to_string()))?;
            shared.changed(printer.office, ended?);
            self.all.push(printer);
        }
        self.all.sort_by_key(|printer| printer.office);
        Ok(())
    }

    /// Whose act this is.
    fn turn(&self, number: u32, per_second: u32, count: usize) -> usize {
        let place = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let others = count - self.crowded;
        if self.crowded > 0 && (number % CROWDED_EVERY == CROWDED_EVERY - 1 || others == 0) {
            return place(number / CROWDED_EVERY) % self.crowded;
        }
        let number = match self.crowded {
            0 => number,
            _ => number - number / CROWDED_EVERY,
        };
        self.crowded + place(number) % self.in_turn(per_second, others)
    }

    /// So many of the other offices that each one's turn comes again in time.
    fn in_turn(&self, per_second: u32, others: usize) -> usize {
        let turns = per_second * TURN_MAX_SECONDS * 9 / 10;
        others.min(usize::try_from(turns.max(1)).unwrap_or(usize::MAX))
    }

    /// How many requests a printer of the crowded office and one of another take at once: giving back costs the database
    /// less than taking, so they take what they can give back in time, and leave some to each other.
    fn at_once(&self, per_second: u32) -> [u32; 2] {
        let count = |printers: usize| u32::try_from(printers.max(1)).unwrap_or(u32::MAX);
        let others = self.all.len() - self.crowded;
        let turns = per_second * TURN_MAX_SECONDS / count(self.in_turn(per_second, others));
        [
            (self.queue / count(self.crowded)).clamp(1, LEASES_MAX),
            (turns * 9 / 10).clamp(1, self.queue.min(LEASES_MAX)),
        ]
    }
}

impl Counts {
    fn new(started: Instant) -> Self {
        Self {
            done: AtomicU64::new(0),
            last: Mutex::new(started),
            first_failure: OnceLock::new(),
            times: Tally::new(),
        }
    }

    fn one_more(&self, due: Instant) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.times.add(due.elapsed());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Instant::now();
    }

    fn fail(&self, words: impl Into<String>) {
        // The first one tells enough.
        self.first_failure.set(words.into()).ok();
    }

    fn done(self, asked: u32, started: Instant, seconds: u32) -> Done {
        let last = self
            .last
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        Done {
            asked_per_second: f64::from(asked) / f64::from(seconds),
            done: self.done.into_inner(),
            seconds: (last - started).as_secs_f64().max(f64::from(seconds)),
            first_failure: self.first_failure.into_inner(),
            times: self.times,
        }
    }
}

async fn follow(
    mut printer: Printer,
    mut due: mpsc::Receiver<Instant>,
    shared: Arc<Shared>,
    counts: Arc<Counts>,
) -> Printer {
    while let Some(due) = due.recv().await {
        match printer.act().await {
            Ok(revision) => {
                shared.changed(printer.office, revision);
                counts.one_more(due);
            }
            Err(status) => counts.fail(client::in_words(&status)),
        }
    }
    printer
}
