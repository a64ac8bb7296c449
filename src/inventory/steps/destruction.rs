//! Destruction with its official record: asked for by one person of the office, approved by another one of the same, never
//! taken back.

use crate::{
    approval::{self, Approval, Ask, Locked},
    error::Result,
    ids::{DestructionId, total},
    inventory::{
        Destruction, Leg, Papers, WriteOffRefusal, decide,
        steps::{papers, record, signature},
        store, wire,
    },
    work::Work,
};

/// What asks for a second person.
pub const DESTROY: &str = "Inventory/RecordDestruction";

/// Asks the office's second person to agree.
#[tracing::instrument(name = "step.record_destruction", skip_all)]
pub async fn record_destruction(
    work: &mut Work,
    destruction: Destruction,
    purpose: String,
) -> Result<Approval> {
    let (own, limit) = (work.caller().ledger(), work.caller().subdistrict());
    decide::of_office(destruction.location, own, limit)?;
    decided(work, &destruction).await?;
    let ask = Ask {
        district: own,
        approving_office: Some(own),
        summary: format!(
            "destroy {} serials kept at {} under the record {} before {} witnesses",
            total(&destruction.serials),
            destruction.location,
            destruction.record_number,
            destruction.witnesses.len(),
        ),
        purpose,
    };
    let content = wire::destruction_content(&destruction);
    approval::ask(work, DESTROY, &content, ask).await
}

/// Writes off what was burned, if it still is what it was. Answers the destruction.
#[tracing::instrument(name = "step.destruction_approved", skip_all)]
pub async fn destruction_approved(work: &mut Work, locked: &Locked) -> Result<String> {
    let destruction = wire::destruction_of(&locked.content)?;
    let legs = decided(work, &destruction).await?;
    let (asked_by, approved_by) = (locked.approval.author, signature(work)?.officer);
    let papers = Papers {
        given_by: Some(asked_by),
        taken_by: Some(approved_by),
        ..papers(work, &destruction.record_number)?
    };
    let now = work.now();
    let movements = match store::move_custody(work.db(), &legs, papers, now).await? {
        store::Moved::Done(movements) => movements,
        store::Moved::Obstructed(run) => {
            return Err(WriteOffRefusal::SerialsNotForDestruction(run).into());
        }
    };
    let done = store::Destroyed {
        destruction_id: DestructionId::fresh(),
        destruction: &destruction,
        approval_id: locked.approval.approval_id,
        asked_by,
        approved_by,
        destroyed_at: now,
    };
    store::insert_destruction(work.db(), &done).await?;
    record(work, &movements);
    work.touch("destruction", done.destruction_id);
    Ok(done.destruction_id.to_string())
}

async fn decided(work: &mut Work, destruction: &Destruction) -> Result<Vec<Leg>> {
    let wanted = decide::merged(&destruction.serials);
    let held = store::held_for_destruction(work.db(), destruction.location, &wanted).await?;
    Ok(decide::destroy(&wanted, &held)?)
}
