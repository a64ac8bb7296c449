//! What happens to a person after the enrolment, as stories: the person's row is locked, then each feature down the hill
//! is told, in the order of the hill.

use crate::{
    areas, certificate,
    error::{Error, Result, Violation},
    feed::Topic,
    handover,
    ids::{Nik, NikWarning, ResidentId},
    person::Person,
    print_queue,
    registration::{
        Change, Effect, Enrolment, EnrolmentState, Life, LifeEvent, Record, Refusal, decide,
        store::{self, SealedServed},
        wire,
    },
    work::Work,
};

/// Changes a person's record; answers where the enrolment stands now, and what looks odd.
#[tracing::instrument(name = "step.change_resident", skip_all)]
pub async fn change_resident(
    work: &mut Work,
    change: Change,
) -> Result<(EnrolmentState, Vec<NikWarning>)> {
    let (now, limit) = (work.now(), work.caller().subdistrict());
    let known = lock(work, change.resident_id).await?;
    let before = Record {
        person: Person::open(work.keys(), change.resident_id, &known.sealed)?,
        birth_date: known.birth_date,
        sex: known.sex,
        village: known.village,
    };
    let after = change.applied_to(&before);
    let effect = decide::change_resident(&known.served, &before, &after, limit)?;
    if !effect.any {
        return Ok((known.served.enrolment, Vec::new()));
    }
    let new = SealedServed {
        served: known.served,
        sealed: after.person.seal(work.keys(), change.resident_id),
        birth_date: after.birth_date,
        sex: after.sex,
        village: after.village,
    };
    let has_phone = after.person.phone.is_some();
    let enrolment = store::save_resident(work.db(), &new, has_phone, effect, now).await?;
    record(work, &enrolment);
    let seen = print_queue::PersonChange {
        resident_id: change.resident_id,
        subdistrict: enrolment.subdistrict,
        identity: effect.identity,
    };
    print_queue::person_changed(work, seen).await?;
    Ok((enrolment.state, warnings(&after, effect)?))
}

fn warnings(after: &Record, effect: Effect) -> Result<Vec<NikWarning>> {
    if !effect.identity {
        return Ok(Vec::new());
    }
    let nik = Nik::parse(&after.person.nik).map_err(|error| Error::corrupt("resident", error))?;
    Ok(nik.warnings(after.birth_date, after.sex, areas::is_listed))
}

/// Records what happened to a person; answers what became of the person.
#[tracing::instrument(name = "step.record_life_event", skip_all)]
pub async fn record_life_event(work: &mut Work, event: LifeEvent) -> Result<Life> {
    let now = work.now();
    let known = lock(work, event.resident_id).await?;
    let life = decide::record_life_event(&known.served, event.kind)?;
    if event.event_on < known.birth_date {
        return Err(Error::invalid(vec![Violation {
            field: "event_date".to_owned(),
            rule: "must not be before the person's birth".to_owned(),
        }]));
    }
    let enrolment = store::save_life_event(work.db(), &event, life, now).await?;
    record(work, &enrolment);
    print_queue::person_left(work, event.resident_id, life).await?;
    handover::holder_left(work, event.resident_id).await?;
    if life == Life::Deceased {
        certificate::revoke(work, event.resident_id).await?;
    }
    Ok(life)
}

async fn lock(work: &mut Work, resident: ResidentId) -> Result<SealedServed> {
    work.touch("resident", resident);
    let (district, limit) = (work.district()?, work.caller().subdistrict());
    let known = store::lock_served(work.db(), resident, district, limit).await?;
    Ok(known.ok_or(Refusal::ResidentNotFound)?)
}

fn record(work: &mut Work, enrolment: &Enrolment) {
    let about = ("enrolment", enrolment.enrolment_id);
    let event = wire::enrolment_event(enrolment);
    work.record(enrolment.district, Topic::Enrolments, about, event);
}
