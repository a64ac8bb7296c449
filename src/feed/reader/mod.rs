//! The task of one stream: from the opening to the final status.
//!
//! ```text
//!   token ──good──> live <─────────────── snapshot <── no token
//!     └── not good ─> resync ─────────────────^  ^
//!                  live ── history turned, too far behind ─> resync
//! ```
//!
//! It holds a position and at most one commit; everything else is read when the reader has room for it.
//!
//! What is easily got wrong: a task has room for the largest thing it ever waits for, as long as it lasts, and for what it
//! is given twice. There are thousands, and nearly always they wait for the next change; so the reader itself and what is
//! rare (`resume`, `snapshot`, a page, a reader that takes nothing) are boxed.

mod catch_up;
mod deliver;

use std::{sync::Arc, time::Duration};

use prost::bytes::Bytes;
use time::OffsetDateTime;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    feed::{
        Hub, Resync,
        chain::Position,
        commits::Commits,
        handoff::{Giver, Kept},
        hub::Good,
        ledger::{Ledger, State},
        resume::Place,
        subscription::{Ask, Encode, Mark, Message},
        token::Token,
    },
};

/// When the server goes away a reader gets so long to take what was under way; its last place is told after that.
const PARTING: Duration = Duration::from_secs(5);
/// A client that is sent away waits at least so long, so that the other servers are ready for it.
const DRAIN_AFTER: Duration = Duration::from_secs(1);
/// And at most so much longer: not all terminals shall come back at once.
const DRAIN_SPREAD: Duration = Duration::from_secs(10);
/// Streams live up to so much longer or shorter than the others.
const LIFE_SPREAD: f64 = 0.2;

