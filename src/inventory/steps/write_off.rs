//! What one officer may write off alone: blanks spoiled in the store, cards taken back, and what turned up again. Nothing of it
//! is final: spoiled and returned wait for their destruction, what turned up for its settlement.

use crate::{
    error::Result,
    ids::{District, StockCaseId},
    inventory::{
        CaseKind, CustodyState, FoundAgain, Movement, Refusal, Returned, Spoiled, StockCase,
        WriteOffRefusal, decide,
        steps::{carry_out, papers, record, signature},
        store,
    },
    work::Work,
};

/// Takes blanks out of the stock that nobody can use.
#[tracing::instrument(name = "step.record_spoiled", skip_all)]
pub async fn record_spoiled(work: &mut Work, spoiled: Spoiled) -> Result<Vec<Movement>> {
    let at = spoiled.location;
    let (own, limit) = (work.caller().ledger(), work.caller().subdistrict());
    decide::of_office(at, own, limit)?;
    if !store::is_location(work.db(), at).await? {
        return Err(Refusal::LocationNotFound.into());
    }
    let legs = decide::spoiled(&spoiled.serials, at);
    let (papers, now) = (papers(work, &spoiled.document_number)?, work.now());
    let movements = match store::move_custody(work.db(), &legs, papers, now).await? {
        store::Moved::Done(movements) => movements,
        store::Moved::Obstructed(run) => {
            let obstacle = store::find_obstacle(work.db(), None, run.first()).await?;
            return Err(Refusal::BlanksNotInStock(run, obstacle).into());
        }
    };
    store::insert_spoilage(work.db(), &movements, spoiled.kind).await?;
    record(work, &movements);
    Ok(movements)
}

/// Takes cards back that newer ones have replaced.
#[tracing::instrument(name = "step.record_returned", skip_all)]
pub async fn record_returned(work: &mut Work, returned: Returned) -> Result<Vec<Movement>> {
    let (own, limit) = (work.district()?, work.caller().subdistrict());
    let replaced = store::lock_replaced(work.db(), &returned.serials, own).await?;
    let legs = decide::returned(&returned.serials, &replaced)?;
    for leg in &legs {
        decide::may_act_at(leg.to.location, limit)?;
    }
    let papers = papers(work, &returned.document_number)?;
    let movements = carry_out(work, &legs, papers).await?;
    record(work, &movements);
    Ok(movements)
}

/// Enters what was lost and turned up: from now on it is a case, which the centre settles with the office.
#[tracing::instrument(name = "step.record_found", skip_all)]
pub async fn record_found(work: &mut Work, found: FoundAgain) -> Result<StockCase> {
    let at = found.location;
    let (own, limit) = (work.district()?, work.caller().subdistrict());
    decide::of_office(at, own, limit)?;
    if !store::is_location(work.db(), at).await? {
        return Err(Refusal::LocationNotFound.into());
    }
    let legs = decide::found_again(&found.serials, at);
    let (papers, now) = (papers(work, &found.document_number)?, work.now());
    let movements = match store::move_custody(work.db(), &legs, papers, now).await? {
        store::Moved::Done(movements) => movements,
        store::Moved::Obstructed(run) => return Err(WriteOffRefusal::SerialsNotLost(run).into()),
    };
    let serials = decide::merged(&found.serials);
    let case = StockCase {
        case_id: StockCaseId::fresh(),
        kind: CaseKind::FoundAgain,
        location: at,
        counterpart: District::CENTRE,
        open_serials: serials.clone(),
        serials,
        in_dispute: true,
        // Nobody knows what was done with it: it is kept for destruction.
        found_as: CustodyState::Spoiled,
        shipment_id: None,
        count_id: None,
        document_number: found.document_number.clone(),
        given_by: None,
        opened_by: signature(work)?.officer,
        opened_at: now,
        due_at: decide::due_at(now),
    };
    store::insert_case(work.db(), &case).await?;
    record(work, &movements);
    work.touch("stock_case", case.case_id);
    Ok(case)
}
