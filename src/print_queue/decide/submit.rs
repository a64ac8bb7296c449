//! Who comes into the queue.

use crate::{
    policy::{ApplicantClass, Document, Policy},
    print_queue::{Applicant, CardState, Draft, Refusal, decide::print_ready},
};

/// The person of a draft, if the draft may be queued.
pub fn submit_print_request<'a>(
    draft: &Draft,
    applicant: Option<&'a Applicant>,
    policy: &Policy,
) -> Result<&'a Applicant, Refusal> {
    let applicant = applicant.ok_or(Refusal::ResidentNotFound)?;
    if let Some(open) = applicant.open_request {
        return Err(Refusal::OpenRequestExists(open));
    }
    print_ready(&applicant.verdict)?;
    may_have_another(draft.applicant_class, &applicant.cards)?;
    let wanted = policy
        .rule(draft.applicant_class)
        .map_or(&[][..], |rule| &rule.documents);
    // One that has run out counts: whoever waited half a year for the blanks is served all the same (S0-7). It stands in
    // for a card, so the holder of one needs none, and is issued none.
    let holds_card = applicant.cards.contains(&CardState::HandedOver);
    let stands_in = applicant.certificate.is_some() || holds_card;
    if wanted.contains(&Document::InterimCertificate) && !stands_in {
        return Err(Refusal::InterimCertificateRequired);
    }
    Ok(applicant)
}

/// A card under way is waited for; one in the person's hands is replaced only when what it shows has changed (S0-12).
fn may_have_another(class: ApplicantClass, cards: &[CardState]) -> Result<(), Refusal> {
    if cards
        .iter()
        .any(|card| matches!(card, CardState::Bound | CardState::AtSite))
    {
        return Err(Refusal::CardAlreadyIssued { under_way: true });
    }
    let had_one = cards
        .iter()
        .any(|card| matches!(card, CardState::HandedOver | CardState::Ended));
    if class.is_first() && had_one {
        return Err(Refusal::CardAlreadyIssued { under_way: false });
    }
    Ok(())
}
