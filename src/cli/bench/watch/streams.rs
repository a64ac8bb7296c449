//! The terminals: each with its own certificate, connection and stream, each checking by arithmetic what it is told, and
//! each coming back by itself when the line breaks, as `ektp terminal` does.
//!
//! What is easily got wrong: they share one runtime with nothing else to do, and must stay cheap. A terminal holds its
//! place in the ledger and no picture.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rand::RngExt as _;
use tokio::{sync::OwnedSemaphorePermit, time::sleep};
use tonic::Status;

use super::tally::{Tally, Times};
use crate::{
    cli::{
        Failure,
        client::{self, Terminal},
        follow::Gap,
    },
    clock::Clock,
    proto::{self, WatchQueueRequest, watch_queue_response::Message},
};

/// As in `ektp terminal`: the first try to come back is within this, the bound doubles each time.
const RECONNECT_DELAY: Duration = Duration::from_millis(250);
/// And never exceeds this.
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(10);

/// What is being measured at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Changes, and nothing else goes on.
    Changes,
    /// The same, to be compared with
    Alone,
    /// the same beside terminals that never read.
    BesideStalled,
    /// Nothing that counts.
    Nothing,
}

/// The parts that count.
const COUNTED: usize = 3;

impl Part {
    /// Its tally; one beyond the last for what does not count.
    const fn place(self) -> usize {
        match self {
            Self::Changes => 0,
            Self::Alone => 1,
            Self::BesideStalled => 2,
            Self::Nothing => COUNTED,
        }
    }
}

/// One district as its terminals should know it.
pub struct Office {
    /// Its terminals; each is told every change once.
    pub streams: u64,
    changes: AtomicU64,
    revision: AtomicU64,
}

/// What all terminals of a run share.
pub struct Shared {
    offices: Vec<Office>,
    /// The revision that each terminal holds, and the place of its office.
    terminals: Vec<(usize, AtomicU64)>,
    tallies: [Tally; COUNTED],
    part: AtomicUsize,
    delivered: AtomicU64,
    live: AtomicUsize,
    broken: AtomicU64,
    anew: AtomicU64,
    trouble: OnceLock<Trouble>,
    ahead: time::Duration,
}

/// Why the run is worth nothing.
enum Trouble {
    Gap(Gap),
    Ended(String),
}

impl Shared {
    /// `offices` says how many terminals each has; `ahead` is how far the database's clock is before ours.
    pub fn new(offices: &[usize], ahead: time::Duration) -> Self {
        let terminals = offices
            .iter()
            .enumerate()
            .flat_map(|(office, streams)| (0..*streams).map(move |_| (office, AtomicU64::new(0))));
        Self {
            terminals: terminals.collect(),
            offices: offices
                .iter()
                .map(|streams| Office {
                    streams: u64::try_from(*streams).unwrap_or(u64::MAX),
                    changes: AtomicU64::new(0),
                    revision: AtomicU64::new(0),
                })
                .collect(),
            tallies: std::array::from_fn(|_| Tally::new()),
            part: AtomicUsize::new(Part::Nothing.place()),
            delivered: AtomicU64::new(0),
            live: AtomicUsize::new(0),
            broken: AtomicU64::new(0),
            anew: AtomicU64::new(0),
            trouble: OnceLock::new(),
            ahead,
        }
    }

    /// From now on, deliveries count here.
    pub fn set_part(&self, part: Part) {
        self.part.store(part.place(), Ordering::Relaxed);
    }

    /// The deliveries of a part.
    pub fn times(&self, part: Part) -> Result<Times, Failure> {
        let tally = self.tallies.get(part.place());
        let times = tally.map(Tally::times).filter(|times| times.count > 0);
        times.ok_or_else(|| Failure::Call("nothing came to any terminal".to_owned()))
    }

    /// An act of this office was committed.
    pub fn changed(&self, office: usize, revision: u64) {
        let office = &self.offices[office];
        office.changes.fetch_add(1, Ordering::Relaxed);
        office.revision.fetch_max(revision, Ordering::Relaxed);
    }

    /// Where each terminal's office lies.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.terminals.iter().map(|(office, _)| *office)
    }

    /// Terminals whose stream stands and has told where it is.
    pub fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Tries that ended before the stream stood, and streams that broke.
    pub fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }

    /// Pictures that the server sent anew because a stream could not go on, and which hid changes.
    pub fn anew(&self) -> u64 {
        self.anew.load(Ordering::Relaxed)
    }

    /// Terminals that hold everything that was committed in their office.
    pub fn caught_up(&self) -> usize {
        let holds = |(office, held): &&(usize, AtomicU64)| {
            held.load(Ordering::Relaxed) >= self.offices[*office].revision.load(Ordering::Relaxed)
        };
        self.terminals.iter().filter(holds).count()
    }

    /// Changes told to terminals so far, and those that should have been.
    pub fn deliveries(&self) -> (u64, u64) {
        let expected = self
            .offices
            .iter()
            .map(|office| office.changes.load(Ordering::Relaxed) * office.streams)
            .sum();
        (self.delivered.load(Ordering::Relaxed), expected)
    }

    /// An error as soon as one terminal was told something wrong, or was refused for good.
    pub fn check(&self) -> Result<(), Failure> {
        match self.trouble.get() {
            None => Ok(()),
            Some(Trouble::Gap(gap)) => Err(Failure::Gap(*gap)),
            Some(Trouble::Ended(words)) => Err(Failure::Call(words.clone())),
        }
    }

    fn note(&self, change: &proto::QueueChange) {
        if !change.more {
            self.delivered.fetch_add(1, Ordering::Relaxed);
        }
        let part = self.part.load(Ordering::Relaxed);
        if let (Some(tally), Some(at)) = (self.tallies.get(part), &change.as_of_time) {
            let now = (Clock::System.now() + self.ahead).unix_timestamp_nanos() / 1_000;
            let committed = i128::from(at.seconds) * 1_000_000 + i128::from(at.nanos / 1_000);
            let micros = u64::try_from((now - committed).max(0)).unwrap_or(u64::MAX);
            tally.add(Duration::from_micros(micros));
        }
    }
}

