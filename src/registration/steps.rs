//! The writes of registration as stories: lock, decide, save, record.

use crate::{
    areas::TimeZone,
    error::{Error, ErrorReason, Kind, Result},
    feed::Topic,
    ids::{EnrolmentId, NikWarning, ResidentId},
    person,
    registration::{Draft, Enrolment, EnrolmentReason, EnrolmentState, Recording, decide, store, wire},
    work::Work,
};

/// What a recorded draft became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The enrolment.
    pub enrolment_id: EnrolmentId,
    /// The person.
    pub resident_id: ResidentId,
    /// RECORDED or SENT.
    pub state: EnrolmentState,
    /// What looked odd.
    pub warnings: Vec<NikWarning>,
}

/// Records one person's enrolment.
pub async fn record_enrolment(work: &mut Work, draft: Draft) -> Result<Recorded> {
    let index = person::nik_index(work.keys(), draft.nik.expose());
    let known = store::lock_known(work.db(), std::slice::from_ref(&index)).await?.pop().map(|(_, known)| known);
    let limit = work.caller().subdistrict();
    match decide::record_enrolment(&draft, known.as_ref(), work.district()?, limit)? {
        Recording::New { state } => {
            let new = new_enrolment(work, &draft, state, index)?;
            if store::insert(work.db(), std::slice::from_ref(&new)).await?.is_empty() {
                // Another office was faster by a moment; asked again, the answer names it.
                return Err(Error::new(Kind::Clash, ErrorReason::Conflict, "the person is being recorded elsewhere"));
            }
            let enrolment = new.enrolment;
            work.record(enrolment.district, Topic::Enrolments, wire::enrolment_event(&enrolment));
            Ok(recorded(&enrolment, draft.warnings))
        }
        Recording::Completed { enrolment_id, .. } => {
            let package = draft.biometric_package.as_deref().unwrap_or_default();
            let now = work.now();
            let enrolment = store::complete(work.db(), enrolment_id, package, now).await?;
            work.record(enrolment.district, Topic::Enrolments, wire::enrolment_event(&enrolment));
            Ok(recorded(&enrolment, draft.warnings))
        }
    }
}

fn recorded(enrolment: &Enrolment, warnings: Vec<NikWarning>) -> Recorded {
    Recorded {
        enrolment_id: enrolment.enrolment_id,
        resident_id: enrolment.resident_id,
        state: enrolment.state,
        warnings,
    }
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
        },
        sealed: draft.person.seal(work.keys(), resident_id),
        draft,
        nik_index,
        enrolled_on: TimeZone::of(district).local_date(now),
    })
}
