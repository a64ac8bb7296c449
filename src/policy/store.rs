//! All SQL of policy's tables. Which version is in force stands in the function `policy_in_force`, because the queue's
//! lease selects by it in its own statement.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::{ApprovalId, District, Province},
    policy::{
        ApplicantClass, Calendar, ClassOutcome, ClassRule, Document, Policy, PolicyArea,
        PolicyState, Release, Standing, TieBreak, Version, Window,
    },
};

/// Which versions a list has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of these areas; none is all.
    pub areas: Option<Vec<i32>>,
    /// And of all districts of this province.
    pub province: Option<i32>,
    /// Only those in force on this day.
    pub in_force_on: Option<Date>,
}

/// A version and one of its classes.
struct Row {
    version: i32,
    area: i32,
    valid_from: Date,
    valid_to: Option<Date>,
    state: PolicyState,
    tie_break: TieBreak,
    daily_quota: Option<i32>,
    closed_weekdays: Vec<i16>,
    holidays: Vec<Date>,
    source: String,
    proposed_at: OffsetDateTime,
    approval_id: Option<Uuid>,
    class: ApplicantClass,
    outcome: ClassOutcome,
    documents: Vec<Document>,
    enrolled_from: Option<Date>,
    enrolled_to: Option<Date>,
    release_above_demand: bool,
    release_after_days: Option<i32>,
}

/// The versions whose classes stand together in these rows.
fn versions(rows: Vec<Row>) -> Result<Vec<Version>> {
    let mut versions: Vec<Version> = Vec::new();
    for row in rows {
        let rule = ClassRule {
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
        };
        if let Some(last) = versions.last_mut()
            && last.policy.version == row.version
        {
            last.policy.classes.push(rule);
            continue;
        }
        let closed = row.closed_weekdays.into_iter();
        versions.push(Version {
            policy: Policy {
                version: row.version,
                area: area(row.area)?,
                valid_from: row.valid_from,
                valid_to: row.valid_to,
                tie_break: row.tie_break,
                daily_quota: row.daily_quota,
                calendar: Calendar::of_numbers(
                    closed.filter_map(|day| u8::try_from(day).ok()),
                    row.holidays,
                ),
                classes: vec![rule],
                source: row.source,
            },
            state: row.state,
            proposed_at: row.proposed_at,
            approval_id: row.approval_id.map(ApprovalId::from),
        });
    }
    Ok(versions)
}

/// The version in force in a district on a local day.
#[tracing::instrument(name = "sql.policy_in_force", skip_all)]
pub async fn in_force(db: &mut PgConnection, district: District, on: Date) -> Result<Policy> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select v.version, v.area, v.valid_from, v.valid_to, v.state as "state: PolicyState",
            v.tie_break as "tie_break: TieBreak", v.daily_quota, v.closed_weekdays, v.holidays, v.source, v.proposed_at,
            v.approval_id, c.applicant_class as "class: ApplicantClass", c.outcome as "outcome: ClassOutcome",
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
    let found = versions(rows)?.pop().map(|version| version.policy);
    found.ok_or_else(|| Error::corrupt("policy_version", "no version is in force"))
}

/// One version.
#[tracing::instrument(name = "sql.find_policy", skip_all)]
pub async fn find(db: &mut PgConnection, version: i32) -> Result<Option<Version>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select v.version, v.area, v.valid_from, v.valid_to, v.state as "state: PolicyState",
            v.tie_break as "tie_break: TieBreak", v.daily_quota, v.closed_weekdays, v.holidays, v.source, v.proposed_at,
            v.approval_id, c.applicant_class as "class: ApplicantClass", c.outcome as "outcome: ClassOutcome",
            c.documents as "documents: Vec<Document>", c.enrolled_from, c.enrolled_to, c.release_above_demand,
            c.release_after_days
        from policy_version v
        join policy_class c on c.version = v.version
        where v.version = $1
        order by c.place
        "#,
        version,
    )
    .fetch_all(db)
    .await?;
    Ok(versions(rows)?.pop())
}

/// A page of versions, the newest first, behind the version `after`.
#[tracing::instrument(name = "sql.list_policies", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    filter: &Filter,
    after: Option<i32>,
    limit: i64,
) -> Result<Vec<Version>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select v.version, v.area, v.valid_from, v.valid_to, v.state as "state: PolicyState",
            v.tie_break as "tie_break: TieBreak", v.daily_quota, v.closed_weekdays, v.holidays, v.source, v.proposed_at,
            v.approval_id, c.applicant_class as "class: ApplicantClass", c.outcome as "outcome: ClassOutcome",
            c.documents as "documents: Vec<Document>", c.enrolled_from, c.enrolled_to, c.release_above_demand,
            c.release_after_days
        from (
            select * from policy_version as p
            where ($1::integer[] is null or p.area = any($1) or p.area / 100 = $2)
                and ($3::date is null or (p.state = 'ACTIVE' and daterange(p.valid_from, p.valid_to, '[]') @> $3))
                and ($4::integer is null or p.version < $4)
            order by p.version desc
            limit $5
        ) as v
        join policy_class c on c.version = v.version
        order by v.version desc, c.place
        "#,
        filter.areas.as_deref(),
        filter.province,
        filter.in_force_on,
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    versions(rows)
}

