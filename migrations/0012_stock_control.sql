-- What accounts for serials beside their movements: cases of what nobody can explain, records of what is spoiled and
-- destroyed, requests for blanks, and counts.

-- A blind count of what lies at a location: it pins the number of the location's last movement and freezes what lay there by
-- the books. Who counts is not told; what moves meanwhile is told by the movements above the pinned number.
create table stock_count (
    count_id uuid primary key,
    district integer not null,
    location integer not null,
    state text not null,
    pinned bigint not null,
    -- What lay there: blanks, spoiled blanks, cards that were taken back.
    in_stock int8multirange not null,
    spoiled int8multirange not null,
    returned int8multirange not null,
    document_number text not null,
    started_by uuid not null,
    starter_person uuid not null,
    started_at timestamptz not null,
    -- When and by whom it was submitted or cancelled, under which record.
    ended_at timestamptz,
    ended_by uuid,
    end_number text,
    -- What was found up to now, and at the end what it amounted to.
    found int8multirange not null default '{}',
    counted bigint,
    expected bigint,
    missing bigint,
    unexpected bigint,
    moved bigint,
    beside bigint,
    constraint stock_count_is_at_a_location foreign key (location) references location,
    constraint stock_count_is_at_its_location check (district = district_of_location(location)),
    constraint stock_count_state_is_known check (state in ('OPEN', 'SUBMITTED', 'CANCELLED')),
    constraint stock_count_ends_once check (
        (state = 'OPEN') = (ended_at is null) and (ended_at is null) = (ended_by is null)
        and (ended_at is null) = (end_number is null)
    ),
    constraint stock_count_is_compared_when_submitted check (
        num_nonnulls(counted, expected, missing, unexpected, moved, beside) = case when state = 'SUBMITTED' then 6 else 0 end
    ),
    constraint stock_count_adds_up check (missing <= expected and unexpected + beside <= counted)
);
create unique index stock_count_is_the_only_open_one on stock_count (location) where state = 'OPEN';
create index stock_count_of_an_office on stock_count (district, count_id);

-- Serials that nobody can explain: missing from a shipment or a count, or found where they should not be. A case has an owner
-- and a clock, and ends by a person of either office.
create table stock_case (
    case_id uuid primary key,
    kind text not null,
    -- Whose charge it is, and the office that must agree to its end.
    district integer not null,
    counterpart integer not null,
    location integer not null,
    -- All of them, and those that are not settled yet.
    serials int8multirange not null,
    open_serials int8multirange not null,
    -- They are in the location's dispute account. If not, their custody says another place: nothing was taken from there.
    in_dispute boolean not null,
    -- What they are again where they turn up.
    found_as text not null,
    shipment_id uuid,
    count_id uuid,
    document_number text not null,
    -- Who sent or lost them and who found it: both signatures.
    given_by uuid,
    opened_by uuid not null,
    opened_at timestamptz not null,
    due_at timestamptz not null,
    constraint stock_case_kind_is_known check (
        kind in ('MISSING_AT_RECEIPT', 'FOUND_AT_RECEIPT', 'MISSING_IN_COUNT', 'FOUND_IN_COUNT', 'FOUND_AGAIN')
    ),
    constraint stock_case_ends_in_the_store check (found_as in ('IN_STOCK', 'SPOILED', 'RETURNED')),
    constraint stock_case_is_between_two_offices check (district <> counterpart),
    constraint stock_case_is_at_its_location check (district = district_of_location(location)),
    constraint stock_case_is_about_something check (not isempty(serials) and open_serials <@ serials),
    constraint stock_case_is_of_a_shipment foreign key (shipment_id) references shipment,
    constraint stock_case_is_of_a_count foreign key (count_id) references stock_count,
    -- For the settlements, which name it together with its offices.
    constraint stock_case_of_its_offices unique (case_id, location, district, counterpart)
);
create index stock_case_open on stock_case (district, due_at) where open_serials <> '{}';
create index stock_case_open_of_the_other on stock_case (counterpart, due_at) where open_serials <> '{}';

