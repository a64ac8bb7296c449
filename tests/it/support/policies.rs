//! The ministry's rules for tests whose story is another one: a draft in which everything is admitted, and its way into
//! force.
//!
//! What is easily got wrong: a version comes into force on a day to come. Putting one in force moves the office's clock to
//! the morning of its first day, unless the clock is there already.

use ektp::{
    caller::OfficerRole,
    proto::{
        ActivatePolicyRequest, ApplicantClass, Approval, ClassOutcome, ClassRule, Policy,
        PolicyDraft, ProposePolicyRequest, TieBreak,
    },
};
use time::{
    Date,
    format_description::BorrowedFormatItem,
    macros::{format_description, offset},
};

use tonic::Status;

use crate::administration::{DESK, approve};

use super::office::{Client, Office, request_id};

/// How the contract writes dates.
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// Every class, in the order of the founding version.
pub const CLASSES: [ApplicantClass; 7] = [
    ApplicantClass::ReplaceDefective,
    ApplicantClass::FirstIssue,
    ApplicantClass::InterimExchange,
    ApplicantClass::Relocation,
    ApplicantClass::DataChange,
    ApplicantClass::Lost,
    ApplicantClass::Damaged,
];

/// Rules of the nation that admit every class without a document, from the day after the office's today on.
pub fn draft() -> PolicyDraft {
    let rule = |class: ApplicantClass| ClassRule {
        applicant_class: class.into(),
        outcome: ClassOutcome::Admit.into(),
        ..ClassRule::default()
    };
    PolicyDraft {
        tie_break: TieBreak::Enrolment.into(),
        classes: CLASSES.map(rule).to_vec(),
        source: "a letter of the test".to_owned(),
        ..PolicyDraft::default()
    }
}

/// What a draft says of a class.
pub fn rule(draft: &mut PolicyDraft, class: ApplicantClass) -> &mut ClassRule {
    let mut rules = draft.classes.iter_mut();
    rules
        .find(|rule| rule.applicant_class() == class)
        .expect("a draft has every class")
}

/// A date as the contract has it.
pub fn text(day: Date) -> String {
    day.format(DAY).expect("a date can be written")
}

/// The draft from a day on.
pub fn draft_from(day: &str) -> PolicyDraft {
    PolicyDraft {
        valid_from: day.to_owned(),
        ..draft()
    }
}

/// Proposes a draft.
pub async fn propose(desk: &mut Client, draft: PolicyDraft) -> Result<Policy, Status> {
    let request = ProposePolicyRequest {
        request_id: request_id(),
        rules: Some(draft),
    };
    let answer = desk.administration.propose_policy(request).await?;
    Ok(answer.into_inner().policy.expect("a version"))
}

/// Asks to put a version in force.
pub async fn ask_to_activate(desk: &mut Client, version: u32) -> Result<Approval, Status> {
    let request = ActivatePolicyRequest {
        request_id: request_id(),
        version,
        purpose: "as the letter says".to_owned(),
    };
    let answer = desk.administration.activate_policy(request).await?;
    Ok(answer.into_inner().approval.expect("an approval"))
}

impl Office {
    /// Puts a draft in force and moves the clock to its first morning; without a first day it is tomorrow. Answers its
    /// number.
    pub async fn put_in_force(&self, mut draft: PolicyDraft) -> u32 {
        if draft.valid_from.is_empty() {
            let today = self.clock.now().to_offset(offset!(+9)).date();
            draft.valid_from = text(today.next_day().expect("time goes on"));
        }
        let first = Date::parse(&draft.valid_from, DAY).expect("a date");
        let version = self.enact(draft).await;
        // Eight o'clock in the west, when it is that day everywhere.
        self.clock
            .set(first.with_hms(1, 0, 0).expect("an hour").assume_utc());
        version
    }

    /// Has two persons of the centre put a draft in force for its days to come. Answers its number.
    pub async fn enact(&self, draft: PolicyDraft) -> u32 {
        let (mut one, mut other) = self.two_of_the_centre().await;
        let proposed = propose(&mut one, draft).await.expect("it is sensible");
        let asked = ask_to_activate(&mut one, proposed.version).await;
        let asked = asked.expect("it may be asked");
        approve(&mut other, &asked).await.expect("another person");
        proposed.version
    }

    /// Two heads of the centre at their desk.
    pub async fn two_of_the_centre(&self) -> (Client, Client) {
        let head = Some(&[OfficerRole::Head][..]);
        (
            self.client_as(0, DESK, head).await,
            self.client_as(0, DESK, head).await,
        )
    }
}
