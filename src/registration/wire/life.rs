//! Changes of persons and life events: parsed, and answered without anything personal.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::{drafts::warning, life, persons, state};
use crate::{
    areas::{self, TimeZone},
    caller::Caller,
    error::Result,
    ids::{District, NikWarning, RequestId, ResidentId},
    proto,
    registration::{Change, EnrolmentState, Field, Life, LifeEvent, LifeEventKind},
    violations::Violations,
    wire::date,
};

/// The longest number of a deed.
const DOCUMENT_NUMBER_MAX: usize = 64;

/// Parses a change of a person's record.
pub fn change_resident(
    message: &proto::ChangeResidentRequest,
    caller: &Caller,
    now: OffsetDateTime,
) -> Result<(RequestId, Change)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let resident_id = violations.parse::<ResidentId>("resident_id", &message.resident_id);
    let fields = fields(&mut violations, message.update_mask.as_ref());
    let Some(resident) = message.resident.as_ref() else {
        violations.add("resident", "is required");
        return Err(violations.error());
    };
    let place = persons::Place {
        path: "resident",
        district: caller.ledger(),
        today: TimeZone::of(caller.ledger()).local_date(now),
    };
    let mut found = Violations::new();
    let sheet = persons::sheet(&mut found, resident, &place);
    // What the mask does not name is not looked at.
    let paths: BTreeSet<String> = fields
        .iter()
        .map(|field| place.field(field.name()))
        .collect();
    violations.absorb(found, |path| paths.contains(path));
    match (request_id, resident_id) {
        (Some(request_id), Some(resident_id)) => {
            let change = Change {
                resident_id,
                fields,
                person: sheet.person,
                birth_date: sheet.birth_date,
                sex: sheet.sex,
                village: sheet.village,
            };
            violations.finish((request_id, change))
        }
        (None, _) | (_, None) => Err(violations.error()),
    }
}

/// The fields that a mask names; a mask that names none, one twice or what cannot be changed is refused.
fn fields(violations: &mut Violations, mask: Option<&prost_types::FieldMask>) -> Vec<Field> {
    let paths = mask.map_or(&[][..], |mask| &mask.paths);
    if paths.is_empty() {
        violations.add("update_mask", "is required");
        return Vec::new();
    }
    if paths.len() > Field::ALL.len() {
        let rule = format_args!("must have 1 to {} paths", Field::ALL.len());
        violations.add("update_mask", rule);
        return Vec::new();
    }
    let mut fields = Vec::with_capacity(paths.len());
    for (place, path) in paths.iter().enumerate() {
        let at = || format!("update_mask.paths[{place}]");
        match Field::ALL.into_iter().find(|field| field.name() == path) {
            None => violations.add(at(), "is no field that can be changed"),
            Some(field) if fields.contains(&field) => violations.add(at(), "comes twice"),
            Some(field) => fields.push(field),
        }
    }
    fields
}

/// The answer to a change.
pub fn change_resident_response(
    (enrolment, warnings): (EnrolmentState, Vec<NikWarning>),
) -> proto::ChangeResidentResponse {
    proto::ChangeResidentResponse {
        state: state(enrolment).into(),
        warnings: warnings.into_iter().map(|w| warning(w).into()).collect(),
        // Filled when the ledger is closed.
        committed_revision: 0,
    }
}

/// Parses a life event.
pub fn record_life_event(
    message: &proto::RecordLifeEventRequest,
    caller: &Caller,
    now: OffsetDateTime,
) -> Result<(RequestId, LifeEvent)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let resident_id = violations.parse::<ResidentId>("resident_id", &message.resident_id);
    let kind = kind(&mut violations, message, caller.ledger());
    let event_on = if message.event_date.is_empty() {
        violations.add("event_date", "is required");
        None
    } else {
        violations.take("event_date", date(&message.event_date))
    };
    if let Some(day) = event_on {
        let today = TimeZone::of(caller.ledger()).local_date(now);
        violations.require(day <= today, "event_date", "must not be in the future");
    }
    let number = &message.document_number;
    let document_number = violations.text("document_number", number, 1, DOCUMENT_NUMBER_MAX);
    match (request_id, resident_id, kind, event_on) {
        (Some(request_id), Some(resident_id), Some(kind), Some(event_on)) => {
            let event = LifeEvent {
                resident_id,
                kind,
                event_on,
                document_number,
            };
            violations.finish((request_id, event))
        }
        (None, ..) | (_, None, ..) | (_, _, None, _) | (.., None) => Err(violations.error()),
    }
}

fn kind(
    violations: &mut Violations,
    message: &proto::RecordLifeEventRequest,
    home: District,
) -> Option<LifeEventKind> {
    match proto::LifeEventKind::try_from(message.kind) {
        Ok(proto::LifeEventKind::Death) => {
            let none = message.destination.is_empty();
            violations.require(none, "destination", "must be empty of a death");
            Some(LifeEventKind::Death)
        }
        Ok(proto::LifeEventKind::MoveOut) => {
            let destination = violations.parse::<District>("destination", &message.destination)?;
            let listed = areas::district(destination).is_some();
            violations.require(listed, "destination", "is not in the list of districts");
            let elsewhere = destination != home;
            violations.require(elsewhere, "destination", "must be another district");
            Some(LifeEventKind::MoveOut { destination })
        }
        Ok(proto::LifeEventKind::Unspecified) => {
            violations.add("kind", "is required");
            None
        }
        Err(_) => {
            violations.add("kind", "is not a known value");
            None
        }
    }
}

/// The answer to a life event.
pub fn record_life_event_response(now: Life) -> proto::RecordLifeEventResponse {
    proto::RecordLifeEventResponse {
        life: life(now).into(),
        // Filled when the ledger is closed.
        committed_revision: 0,
    }
}