-- How serials left a case: one officer of each of its two offices signed.
create table stock_case_settlement (
    case_id uuid not null,
    number integer not null,
    approval_id uuid not null,
    -- The case's own.
    location integer not null,
    district integer not null,
    counterpart integer not null,
    serials int8multirange not null,
    quantity bigint not null,
    outcome text not null,
    -- In whose charge they are again, if they never left the sender.
    returned_to integer,
    document_number text not null,
    asked_by uuid not null,
    asked_office integer not null,
    approved_by uuid not null,
    approved_office integer not null,
    settled_at timestamptz not null,
    primary key (case_id, number),
    constraint settlement_was_approved foreign key (approval_id) references approval,
    -- The signers are of the offices for which they signed.
    constraint settlement_asker_is_of_its_office foreign key (asked_by, asked_office)
        references officer (officer_id, district),
    constraint settlement_approver_is_of_the_other foreign key (approved_by, approved_office)
        references officer (officer_id, district),
    constraint settlement_is_of_its_case foreign key (case_id, location, district, counterpart)
        references stock_case (case_id, location, district, counterpart),
    constraint settlement_returns_to_a_location foreign key (returned_to) references location,
    constraint settlement_outcome_is_known check (outcome in ('FOUND_HERE', 'AT_SENDER', 'LOST', 'NOTED')),
    constraint settlement_returns_what_never_left check ((outcome = 'AT_SENDER') = (returned_to is not null)),
    constraint settlement_is_about_something check (not isempty(serials) and quantity > 0),
    -- Both offices, and neither for the other.
    constraint settlement_is_of_two_offices check (
        asked_office <> approved_office
        and asked_office in (district, counterpart) and approved_office in (district, counterpart)
    )
);
-- A location's account sums what never left it, and what it was charged with wrongly.
create index settlement_returned_to on stock_case_settlement (returned_to) include (quantity) where returned_to is not null;
create index settlement_returned_from on stock_case_settlement (location) include (quantity) where returned_to is not null;

-- How blanks were spoiled in the store, beside the movement that says so; those that a printer spoiled say it on their card.
create table store_spoilage (
    location integer not null,
    movement bigint not null,
    spoilage text not null,
    primary key (location, movement),
    constraint store_spoilage_is_in_the_ledger foreign key (location, movement) references movement,
    constraint store_spoilage_is_known check (spoilage in ('FACTORY_DEFECT', 'CHIP_NOT_ENCODABLE', 'DAMAGED_IN_STORE'))
);

-- A destruction with its official record (berita acara, SE Mendagri 470.13/11176/SJ): which serials, and who stood by. Of a
-- witness there is the agency and its letter, never a name.
create table destruction (
    destruction_id uuid primary key,
    approval_id uuid not null,
    district integer not null,
    location integer not null,
    record_number text not null,
    serials int8multirange not null,
    quantity bigint not null,
    witness_agencies text[] not null,
    witness_letters text[] not null,
    asked_by uuid not null,
    approved_by uuid not null,
    destroyed_at timestamptz not null,
    constraint destruction_was_approved foreign key (approval_id) references approval,
    constraint destruction_asker_is_of_its_office foreign key (asked_by, district)
        references officer (officer_id, district),
    constraint destruction_approver_is_of_its_office foreign key (approved_by, district)
        references officer (officer_id, district),
    constraint destruction_is_at_a_location foreign key (location) references location,
    constraint destruction_is_of_its_office check (district = district_of_location(location)),
    constraint destruction_is_about_something check (not isempty(serials) and quantity > 0),
    constraint destruction_is_witnessed check (
        cardinality(witness_agencies) between 2 and 10 and cardinality(witness_letters) = cardinality(witness_agencies)
        and witness_agencies <@ '{INSPECTORATE,MUNICIPAL_POLICE,POLICE,OTHER_OFFICE}'::text[]
    ),
    constraint destruction_is_signed_by_two check (asked_by <> approved_by)
);

