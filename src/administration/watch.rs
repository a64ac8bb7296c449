//! WatchAuditHeads and WatchAlarms: two topics of the centre's ledger as streams of the contract's messages.
//!
//! What is easily got wrong: both stand in the centre's ledger whoever asks. Heads say nothing of any office and go to
//! every kind of certificate; alarms name offices and officers, and the table of rights gives them to the centre alone.

use futures::{FutureExt as _, future::BoxFuture};
use sqlx::PgConnection;

use crate::{
    access::Standing,
    audit,
    error::Result,
    feed::{Hub, Topic, subscription::Ask},
    ids::District,
    proto,
    scope::Scope,
    stream::{self, Responses},
    work::Call,
};

/// What WatchAuditHeads hands out.
pub type AuditHeadsStream = Responses<proto::WatchAuditHeadsResponse>;
/// What WatchAlarms hands out.
pub type AlarmsStream = Responses<proto::WatchAlarmsResponse>;

/// Opens the stream of signed heads; its picture is the last one.
pub fn watch_audit_heads(
    hub: &Hub,
    standing: Standing,
    call: &Call,
    message: proto::WatchAuditHeadsRequest,
) -> Result<AuditHeadsStream> {
    let ask = Ask {
        source: audit::snapshot,
        ..ask(call, standing, Topic::AuditHeads, message.resume_token)
    };
    stream::open(hub, ask)
}

/// Opens the stream of alarms; its picture is empty, for an alarm is no state.
pub fn watch_alarms(
    hub: &Hub,
    standing: Standing,
    call: &Call,
    message: proto::WatchAlarmsRequest,
) -> Result<AlarmsStream> {
    let ask = ask(call, standing, Topic::Alarms, message.resume_token);
    stream::open(hub, ask)
}

/// The centre's ledger, whoever asks: the two topics hold what the table of rights lets the caller see.
fn ask(call: &Call, standing: Standing, topic: Topic, token: Vec<u8>) -> Ask {
    Ask {
        caller: call.caller.name(),
        district: District::CENTRE,
        topic,
        token,
        source: nothing,
        standing,
        scope: Scope::Nation,
    }
}

fn nothing(_: &mut PgConnection, _: District) -> BoxFuture<'_, Result<Vec<Vec<u8>>>> {
    std::future::ready(Ok(Vec::new())).boxed()
}
