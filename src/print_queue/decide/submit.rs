//! Who comes into the queue, who is taken and waits, and who is refused.

use time::{Date, OffsetDateTime};

use crate::{
    areas::TimeZone,
    policy::{ApplicantClass, ClassOutcome, ClassRule, Document, Documents, Policy, TieBreak},
    print_queue::{
        Applicant, CardState, Draft, HoldReason, HoldReasons, Refusal,
        decide::{lives_here, print_ready},
    },
};

/// A draft that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission<'a> {
    /// The person.
    pub applicant: &'a Applicant,
    /// What counts within the class, for good.
    pub seniority_at: OffsetDateTime,
    /// The local date of the enrolment.
    pub enrolled_on: Date,
    /// What keeps it out of the queue; the quota is not asked here, it counts only what nothing else holds.
    pub holds: HoldReasons,
}

/// What becomes of a draft under a policy.
pub fn submit_print_request<'a>(
    draft: &Draft,
    applicant: Option<&'a Applicant>,
    policy: &Policy,
    now: OffsetDateTime,
) -> Result<Admission<'a>, Refusal> {
    let applicant = applicant.ok_or(Refusal::ResidentNotFound)?;
    if let Some(open) = applicant.open_request {
        return Err(Refusal::OpenRequestExists(open));
    }
    lives_here(applicant.life)?;
    print_ready(&applicant.verdict)?;
    may_have_another(draft.applicant_class, &applicant.cards)?;
    let rule = served(draft.applicant_class, applicant, policy)?;
    has_what_is_wanted(rule, draft, applicant)?;
    let zone = TimeZone::of(applicant.verdict.district);
    let enrolled_on = zone.local_date(applicant.received_at);
    Ok(Admission {
        applicant,
        seniority_at: seniority(policy.tie_break, applicant, now),
        enrolled_on,
        holds: holds(
            rule,
            enrolled_on,
            policy.calendar.is_open(zone.local_date(now)),
        ),
    })
}

/// A card under way is waited for; one in the person's hands is replaced only when what it shows has changed (S0-12).
fn may_have_another(class: ApplicantClass, cards: &[CardState]) -> Result<(), Refusal> {
    if cards
        .iter()
        .any(|card| matches!(card, CardState::Bound | CardState::AtSite))
    {
        return Err(Refusal::CardAlreadyIssued { under_way: true });
    }
    if class.is_first() && had_card(cards) {
        return Err(Refusal::CardAlreadyIssued { under_way: false });
    }
    // One that awaits its holder is handed over first: while it is under way no other can be bound.
    if class == ApplicantClass::ReplaceDefective && !cards.contains(&CardState::HandedOver) {
        return Err(Refusal::NoCardToReplace);
    }
    Ok(())
}

fn had_card(cards: &[CardState]) -> bool {
    cards
        .iter()
        .any(|card| matches!(card, CardState::HandedOver | CardState::Ended))
}

/// The rule for a class that is not refused. A refusal says which of the two it is: the rule about second prints, or one
/// about the class.
fn served<'a>(
    class: ApplicantClass,
    applicant: &Applicant,
    policy: &'a Policy,
) -> Result<&'a ClassRule, Refusal> {
    let version = policy.version;
    match policy.rule(class) {
        Some(rule) if rule.outcome != ClassOutcome::Refuse => Ok(rule),
        _ if class.follows_a_card() || had_card(&applicant.cards) => {
            Err(Refusal::AlreadyPrinted { class, version })
        }
        _ => Err(Refusal::ClassNotServed { class, version }),
    }
}

fn has_what_is_wanted(
    rule: &ClassRule,
    draft: &Draft,
    applicant: &Applicant,
) -> Result<(), Refusal> {
    // One that has run out counts: whoever waited half a year for the blanks is served all the same (S0-7). It stands in
    // for a card, so the holder of one needs none, and is issued none.
    let stands_in =
        applicant.certificate.is_some() || applicant.cards.contains(&CardState::HandedOver);
    let missing: Documents = rule
        .documents
        .iter()
        .copied()
        .filter(|wanted| match wanted {
            Document::InterimCertificate => !stands_in,
            Document::PhoneNumber => !applicant.has_phone,
            Document::FamilyCardCopy
            | Document::PoliceReport
            | Document::OldCard
            | Document::MoveCertificate
            | Document::SupportingDeed => !draft.documents.contains(wanted),
        })
        .collect();
    // What is exchanged must be there, whatever the version asks for.
    if draft.applicant_class == ApplicantClass::InterimExchange && applicant.certificate.is_none() {
        return Err(Refusal::InterimCertificateRequired);
    }
    if missing.is_empty() {
        Ok(())
    } else if missing == Documents::NONE.with(Document::InterimCertificate) {
        // The office itself can mend that, at once.
        Err(Refusal::InterimCertificateRequired)
    } else {
        Err(Refusal::DocumentMissing(missing))
    }
}

/// Fixed when the request is made; no later version rewrites it.
fn seniority(tie_break: TieBreak, applicant: &Applicant, now: OffsetDateTime) -> OffsetDateTime {
    match tie_break {
        TieBreak::Enrolment => applicant.received_at,
        TieBreak::Certificate => applicant
            .certificate
            .map_or(applicant.received_at, |certificate| certificate.issued_at),
        TieBreak::Request => now,
    }
}

fn holds(rule: &ClassRule, enrolled_on: Date, open_today: bool) -> HoldReasons {
    [
        (rule.outcome != ClassOutcome::Admit, HoldReason::ClassHeld),
        (
            !rule.enrolled.contains(enrolled_on),
            HoldReason::EnrolmentWindow,
        ),
        (!open_today, HoldReason::OfficeClosed),
    ]
    .into_iter()
    .filter_map(|(holds, reason)| holds.then_some(reason))
    .collect()
}

/// How many of a site may come into the queue today. Who waits for a day comes before who asks on it.
pub fn site_room(quota: i32, admitted: i64, waiting: i64) -> i64 {
    (i64::from(quota) - admitted - waiting).max(0)
}