-- A district asks for blanks: the centre directly, or through its province. What justifies it was counted, not typed.
create table blank_request (
    blank_request_id uuid primary key,
    district integer not null,
    -- It sees the request either way (S2-10).
    province integer not null,
    route text not null,
    state text not null,
    raised_by text not null,
    quantity bigint not null,
    -- The backlog at the moment of asking.
    queued bigint not null,
    held bigint not null,
    print_ready bigint not null,
    in_stock bigint not null,
    in_transit bigint not null,
    -- Blanks bound in each of the days before, the latest first.
    used bigint[] not null,
    requested_at timestamptz not null,
    -- Nobody where stock that runs low raised it.
    requested_by uuid,
    decided_at timestamptz,
    decided_by uuid,
    -- The office that decided and now sends: the centre (0) or a province.
    decided_in integer,
    granted_quantity bigint,
    collection_date date,
    refusal text,
    withdrawn_at timestamptz,
    withdrawn_by uuid,
    constraint blank_request_is_of_a_province check (province = district / 100 and district between 1101 and 9999),
    constraint blank_request_route_is_known check (route in ('DIRECT', 'PROVINCE')),
    constraint blank_request_state_is_known check (state in ('REQUESTED', 'GRANTED', 'FULFILLED', 'REFUSED', 'WITHDRAWN')),
    constraint blank_request_is_raised_by_one check (
        raised_by in ('OFFICE', 'LOW_STOCK') and (raised_by = 'OFFICE') = (requested_by is not null)
    ),
    constraint blank_request_quantities_fit check (
        quantity > 0 and granted_quantity between 1 and quantity
        and least(queued, held, print_ready, in_stock, in_transit) >= 0
    ),
    constraint blank_request_is_decided_once check (
        (decided_at is null) = (decided_by is null) and (decided_at is null) = (decided_in is null)
        and (granted_quantity is null) = (collection_date is null)
        and (granted_quantity is not null or refusal is not null) = (decided_at is not null)
        and (granted_quantity is null or refusal is null)
    ),
    constraint blank_request_state_follows_its_facts check (
        case state
            when 'REQUESTED' then decided_at is null
            when 'REFUSED' then refusal is not null
            when 'WITHDRAWN' then refusal is null
            else granted_quantity is not null
        end
        and (state = 'WITHDRAWN') = (withdrawn_at is not null) and (withdrawn_at is null) = (withdrawn_by is null)
    )
);
-- One at a time: what a district needs is one figure.
create unique index blank_request_is_the_only_open_one on blank_request (district) where state in ('REQUESTED', 'GRANTED');
create index blank_request_in_order on blank_request (requested_at, blank_request_id);
create index blank_request_of_a_district on blank_request (district, requested_at, blank_request_id);
create index blank_request_of_a_province on blank_request (province, requested_at, blank_request_id);

-- Which shipments fulfil it.
alter table shipment add column blank_request_id uuid;
alter table shipment add constraint shipment_fulfils_a_request
    foreign key (blank_request_id) references blank_request (blank_request_id);
create index shipment_of_a_request on shipment (blank_request_id) where blank_request_id is not null;

-- Proof: what moved between the accounts of a location and those of others, and how far the others had come. A certificate
-- holds it against custody.

-- How many hexadecimal digits a run's length needs, and 0 for a single serial: at most 16 to the power of that are in it.
create function breadth(serials int8range) returns integer language sql immutable parallel safe as $$
    select case when upper(serials) - lower(serials) = 1 then 0 else length(to_hex(upper(serials) - lower(serials) - 1)) end
$$;
create index movement_of_a_serial on movement (breadth(serials), lower(serials));

-- The movements that touched a run. They overlap one another, but those of one breadth cannot begin further away than they are
-- broad: a short stretch of the index for each.
create function movements_across(first bigint, last bigint) returns setof movement language sql stable as $$
    select m.*
    from generate_series(0, 11) as b (breadth)
    cross join lateral (
        select n.*
        from movement as n
        where breadth(n.serials) = b.breadth and upper(n.serials) > first
            and lower(n.serials) between first - (1::bigint << 4 * b.breadth) + 1 and last
        order by lower(n.serials)
    ) as m
$$;

