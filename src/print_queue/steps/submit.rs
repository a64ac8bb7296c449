//! Submission: lock the persons, decide about each, count the site's day, keep what was decided.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::{
    areas::TimeZone,
    error::{self, Error, ErrorReason, Kind, Result},
    feed::Topic,
    ids::{DecisionId, District, PrintRequestId, ResidentId},
    policy::{self, Policy},
    print_queue::{
        Applicant, Draft, Entry, HoldReason, HoldReasons, PrintRequest, Refusal, Standing,
        decide::{self, Admission},
        store::{self, DecisionOutcome, SiteDay},
        wire,
    },
    work::Work,
};

/// What became of one draft.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// The person.
    pub resident_id: ResidentId,
    /// The place in the queue or the hold, or why not.
    pub outcome: Result<Entry>,
}

/// What a batch comes to, to be kept together.
struct Kept<'a> {
    site: String,
    now: OffsetDateTime,
    policy: &'a Policy,
    /// How many of the site may still come into the queue today; none without a quota.
    room: Option<i64>,
    requests: Vec<PrintRequest>,
    decisions: Vec<store::Decision>,
}

/// Asks for cards; with `validate_only` answers what would happen and changes nothing.
#[tracing::instrument(name = "step.submit_print_requests", skip_all, fields(drafts = drafts.len()))]
pub async fn submit_print_requests(
    work: &mut Work,
    drafts: Vec<Draft>,
    validate_only: bool,
) -> Result<Vec<Submitted>> {
    let (district, now) = (work.district()?, work.now());
    let applicants = applicants(work, &drafts, district).await?;
    let day = TimeZone::of(district).local_date(now);
    let policy = policy::in_force(work.db(), district, day).await?;
    let decided: Vec<Result<Admission<'_>, Refusal>> = drafts
        .iter()
        .map(|draft| {
            let applicant = applicants.get(&draft.resident_id);
            decide::submit_print_request(draft, applicant, &policy, now)
        })
        .collect();
    let site = work.caller().site_name();
    let mut kept = Kept {
        site: site.ok_or_else(|| Error::internal("a request was submitted by no terminal"))?,
        now,
        policy: &policy,
        room: None,
        requests: Vec::new(),
        decisions: Vec::new(),
    };
    if decided.iter().flatten().any(|taken| taken.holds.is_empty()) {
        let of = SiteDay {
            district,
            site: &kept.site,
            day,
        };
        kept.room = room(work, &policy, of, validate_only).await?;
    }
    let results: Vec<Submitted> = drafts
        .iter()
        .zip(decided)
        .map(|(draft, decided)| Submitted {
            resident_id: draft.resident_id,
            outcome: match decided {
                Ok(admission) => Ok(kept.take(draft, &admission)),
                Err(refusal) => {
                    let applicant = applicants.get(&draft.resident_id);
                    Err(kept.refuse(draft, applicant, refusal, validate_only))
                }
            },
        })
        .collect();
    if !validate_only {
        keep(work, district, kept).await?;
    }
    Ok(results)
}

async fn applicants(
    work: &mut Work,
    drafts: &[Draft],
    district: District,
) -> Result<BTreeMap<ResidentId, Applicant>> {
    let limit = work.caller().subdistrict();
    let residents: Vec<ResidentId> = drafts.iter().map(|draft| draft.resident_id).collect();
    let applicants = store::lock_applicants(work.db(), &residents, district, limit).await?;
    Ok(applicants
        .into_iter()
        .map(|applicant| (applicant.resident_id, applicant))
        .collect())
}

/// How many of the site may come into the queue today, held for this act unless it only looks; none without a quota.
async fn room(
    work: &mut Work,
    policy: &Policy,
    of: SiteDay<'_>,
    look_only: bool,
) -> Result<Option<i64>> {
    let Some(quota) = policy.daily_quota else {
        return Ok(None);
    };
    let used = if look_only {
        store::look_at_quota(work.db(), of).await?
    } else {
        store::lock_quota(work.db(), of).await?
    };
    Ok(Some(decide::site_room(quota, used.admitted, used.waiting)))
}

/// Keeps what was decided, and tells the ledger.
async fn keep(work: &mut Work, district: District, kept: Kept<'_>) -> Result<()> {
    let Kept {
        site,
        now,
        policy,
        requests,
        decisions,
        ..
    } = kept;
    if decisions.is_empty() {
        return Ok(());
    }
    if store::insert(work.db(), (district, now), &requests, &decisions).await? != requests.len() {
        // Another terminal was faster by a moment; asked again, the answer names its request.
        let message = "one of the persons is being queued by another terminal";
        return Err(Error::new(Kind::Clash, ErrorReason::Conflict, message));
    }
    let queued = requests
        .iter()
        .filter(|request| request.standing == Standing::Queued)
        .count();
    if policy.daily_quota.is_some() && queued > 0 {
        let of = SiteDay {
            district,
            site: &site,
            day: TimeZone::of(district).local_date(now),
        };
        store::use_quota(work.db(), of, queued as i64).await?;
    }
    for decision in &decisions {
        work.touch("decision", decision.decision_id);
    }
    for request in &requests {
        let about = ("print_request", request.print_request_id);
        let body = wire::queue_event(&request.entry());
        work.record(district, Topic::Queue, about, body);
    }
    Ok(())
}

impl Kept<'_> {
    /// A place in the queue, or a hold.
    fn take(&mut self, draft: &Draft, admission: &Admission<'_>) -> Entry {
        let applicant = admission.applicant;
        let seen = self.room;
        let holds = self.holds(admission.holds);
        let standing = if holds.is_empty() {
            Standing::Queued
        } else {
            Standing::Held(holds)
        };
        let request = PrintRequest {
            print_request_id: PrintRequestId::fresh(),
            district: applicant.verdict.district,
            subdistrict: applicant.subdistrict,
            site: self.site.clone(),
            resident_id: applicant.resident_id,
            applicant_class: draft.applicant_class,
            seniority_at: admission.seniority_at,
            requested_at: self.now,
            enrolled_on: admission.enrolled_on,
            standing,
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
            resident_id: applicant.resident_id,
            print_request_id: Some(request.print_request_id),
            applicant_class: draft.applicant_class,
            policy_version: self.policy.version,
            outcome: if holds.is_empty() {
                DecisionOutcome::Admitted
            } else {
                DecisionOutcome::Held
            },
            reasons: holds.names(),
            facts: store::facts_of(applicant, draft.documents.iter().copied().collect(), seen),
        });
        self.requests.push(request);
        entry
    }

    /// What holds a request, the quota included: it counts only what nothing else holds.
    fn holds(&mut self, holds: HoldReasons) -> HoldReasons {
        match &mut self.room {
            Some(0) if holds.is_empty() => HoldReasons::NONE.with(HoldReason::Quota),
            Some(room) if holds.is_empty() => {
                *room -= 1;
                holds
            }
            Some(_) | None => holds,
        }
    }

    /// The refusal, with a decision if it is one of policy about a person.
    fn refuse(
        &mut self,
        draft: &Draft,
        applicant: Option<&Applicant>,
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
            resident_id: applicant.resident_id,
            print_request_id: None,
            applicant_class: draft.applicant_class,
            policy_version: self.policy.version,
            outcome: DecisionOutcome::Refused,
            reasons: error::reason_name(error.reason()).to_owned(),
            facts: store::facts_of(
                applicant,
                draft.documents.iter().copied().collect(),
                self.room,
            ),
        });
        error.decided(decision_id)
    }
}
