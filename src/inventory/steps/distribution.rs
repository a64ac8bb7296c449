//! Distributions: one store's blanks sent to many in one act, and what would be proposed.

use sqlx::PgConnection;

use crate::{
    areas,
    error::Result,
    ids::District,
    inventory::{
        Consignment, Distribution, Location, Proposal, Refusal, Route, Share, Shipment,
        SupplyRefusal, decide, steps::shipment::send, store,
    },
    work::Work,
};

/// Sends to each its share, the lowest serials first; answers the shipments in the order of the shares.
#[tracing::instrument(name = "step.distribute_blanks", skip_all)]
pub async fn distribute(work: &mut Work, distribution: Distribution) -> Result<Vec<Shipment>> {
    let sender = work.caller().ledger();
    let origin = Location::of_district(sender);
    for share in &distribution.shares {
        let route = Route {
            origin,
            destination: share.destination,
            sender,
            limit: work.caller().subdistrict(),
        };
        let is_known = store::is_location(work.db(), share.destination).await?;
        decide::route(route, is_known)?;
        decide::downward(origin, share.destination)?;
    }
    // What lies there is read under its lock: two distributions shall not take the same serials.
    store::lock_location(work.db(), origin).await?;
    let asked = distribution.shares.iter().map(|share| share.quantity).sum();
    let stock = store::lowest_in_stock(work.db(), origin, asked, decide::RUNS_MAX + 1).await?;
    let allotted = match decide::allot(&stock, &distribution.shares) {
        Err(Refusal::Supply(SupplyRefusal::StockTooSmall { .. })) => {
            let have = store::count_in_stock(work.db(), origin).await?;
            return Err(decide::shortage(have, &distribution.shares).into());
        }
        allotted => allotted?,
    };
    let mut order: Vec<usize> = (0..allotted.len()).collect();
    // In rising order, as locks are taken.
    order.sort_by_key(|place| distribution.shares[*place].destination);
    let mut sent = Vec::with_capacity(order.len());
    for place in order {
        let Share {
            destination,
            document_number,
            ..
        } = distribution.shares[place].clone();
        let consignment = Consignment {
            origin,
            destination,
            document_number,
            serials: allotted[place].clone(),
            blank_request_id: None,
        };
        sent.push((place, send(work, consignment).await?));
    }
    sent.sort_by_key(|(place, _)| *place);
    Ok(sent.into_iter().map(|(_, shipment)| shipment).collect())
}

/// How a quantity could be divided over these stores of the caller's district, or over all its subdistricts'.
#[tracing::instrument(name = "step.propose_distribution", skip_all)]
pub async fn propose(
    db: &mut PgConnection,
    district: District,
    quantity: i64,
    stores: &[Location],
) -> Result<Vec<Proposal>> {
    let stores = if stores.is_empty() {
        areas::subdistricts_of(district)
            .map(Location::of_subdistrict)
            .collect()
    } else {
        stores.to_vec()
    };
    let lacks = store::list_lacks(db, district, &stores).await?;
    decide::candidates(district, &stores, &lacks)?;
    Ok(decide::propose(quantity, &lacks))
}
