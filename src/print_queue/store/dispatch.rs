//! What a day's replay reads: the dispatches, and how every request stood that was open on that day.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    error::{Error, ErrorReason, Kind, Result},
    ids::{District, PrintRequestId},
    policy::{ApplicantClass, ClassOutcome, Window},
    print_queue::{
        HoldReason, RequestState,
        dispatch::{ByHand, Dispatch, History, OrderRule, SeniorityReason, Snapshot, Stage},
        store::corrupt,
    },
};

/// The most dispatches that are read for one replay: three days of a print room that leases one by one.
const DISPATCHES_MAX: i64 = 60_000;
/// The most requests: what the largest districts have open, three times over, at a few hundred bytes each.
const REQUESTS_MAX: i64 = 150_000;
/// So many requests' stages are read at once: each page stays well inside the time that a statement has.
const PAGE: usize = 5_000;
/// Servers' clocks differ by minutes; a request that moved so long before the day did not move in it.
const CLOCKS_DIFFER: Duration = Duration::hours(1);

/// What has been committed by now.
#[tracing::instrument(name = "sql.committed", skip_all)]
pub async fn committed(db: &mut PgConnection) -> Result<Snapshot> {
    let text = sqlx::query_scalar!(r#"select pg_current_snapshot()::text as "seen!""#)
        .fetch_one(db)
        .await?;
    text.parse().map_err(broken)
}

/// The dispatches of the local days `from..=to`, by their numbers.
#[tracing::instrument(name = "sql.dispatches", skip_all)]
pub async fn dispatches(
    db: &mut PgConnection,
    district: District,
    (from, to): (Date, Date),
) -> Result<Vec<Dispatch>> {
    // Across: the badges are administration's.
    let rows = sqlx::query!(
        r#"
        select d.number, d.day, d.policy_version, d.terminal, d.officer_id, o.badge as "badge?", d.leased,
            d.saw::text as "saw!", (d.written_by::text)::bigint as "written_by!", d.recorded_at
        from dispatch d
        left join officer o on o.officer_id = d.officer_id
        where d.district = $1 and d.day between $2 and $3
        order by d.number
        limit $4
        "#,
        district.number(),
        from,
        to,
        DISPATCHES_MAX + 1,
    )
    .fetch_all(&mut *db)
    .await?;
    check_size(rows.len(), DISPATCHES_MAX)?;
    let mut passes = passes(db, district, (from, to)).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Dispatch {
                number: row.number,
                day: row.day,
                policy_version: row.policy_version,
                terminal: row.terminal,
                officer: row
                    .officer_id
                    .map(|id| (id.into(), row.badge.unwrap_or_default())),
                leased: row.leased.into_iter().map(PrintRequestId::from).collect(),
                saw: row.saw.parse().map_err(broken)?,
                written_by: row.written_by.unsigned_abs(),
                recorded_at: row.recorded_at,
                passes: passes.remove(&row.number).unwrap_or_default(),
            })
        })
        .collect()
}

type Passes = Vec<(crate::print_queue::dispatch::PassReason, i32)>;

async fn passes(
    db: &mut PgConnection,
    district: District,
    (from, to): (Date, Date),
) -> Result<BTreeMap<i64, Passes>> {
    let rows = sqlx::query!(
        r#"
        select p.number, p.reason, p.passed
        from dispatch d
        join dispatch_pass p on p.district = d.district and p.number = d.number
        where d.district = $1 and d.day between $2 and $3
        "#,
        district.number(),
        from,
        to,
    )
    .fetch_all(db)
    .await?;
    let mut passes: BTreeMap<i64, Passes> = BTreeMap::new();
    for row in rows {
        let reason = row.reason.parse().map_err(broken)?;
        passes
            .entry(row.number)
            .or_default()
            .push((reason, row.passed));
    }
    Ok(passes)
}

/// What versions say about the order.
#[tracing::instrument(name = "sql.order_rules", skip_all)]
pub async fn order_rules(
    db: &mut PgConnection,
    versions: &[i32],
) -> Result<BTreeMap<i32, Vec<OrderRule>>> {
    // Across: the versions under which the dispatches walked, also those that are not in force any more.
    let rows = sqlx::query!(
        r#"
        select c.version, c.applicant_class as "class: ApplicantClass", c.outcome as "outcome: ClassOutcome",
            c.enrolled_from, c.enrolled_to
        from policy_class c
        where c.version = any($1)
        order by c.version, c.place
        "#,
        versions,
    )
    .fetch_all(db)
    .await?;
    let mut rules: BTreeMap<i32, Vec<OrderRule>> = BTreeMap::new();
    for row in rows {
        rules.entry(row.version).or_default().push(OrderRule {
            applicant_class: row.class,
            is_admitted: row.outcome == ClassOutcome::Admit,
            enrolled: Window {
                from: row.enrolled_from,
                to: row.enrolled_to,
            },
        });
    }
    Ok(rules)
}

/// How every request stood that is open, or has moved since `from`.
#[tracing::instrument(name = "sql.histories", skip_all)]
pub async fn histories(
    db: &mut PgConnection,
    district: District,
    from: OffsetDateTime,
) -> Result<Vec<History>> {
    // An id is never null.
    let ids = sqlx::query_scalar!(
        r#"
        select p.print_request_id as "id!"
        from print_request p
        where p.district = $1 and p.state in ('QUEUED', 'HELD', 'LEASED', 'BOUND', 'IN_DOUBT')
        union
        select s.print_request_id
        from request_stage s
        where s.district = $1 and s.began_at >= $2
        limit $3
        "#,
        district.number(),
        from - CLOCKS_DIFFER,
        REQUESTS_MAX + 1,
    )
    .fetch_all(&mut *db)
    .await?;
    check_size(ids.len(), REQUESTS_MAX)?;
    let mut histories = Vec::with_capacity(ids.len());
    for page in ids.chunks(PAGE) {
        histories.extend(page_of_histories(db, district, page).await?);
    }
    Ok(histories)
}

