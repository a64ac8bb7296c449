//! The unit of work: one act is one transaction with its request id, its caller, one reading of the clock and its events.
//!
//! A write runs in a task of its own, which a client's cancel cannot drop; it ends in exactly one of four ways: committed
//! with its answer, refused with the refusal stored, rolled back, or of unknown outcome. `begin` and `commit` stand here
//! and nowhere else. What is easily got wrong: the driver's way to a connection is 14 KiB of the future that waits for it;
//! boxed, it goes when the connection is there, and is not carried, several times over, to an act's end.

mod call;
mod disclose;
mod many;
mod snapshot;
mod unit;

use std::{future::Future, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use prost::Message;
use sqlx::{PgConnection, Postgres, Transaction};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Response, Status};
use tracing::Instrument;

pub use call::Call;
pub use disclose::Counted;
pub use many::Item;
pub use unit::Work;

use crate::{
    access::Access,
    admission::{Admission, Place},
    caller::Caller,
    clock::Clock,
    db::Pools,
    deadline::{ANSWER_MARGIN, Deadline},
    error::{Error, ErrorReason, Result, reason_name},
    feed::{bell::Bell, journal::Answer},
    ids::RequestId,
    quota::{Limits, Quotas},
    requests::{self, Claim, Stored},
    seal::Keys,
};

/// How long a statement of an act that no client waits for may take.
const UNASKED_TIMEOUT: Duration = Duration::from_secs(5);
/// Chores at work: one after the other, on the connection that they have beside the calls.
const CHORES_AT_ONCE: usize = 1;
/// The number of the field `committed_revision` in every response of a write.
const REVISION_FIELD: u32 = 15;

/// What every service stands on: pools, clock, keys and the doorbell. Its copies are one desk.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    pools: Pools,
    clock: Clock,
    keys: Arc<Keys>,
    lease_length: Duration,
    bell: Bell,
    draining: CancellationToken,
    acts: Admission,
    reads: Admission,
    chores: Semaphore,
    access: Access,
    limits: Arc<Limits>,
}

/// A read's transaction and its place. Nothing is committed: dropped, it ends.
pub struct Read {
    transaction: Transaction<'static, Postgres>,
    _place: Option<Place>,
}

impl Read {
    /// The connection.
    pub fn db(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}

impl Desk {
    /// A desk over open pools.
    pub fn new(
        pools: Pools,
        clock: Clock,
        keys: Arc<Keys>,
        quotas: Quotas,
        lease_length: Duration,
    ) -> Self {
        Self(Arc::new(Inner {
            access: Access::new(pools.reads.clone()),
            limits: Arc::new(Limits::new(quotas)),
            acts: Admission::new("acts", pools.sizes.acts),
            reads: Admission::new("reads", pools.sizes.reads),
            pools,
            clock,
            keys,
            lease_length,
            bell: Bell::default(),
            draining: CancellationToken::new(),
            chores: Semaphore::new(CHORES_AT_ONCE),
        }))
    }

    /// The pools.
    pub fn pools(&self) -> &Pools {
        &self.0.pools
    }

    /// The keys.
    pub fn keys(&self) -> &Arc<Keys> {
        &self.0.keys
    }

    /// The doorbell.
    pub fn bell(&self) -> &Bell {
        &self.0.bell
    }

    /// Who still may.
    pub fn access(&self) -> &Access {
        &self.0.access
    }

    /// How much each may.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.0.limits
    }

    /// Cancelled when the server goes away: streams end, chores stop.
    pub fn draining(&self) -> &CancellationToken {
        &self.0.draining
    }

    /// Business time.
    pub fn now(&self) -> OffsetDateTime {
        self.0.clock.now()
    }

    /// The ways to the pools of the acts and of the reads.
    pub fn admissions(&self) -> (&Admission, &Admission) {
        (&self.0.acts, &self.0.reads)
    }

