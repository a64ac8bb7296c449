//! The rules of registration, pure: what is known goes in, a decision or a refusal comes out.

use crate::{
    ids::Subdistrict,
    registration::{Draft, EnrolmentState, Known, Recording, Refusal},
};

/// Whether and how a draft may be recorded, given what is known of its NIK and the terminal's limit.
pub fn record_enrolment(
    draft: &Draft,
    known: Option<&Known>,
    district: crate::ids::District,
    limit: Option<Subdistrict>,
) -> Result<Recording, Refusal> {
    if let Some(limit) = limit.filter(|limit| *limit != draft.village.subdistrict()) {
        return Err(Refusal::OutsideSubdistrict { limit });
    }
    let has_package = draft.biometric_package.is_some();
    match known {
        None => Ok(Recording::New { state: if has_package { EnrolmentState::Sent } else { EnrolmentState::Recorded } }),
        // The biometrics may come later, but only to the office that recorded the person.
        Some(known) if known.district == district && known.state == EnrolmentState::Recorded && has_package => {
            Ok(Recording::Completed { resident_id: known.resident_id, enrolment_id: known.enrolment_id })
        }
        Some(known) => Err(Refusal::AlreadyEnrolled { district: known.district, enrolled_on: known.enrolled_on }),
    }
}
