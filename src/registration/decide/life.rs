//! What follows from a changed record, and what may happen to whom.

use crate::{
    ids::Subdistrict,
    registration::{Effect, EnrolmentState, Life, LifeEventKind, Record, Refusal, Served},
};

/// Whether the district still serves a person.
pub fn served(life: Life) -> Result<(), Refusal> {
    match life {
        Life::Resident => Ok(()),
        Life::Deceased => Err(Refusal::ResidentDeceased),
        Life::MovedOut => Err(Refusal::ResidentMovedOut),
    }
}

/// What a change of a record leads to.
pub fn change_resident(
    known: &Served,
    before: &Record,
    after: &Record,
    limit: Option<Subdistrict>,
) -> Result<Effect, Refusal> {
    served(known.life)?;
    if let Some(limit) = limit.filter(|limit| *limit != after.village.subdistrict()) {
        return Err(Refusal::OutsideSubdistrict { limit });
    }
    let identity = before.birth_date != after.birth_date || before.sex != after.sex;
    let facts = shown(before) != shown(after);
    let send_again = identity && sent_again(known.enrolment)?;
    Ok(Effect {
        any: identity || facts || before.person != after.person,
        identity,
        facts,
        send_again,
    })
}

/// Whether an enrolment goes back to the centre when the identity changes.
fn sent_again(enrolment: EnrolmentState) -> Result<bool, Refusal> {
    match enrolment {
        // With the engine too: what it has taken is about somebody who does not exist.
        EnrolmentState::Sent
        | EnrolmentState::Checking
        | EnrolmentState::PrintReady
        | EnrolmentState::Adjudicating => Ok(true),
        // There is nothing that the centre could look at.
        EnrolmentState::Recorded | EnrolmentState::CaptureRejected => Ok(false),
        // Or an office could try birth dates until a double is overlooked.
        EnrolmentState::Duplicate => Err(Refusal::DuplicateRecord),
    }
}

/// What the card shows beside the identity; the phone and the mother's name are on none.
fn shown(record: &Record) -> impl PartialEq {
    let person = &record.person;
    let texts = [
        &person.full_name,
        &person.birth_place,
        &person.address,
        &person.religion,
        &person.marital_status,
        &person.occupation,
        &person.blood_type,
    ]
    .map(String::clone);
    (
        texts,
        person.neighbourhood,
        person.community,
        record.village,
    )
}

/// What becomes of a person. Who moved may die: nobody else's record of it reaches this one yet.
pub fn record_life_event(known: &Served, kind: LifeEventKind) -> Result<Life, Refusal> {
    let (next, possible) = match (kind, known.life) {
        (LifeEventKind::Death, Life::Resident | Life::MovedOut) => (Life::Deceased, true),
        (LifeEventKind::Death, Life::Deceased) => (Life::Deceased, false),
        (LifeEventKind::MoveOut { .. }, Life::Resident) => (Life::MovedOut, true),
        (LifeEventKind::MoveOut { .. }, Life::Deceased | Life::MovedOut) => (Life::MovedOut, false),
    };
    if possible {
        Ok(next)
    } else {
        Err(Refusal::LifeEventNotPossible { life: known.life })
    }
}