async fn page_of_histories(
    db: &mut PgConnection,
    district: District,
    ids: &[Uuid],
) -> Result<Vec<History>> {
    // Across, to find the grounds of what the stages say: dates and lives are registration's and the certificates', approvals
    // have a kernel of their own. A comparison of columns that are not null is not null.
    let rows = sqlx::query!(
        r#"
        select s.print_request_id, p.enrolled_on, coalesce(i.life = 'RESIDENT', false) as "is_resident!",
            s.stage < p.stage or (
                s.stage = p.stage and s.state = p.state and s.hold_reasons = p.hold_reasons
                and s.applicant_class = p.applicant_class and s.seniority_at = p.seniority_at
            ) as "agrees!",
            s.stage, s.state as "state: RequestState", s.hold_reasons as "hold_reasons: Vec<HoldReason>",
            s.applicant_class as "class: ApplicantClass", s.seniority_at, s.began_at, s.recorded_at,
            (s.written_by::text)::bigint as "written_by!",
            s.stage > 1 or s.seniority_at = p.requested_at or exists (
                select from enrolment e where e.resident_id = p.resident_id and e.received_at = s.seniority_at
            ) or exists (
                select from interim_certificate n where n.resident_id = p.resident_id and n.issued_at = s.seniority_at
            ) as "has_place_ground!",
            not exists (
                select from unnest(s.hold_reasons) as r (reason)
                where not r.reason = any (coalesce(b.hold_reasons, '{}')) and not case r.reason
                    when 'MOVED_OUT' then exists (
                        select from life_event l where l.resident_id = p.resident_id and l.kind = 'MOVE_OUT'
                    )
                    when 'AWAITING_CENTRE' then coalesce(i.identity_version > 1, false)
                    when 'INCIDENT' then exists (
                        select from print_incident n where n.print_request_id = p.print_request_id
                    )
                    else exists (
                        select from print_decision d
                        where d.resident_id = p.resident_id and d.print_request_id = p.print_request_id
                            and d.outcome = 'HELD' and r.reason = any (d.reasons)
                            and d.decided_at between s.began_at - interval '1 hour' and s.began_at
                    )
                end
            ) as "has_hold_ground!",
            a.approval_id as "approval_id?", c.reason as "reason?: SeniorityReason",
            a.requester_badge as "asked_by?", a.approver_badge as "approved_by?",
            c.seniority_before as "before?", c.seniority_after as "after?"
        from print_request p
        join request_stage s on s.print_request_id = p.print_request_id
        left join request_stage b on b.print_request_id = s.print_request_id and b.stage = s.stage - 1
        left join resident i on i.resident_id = p.resident_id
        left join (
            seniority_change c
            join approval a on a.approval_id = c.approval_id and a.state = 'DONE'
                and a.method = 'PrintQueue/ChangeSeniority'
        ) on c.print_request_id = s.print_request_id and c.stage = s.stage
        where p.print_request_id = any($1) and p.district = $2
        order by s.print_request_id, s.stage
        "#,
        ids,
        district.number(),
    )
    .fetch_all(db)
    .await?;
    let mut histories: Vec<History> = Vec::with_capacity(ids.len());
    for row in rows {
        let id = PrintRequestId::from(row.print_request_id);
        if histories
            .last()
            .is_none_or(|last| last.print_request_id != id)
        {
            histories.push(History {
                print_request_id: id,
                enrolled_on: row.enrolled_on,
                is_resident: row.is_resident,
                columns_agree: true,
                stages: Vec::new(),
            });
        }
        let history = histories.last_mut().ok_or_else(|| corrupt("no request"))?;
        history.columns_agree &= row.agrees;
        let by_hand = (row.approval_id, row.reason, row.before, row.after);
        let badges = (row.asked_by, row.approved_by);
        history.stages.push(Stage {
            stage: row.stage,
            state: row.state,
            held_for: row.hold_reasons.first().copied(),
            applicant_class: row.class,
            seniority_at: row.seniority_at,
            began_at: row.began_at,
            recorded_at: row.recorded_at,
            written_by: row.written_by.unsigned_abs(),
            by_hand: match by_hand {
                (Some(approval), Some(reason), Some(before), Some(after)) => Some(ByHand {
                    approval_id: approval.into(),
                    reason,
                    asked_by: badges.0.unwrap_or_default(),
                    approved_by: badges.1.unwrap_or_default(),
                    before,
                    after,
                }),
                (None, _, _, _) | (_, None, _, _) | (_, _, None, _) | (_, _, _, None) => None,
            },
            has_place_ground: row.has_place_ground,
            has_hold_ground: row.has_hold_ground,
        });
    }
    Ok(histories)
}

fn broken(error: &'static str) -> Error {
    Error::corrupt("dispatch", error)
}

fn check_size(rows: usize, most: i64) -> Result<()> {
    if i64::try_from(rows).is_ok_and(|rows| rows <= most) {
        return Ok(());
    }
    let message = "the day is too large to be replayed by one call";
    Err(Error::new(
        Kind::Exhausted,
        ErrorReason::Overloaded,
        message,
    ))
}
