//! The laws of the stock as one statement, which answers a sentence for each breach and nothing when all is well. It shares
//! no line with the product: the accounts are summed here once over the documents and once over the movements.

/// In one snapshot: conservation, the accounts by movements and by documents, no serial twice, no account below nought, dense
/// numbers, a case for all that is disputed, and maximal runs.
pub const LAWS: &str = "
with held as (
    select location, state, sum(upper(serials) - lower(serials)) as quantity from custody group by location, state
), leg as (
    select s.location, s.state, s.delta
    from movement as m
    cross join lateral (
        values (m.to_location, m.to_state, upper(m.serials) - lower(m.serials)),
            (m.from_location, m.from_state, lower(m.serials) - upper(m.serials))
    ) as s (location, state, delta)
    where s.location is not null
), told as (
    select location, state, sum(delta) as quantity from leg group by location, state
), document as (
    select location, quantity as came, 0 as went from delivery
    union all
    select destination, dispatched_quantity + surplus_quantity, 0 from shipment
    where state in ('RECEIVED', 'RECEIVED_WITH_DIFFERENCES')
    union all
    select origin, 0, dispatched_quantity + surplus_quantity from shipment where state <> 'CANCELLED'
    union all
    select returned_to, quantity, 0 from stock_case_settlement where returned_to is not null
    union all
    select location, 0, quantity from stock_case_settlement where returned_to is not null
), account as (
    select location, sum(came) - sum(went) as quantity from document group by location
), own as (
    select location, sum(quantity) as quantity from held where state <> 'IN_TRANSIT' group by location
), due as (
    select destination as location, sum(dispatched_quantity) as quantity from shipment
    where state = 'DISPATCHED' group by destination
), open as (
    select c.location, sum(upper(r) - lower(r)) as quantity
    from stock_case as c cross join lateral unnest(c.open_serials) as r
    where c.in_dispute group by c.location
), numbered as (
    select location, count(*) as rows, min(number) as first, max(number) as last from movement group by location
)
select format('%s were delivered and %s are somewhere', d.quantity, h.quantity)
from (select coalesce(sum(quantity), 0) as quantity from delivery) as d,
    (select coalesce(sum(quantity), 0) as quantity from held) as h
where d.quantity <> h.quantity
union all
select format('%s %s has %s, and by its movements %s', location, state, h.quantity, t.quantity)
from held as h full join told as t using (location, state)
where coalesce(h.quantity, 0) <> coalesce(t.quantity, 0)
union all
select format('%s %s is at %s', location, state, quantity) from told where quantity < 0
union all
select format('%s has %s, and by its documents %s', location, o.quantity, a.quantity)
from own as o full join account as a using (location)
where coalesce(o.quantity, 0) <> coalesce(a.quantity, 0)
union all
select format('%s is due %s, and by its shipments %s', location, t.quantity, d.quantity)
from (select location, quantity from held where state = 'IN_TRANSIT') as t full join due as d using (location)
where coalesce(t.quantity, 0) <> coalesce(d.quantity, 0)
union all
select format('%s disputes %s, and its cases %s', location, t.quantity, o.quantity)
from (select location, quantity from held where state = 'DISPUTED') as t full join open as o using (location)
where coalesce(t.quantity, 0) <> coalesce(o.quantity, 0)
union all
select format('custody has %s serials, %s of them different', r.quantity, d.quantity)
from (select coalesce(sum(quantity), 0) as quantity from held) as r,
    (
        select coalesce(sum(upper(u.run) - lower(u.run)), 0) as quantity
        from unnest((select range_agg(serials) from custody)) as u (run)
    ) as d
where r.quantity <> d.quantity
union all
select format('%s is numbered to %s and has %s movements from %s to %s', location, l.movements, n.rows, n.first, n.last)
from (select location, movements from location where movements <> 0) as l full join numbered as n using (location)
where (l.movements, l.movements, 1) is distinct from (n.rows, n.last, n.first)
union all
select format('%s at %s should be one row with what stands before it', serials, location)
from (
    select location, state, serials, lag(upper(serials)) over by_serial as before, lag(location) over by_serial as place,
        lag(state) over by_serial as as_what
    from custody
    window by_serial as (order by serials)
) as r
where r.before = lower(serials) and r.place = location and r.as_what = state";

/// The rows that the index of the exclusion constraint shows: an index may hide what is there (docs/decisions/0026).
pub const SEEN_BY_CONSTRAINT: &str = "select count(*) from custody where int8range(lower(serials), upper(serials)) && int8range(1, null)";

/// Each account's balance after each movement, in the order in which they were written under its location's lock: those below
/// nought.
pub const NEGATIVE: &str = "
select format('%s %s is at %s after %s#%s', b.location, b.state, b.balance, b.standing, b.number)
from (
    select s.location, s.state, m.location as standing, m.number,
        sum(s.delta) over (
            partition by s.location, s.state
            order by m.recorded_at, m.location, m.number
            rows between unbounded preceding and current row
        ) as balance
    from movement as m
    cross join lateral (
        values (m.to_location, m.to_state, upper(m.serials) - lower(m.serials)),
            (m.from_location, m.from_state, lower(m.serials) - upper(m.serials))
    ) as s (location, state, delta)
    where s.location is not null
) as b
where b.balance < 0
limit 20";