    /// A transaction for a read of what the caller may see.
    pub async fn read(&self, call: &Call) -> Result<Read> {
        let home = call.caller.ledger();
        let place = self.0.reads.enter(call.class, home, Some(call.deadline));
        let place = place.await?;
        let read = self.read_unasked(&call.caller).await?;
        Ok(Read {
            _place: Some(place),
            ..read
        })
    }

    /// The same for a chore, on the connection beside those of the calls.
    pub async fn read_unasked(&self, caller: &Caller) -> Result<Read> {
        let begin = caller.walls().begin_read();
        Ok(Read {
            transaction: Box::pin(self.0.pools.reads.begin_with(begin)).await?,
            _place: None,
        })
    }

    /// Carries out one write under its request id and answers it; a repeat gets the first answer.
    pub async fn act<M, R, F>(
        &self,
        call: Call,
        id: RequestId,
        message: &M,
        step: F,
    ) -> Result<Response<R>, Status>
    where
        M: Message,
        R: Message + Default + 'static,
        F: for<'w> FnOnce(&'w mut Work) -> BoxFuture<'w, Result<R>> + Send + 'static,
    {
        let digest = self.0.keys.digest(call.method, &message.encode_to_vec());
        let desk = self.clone();
        let stored =
            own_task(async move { desk.act_to_end(&call, id, digest, step).await }).await?;
        answered(stored)
    }

    async fn act_to_end<R, F>(
        &self,
        call: &Call,
        id: RequestId,
        digest: Vec<u8>,
        step: F,
    ) -> Result<Stored>
    where
        R: Message + 'static,
        F: for<'w> FnOnce(&'w mut Work) -> BoxFuture<'w, Result<R>> + Send + 'static,
    {
        let _place = self.place(call, Some(call.deadline)).await?;
        let mut work = self
            .begin(&call.caller, call.method, Some(call.deadline))
            .await?;
        if let Claim::Taken(first) =
            requests::claim(work.db(), &call.caller.name(), call.method, id, &digest).await?
        {
            work.roll_back().await;
            return first.of_content(&digest, call.method);
        }
        work.name(id);
        match step(&mut work).await {
            Ok(response) => {
                let answer = Answer {
                    request_id: id,
                    code: Code::Ok as i32,
                    bytes: response.encode_to_vec(),
                    reason: "",
                    about: work.take_touched(),
                };
                let revision = work.commit(std::slice::from_ref(&answer)).await?;
                Ok(Stored {
                    content_digest: digest,
                    code: answer.code,
                    bytes: answer.bytes,
                    revision,
                })
            }
            Err(error) if !error.is_lasting() => {
                work.roll_back().await;
                Err(error)
            }
            Err(error) => self.refuse(work, call, id, digest, error).await,
        }
    }

    /// Stores a refusal as the answer.
    async fn refuse(
        &self,
        mut work: Work,
        call: &Call,
        id: RequestId,
        digest: Vec<u8>,
        error: Error,
    ) -> Result<Stored> {
        let reason = reason_name(error.reason());
        let (code, bytes) = encoded(error);
        let answer = Answer {
            request_id: id,
            code,
            bytes,
            reason,
            about: work.take_touched(),
        };
        if work.keeps_on_refusal() {
            work.commit(std::slice::from_ref(&answer)).await?;
            return Ok(Stored {
                content_digest: digest,
                code,
                bytes: answer.bytes,
                revision: 0,
            });
        }
        // Nothing of the act may stay. The refusal is stored in a statement of its own: a savepoint would cost every
        // success a round trip, and a twin that slipped in between has simply become the first answer.
        let actor = work.actor();
        work.roll_back().await;
        let mut db = Box::pin(self.0.pools.acts.acquire()).await?;
        let scope = call.caller.walls();
        requests::store_refusal(&mut db, &actor, scope, &digest, &answer)
            .await?
            .of_content(&digest, call.method)
    }

    /// Carries out an act for a stream that is listened to, such as a lease to the matching engine.
    pub async fn act_for_stream<T, F>(&self, call: &Call, step: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'w> FnOnce(&'w mut Work) -> BoxFuture<'w, Result<T>> + Send + 'static,
    {
        let (desk, call) = (self.clone(), call.clone());
        own_task(async move {
            let _place = desk.place(&call, None).await?;
            desk.without_id(&call.caller, call.method, step).await
        })
        .await
    }

    /// Carries out an act that no call asked for: a chore. It stands in no line with the calls, however many there are.
    pub async fn act_unasked<T, F>(
        &self,
        caller: Caller,
        method: &'static str,
        step: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: for<'w> FnOnce(&'w mut Work) -> BoxFuture<'w, Result<T>> + Send + 'static,
    {
        let desk = self.clone();
        own_task(async move {
            let place = desk.0.chores.acquire().await;
            let _place = place.map_err(|_| Error::internal("the chores' place was closed"))?;
            desk.without_id(&caller, method, step).await
        })
        .await
    }

    async fn without_id<T, F>(&self, caller: &Caller, method: &'static str, step: F) -> Result<T>
    where
        F: for<'w> FnOnce(&'w mut Work) -> BoxFuture<'w, Result<T>> + Send + 'static,
    {
        let mut work = self.begin(caller, method, None).await?;
        match step(&mut work).await {
            Ok(done) => work.commit(&[]).await.map(|_| done),
            Err(error) => {
                work.roll_back().await;
                Err(error)
            }
        }
    }

    async fn begin(
        &self,
        caller: &Caller,
        method: &'static str,
        deadline: Option<Deadline>,
    ) -> Result<Work> {
        let left = deadline.map_or(UNASKED_TIMEOUT, Deadline::remaining);
        let left = left.checked_sub(ANSWER_MARGIN).ok_or_else(Error::late)?;
        // One round trip for all three.
        let how = format!(
            "read write; set local statement_timeout = {}",
            left.as_millis().max(1)
        );
        let begin = caller.walls().begin(&how);
        let transaction = Box::pin(self.0.pools.acts.begin_with(begin)).await?;
        let keys = Arc::clone(&self.0.keys);
        let bell = self.0.bell.clone();
        Ok(Work::new(
            transaction,
            caller.clone(),
            method,
            self.now(),
            (keys, bell, self.0.lease_length),
        ))
    }
}

