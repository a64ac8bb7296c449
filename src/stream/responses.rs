//! The six streams' own messages: protobuf has no generics, so each is generated anew, alike but for the entries' type and
//! their field's name.

use super::{Changed, Said};
use crate::proto;

/// A stream's message on the wire.
pub trait Response: prost::Message + Default + 'static {
    /// What the stream tells of one thing.
    type Entry: prost::Message + Default + 'static;

    /// Makes the message.
    fn of(said: Said<Self::Entry>) -> Self;

    /// What the message says; nothing, where it is of a newer contract.
    fn said(self) -> Option<Said<Self::Entry>>;
}

macro_rules! response {
    ($response:ident, $module:ident, $chunk:ident, $change:ident { $entries:ident: $entry:ident }) => {
        impl Response for proto::$response {
            type Entry = proto::$entry;

            fn of(said: Said<proto::$entry>) -> Self {
                use proto::$module::Message;
                let message = match said {
                    Said::SnapshotBegin(begin) => Message::SnapshotBegin(begin),
                    Said::SnapshotChunk($entries) => {
                        Message::SnapshotChunk(proto::$chunk { $entries })
                    }
                    Said::SnapshotEnd(end) => Message::SnapshotEnd(end),
                    Said::Change(change) => Message::Change(proto::$change {
                        prior_revision: change.prior_revision,
                        revision: change.revision,
                        $entries: change.entries,
                        more: change.more,
                        resume_token: change.resume_token,
                        as_of_time: change.as_of_time,
                    }),
                    Said::Bookmark(bookmark) => Message::Bookmark(bookmark),
                    Said::Stale(stale) => Message::Stale(stale),
                    Said::Resync(resync) => Message::Resync(resync),
                    Said::Drain(drain) => Message::Drain(drain),
                };
                Self {
                    message: Some(message),
                }
            }

            fn said(self) -> Option<Said<proto::$entry>> {
                use proto::$module::Message;
                Some(match self.message? {
                    Message::SnapshotBegin(begin) => Said::SnapshotBegin(begin),
                    Message::SnapshotChunk(chunk) => Said::SnapshotChunk(chunk.$entries),
                    Message::SnapshotEnd(end) => Said::SnapshotEnd(end),
                    Message::Change(change) => Said::Change(Changed {
                        prior_revision: change.prior_revision,
                        revision: change.revision,
                        entries: change.$entries,
                        more: change.more,
                        resume_token: change.resume_token,
                        as_of_time: change.as_of_time,
                    }),
                    Message::Bookmark(bookmark) => Said::Bookmark(bookmark),
                    Message::Stale(stale) => Said::Stale(stale),
                    Message::Resync(resync) => Said::Resync(resync),
                    Message::Drain(drain) => Said::Drain(drain),
                })
            }
        }
    };
}

response!(
    WatchQueueResponse,
    watch_queue_response,
    QueueSnapshotChunk,
    QueueChange {
        entries: QueueEntry
    }
);
response!(
    WatchStockResponse,
    watch_stock_response,
    StockSnapshotChunk,
    StockChange {
        entries: StockEntry
    }
);
response!(
    WatchCollectionsResponse,
    watch_collections_response,
    CollectionsSnapshotChunk,
    CollectionsChange {
        entries: Collection
    }
);
response!(
    WatchEnrolmentsResponse,
    watch_enrolments_response,
    EnrolmentsSnapshotChunk,
    EnrolmentsChange { entries: Enrolment }
);
response!(
    WatchAuditHeadsResponse,
    watch_audit_heads_response,
    AuditHeadsSnapshotChunk,
    AuditHeadsChange { heads: AuditHead }
);
response!(
    WatchAlarmsResponse,
    watch_alarms_response,
    AlarmsSnapshotChunk,
    AlarmsChange { alarms: Alarm }
);
