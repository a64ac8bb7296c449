//! The statements of printing: requests are locked by id, decided about, and saved together.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::Result,
    ids::{District, IncidentId, PrintRequestId},
    policy::ApplicantClass,
    print_queue::{
        CancelReason, EnrolmentState, HoldReason, LastLook, Life, PrintRequest, RequestState,
        Verdict,
        store::{corrupt, row::Row},
    },
};

/// A request that a blank is to be bound to, with what is known at that moment.
#[derive(Debug)]
pub struct Candidate {
    /// The request.
    pub request: PrintRequest,
    /// Whether its lease has run out.
    pub overdue: bool,
    /// What is known of the person.
    pub look: LastLook,
}

/// Locks requests of a district; those of others are left out.
#[tracing::instrument(name = "sql.lock_print_requests", skip_all, fields(requests = ids.len()))]
pub async fn lock(
    db: &mut PgConnection,
    ids: &[PrintRequestId],
    district: District,
) -> Result<Vec<PrintRequest>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    // In the order of the ids, as every act on requests does, so that no two wait for each other crosswise.
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
        for update
        "#,
        &ids,
        district.number(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(PrintRequest::try_from).collect()
}

/// Locks requests of a district and, before them, their persons against a change of their facts.
#[tracing::instrument(name = "sql.lock_to_bind", skip_all, fields(requests = ids.len()))]
pub async fn lock_to_bind(
    db: &mut PgConnection,
    ids: &[PrintRequestId],
    district: District,
) -> Result<Vec<Candidate>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    // Persons first, then requests, each sorted: the sort under the second lock has read all of the first. The clock is
    // read from outside the locked rows, so that a wait for a lock is over when it is. A late report that was waited for has
    // taken the lease away, so no incident is overlooked. Across: persons, enrolments and verdicts are registration's. A
    // comparison of two columns that are not null is not null.
    let rows = sqlx::query!(
        r#"
        with person as materialized (
            select r.resident_id, r.identity_version, r.facts_version, r.life
            from resident r
            where r.resident_id in (
                select p.resident_id from print_request p where p.print_request_id = any($1) and p.district = $2
            )
            order by r.resident_id
            for share
        ), request as materialized (
            select p.print_request_id, p.district, p.subdistrict, p.site, p.resident_id, p.applicant_class, p.seniority_at,
                p.requested_at, p.enrolled_on, p.state, p.state_at, p.hold_reasons, p.cancel_reason, p.stage, p.attempt,
                p.policy_version, p.identity_version, p.facts_version,
                p.fence, p.lease_holder, p.lease_location, p.lease_expires_at, p.serial,
                i.identity_version = p.identity_version as same_identity, i.facts_version as facts_now, i.life
            from print_request p
            join person i on i.resident_id = p.resident_id
            where p.print_request_id = any($1) and p.district = $2
            order by p.print_request_id
            for update of p
        )
        select q.print_request_id, q.district, q.subdistrict, q.site, q.resident_id,
            q.applicant_class as "applicant_class: ApplicantClass", q.seniority_at, q.requested_at, q.enrolled_on,
            q.state as "state: RequestState", q.state_at, q.hold_reasons as "hold_reasons: Vec<HoldReason>",
            q.cancel_reason as "cancel_reason: CancelReason", q.stage, q.attempt, q.policy_version,
            q.identity_version, q.facts_version,
            q.fence, q.lease_holder, q.lease_location, q.lease_expires_at, q.serial,
            coalesce(q.lease_expires_at <= clock_timestamp(), false) as "overdue!",
            e.state as "enrolment: EnrolmentState", e.state_at as since,
            q.same_identity as "same_identity!", q.facts_now, q.life as "life: Life",
            (
                -- Of any of the person's requests: it is the person who may have a card.
                select d.incident_id from print_request o
                join print_incident d on d.print_request_id = o.print_request_id and d.state = 'OPEN'
                where o.resident_id = q.resident_id
                order by d.reported_at, d.incident_id
                limit 1
            ) as incident
        from request q
        join enrolment e on e.resident_id = q.resident_id
        "#,
        &ids,
        district.number(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Candidate {
                overdue: row.overdue,
                look: LastLook {
                    verdict: Verdict {
                        district,
                        enrolment: row.enrolment,
                        since: row.since,
                        on_current_identity: row.same_identity,
                    },
                    life: row.life,
                    facts_version: row.facts_now,
                    incident: row.incident.map(IncidentId::from),
                },
                request: PrintRequest::try_from(Row {
                    print_request_id: row.print_request_id,
                    district: row.district,
                    subdistrict: row.subdistrict,
                    site: row.site,
                    resident_id: row.resident_id,
                    applicant_class: row.applicant_class,
                    seniority_at: row.seniority_at,
                    requested_at: row.requested_at,
                    enrolled_on: row.enrolled_on,
                    state: row.state,
                    state_at: row.state_at,
                    hold_reasons: row.hold_reasons,
                    cancel_reason: row.cancel_reason,
                    stage: row.stage,
                    attempt: row.attempt,
                    policy_version: row.policy_version,
                    identity_version: row.identity_version,
                    facts_version: row.facts_version,
                    fence: row.fence,
                    lease_holder: row.lease_holder,
                    lease_location: row.lease_location,
                    lease_expires_at: row.lease_expires_at,
                    serial: row.serial,
                })?,
            })
        })
        .collect()
}

/// Locks requests whose lease has run out, the longest overdue first; those at which somebody is working are left alone.
#[tracing::instrument(name = "sql.lock_overdue", skip_all)]
pub async fn lock_overdue(db: &mut PgConnection, limit: i64) -> Result<Vec<PrintRequest>> {
    // The clock is read once, in a select of its own: compared with a moving value, the index could not be used.
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
        where state in ('LEASED', 'BOUND') and lease_expires_at <= (select clock_timestamp())
        order by lease_expires_at
        limit $1
        for update skip locked
        "#,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(PrintRequest::try_from).collect()
}

