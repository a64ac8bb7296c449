//! The acts of inventory as stories: lock, decide, move, record. What other features may do with blanks and cards
//! stands in [`doors`], what the feed reads in [`snapshot`].

pub mod doors;

use sqlx::PgConnection;

use crate::{
    error::{Error, Result},
    feed::Topic,
    ids::{District, ShipmentId, total},
    inventory::{
        Account, Arrival, Consignment, Delivery, Holding, Leg, Location, Movement, MovementKind,
        Refusal, Shipment, ShipmentState, decide, store, wire,
    },
    work::Work,
};

/// So many rows of a snapshot are read at once.
const SNAPSHOT_PAGE: i64 = 5_000;

/// Enters what the maker delivered to the centre; answers the quantity.
#[tracing::instrument(name = "step.register_delivery", skip_all)]
pub async fn register_delivery(work: &mut Work, delivery: Delivery) -> Result<i64> {
    let quantity = total(&delivery.serials);
    let legs: Vec<Leg> = decide::merged(&delivery.serials)
        .into_iter()
        .map(|run| decide::leg_in_place(MovementKind::Delivered, run, Location::CENTRE, None))
        .collect();
    let now = work.now();
    let movements = match store::move_custody(work.db(), &legs, &delivery.document_number, now)
        .await?
    {
        store::Moved::Done(movements) => movements,
        store::Moved::Obstructed(run) => return Err(Refusal::SerialsAlreadyRegistered(run).into()),
    };
    let first = movements
        .first()
        .ok_or_else(|| Error::internal("a delivery of nothing"))?;
    store::insert_delivery(work.db(), first, quantity).await?;
    record(work, Location::CENTRE, &movements);
    Ok(quantity)
}

/// Sends blanks from the centre on their way to a district.
#[tracing::instrument(name = "step.dispatch_shipment", skip_all)]
pub async fn dispatch_shipment(work: &mut Work, consignment: Consignment) -> Result<Shipment> {
    let (origin, destination) = (Location::CENTRE, consignment.destination);
    let known = store::lock_locations(work.db(), &[origin, destination]).await?;
    decide::dispatch(destination, known.contains(&destination))?;
    let serials = decide::merged(&consignment.serials);
    let legs: Vec<Leg> = serials
        .iter()
        .map(|run| decide::leg(MovementKind::Dispatched, *run, origin, destination))
        .collect();
    let now = work.now();
    let movements =
        match store::move_custody(work.db(), &legs, &consignment.document_number, now).await? {
            store::Moved::Done(movements) => movements,
            store::Moved::Obstructed(run) => return Err(Refusal::BlanksNotInStock(run).into()),
        };
    let shipment = Shipment {
        shipment_id: ShipmentId::fresh(),
        origin,
        destination,
        state: ShipmentState::Dispatched,
        document_number: consignment.document_number,
        dispatched_quantity: total(&serials),
        serials,
        received_quantity: 0,
        dispatched_at: now,
        received_at: None,
    };
    store::insert_shipment(work.db(), &shipment).await?;
    record(work, destination, &movements);
    Ok(shipment)
}

/// Takes what arrived into the district's stock; what was sent and is missing goes to the dispute account.
#[tracing::instrument(name = "step.receive_shipment", skip_all)]
pub async fn receive_shipment(work: &mut Work, arrival: Arrival) -> Result<Shipment> {
    let district = work.district()?;
    let shipment = store::lock_shipment(work.db(), arrival.shipment_id, district)
        .await?
        .ok_or(Refusal::ShipmentNotFound)?;
    let receipt = decide::receive(&shipment, &arrival.serials, work.caller().subdistrict())?;
    let at = shipment.destination;
    let leg = |kind| move |run: &_| decide::leg_in_place(kind, *run, at, None);
    let arrived = receipt.arrived.iter().map(leg(MovementKind::Received));
    let missing = receipt.missing.iter().map(leg(MovementKind::Disputed));
    let legs: Vec<Leg> = arrived.chain(missing).collect();
    let movements = carry_out(work, &legs, &arrival.document_number).await?;
    let received = Shipment {
        state: receipt.state,
        received_quantity: receipt.received_quantity,
        received_at: Some(work.now()),
        ..shipment
    };
    store::save_receipt(work.db(), &received, &arrival.document_number).await?;
    record(work, at, &movements);
    Ok(received)
}

/// Moves what must be where it is said to be: the state that another row holds was changed together with the custody.
async fn carry_out(work: &mut Work, legs: &[Leg], document_number: &str) -> Result<Vec<Movement>> {
    let now = work.now();
    match store::move_custody(work.db(), legs, document_number, now).await? {
        store::Moved::Done(movements) => Ok(movements),
        store::Moved::Obstructed(run) => {
            let (first, last) = (run.first(), run.last());
            Err(Error::corrupt(
                "custody",
                format_args!("{first} to {last} are not where they must be"),
            ))
        }
    }
}

/// Notes where the moved serials are now, for the ledger of that place's district.
fn record(work: &mut Work, to: Location, movements: &[Movement]) {
    for movement in movements {
        let serials = movement.serials;
        let (_, state) = decide::path(movement.kind);
        let holding = Holding {
            serials,
            account: Account {
                location: to,
                state,
            },
        };
        let about = ("serials", format!("{}-{}", serials.first(), serials.last()));
        let body = wire::stock_event(&holding);
        work.record(to.district(), Topic::Stock, about, body);
    }
}

/// Where a district's serials are, without the cards that their holders have, read page by page within the caller's
/// transaction.
#[tracing::instrument(name = "step.stock_snapshot", skip_all)]
pub async fn snapshot(db: &mut PgConnection, district: District) -> Result<Vec<Vec<u8>>> {
    let mut bodies = Vec::new();
    let mut after = 0;
    loop {
        let page = store::page_of_district(db, district, after, SNAPSHOT_PAGE).await?;
        bodies.extend(page.holdings.iter().map(wire::stock_event));
        match page.next {
            Some(last) => after = last,
            None => return Ok(bodies),
        }
    }
}
