//! What the features uphill may do with blanks and cards, inside their own unit of work.
//!
//! Each door is one round trip as long as nothing is in the way (a handover two): a printed card passes two of them.
//! They trust that the caller holds the row that the blank hangs on (the print request, the collection).

use crate::{
    error::{Error, Result},
    ids::{PrintRequestId, Serial},
    inventory::{
        Binding, Leg, Location, MovementKind, Refusal, Spoilage, decide, single,
        steps::{carry_out, papers, record},
        store,
    },
    work::Work,
};

/// Binds blanks to persons. Each item is answered in order; the refused ones are not bound, the others are.
#[tracing::instrument(name = "step.bind", skip_all)]
pub async fn bind(work: &mut Work, bindings: &[Binding]) -> Result<Vec<Result<(), Refusal>>> {
    let (papers, now) = (papers(work, "")?, work.now());
    let mut answers = decide::distinct(bindings);
    // Nearly always all can be bound at once. If not, nothing was done, and the rest is tried again without those that
    // were in the way: each round refuses at least one.
    for _ in 0..=bindings.len() {
        let open: Vec<usize> = (0..bindings.len())
            .filter(|place| answers[*place].is_ok())
            .collect();
        if open.is_empty() {
            return Ok(answers);
        }
        let wanted: Vec<&Binding> = open.iter().map(|place| &bindings[*place]).collect();
        match store::bind_cards(work.db(), &wanted, papers, now).await? {
            store::Bound::Done(movements) => {
                record(work, &movements);
                return Ok(answers);
            }
            store::Bound::Obstructed(found) => {
                for (place, found) in open.into_iter().zip(found) {
                    answers[place] = decide::bind(&bindings[place], found);
                }
            }
        }
    }
    Err(Error::internal(
        "bindings were in the way of which none was refused",
    ))
}

/// Bound blanks were printed: cards at the site.
#[tracing::instrument(name = "step.mark_printed", skip_all)]
pub async fn mark_printed(
    work: &mut Work,
    cards: &[(Serial, Location, PrintRequestId)],
) -> Result<()> {
    mark(work, MovementKind::Printed, cards).await
}

/// Bound blanks were spoiled, each in its own way: they are kept for destruction and their persons may be bound to others.
#[tracing::instrument(name = "step.mark_spoiled", skip_all)]
pub async fn mark_spoiled(
    work: &mut Work,
    cards: &[(Serial, Location, PrintRequestId)],
    kinds: &[Spoilage],
) -> Result<()> {
    let serials = cards.iter().map(|(serial, _, _)| *serial);
    let blanks: Vec<(Serial, Spoilage)> = serials.zip(kinds.iter().copied()).collect();
    store::note_spoilage(work.db(), &blanks).await?;
    mark(work, MovementKind::Spoiled, cards).await
}

/// A card went into its holder's hands; the one that the person held until now ends.
#[tracing::instrument(name = "step.mark_handed_over", skip_all)]
pub async fn mark_handed_over(work: &mut Work, serial: Serial, location: Location) -> Result<()> {
    store::end_held(work.db(), serial).await?;
    let leg = decide::leg_in_place(MovementKind::HandedOver, single(serial), location, None);
    let papers = papers(work, "")?;
    let movements = carry_out(work, &[leg], papers).await?;
    record(work, &movements);
    Ok(())
}

async fn mark(
    work: &mut Work,
    kind: MovementKind,
    cards: &[(Serial, Location, PrintRequestId)],
) -> Result<()> {
    if cards.is_empty() {
        return Ok(());
    }
    let legs: Vec<Leg> = cards
        .iter()
        .map(|(serial, at, request)| {
            decide::leg_in_place(kind, single(*serial), *at, Some(*request))
        })
        .collect();
    let papers = papers(work, "")?;
    let movements = carry_out(work, &legs, papers).await?;
    record(work, &movements);
    Ok(())
}
