//! Shipments: dispatched by one person, received by another, or taken back; what does not match becomes a case.

use crate::{
    error::Result,
    ids::{BlankRequestId, District, SerialRange, ShipmentId, StockCaseId, total},
    inventory::{
        Account, Arrival, CaseKind, Consignment, CustodyState, Leg, Location, Movement,
        MovementKind, Papers, Receipt, Refusal, RequestState, Route, Shipment, ShipmentState,
        StockCase, decide,
        steps::{carry_out, papers, record, request::lock_request, signature},
        store,
    },
    work::Work,
};

/// Sends blanks on their way.
#[tracing::instrument(name = "step.dispatch_shipment", skip_all)]
pub async fn dispatch_shipment(work: &mut Work, consignment: Consignment) -> Result<Shipment> {
    let (origin, destination) = (consignment.origin, consignment.destination);
    let route = Route {
        origin,
        destination,
        sender: work.caller().ledger(),
        limit: work.caller().subdistrict(),
    };
    let is_known = store::is_location(work.db(), destination).await?;
    decide::route(route, is_known)?;
    let fulfilled = match consignment.blank_request_id {
        Some(id) => Some((id, fulfils(work, id, &consignment).await?)),
        None => None,
    };
    let shipment = send(work, consignment).await?;
    if let Some((id, RequestState::Fulfilled)) = fulfilled {
        store::save_fulfilled(work.db(), id).await?;
    }
    Ok(shipment)
}

/// How a request stands when this is sent for it.
async fn fulfils(
    work: &mut Work,
    id: BlankRequestId,
    consignment: &Consignment,
) -> Result<RequestState> {
    let (request, sent) = lock_request(work, id).await?;
    let (office, quantity) = (work.caller().ledger(), total(&consignment.serials));
    let state = decide::fulfil(&request, office, consignment.destination, (&sent, quantity))?;
    work.touch("blank_request", id);
    Ok(state)
}

/// Puts blanks on their way, where they may go.
pub async fn send(work: &mut Work, consignment: Consignment) -> Result<Shipment> {
    let (origin, destination) = (consignment.origin, consignment.destination);
    let serials = decide::merged(&consignment.serials);
    let now = work.now();
    let shipment = Shipment {
        shipment_id: ShipmentId::fresh(),
        origin,
        destination,
        state: ShipmentState::Dispatched,
        document_number: consignment.document_number,
        dispatched_quantity: total(&serials),
        serials,
        received_quantity: 0,
        surplus_quantity: 0,
        dispatched_at: now,
        dispatched_by: signature(work)?,
        ended_at: None,
        ended_by: None,
        blank_request_id: consignment.blank_request_id,
    };
    // Before the move, which asks the shipment whether both places may be touched.
    store::insert_shipment(work.db(), &shipment).await?;
    let runs = shipment.serials.iter();
    let legs: Vec<Leg> = runs
        .map(|run| decide::leg(MovementKind::Dispatched, *run, origin, destination))
        .collect();
    let papers = papers_of(work, &shipment, &shipment.document_number)?;
    let movements = match store::move_custody(work.db(), &legs, papers, now).await? {
        store::Moved::Done(movements) => movements,
        store::Moved::Obstructed(run) => {
            let obstacle =
                store::find_obstacle(work.db(), Some(shipment.shipment_id), run.first()).await?;
            return Err(Refusal::BlanksNotInStock(run, obstacle).into());
        }
    };
    record(work, &movements);
    Ok(shipment)
}

/// Takes what arrived into stock. What was sent and is missing, and what was not sent and is there, becomes a case each.
#[tracing::instrument(name = "step.receive_shipment", skip_all)]
pub async fn receive_shipment(work: &mut Work, arrival: Arrival) -> Result<Shipment> {
    let office = work.caller().ledger();
    let shipment = lock(work, arrival.shipment_id, office).await?;
    if shipment.destination.district() != office {
        return Err(Refusal::ShipmentNotFound.into());
    }
    let receiver = signature(work)?;
    let limit = work.caller().subdistrict();
    let receipt = decide::receive(&shipment, &arrival.serials, receiver.person, limit)?;
    let papers = Papers {
        given_by: Some(shipment.dispatched_by.officer),
        taken_by: Some(receiver.officer),
        ..papers_of(work, &shipment, &arrival.document_number)?
    };
    let (in_senders_stock, movements) = take_in(work, &shipment, &receipt, papers).await?;
    let received = Shipment {
        state: receipt.state,
        received_quantity: receipt.received_quantity,
        surplus_quantity: total(&in_senders_stock),
        ended_at: Some(work.now()),
        ended_by: Some(receiver.officer),
        ..shipment
    };
    store::save_end(work.db(), &received, receiver, &arrival.document_number).await?;
    let elsewhere = decide::minus(&receipt.surplus, &in_senders_stock);
    for (kind, serials, in_dispute) in [
        (CaseKind::MissingAtReceipt, receipt.missing, true),
        (CaseKind::FoundAtReceipt, in_senders_stock, true),
        (CaseKind::FoundAtReceipt, elsewhere, false),
    ] {
        if !serials.is_empty() {
            open_case(work, &received, papers, (kind, serials, in_dispute)).await?;
        }
    }
    record(work, &movements);
    Ok(received)
}

