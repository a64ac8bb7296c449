//! Why somebody waits, to the contract.

use time::OffsetDateTime;

use crate::{
    error::{Error, NextAction, Result, Words},
    ids::{PrintRequestId, ResidentId},
    policy::{self, ApplicantClass},
    print_queue::{
        Entry, Explained, HoldReason, RequestState, WaitStage,
        wire::{hold_reason, queue_entry, words},
    },
    proto::{self, explain_position_request::Key},
    violations::Violations,
    wire::timestamp,
};

/// About what an explanation is asked.
#[derive(Debug, Clone, Copy)]
pub enum About {
    /// One request.
    Request(PrintRequestId),
    /// One person.
    Resident(ResidentId),
}

/// All that is told of a wait.
#[derive(Debug)]
pub struct Told {
    /// The request, if there is one.
    pub entry: Option<Entry>,
    /// The version in force.
    pub policy_version: i32,
    /// What it waits for.
    pub explained: Explained,
    /// Who stands before it.
    pub before: Vec<(ApplicantClass, i64)>,
    /// Why it is held, and since when.
    pub holds: Vec<(HoldReason, OffsetDateTime)>,
}

impl Told {
    /// Of a person without a request.
    pub fn of_person(policy_version: i32, explained: Explained) -> Self {
        Self {
            entry: None,
            policy_version,
            explained,
            before: Vec::new(),
            holds: Vec::new(),
        }
    }
}

/// Parses about what an explanation is asked.
pub fn explain_position(message: &proto::ExplainPositionRequest) -> Result<About> {
    let mut violations = Violations::new();
    let about = match &message.key {
        None => {
            violations.add("key", "is required");
            None
        }
        Some(Key::PrintRequestId(id)) => {
            violations.parse("print_request_id", id).map(About::Request)
        }
        Some(Key::ResidentId(id)) => violations.parse("resident_id", id).map(About::Resident),
    };
    about.ok_or_else(|| violations.error())
}

/// The answer.
pub fn explain_response(told: &Told) -> proto::ExplainPositionResponse {
    let explained = &told.explained;
    let is_queued = told
        .entry
        .as_ref()
        .is_some_and(|entry| entry.state == RequestState::Queued);
    let ahead: i64 = told.before.iter().map(|(_, ahead)| ahead).sum();
    let before = told.before.iter().map(|(class, ahead)| proto::ClassAhead {
        applicant_class: policy::wire::class(*class).into(),
        count: ahead.unsigned_abs(),
    });
    let holds = told.holds.iter().map(|(reason, since)| proto::HeldSince {
        reason: hold_reason(*reason).into(),
        since_time: Some(timestamp(*since)),
    });
    let (next_action, words) = said(told);
    proto::ExplainPositionResponse {
        entry: told.entry.as_ref().map(queue_entry),
        stage: stage(explained.stage).into(),
        place: if is_queued {
            ahead.unsigned_abs() + 1
        } else {
            0
        },
        before: before.collect(),
        since_time: explained.since.map(timestamp),
        holds: holds.collect(),
        policy_version: told.policy_version.unsigned_abs(),
        next_action: next_action.into(),
        words: Some(words.to_proto()),
    }
}

/// A refusal and a hold say it themselves; the rest is said by its stage.
fn said(told: &Told) -> (NextAction, Words) {
    if let Some(refusal) = told.explained.refusal
        && let Some(words) = words::of_refusal(&refusal)
    {
        return (Error::from(refusal).next_action(), words);
    }
    match &told.entry {
        Some(entry) if !entry.hold_reasons.is_empty() => (
            words::held_next(entry.hold_reasons),
            words::of_holds(entry.hold_reasons),
        ),
        Some(_) | None => words::of_stage(told.explained.stage),
    }
}

fn stage(stage: WaitStage) -> proto::WaitStage {
    match stage {
        WaitStage::Nothing => proto::WaitStage::Unspecified,
        WaitStage::Ask => proto::WaitStage::Ask,
        WaitStage::Enrolment => proto::WaitStage::Enrolment,
        WaitStage::Centre => proto::WaitStage::Centre,
        WaitStage::Documents => proto::WaitStage::Documents,
        WaitStage::Rule => proto::WaitStage::Rule,
        WaitStage::Quota => proto::WaitStage::Quota,
        WaitStage::Stock => proto::WaitStage::Stock,
        WaitStage::Printer => proto::WaitStage::Printer,
        WaitStage::Tray => proto::WaitStage::Tray,
        WaitStage::Collection => proto::WaitStage::Collection,
        WaitStage::Transfer => proto::WaitStage::Transfer,
    }
}
