//! The acts of inventory as stories: lock, decide, move, record. What other features may do with blanks and cards
//! stands in [`doors`], what the feed reads in [`snapshot`], shipments in `shipment`.

mod case;
mod count;
mod destruction;
mod distribution;
pub mod doors;
mod location;
mod request;
mod reversal;
mod shipment;
mod write_off;

use std::collections::BTreeSet;

use sqlx::PgConnection;

use crate::{
    error::{Error, Result},
    feed::Topic,
    ids::{District, total},
    inventory::{
        Delivery, Holding, Leg, Location, Movement, MovementKind, Papers, Refusal, Signature,
        decide, store, wire,
    },
    work::Work,
};

pub use case::{SETTLE, settle_case, settlement_approved};
pub use count::{Compared, cancel_count, record_findings, start_count, submit_count};
pub use destruction::{DESTROY, destruction_approved, record_destruction};
pub use distribution::{distribute, propose};
pub use location::open_location;
pub use request::{decide_request, raise_low_stock, request_blanks, withdraw_request};
pub use reversal::{REVERSE, reversal_approved, reverse_movement};
pub use shipment::{cancel_shipment, dispatch_shipment, receive_shipment};
pub use write_off::{record_found, record_returned, record_spoiled};

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
    let (papers, now) = (papers(work, &delivery.document_number)?, work.now());
    let movements = match store::move_custody(work.db(), &legs, papers, now).await? {
        store::Moved::Done(movements) => movements,
        store::Moved::Obstructed(run) => return Err(Refusal::SerialsAlreadyRegistered(run).into()),
    };
    let first = movements
        .first()
        .ok_or_else(|| Error::internal("a delivery of nothing"))?;
    store::insert_delivery(work.db(), first, quantity).await?;
    record(work, &movements);
    Ok(quantity)
}

/// What the act's movements are signed with, by whoever acts.
fn papers<'a>(work: &Work, document_number: &'a str) -> Result<Papers<'a>> {
    Ok(Papers {
        request_id: work.request_id()?,
        document_number,
        given_by: work.caller().officer.as_ref().map(|by| by.officer_id),
        taken_by: None,
        shipment_id: None,
        reverses: None,
    })
}

/// Who signs, as a person.
fn signature(work: &Work) -> Result<Signature> {
    let officer = work.caller().officer.as_ref();
    let officer = officer.ok_or_else(|| Error::internal("a signature of nobody was asked for"))?;
    Ok(Signature {
        officer: officer.officer_id,
        person: officer.person_id,
    })
}

/// Moves what must be where it is said to be: the state that another row holds was changed together with the custody.
async fn carry_out(work: &mut Work, legs: &[Leg], papers: Papers<'_>) -> Result<Vec<Movement>> {
    let now = work.now();
    match store::move_custody(work.db(), legs, papers, now).await? {
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

/// Notes where the moved serials are now, for the ledgers of both places' offices. The centre's own is told only of what
/// concerns nobody else: all its dispatches would wait for that one row.
fn record(work: &mut Work, movements: &[Movement]) {
    for movement in movements {
        let serials = movement.serials;
        let holding = Holding {
            serials,
            account: movement.to,
        };
        let mut offices = BTreeSet::from([
            movement.location.district(),
            movement.to.location.district(),
        ]);
        if offices.len() > 1 {
            offices.remove(&District::CENTRE);
        }
        for office in offices {
            let about = ("serials", format!("{}-{}", serials.first(), serials.last()));
            work.record(office, Topic::Stock, about, wire::stock_event(&holding));
        }
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
