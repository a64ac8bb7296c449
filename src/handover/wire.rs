//! Proto to nouns and back, for handover. Every violation of a request is found at once.
//!
//! A [`ContactTask`]'s message is the only one here with personal data; events are made of collections and have none.

use prost::Message;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::{Error, ErrorReason, NextAction, Result},
    handover::{
        Answered, Collection, CollectionState, ContactTask, Cursor, Evidence, Nonce, NoticeState,
        Receipt, Refusal, Started,
    },
    ids::{ChallengeId, CollectionId, RequestId, Subdistrict, Village},
    proto,
    violations::Violations,
    wire::timestamp,
};

/// The longest name of a reader.
const READER_MAX: usize = 64;
/// The highest score: readers with a finer scale round theirs.
const SCORE_MAX: i32 = 1_000_000;

/// Parses the filter of the awaiting cards.
pub fn list_awaiting(message: &proto::ListAwaitingRequest) -> Result<Option<Subdistrict>> {
    let mut violations = Violations::new();
    let subdistrict = violations.parse_optional("subdistrict", &message.subdistrict);
    violations.finish(subdistrict)
}

/// Parses the filter of the contact tasks.
pub fn list_contact_tasks(message: &proto::ListContactTasksRequest) -> Result<Option<Village>> {
    let mut violations = Violations::new();
    let village = violations.parse_optional("village", &message.village);
    violations.finish(village)
}

/// Parses a request to open a challenge.
pub fn start_handover(message: &proto::StartHandoverRequest) -> Result<(RequestId, CollectionId)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let collection_id = violations.parse("collection_id", &message.collection_id);
    let (Some(request_id), Some(collection_id)) = (request_id, collection_id) else {
        return Err(violations.error());
    };
    violations.finish((request_id, collection_id))
}

/// Parses a request to hand a card over.
pub fn complete_handover(
    message: &proto::CompleteHandoverRequest,
) -> Result<(RequestId, Answered)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let challenge_id = violations.parse::<ChallengeId>("challenge_id", &message.challenge_id);
    let nonce = Nonce::from_bytes(&message.nonce);
    violations.require(nonce.is_some(), "nonce", "must have 32 bytes");
    let evidence = evidence(&mut violations, message.evidence.as_ref());
    let (Some(request_id), Some(challenge_id), Some(nonce), Some(evidence)) =
        (request_id, challenge_id, nonce, evidence)
    else {
        return Err(violations.error());
    };
    violations.finish((
        request_id,
        Answered {
            challenge_id,
            nonce,
            evidence,
        },
    ))
}

fn evidence(
    violations: &mut Violations,
    message: Option<&proto::MatchEvidence>,
) -> Option<Evidence> {
    let Some(message) = message else {
        violations.add("evidence", "is required");
        return None;
    };
    let reader = message.reader_id.as_bytes();
    let fits = (1..=READER_MAX).contains(&reader.len())
        && reader
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte));
    violations.require(
        fits,
        "evidence.reader_id",
        "must have 1 to 64 characters of [A-Za-z0-9._-]",
    );
    let score = i32::try_from(message.score)
        .ok()
        .filter(|score| *score <= SCORE_MAX);
    violations.require(score.is_some(), "evidence.score", "must be 0 to 1000000");
    Some(Evidence {
        reader_id: message.reader_id.clone(),
        matched: message.matched,
        score: score?,
    })
}

/// The row after which a page begins, as its token carries it.
pub fn cursor_text(cursor: &Cursor) -> String {
    // Whole microseconds: what the database stores.
    format!(
        "{}/{}",
        cursor.opened_at.unix_timestamp_nanos() / 1_000,
        cursor.id
    )
}

/// Reads what [`cursor_text`] wrote; the token's check has seen to it that it did.
pub fn cursor(text: &str) -> Result<Cursor> {
    let parsed = text.split_once('/').and_then(|(micros, id)| {
        let nanos = micros.parse::<i128>().ok()?.checked_mul(1_000)?;
        Some(Cursor {
            opened_at: OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?,
            id: Uuid::try_parse(id).ok()?,
        })
    });
    parsed.ok_or_else(|| Error::internal("a page token of our own does not parse"))
}

