//! Submission: lock the persons, decide about each, keep what was decided.

use std::collections::BTreeMap;

use crate::{
    areas::TimeZone,
    error::{self, Error, ErrorReason, Kind, Result},
    feed::Topic,
    ids::{DecisionId, PrintRequestId, ResidentId},
    policy,
    print_queue::{Applicant, Draft, Entry, RequestState, decide, store, wire},
    work::Work,
};

/// What became of one draft.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// The person.
    pub resident_id: ResidentId,
    /// The place in the queue, or why not.
    pub outcome: Result<Entry>,
}

/// Asks for cards; with `validate_only` answers what would happen and changes nothing.
#[tracing::instrument(name = "step.submit_print_requests", skip_all, fields(drafts = drafts.len()))]
pub async fn submit_print_requests(
    work: &mut Work,
    drafts: Vec<Draft>,
    validate_only: bool,
) -> Result<Vec<Submitted>> {
    let (district, now) = (work.district()?, work.now());
    let limit = work.caller().subdistrict();
    let residents: Vec<ResidentId> = drafts.iter().map(|draft| draft.resident_id).collect();
    let applicants: BTreeMap<ResidentId, Applicant> =
        store::lock_applicants(work.db(), &residents, district, limit)
            .await?
            .into_iter()
            .map(|applicant| (applicant.resident_id, applicant))
            .collect();
    let policy = policy::current(work.db(), TimeZone::of(district).local_date(now)).await?;
    let (mut submissions, mut decisions, mut results) = (Vec::new(), Vec::new(), Vec::new());
    for Draft {
        resident_id,
        applicant_class,
    } in drafts
    {
        let draft = Draft {
            resident_id,
            applicant_class,
        };
        let applicant = applicants.get(&resident_id);
        let outcome = match (
            decide::submit_print_request(&draft, applicant, &policy),
            applicant,
        ) {
            (Ok(()), Some(applicant)) => {
                let print_request_id = PrintRequestId::fresh();
                submissions.push(store::Submission {
                    print_request_id,
                    applicant_class,
                    applicant,
                });
                Ok(Entry {
                    print_request_id,
                    state: RequestState::Queued,
                    applicant_class,
                    seniority_at: applicant.received_at,
                    subdistrict: applicant.subdistrict,
                    attempt: 1,
                    state_at: now,
                    serial: None,
                })
            }
            (Ok(()), None) => return Err(Error::internal("nobody was admitted to the queue")),
            (Err(refusal), Some(applicant)) if decide::is_of_policy(&refusal) && !validate_only => {
                let (decision_id, error) = (DecisionId::fresh(), Error::from(refusal));
                let reason = error::reason_name(error.reason());
                decisions.push(store::Decision {
                    decision_id,
                    applicant_class,
                    reason,
                    applicant,
                });
                Err(error.decided(decision_id))
            }
            (Err(refusal), Some(_) | None) => Err(refusal.into()),
        };
        results.push(Submitted {
            resident_id,
            outcome,
        });
    }
    if validate_only || (submissions.is_empty() && decisions.is_empty()) {
        return Ok(results);
    }
    let kept = (district, policy.version, now);
    if store::insert(work.db(), kept, &submissions, &decisions).await? != submissions.len() {
        // Another terminal was faster by a moment; asked again, the answer names its request.
        let message = "one of the persons is being queued by another terminal";
        return Err(Error::new(Kind::Clash, ErrorReason::Conflict, message));
    }
    for entry in results
        .iter()
        .filter_map(|result| result.outcome.as_ref().ok())
    {
        work.record(district, Topic::Queue, wire::queue_event(entry));
    }
    Ok(results)
}
