//! The statements of the review: which requests a rule would move, and what their districts can give.
//!
//! What is easily got wrong: a shortage holds a hundred thousand, and almost none of them can move at a moment. Each branch
//! of the search is a stretch of an index of its own, so that who stays is not even looked at.

use sqlx::PgConnection;
use time::Date;
use uuid::Uuid;

use crate::{
    error::Result,
    ids::{District, PrintRequestId},
    policy::ApplicantClass,
    print_queue::{
        CancelReason, HoldReason, PrintRequest, RequestState,
        store::{corrupt, row::Row},
    },
};

/// A district on its local day.
#[derive(Debug, Clone, Copy)]
pub struct LocalDay {
    /// Which.
    pub district: District,
    /// The date on its wall.
    pub day: Date,
    /// Its hours ahead of UTC.
    pub hours: i32,
}

/// Requests that the versions in force would move today, at most `limit`, district by district and in each the most senior
/// first: queued ones of a class that is held or outside its window, and held ones that a rule, a day or a blank lets go.
#[tracing::instrument(name = "sql.find_to_review", skip_all)]
pub async fn find_to_review(
    db: &mut PgConnection,
    days: &[LocalDay],
    limit: i64,
) -> Result<Vec<(District, PrintRequestId)>> {
    let districts: Vec<i32> = days.iter().map(|d| d.district.number()).collect();
    let hours: Vec<i32> = days.iter().map(|d| d.hours).collect();
    let days: Vec<Date> = days.iter().map(|d| d.day).collect();
    // Across: stock is inventory's. Of what is released by blanks or room too many are found; the decision counts.
    let rows = sqlx::query!(
        r#"
        select t.district as "district!", r.print_request_id as "print_request_id!"
        from unnest($1::integer[], $2::date[], $3::integer[]) as t (district, day, hours)
        cross join lateral (select policy_in_force(t.district, t.day) as version offset 0) as f
        join policy_version v on v.version = f.version
        join policy_class c on c.version = v.version
        cross join lateral (
            select not (extract(isodow from t.day)::smallint = any(v.closed_weekdays) or t.day = any(v.holidays)) as open,
                case
                    when c.outcome = 'ADMIT' then 'infinity'
                    when c.outcome = 'HOLD' and c.release_after_days is not null
                        then (t.day - c.release_after_days + 1)::timestamp at time zone 'UTC' - make_interval(hours => t.hours)
                    else '-infinity'
                end as made_before
        ) as o
        cross join lateral (
            (
                select p.print_request_id, p.seniority_at
                from print_request p
                where c.outcome <> 'ADMIT' and p.district = t.district and p.state = 'QUEUED'
                    and p.applicant_class = c.applicant_class and p.policy_version <> c.version
                limit $4
            ) union (
                select p.print_request_id, p.seniority_at
                from print_request p
                where (p.enrolled_on < c.enrolled_from or p.enrolled_on > c.enrolled_to) and p.district = t.district
                    and p.state = 'QUEUED' and p.applicant_class = c.applicant_class and p.policy_version <> c.version
                limit $4
            ) union (
                select p.print_request_id, p.seniority_at
                from print_request p
                where o.open and p.district = t.district and p.state = 'HELD' and 'CLASS_HELD' = any(p.hold_reasons)
                    and p.applicant_class = c.applicant_class and p.requested_at < o.made_before
                    and not p.hold_reasons && '{AWAITING_CENTRE,MOVED_OUT,INCIDENT}'
                order by p.seniority_at, p.print_request_id
                limit $4
            ) union (
                select p.print_request_id, p.seniority_at
                from print_request p
                where o.open and p.district = t.district and p.state = 'HELD' and 'ENROLMENT_WINDOW' = any(p.hold_reasons)
                    and p.applicant_class = c.applicant_class
                    and p.enrolled_on between coalesce(c.enrolled_from, '-infinity') and coalesce(c.enrolled_to, 'infinity')
                    and not p.hold_reasons && '{AWAITING_CENTRE,MOVED_OUT,INCIDENT}'
                order by p.seniority_at, p.print_request_id
                limit $4
            ) union (
                select p.print_request_id, p.seniority_at
                from print_request p
                left join quota_use q on q.district = p.district and q.site = p.site and q.day = t.day
                where o.open and p.district = t.district and p.state = 'HELD'
                    and p.hold_reasons <@ '{QUOTA,OFFICE_CLOSED}' and p.applicant_class = c.applicant_class
                    and (v.daily_quota is null or coalesce(q.admitted, 0) < v.daily_quota)
                order by p.seniority_at, p.print_request_id
                limit $4
            ) union (
                select p.print_request_id, p.seniority_at
                from print_request p
                left join quota_use q on q.district = p.district and q.site = p.site and q.day = t.day
                where o.open and c.release_above_demand and p.district = t.district and p.state = 'HELD'
                    and 'CLASS_HELD' = any(p.hold_reasons) and p.hold_reasons <@ '{CLASS_HELD,OFFICE_CLOSED}'
                    and p.applicant_class = c.applicant_class
                    and (v.daily_quota is null or coalesce(q.admitted, 0) < v.daily_quota)
                    and (
                        select coalesce(sum(upper(u.serials) - lower(u.serials)), 0)
                        from location l
                        join custody u on u.location = l.location and u.state = 'IN_STOCK'
                        where l.district = t.district
                    ) > (
                        select count(*) from print_request d
                        where d.district = t.district and d.state in ('QUEUED', 'LEASED')
                    )
                order by p.seniority_at, p.print_request_id
                limit $4
            )
        ) as r
        order by t.district, c.place, r.seniority_at, r.print_request_id
        limit $4
        "#,
        &districts,
        &days,
        &hours,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let district = District::from_number(row.district).map_err(corrupt)?;
            Ok((district, row.print_request_id.into()))
        })
        .collect()
}

