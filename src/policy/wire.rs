//! The policy's words in the contract, both ways; other features' messages carry them too.

use prost::Message as _;
use time::{Date, macros::format_description};

use crate::{
    areas,
    error::{Error, ErrorReason, Result},
    ids::RequestId,
    policy::{
        ApplicantClass, ClassOutcome, ClassRule, Document, Policy, PolicyArea, PolicyState,
        Refusal, Release, Sketch, TieBreak, Version, Window,
    },
    proto,
    violations::Violations,
    wire::{date, timestamp},
};

/// More items of one list are not read; every list is told to be too long before.
const LIST_READ_MAX: usize = 101;

/// A class, to the contract.
pub fn class(class: ApplicantClass) -> proto::ApplicantClass {
    match class {
        ApplicantClass::FirstIssue => proto::ApplicantClass::FirstIssue,
        ApplicantClass::Relocation => proto::ApplicantClass::Relocation,
        ApplicantClass::DataChange => proto::ApplicantClass::DataChange,
        ApplicantClass::InterimExchange => proto::ApplicantClass::InterimExchange,
        ApplicantClass::Lost => proto::ApplicantClass::Lost,
        ApplicantClass::Damaged => proto::ApplicantClass::Damaged,
        ApplicantClass::ReplaceDefective => proto::ApplicantClass::ReplaceDefective,
    }
}

/// A class, from the contract; none for UNSPECIFIED.
pub fn class_of(number: i32) -> Result<Option<ApplicantClass>, &'static str> {
    Ok(Some(match proto::ApplicantClass::try_from(number) {
        Ok(proto::ApplicantClass::Unspecified) => return Ok(None),
        Ok(proto::ApplicantClass::FirstIssue) => ApplicantClass::FirstIssue,
        Ok(proto::ApplicantClass::Relocation) => ApplicantClass::Relocation,
        Ok(proto::ApplicantClass::DataChange) => ApplicantClass::DataChange,
        Ok(proto::ApplicantClass::InterimExchange) => ApplicantClass::InterimExchange,
        Ok(proto::ApplicantClass::Lost) => ApplicantClass::Lost,
        Ok(proto::ApplicantClass::Damaged) => ApplicantClass::Damaged,
        Ok(proto::ApplicantClass::ReplaceDefective) => ApplicantClass::ReplaceDefective,
        Err(_) => return Err("is not a known value"),
    }))
}

/// A document, from the contract.
pub fn document_of(number: i32) -> Result<Document, &'static str> {
    Ok(match proto::Document::try_from(number) {
        Ok(proto::Document::Unspecified) => return Err("is required"),
        Ok(proto::Document::FamilyCardCopy) => Document::FamilyCardCopy,
        Ok(proto::Document::InterimCertificate) => Document::InterimCertificate,
        Ok(proto::Document::PhoneNumber) => Document::PhoneNumber,
        Ok(proto::Document::PoliceReport) => Document::PoliceReport,
        Ok(proto::Document::OldCard) => Document::OldCard,
        Ok(proto::Document::MoveCertificate) => Document::MoveCertificate,
        Ok(proto::Document::SupportingDeed) => Document::SupportingDeed,
        Err(_) => return Err("is not a known value"),
    })
}

/// A document, to the contract.
fn document(document: Document) -> proto::Document {
    match document {
        Document::FamilyCardCopy => proto::Document::FamilyCardCopy,
        Document::InterimCertificate => proto::Document::InterimCertificate,
        Document::PhoneNumber => proto::Document::PhoneNumber,
        Document::PoliceReport => proto::Document::PoliceReport,
        Document::OldCard => proto::Document::OldCard,
        Document::MoveCertificate => proto::Document::MoveCertificate,
        Document::SupportingDeed => proto::Document::SupportingDeed,
    }
}

/// What a proposal says, with what is malformed in it; [`super::checked`] judges it.
pub struct Proposal {
    pub violations: Violations,
    pub request_id: Option<RequestId>,
    pub sketch: Option<Sketch>,
}

/// Reads a proposal.
pub fn propose_policy(message: &proto::ProposePolicyRequest) -> Proposal {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    if message.rules.is_none() {
        violations.add("rules", "is required");
    }
    let sketch = message.rules.as_ref();
    let sketch = sketch.map(|rules| sketch_of(&mut violations, rules));
    Proposal {
        violations,
        request_id,
        sketch,
    }
}

