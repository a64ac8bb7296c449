//! What a stream delivers: the ledger's next events from the ring, or page by page from the table when it is behind.
//!
//! What is easily got wrong: events that are consecutive among themselves may still not follow from where this stream
//! stands. The seam is checked as well, by number and by digest.

use std::sync::Arc;

use tokio::time::Instant;

use super::{End, Reader};
use crate::feed::{
    Resync,
    chain::Position,
    journal::{self, Event, Span},
    ledger::{Next, armful},
    picture::no_ledger,
    resume::BEHIND_MAX,
    subscription::{Change, Message},
};

/// Events of one page of a catch-up: what a stream may hold of them, or a few more.
const PAGE: i64 = 64;

impl Reader {
    /// Delivers what has come up to `head`.
    pub(super) async fn pull(&mut self, head: i64) -> Result<Result<(), Resync>, End> {
        while self.position.revision < head {
            let events = match self.ledger.after(self.position.revision) {
                Next::Events(events) => {
                    // The tail has checked how they follow one another, not how they follow this stream's position.
                    let first = events.get(..1).unwrap_or_default();
                    if first.is_empty() || self.state.borrow().history != self.history {
                        return Ok(Ok(()));
                    }
                    if !self.position.is_followed_by(first) {
                        self.hub.count_gap(self.ask.district);
                        return Ok(Err(Resync::Diverged));
                    }
                    events
                }
                Next::Behind if head - self.position.revision > BEHIND_MAX => {
                    return Ok(Err(Resync::Expired));
                }
                Next::Behind => match self.page(head).await? {
                    Ok(events) => events,
                    Err(why) => return Ok(Err(why)),
                },
            };
            if let Err(why) = self.deliver(&events).await? {
                return Ok(Err(why));
            }
        }
        Ok(Ok(()))
    }

    /// The next events from the table. The connection is given back before anything is handed to the reader.
    async fn page(&self, head: i64) -> Result<Result<Vec<Arc<Event>>, Resync>, End> {
        let _turn = self.hub.catch_ups().acquire().await;
        let mut db = self.hub.pool().acquire().await?;
        let mut view = journal::read(&mut db, self.ask.scope).await?;
        let span = Span {
            district: self.ask.district,
            after: self.position.revision,
            up_to: head,
        };
        let events: Vec<Arc<Event>> =
            journal::events(&mut view, &[span], self.position.since(), PAGE)
                .await?
                .into_iter()
                .map(|(_, event)| event)
                .collect();
        if !events.is_empty() && self.position.is_followed_by(&events) {
            return Ok(Ok(armful(events.iter())));
        }
        // Retention may have passed by since the stream was opened.
        let facts = journal::facts(&mut view, self.ask.district, self.ask.topic, None, None)
            .await?
            .ok_or_else(no_ledger)?;
        if facts.floor > self.position.revision {
            return Ok(Err(Resync::Expired));
        }
        self.hub.count_gap(self.ask.district);
        Ok(Err(Resync::Diverged))
    }

    /// Hands over the topic's commits among the ledger's next events.
    async fn deliver(&mut self, events: &[Arc<Event>]) -> Result<Result<(), Resync>, End> {
        for event in events {
            let Some(part) = self.commits.push(event) else {
                continue;
            };
            let (first, last) = (&part[0], event);
            if first.prior_revision != self.topic_revision {
                self.hub.count_gap(self.ask.district);
                return Ok(Err(Resync::Diverged));
            }
            let more = !last.last_in_commit;
            let token = if more {
                Vec::new()
            } else {
                self.token(&Position::at(last))
            };
            self.topic_revision = last.revision;
            self.hand(Message::Change(Change {
                prior_revision: first.prior_revision,
                revision: last.revision,
                bodies: part.iter().map(|event| Arc::clone(&event.body)).collect(),
                more,
                token,
                as_of: last.at,
            }))
            .await?;
            self.hub.note_lag(last.at);
            self.spoke = Instant::now();
            self.stale = false;
        }
        if let Some(last) = events.last() {
            self.position = Position::at(last);
        }
        Ok(Ok(()))
    }
}