/// One terminal at its stream.
pub struct Watcher {
    pub number: usize,
    pub terminal: Terminal,
    pub shared: Arc<Shared>,
}

/// Where a terminal is in its office's ledger.
#[derive(Default)]
struct Position {
    held: u64,
    token: Vec<u8>,
    held_at_token: u64,
}

impl Watcher {
    /// Follows the stream for as long as the run lasts. The permit is given back when the stream stands for the first
    /// time.
    pub async fn follow(self, permit: OwnedSemaphorePermit) {
        let mut permit = Some(permit);
        let mut position = Position::default();
        let mut tries = 0;
        loop {
            tries += 1;
            position.held = position.held_at_token;
            let mut stood = false;
            let mut pause = None;
            let ended = self.listen(&mut position, &mut stood, &mut pause, &mut permit);
            let ended = ended.await;
            if stood {
                self.shared.live.fetch_sub(1, Ordering::Relaxed);
                tries = 1;
            }
            self.shared.broken.fetch_add(1, Ordering::Relaxed);
            if let Err(trouble) = ended {
                // The first one tells enough.
                self.shared.trouble.set(trouble).ok();
                return;
            }
            let delay = || client::backoff(RECONNECT_DELAY, RECONNECT_DELAY_MAX, tries);
            sleep(pause.unwrap_or_else(delay)).await;
        }
    }

    /// Until the line breaks or the stream ends.
    async fn listen(
        &self,
        position: &mut Position,
        stood: &mut bool,
        pause: &mut Option<Duration>,
        permit: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<(), Trouble> {
        let request = WatchQueueRequest {
            district: String::new(),
            resume_token: position.token.clone(),
        };
        let mut client = self.terminal.print_queue_client();
        let mut stream = match client.watch_queue(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return refused(&status),
        };
        loop {
            let message = match stream.message().await {
                Ok(Some(answer)) => answer.message,
                Ok(None) => return Ok(()),
                Err(status) => return refused(&status),
            };
            if let Some(Message::Drain(drain)) = &message {
                *pause = Some(away(drain));
            }
            let placed = self.take(position, message).map_err(Trouble::Gap)?;
            if placed && !*stood {
                *stood = true;
                *permit = None;
                self.shared.live.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Takes a message in; answers whether it told where the stream is.
    fn take(&self, position: &mut Position, message: Option<Message>) -> Result<bool, Gap> {
        let (revision, token) = match message {
            Some(Message::SnapshotEnd(end)) => (end.topic_revision, end.resume_token),
            Some(Message::Change(change)) => {
                follows(position.held, change.prior_revision, change.revision)?;
                self.shared.note(&change);
                (change.revision, change.resume_token)
            }
            Some(Message::Bookmark(mark)) => {
                // A bookmark's own revision is the ledger's; of the topic it names the last.
                if mark.topic_revision != position.held {
                    return Err(Gap {
                        held: position.held,
                        prior: mark.topic_revision,
                        revision: mark.revision,
                    });
                }
                (mark.topic_revision, mark.resume_token)
            }
            Some(
                Message::SnapshotBegin(_)
                | Message::SnapshotChunk(_)
                | Message::Stale(_)
                | Message::Drain(_),
            )
            | None => return Ok(false),
            Some(Message::Resync(resync)) => {
                tracing::debug!(reason = resync.reason().as_str_name(), "a picture anew");
                self.shared.anew.fetch_add(1, Ordering::Relaxed);
                return Ok(false);
            }
        };
        position.held = revision;
        if !token.is_empty() {
            position.token = token;
            position.held_at_token = revision;
        }
        let (_, held) = &self.shared.terminals[self.number];
        held.store(revision, Ordering::Relaxed);
        Ok(true)
    }
}

/// Each change names the one before it, and goes forward.
fn follows(held: u64, prior: u64, revision: u64) -> Result<(), Gap> {
    if prior == held && revision > prior {
        Ok(())
    } else {
        Err(Gap {
            held,
            prior,
            revision,
        })
    }
}

/// What a draining server asks for.
fn away(drain: &proto::Drain) -> Duration {
    let length = |length: Option<prost_types::Duration>| {
        length
            .and_then(|length| Duration::try_from(length).ok())
            .unwrap_or_default()
    };
    let spread = length(drain.spread);
    length(drain.after) + rand::rng().random_range(Duration::ZERO..=spread)
}

/// What may pass is tried again; what will be the same the next time ends the run.
fn refused(status: &Status) -> Result<(), Trouble> {
    use tonic::Code;
    let passes = matches!(
        status.code(),
        Code::Unavailable
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Unknown
            | Code::Internal
    );
    if passes {
        tracing::debug!(status = client::in_words(status), "a stream broke");
        Ok(())
    } else {
        Err(Trouble::Ended(client::in_words(status)))
    }
}
