//! Cards that printers reported without a right to print them: kept, their requests stopped, and let go by two persons.

use std::collections::BTreeMap;

use crate::{
    approval::{self, Approval, Ask, Locked},
    error::Result,
    ids::{IncidentId, PrintRequestId},
    print_queue::{
        Finding, HoldReason, Incident, IncidentState, LateReport, PrintRequest, Refusal, Unsure,
        decide, steps::save, store, wire,
    },
    work::Work,
};

/// What asks for a second person.
pub const RESOLVE_INCIDENT: &str = "PrintQueue/ResolveIncident";

/// What a late report comes to: its incident, and the request where that stops it now.
pub type Stopped = (IncidentId, Option<PrintRequest>);

/// Keeps late reports of locked requests as incidents. One that was told before keeps its first incident and stops nothing
/// again: it may have been resolved meanwhile.
pub(super) async fn open(
    work: &mut Work,
    late: &[LateReport],
    requests: &BTreeMap<PrintRequestId, PrintRequest>,
) -> Result<BTreeMap<PrintRequestId, Stopped>> {
    if late.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (district, now, terminal) = (work.district()?, work.now(), work.caller().name());
    let told = store::insert_incidents(work.db(), (district, &terminal, now), late).await?;
    let mut stopped = BTreeMap::new();
    for told in told {
        let id = told.print_request_id;
        let held = requests
            .get(&id)
            .filter(|_| told.is_new)
            .and_then(|request| decide::add_hold(request, HoldReason::Incident, now));
        work.touch("incident", told.incident_id);
        stopped.insert(id, (told.incident_id, held));
    }
    Ok(stopped)
}

/// Asks for a second person's word about an incident.
#[tracing::instrument(name = "step.resolve_incident", skip_all)]
pub async fn resolve_incident(
    work: &mut Work,
    finding: Finding,
    purpose: String,
) -> Result<Approval> {
    let district = work.district()?;
    let found = store::find_incident(work.db(), finding.incident_id, district).await?;
    let incident = open_one(found)?;
    let report = incident.report;
    let ask = Ask {
        district,
        approving_office: None,
        summary: format!(
            "the card {} of print request {}, reported by {}: {}",
            report.serial,
            report.print_request_id,
            incident.terminal,
            finding.finding.name()
        ),
        purpose,
    };
    approval::ask(
        work,
        RESOLVE_INCIDENT,
        &wire::finding_content(&finding),
        ask,
    )
    .await
}

/// Carries out what two persons say of an incident: the request is let go when none of its incidents is open any more.
/// Answers the incident.
#[tracing::instrument(name = "step.incident_approved", skip_all)]
pub async fn incident_approved(work: &mut Work, locked: &Locked) -> Result<String> {
    let (district, now) = (locked.approval.district, work.now());
    let finding = wire::finding_of(&locked.content)?;
    let found = store::find_incident(work.db(), finding.incident_id, district).await?;
    let id = open_one(found)?.report.print_request_id;
    // The request before its incidents, as a late report takes them; what was read before may be over.
    let request = store::lock(work.db(), &[id], district).await?.pop();
    let request = request.ok_or(Refusal::PrintRequestNotFound)?;
    let resolved = (finding.finding, locked.approval.approval_id, now);
    let left = store::resolve_incident(work.db(), finding.incident_id, resolved).await?;
    let left = left.ok_or(Refusal::Unsure(Unsure::IncidentResolved))?;
    work.touch("incident", finding.incident_id);
    if left == 0
        && let Some(free) = decide::lift_hold(&request, HoldReason::Incident, now)
    {
        save(work, &[&free]).await?;
    }
    Ok(finding.incident_id.to_string())
}

fn open_one(found: Option<Incident>) -> Result<Incident, Refusal> {
    let found = found.ok_or(Refusal::Unsure(Unsure::IncidentNotFound))?;
    match found.state {
        IncidentState::Open => Ok(found),
        IncidentState::Resolved => Err(Refusal::Unsure(Unsure::IncidentResolved)),
    }
}