/// Moves what arrived and what is disputed; answers which of the found serials were in the sender's stock.
async fn take_in(
    work: &mut Work,
    shipment: &Shipment,
    receipt: &Receipt,
    papers: Papers<'_>,
) -> Result<(Vec<SerialRange>, Vec<Movement>)> {
    let (id, now) = (shipment.shipment_id, work.now());
    let found = store::in_stock_of_sender(work.db(), id, &receipt.surplus).await?;
    let legs = legs_of(shipment, receipt, &found);
    if let store::Moved::Done(movements) =
        store::move_custody(work.db(), &legs, papers, now).await?
    {
        return Ok((found, movements));
    }
    // Some of it left the sender's stock between the look and the locks. The move that was in vain keeps both places locked, so
    // the second look is the last one.
    let found = store::in_stock_of_sender(work.db(), id, &receipt.surplus).await?;
    let movements = carry_out(work, &legs_of(shipment, receipt, &found), papers).await?;
    Ok((found, movements))
}

/// Takes back what was not received yet.
#[tracing::instrument(name = "step.cancel_shipment", skip_all)]
pub async fn cancel_shipment(
    work: &mut Work,
    id: ShipmentId,
    document_number: &str,
) -> Result<Shipment> {
    let office = work.caller().ledger();
    let shipment = lock(work, id, office).await?;
    if shipment.origin.district() != office {
        return Err(Refusal::ShipmentNotFound.into());
    }
    decide::cancel(&shipment, work.caller().subdistrict())?;
    if let Some(id) = shipment.blank_request_id {
        // Before the locations, as at the dispatch.
        lock_request(work, id).await?;
    }
    let (origin, destination) = (shipment.origin, shipment.destination);
    let runs = shipment.serials.iter();
    let legs: Vec<Leg> = runs
        .map(|run| decide::leg(MovementKind::Cancelled, *run, destination, origin))
        .collect();
    let papers = papers_of(work, &shipment, document_number)?;
    let movements = carry_out(work, &legs, papers).await?;
    let by = signature(work)?;
    let cancelled = Shipment {
        state: ShipmentState::Cancelled,
        ended_at: Some(work.now()),
        ended_by: Some(by.officer),
        ..shipment
    };
    store::save_end(work.db(), &cancelled, by, document_number).await?;
    if let Some(id) = cancelled.blank_request_id {
        store::reopen(work.db(), id).await?;
        work.touch("blank_request", id);
    }
    record(work, &movements);
    Ok(cancelled)
}

async fn lock(work: &mut Work, id: ShipmentId, office: District) -> Result<Shipment> {
    let shipment = store::lock_shipment(work.db(), id, office).await?;
    shipment.ok_or_else(|| Refusal::ShipmentNotFound.into())
}

fn papers_of<'a>(work: &Work, shipment: &Shipment, document_number: &'a str) -> Result<Papers<'a>> {
    Ok(Papers {
        shipment_id: Some(shipment.shipment_id),
        ..papers(work, document_number)?
    })
}

fn legs_of(shipment: &Shipment, receipt: &Receipt, in_senders_stock: &[SerialRange]) -> Vec<Leg> {
    let at = shipment.destination;
    let arrived = receipt.arrived.iter();
    let arrived = arrived.map(|run| decide::leg(MovementKind::Received, *run, at, at));
    let missing = receipt.missing.iter();
    let missing = missing.map(|run| disputed(*run, at, CustodyState::InTransit, at));
    let found = in_senders_stock.iter();
    let found = found.map(|run| disputed(*run, shipment.origin, CustodyState::InStock, at));
    arrived.chain(missing).chain(found).collect()
}

fn disputed(run: SerialRange, from: Location, state: CustodyState, at: Location) -> Leg {
    let from = Account {
        location: from,
        state,
    };
    let to = Account {
        location: at,
        state: CustodyState::Disputed,
    };
    decide::leg_between(MovementKind::Disputed, run, Some(from), to)
}

/// Opens a case about a part of a receipt. The other office is the sender's; within one office it is the centre.
async fn open_case(
    work: &mut Work,
    shipment: &Shipment,
    papers: Papers<'_>,
    (kind, serials, in_dispute): (CaseKind, Vec<SerialRange>, bool),
) -> Result<()> {
    let own = shipment.destination.district();
    let sender = shipment.origin.district();
    let opened_by = signature(work)?.officer;
    let now = work.now();
    let case = StockCase {
        case_id: StockCaseId::fresh(),
        kind,
        location: shipment.destination,
        counterpart: if sender == own {
            District::CENTRE
        } else {
            sender
        },
        open_serials: serials.clone(),
        serials,
        in_dispute,
        found_as: CustodyState::InStock,
        shipment_id: Some(shipment.shipment_id),
        count_id: None,
        document_number: papers.document_number.to_owned(),
        given_by: papers.given_by,
        opened_by,
        opened_at: now,
        due_at: decide::due_at(now),
    };
    store::insert_case(work.db(), &case).await?;
    work.touch("stock_case", case.case_id);
    Ok(())
}
