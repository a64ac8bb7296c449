//! A change of the order by hand: asked for by one head, carried out by a second person's word.

use crate::{
    approval::{self, Approval, Ask, Locked},
    error::Result,
    ids::District,
    print_queue::{
        PrintRequest, Refusal, SeniorityChange, decide,
        steps::save,
        store::{self, Changed},
        wire,
    },
    work::Work,
};

/// What asks for a second person.
pub const CHANGE_SENIORITY: &str = "PrintQueue/ChangeSeniority";

/// Asks for another place of a request.
#[tracing::instrument(name = "step.change_seniority", skip_all)]
pub async fn change_seniority(
    work: &mut Work,
    change: SeniorityChange,
    purpose: String,
) -> Result<Approval> {
    let district = work.district()?;
    let (before, _) = decided(work, district, &change).await?;
    let limit = work.caller().subdistrict();
    if limit.is_some_and(|limit| limit != before.subdistrict) {
        return Err(Refusal::PrintRequestNotFound.into());
    }
    let ask = Ask {
        district,
        approving_office: None,
        summary: format!(
            "print request {} of {} counts from {} instead of {}: {}",
            change.print_request_id,
            before.applicant_class.name(),
            change.seniority_at,
            before.seniority_at,
            change.reason.words()
        ),
        purpose,
    };
    let content = wire::seniority_content(&change);
    approval::ask(work, CHANGE_SENIORITY, &content, ask).await
}

/// Carries out what two persons say of a request's place, if it still waits. Answers the print request.
#[tracing::instrument(name = "step.seniority_approved", skip_all)]
pub async fn seniority_approved(work: &mut Work, locked: &Locked) -> Result<String> {
    let change = wire::seniority_of(&locked.content)?;
    let (before, after) = decided(work, locked.approval.district, &change).await?;
    save(work, &[&after]).await?;
    let changed = Changed {
        approval_id: locked.approval.approval_id,
        change,
        before: before.seniority_at,
        after: &after,
    };
    store::insert_seniority_change(work.db(), &changed).await?;
    Ok(change.print_request_id.to_string())
}

/// The request, locked, before and after the change.
async fn decided(
    work: &mut Work,
    district: District,
    change: &SeniorityChange,
) -> Result<(PrintRequest, PrintRequest)> {
    let (ids, now) = ([change.print_request_id], work.now());
    let before = store::lock(work.db(), &ids, district).await?.pop();
    let before = before.ok_or(Refusal::PrintRequestNotFound)?;
    let after = decide::change_seniority(&before, change.seniority_at, now)?;
    Ok((before, after))
}
