//! What a stream delivers: the ledger's next events from the ring, or page by page from the table when it is behind.
//!
//! What is easily got wrong: events that are consecutive among themselves may still not follow from where this stream
//! stands. The seam is checked as well, by number and by digest.

use std::sync::Arc;

use prost::bytes::Bytes;
use tokio::time::Instant;

use super::{End, Reader};
use crate::{
    error::Result,
    feed::{
        Resync,
        chain::Position,
        journal::Event,
        ledger::Next,
        resume::BEHIND_MAX,
        subscription::{Change, Message},
    },
};

impl Reader {
    /// Delivers what has come up to `head`.
    pub(super) async fn pull(&mut self, head: i64) -> Result<Result<(), Resync>, End> {
        while self.position.revision < head {
            let events: Arc<[Arc<Event>]> = match self.ledger.after(self.position.revision) {
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
                    events.into()
                }
                Next::Behind if head - self.position.revision > BEHIND_MAX => {
                    return Ok(Err(Resync::Expired));
                }
                Next::Behind => match Box::pin(self.page(head)).await? {
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
            let change = last.say_once(self.feed_id, || self.change(&part, last))?;
            self.topic_revision = last.revision;
            self.hand_over(change).await?;
            self.hub.note_lag(last.at);
            self.spoke = Instant::now();
            self.stale = false;
        }
        if let Some(last) = events.last() {
            self.position = Position::at(last);
        }
        Ok(Ok(()))
    }

    /// A part of a commit, the same whichever stream says it.
    fn change(&self, part: &[Arc<Event>], last: &Event) -> Result<Bytes> {
        let more = !last.last_in_commit;
        (self.encode)(Message::Change(Change {
            prior_revision: part[0].prior_revision,
            revision: last.revision,
            bodies: part.iter().map(|event| Arc::clone(&event.body)).collect(),
            more,
            token: if more {
                Vec::new()
            } else {
                self.token(&Position::at(last))
            },
            as_of: last.at,
        }))
    }
}
