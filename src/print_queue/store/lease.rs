//! The statements of leasing: the district's queue is locked first, in a statement of its own, so that the next one sees
//! every lease given before.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

use crate::{
    error::Result,
    ids::{District, OfficerId, Subdistrict},
    inventory::Location,
    policy::ApplicantClass,
    print_queue::{
        Entry, HoldReasons, Leased, RequestState, dispatch::LOOKED_AT_MAX, store::corrupt,
    },
};

/// A lease wanted.
#[derive(Debug)]
pub struct Wish<'a> {
    /// Of whose queue.
    pub district: District,
    /// By which terminal.
    pub holder: &'a str,
    /// Who works there.
    pub officer: Option<OfficerId>,
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

/// Leases the next requests; answers them in the order of the queue, and for how many the store had room. What was given
/// is a dispatch: its number, its order, what it saw, and whom it passed over and why.
///
/// The queue must be locked. A blank that is in stock but spoken for by a lease is no room, so stock and leases are counted
/// in one snapshot, here: between two statements a binding could move a blank from one count into the other.
#[tracing::instrument(name = "sql.lease", skip_all)]
pub async fn lease(db: &mut PgConnection, wish: &Wish<'_>) -> Result<(i64, Vec<Leased>)> {
    // Across: stock is inventory's, and so are the cards; person, identity and enrolment are registration's; this is the last
    // check before a blank is taken in hand, and who fails it is passed over. Each class is one stretch of the index, cut to
    // the room: `limit 1` (a person is one row) and `is true` leave the planner no other way in, for one plan serves all
    // calls, and made while the queue was short it read and sorted all who wait. Rows are locked by id before they are changed, as every act on requests does; by an array, because the
    // planner, who cannot foresee how few they are, would join with every open request of the nation. Who was given another
    // place meanwhile is not taken at the old one. Whoever stood before
    // the last one given and got nothing was passed over, in the queue or held. The outer join answers the room without
    // leases, too.
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
        ), rule as materialized (
            select c.version, c.place, c.applicant_class, c.outcome = 'ADMIT' as admitted,
                coalesce(c.enrolled_from, '-infinity') as enrolled_from, coalesce(c.enrolled_to, 'infinity') as enrolled_to
            from policy_class c
            where c.version = policy_in_force($1, $6)
        ), walk as materialized (
            select c.place, r.seniority_at, r.print_request_id, r.facts_version
            from rule c
            cross join lateral (
                select p.seniority_at, p.print_request_id, who.facts_version
                from print_request p
                cross join lateral (
                    select i.facts_version
                    from resident i
                    join enrolment e on e.resident_id = i.resident_id and e.state = 'PRINT_READY'
                    where i.resident_id = p.resident_id and i.identity_version = p.identity_version
                        and i.life = 'RESIDENT'
                    limit 1
                ) as who
                where p.district = $1 and p.state = 'QUEUED' and p.applicant_class = c.applicant_class
                    and (c.admitted or p.policy_version = c.version)
                    and (p.enrolled_on between c.enrolled_from and c.enrolled_to) is true
                    and not exists (
                        select from card k where k.resident_id = p.resident_id and k.state in ('BOUND', 'AT_SITE')
                    )
                order by p.seniority_at, p.print_request_id
                limit (select n from room)
            ) as r
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
            set state = 'LEASED', state_at = greatest(p.state_at, $7), stage = p.stage + 1, fence = p.fence + 1,
                facts_version = w.facts_version, lease_holder = $2, lease_location = $3,
                lease_expires_at = clock_timestamp() + make_interval(secs => $5)
            from locked l
            join walk w on w.print_request_id = l.print_request_id
            where p.print_request_id = l.print_request_id and p.seniority_at = w.seniority_at
            returning w.place, p.print_request_id, p.applicant_class, p.seniority_at, p.subdistrict, p.attempt, p.fence,
                p.lease_expires_at, p.stage, p.state_at
        ), staged as (
            insert into request_stage (
                print_request_id, stage, district, state, applicant_class, seniority_at, began_at, lease_holder
            )
            select t.print_request_id, t.stage, $1, 'LEASED', t.applicant_class, t.seniority_at, t.state_at, $2
            from taken t
        ), numbered as (
            update queue set dispatches = dispatches + 1
            where district = $1 and exists (select from taken)
            returning dispatches
        ), dispatched as (
            insert into dispatch (
                district, number, day, policy_version, terminal, officer_id, location, wanted, room, leased, saw,
                dispatched_at
            )
            select $1, n.dispatches, $6, policy_in_force($1, $6), $2, $8, $3, $4::bigint, r.n, array (
                select t.print_request_id from taken t order by t.place, t.seniority_at, t.print_request_id
            ), pg_current_snapshot(), $7
            from numbered n
            cross join room r
            returning number
        ), before as (
            select c.place, c.version, c.admitted, c.enrolled_from, c.enrolled_to, q.*
            from (
                select t.place, t.seniority_at, t.print_request_id
                from taken t
                order by t.place desc, t.seniority_at desc, t.print_request_id desc
                limit 1
            ) as last
            join rule c on c.place <= last.place
            cross join unnest('{QUEUED,HELD}'::text[]) as s (state)
            cross join lateral (
                select p.state, p.seniority_at, p.print_request_id, p.resident_id, p.identity_version, p.policy_version,
                    p.enrolled_on, p.hold_reasons
                from print_request p
                where p.district = $1 and p.state = s.state and p.applicant_class = c.applicant_class
                    and (p.seniority_at, p.print_request_id) < (
                        case when c.place = last.place then last.seniority_at else 'infinity' end,
                        last.print_request_id
                    )
                    and p.print_request_id <> all (array (select t.print_request_id from taken t))
                order by p.seniority_at, p.print_request_id
                limit $9
            ) as q
        ), passed_over as (
            (
                select b.place, b.seniority_at, b.print_request_id, b.hold_reasons[1] as reason
                from before b
                where b.state = 'HELD'
                order by b.place, b.seniority_at, b.print_request_id
                limit $9
            ) union all (
                select b.place, b.seniority_at, b.print_request_id, case
                    when b.enrolled_on not between b.enrolled_from and b.enrolled_to then 'ENROLMENT_WINDOW'
                    when not (b.admitted or b.policy_version = b.version) then 'CLASS_HELD'
                    when i.life is distinct from 'RESIDENT' then 'NOT_RESIDENT'
                    when i.identity_version <> b.identity_version or e.state is distinct from 'PRINT_READY'
                        then 'NOT_PRINT_READY'
                    when exists (
                        select from card k where k.resident_id = b.resident_id and k.state in ('BOUND', 'AT_SITE')
                    ) then 'CARD_UNDER_WAY'
                    else 'LEFT_MEANWHILE'
                end
                from before b
                left join resident i on i.resident_id = b.resident_id
                left join enrolment e on e.resident_id = b.resident_id
                where b.state = 'QUEUED'
                order by b.place, b.seniority_at, b.print_request_id
                limit $9
            )
        ), noted as (
            insert into dispatch_pass (district, number, reason, passed, most_senior)
            select $1, d.number, o.reason, count(*),
                (array_agg(o.print_request_id order by o.place, o.seniority_at, o.print_request_id))[1]
            from passed_over o
            cross join dispatched d
            group by d.number, o.reason
        )
        select room.n as "room!", t.print_request_id as "print_request_id?",
            t.applicant_class as "applicant_class?: ApplicantClass", t.seniority_at as "seniority_at?",
            t.subdistrict as "subdistrict?", t.attempt as "attempt?", t.fence as "fence?",
            t.lease_expires_at as "lease_expires_at?", t.state_at as "state_at?"
        from room
        left join taken t on true
        order by t.place, t.seniority_at, t.print_request_id
        "#,
        wish.district.number(),
        wish.holder,
        wish.location.number(),
        wish.count,
        wish.seconds,
        wish.on,
        wish.at,
        wish.officer.map(|id| id.uuid()),
        i64::from(LOOKED_AT_MAX),
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
