//! Interim certificates: registration knows the persons, the certificate feature down the hill the papers.

use std::collections::BTreeMap;

use crate::{
    certificate::{self, InterimCertificate, ToIssue},
    error::{Error, Result},
    feed::Topic,
    ids::EnrolmentId,
    registration::{Applicant, Filter, Refusal, decide, store, wire},
    work::Work,
};

/// Issues certificates to the persons of these enrolments, each for itself, in their order.
#[tracing::instrument(name = "step.issue_interim_certificates", skip_all)]
pub async fn issue_interim_certificates(
    work: &mut Work,
    ids: Vec<EnrolmentId>,
) -> Result<Vec<(EnrolmentId, Result<InterimCertificate>)>> {
    let filter = Filter {
        district: work.district()?,
        limit: work.caller().subdistrict(),
        subdistrict: None,
        state: None,
    };
    let applicants = store::lock_applicants(work.db(), &ids, &filter).await?;
    let eligible = |id: &EnrolmentId| -> Result<&Applicant, Refusal> {
        let applicant = applicants.get(id).ok_or(Refusal::EnrolmentNotFound)?;
        decide::interim_certificate(applicant).map(|()| applicant)
    };
    let decided: Vec<_> = ids.iter().map(|id| (*id, eligible(id))).collect();
    let accepted: Vec<&Applicant> = decided
        .iter()
        .filter_map(|(_, one)| one.as_ref().ok().copied())
        .collect();
    let persons: Vec<ToIssue> = accepted
        .iter()
        .map(|applicant| ToIssue {
            resident_id: applicant.enrolment.resident_id,
            enrolment_state: applicant.enrolment.state.name(),
        })
        .collect();
    let issued = if persons.is_empty() {
        Vec::new()
    } else {
        certificate::issue(work, &persons).await?
    };
    let mut by_enrolment: BTreeMap<EnrolmentId, Result<InterimCertificate, certificate::Refusal>> =
        BTreeMap::new();
    for (applicant, outcome) in accepted.into_iter().zip(issued) {
        let enrolment = &applicant.enrolment;
        if outcome.is_ok() {
            // The enrolment stands as it did; whoever shows its certificate asks for it again.
            let event = wire::enrolment_event(enrolment);
            let about = ("enrolment", enrolment.enrolment_id);
            work.record(enrolment.district, Topic::Enrolments, about, event);
        }
        by_enrolment.insert(enrolment.enrolment_id, outcome);
    }
    Ok(decided
        .into_iter()
        .map(|(id, decided)| {
            let outcome = decided.map_err(Error::from).and_then(|_| {
                let issued = by_enrolment.remove(&id);
                issued
                    .ok_or_else(|| Error::internal("a person got no answer about a certificate"))?
                    .map_err(Error::from)
            });
            (id, outcome)
        })
        .collect())
}
