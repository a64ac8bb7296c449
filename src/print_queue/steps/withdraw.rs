//! Taking requests back at the counter.

use std::collections::BTreeMap;

use crate::{
    error::{Error, Result},
    ids::{IncidentId, PrintRequestId},
    print_queue::{
        HoldReason, PrintRequest, Refusal, decide,
        steps::{Outcome, save},
        store,
    },
    work::Work,
};

/// Takes requests back, each with its own result.
#[tracing::instrument(name = "step.withdraw_print_requests", skip_all, fields(requests = ids.len()))]
pub async fn withdraw_print_requests(
    work: &mut Work,
    ids: Vec<PrintRequestId>,
) -> Result<Vec<Outcome>> {
    let (district, now) = (work.district()?, work.now());
    let limit = work.caller().subdistrict();
    let found: BTreeMap<PrintRequestId, PrintRequest> = store::lock(work.db(), &ids, district)
        .await?
        .into_iter()
        .filter(|request| limit.is_none_or(|limit| limit == request.subdistrict))
        .map(|request| (request.print_request_id, request))
        .collect();
    let mut decided: Vec<(PrintRequestId, Result<PrintRequest>)> = Vec::with_capacity(ids.len());
    for id in ids {
        let outcome = match found.get(&id) {
            Some(request) => {
                let incident = open_incident(work, request).await?;
                decide::withdraw(request, incident, now).map_err(Error::from)
            }
            None => Err(Refusal::PrintRequestNotFound.into()),
        };
        decided.push((id, outcome));
    }
    let withdrawn: Vec<&PrintRequest> = decided
        .iter()
        .filter_map(|(_, outcome)| outcome.as_ref().ok())
        .collect();
    save(work, &withdrawn).await?;
    Ok(decided
        .into_iter()
        .map(|(id, outcome)| (id, outcome.map(|request| request.entry())))
        .collect())
}

/// Incidents are few and hold their request, so they are asked for one by one.
async fn open_incident(work: &mut Work, request: &PrintRequest) -> Result<Option<IncidentId>> {
    if !request
        .standing
        .hold_reasons()
        .contains(HoldReason::Incident)
    {
        return Ok(None);
    }
    let open = store::open_incidents(work.db(), request.print_request_id).await?;
    Ok(open.first().copied())
}
