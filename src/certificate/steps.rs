//! The doors of the interim certificates: issue, surrender, and the current one of a person.

use sqlx::PgConnection;

use crate::{
    areas::TimeZone,
    certificate::{
        CertificateState, InterimCertificate, Refusal, ToIssue, decide,
        store::{self, Issue},
    },
    error::{Error, ErrorReason, Kind, Result},
    ids::{CertificateId, ResidentId},
    work::Work,
};

/// Issues a certificate to each of these persons, or says why not; none may be named twice. The number counts within the
/// terminal's district and the local year.
#[tracing::instrument(name = "step.issue_certificates", skip_all)]
pub async fn issue(
    work: &mut Work,
    persons: &[ToIssue],
) -> Result<Vec<Result<InterimCertificate, Refusal>>> {
    let (district, at) = (work.district()?, work.now());
    let today = TimeZone::of(district).local_date(at);
    let residents: Vec<ResidentId> = persons.iter().map(|person| person.resident_id).collect();
    let current = store::lock_current(work.db(), &residents).await?;
    let expires_on = decide::last_day(today);
    let (mut new, mut renews) = (Vec::new(), Vec::new());
    let mut issued = Vec::with_capacity(persons.len());
    for person in persons {
        let decided = decide::issue(current.get(&person.resident_id), today);
        issued.push(decided.map(|replaced| {
            let certificate_id = CertificateId::fresh();
            renews.extend(replaced);
            new.push((certificate_id, person));
            InterimCertificate {
                certificate_id,
                // Known when it is counted.
                number: String::new(),
                state: CertificateState::Active,
                issued_on: today,
                expires_on,
                enrolment_state: person.enrolment_state.to_owned(),
            }
        }));
    }
    if new.is_empty() {
        return Ok(issued);
    }
    let wanted = new.len();
    let issue = Issue {
        district,
        at,
        issued_on: today,
        expires_on,
        new,
        renews,
    };
    let mut numbers = store::insert(work.db(), &issue).await?;
    if numbers.len() < wanted {
        // Another act was faster by a moment; asked again, the answer knows its certificate.
        let message = "the person is being given a certificate by another act";
        return Err(Error::new(Kind::Clash, ErrorReason::Conflict, message));
    }
    for certificate in issued.iter_mut().flatten() {
        certificate.number = numbers
            .remove(&certificate.certificate_id)
            .ok_or_else(|| Error::corrupt("interim_certificate", "a new one has no number"))?;
    }
    Ok(issued)
}

/// Takes the person's current certificate back, as the card is handed over; answers whether there was one.
#[tracing::instrument(name = "step.surrender_certificate", skip_all)]
pub async fn surrender(work: &mut Work, resident: ResidentId) -> Result<bool> {
    store::surrender(work.db(), resident).await
}

/// Revokes the current certificate of a person who died.
#[tracing::instrument(name = "step.revoke_certificate", skip_all)]
pub async fn revoke(work: &mut Work, resident: ResidentId) -> Result<()> {
    store::revoke(work.db(), resident).await
}

/// The person's current certificate, valid or run out; a read.
pub async fn current(
    db: &mut PgConnection,
    resident: ResidentId,
) -> Result<Option<InterimCertificate>> {
    store::find_current(db, resident).await
}