fn sketch_of(violations: &mut Violations, rules: &proto::PolicyDraft) -> Sketch {
    let area: Option<PolicyArea> = violations.take("rules.area", area_of(&rules.area));
    let valid_from = if rules.valid_from.is_empty() {
        violations.add("rules.valid_from", "is required");
        None
    } else {
        violations.take("rules.valid_from", date(&rules.valid_from))
    };
    let valid_to = day(violations, "rules.valid_to", &rules.valid_to);
    let tie_break = violations.take("rules.tie_break", tie_break_of(rules.tie_break));
    // A list that is too long is told so, and not looked at.
    let weekdays = rules.closed_weekdays.iter().take(LIST_READ_MAX).enumerate();
    let closed_weekdays = weekdays
        .map(|(place, day)| {
            let field = format!("rules.closed_weekdays[{place}]");
            violations.take(field, weekday_of(*day))
        })
        .collect();
    let holidays = rules.holidays.iter().take(LIST_READ_MAX).enumerate();
    let holidays = holidays
        .map(|(place, text)| violations.take(format!("rules.holidays[{place}]"), date(text)))
        .collect();
    let classes = rules.classes.iter().take(LIST_READ_MAX).enumerate();
    let classes = classes
        .map(|(place, rule)| rule_of(violations, &format!("rules.classes[{place}]"), rule))
        .collect();
    Sketch {
        area,
        valid_from,
        valid_to,
        tie_break,
        daily_quota: rules.daily_quota,
        closed_weekdays,
        holidays,
        classes,
        source: violations.text("rules.source", &rules.source, 1, 200),
    }
}

fn area_of(text: &str) -> Result<PolicyArea, &'static str> {
    let area: PolicyArea = text
        .parse()
        .map_err(|_| "must be empty, or a code such as 35 or 35.75")?;
    let listed = match area {
        PolicyArea::Nation => true,
        PolicyArea::Province(province) => {
            areas::districts().any(|district| district.province() == Some(province))
        }
        PolicyArea::District(district) => areas::district(district).is_some(),
    };
    if listed {
        Ok(area)
    } else {
        Err("is not in the ministry's list")
    }
}

fn day(violations: &mut Violations, field: &str, text: &str) -> Option<Date> {
    if text.is_empty() {
        return None;
    }
    violations.take(field, date(text))
}

fn rule_of(violations: &mut Violations, at: &str, rule: &proto::ClassRule) -> Option<ClassRule> {
    let class = class_of(rule.applicant_class).and_then(|class| class.ok_or("is required"));
    let class = violations.take(format!("{at}.applicant_class"), class);
    let outcome = violations.take(format!("{at}.outcome"), outcome_of(rule.outcome));
    let mut documents = Vec::new();
    for (place, number) in rule.documents.iter().take(LIST_READ_MAX).enumerate() {
        let field = format!("{at}.documents[{place}]");
        documents.extend(violations.take(field, document_of(*number)));
    }
    let enrolled = rule.enrolled.clone().unwrap_or_default();
    let enrolled = Window {
        from: day(violations, &format!("{at}.enrolled.from"), &enrolled.from),
        to: day(violations, &format!("{at}.enrolled.to"), &enrolled.to),
    };
    let release = rule.release.unwrap_or_default();
    // What does not fit is as absurd as the largest that does, and told as that.
    let after = i32::try_from(release.after_days).unwrap_or(i32::MAX);
    Some(ClassRule {
        class: class?,
        outcome: outcome?,
        documents,
        enrolled,
        release: Release {
            above_demand: release.above_demand,
            after_days: (after != 0).then_some(after),
        },
    })
}

fn outcome_of(number: i32) -> Result<ClassOutcome, &'static str> {
    match proto::ClassOutcome::try_from(number) {
        Ok(proto::ClassOutcome::Unspecified) => Err("is required"),
        Ok(proto::ClassOutcome::Admit) => Ok(ClassOutcome::Admit),
        Ok(proto::ClassOutcome::Hold) => Ok(ClassOutcome::Hold),
        Ok(proto::ClassOutcome::Refuse) => Ok(ClassOutcome::Refuse),
        Err(_) => Err("is not a known value"),
    }
}

fn tie_break_of(number: i32) -> Result<TieBreak, &'static str> {
    match proto::TieBreak::try_from(number) {
        Ok(proto::TieBreak::Unspecified) => Err("is required"),
        Ok(proto::TieBreak::Enrolment) => Ok(TieBreak::Enrolment),
        Ok(proto::TieBreak::Certificate) => Ok(TieBreak::Certificate),
        Ok(proto::TieBreak::Request) => Ok(TieBreak::Request),
        Err(_) => Err("is not a known value"),
    }
}

/// The contract counts the days as ISO does.
fn weekday_of(number: i32) -> Result<u8, &'static str> {
    match proto::Weekday::try_from(number) {
        Ok(proto::Weekday::Unspecified) => Err("is required"),
        Ok(
            day @ (proto::Weekday::Monday
            | proto::Weekday::Tuesday
            | proto::Weekday::Wednesday
            | proto::Weekday::Thursday
            | proto::Weekday::Friday
            | proto::Weekday::Saturday
            | proto::Weekday::Sunday),
        ) => u8::try_from(day as i32).map_err(|_| "is not a known value"),
        Err(_) => Err("is not a known value"),
    }
}

