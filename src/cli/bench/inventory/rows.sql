-- How many rows the custody has, and how many it may have: the maximal runs of one account, told by the movements alone. What
-- came into an account without what left it; no serial comes back to an account that it has left, or this would not do.
with came as (
    select to_location as location, to_state as state, range_agg(serials) as runs
    from movement
    group by to_location, to_state
), went as (
    select from_location as location, from_state as state, range_agg(serials) as runs
    from movement
    where from_location is not null
    group by from_location, from_state
)
select (select count(*) from custody),
    coalesce(sum((select count(*) from unnest(c.runs - coalesce(w.runs, '{}')))), 0)::bigint
from came as c left join went as w on w.location = c.location and w.state = c.state
