//! Proto to nouns, for a change of the order by hand; and what waits for a second person, as bytes for its seal.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    approval::{self, Approval},
    error::{Error, Result},
    ids::{PrintRequestId, RequestId},
    print_queue::{SeniorityChange, SeniorityReason},
    proto,
    violations::Violations,
    wire::instant,
};

/// How long the author's words may be: a sentence.
const PURPOSE: (usize, usize) = (4, 200);

/// Parses a change of the order, and why; `now` is the last time that can count.
pub fn change_seniority(
    message: &proto::ChangeSeniorityRequest,
    now: OffsetDateTime,
) -> Result<(RequestId, SeniorityChange, String)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let id = violations.parse::<PrintRequestId>("print_request_id", &message.print_request_id);
    let time = message.seniority_time.as_ref().ok_or("is required");
    let seniority_at = violations.take("seniority_time", time.and_then(instant));
    let is_past = seniority_at.is_none_or(|at| OffsetDateTime::UNIX_EPOCH <= at && at <= now);
    violations.require(
        is_past,
        "seniority_time",
        "must be after 1970 and not in the future",
    );
    let reason = violations.take("reason", reason(message.reason));
    let purpose = violations.text("purpose", &message.purpose, PURPOSE.0, PURPOSE.1);
    let (Some(request_id), Some(print_request_id), Some(seniority_at), Some(reason)) =
        (request_id, id, seniority_at, reason)
    else {
        return Err(violations.error());
    };
    let change = SeniorityChange {
        print_request_id,
        seniority_at: to_micros(seniority_at),
        reason,
    };
    violations.finish((request_id, change, purpose))
}

/// As the database keeps it: what is shown to the second person must be what is stored.
fn to_micros(at: OffsetDateTime) -> OffsetDateTime {
    let finer = at.nanosecond() % 1_000;
    at - time::Duration::nanoseconds(i64::from(finer))
}

/// The answer to who asked.
pub fn change_seniority_response(asked: &Approval) -> proto::ChangeSeniorityResponse {
    proto::ChangeSeniorityResponse {
        approval: Some(approval::wire::approval(asked)),
        committed_revision: 0,
    }
}

fn reason(number: i32) -> Result<SeniorityReason, &'static str> {
    match proto::SeniorityReason::try_from(number) {
        Ok(proto::SeniorityReason::RecordedWrongly) => Ok(SeniorityReason::RecordedWrongly),
        Ok(proto::SeniorityReason::Disaster) => Ok(SeniorityReason::Disaster),
        Ok(proto::SeniorityReason::Medical) => Ok(SeniorityReason::Medical),
        Ok(proto::SeniorityReason::CourtOrder) => Ok(SeniorityReason::CourtOrder),
        Ok(proto::SeniorityReason::Unspecified) => Err("is required"),
        Err(_) => Err("is not a known value"),
    }
}

/// A reason, to the contract.
pub(super) fn said_reason(reason: SeniorityReason) -> proto::SeniorityReason {
    match reason {
        SeniorityReason::RecordedWrongly => proto::SeniorityReason::RecordedWrongly,
        SeniorityReason::Disaster => proto::SeniorityReason::Disaster,
        SeniorityReason::Medical => proto::SeniorityReason::Medical,
        SeniorityReason::CourtOrder => proto::SeniorityReason::CourtOrder,
    }
}

/// A change in numbers and texts.
#[derive(Serialize, Deserialize)]
struct Sealed {
    print_request_id: Uuid,
    seniority_micros: i64,
    reason: i32,
}

/// The change's bytes.
pub fn seniority_content(change: &SeniorityChange) -> Vec<u8> {
    let micros = change.seniority_at.unix_timestamp_nanos() / 1_000;
    let sealed = Sealed {
        print_request_id: change.print_request_id.uuid(),
        seniority_micros: i64::try_from(micros).expect("a time of this century fits"),
        reason: said_reason(change.reason).into(),
    };
    serde_json::to_vec(&sealed).expect("numbers are valid JSON")
}

/// The change, read back.
pub fn seniority_of(content: &[u8]) -> Result<SeniorityChange> {
    let corrupt = |error: &str| Error::corrupt("approval", error);
    let sealed: Sealed = serde_json::from_slice(content).map_err(|_| corrupt("no change"))?;
    let nanos = i128::from(sealed.seniority_micros) * 1_000;
    Ok(SeniorityChange {
        print_request_id: sealed.print_request_id.into(),
        seniority_at: OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .map_err(|_| corrupt("no time"))?,
        reason: reason(sealed.reason).map_err(corrupt)?,
    })
}
