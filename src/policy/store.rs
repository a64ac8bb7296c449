//! All SQL of policy's tables. Which version is in force stands in the function `policy_in_force`, because the queue's
//! lease selects by it in its own statement.

use sqlx::PgConnection;
use time::Date;

use crate::{
    error::{Error, Result},
    ids::{District, Province},
    policy::{
        ApplicantClass, Calendar, ClassOutcome, ClassRule, Document, Policy, PolicyArea, Release,
        TieBreak, Window,
    },
};

/// The version in force in a district on a local day.
#[tracing::instrument(name = "sql.policy_in_force", skip_all)]
pub async fn in_force(db: &mut PgConnection, district: District, on: Date) -> Result<Policy> {
    let rows = sqlx::query!(
        r#"
        select v.version, v.area, v.valid_from, v.valid_to, v.tie_break as "tie_break: TieBreak", v.daily_quota,
            v.closed_weekdays, v.holidays, v.source,
            c.applicant_class as "class: ApplicantClass", c.outcome as "outcome: ClassOutcome",
            c.documents as "documents: Vec<Document>", c.enrolled_from, c.enrolled_to, c.release_above_demand,
            c.release_after_days
        from policy_version v
        join policy_class c on c.version = v.version
        where v.version = policy_in_force($1, $2)
        order by c.place
        "#,
        district.number(),
        on,
    )
    .fetch_all(db)
    .await?;
    let mut policy: Option<Policy> = None;
    for row in rows {
        let area = area(row.area)?;
        let policy = policy.get_or_insert_with(|| Policy {
            version: row.version,
            area,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            tie_break: row.tie_break,
            daily_quota: row.daily_quota,
            calendar: Calendar::from_columns(&row.closed_weekdays, row.holidays),
            classes: Vec::new(),
            source: row.source,
        });
        policy.classes.push(ClassRule {
            class: row.class,
            outcome: row.outcome,
            documents: row.documents,
            enrolled: Window {
                from: row.enrolled_from,
                to: row.enrolled_to,
            },
            release: Release {
                above_demand: row.release_above_demand,
                after_days: row.release_after_days,
            },
        });
    }
    policy.ok_or_else(|| Error::corrupt("policy_version", "no version is in force"))
}

fn area(number: i32) -> Result<PolicyArea> {
    let corrupt = |error| Error::corrupt("policy_version", error);
    Ok(match (number, i16::try_from(number)) {
        (0, _) => PolicyArea::Nation,
        (..100, Ok(number)) => {
            PolicyArea::Province(Province::from_number(number).map_err(corrupt)?)
        }
        (number, _) => PolicyArea::District(District::from_number(number).map_err(corrupt)?),
    })
}
