//! A stream: one task that holds a cursor into a ledger and hands its messages to the reader one at a time.
//!
//! What is easily got wrong: the order of looking. The last good look is read before the head, so that a bookmark never
//! claims a time whose changes were not delivered; and bookmarks come from this same task, after the changes.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;
use prost::bytes::Bytes;
use time::OffsetDateTime;
use tracing::Instrument as _;

use crate::{
    access::Standing,
    error::{Error, Result, Violation},
    feed::{
        Hub, Resync, Source, Topic,
        handoff::{Taker, handoff},
        hub::Seat,
        reader::Reader,
        token::Token,
    },
    ids::District,
    scope::Scope,
};

/// What a stream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A picture of the whole topic begins.
    SnapshotBegin {
        /// Of this revision of the ledger.
        revision: i64,
    },
    /// A part of it.
    SnapshotChunk {
        /// Encoded states.
        bodies: Vec<Arc<[u8]>>,
    },
    /// It is complete.
    SnapshotEnd(Mark),
    /// What one commit changed, or a part of that.
    Change(Change),
    /// Nothing was missed.
    Bookmark(Mark),
    /// The picture may be old.
    Stale {
        /// The database's time of the last good look.
        since: OffsetDateTime,
    },
    /// A fresh snapshot follows.
    Resync(Resync),
    /// The server goes away.
    Drain {
        /// Wait at least so long before connecting again.
        after: Duration,
        /// And a random part of this.
        spread: Duration,
    },
}

/// Everything up to here was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The ledger's revision.
    pub revision: i64,
    /// The topic's last event at or below it.
    pub topic_revision: i64,
    /// To resume from here.
    pub token: Vec<u8>,
    /// The database's time.
    pub as_of: OffsetDateTime,
}

/// What one commit changed in the topic, or a part of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The topic's revision before it.
    pub prior_revision: i64,
    /// The topic's revision after it.
    pub revision: i64,
    /// Encoded states.
    pub bodies: Vec<Arc<[u8]>>,
    /// The commit goes on in the next message.
    pub more: bool,
    /// To resume from here; empty where the commit goes on.
    pub token: Vec<u8>,
    /// The database's time of the last event.
    pub as_of: OffsetDateTime,
}

/// What a stream is opened with.
pub struct Ask {
    /// The caller's stable name.
    pub caller: String,
    /// Whose ledger; that the caller may see it has been checked.
    pub district: District,
    /// Which topic.
    pub topic: Topic,
    /// The token kept with the picture; empty asks for a picture.
    pub token: Vec<u8>,
    /// Reads the whole topic.
    pub source: Source,
    /// Whether the caller still may; the stream ends when it is lost.
    pub standing: Standing,
    /// Whose rows the database shows to the caller; a ledger outside of it is one that is not there.
    pub scope: Scope,
}

/// Puts what a stream says into its own message, encoded. All streams of a topic must do it alike: what one of them has
/// said is handed to the others as well.
pub type Encode = Box<dyn Fn(Message) -> Result<Bytes> + Send + Sync>;

/// The reader's end of a stream: its messages, encoded.
pub struct Subscription {
    messages: Taker,
    /// Held as long as the client's stream is open, even when its task has given it up.
    _seat: Seat,
}

/// Opens a stream. What can be refused without the database is refused here, the rest is its first message.
pub fn open(hub: &Hub, ask: Ask, encode: Encode) -> Result<Subscription> {
    let token = read_token(hub, &ask)?;
    let seat = hub.seat(&ask.caller, ask.district)?;
    let (out, messages) = handoff();
    let ledger = Arc::clone(&seat.ledger);
    let reader = Reader::new(hub.clone(), (ask, encode), (ledger, token), out);
    // The task outlives a client's cancel by a moment: it is never dropped in the middle of a statement.
    tokio::spawn(Box::new(reader).run().in_current_span());
    Ok(Subscription {
        messages,
        _seat: seat,
    })
}

fn read_token(hub: &Hub, ask: &Ask) -> Result<Option<Token>> {
    if ask.token.is_empty() {
        return Ok(None);
    }
    Token::read(hub.keys(), &ask.token)
        .filter(|token| (token.district, token.topic) == (ask.district, ask.topic))
        .map(Some)
        .ok_or_else(|| {
            Error::invalid(vec![Violation {
                field: "resume_token".to_owned(),
                rule: "is not a token of this stream".to_owned(),
            }])
        })
}

impl Stream for Subscription {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_take(context)
    }
}
