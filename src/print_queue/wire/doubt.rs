//! Proto to nouns and back, for blanks in doubt and incidents; and what waits for a second person, as bytes for its seal.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{queue_entry, requests::given_spoilage_kind};
use crate::{
    approval::{self, Approval},
    error::{Error, Result},
    ids::{PrintRequestId, RequestId, Serial},
    inventory::Spoilage,
    print_queue::{Finding, Found, IncidentFinding, Word, steps::Resolved},
    proto,
    violations::Violations,
};

/// How long the author's words may be: a sentence.
const PURPOSE: (usize, usize) = (4, 200);

/// Parses somebody's word about a blank in doubt, and why it is given.
pub fn resolve_in_doubt(
    message: &proto::ResolveInDoubtRequest,
) -> Result<(RequestId, Word, String)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let id = violations.parse::<PrintRequestId>("print_request_id", &message.print_request_id);
    let serial = violations.take("serial", Serial::new(message.serial));
    let is_spoiled = violations.take("finding", doubt_finding(message.finding));
    let kind = violations
        .take("kind", given_spoilage_kind(message.kind))
        .flatten();
    let mut purpose = String::new();
    if is_spoiled == Some(true) {
        violations.require(kind.is_some(), "kind", "is required with SPOILED");
        purpose = violations.text("purpose", &message.purpose, PURPOSE.0, PURPOSE.1);
    } else {
        let empty = message.purpose.is_empty();
        violations.require(kind.is_none(), "kind", "must stand with SPOILED alone");
        violations.require(empty, "purpose", "must stand with SPOILED alone");
    }
    let (Some(request_id), Some(print_request_id), Some(serial)) = (request_id, id, serial) else {
        return Err(violations.error());
    };
    let found = kind.map_or(Found::Printed, Found::Spoiled);
    let word = Word {
        print_request_id,
        serial,
        found,
    };
    violations.finish((request_id, word, purpose))
}

/// Parses what was found of an incident's card, and what the second person should know.
pub fn resolve_incident(
    message: &proto::ResolveIncidentRequest,
) -> Result<(RequestId, Finding, String)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let incident_id = violations.parse("incident_id", &message.incident_id);
    let finding = violations.take("finding", incident_finding(message.finding));
    let purpose = violations.text("purpose", &message.purpose, PURPOSE.0, PURPOSE.1);
    let (Some(request_id), Some(incident_id), Some(finding)) = (request_id, incident_id, finding)
    else {
        return Err(violations.error());
    };
    let finding = Finding {
        incident_id,
        finding,
    };
    violations.finish((request_id, finding, purpose))
}

/// The answer to what was found of an incident's card.
pub fn resolve_incident_response(asked: &Approval) -> proto::ResolveIncidentResponse {
    proto::ResolveIncidentResponse {
        approval: Some(approval::wire::approval(asked)),
        committed_revision: 0,
    }
}

/// The answer to a word about a blank in doubt.
pub fn resolve_in_doubt_response(resolved: &Resolved) -> proto::ResolveInDoubtResponse {
    use proto::resolve_in_doubt_response::Outcome;
    let outcome = match resolved {
        Resolved::Done(entry) => Outcome::Entry(queue_entry(entry)),
        Resolved::Asked(asked) => Outcome::Approval(approval::wire::approval(asked)),
    };
    proto::ResolveInDoubtResponse {
        outcome: Some(outcome),
        committed_revision: 0,
    }
}

/// Whether the blank was spoiled.
fn doubt_finding(number: i32) -> Result<bool, &'static str> {
    match proto::DoubtFinding::try_from(number) {
        Ok(proto::DoubtFinding::Printed) => Ok(false),
        Ok(proto::DoubtFinding::Spoiled) => Ok(true),
        Ok(proto::DoubtFinding::Unspecified) => Err("is required"),
        Err(_) => Err("is not a known value"),
    }
}

fn incident_finding(number: i32) -> Result<IncidentFinding, &'static str> {
    match proto::IncidentFinding::try_from(number) {
        Ok(proto::IncidentFinding::NoCard) => Ok(IncidentFinding::NoCard),
        Ok(proto::IncidentFinding::CardDestroyed) => Ok(IncidentFinding::CardDestroyed),
        Ok(proto::IncidentFinding::Unspecified) => Err("is required"),
        Err(_) => Err("is not a known value"),
    }
}

/// A word in numbers and texts.
#[derive(Serialize, Deserialize)]
struct SealedWord {
    print_request_id: Uuid,
    serial: i64,
    spoilage: Option<Spoilage>,
}

/// The word's bytes.
pub fn word_content(word: &Word) -> Vec<u8> {
    let spoilage = match word.found {
        Found::Printed => None,
        Found::Spoiled(kind) => Some(kind),
    };
    let sealed = SealedWord {
        print_request_id: word.print_request_id.uuid(),
        serial: word.serial.number(),
        spoilage,
    };
    serde_json::to_vec(&sealed).expect("a word of texts and numbers is valid JSON")
}

/// The word, read back.
pub fn word_of(content: &[u8]) -> Result<Word> {
    let sealed: SealedWord =
        serde_json::from_slice(content).map_err(|_| corrupt("no word about a blank"))?;
    Ok(Word {
        print_request_id: sealed.print_request_id.into(),
        serial: Serial::new(sealed.serial).map_err(corrupt)?,
        found: sealed.spoilage.map_or(Found::Printed, Found::Spoiled),
    })
}

/// A finding in texts.
#[derive(Serialize, Deserialize)]
struct SealedFinding {
    incident_id: Uuid,
    finding: IncidentFinding,
}

/// The finding's bytes.
pub fn finding_content(finding: &Finding) -> Vec<u8> {
    let sealed = SealedFinding {
        incident_id: finding.incident_id.uuid(),
        finding: finding.finding,
    };
    serde_json::to_vec(&sealed).expect("a finding of two texts is valid JSON")
}

/// The finding, read back.
pub fn finding_of(content: &[u8]) -> Result<Finding> {
    let sealed: SealedFinding =
        serde_json::from_slice(content).map_err(|_| corrupt("no finding of an incident"))?;
    Ok(Finding {
        incident_id: sealed.incident_id.into(),
        finding: sealed.finding,
    })
}

fn corrupt(what: impl std::fmt::Display) -> Error {
    Error::corrupt("approval", what)
}