-- The few movements among the many that stay where they are: what an area took in and gave out is summed over these alone.
create index movement_between_accounts on movement (to_location, location)
    where from_location is distinct from to_location or from_state = 'IN_TRANSIT' or to_state = 'IN_TRANSIT';

-- Null is the nation, 35 a province, 3575 a district. Of each location in the area how far it is numbered and what it ever
-- took in and gave out; of those elsewhere that ever gave into the area only how far they are numbered. What is in transit
-- is not yet there: it is due. A function, because what a district was given stands in the giver's numbering, which it does
-- not see (0015).
create function flows_of_area(area integer) returns table (
    location integer, movements bigint, is_inside boolean, received bigint, sent_on bigint, due bigint, registered bigint
)
-- What is distinct is guessed to be nearly everything, so that the small index would never be taken.
language plpgsql stable set enable_seqscan = off as $$
begin
    if area is null then
        perform must_be_of_nation();
    else
        perform must_be_in_scope(array[area]);
    end if;
    return query
    with inside as materialized (
        select l.location, l.movements
        from location as l
        where area is null or l.district = area or l.district / 100 = area
    ), moved as materialized (
        select m.location, m.from_location, m.from_state = 'IN_TRANSIT' as from_due,
            m.to_location, m.to_state = 'IN_TRANSIT' as to_due, upper(m.serials) - lower(m.serials) as quantity
        from movement as m
        where (m.from_location is distinct from m.to_location or m.from_state = 'IN_TRANSIT' or m.to_state = 'IN_TRANSIT')
            and (
                area is null
                or m.to_location in (select i.location from inside as i)
                or m.location in (select i.location from inside as i)
            )
    ), summed as (
        select s.location,
            sum(s.delta) filter (where not s.is_due and s.delta > 0) as received,
            -sum(s.delta) filter (where not s.is_due and s.delta < 0) as sent_on,
            sum(s.delta) filter (where s.is_due) as due,
            sum(s.delta) filter (where s.delta > 0 and m.from_location is null) as registered
        from moved as m
        cross join lateral (
            values (m.to_location, m.to_due, m.quantity), (m.from_location, m.from_due, -m.quantity)
        ) as s (location, is_due, delta)
        where (m.from_location, m.from_due) is distinct from (m.to_location, m.to_due)
        group by s.location
    )
    select i.location, i.movements, true, coalesce(s.received, 0)::bigint, coalesce(s.sent_on, 0)::bigint,
        coalesce(s.due, 0)::bigint, coalesce(s.registered, 0)::bigint
    from inside as i left join summed as s on s.location = i.location
    union all
    select l.location, l.movements, false, 0::bigint, 0::bigint, 0::bigint, 0::bigint
    from location as l
    where l.location in (
        select m.location from moved as m
        where m.to_location in (select i.location from inside as i)
            and m.location not in (select i.location from inside as i)
    );
end $$;

-- Of what was found in a shipment's boxes: the runs that the sender's books still have in stock.
create function in_stock_of_sender(of_shipment uuid, firsts bigint[], lasts bigint[])
returns table (first bigint, last bigint)
language plpgsql stable set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
    perform must_be_in_scope_or_of(of_shipment, '{}');
    return query
    select lower(c.serials * w.run), upper(c.serials * w.run) - 1
    from shipment as s
    cross join lateral (
        select u.*, int8range(u.first, u.last, '[]') as run from unnest(firsts, lasts) as u (first, last)
    ) as w
    cross join lateral custody_across(w.first, w.last) as c
    where s.shipment_id = of_shipment and c.location = s.origin and c.state = 'IN_STOCK'
    order by 1;
end $$;

-- What left an account of a location, or was delivered there, since its movement of that number.
create function moved_since(of_location integer, after bigint)
returns table (first bigint, last bigint)
language plpgsql stable set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
    perform must_be_in_scope(array[district_of_location(of_location)]);
    return query
    select lower(u.run), upper(u.run) - 1
    from unnest((
        select range_agg(m.serials) from movement as m where m.location = of_location and m.number > after
    )) as u (run)
    order by 1;
end $$;
