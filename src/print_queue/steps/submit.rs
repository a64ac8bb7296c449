//! Submission: lock the persons, decide about each, keep what was decided.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::{
    areas::TimeZone,
    error::{self, Error, ErrorReason, Kind, Result},
    feed::Topic,
    ids::{DecisionId, PrintRequestId, ResidentId},
    policy::{self, Policy},
    print_queue::{
        Applicant, Draft, Entry, PrintRequest, Refusal, Standing, decide,
        store::{self, DecisionOutcome},
        wire,
    },
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

/// What a batch comes to, to be kept together.
struct Kept<'a> {
    site: String,
    now: OffsetDateTime,
    policy: &'a Policy,
    requests: Vec<PrintRequest>,
    decisions: Vec<store::Decision<'a>>,
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
    let policy =
        policy::in_force(work.db(), district, TimeZone::of(district).local_date(now)).await?;
    let site = work.caller().site_name();
    let mut kept = Kept {
        site: site.ok_or_else(|| Error::internal("a request was submitted by no terminal"))?,
        now,
        policy: &policy,
        requests: Vec::new(),
        decisions: Vec::new(),
    };
    let results: Vec<Submitted> = drafts
        .iter()
        .map(|draft| {
            let applicant = applicants.get(&draft.resident_id);
            let outcome = match decide::submit_print_request(draft, applicant, &policy) {
                Ok(applicant) => Ok(kept.queue(draft, applicant)),
                Err(refusal) => Err(kept.refuse(draft, applicant, refusal, validate_only)),
            };
            let resident_id = draft.resident_id;
            Submitted {
                resident_id,
                outcome,
            }
        })
        .collect();
    let Kept {
        requests,
        decisions,
        ..
    } = kept;
    if validate_only || decisions.is_empty() {
        return Ok(results);
    }
    if store::insert(work.db(), (district, now), &requests, &decisions).await? != requests.len() {
        // Another terminal was faster by a moment; asked again, the answer names its request.
        let message = "one of the persons is being queued by another terminal";
        return Err(Error::new(Kind::Clash, ErrorReason::Conflict, message));
    }
    for decision in &decisions {
        work.touch("decision", decision.decision_id);
    }
    for entry in results
        .iter()
        .filter_map(|result| result.outcome.as_ref().ok())
    {
        let about = ("print_request", entry.print_request_id);
        work.record(district, Topic::Queue, about, wire::queue_event(entry));
    }
    Ok(results)
}

impl<'a> Kept<'a> {
    /// A place in the queue.
    fn queue(&mut self, draft: &Draft, applicant: &'a Applicant) -> Entry {
        let district = applicant.verdict.district;
        let request = PrintRequest {
            print_request_id: PrintRequestId::fresh(),
            district,
            subdistrict: applicant.subdistrict,
            site: self.site.clone(),
            resident_id: applicant.resident_id,
            applicant_class: draft.applicant_class,
            seniority_at: applicant.received_at,
            requested_at: self.now,
            enrolled_on: TimeZone::of(district).local_date(applicant.received_at),
            standing: Standing::Queued,
            state_at: self.now,
            stage: 1,
            attempt: 1,
            policy_version: self.policy.version,
            identity_version: applicant.identity_version,
            facts_version: applicant.facts_version,
            fence: 0,
        };
        let entry = request.entry();
        self.decisions.push(store::Decision {
            decision_id: DecisionId::fresh(),
            print_request_id: Some(request.print_request_id),
            applicant_class: draft.applicant_class,
            policy_version: self.policy.version,
            outcome: DecisionOutcome::Admitted,
            reasons: String::new(),
            applicant,
        });
        self.requests.push(request);
        entry
    }

    /// The refusal, with a decision if it is one of policy about a person.
    fn refuse(
        &mut self,
        draft: &Draft,
        applicant: Option<&'a Applicant>,
        refusal: Refusal,
        validate_only: bool,
    ) -> Error {
        let error = Error::from(refusal);
        let Some(applicant) = applicant.filter(|_| decide::is_of_policy(&refusal)) else {
            return error;
        };
        if validate_only {
            return error;
        }
        let decision_id = DecisionId::fresh();
        self.decisions.push(store::Decision {
            decision_id,
            print_request_id: None,
            applicant_class: draft.applicant_class,
            policy_version: self.policy.version,
            outcome: DecisionOutcome::Refused,
            reasons: error::reason_name(error.reason()).to_owned(),
            applicant,
        });
        error.decided(decision_id)
    }
}
