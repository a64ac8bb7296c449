//! The ministry's rules in a story: one head of the centre proposes and activates, the other approves.

use super::{
    office::Office,
    staff::{self, Leaders},
};
use crate::{
    cli::{
        Failure,
        client::{Line, request_id},
    },
    proto::{
        ActivatePolicyRequest, ApplicantClass, ClassOutcome, ClassRule, Document, PolicyDraft,
        ProposePolicyRequest, TieBreak, administration_client::AdministrationClient,
    },
};

/// The classes in the order of the stories: the office's own defects, then whoever never had a card.
const ORDER: [ApplicantClass; 7] = [
    ApplicantClass::ReplaceDefective,
    ApplicantClass::FirstIssue,
    ApplicantClass::InterimExchange,
    ApplicantClass::Relocation,
    ApplicantClass::DataChange,
    ApplicantClass::Lost,
    ApplicantClass::Damaged,
];

/// Rules that admit every class without a paper; a story changes what its article says.
pub fn draft(area: &str, valid_from: &str, source: &str) -> PolicyDraft {
    let rule = |class: ApplicantClass| ClassRule {
        applicant_class: class.into(),
        outcome: ClassOutcome::Admit.into(),
        ..ClassRule::default()
    };
    PolicyDraft {
        area: area.to_owned(),
        valid_from: valid_from.to_owned(),
        tie_break: TieBreak::Enrolment.into(),
        classes: ORDER.map(rule).to_vec(),
        source: source.to_owned(),
        ..PolicyDraft::default()
    }
}

/// What a draft says of some classes.
pub fn rules<'a>(
    draft: &'a mut PolicyDraft,
    classes: &'a [ApplicantClass],
) -> impl Iterator<Item = &'a mut ClassRule> {
    let mut rules = draft.classes.iter_mut();
    std::iter::from_fn(move || rules.find(|rule| classes.contains(&rule.applicant_class())))
}

/// The papers as the contract numbers them.
pub fn papers(documents: &[Document]) -> Vec<i32> {
    documents
        .iter()
        .map(|document| i32::from(*document))
        .collect()
}

/// Puts rules in force by two persons; answers their version, and whether their author alone could do it.
pub async fn put_in_force(
    office: &Office,
    leaders: &Leaders,
    draft: PolicyDraft,
) -> Result<(u32, bool), Failure> {
    let [author, second] = leaders.centre.as_slice() else {
        return Err(Failure::Call("two persons decide".to_owned()));
    };
    let request = ProposePolicyRequest {
        request_id: request_id(),
        rules: Some(draft),
    };
    let propose = |mut client: AdministrationClient<Line>, request| async move {
        client.propose_policy(request).await
    };
    let proposed = author.administration(request, propose).await?;
    let version = proposed.policy.unwrap_or_default().version;
    let request = ActivatePolicyRequest {
        request_id: request_id(),
        version,
        purpose: format!("the rules of {}", office.place.name),
    };
    let activate = |mut client: AdministrationClient<Line>, request| async move {
        client.activate_policy(request).await
    };
    let pending = author.administration(request, activate).await?;
    let pending = pending.approval.unwrap_or_default();
    let alone = staff::happened(staff::approve(author, &pending).await, "SAME_PERSON")?;
    staff::approve(second, &pending).await?;
    Ok((version, alone))
}
