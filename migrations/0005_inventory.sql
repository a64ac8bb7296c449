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
    -- A serial is in exactly one place and state.
    constraint custody_is_in_one_place exclude using gist (serials with &&)
    -- A move deletes two or three rows and writes as many; what is dead must go before it slows the index.
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index custody_of_a_location on custody (location, state);

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
create index movement_of_a_serial on movement using gist (serials);

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
    -- For the settlements, which name it together with its offices.
    constraint stock_case_of_its_offices unique (case_id, location, district, counterpart)
);
create index stock_case_open on stock_case (district, due_at) where open_serials <> '{}';
create index stock_case_open_of_the_other on stock_case (counterpart, due_at) where open_serials <> '{}';

-- How serials left a case: one officer of each of its two offices signed. That the signers are of these offices is said by
-- the keys to their accounts (0011).
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
alter table stock_case add constraint stock_case_is_of_a_count foreign key (count_id) references stock_count;

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
    -- It runs with the owner's rights (0012), so it asks itself what the policies would ask.
    perform must_be_in_scope_or_of(of_shipment, from_locations || to_locations);

    -- In ascending order, so that two acts cannot wait for one another crosswise.
    perform 1 from location as l
    where l.location = any(from_locations || to_locations)
    order by l.location
    for no key update;

    return query
    with wanted as (
        select w.leg, int8range(w.first, w.last, '[]') as run, w.location, w.state
        from unnest(firsts, lasts, from_locations, from_states) with ordinality as w (first, last, location, state, leg)
    ), standing as (
        select w.leg, w.run, w.location,
            range_agg(c.serials * w.run) as anywhere,
            range_agg(c.serials * w.run) filter (where c.location = w.location and c.state = w.state) as there
        from wanted as w left join custody as c on c.serials && w.run
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

    -- Out of the sending accounts: the rows touched go, what is left of them comes back. The accounts are compared by
    -- `is not distinct from`, which no index serves: the serials find the row, the account only confirms it.
    with wanted as (
        select int8range(w.first, w.last, '[]') as run, w.location, w.state
        from unnest(firsts, lasts, from_locations, from_states) as w (first, last, location, state)
    ), touched as (
        delete from custody as c using wanted as w
        where c.serials && w.run
            and c.location is not distinct from w.location and c.state is not distinct from w.state
        returning c.serials, c.location, c.state
    )
    insert into custody (serials, location, state)
    select unnest(t.runs - w.runs), t.location, t.state
    from (select location, state, range_agg(serials) as runs from touched group by location, state) as t
    join (select location, state, range_agg(run) as runs from wanted group by location, state) as w
        on w.location = t.location and w.state = t.state;

    -- Into the receiving accounts, joined with their neighbours: a row stays a maximal run of one account.
    with wanted as (
        select int8range(w.first, w.last, '[]') as run, w.location, w.state
        from unnest(firsts, lasts, to_locations, to_states) as w (first, last, location, state)
    ), neighbour as (
        delete from custody as c using wanted as w
        where c.serials -|- w.run
            and c.location is not distinct from w.location and c.state is not distinct from w.state
        returning c.serials, c.location, c.state
    )
    insert into custody (serials, location, state)
    select unnest(range_agg(j.run)), j.location, j.state
    from (
        select run, location, state from wanted
        union all
        select serials, location, state from neighbour
    ) as j
    group by j.location, j.state;

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
                select count(*) from custody as c
                where c.serials @> w.serial
                    and c.location is not distinct from w.location and c.state is not distinct from 'IN_STOCK'
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

-- Proof: what moved between the accounts of a location and those of others, and how far the others had come. A certificate
-- holds it against custody.

-- The few movements among the many that stay where they are: what an area took in and gave out is summed over these alone.
create index movement_between_accounts on movement (to_location, location)
    where from_location is distinct from to_location or from_state = 'IN_TRANSIT' or to_state = 'IN_TRANSIT';

-- Null is the nation, 35 a province, 3575 a district. Of each location in the area how far it is numbered and what it ever
-- took in and gave out; of those elsewhere that ever gave into the area only how far they are numbered. What is in transit
-- is not yet there: it is due. A function, because what a district was given stands in the giver's numbering, which it does
-- not see (0012).
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
