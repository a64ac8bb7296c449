//! Somebody's word about a blank in doubt: what one officer may say counts at once, what needs two waits for the second.

use crate::{
    approval::{self, Approval, Ask, Locked},
    error::Result,
    ids::District,
    print_queue::{
        Entry, Found, Refusal, Word, decide,
        steps::{
            print::Moved,
            report::{to_collections, to_destruction},
            save,
        },
        store, wire,
    },
    work::Work,
};

/// What asks for a second person.
pub const RESOLVE_IN_DOUBT: &str = "PrintQueue/ResolveInDoubt";

/// What became of a word.
#[derive(Debug)]
pub enum Resolved {
    /// It counted at once.
    Done(Entry),
    /// It waits for a second person.
    Asked(Box<Approval>),
}

/// Says what became of a blank in doubt.
#[tracing::instrument(name = "step.resolve_in_doubt", skip_all)]
pub async fn resolve_in_doubt(work: &mut Work, word: Word, purpose: String) -> Result<Resolved> {
    let district = work.district()?;
    let moved = decided(work, district, &word).await?;
    let kind = match word.found {
        Found::Printed => {
            save(work, &[&moved.after]).await?;
            to_collections(work, &[&moved]).await?;
            return Ok(Resolved::Done(moved.after.entry()));
        }
        Found::Spoiled(kind) => kind,
    };
    let ask = Ask {
        district,
        approving_office: None,
        summary: format!(
            "the blank {} in doubt of print request {} was spoiled: {}",
            word.serial,
            word.print_request_id,
            kind.name()
        ),
        purpose,
    };
    let content = wire::word_content(&word);
    let asked = approval::ask(work, RESOLVE_IN_DOUBT, &content, ask).await?;
    Ok(Resolved::Asked(Box::new(asked)))
}

/// Carries out what two persons say of a blank in doubt, if it still is. Answers the print request.
#[tracing::instrument(name = "step.doubt_approved", skip_all)]
pub async fn doubt_approved(work: &mut Work, locked: &Locked) -> Result<String> {
    let word = wire::word_of(&locked.content)?;
    let moved = decided(work, locked.approval.district, &word).await?;
    save(work, &[&moved.after]).await?;
    match word.found {
        Found::Printed => to_collections(work, &[&moved]).await?,
        Found::Spoiled(kind) => to_destruction(work, &[&moved], &[kind]).await?,
    }
    Ok(word.print_request_id.to_string())
}

/// The request, locked, before and after the word.
async fn decided(work: &mut Work, district: District, word: &Word) -> Result<Moved> {
    let (ids, now) = ([word.print_request_id], work.now());
    let before = store::lock(work.db(), &ids, district).await?.pop();
    let before = before.ok_or(Refusal::PrintRequestNotFound)?;
    let circumstances = store::circumstances(work.db(), &ids).await?;
    let circumstances = circumstances.get(&word.print_request_id);
    let circumstances = circumstances.ok_or(Refusal::PrintRequestNotFound)?;
    let after = decide::resolve_doubt(&before, word, circumstances, now)?;
    Ok(Moved { before, after })
}
