//! Rules that make no sense are refused with every violation at once, and the worst of them by the database as well.

use ektp::proto::{self, ApplicantClass, ClassOutcome, PolicyDraft, Weekday};
use sqlx::postgres::PgDatabaseError;
use tonic::Code;

use crate::support::{
    look,
    office::{Office, reason, violated_fields},
    policies::{CLASSES, draft, draft_from, propose, rule},
};

const FROM: &str = "2017-10-23";

fn changed(change: impl FnOnce(&mut PolicyDraft)) -> PolicyDraft {
    let mut draft = draft_from(FROM);
    change(&mut draft);
    draft
}

/// Rules, and the fields that are wrong in them.
type Case = (PolicyDraft, Vec<&'static str>);

fn of_area_time_and_letter() -> Vec<Case> {
    vec![
        (draft(), vec!["rules.valid_from"]),
        (
            PolicyDraft::default(),
            vec![
                "rules.valid_from",
                "rules.tie_break",
                "rules.source",
                "rules.classes",
            ],
        ),
        (changed(|d| d.area = "35.99".to_owned()), vec!["rules.area"]),
        (changed(|d| d.area = "99".to_owned()), vec!["rules.area"]),
        (changed(|d| d.area = "00.00".to_owned()), vec!["rules.area"]),
        (
            changed(|d| d.area = "35.75.02".to_owned()),
            vec!["rules.area"],
        ),
        (
            changed(|d| d.valid_from = "23-10-2017".to_owned()),
            vec!["rules.valid_from"],
        ),
        // Some version of the nation is in force on every day.
        (
            changed(|d| d.valid_to = "2017-12-31".to_owned()),
            vec!["rules.valid_to"],
        ),
        (
            changed(|d| {
                d.area = "35.75".to_owned();
                d.valid_to = "2017-10-22".to_owned();
            }),
            vec!["rules.valid_to"],
        ),
        (changed(|d| d.source = " ".to_owned()), vec!["rules.source"]),
        (
            changed(|d| d.source = "x".repeat(201)),
            vec!["rules.source"],
        ),
    ]
}

fn of_days_and_classes() -> Vec<Case> {
    vec![
        (
            changed(|d| d.closed_weekdays = (1..=7).collect()),
            vec!["rules.closed_weekdays"],
        ),
        (
            changed(|d| {
                d.closed_weekdays = vec![Weekday::Sunday.into(), 0, 8, Weekday::Sunday.into()]
            }),
            vec![
                "rules.closed_weekdays[1]",
                "rules.closed_weekdays[2]",
                "rules.closed_weekdays[3]",
            ],
        ),
        (
            changed(|d| {
                d.holidays = vec![
                    "2017-12-25".to_owned(),
                    "2017-12-25".to_owned(),
                    "Natal".to_owned(),
                ]
            }),
            vec!["rules.holidays[2]", "rules.holidays[1]"],
        ),
        (changed(|d| drop(d.classes.pop())), vec!["rules.classes"]),
        (
            changed(|d| d.classes[6] = d.classes[5].clone()),
            vec!["rules.classes[6].applicant_class", "rules.classes"],
        ),
        (
            changed(|d| {
                CLASSES[1..]
                    .iter()
                    .for_each(|class| rule(d, *class).set_outcome(ClassOutcome::Refuse))
            }),
            vec!["rules.classes"],
        ),
        (
            changed(|d| rule(d, ApplicantClass::ReplaceDefective).set_outcome(ClassOutcome::Hold)),
            vec!["rules.classes[0].outcome"],
        ),
    ]
}

fn of_one_class() -> Vec<Case> {
    let release = |above_demand, after_days| {
        Some(proto::Release {
            above_demand,
            after_days,
        })
    };
    let lost = ApplicantClass::Lost;
    vec![
        (
            changed(|d| rule(d, lost).outcome = 9),
            vec!["rules.classes[5].outcome"],
        ),
        (
            changed(|d| rule(d, lost).documents = vec![4, 0, 4]),
            vec![
                "rules.classes[5].documents[1]",
                "rules.classes[5].documents[1]",
            ],
        ),
        (
            changed(|d| rule(d, lost).release = release(true, 0)),
            vec!["rules.classes[5].release"],
        ),
        (
            changed(|d| {
                rule(d, lost).set_outcome(ClassOutcome::Hold);
                rule(d, lost).release = release(false, 3_651);
            }),
            vec!["rules.classes[5].release.after_days"],
        ),
        (
            changed(|d| {
                let (from, to) = ("2016-12-31".to_owned(), "2016-12-30".to_owned());
                rule(d, lost).enrolled = Some(proto::Window { from, to });
            }),
            vec!["rules.classes[5].enrolled.to"],
        ),
    ]
}

fn of_numbers_and_lists() -> Vec<Case> {
    let mut cases = Vec::new();
    // S1-11: the "400 thousand a day" of the article is absurd.
    for quota in [-1, 100_001, 400_000] {
        cases.push((
            changed(|d| d.daily_quota = Some(quota)),
            vec!["rules.daily_quota"],
        ));
    }
    let days = || (0..101).map(|day| format!("2018-{:02}-{:02}", day / 28 + 1, day % 28 + 1));
    cases.push((
        changed(|d| d.holidays = days().collect()),
        vec!["rules.holidays"],
    ));
    cases
}

#[tokio::test]
async fn rules_that_make_no_sense_are_refused_with_all_that_is_wrong() {
    let office = Office::open().await;
    let mut desk = office.centre("policy").await;
    let mut cases = of_area_time_and_letter();
    cases.extend(of_days_and_classes());
    cases.extend(of_one_class());
    cases.extend(of_numbers_and_lists());
    for (draft, expected) in cases {
        let shown = format!("{draft:?}");
        let status = propose(&mut desk, draft).await.expect_err(&shown);
        assert_eq!(status.code(), Code::InvalidArgument, "{shown}");
        assert_eq!(reason(&status), "INVALID_FIELDS");
        assert_eq!(violated_fields(&status), expected, "{shown}");
    }
    assert_eq!(look::count(&office.sql, "policy_version").await, 1);
    for quota in [0, 400, 100_000] {
        let sane = changed(|d| d.daily_quota = Some(quota));
        propose(&mut desk, sane).await.expect("it is sane");
    }
}

#[tokio::test]
async fn the_database_holds_the_worst_of_them_as_well() {
    let office = Office::open().await;
    for (statement, constraint) in [
        ("update policy_version set daily_quota = 400000", "policy_version_quota_is_sane"),
        ("update policy_version set closed_weekdays = '{1,2,3,4,5,6,7}'", "policy_version_opens_some_day"),
        (
            "update policy_class set outcome = 'REFUSE' where applicant_class = 'REPLACE_DEFECTIVE'",
            "policy_class_replaces_what_is_defective",
        ),
        (
            "insert into policy_version select 2, area, '2017-10-23', null, 'ACTIVE', tie_break, null, '{}', '{}', source, proposed_at
             from policy_version",
            "policy_version_is_the_only_one",
        ),
    ] {
        let error = sqlx::raw_sql(statement).execute(&office.sql).await;
        let error = error.expect_err("the database says no").into_database_error();
        let error = error.expect("the database says it").downcast::<PgDatabaseError>();
        assert_eq!(error.constraint(), Some(constraint));
    }
}
