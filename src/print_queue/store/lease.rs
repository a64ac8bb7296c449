//! The statements of leasing: the district's queue is locked first, in a statement of its own, so that the next one sees
//! every lease given before.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

use crate::{
    error::Result,
    ids::{District, Subdistrict},
    inventory::Location,
    policy::ApplicantClass,
    print_queue::{Entry, HoldReasons, Leased, RequestState, store::corrupt},
};

/// A lease wanted.
#[derive(Debug)]
pub struct Wish<'a> {
    /// Of whose queue.
    pub district: District,
    /// By which terminal.
    pub holder: &'a str,
    /// From which store its printer is fed.
    pub location: Location,
    /// How many at most.
    pub count: i64,
    /// How long the lease is good for.
    pub seconds: f64,
    /// The day whose policy orders the queue.
    pub on: Date,
    /// Business time of the act.
    pub at: OffsetDateTime,
}

/// Locks a district's queue; says whether the location is one of the district's.
#[tracing::instrument(name = "sql.lock_queue", skip_all)]
pub async fn lock_queue(
    db: &mut PgConnection,
    district: District,
    location: Location,
) -> Result<bool> {
    // Across, into inventory's table: asked here to spare a round trip. `exists` is never null.
    let known = sqlx::query_scalar!(
        r#"
        select exists (select from location l where l.location = $2 and l.district = $1) as "known!"
        from queue
        where district = $1
        for update of queue
        "#,
        district.number(),
        location.number(),
    )
    .fetch_optional(db)
    .await?;
    // Every district has its queue; another one's is not there.
    Ok(known.unwrap_or(false))
}

/// Leases the next requests; answers them in the order of the queue, and for how many the store had room.
///
/// The queue must be locked. A blank that is in stock but spoken for by a lease is no room, so stock and leases are counted
/// in one snapshot, here: between two statements a binding could move a blank from one count into the other.
#[tracing::instrument(name = "sql.lease", skip_all)]
pub async fn lease(db: &mut PgConnection, wish: &Wish<'_>) -> Result<(i64, Vec<Leased>)> {
    // Across: stock is inventory's, identity and enrolment are registration's; one whose identity is no longer the one
    // that the centre found unique is passed over. Each class is one stretch of the index, cut to the room. Rows are locked
    // by id before they are changed, as every act on requests does; by an array, because the planner, who cannot foresee how
    // few they are, would join with every open request of the nation. The outer join answers the room without leases, too.
    let rows = sqlx::query!(
        r#"
        with room as (
            select greatest(0, least($4::bigint, (
                select coalesce(sum(upper(c.serials) - lower(c.serials)), 0)
                from custody c
                where c.location = $3 and c.state = 'IN_STOCK'
            ) - (
                select count(*) from print_request p
                where p.district = $1 and p.state = 'LEASED' and p.lease_location = $3
            )))::bigint as n
        ), walk as (
            select c.place, r.seniority_at, r.print_request_id
            from policy_class c
            cross join lateral (
                select p.seniority_at, p.print_request_id
                from print_request p
                join resident i on i.resident_id = p.resident_id and i.identity_version = p.identity_version
                join enrolment e on e.resident_id = p.resident_id and e.state = 'PRINT_READY'
                where p.district = $1 and p.state = 'QUEUED' and p.applicant_class = c.applicant_class
                order by p.seniority_at, p.print_request_id
                limit (select n from room)
            ) as r
            where c.version = policy_in_force($1, $6)
            order by c.place, r.seniority_at, r.print_request_id
            limit (select n from room)
        ), locked as materialized (
            select p.print_request_id
            from print_request p
            where p.print_request_id = any (array (select w.print_request_id from walk w)) and p.state = 'QUEUED'
            order by p.print_request_id
            for update
        ), taken as (
            update print_request as p
            set state = 'LEASED', state_at = greatest(p.state_at, $7), stage = p.stage + 1, fence = p.fence + 1, lease_holder = $2, lease_location = $3,
                lease_expires_at = clock_timestamp() + make_interval(secs => $5)
            from locked l
            where p.print_request_id = l.print_request_id
            returning p.print_request_id, p.applicant_class, p.seniority_at, p.subdistrict, p.attempt, p.fence,
                p.lease_expires_at, p.stage, p.state_at
        ), staged as (
            insert into request_stage (print_request_id, stage, district, state, applicant_class, seniority_at, began_at)
            select t.print_request_id, t.stage, $1, 'LEASED', t.applicant_class, t.seniority_at, t.state_at
            from taken t
        )
        select room.n as "room!", t.print_request_id as "print_request_id?",
            t.applicant_class as "applicant_class?: ApplicantClass", t.seniority_at as "seniority_at?",
            t.subdistrict as "subdistrict?", t.attempt as "attempt?", t.fence as "fence?",
            t.lease_expires_at as "lease_expires_at?", t.state_at as "state_at?"
        from room
        left join (taken t join walk w on w.print_request_id = t.print_request_id) on true
        order by w.place, t.seniority_at, t.print_request_id
        "#,
        wish.district.number(),
        wish.holder,
        wish.location.number(),
        wish.count,
        wish.seconds,
        wish.on,
        wish.at,
    )
    .fetch_all(db)
    .await?;
    let room = rows.first().map_or(0, |row| row.room);
    let mut leased = Vec::with_capacity(rows.len());
    for row in rows {
        let (Some(id), Some(class), Some(seniority_at), Some(subdistrict)) = (
            row.print_request_id,
            row.applicant_class,
            row.seniority_at,
            row.subdistrict,
        ) else {
            continue;
        };
        let (Some(attempt), Some(fence), Some(expires_at), Some(state_at)) =
            (row.attempt, row.fence, row.lease_expires_at, row.state_at)
        else {
            return Err(corrupt("a lease without its end"));
        };
        leased.push(Leased {
            entry: Entry {
                print_request_id: id.into(),
                state: RequestState::Leased,
                applicant_class: class,
                seniority_at,
                subdistrict: Subdistrict::from_number(subdistrict).map_err(corrupt)?,
                attempt,
                state_at,
                serial: None,
                hold_reasons: HoldReasons::NONE,
                cancel_reason: None,
            },
            fence,
            expires_at,
        });
    }
    Ok((room, leased))
}
