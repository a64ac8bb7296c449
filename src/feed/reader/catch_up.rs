//! What a stream reads from the database: what became of its token, a picture, the events that the ring has let go of.
//!
//! After a server's death all its terminals ask here at once. Most ask for the same, which is read once (`share`); the
//! rest queue for their turn, fairly and for a bounded time. What is easily got wrong: a stream whose client has gone must
//! leave the queue, or the clients' second attempts would stand behind their first ones.

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use tokio::{sync::SemaphorePermit, time::timeout};
use uuid::Uuid;

use super::{End, Reader};
use crate::{
    error::Error,
    feed::{
        Resync,
        chain::Position,
        journal::{self, Event, Span},
        ledger::armful,
        picture::{self, Picture, no_ledger},
        resume::{Place, judge},
        share::{Page, Subject},
        token::Token,
    },
};

/// Events of one page of a catch-up: what a stream may hold of them, or a few more.
const PAGE: i64 = 64;
/// Who has not had a turn after so long is sent away. All terminals of a nation are served in less.
const TURN_PATIENCE: Duration = Duration::from_secs(20);
/// And comes again after so long at the most; each at another moment.
const AWAY: Duration = Duration::from_secs(10);

impl Reader {
    /// Goes on from a token, if the ledger knows it.
    pub(super) async fn resume(&mut self, token: Token) -> Result<Result<(), Resync>, End> {
        let shares = self.hub.shares();
        let key = (self.subject(), token.clone());
        let (feed_id, place) = shares
            .places
            .get(key, self.hub.timing().share_for, self.judged(token).boxed())
            .await?;
        self.feed_id = feed_id;
        Ok(place.map(|place| self.place(place)))
    }

    async fn judged(&self, token: Token) -> Result<(Uuid, Result<Place, Resync>), End> {
        let since = Position {
            revision: token.revision,
            digest: Vec::new(),
            day: token.day,
        }
        .since();
        let (_turn, mut db) = self.connection().await?;
        let mut view = journal::read(&mut db, self.ask.scope).await?;
        let (district, topic) = (self.ask.district, self.ask.topic);
        let asked = Some(token.revision);
        let facts = journal::facts(&mut view, district, topic, asked, Some(since)).await?;
        view.rollback().await?;
        let facts = facts.ok_or_else(no_ledger)?;
        Ok((facts.feed_id, judge(&token, &facts)))
    }

    /// The whole topic, not older than what is shared.
    pub(super) async fn picture(&self) -> Result<Arc<Picture>, End> {
        let take = async {
            let _turn = self.turn().await?;
            let picture = picture::take(
                self.hub.pool(),
                self.subject(),
                self.ask.source,
                &self.encode,
            );
            let picture = picture.await?;
            Ok(Arc::new(picture))
        };
        let key = (self.subject(), self.feed_id);
        let shares = self.hub.shares();
        shares
            .pictures
            .get(key, self.hub.timing().share_for, take.boxed())
            .await
    }

    /// The next events from the table.
    pub(super) async fn page(&self, head: i64) -> Result<Page, End> {
        let shares = self.hub.shares();
        let key = (self.subject(), self.position.clone());
        shares
            .pages
            .get(key, self.hub.timing().share_for, self.read(head).boxed())
            .await
    }

    async fn read(&self, head: i64) -> Result<Page, End> {
        let (_turn, mut db) = self.connection().await?;
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
            view.rollback().await?;
            return Ok(Ok(armful(events.iter()).into()));
        }
        // Retention may have passed by since the stream was opened.
        let facts = journal::facts(&mut view, self.ask.district, self.ask.topic, None, None)
            .await?
            .ok_or_else(no_ledger)?;
        view.rollback().await?;
        if facts.floor > self.position.revision {
            return Ok(Err(Resync::Expired));
        }
        self.hub.count_gap(self.ask.district);
        Ok(Err(Resync::Diverged))
    }

    fn subject(&self) -> Subject {
        Subject {
            district: self.ask.district,
            topic: self.ask.topic,
            scope: self.ask.scope,
        }
    }

    /// A turn at the feed's connections, and one of them; given back before anything is handed to the reader.
    async fn connection(
        &self,
    ) -> Result<
        (
            SemaphorePermit<'_>,
            sqlx::pool::PoolConnection<sqlx::Postgres>,
        ),
        End,
    > {
        let turn = self.turn().await?;
        Ok((turn, Box::pin(self.hub.pool().acquire()).await?))
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, End> {
        tokio::select! {
            turn = timeout(TURN_PATIENCE, self.hub.turns().acquire()) => match turn {
                Ok(Ok(turn)) => Ok(turn),
                Ok(Err(_)) | Err(_) => {
                    Err(End::Failed(Error::overloaded().retry(AWAY.mul_f64(rand::random()))))
                }
            },
            () = self.out.gone() => Err(End::Gone),
            () = self.hub.draining().cancelled() => Err(End::Draining),
        }
    }
}