/// Saves what locked requests are now, each as a new stage of its way.
#[tracing::instrument(name = "sql.save_print_requests", skip_all, fields(requests = requests.len()))]
pub async fn save(db: &mut PgConnection, requests: &[&PrintRequest]) -> Result<()> {
    let ids: Vec<Uuid> = requests.iter().map(|r| r.print_request_id.uuid()).collect();
    let fences: Vec<i64> = requests.iter().map(|r| r.fence).collect();
    let stages: Vec<i32> = requests.iter().map(|r| r.stage).collect();
    let states: Vec<RequestState> = requests.iter().map(|r| r.standing.state()).collect();
    let times: Vec<OffsetDateTime> = requests.iter().map(|r| r.state_at).collect();
    // An array of arrays would have to be rectangular; a text of names is not.
    let holds: Vec<String> = requests
        .iter()
        .map(|r| r.standing.hold_reasons().names())
        .collect();
    let cancels: Vec<Option<CancelReason>> = requests
        .iter()
        .map(|r| r.standing.cancel_reason())
        .collect();
    let seniorities: Vec<OffsetDateTime> = requests.iter().map(|r| r.seniority_at).collect();
    let attempts: Vec<i32> = requests.iter().map(|r| r.attempt).collect();
    let policies: Vec<i32> = requests.iter().map(|r| r.policy_version).collect();
    let identities: Vec<i32> = requests.iter().map(|r| r.identity_version).collect();
    let facts: Vec<i32> = requests.iter().map(|r| r.facts_version).collect();
    let serials: Vec<Option<i64>> = requests
        .iter()
        .map(|r| r.standing.serial().map(|serial| serial.number()))
        .collect();
    let leases = || requests.iter().map(|r| r.standing.lease());
    let holders: Vec<Option<String>> = leases().map(|l| l.map(|l| l.holder.clone())).collect();
    let locations: Vec<Option<i32>> = leases().map(|l| l.map(|l| l.location.number())).collect();
    let ends: Vec<Option<OffsetDateTime>> = leases().map(|l| l.map(|l| l.expires_at)).collect();
    // The stage before is asked for with the fence: what was decided about another stage is not saved.
    let saved = sqlx::query!(
        r#"
        with new as (
            select n.*, coalesce(string_to_array(nullif(n.holds, ''), ','), '{}') as hold_reasons
            from unnest(
                $1::uuid[], $2::bigint[], $3::integer[], $4::text[], $5::timestamptz[], $6::text[], $7::text[],
                $8::timestamptz[], $9::integer[], $10::integer[], $11::integer[], $12::integer[], $13::bigint[],
                $14::text[], $15::integer[], $16::timestamptz[]
            ) as n (
                id, fence, stage, state, state_at, holds, cancel_reason, seniority_at, attempt, policy_version,
                identity_version, facts_version, serial, holder, location, expires_at
            )
        ), saved as (
            update print_request as p
            set stage = n.stage, state = n.state, state_at = n.state_at, hold_reasons = n.hold_reasons,
                cancel_reason = n.cancel_reason, seniority_at = n.seniority_at, attempt = n.attempt,
                policy_version = n.policy_version, identity_version = n.identity_version,
                facts_version = n.facts_version, serial = n.serial, lease_holder = n.holder,
                lease_location = n.location, lease_expires_at = n.expires_at
            from new as n
            where p.print_request_id = n.id and p.fence = n.fence and p.stage = n.stage - 1
            returning p.print_request_id, p.stage, p.district, p.state, p.hold_reasons, p.applicant_class,
                p.seniority_at, p.state_at
        )
        insert into request_stage (
            print_request_id, stage, district, state, hold_reasons, applicant_class, seniority_at, began_at
        )
        select * from saved
        "#,
        &ids,
        &fences,
        &stages,
        &states as &[RequestState],
        &times,
        &holds,
        &cancels as &[Option<CancelReason>],
        &seniorities,
        &attempts,
        &policies,
        &identities,
        &facts,
        &serials as &[Option<i64>],
        &holders as &[Option<String>],
        &locations as &[Option<i32>],
        &ends as &[Option<OffsetDateTime>],
    )
    .execute(db)
    .await?
    .rows_affected();
    check_all(saved, requests.len())
}

/// Extends the leases of locked requests; answers when each runs out now.
#[tracing::instrument(name = "sql.renew_leases", skip_all, fields(requests = ids.len()))]
pub async fn renew(
    db: &mut PgConnection,
    ids: &[PrintRequestId],
    seconds: f64,
) -> Result<Vec<(PrintRequestId, OffsetDateTime)>> {
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    // What the statement has just set is not null.
    let rows = sqlx::query!(
        r#"
        update print_request
        set lease_expires_at = clock_timestamp() + make_interval(secs => $2)
        where print_request_id = any($1)
        returning print_request_id, lease_expires_at as "lease_expires_at!"
        "#,
        &uuids,
        seconds,
    )
    .fetch_all(db)
    .await?;
    check_all(rows.len() as u64, ids.len())?;
    Ok(rows
        .into_iter()
        .map(|row| (row.print_request_id.into(), row.lease_expires_at))
        .collect())
}

/// Locked rows cannot slip away: a missing one is a defect.
pub(super) fn check_all(hit: u64, wanted: usize) -> Result<()> {
    if usize::try_from(hit).is_ok_and(|hit| hit == wanted) {
        Ok(())
    } else {
        Err(corrupt("a locked request was not there to be saved"))
    }
}
