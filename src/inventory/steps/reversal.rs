//! Corrections: a movement that names the one it takes back, asked for by one person of the office and approved by another.

use crate::{
    approval::{self, Approval, Ask, Locked},
    error::Result,
    inventory::{
        LedgerRefusal, Leg, Papers, Reversal, decide,
        steps::{carry_out, papers, record, signature},
        store, wire,
    },
    work::Work,
};

/// What asks for a second person.
pub const REVERSE: &str = "Inventory/ReverseMovement";
/// So many of the movements that stand in the way are named.
const BLOCKING_MAX: i64 = 20;

/// Asks the office's second person to agree.
#[tracing::instrument(name = "step.reverse_movement", skip_all)]
pub async fn reverse_movement(
    work: &mut Work,
    reversal: Reversal,
    purpose: String,
) -> Result<Approval> {
    let (own, at) = (work.caller().ledger(), reversal.movement.location);
    if at.district() != own {
        return Err(LedgerRefusal::MovementNotFound.into());
    }
    decide::may_act_at(at, work.caller().subdistrict())?;
    let leg = decided(work, &reversal).await?;
    let ask = Ask {
        district: own,
        approving_office: Some(own),
        summary: format!(
            "take back the movement {} of {} serials",
            reversal.movement,
            leg.serials.count()
        ),
        purpose,
    };
    let content = wire::reversal_content(&reversal);
    approval::ask(work, REVERSE, &content, ask).await
}

/// Takes the movement back, if nothing was built on it meanwhile. Answers the new movement.
#[tracing::instrument(name = "step.reversal_approved", skip_all)]
pub async fn reversal_approved(work: &mut Work, locked: &Locked) -> Result<String> {
    let reversal = wire::reversal_of(&locked.content)?;
    // What is looked at stays as it is until it has moved; else who was first could not be named.
    store::lock_location(work.db(), reversal.movement.location).await?;
    let leg = decided(work, &reversal).await?;
    let papers = Papers {
        given_by: Some(locked.approval.author),
        taken_by: Some(signature(work)?.officer),
        reverses: Some(reversal.movement),
        ..papers(work, &reversal.document_number)?
    };
    let movements = carry_out(work, &[leg], papers).await?;
    record(work, &movements);
    let done = movements.first().map(|moved| moved.name());
    Ok(done.map(|name| name.to_string()).unwrap_or_default())
}

async fn decided(work: &mut Work, reversal: &Reversal) -> Result<Leg> {
    let name = reversal.movement;
    let moved = store::find_movement(work.db(), name).await?;
    let moved = moved.ok_or(LedgerRefusal::MovementNotFound)?;
    let in_store = store::find_spoilage(work.db(), name).await?;
    let later = store::movements_since(work.db(), name, BLOCKING_MAX).await?;
    Ok(decide::reverse(&moved, in_store, &later)?)
}