/// Whoever writes rules locks the founding version first; what is read behind it stays true to the end. Without its key:
/// every request and every decision under it refers to it, and none of them shall wait for the centre. To whom the database
/// shows nothing that may be written, there is nothing to lock.
#[tracing::instrument(name = "sql.lock_rules", skip_all)]
pub async fn lock_rules(db: &mut PgConnection) -> Result<()> {
    sqlx::query!("select version from policy_version where version = 1 for no key update")
        .fetch_one(db)
        .await?;
    Ok(())
}

/// The next version's number, under the lock: they count without a gap.
#[tracing::instrument(name = "sql.next_policy_version", skip_all)]
pub async fn next_version(db: &mut PgConnection) -> Result<i32> {
    // The founding version is always there.
    let next = sqlx::query_scalar!(r#"select max(version) + 1 as "next!" from policy_version"#)
        .fetch_one(db)
        .await?;
    Ok(next)
}

/// The versions of an area that are in force or will be.
#[tracing::instrument(name = "sql.active_policies", skip_all)]
pub async fn find_active(db: &mut PgConnection, area: PolicyArea) -> Result<Vec<Standing>> {
    let rows = sqlx::query!(
        r#"
        select version, valid_from, valid_to, state as "state: PolicyState"
        from policy_version
        where area = $1 and state = 'ACTIVE'
        order by valid_from
        "#,
        area.number(),
    )
    .fetch_all(db)
    .await?;
    let standing = rows.into_iter().map(|row| Standing {
        version: row.version,
        area,
        valid_from: row.valid_from,
        valid_to: row.valid_to,
        state: row.state,
    });
    Ok(standing.collect())
}

/// Writes a version with its classes.
#[tracing::instrument(name = "sql.insert_policy", skip_all)]
pub async fn insert(db: &mut PgConnection, policy: &Policy, at: OffsetDateTime) -> Result<()> {
    let classes = &policy.classes;
    let names: Vec<String> = classes
        .iter()
        .map(|rule| rule.class.name().to_owned())
        .collect();
    let outcomes: Vec<String> = classes
        .iter()
        .map(|rule| rule.outcome.name().to_owned())
        .collect();
    // An array of arrays would have to be a rectangle.
    let documents: Vec<String> = classes.iter().map(documents).collect();
    let from: Vec<Option<Date>> = classes.iter().map(|rule| rule.enrolled.from).collect();
    let to: Vec<Option<Date>> = classes.iter().map(|rule| rule.enrolled.to).collect();
    let above: Vec<bool> = classes
        .iter()
        .map(|rule| rule.release.above_demand)
        .collect();
    let after: Vec<Option<i32>> = classes.iter().map(|rule| rule.release.after_days).collect();
    sqlx::query!(
        r#"
        with version as (
            insert into policy_version (
                version, area, valid_from, valid_to, state, tie_break, daily_quota, closed_weekdays, holidays, source,
                proposed_at
            )
            values ($1, $2, $3, $4, 'PROPOSED', $5, $6, $7, $8, $9, $10)
        )
        insert into policy_class (
            version, place, applicant_class, outcome, documents, enrolled_from, enrolled_to, release_above_demand,
            release_after_days
        )
        select $1, c.place, c.class, c.outcome, coalesce(string_to_array(nullif(c.documents, ''), ','), '{}'), c.enrolled_from,
            c.enrolled_to, c.above, c.after
        from unnest($11::text[], $12::text[], $13::text[], $14::date[], $15::date[], $16::boolean[], $17::integer[])
            with ordinality as c (class, outcome, documents, enrolled_from, enrolled_to, above, after, place)
        "#,
        policy.version,
        policy.area.number(),
        policy.valid_from,
        policy.valid_to,
        policy.tie_break as TieBreak,
        policy.daily_quota,
        &policy.calendar.closed_weekdays(),
        &policy.calendar.holidays(),
        policy.source,
        at,
        &names,
        &outcomes,
        &documents,
        &from as &[Option<Date>],
        &to as &[Option<Date>],
        &above,
        &after as &[Option<i32>],
    )
    .execute(db)
    .await?;
    Ok(())
}

fn documents(rule: &ClassRule) -> String {
    let names: Vec<&str> = rule.documents.iter().map(|wanted| wanted.name()).collect();
    names.join(",")
}

/// Puts a version in force and ends the one that it follows on the day before.
#[tracing::instrument(name = "sql.save_active_policy", skip_all)]
pub async fn save_active(
    db: &mut PgConnection,
    version: &Standing,
    before: Option<i32>,
    approval: ApprovalId,
) -> Result<()> {
    // First the end, then the beginning: on no day may two be in force.
    if let Some(before) = before {
        sqlx::query!(
            "update policy_version set valid_to = $2::date - 1 where version = $1",
            before,
            version.valid_from,
        )
        .execute(&mut *db)
        .await?;
    }
    sqlx::query!(
        "update policy_version set state = 'ACTIVE', approval_id = $2 where version = $1",
        version.version,
        approval.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
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
