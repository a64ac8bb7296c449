//! What all Watch streams have in common on the wire: six of their eight messages word for word, and the parts of the
//! other two (`responses`); and whose ledger a district's stream shows.
//!
//! The feed carries states as bytes and knows nothing of the contract; here they are read back as the stream's entry. What is easily got wrong: [`open`]
//! does not ask whose ledger a caller may watch; [`ask`] does, for the streams of a district.

mod responses;

use std::{marker::PhantomData, pin::Pin, sync::Arc};

use futures::{Stream, StreamExt as _};
use prost::{
    DecodeError,
    bytes::{Buf, BufMut, Bytes},
    encoding::{DecodeContext, WireType, skip_field},
};
use tonic::Status;

use crate::{
    error::{Error, Result},
    feed::{
        Hub, Resync, Source, Topic,
        subscription::{self, Ask, Change, Mark, Message},
    },
    proto,
    violations::Violations,
    wire::{district_of_call, timestamp},
    work::{Call, Desk},
};

pub use responses::Response;

/// What a Watch call hands out.
pub type Responses<R> = Pin<Box<dyn Stream<Item = Result<Encoded<R>, Status>> + Send>>;

/// An `R` as it goes over the wire. The generated servers hand it out in the place of `R` (build.rs), so that a change is
/// encoded once and not for each of its readers.
pub struct Encoded<R> {
    bytes: Bytes,
    of: PhantomData<fn() -> R>,
}

impl<R> prost::Message for Encoded<R> {
    fn encode_raw(&self, into: &mut impl BufMut) {
        into.put_slice(&self.bytes);
    }

    fn encoded_len(&self) -> usize {
        self.bytes.len()
    }

    /// Servers hand it out and read none.
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        from: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        skip_field(wire_type, tag, from, context)
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// One message of a stream whose entries are `E`.
#[derive(Debug, Clone, PartialEq)]
pub enum Said<E> {
    SnapshotBegin(proto::SnapshotBegin),
    SnapshotChunk(Vec<E>),
    SnapshotEnd(proto::SnapshotEnd),
    Change(Changed<E>),
    Bookmark(proto::Bookmark),
    Stale(proto::Stale),
    Resync(proto::Resync),
    Drain(proto::Drain),
}

/// What one commit changed, or a part of that.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed<E> {
    pub prior_revision: u64,
    pub revision: u64,
    pub entries: Vec<E>,
    pub more: bool,
    pub resume_token: Vec<u8>,
    pub as_of_time: Option<prost_types::Timestamp>,
}

/// What a client wishes to watch of a district.
pub struct Wish<'a> {
    pub topic: Topic,
    /// As the message names it; empty for a terminal's own.
    pub district: &'a str,
    pub resume_token: Vec<u8>,
    pub source: Source,
}

/// Makes what a stream is opened with of a wish: of a terminal its own district, the centre names one.
pub fn ask(desk: &Desk, call: &Call, wish: Wish<'_>) -> Result<Ask> {
    let mut violations = Violations::new();
    let district = district_of_call(&mut violations, call.caller.scope(), wish.district);
    let Some(district) = district else {
        return Err(violations.error());
    };
    violations.finish(Ask {
        caller: call.caller.name(),
        district,
        topic: wish.topic,
        token: wish.resume_token,
        source: wish.source,
        standing: desk.access().standing(&call.caller),
        scope: call.caller.walls(),
    })
}

/// Opens a stream.
pub fn open<R: Response>(hub: &Hub, ask: Ask) -> Result<Responses<R>> {
    let encode = |message| Ok(R::of(said(message)?).encode_to_vec().into());
    let messages = subscription::open(hub, ask, Box::new(encode))?;
    Ok(Box::pin(messages.map(|bytes| {
        Ok(Encoded {
            bytes: bytes?,
            of: PhantomData,
        })
    })))
}

fn said<E: prost::Message + Default>(message: Message) -> Result<Said<E>> {
    Ok(match message {
        Message::SnapshotBegin { revision } => Said::SnapshotBegin(proto::SnapshotBegin {
            revision: revision.unsigned_abs(),
        }),
        Message::SnapshotChunk { bodies } => Said::SnapshotChunk(entries(&bodies)?),
        Message::SnapshotEnd(mark) => Said::SnapshotEnd(snapshot_end(mark)),
        Message::Change(change) => Said::Change(changed(change)?),
        Message::Bookmark(mark) => Said::Bookmark(bookmark(mark)),
        Message::Stale { since } => Said::Stale(proto::Stale {
            since_time: Some(timestamp(since)),
        }),
        Message::Resync(why) => Said::Resync(proto::Resync {
            reason: resync_reason(why).into(),
        }),
        Message::Drain { after, spread } => {
            let duration = |length| prost_types::Duration::try_from(length).ok();
            Said::Drain(proto::Drain {
                after: duration(after),
                spread: duration(spread),
            })
        }
    })
}

fn entries<E: prost::Message + Default>(bodies: &[Arc<[u8]>]) -> Result<Vec<E>> {
    bodies
        .iter()
        .map(|body| E::decode(&body[..]))
        .collect::<Result<_, _>>()
        .map_err(|error| Error::corrupt("feed_event", error))
}

fn changed<E: prost::Message + Default>(change: Change) -> Result<Changed<E>> {
    Ok(Changed {
        prior_revision: change.prior_revision.unsigned_abs(),
        revision: change.revision.unsigned_abs(),
        entries: entries(&change.bodies)?,
        more: change.more,
        resume_token: change.token,
        as_of_time: Some(timestamp(change.as_of)),
    })
}

fn snapshot_end(mark: Mark) -> proto::SnapshotEnd {
    proto::SnapshotEnd {
        revision: mark.revision.unsigned_abs(),
        topic_revision: mark.topic_revision.unsigned_abs(),
        resume_token: mark.token,
        as_of_time: Some(timestamp(mark.as_of)),
    }
}

fn bookmark(mark: Mark) -> proto::Bookmark {
    proto::Bookmark {
        revision: mark.revision.unsigned_abs(),
        topic_revision: mark.topic_revision.unsigned_abs(),
        resume_token: mark.token,
        as_of_time: Some(timestamp(mark.as_of)),
    }
}

fn resync_reason(why: Resync) -> proto::ResyncReason {
    match why {
        Resync::Expired => proto::ResyncReason::Expired,
        Resync::Restored => proto::ResyncReason::Restored,
        Resync::Diverged => proto::ResyncReason::Diverged,
        Resync::Ahead => proto::ResyncReason::Ahead,
    }
}
