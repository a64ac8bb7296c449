//! Blind counts: begun, handed in and compared, or given up. What is missing goes to the dispute account at once.

use crate::{
    caller::OfficerRole,
    error::{Error, Result},
    ids::{SerialRange, StockCaseId, StockCountId, total},
    inventory::{
        Account, CaseKind, Closing, CountRefusal, CountState, CustodyState, Difference, Ender, Leg,
        Location, MovementKind, Refusal, Sheet, StockCase, StockCount, decide,
        steps::{carry_out, papers, record, signature},
        store,
    },
    work::Work,
};

/// What came of a count that was handed in.
#[derive(Debug)]
pub struct Compared {
    /// The count as it stands now.
    pub count: StockCount,
    /// What was missing and what too many.
    pub difference: Difference,
    /// The cases about what is missing, one for each state in which it was to lie there.
    pub missing_cases: Vec<StockCaseId>,
    /// The case about what is too many.
    pub unexpected_case: Option<StockCaseId>,
}

/// Begins a count: pins the number of the location's last movement and freezes what lies there, under the location's lock.
#[tracing::instrument(name = "step.start_count", skip_all)]
pub async fn start_count(
    work: &mut Work,
    location: Location,
    document_number: String,
) -> Result<StockCount> {
    let limit = work.caller().subdistrict();
    decide::start_count(location, work.caller().ledger(), limit)?;
    let pinned = lock(work, location).await?;
    if let Some(open) = store::find_open_count(work.db(), location).await? {
        return Err(Refusal::Count(CountRefusal::Open(open.count_id)).into());
    }
    let count = StockCount {
        count_id: StockCountId::fresh(),
        location,
        state: CountState::Open,
        pinned,
        document_number,
        started_by: signature(work)?,
        started_at: work.now(),
        ended_at: None,
        tally: None,
    };
    store::insert_count(work.db(), &count).await?;
    work.touch("stock_count", count.count_id);
    Ok(count)
}

/// Notes what was found; answers how many serials were found up to now.
#[tracing::instrument(name = "step.record_findings", skip_all)]
pub async fn record_findings(
    work: &mut Work,
    id: StockCountId,
    more: &[SerialRange],
) -> Result<i64> {
    let sheet = lock_sheet(work, id).await?;
    decide::may_count(&sheet.count, ender(work)?, work.caller().subdistrict())?;
    let found = decide::record_findings(&sheet.found, more)?;
    store::save_found(work.db(), id, &found).await?;
    work.touch("stock_count", id);
    Ok(total(&found))
}

/// Compares what was found with what lay there when the count began and what moved since.
#[tracing::instrument(name = "step.submit_count", skip_all)]
pub async fn submit_count(work: &mut Work, closing: Closing) -> Result<Compared> {
    let sheet = lock_sheet(work, closing.count_id).await?;
    let count = sheet.count;
    decide::may_count(&count, ender(work)?, work.caller().subdistrict())?;
    decide::is_complete(&sheet.found, closing.quantity)?;
    // The books stand still from here on.
    lock(work, count.location).await?;
    let books = store::books(work.db(), count.location, count.pinned).await?;
    let difference = decide::compare(&sheet.frozen, &books, &sheet.found);
    let mut compared = Compared {
        count: StockCount {
            state: CountState::Submitted,
            ended_at: Some(work.now()),
            tally: Some(difference.tally),
            ..count
        },
        difference,
        missing_cases: Vec::new(),
        unexpected_case: None,
    };
    save_end(work, &compared.count, &closing.document_number).await?;
    explain(work, &mut compared, &closing.document_number).await?;
    Ok(compared)
}

/// Gives a count up.
#[tracing::instrument(name = "step.cancel_count", skip_all)]
pub async fn cancel_count(
    work: &mut Work,
    id: StockCountId,
    document_number: &str,
) -> Result<StockCount> {
    let count = lock_sheet(work, id).await?.count;
    decide::cancel_count(&count, ender(work)?, work.caller().subdistrict())?;
    let cancelled = StockCount {
        state: CountState::Cancelled,
        ended_at: Some(work.now()),
        ..count
    };
    save_end(work, &cancelled, document_number).await?;
    Ok(cancelled)
}