/// The answer to an opened challenge.
pub fn start_handover_response(started: &Started) -> proto::StartHandoverResponse {
    proto::StartHandoverResponse {
        challenge_id: started.challenge_id.to_string(),
        nonce: started.nonce.bytes().to_vec(),
        expire_time: Some(timestamp(started.expires_at)),
        collection: Some(collection(&started.collection)),
        committed_revision: 0,
    }
}

/// The receipt.
pub fn complete_handover_response(
    receipt: &Receipt,
    repeated: bool,
) -> proto::CompleteHandoverResponse {
    proto::CompleteHandoverResponse {
        collection_id: receipt.collection_id.to_string(),
        serial: receipt.serial.number(),
        handover_time: Some(timestamp(receipt.handed_over_at)),
        interim_certificate_surrendered: receipt.certificate_surrendered,
        repeated,
        // Filled when the ledger is closed.
        committed_revision: 0,
    }
}

/// A collection as the ledger's events carry it.
pub fn collection_event(collection: &Collection) -> Vec<u8> {
    self::collection(collection).encode_to_vec()
}

/// A collection.
pub fn collection(collection: &Collection) -> proto::Collection {
    proto::Collection {
        collection_id: collection.collection_id.to_string(),
        print_request_id: collection.print_request_id.to_string(),
        serial: collection.serial.number(),
        location: collection.location.to_string(),
        village: collection.village.to_string(),
        state: state(collection.state).into(),
        notice_state: notice(collection.notice).into(),
        open_time: Some(timestamp(collection.opened_at)),
    }
}

/// A contact task, for the officer's list only.
pub fn contact_task(task: &ContactTask) -> proto::ContactTask {
    proto::ContactTask {
        contact_task_id: task.contact_task_id.to_string(),
        collection_id: task.collection_id.to_string(),
        village: task.village.to_string(),
        full_name: task.person.full_name.clone(),
        address: task.person.address.clone(),
        neighbourhood: task.person.neighbourhood,
        community: task.person.community,
        open_time: Some(timestamp(task.opened_at)),
    }
}

fn state(state: CollectionState) -> proto::CollectionState {
    match state {
        CollectionState::Awaiting => proto::CollectionState::Awaiting,
        CollectionState::HandedOver => proto::CollectionState::HandedOver,
    }
}

fn notice(notice: NoticeState) -> proto::NoticeState {
    match notice {
        NoticeState::Queued => proto::NoticeState::Queued,
        NoticeState::Sent => proto::NoticeState::Sent,
        NoticeState::ContactTask => proto::NoticeState::ContactTask,
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::CollectionNotFound => {
                Self::not_found(ErrorReason::CollectionNotFound, "collection")
            }
            Refusal::AlreadyHandedOver { on } => {
                let message = "the card is with its holder";
                Self::refused(ErrorReason::AlreadyHandedOver, message).with("handover_date", on)
            }
            Refusal::ResidentDeceased => {
                let message = "the holder is recorded as deceased";
                Self::refused(ErrorReason::ResidentDeceased, message)
            }
            Refusal::IncidentOpen(incident) => {
                let message = "another card of the person may be about; it must be found first";
                Self::refused(ErrorReason::IncidentOpen, message)
                    .with("incident_id", incident)
                    .next(NextAction::OfficeLooksIntoTray)
            }
            Refusal::ResidentMovedOut => {
                let message = "the holder has moved to another district";
                Self::refused(ErrorReason::ResidentMovedOut, message)
            }
            Refusal::ChallengeNotFound => {
                Self::not_found(ErrorReason::ChallengeNotFound, "challenge")
            }
            Refusal::ChallengeExpired => {
                let message = "the challenge has ended; start again";
                Self::refused(ErrorReason::ChallengeExpired, message)
            }
            Refusal::ChallengeWrong => {
                let message = "the nonce is not the challenge's";
                Self::refused(ErrorReason::ChallengeWrong, message)
            }
            Refusal::MatchFailed { attempts_left } => {
                let message = "the reader did not match the presented person with the card";
                Self::refused(ErrorReason::MatchFailed, message)
                    .with("attempts_left", attempts_left)
            }
        }
    }
}

#[cfg(test)]
mod tests;
