//! The statements of doubt: what became known of a request while a blank was bound, and incidents.
//!
//! What is easily got wrong: an incident belongs to its request's row. Whoever adds or resolves one holds that row's lock, so
//! that nobody who decides about the request overlooks it.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::{ApprovalId, District, IncidentId, PrintRequestId, Serial},
    print_queue::{Circumstances, Incident, IncidentFinding, IncidentState, LateReport, Life},
};

/// So many open incidents of one request are shown: each is a card that somebody has to find.
const SHOWN_MAX: i64 = 10;

/// A late report as it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// Of which request.
    pub print_request_id: PrintRequestId,
    /// Its incident.
    pub incident_id: IncidentId,
    /// Whether it was told for the first time.
    pub is_new: bool,
}

/// What became known of locked requests. Asked after the lock was waited for: the lock's own statement would see the world
/// from before the wait.
#[tracing::instrument(name = "sql.circumstances", skip_all, fields(requests = ids.len()))]
pub async fn circumstances(
    db: &mut PgConnection,
    ids: &[PrintRequestId],
) -> Result<BTreeMap<PrintRequestId, Circumstances>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    // Across: persons and verdicts are registration's. `exists` is never null.
    let rows = sqlx::query!(
        r#"
        select p.print_request_id, r.life as "life: Life", r.identity_version,
            e.state = 'PRINT_READY' and exists (
                select from print_ready v
                where v.resident_id = r.resident_id and v.identity_version = r.identity_version
            ) as "is_ready!",
            (
                select i.incident_id from print_incident i
                where i.print_request_id = p.print_request_id and i.state = 'OPEN'
                order by i.reported_at, i.incident_id
                limit 1
            ) as incident
        from print_request p
        join resident r on r.resident_id = p.resident_id
        join enrolment e on e.resident_id = p.resident_id
        where p.print_request_id = any($1)
        "#,
        &ids,
    )
    .fetch_all(db)
    .await?;
    let known = rows.into_iter().map(|row| {
        let circumstances = Circumstances {
            life: row.life,
            identity_version: row.identity_version,
            is_ready: row.is_ready,
            incident: row.incident.map(IncidentId::from),
        };
        (row.print_request_id.into(), circumstances)
    });
    Ok(known.collect())
}

/// Keeps late reports of locked requests as incidents, each once; those of blanks that cannot have become that card, and of
/// terminals that never had that lease, are left out.
#[tracing::instrument(name = "sql.insert_incidents", skip_all, fields(reports = late.len()))]
pub async fn insert_incidents(
    db: &mut PgConnection,
    (district, terminal, at): (District, &str, OffsetDateTime),
    late: &[LateReport],
) -> Result<Vec<Told>> {
    let fresh: Vec<Uuid> = late.iter().map(|_| IncidentId::fresh().uuid()).collect();
    let ids: Vec<Uuid> = late.iter().map(|l| l.print_request_id.uuid()).collect();
    let fences: Vec<i64> = late.iter().map(|l| l.fence).collect();
    let serials: Vec<i64> = late.iter().map(|l| l.serial.number()).collect();
    // Across, into inventory's custody: a blank of this office that nobody has used, or that was spoiled, may be a card in
    // somebody's hand. One that is another person's card, or was never here, is not. Columns of the values are not null.
    let rows = sqlx::query!(
        r#"
        with late as (
            select l.* from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])
                as l (incident_id, print_request_id, fence, serial)
            cross join lateral custody_of_serial(l.serial) as c
            where district_of_location(c.location) = $5 and c.state in ('IN_STOCK', 'SPOILED')
                and $6 = (
                    select s.lease_holder from request_stage s
                    where s.print_request_id = l.print_request_id and s.state = 'LEASED'
                    order by s.stage
                    offset l.fence - 1 limit 1
                )
        ), new as (
            insert into print_incident (incident_id, district, print_request_id, fence, serial, terminal, reported_at)
            select l.incident_id, $5, l.print_request_id, l.fence, l.serial, $6, $7
            from late l
            on conflict (print_request_id, fence, serial) do nothing
            returning incident_id, print_request_id
        )
        select n.print_request_id as "print_request_id!", n.incident_id as "incident_id!", true as "is_new!" from new n
        union all
        select i.print_request_id, i.incident_id, false
        from late l
        join print_incident i using (print_request_id, fence, serial)
        "#,
        &fresh,
        &ids,
        &fences,
        &serials,
        district.number(),
        terminal,
        at,
    )
    .fetch_all(db)
    .await?;
    let told = rows.into_iter().map(|row| Told {
        print_request_id: row.print_request_id.into(),
        incident_id: row.incident_id.into(),
        is_new: row.is_new,
    });
    Ok(told.collect())
}

/// One incident of a district.
#[tracing::instrument(name = "sql.find_incident", skip_all)]
pub async fn find_incident(
    db: &mut PgConnection,
    id: IncidentId,
    district: District,
) -> Result<Option<Incident>> {
    let row = sqlx::query!(
        r#"
        select print_request_id, fence, serial, terminal, state as "state: IncidentState"
        from print_incident
        where incident_id = $1 and district = $2
        "#,
        id.uuid(),
        district.number(),
    )
    .fetch_optional(db)
    .await?;
    let found = row.map(|row| {
        let serial = Serial::new(row.serial).map_err(|e| Error::corrupt("print_incident", e))?;
        Ok(Incident {
            report: LateReport {
                print_request_id: row.print_request_id.into(),
                fence: row.fence,
                serial,
            },
            terminal: row.terminal,
            state: row.state,
        })
    });
    found.transpose()
}

/// Which incidents of a request are open, the longest reported first.
#[tracing::instrument(name = "sql.open_incidents", skip_all)]
pub async fn open_incidents(
    db: &mut PgConnection,
    request: PrintRequestId,
) -> Result<Vec<IncidentId>> {
    let ids = sqlx::query_scalar!(
        r#"
        select incident_id from print_incident
        where print_request_id = $1 and state = 'OPEN'
        order by reported_at, incident_id
        limit $2
        "#,
        request.uuid(),
        SHOWN_MAX,
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(IncidentId::from).collect())
}

/// Ends an incident of a locked request; answers how many of that request's are still open. Nothing where it was not open.
#[tracing::instrument(name = "sql.resolve_incident", skip_all)]
pub async fn resolve_incident(
    db: &mut PgConnection,
    id: IncidentId,
    (finding, approval, at): (IncidentFinding, ApprovalId, OffsetDateTime),
) -> Result<Option<i64>> {
    // The count sees the table from before the update. A count is never null.
    let left = sqlx::query_scalar!(
        r#"
        with resolved as (
            update print_incident
            set state = 'RESOLVED', finding = $2, resolved_at = greatest(reported_at, $3), approval_id = $4
            where incident_id = $1 and state = 'OPEN'
            returning incident_id, print_request_id
        )
        select (
            select count(*) from print_incident i
            where i.print_request_id = r.print_request_id and i.state = 'OPEN' and i.incident_id <> r.incident_id
        ) as "left!"
        from resolved r
        "#,
        id.uuid(),
        finding as IncidentFinding,
        at,
        approval.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(left)
}
