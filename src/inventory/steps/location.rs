//! Units: a store gets one more hopper or van, numbered under the store's lock.

use crate::{
    error::Result,
    inventory::{Location, Refusal, UnitKind, decide, store},
    work::Work,
};

/// Opens the next unit of a store.
#[tracing::instrument(name = "step.open_location", skip_all)]
pub async fn open_location(work: &mut Work, of: Location, kind: UnitKind) -> Result<Location> {
    let (office, limit) = (work.caller().ledger(), work.caller().subdistrict());
    decide::open_location(of, office, limit)?;
    if store::lock_location(work.db(), of).await?.is_none() {
        return Err(Refusal::LocationNotFound.into());
    }
    let highest = store::highest_unit(work.db(), of, kind).await?;
    let unit = decide::next_unit(of, kind, highest)?;
    store::insert_unit(work.db(), unit).await?;
    work.touch("location", unit.number());
    Ok(unit)
}
