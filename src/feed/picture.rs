//! Snapshots of a whole topic, shared by all who ask for the same one at about the same time.
//!
//! After a restart every terminal of a district asks at once; one reading of the queue answers them all. What is easily
//! got wrong: the rows and the head they belong to must come from one and the same view of the database.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::BoxFuture;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio::{sync::OnceCell, time::Instant};
use uuid::Uuid;

use crate::{
    error::{Error, Result, Violation},
    feed::{Hub, Topic, chain::Position, journal, resume::Place},
    ids::District,
    scope::Scope,
};

/// Reads all that a topic shows of a district, encoded as its events are.
pub type Source = for<'c> fn(&'c mut PgConnection, District) -> BoxFuture<'c, Result<Vec<Vec<u8>>>>;

/// A whole topic at one revision.
#[derive(Debug)]
pub(super) struct Picture {
    /// The history that it is of.
    pub feed_id: Uuid,
    /// Where changes follow.
    pub place: Place,
    /// The database's time of it.
    pub as_of: OffsetDateTime,
    /// The encoded states.
    pub bodies: Vec<Arc<[u8]>>,
}

/// Which picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Subject {
    pub feed_id: Uuid,
    pub district: District,
    pub topic: Topic,
    /// Whoever shares it sees the same rows.
    pub scope: Scope,
}

/// The pictures of the last second. The first who asks takes it, the others wait for it.
#[derive(Debug, Default)]
pub(super) struct Pictures(Mutex<HashMap<Subject, Slot>>);

#[derive(Debug, Clone)]
struct Slot {
    since: Instant,
    picture: Arc<OnceCell<Arc<Picture>>>,
}

impl Pictures {
    /// The picture of a subject, not older than what is shared.
    pub async fn get(&self, hub: &Hub, subject: Subject, source: Source) -> Result<Arc<Picture>> {
        let slot = {
            let mut slots = self.slots();
            let slot = slots.entry(subject).or_insert_with(Slot::new);
            if slot.since.elapsed() > hub.timing().share_for {
                *slot = Slot::new();
            }
            slot.clone()
        };
        let picture = slot
            .picture
            .get_or_try_init(|| take(hub, subject, source))
            .await?;
        Ok(Arc::clone(picture))
    }

    /// Lets go of what nobody may share any more.
    pub fn prune(&self, hub: &Hub) {
        self.slots()
            .retain(|_, slot| slot.since.elapsed() <= hub.timing().share_for);
    }

    /// Lets go of a district's pictures, whose history has turned.
    pub fn forget(&self, district: District) {
        self.slots()
            .retain(|subject, _| subject.district != district);
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Subject, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            picture: Arc::default(),
        }
    }
}

#[tracing::instrument(name = "feed.snapshot", skip_all)]
async fn take(hub: &Hub, subject: Subject, source: Source) -> Result<Arc<Picture>> {
    let mut view = journal::snapshot(hub.pool(), subject.scope).await?;
    let facts = journal::facts(&mut view, subject.district, subject.topic, None, None)
        .await?
        .ok_or_else(no_ledger)?;
    let bodies = source(&mut view, subject.district).await?;
    view.rollback().await?;
    Ok(Arc::new(Picture {
        feed_id: facts.feed_id,
        place: Place {
            position: Position {
                revision: facts.head,
                digest: facts.digest,
                day: facts.as_of.date(),
            },
            topic_revision: facts.topic_revision,
        },
        as_of: facts.as_of,
        bodies: bodies.into_iter().map(Arc::from).collect(),
    }))
}

/// The district has a code's shape, and the ministry never gave it out.
pub(super) fn no_ledger() -> Error {
    Error::invalid(vec![Violation {
        field: "district".to_owned(),
        rule: "is not in the ministry's list".to_owned(),
    }])
}