async fn save_end(work: &mut Work, count: &StockCount, document_number: &str) -> Result<()> {
    let by = signature(work)?;
    store::save_end_of_count(work.db(), count, by, document_number).await?;
    work.touch("stock_count", count.count_id);
    Ok(())
}

/// Disputes what is missing, and opens a case about it and one about what is too many.
async fn explain(work: &mut Work, compared: &mut Compared, document_number: &str) -> Result<()> {
    let missing = compared.difference.missing.clone();
    let missing = [
        (missing.in_stock, CustodyState::InStock),
        (missing.spoiled, CustodyState::Spoiled),
        (missing.returned, CustodyState::Returned),
    ];
    let at = compared.count.location;
    let legs: Vec<Leg> = missing
        .iter()
        .flat_map(|(runs, state)| runs.iter().map(|run| disputed(*run, at, *state)))
        .collect();
    if !legs.is_empty() {
        let papers = papers(work, document_number)?;
        let movements = carry_out(work, &legs, papers).await?;
        record(work, &movements);
    }
    for (serials, found_as) in missing {
        if !serials.is_empty() {
            let kind = CaseKind::MissingInCount;
            let case = StockCase {
                found_as,
                ..case_of(compared, kind, serials, document_number)
            };
            let case = open(work, case).await?;
            compared.missing_cases.push(case);
        }
    }
    let unexpected = compared.difference.unexpected.clone();
    if !unexpected.is_empty() {
        let case = case_of(
            compared,
            CaseKind::FoundInCount,
            unexpected,
            document_number,
        );
        compared.unexpected_case = Some(open(work, case).await?);
    }
    Ok(())
}

fn disputed(run: SerialRange, location: Location, state: CustodyState) -> Leg {
    let account = |state| Account { location, state };
    let (from, to) = (account(state), account(CustodyState::Disputed));
    decide::leg_between(MovementKind::Disputed, run, Some(from), to)
}

fn case_of(
    compared: &Compared,
    kind: CaseKind,
    serials: Vec<SerialRange>,
    document_number: &str,
) -> StockCase {
    let count = &compared.count;
    let opened_at = count.ended_at.unwrap_or(count.started_at);
    StockCase {
        case_id: StockCaseId::fresh(),
        kind,
        location: count.location,
        counterpart: decide::counterpart(count.location),
        open_serials: serials.clone(),
        serials,
        // What was found and not expected stays where its custody says: nothing is taken from another place.
        in_dispute: kind == CaseKind::MissingInCount,
        shipment_id: None,
        found_as: CustodyState::InStock,
        count_id: Some(count.count_id),
        document_number: document_number.to_owned(),
        given_by: None,
        opened_by: count.started_by.officer,
        opened_at,
        due_at: decide::due_at(opened_at),
    }
}

async fn open(work: &mut Work, case: StockCase) -> Result<StockCaseId> {
    store::insert_case(work.db(), &case).await?;
    work.touch("stock_case", case.case_id);
    Ok(case.case_id)
}

/// Locks a location; answers the number of its last movement.
async fn lock(work: &mut Work, location: Location) -> Result<i64> {
    let movements = store::lock_location(work.db(), location).await?;
    movements.ok_or_else(|| Refusal::LocationNotFound.into())
}

async fn lock_sheet(work: &mut Work, id: StockCountId) -> Result<Sheet> {
    let office = work.caller().ledger();
    let sheet = store::lock_sheet(work.db(), id, office).await?;
    sheet.ok_or_else(|| Refusal::Count(CountRefusal::NotFound).into())
}

fn ender(work: &Work) -> Result<Ender> {
    let officer = work.caller().officer.as_ref();
    let officer = officer.ok_or_else(|| Error::internal("a count was ended by nobody"))?;
    Ok(Ender {
        officer: officer.officer_id,
        is_head: officer.roles.contains(&OfficerRole::Head),
    })
}