/// Runs in a task of its own: a client that goes away cannot stop an act half way, nor drop a future in mid-statement.
async fn own_task<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(result) => result,
        Err(error) => Err(Error::internal(format!("an act's task ended: {error}"))),
    }
}

/// A refusal as it is stored: its code, and its google.rpc.Status in bytes.
fn encoded(error: Error) -> (i32, Vec<u8>) {
    let status = Status::from(error);
    (status.code() as i32, status.details().to_vec())
}

fn decoded<R: Message + Default>(bytes: &[u8]) -> Result<R> {
    R::decode(bytes).map_err(|error| Error::corrupt("request", error))
}

/// The stored answer as the client gets it, the first time and every time after. The revision is not known before the
/// ledger is closed, so it is stored beside the answer; appended as a field it is part of the same message.
fn answered<R: Message + Default>(stored: Stored) -> Result<Response<R>, Status> {
    if stored.code != Code::Ok as i32 {
        let status = tonic_types::pb::Status::decode(stored.bytes.as_slice())
            .map_err(|error| Error::corrupt("request", error))?;
        return Err(Status::with_details(
            Code::from(stored.code),
            status.message,
            stored.bytes.into(),
        ));
    }
    let mut bytes = stored.bytes;
    if stored.revision != 0 {
        prost::encoding::uint64::encode(
            REVISION_FIELD,
            &stored.revision.unsigned_abs(),
            &mut bytes,
        );
    }
    Ok(Response::new(decoded(&bytes)?))
}

impl Stored {
    /// The first answer, if it was given to the same content.
    fn of_content(self, digest: &[u8], method: &'static str) -> Result<Self> {
        if self.content_digest == digest {
            return Ok(self);
        }
        let message = "the request id was used before with other content; make a new one";
        Err(Error::refused(ErrorReason::RequestIdReused, message).with("method", method))
    }
}
