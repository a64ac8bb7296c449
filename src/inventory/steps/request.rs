//! Requests for blanks: asked by a district or by the rule of low stock, decided, withdrawn.

use crate::{
    error::Result,
    ids::{BlankRequestId, District},
    inventory::{
        Backlog, BlankRequest, Decision, Location, Refusal, RequestRoute, RequestState, Sent,
        SupplyRefusal, Verdict, decide, steps::signature, store,
    },
    work::Work,
};

/// The rule looks at so many districts in one round, and then at the next ones.
const DISTRICTS_OF_ROUND: usize = 50;

/// Asks for blanks for the caller's district.
#[tracing::instrument(name = "step.request_blanks", skip_all)]
pub async fn request_blanks(
    work: &mut Work,
    quantity: i64,
    route: RequestRoute,
) -> Result<BlankRequest> {
    decide::for_the_office(work.caller().subdistrict())?;
    let (district, now) = (work.district()?, work.now());
    let backlog = store::find_backlog(work.db(), district, now).await?;
    let request = BlankRequest {
        blank_request_id: BlankRequestId::fresh(),
        district,
        state: RequestState::Requested,
        route,
        quantity,
        backlog,
        requested_at: now,
        requested_by: Some(signature(work)?.officer),
        verdict: None,
    };
    match raise(work, &request).await? {
        None => Ok(request),
        Some(open) => Err(Refusal::Supply(SupplyRefusal::BlankRequestOpen(open)).into()),
    }
}

/// Looks at the districts behind this number to which nothing is on its way, and asks for blanks for the first of them that has
/// too few (S2-12). Answers behind which to look next; nothing at the end.
#[tracing::instrument(name = "step.raise_low_stock", skip_all)]
pub async fn raise_low_stock(work: &mut Work, after: i32) -> Result<Option<i32>> {
    let now = work.now();
    let limit = i64::try_from(DISTRICTS_OF_ROUND).unwrap_or(i64::MAX);
    let districts = store::list_unsupplied(work.db(), after, limit).await?;
    for district in &districts {
        let home = Location::of_district(*district);
        let blanks = store::find_use(work.db(), home, now).await?;
        if !decide::may_be_low(&blanks) {
            continue;
        }
        let backlog = store::find_backlog(work.db(), *district, now).await?;
        if let Some(quantity) = decide::low_stock(&backlog) {
            raise(work, &by_rule(*district, backlog, quantity, work.now())).await?;
            // The district's store is locked now, and its printers wait for it.
            return Ok(Some(district.number()));
        }
    }
    let is_full = districts.len() == DISTRICTS_OF_ROUND;
    Ok(districts
        .last()
        .filter(|_| is_full)
        .map(|last| last.number()))
}

fn by_rule(
    district: District,
    backlog: Backlog,
    quantity: i64,
    now: time::OffsetDateTime,
) -> BlankRequest {
    BlankRequest {
        blank_request_id: BlankRequestId::fresh(),
        district,
        state: RequestState::Requested,
        // The city contacts the centre when blanks run short.
        route: RequestRoute::Direct,
        quantity,
        backlog,
        requested_at: now,
        requested_by: None,
        verdict: None,
    }
}

/// Notes a new request; or answers the one that the district has open. Under the lock of the district's store, so that of two
/// the second finds the first.
async fn raise(work: &mut Work, request: &BlankRequest) -> Result<Option<BlankRequestId>> {
    let home = Location::of_district(request.district);
    store::lock_location(work.db(), home).await?;
    let open = store::find_open(work.db(), request.district).await?;
    if open.is_none() {
        store::insert_request(work.db(), request).await?;
        work.touch("blank_request", request.blank_request_id);
    }
    Ok(open)
}

/// Grants or refuses a request; answers it with what was sent for it.
#[tracing::instrument(name = "step.decide_blank_request", skip_all)]
pub async fn decide_request(
    work: &mut Work,
    id: BlankRequestId,
    decision: Decision,
) -> Result<(BlankRequest, Sent)> {
    let (request, sent) = lock_request(work, id).await?;
    let office = work.caller().ledger();
    let state = decide::decide_request(&request, office, &decision)?;
    let verdict = Verdict {
        decision,
        office,
        by: signature(work)?.officer,
        at: work.now(),
    };
    store::save_verdict(work.db(), id, state, &verdict).await?;
    work.touch("blank_request", id);
    let decided = BlankRequest {
        state,
        verdict: Some(verdict),
        ..request
    };
    Ok((decided, sent))
}

/// Takes the district's own request back.
#[tracing::instrument(name = "step.withdraw_blank_request", skip_all)]
pub async fn withdraw_request(work: &mut Work, id: BlankRequestId) -> Result<(BlankRequest, Sent)> {
    decide::for_the_office(work.caller().subdistrict())?;
    let (request, sent) = lock_request(work, id).await?;
    decide::withdraw_request(&request, &sent)?;
    let (by, now) = (signature(work)?.officer.uuid(), work.now());
    store::save_withdrawal(work.db(), id, by, now).await?;
    work.touch("blank_request", id);
    let withdrawn = BlankRequest {
        state: RequestState::Withdrawn,
        ..request
    };
    Ok((withdrawn, sent))
}

/// A request that the caller may see, locked, and what was sent for it.
pub async fn lock_request(work: &mut Work, id: BlankRequestId) -> Result<(BlankRequest, Sent)> {
    let scope = work.caller().scope();
    let request = store::lock_request(work.db(), id, scope).await?;
    let request = request.ok_or(Refusal::Supply(SupplyRefusal::BlankRequestNotFound))?;
    let sent = store::sent_for(work.db(), &[id]).await?;
    Ok((request, sent.get(&id).copied().unwrap_or_default()))
}
