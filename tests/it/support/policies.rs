//! The ministry's rules for tests whose story is another one: a draft in which everything is admitted, and its way into
//! force.
//!
//! What is easily got wrong: a version comes into force on a day to come. Putting one in force moves the office's clock to
//! the morning of its first day, unless the clock is there already.

use ektp::proto::{ApplicantClass, ClassOutcome, ClassRule, PolicyDraft, TieBreak};
use sqlx::PgPool;
use time::{
    Date,
    format_description::BorrowedFormatItem,
    macros::{format_description, offset},
};

use super::office::Office;

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

/// A date of the contract, if one is given.
fn day(text: &str) -> Option<Date> {
    (!text.is_empty()).then(|| Date::parse(text, DAY).expect("a date"))
}

impl Office {
    /// Puts a draft in force and moves the clock to its first morning; without a first day it is tomorrow. Answers its
    /// number.
    pub async fn put_in_force(&self, mut draft: PolicyDraft) -> u32 {
        if draft.valid_from.is_empty() {
            let today = self.clock.now().to_offset(offset!(+9)).date();
            draft.valid_from = text(today.next_day().expect("time goes on"));
        }
        let version = write(&self.sql, &draft).await;
        let first = day(&draft.valid_from).expect("it was given");
        // Eight o'clock in the west, when it is that day everywhere.
        self.clock
            .set(first.with_hms(1, 0, 0).expect("an hour").assume_utc());
        u32::try_from(version).expect("versions count from 1")
    }
}

async fn write(sql: &PgPool, draft: &PolicyDraft) -> i32 {
    let area = draft.area.replace('.', "");
    let area: i32 = if area.is_empty() {
        0
    } else {
        area.parse().expect("a province or a district")
    };
    let from = day(&draft.valid_from);
    sqlx::query("update policy_version set valid_to = $2::date - 1 where area = $1 and state = 'ACTIVE' and valid_to is null")
        .bind(area)
        .bind(from)
        .execute(sql)
        .await
        .expect("the version before can end");
    let weekdays: Vec<i16> = draft
        .closed_weekdays
        .iter()
        .map(|day| i16::try_from(*day).expect("a weekday"))
        .collect();
    let holidays: Vec<Date> = draft.holidays.iter().filter_map(|text| day(text)).collect();
    let version: i32 = sqlx::query_scalar(
        "insert into policy_version (
             version, area, valid_from, valid_to, state, tie_break, daily_quota, closed_weekdays, holidays, source, proposed_at
         )
         select max(version) + 1, $1, $2, $3, 'ACTIVE', $4, $5, $6, $7, $8, clock_timestamp() from policy_version
         returning version",
    )
    .bind(area)
    .bind(from)
    .bind(day(&draft.valid_to))
    .bind(draft.tie_break().as_str_name().trim_start_matches("TIE_BREAK_"))
    .bind(draft.daily_quota)
    .bind(weekdays)
    .bind(holidays)
    .bind(&draft.source)
    .fetch_one(sql)
    .await
    .expect("a version can be written");
    for (rule, place) in draft.classes.iter().zip(1_i16..) {
        let (enrolled, release) = (
            rule.enrolled.clone().unwrap_or_default(),
            rule.release.unwrap_or_default(),
        );
        let documents: Vec<&str> = rule
            .documents()
            .map(|wanted| wanted.as_str_name().trim_start_matches("DOCUMENT_"))
            .collect();
        sqlx::query(
            "insert into policy_class values ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, 0))",
        )
        .bind(version)
        .bind(place)
        .bind(
            rule.applicant_class()
                .as_str_name()
                .trim_start_matches("APPLICANT_CLASS_"),
        )
        .bind(
            rule.outcome()
                .as_str_name()
                .trim_start_matches("CLASS_OUTCOME_"),
        )
        .bind(documents)
        .bind(day(&enrolled.from))
        .bind(day(&enrolled.to))
        .bind(release.above_demand)
        .bind(i32::try_from(release.after_days).expect("some days"))
        .execute(sql)
        .await
        .expect("a class can be written");
    }
    version
}
