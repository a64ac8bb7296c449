-- Custody of every numbered blank and card. Ranges are the only truth: quantities are sums over them.

create extension if not exists btree_gist;

-- Whose a location is: 0 is the centre's store, 35 a province's, 3575 a district's, 357502 a subdistrict's; a store with three
-- digits more is one of its units, a printer's hopper (001 to 499) or a mobile unit (500 to 999).
create function district_of_location(of_location integer) returns integer language sql immutable parallel safe as $$
    select case
        when of_location <= 9999 then of_location
        when of_location <= 999999 then of_location / 100
        when of_location <= 9999999 then of_location / 1000
        else of_location / 100000
    end
$$;

-- Its row lock numbers its movements.
create table location (
    location integer primary key,
    district integer not null,
    movements bigint not null default 0,
    constraint location_is_in_its_district check (district = district_of_location(location))
    -- Every act at a location updates its row: a free slot on the page keeps that update cheap (HOT).
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create table custody (
    serials int8range not null,
    location integer not null,
    state text not null,
    constraint custody_is_at_a_location foreign key (location) references location,
    constraint custody_state_is_known check (
        state in (
            'IN_STOCK', 'IN_TRANSIT', 'BOUND', 'AT_SITE', 'HANDED_OVER', 'SPOILED', 'DISPUTED', 'RETURNED', 'LOST', 'DESTROYED'
        )
    ),
    constraint custody_range_is_proper check (
        not isempty(serials) and lower_inc(serials) and not upper_inc(serials)
        and lower(serials) >= 1 and upper(serials) <= 10000000000000
    ),
    -- A serial is in exactly one place and state. Over an expression, so that no search can be planned on this index: it is
    -- the constraint's alone (docs/decisions/0026).
    constraint custody_is_in_one_place exclude using gist (int8range(lower(serials), upper(serials)) with &&)
    -- A move deletes two or three rows and writes as many; what is dead must go before it slows the index.
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
-- Serials are found here.
create unique index custody_by_first_serial on custody (lower(serials));
create index custody_of_a_location on custody (location, state);

-- The rows that have serials of a run. They do not overlap one another, so these are one stretch of the index: from the last
-- that begins at or before the run to the last that begins within it. It is planned within whatever asks it; its order keeps
-- it there a question of its own, which a planner that guesses at ranges cannot tear apart.
create function custody_across(first bigint, last bigint)
returns table (serials int8range, location integer, state text) language sql stable as $$
    select c.serials, c.location, c.state
    from custody as c
    where upper(c.serials) > first and lower(c.serials) between coalesce(
        (select max(lower(b.serials)) from custody as b where lower(b.serials) <= first), first
    ) and last
    order by lower(c.serials)
$$;

-- The ledger of custody: never changed, numbered densely per location.
create table movement (
    location integer not null,
    number bigint not null,
    kind text not null,
    serials int8range not null,
    from_location integer,
    from_state text,
    to_location integer not null,
    to_state text not null,
    document_number text not null default '',
    print_request_id uuid,
    shipment_id uuid,
    -- The officers who sign: who gives or acts alone, and who takes.
    given_by uuid,
    taken_by uuid,
    -- The act that moved it, as its client named it.
    request_id uuid not null,
    -- The movement that this one takes back.
    reverses_location integer,
    reverses_number bigint,
    moved_at timestamptz not null,
    -- The order of a serial's life: two moves of one serial follow one another under the location's lock, while the
    -- business clock may read the same for both.
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (location, number),
    constraint movement_is_at_a_location foreign key (location) references location,
    constraint movement_kind_is_known check (
        kind in (
            'DELIVERED', 'DISPATCHED', 'CANCELLED', 'RECEIVED', 'DISPUTED', 'SETTLED', 'BOUND', 'PRINTED', 'SPOILED',
            'HANDED_OVER', 'RETURNED', 'LOST', 'FOUND', 'DESTROYED', 'REVERSED'
        )
    ),
    constraint movement_is_signed_by_two_or_one check (taken_by is null or given_by is not null),
    constraint movement_reverses_one check (
        (kind = 'REVERSED') = (reverses_location is not null) and (reverses_location is null) = (reverses_number is null)
    ),
    constraint movement_reverses_a_movement foreign key (reverses_location, reverses_number) references movement
);
-- What is taken back is taken back once.
create unique index movement_is_reversed_once on movement (reverses_location, reverses_number)
    where reverses_number is not null;

-- What the maker delivered; the few rows whose sum is all that ever came in.
create table delivery (
    location integer not null,
    -- Its first movement there.
    movement bigint not null,
    document_number text not null,
    quantity bigint not null,
    delivered_at timestamptz not null,
    primary key (location, movement),
    constraint delivery_is_in_the_ledger foreign key (location, movement) references movement,
    constraint delivery_is_not_empty check (quantity > 0)
);

create table shipment (
    shipment_id uuid primary key,
    -- The receiving office's.
    district integer not null,
    origin integer not null,
    destination integer not null,
    state text not null,
    document_number text not null,
    receipt_number text,
    serials int8multirange not null,
    dispatched_quantity bigint not null,
    received_quantity bigint not null default 0,
    -- Found in the boxes and not on the list.
    surplus_quantity bigint not null default 0,
    dispatched_at timestamptz not null,
    dispatched_by uuid not null,
    dispatcher_person uuid not null,
    -- When it was received or cancelled.
    ended_at timestamptz,
    ended_by uuid,
    receiver_person uuid,
    constraint shipment_goes_to_a_location foreign key (destination) references location,
    constraint shipment_comes_from_a_location foreign key (origin) references location,
    constraint shipment_goes_somewhere_else check (origin <> destination),
    constraint shipment_is_of_its_receiver check (district = district_of_location(destination)),
    constraint shipment_state_is_known check (
        state in ('DISPATCHED', 'RECEIVED', 'RECEIVED_WITH_DIFFERENCES', 'CANCELLED')
    ),
    constraint shipment_quantities_fit check (
        dispatched_quantity > 0 and received_quantity between 0 and dispatched_quantity and surplus_quantity >= 0
        and (state <> 'RECEIVED' or received_quantity = dispatched_quantity and surplus_quantity = 0)
        and (state in ('RECEIVED', 'RECEIVED_WITH_DIFFERENCES') or received_quantity + surplus_quantity = 0)
    ),
    constraint shipment_ends_once check (
        (state = 'DISPATCHED') = (ended_at is null) and (ended_at is null) = (ended_by is null)
        and (receiver_person is not null) = (state in ('RECEIVED', 'RECEIVED_WITH_DIFFERENCES'))
    ),
    -- Between two stores two persons sign; a store fills its own hopper alone.
    constraint shipment_is_signed_by_two check (
        receiver_person <> dispatcher_person or origin > 999999 or destination > 999999
    )
);
create index shipment_under_way on shipment (destination, dispatched_at) where state = 'DISPATCHED';
-- A location's account sums its shipments, in and out.
create index shipment_to_a_location on shipment (destination) include (dispatched_quantity, surplus_quantity);
create index shipment_from_a_location on shipment (origin) include (dispatched_quantity, surplus_quantity);

-- How many blanks are used a day: a place's bindings of two weeks.
create index movement_of_use on movement (location, moved_at) where kind = 'BOUND';

-- A card is a blank bound to a person. `state` repeats the custody of its serial, because a unique index needs it; a
-- card that a newer one replaced is ENDED, while the old plastic is still in its holder's custody.
create table card (
    serial bigint primary key,
    district integer not null,
    location integer not null,
    resident_id uuid not null,
    print_request_id uuid not null,
    chip_uid text not null,
    state text not null,
    bound_at timestamptz not null,
    -- How the blank was spoiled, as its printer reported.
    spoilage text,
    constraint card_spoilage_is_known check (
        spoilage in ('FACTORY_DEFECT', 'CHIP_NOT_ENCODABLE', 'PRINT_FAILURE', 'LAMINATE')
    ),
    constraint card_is_of_a_resident foreign key (resident_id) references resident,
    constraint card_state_is_known check (
        state in ('BOUND', 'AT_SITE', 'HANDED_OVER', 'ENDED', 'SPOILED', 'RETURNED', 'DESTROYED')
    ),
    constraint card_chip_is_unique unique (chip_uid)
);
-- At most one card of a person between binding and collection, and at most one in the person's hands.
create unique index card_is_the_only_one_under_way on card (resident_id) where state in ('BOUND', 'AT_SITE');
create unique index card_is_the_only_one_held on card (resident_id) where state = 'HANDED_OVER';

-- Moves runs of serials from one account (location and state) to another, all or nothing. Mechanism only: which moves
-- there are and what an obstacle means is decided by the caller. A function, because what it reads must be read after
-- the locations' locks were waited for, and each statement of its own would be a round trip of every printed card.
--
-- A leg without a sending account brings in serials that are in no custody. Answers for every leg its movement's number;
-- or, when something is in the way, nothing is done and it answers for each obstructed leg its first run that is not
-- wholly in the sending account (for a leg without one: its first run that is in custody already).
--
-- Whoever moves must have all locations in scope; the moves of a shipment may touch both of its ends, of which one is.
create function move_custody(
    kinds text[], firsts bigint[], lasts bigint[],
    from_locations integer[], from_states text[], to_locations integer[], to_states text[],
    print_requests uuid[], document text, at timestamptz, request uuid, given uuid, taken uuid,
    of_shipment uuid default null, reversed_location integer default null, reversed_number bigint default null
) returns table (leg bigint, assigned bigint, missing_first bigint, missing_last bigint)
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
    -- It runs with the owner's rights (0015), so it asks itself what the policies would ask.
    perform must_be_in_scope_or_of(of_shipment, from_locations || to_locations);

    -- In ascending order, so that two acts cannot wait for one another crosswise.
    perform 1 from location as l
    where l.location = any(from_locations || to_locations)
    order by l.location
    for no key update;

    return query
    with wanted as (
        select w.*, int8range(w.first, w.last, '[]') as run
        from unnest(firsts, lasts, from_locations, from_states) with ordinality as w (first, last, location, state, leg)
    ), standing as (
        select w.leg, w.run, w.location,
            range_agg(c.serials * w.run) as anywhere,
            range_agg(c.serials * w.run) filter (where c.location = w.location and c.state = w.state) as there
        from wanted as w left join lateral custody_across(w.first, w.last) as c on true
        group by w.leg, w.run, w.location
    )
    select s.leg, null::bigint, lower(m.gap), upper(m.gap) - 1
    from standing as s
    cross join lateral (
        select u.gap
        from unnest(
            case when s.location is null then s.anywhere else int8multirange(s.run) - coalesce(s.there, '{}') end
        ) as u (gap)
        order by u.gap
        limit 1
    ) as m
    order by s.leg;
    if found then
        return;
    end if;

    -- The rows that serials leave go, and so do those that they come to stand beside. Each account gets back what it had there,
    -- without what left and with what came: a row stays a maximal run of one account. The accounts are compared by
    -- `is not distinct from`, which no index serves: the serials find the row, the account only confirms it.
    with left_from as (
        select w.*, int8range(w.first, w.last, '[]') as run
        from unnest(firsts, lasts, from_locations, from_states) as w (first, last, location, state)
        where w.location is not null
    ), came_to as (
        select w.*, int8range(w.first, w.last, '[]') as run
        from unnest(firsts, lasts, to_locations, to_states) as w (first, last, location, state)
    ), touched as (
        delete from custody as c
        where lower(c.serials) = any(array(
            select lower(t.serials)
            from (
                select first, last, location, state from left_from
                union all
                select first - 1, last + 1, location, state from came_to
            ) as w
            cross join lateral custody_across(w.first, w.last) as t
            where t.location is not distinct from w.location and t.state is not distinct from w.state
        ))
        returning c.serials, c.location, c.state
    )
    insert into custody (serials, location, state)
    select
        unnest(
            coalesce(range_agg(p.run) filter (where p.part = 'HAD'), '{}')
            - coalesce(range_agg(p.run) filter (where p.part = 'LEFT'), '{}')
            + coalesce(range_agg(p.run) filter (where p.part = 'CAME'), '{}')
        ),
        p.location, p.state
    from (
        select 'HAD' as part, serials as run, location, state from touched
        union all
        select 'LEFT', run, location, state from left_from
        union all
        select 'CAME', run, location, state from came_to
    ) as p
    group by p.location, p.state;

    -- A card's state repeats the custody of its serial; cards move one by one.
    update card as c set state = w.state
    from unnest(firsts, lasts, to_states) as w (first, last, state)
    where c.serial = w.first and w.first = w.last
        and w.state in ('AT_SITE', 'HANDED_OVER', 'SPOILED', 'RETURNED', 'DESTROYED') and not 'REVERSED' = any(kinds);
    -- Two acts are about runs that hold cards: a destruction, and a card that is its holder's again, who has a newer one.
    if 'DESTROYED' = any(to_states) or 'REVERSED' = any(kinds) then
        update card as c set state = case when w.state = 'HANDED_OVER' then 'ENDED' else w.state end
        from unnest(firsts, lasts, to_states) as w (first, last, state)
        where c.serial between w.first and w.last and w.state in ('HANDED_OVER', 'DESTROYED');
    end if;

    -- The ledger: a movement stands in the numbering of the location that gives, or for a delivery gets.
    return query
    with numbered as (
        select w.*, coalesce(w.from_location, w.to_location) as standing,
            row_number() over (partition by coalesce(w.from_location, w.to_location) order by w.leg) as place
        from unnest(
            kinds, firsts, lasts, from_locations, from_states, to_locations, to_states, print_requests
        ) with ordinality as w (
            kind, first, last, from_location, from_state, to_location, to_state, print_request_id, leg
        )
    ), raised as (
        update location as l set movements = l.movements + n.legs
        from (select standing, count(*) as legs from numbered group by standing) as n
        where l.location = n.standing
        returning l.location, l.movements - n.legs as before
    ), written as (
        insert into movement (
            location, number, kind, serials, from_location, from_state, to_location, to_state,
            document_number, print_request_id, shipment_id, given_by, taken_by, request_id, reverses_location,
            reverses_number, moved_at
        )
        select n.standing, r.before + n.place, n.kind, int8range(n.first, n.last, '[]'),
            n.from_location, n.from_state, n.to_location, n.to_state, document, n.print_request_id, of_shipment, given, taken,
            request, reversed_location, reversed_number, at
        from numbered as n join raised as r on r.location = n.standing
        order by n.leg
    )
    select n.leg, r.before + n.place, null::bigint, null::bigint
    from numbered as n join raised as r on r.location = n.standing
    order by n.leg;
end $$;

-- Binds blanks to persons, all or nothing: one card and one move each. Mechanism only, like `move_custody`; a function
-- for the same reason. When something is in the way nothing is done, and it answers for every item what it found.
create function bind_cards(
    serials bigint[], locations integer[], chips text[], residents uuid[], print_requests uuid[], at timestamptz,
    request uuid, given uuid
) returns table (item bigint, assigned bigint, in_stock boolean, chip_known boolean, card_under_way boolean)
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
    asked integer := cardinality(serials);
    made integer;
begin
    perform must_be_in_scope(array(select district_of_location(l) from unnest(locations) as l));
    perform 1 from location as l where l.location = any(locations) order by l.location for no key update;

    return query
    with found_of as (
        select w.item,
            -- Counted, not `exists`: that could be planned as a hash over everybody's cards.
            (
                select count(*) from custody_across(w.serial, w.serial) as c
                where c.location is not distinct from w.location and c.state is not distinct from 'IN_STOCK'
            ) > 0 as blank,
            (select count(*) from card as c where c.chip_uid = w.chip) > 0 as chip,
            (
                select count(*) from card as c where c.resident_id = w.resident and c.state in ('BOUND', 'AT_SITE')
            ) > 0 as under_way
        from unnest(serials, locations, chips, residents) with ordinality as w (serial, location, chip, resident, item)
    )
    select f.item, null::bigint, f.blank, f.chip, f.under_way
    from found_of as f
    where exists (select from found_of as any_of where not any_of.blank or any_of.chip or any_of.under_way)
    order by f.item;
    if found then
        return;
    end if;

    insert into card (serial, district, location, resident_id, print_request_id, chip_uid, state, bound_at)
    select w.serial, l.district, l.location, w.resident, w.print_request, w.chip, 'BOUND', at
    from unnest(serials, locations, chips, residents, print_requests) as w (serial, location, chip, resident, print_request)
    join location as l on l.location = w.location
    order by w.serial
    on conflict do nothing;
    get diagnostics made = row_count;
    if made <> asked then
        -- Another district bound the same chip in this moment. The whole act is done again and finds it.
        raise exception 'two acts bound the same chip, person or serial' using errcode = 'serialization_failure';
    end if;

    return query
    select m.leg, m.assigned, true, false, false
    from move_custody(
        array_fill('BOUND'::text, array[asked]), serials, serials,
        locations, array_fill('IN_STOCK'::text, array[asked]), locations, array_fill('BOUND'::text, array[asked]),
        print_requests, '', at, request, given, null
    ) as m
    where m.assigned is not null;
end $$;
