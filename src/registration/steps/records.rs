//! Recording persons, one at the counter or a chunk of an import: the same story with as many statements.

use std::collections::BTreeMap;

use crate::{
    areas::TimeZone,
    error::{Error, ErrorReason, Kind, Result},
    feed::Topic,
    ids::{EnrolmentId, ResidentId},
    person,
    registration::{
        Draft, Enrolment, EnrolmentReason, EnrolmentState, Life, Recorded, Recording, Refusal,
        decide, store, wire,
    },
    work::Work,
};

/// Records one person's enrolment.
pub async fn record_enrolment(work: &mut Work, draft: Draft) -> Result<Recorded> {
    let recorded = record_enrolments(work, vec![draft]).await?.pop();
    let recorded = recorded.ok_or_else(|| Error::internal("a draft got no answer"))?;
    Ok(recorded?)
}

/// Records persons' enrolments, each for itself. No NIK may come twice: what is known of it is asked once.
#[tracing::instrument(name = "step.record_enrolments", skip_all, fields(drafts = drafts.len()))]
pub async fn record_enrolments(
    work: &mut Work,
    drafts: Vec<Draft>,
) -> Result<Vec<Result<Recorded, Refusal>>> {
    let (district, limit) = (work.district()?, work.caller().subdistrict());
    let indexes: Vec<Vec<u8>> = drafts
        .iter()
        .map(|draft| person::nik_index(work.keys(), draft.nik.expose()))
        .collect();
    let known: BTreeMap<_, _> = store::lock_known(work.db(), &indexes)
        .await?
        .into_iter()
        .collect();
    let (mut new, mut packages) = (Vec::new(), Vec::new());
    let mut decided = Vec::with_capacity(drafts.len());
    for (draft, index) in drafts.iter().zip(indexes) {
        decided.push(
            match decide::record_enrolment(draft, known.get(&index), district, limit) {
                Ok(Recording::New { state }) => {
                    let one = new_enrolment(work, draft, state, index)?;
                    let id = one.enrolment.enrolment_id;
                    new.push(one);
                    Ok(id)
                }
                Ok(Recording::Completed { enrolment_id }) => {
                    let package = draft.biometric_package.as_deref().unwrap_or_default();
                    packages.push((enrolment_id, package));
                    Ok(enrolment_id)
                }
                Err(refusal) => Err(refusal),
            },
        );
    }
    let saved = save(work, new, &packages).await?;
    let mut recorded = Vec::with_capacity(drafts.len());
    for (draft, decided) in drafts.into_iter().zip(decided) {
        let id = match decided {
            Ok(id) => id,
            Err(refusal) => {
                recorded.push(Err(refusal));
                continue;
            }
        };
        let enrolment = saved.get(&id).ok_or_else(|| {
            Error::corrupt("enrolment", "a locked one was not there to be completed")
        })?;
        work.record(
            enrolment.district,
            Topic::Enrolments,
            ("enrolment", enrolment.enrolment_id),
            wire::enrolment_event(enrolment),
        );
        recorded.push(Ok(Recorded {
            enrolment_id: enrolment.enrolment_id,
            resident_id: enrolment.resident_id,
            state: enrolment.state,
            warnings: draft.warnings,
        }));
    }
    Ok(recorded)
}

async fn save(
    work: &mut Work,
    new: Vec<store::New<'_>>,
    packages: &[(EnrolmentId, &str)],
) -> Result<BTreeMap<EnrolmentId, Enrolment>> {
    let now = work.now();
    let mut saved = Vec::new();
    if !new.is_empty() {
        if store::insert(work.db(), &new).await? < new.len() {
            // Another office was faster by a moment; asked again, the answer names it.
            let message = "a person is being recorded by another office";
            return Err(Error::new(Kind::Clash, ErrorReason::Conflict, message));
        }
        saved.extend(new.into_iter().map(|one| one.enrolment));
    }
    if !packages.is_empty() {
        saved.extend(store::complete(work.db(), packages, now).await?);
    }
    Ok(saved
        .into_iter()
        .map(|enrolment| (enrolment.enrolment_id, enrolment))
        .collect())
}

fn new_enrolment<'a>(
    work: &Work,
    draft: &'a Draft,
    state: EnrolmentState,
    nik_index: Vec<u8>,
) -> Result<store::New<'a>> {
    let (district, now) = (work.district()?, work.now());
    let resident_id = ResidentId::fresh();
    let reason = match state {
        EnrolmentState::Recorded => Some(EnrolmentReason::AwaitingBiometrics),
        EnrolmentState::Sent => Some(EnrolmentReason::AwaitingCentre),
        EnrolmentState::Checking
        | EnrolmentState::PrintReady
        | EnrolmentState::Duplicate
        | EnrolmentState::Adjudicating
        | EnrolmentState::CaptureRejected => None,
    };
    Ok(store::New {
        enrolment: Enrolment {
            enrolment_id: EnrolmentId::fresh(),
            resident_id,
            district,
            subdistrict: draft.village.subdistrict(),
            village: draft.village,
            state,
            reason,
            state_at: now,
            captured_at: draft.captured_at.unwrap_or(now),
            received_at: now,
            life: Life::Resident,
        },
        sealed: draft.person.seal(work.keys(), resident_id),
        draft,
        nik_index,
        enrolled_on: TimeZone::of(district).local_date(now),
    })
}