/// Reads a request to put a version in force.
pub fn activate_policy(message: &proto::ActivatePolicyRequest) -> Result<(RequestId, i32, String)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    violations.require(message.version > 0, "version", "is required");
    let purpose = violations.text("purpose", &message.purpose, 4, 200);
    let Some(request_id) = request_id else {
        return Err(violations.error());
    };
    // No version has a number beyond; it is looked for in vain.
    let version = i32::try_from(message.version).unwrap_or(i32::MAX);
    violations.finish((request_id, version, purpose))
}

/// Reads the day of a list.
pub fn listed_on(message: &proto::ListPoliciesRequest) -> Result<Option<Date>> {
    let mut violations = Violations::new();
    let on = day(&mut violations, "in_force_on", &message.in_force_on);
    violations.finish(on)
}

/// A version as the contract carries it.
pub fn version(version: &Version) -> proto::Policy {
    let state = match version.state {
        PolicyState::Proposed => proto::PolicyState::Proposed,
        PolicyState::Active => proto::PolicyState::Active,
    };
    proto::Policy {
        version: number(&version.policy),
        rules: Some(rules(&version.policy)),
        state: state.into(),
        proposed_time: Some(timestamp(version.proposed_at)),
        approval_id: version
            .approval_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
    }
}

fn number(policy: &Policy) -> u32 {
    u32::try_from(policy.version).expect("versions count from 1")
}

fn rules(policy: &Policy) -> proto::PolicyDraft {
    let tie_break = match policy.tie_break {
        TieBreak::Enrolment => proto::TieBreak::Enrolment,
        TieBreak::Certificate => proto::TieBreak::Certificate,
        TieBreak::Request => proto::TieBreak::Request,
    };
    proto::PolicyDraft {
        area: match policy.area {
            PolicyArea::Nation => String::new(),
            PolicyArea::Province(province) => province.to_string(),
            PolicyArea::District(district) => district.to_string(),
        },
        valid_from: text(Some(policy.valid_from)),
        valid_to: text(policy.valid_to),
        tie_break: tie_break.into(),
        daily_quota: policy.daily_quota,
        closed_weekdays: policy
            .calendar
            .closed_weekdays()
            .into_iter()
            .map(i32::from)
            .collect(),
        holidays: policy
            .calendar
            .holidays()
            .into_iter()
            .map(|day| text(Some(day)))
            .collect(),
        classes: policy.classes.iter().map(class_rule).collect(),
        source: policy.source.clone(),
    }
}

fn class_rule(rule: &ClassRule) -> proto::ClassRule {
    let outcome = match rule.outcome {
        ClassOutcome::Admit => proto::ClassOutcome::Admit,
        ClassOutcome::Hold => proto::ClassOutcome::Hold,
        ClassOutcome::Refuse => proto::ClassOutcome::Refuse,
    };
    let enrolled = (rule.enrolled != Window::default()).then(|| proto::Window {
        from: text(rule.enrolled.from),
        to: text(rule.enrolled.to),
    });
    let release = (rule.release != Release::default()).then(|| proto::Release {
        above_demand: rule.release.above_demand,
        after_days: rule.release.after_days.map_or(0, i32::unsigned_abs),
    });
    proto::ClassRule {
        applicant_class: class(rule.class).into(),
        outcome: outcome.into(),
        documents: rule
            .documents
            .iter()
            .map(|wanted| document(*wanted).into())
            .collect(),
        enrolled,
        release,
    }
}

fn text(day: Option<Date>) -> String {
    day.map(|day| {
        day.format(format_description!("[year]-[month]-[day]"))
            .expect("a date can be written")
    })
    .unwrap_or_default()
}

/// What an approval seals of a version: all that it says.
pub(super) fn content(policy: &Policy) -> Vec<u8> {
    proto::Policy {
        version: number(policy),
        rules: Some(rules(policy)),
        ..proto::Policy::default()
    }
    .encode_to_vec()
}

/// Which version an approval is about.
pub(super) fn version_of(content: &[u8]) -> Result<i32> {
    let corrupt = |error: String| Error::corrupt("approval", error);
    let sealed = proto::Policy::decode(content).map_err(|error| corrupt(error.to_string()))?;
    i32::try_from(sealed.version).map_err(|error| corrupt(error.to_string()))
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(ErrorReason::PolicyNotFound, "policy version"),
            Refusal::Overlaps { version } => {
                let message = "another version of the same area holds on some of these days";
                Self::refused(ErrorReason::PolicyOverlaps, message).with("version", version)
            }
            Refusal::NotInFuture { valid_from } => {
                let message = "a version comes into force on a day that has begun nowhere";
                Self::refused(ErrorReason::PolicyNotInFuture, message)
                    .with("valid_from", text(Some(valid_from)))
            }
            Refusal::AlreadyActive => {
                let message = "the version was activated before";
                Self::refused(ErrorReason::PolicyAlreadyActive, message)
            }
            Refusal::Altered => {
                let message = "the version is not what was shown; nothing runs";
                Self::refused(ErrorReason::ApprovalAltered, message)
            }
        }
    }
}