/// Holds a district's queue for this act alone; says no where somebody else does.
#[tracing::instrument(name = "sql.lock_queue_if_free", skip_all)]
pub async fn lock_queue_if_free(db: &mut PgConnection, district: District) -> Result<bool> {
    let locked = sqlx::query_scalar!(
        "select district from queue where district = $1 for update skip locked",
        district.number(),
    )
    .fetch_optional(db)
    .await?;
    Ok(locked.is_some())
}

/// How many blanks a district has above its open requests.
#[tracing::instrument(name = "sql.spare_blanks", skip_all)]
pub async fn spare_blanks(db: &mut PgConnection, district: District) -> Result<i64> {
    // Across: stock is inventory's. A count and a coalesced sum are never null.
    let spare = sqlx::query_scalar!(
        r#"
        select (
            select coalesce(sum(upper(u.serials) - lower(u.serials)), 0)
            from location l
            join custody u on u.location = l.location and u.state = 'IN_STOCK'
            where l.district = $1
        )::bigint - (
            select count(*) from print_request where district = $1 and state in ('QUEUED', 'LEASED')
        ) as "spare!"
        "#,
        district.number(),
    )
    .fetch_one(db)
    .await?;
    Ok(spare)
}

/// Locks those of the requests at which nobody is working.
#[tracing::instrument(name = "sql.lock_free_requests", skip_all, fields(requests = ids.len()))]
pub async fn lock_free(
    db: &mut PgConnection,
    ids: &[PrintRequestId],
    district: District,
) -> Result<Vec<PrintRequest>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"
        select print_request_id, district, subdistrict, site, resident_id,
            applicant_class as "applicant_class: ApplicantClass", seniority_at, requested_at, enrolled_on,
            state as "state: RequestState", state_at, hold_reasons as "hold_reasons: Vec<HoldReason>",
            cancel_reason as "cancel_reason: CancelReason", stage, attempt, policy_version,
            identity_version, facts_version,
            fence, lease_holder, lease_location, lease_expires_at, serial
        from print_request
        where print_request_id = any($1) and district = $2
        order by print_request_id
        for update skip locked
        "#,
        &ids,
        district.number(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(PrintRequest::try_from).collect()
}

/// The sites at which these requests were made.
#[tracing::instrument(name = "sql.sites_of_requests", skip_all)]
pub async fn sites_of(
    db: &mut PgConnection,
    ids: &[PrintRequestId],
    district: District,
) -> Result<Vec<String>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let sites = sqlx::query_scalar!(
        "select distinct site from print_request where print_request_id = any($1) and district = $2",
        &ids,
        district.number(),
    )
    .fetch_all(db)
    .await?;
    Ok(sites)
}