/// Why a stream ends.
enum End {
    /// Its life is over.
    Over,
    /// The client went away.
    Gone,
    /// The server goes away.
    Draining,
    /// Something is wrong.
    Failed(Error),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<sqlx::Error> for End {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

pub(super) struct Reader {
    hub: Hub,
    ask: Ask,
    encode: Encode,
    ledger: Arc<Ledger>,
    state: watch::Receiver<State>,
    late: watch::Receiver<bool>,
    out: Giver,
    /// Where to go on, until that is tried.
    token: Option<Token>,
    /// The history that the position belongs to, by the ledger's count and by its identity.
    history: u64,
    feed_id: Uuid,
    position: Position,
    topic_revision: i64,
    /// When the position was known to be within the ledger; and the head then, with the database's time.
    placed: Instant,
    head_then: (i64, OffsetDateTime),
    commits: Commits,
    /// When the last change or mark was handed over.
    spoke: Instant,
    stale: bool,
    over: Instant,
    /// Until when the reader may take its time, once the server goes away.
    parts_at: Option<Instant>,
}

impl Reader {
    pub fn new(
        hub: Hub,
        (ask, encode): (Ask, Encode),
        (ledger, token): (Arc<Ledger>, Option<Token>),
        out: Giver,
    ) -> Self {
        let now = Instant::now();
        let (late, as_of) = (hub.watch_late(), hub.good().as_of);
        let spread = 1.0 - LIFE_SPREAD + rand::random::<f64>() * 2.0 * LIFE_SPREAD;
        Self {
            over: now + hub.timing().life.mul_f64(spread),
            state: ledger.watch(),
            history: 0,
            feed_id: Uuid::nil(),
            position: Position {
                revision: 0,
                digest: Vec::new(),
                day: as_of.date(),
            },
            topic_revision: 0,
            placed: now,
            head_then: (0, as_of),
            commits: Commits::of(ask.topic),
            spoke: now,
            stale: false,
            parts_at: None,
            hub,
            ask,
            encode,
            ledger,
            late,
            out,
            token,
        }
    }

    /// Runs the stream to its end, which is told to the reader.
    pub async fn run(mut self: Box<Self>) {
        let ended = match self.speak().await {
            Ok(never) => match never {},
            Err(End::Over | End::Gone) => Ok(()),
            Err(End::Failed(error)) => Err(error),
            Err(End::Draining) => self.drain().await,
        };
        self.out.end(ended);
    }

    async fn drain(&self) -> Result<()> {
        let drain = (self.encode)(Message::Drain {
            after: DRAIN_AFTER,
            spread: DRAIN_SPREAD,
        })?;
        // A reader that does not take it sees the stream end, which says the same.
        timeout(DRAIN_AFTER, self.out.give(drain)).await.ok();
        Ok(())
    }

    async fn speak(&mut self) -> Result<std::convert::Infallible, End> {
        // Read before the database is asked: a turn of history after this is noticed.
        self.history = self.state.borrow_and_update().history;
        let mut resync = match self.token.take() {
            None => {
                self.feed_id = self.hub.good().feed_id;
                None
            }
            Some(token) => Some(Box::pin(self.resume(token)).await?),
        };
        loop {
            match resync {
                Some(Ok(())) => {}
                Some(Err(why)) => {
                    self.hand(Message::Resync(why)).await?;
                    Box::pin(self.snapshot()).await?;
                }
                None => Box::pin(self.snapshot()).await?,
            }
            resync = Some(Err(self.live().await?));
        }
    }

    fn place(&mut self, place: Place) {
        self.position = place.position;
        self.topic_revision = place.topic_revision;
        self.commits = Commits::of(self.ask.topic);
        self.placed = Instant::now();
        self.head_then = (place.head, place.as_of);
        self.spoke = Instant::now();
    }

    /// The whole topic, and the place where changes follow.
    async fn snapshot(&mut self) -> Result<(), End> {
        self.history = self.state.borrow_and_update().history;
        let picture = self.picture().await?;
        let revision = picture.place.position.revision;
        self.hand(Message::SnapshotBegin { revision }).await?;
        for chunk in &picture.chunks {
            self.hand_over(chunk.clone()).await?;
        }
        self.feed_id = picture.feed_id;
        self.place(picture.place.clone());
        let end = self.mark(picture.place.as_of);
        self.hand(Message::SnapshotEnd(end)).await?;
        self.spoke = Instant::now();
        Ok(())
    }

    /// Delivers changes as they come; answers why the position is no good any more.
    async fn live(&mut self) -> Result<Resync, End> {
        loop {
            // In this order: what the look saw is in the head that is read after it.
            let good = self.hub.good();
            let state = *self.state.borrow_and_update();
            if let Err(why) = self.ask.standing.check() {
                return Err(self.lost(why, good).await);
            }
            if state.history != self.history {
                return Ok(state.why);
            }
            if state.head > self.position.revision {
                if let Err(why) = self.pull(state.head).await? {
                    return Ok(why);
                }
                continue;
            }
            if state.head < self.position.revision && good.at > self.placed {
                // A look that began after the position was known does not reach it.
                self.hub.count_gap(self.ask.district);
                return Ok(Resync::Ahead);
            }
            if self.hub.draining().is_cancelled() {
                // All of it was delivered; from here the stream goes on elsewhere.
                self.bookmark(good).await?;
                return Err(End::Draining);
            }
            self.say_what_is_due(good).await?;
            self.wait(good).await?;
        }
    }

    /// Speaks where there is nothing to deliver: nothing was missed, the picture may be old, the end.
    async fn say_what_is_due(&mut self, good: Good) -> Result<(), End> {
        let timing = *self.hub.timing();
        let age = good.at.elapsed();
        let over = self.over <= Instant::now();
        if age >= timing.give_up_after {
            let cause = "the ledgers could not be read for too long; a stream ended";
            return Err(End::Failed(Error::database_away(cause)));
        }
        if age >= timing.stale_after {
            if !self.stale {
                self.stale = true;
                let since = good.as_of;
                self.hand(Message::Stale { since }).await?;
            }
        } else if self.stale || over || self.spoke.elapsed() >= timing.bookmark_every {
            self.bookmark(good).await?;
            self.stale = false;
        }
        if over { Err(End::Over) } else { Ok(()) }
    }

    /// Everything up to here was delivered, and nothing had been committed after it at the time of the last good look: so
    /// that time dates the position as well.
    async fn bookmark(&mut self, good: Good) -> Result<(), End> {
        if let Some(as_of) = self.as_of(good) {
            self.position.day = self.position.day.max(as_of.date());
            let mark = self.mark(as_of);
            self.hand(Message::Bookmark(mark)).await?;
        }
        self.spoke = Instant::now();
        Ok(())
    }

    /// Until there may be something to deliver or to say.
    async fn wait(&mut self, good: Good) -> Result<(), End> {
        let timing = self.hub.timing();
        let due = if self.stale {
            good.at + timing.give_up_after
        } else {
            self.spoke + timing.bookmark_every
        };
        let draining = self.hub.draining().clone();
        tokio::select! {
            _ = self.state.changed() => Ok(()),
            _ = self.late.changed() => Ok(()),
            () = sleep_until(due.min(self.over)) => Ok(()),
            () = self.out.gone() => Err(End::Gone),
            () = draining.cancelled() => Ok(()),
            why = self.ask.standing.lost() => Err(self.lost(why, good).await),
        }
    }

    /// The right is gone: the reader gets its place once more, to go on from when it may again, and the reason.
    async fn lost(&mut self, why: Error, good: Good) -> End {
        let is_current = self.state.borrow().head == self.position.revision;
        if is_current && let Some(as_of) = self.as_of(good) {
            let mark = self.mark(as_of);
            if let Err(end) = self.hand(Message::Bookmark(mark)).await {
                return end;
            }
        }
        End::Failed(why)
    }

    /// Of which time the position is, if that is known yet. A look that began before the stream was placed may have read the
    /// database after it, and then knows more than the stream was given.
    fn as_of(&self, good: Good) -> Option<OffsetDateTime> {
        if good.at > self.placed {
            return Some(good.as_of);
        }
        let (head, as_of) = self.head_then;
        (self.position.revision >= head).then_some(as_of)
    }

    fn mark(&self, as_of: OffsetDateTime) -> Mark {
        Mark {
            revision: self.position.revision,
            topic_revision: self.topic_revision,
            token: self.token(&self.position),
            as_of,
        }
    }

    fn token(&self, position: &Position) -> Vec<u8> {
        Token::of(self.feed_id, self.ask.district, self.ask.topic, position).write(self.hub.keys())
    }

    async fn hand(&mut self, message: Message) -> Result<(), End> {
        self.hand_over((self.encode)(message)?).await
    }

    /// Hands one message over. A reader that takes none for too long loses its connection (`transport`), and is gone then.
    async fn hand_over(&mut self, message: Bytes) -> Result<(), End> {
        // Most take at once, and need no clock.
        match self.out.try_give(message) {
            Ok(()) => Ok(()),
            Err(Kept::Gone) => Err(End::Gone),
            Err(Kept::Full(message)) => Box::pin(self.wait_for_room(message)).await,
        }
    }

    async fn wait_for_room(&mut self, message: Bytes) -> Result<(), End> {
        let giving = self.out.give(message);
        let parts_at = &mut self.parts_at;
        let parting = async {
            self.hub.draining().cancelled().await;
            let at = *parts_at.get_or_insert_with(|| Instant::now() + PARTING);
            sleep_until(at).await;
        };
        tokio::select! {
            biased;
            given = giving => if given { Ok(()) } else { Err(End::Gone) },
            () = parting => Err(End::Draining),
        }
    }
}
