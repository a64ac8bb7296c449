-- Custody of every numbered blank and card. Ranges are the only truth: quantities are sums over them.

create extension if not exists btree_gist;

-- 0 is the centre's store, 3575 a district's, 357502 a subdistrict's. Its row lock numbers its movements.
create table location (
    location integer primary key,
    district integer not null,
    movements bigint not null default 0,
    constraint location_is_in_its_district check (location in (0, district) or location / 100 = district)
);

create table custody (
    serials int8range not null,
    location integer not null,
    state text not null,
    constraint custody_is_at_a_location foreign key (location) references location,
    constraint custody_state_is_known check (
        state in ('IN_STOCK', 'IN_TRANSIT', 'BOUND', 'AT_SITE', 'HANDED_OVER', 'SPOILED', 'DISPUTED')
    ),
    constraint custody_range_is_proper check (
        not isempty(serials) and lower_inc(serials) and not upper_inc(serials)
        and lower(serials) >= 1 and upper(serials) <= 10000000000000
    ),
    -- A serial is in exactly one place and state.
    constraint custody_is_in_one_place exclude using gist (serials with &&)
);
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
    moved_at timestamptz not null,
    primary key (location, number),
    constraint movement_is_at_a_location foreign key (location) references location,
    constraint movement_kind_is_known check (
        kind in ('DELIVERED', 'DISPATCHED', 'RECEIVED', 'DISPUTED', 'BOUND', 'PRINTED', 'SPOILED', 'HANDED_OVER')
    )
);
create index movement_of_a_serial on movement using gist (serials);

create table shipment (
    shipment_id uuid primary key,
    district integer not null,
    origin integer not null,
    destination integer not null,
    state text not null,
    document_number text not null,
    receipt_number text,
    serials int8multirange not null,
    dispatched_quantity bigint not null,
    received_quantity bigint not null default 0,
    dispatched_at timestamptz not null,
    received_at timestamptz,
    constraint shipment_goes_to_a_location foreign key (destination) references location,
    constraint shipment_comes_from_a_location foreign key (origin) references location,
    constraint shipment_state_is_known check (state in ('DISPATCHED', 'RECEIVED', 'RECEIVED_WITH_DIFFERENCES')),
    constraint shipment_quantities_fit check (
        dispatched_quantity > 0 and received_quantity between 0 and dispatched_quantity
        and (state = 'RECEIVED') = (received_quantity = dispatched_quantity)
        and (state = 'DISPATCHED') = (received_at is null)
    )
);
create index shipment_under_way on shipment (destination, dispatched_at) where state = 'DISPATCHED';

-- A card is a blank bound to a person. `state` repeats the custody of its serial, because a unique index needs it.
create table card (
    serial bigint primary key,
    district integer not null,
    location integer not null,
    resident_id uuid not null,
    print_request_id uuid not null,
    chip_uid text not null,
    state text not null,
    bound_at timestamptz not null,
    constraint card_is_of_a_resident foreign key (resident_id) references resident,
    constraint card_state_is_known check (state in ('BOUND', 'AT_SITE', 'HANDED_OVER', 'ENDED', 'SPOILED')),
    constraint card_chip_is_unique unique (chip_uid)
);
-- At most one card of a person between binding and collection, and at most one in the person's hands.
create unique index card_is_the_only_one_under_way on card (resident_id) where state in ('BOUND', 'AT_SITE');
create unique index card_is_the_only_one_held on card (resident_id) where state = 'HANDED_OVER';
