-- The doors through the walls (0015): what reaches beyond one district by its nature. Each tells exactly what its act needs.

-- A NIK is the nation's: an office learns which district has enrolled a person and since when, and of its own people who
-- it is.
create function nik_holders(indexes bytea[])
returns table (nik_index bytea, resident_id uuid, district integer, enrolled_on date)
language sql stable as $$
    select n.nik_index, case when scope_covers(n.district) then n.resident_id end, n.district, n.enrolled_on
    from resident_nik as n
    where n.nik_index = any(indexes)
$$;

-- Where a serial is, if it is within the scope. A function, because under the policies the search by its first serial may not
-- use its index: who is let in first could see by its errors what was searched. Not in plain SQL, which would be planned at
-- each call.
create function custody_of_serial(of_serial bigint) returns table (location integer, state text)
language plpgsql stable rows 1 set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
    return query
    select c.location, c.state
    from custody_across(of_serial, of_serial) as c
    where scope_covers(district_of_location(c.location));
end $$;

-- The whole life of a serial that is within the scope now, oldest movement first: also what it was at the centre and on its
-- way. Beside each movement stands where it is now, and its card as far as that is in the scope.
create function life_of_serial(of_serial bigint, at_most bigint)
returns table (location integer, state text, print_request_id uuid, spoilage text, moved movement)
language plpgsql stable rows 10 set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
    return query
    select c.location, c.state, k.print_request_id, k.spoilage, m
    from custody_across(of_serial, of_serial) as c
    left join card as k on k.serial = of_serial and scope_covers(k.district)
    cross join movements_across(of_serial, of_serial) as m
    where scope_covers(district_of_location(c.location))
    order by m.recorded_at, m.location, m.number
    limit at_most;
end $$;

-- A stretch of a location's ledger, if the location is in the scope. The movements stay out of reach otherwise: they tell whom
-- other offices deal with.
create function movements_of_location(of_location integer, after bigint, of_kind text, at_most bigint) returns setof movement
language sql stable set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
    select m.*
    from movement as m
    where m.location = of_location and m.number > after and (of_kind is null or m.kind = of_kind)
        and scope_covers(district_of_location(of_location))
    order by m.number
    limit at_most
$$;

-- What happened later to serials of a movement that is in the scope, oldest first.
create function movements_since(of_location integer, of_number bigint, at_most bigint) returns setof movement
language sql stable set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
    select l.*
    from movement as m
    cross join lateral movements_across(lower(m.serials), upper(m.serials) - 1) as l
    where l.recorded_at > m.recorded_at
        and m.location = of_location and m.number = of_number and scope_covers(district_of_location(of_location))
    order by l.recorded_at, l.location, l.number
    limit at_most
$$;

-- Whether there is such a location: known to all, for everybody may be sent blanks.
create function is_location(of_location integer) returns boolean language sql stable as $$
    select exists (select from location as l where l.location = of_location)
$$;

-- How many blanks were bound at these locations in each of the days before a moment: 0 is the last 24 hours. The movements
-- themselves are nobody's to read.
create function daily_use(locations integer[], before timestamptz, days integer)
returns table (days_ago integer, used bigint)
language sql stable as $$
    select floor(extract(epoch from before - m.moved_at) / 86400)::integer, count(*)
    from unnest(locations) as l (location)
    join movement as m on m.location = l.location and m.kind = 'BOUND'
        and m.moved_at > before - make_interval(days => days) and m.moved_at <= before
    where scope_covers(district_of_location(l.location))
    group by 1
$$;

-- What was sent for requests that are in the scope. A function, because a province sees its district's request but not the
-- centre's shipment for it.
create function shipments_of_requests(requests uuid[])
returns table (blank_request_id uuid, dispatched bigint, dispatched_at timestamptz, received bigint, received_at timestamptz)
language sql stable as $$
    select s.blank_request_id, sum(s.dispatched_quantity)::bigint, max(s.dispatched_at), sum(s.received_quantity)::bigint,
        max(s.ended_at)
    from shipment as s
    join blank_request as r on r.blank_request_id = s.blank_request_id
    where s.blank_request_id = any(requests) and s.state <> 'CANCELLED'
        and (scope_covers(r.district) or scope_covers(r.province))
    group by s.blank_request_id
$$;

-- The person of an officer's NIK, who may have an account in another district already: two accounts, one person.
create function person_of_officer(of_index bytea, fresh uuid) returns uuid
language plpgsql as $$
declare
    found_id uuid;
begin
    insert into officer_person (person_id, nik_index) values (fresh, of_index) on conflict (nik_index) do nothing;
    select p.person_id into strict found_id from officer_person as p where p.nik_index = of_index;
    return found_id;
end $$;

-- The floor of a ledger is the last number in the days that go. A commit around midnight may have left a smaller number
-- in a later day; that one is below the floor as well and goes with its own day.
create function feed_move_floors(keep_days integer) returns bigint
language plpgsql as $$
declare
    moved bigint;
begin
    perform must_keep_what_was_promised(keep_days);
    -- In ascending order, as every writer locks them.
    with last as (
        select h.district, e.revision, e.digest
        from feed_head as h
        cross join lateral (
            select v.revision, v.digest
            from feed_event as v
            where v.district = h.district and v.revision > h.floor and v.day < clock_timestamp()::date - keep_days
            order by v.revision desc
            limit 1
        ) as e
        order by h.district
        for no key update of h
    )
    update feed_head as h set floor = last.revision, floor_digest = last.digest
    from last
    where h.district = last.district;
    get diagnostics moved = row_count;
    return moved;
end $$;

-- Dropping waits for all who use the table, and whoever comes later waits behind it: better to try again later.
create function feed_drop_partitions(keep_days integer, at_most bigint) returns bigint
language plpgsql set lock_timeout = '500ms' as $$
declare
    partition text;
    dropped bigint := 0;
begin
    perform must_keep_what_was_promised(keep_days);
    for partition in
        select c.relname
        from pg_inherits as i
        join pg_class as c on c.oid = i.inhrelid
        where i.inhparent = 'feed_event'::regclass and c.relname ~ '^feed_event_[0-9]{8}$'
            and to_date(right(c.relname, 8), 'YYYYMMDD') < clock_timestamp()::date - keep_days
        order by c.relname
        limit at_most
    loop
        execute format('drop table %I', partition);
        dropped := dropped + 1;
    end loop;
    return dropped;
end $$;

-- Tokens are promised 14 days: who serves may not cut the ledgers shorter, whatever it says.
create function must_keep_what_was_promised(keep_days integer) returns void language plpgsql stable as $$
begin
    perform must_be_of_nation();
    if session_user <> current_user and keep_days < 14 then
        raise exception 'the ledgers are kept for 14 days' using errcode = 'insufficient_privilege';
    end if;
end $$;

-- Counts of days that are over everywhere only take room: the reads themselves stand in the audit log. The oldest first;
-- answers how many went. The day's own counts are the quota: who serves may not drop them, whatever day it says it is.
create function drop_disclosure_counts(before date, at_most bigint) returns bigint
language plpgsql as $$
declare
    dropped bigint;
begin
    perform must_be_of_nation();
    if session_user <> current_user and before >= (clock_timestamp() at time zone 'utc')::date then
        raise exception 'the counts of today are kept' using errcode = 'insufficient_privilege';
    end if;
    delete from disclosure_count where (day, subject) in (
        select c.day, c.subject from disclosure_count as c
        where c.day < before
        order by c.day, c.subject
        limit at_most
        for update skip locked
    );
    get diagnostics dropped = row_count;
    return dropped;
end $$;
