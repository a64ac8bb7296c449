-- Persons and their enrolments. Names, NIK, phone numbers and addresses are stored only sealed (AEAD, keys outside the
-- database); a person is found by a keyed index of the NIK.

create table resident (
    resident_id uuid primary key,
    district integer not null,
    subdistrict integer not null,
    village bigint not null,
    birth_date date not null,
    sex text not null,
    -- Everything personal, sealed for this row.
    sealed bytea not null,
    has_phone boolean not null,
    -- Raised when NIK, birth date, sex or the biometric package change: the centre must then decide again.
    identity_version integer not null default 1,
    -- Raised by every other change of what the card shows.
    facts_version integer not null default 1,
    -- Whether the district still serves the person: the last check before a blank is used.
    life text not null default 'RESIDENT',
    recorded_at timestamptz not null,
    constraint resident_life_is_known check (life in ('RESIDENT', 'DECEASED', 'MOVED_OUT')),
    constraint resident_sex_is_known check (sex in ('FEMALE', 'MALE')),
    constraint resident_lives_in_its_district check (subdistrict / 100 = district and village / 10000 = subdistrict)
);

-- One person, one NIK, nationally; a table of its own because `resident` will be spread over machines by district.
create table resident_nik (
    nik_index bytea primary key,
    resident_id uuid not null,
    district integer not null,
    enrolled_on date not null,
    constraint resident_nik_belongs_to_one unique (resident_id),
    constraint resident_nik_is_of_a_resident foreign key (resident_id) references resident
);

create table enrolment (
    enrolment_id uuid primary key,
    district integer not null,
    subdistrict integer not null,
    village bigint not null,
    resident_id uuid not null,
    state text not null,
    reason text,
    state_at timestamptz not null,
    biometric_package text,
    captured_at timestamptz not null,
    received_at timestamptz not null,
    -- The centre's lease; only its holder's fence may give a verdict.
    check_fence bigint not null default 0,
    check_expires_at timestamptz,
    constraint enrolment_is_of_a_resident foreign key (resident_id) references resident,
    constraint enrolment_is_the_only_one unique (resident_id),
    constraint enrolment_state_is_known check (
        state in ('RECORDED', 'SENT', 'CHECKING', 'PRINT_READY', 'DUPLICATE', 'ADJUDICATING', 'CAPTURE_REJECTED')
    ),
    constraint enrolment_reason_is_known check (
        reason in ('AWAITING_BIOMETRICS', 'AWAITING_CENTRE', 'SEARCH_FAILED', 'DEMOGRAPHIC_MISMATCH', 'UNDECIDED')
    ),
    constraint enrolment_without_biometrics_is_not_sent check (biometric_package is not null or state = 'RECORDED'),
    constraint enrolment_package_is_short check (char_length(biometric_package) between 1 and 64)
);
-- Lists of a district, oldest receipt first.
create index enrolment_in_order on enrolment (district, received_at, enrolment_id);
-- What a district follows until the centre has found the person unique.
create index enrolment_open on enrolment (district, received_at, enrolment_id) where state <> 'PRINT_READY';
-- What the centre's engine takes next, nationally in the order of receipt.
create index enrolment_to_check on enrolment (received_at, enrolment_id) where state in ('SENT', 'CHECKING');

-- The centre's verdict UNIQUE on one version of a person's identity: the only gate to printing. A print request refers to
-- this row, so none can exist without it.
create table print_ready (
    resident_id uuid not null,
    identity_version integer not null,
    enrolment_id uuid not null,
    decided_at timestamptz not null,
    decided_by text not null,
    primary key (resident_id, identity_version),
    constraint print_ready_is_of_a_resident foreign key (resident_id) references resident,
    constraint print_ready_is_of_an_enrolment foreign key (enrolment_id) references enrolment
);

-- What ended a person's residence here (peristiwa penting, peristiwa kependudukan).
create table life_event (
    life_event_id uuid primary key,
    district integer not null,
    resident_id uuid not null,
    kind text not null,
    -- The date on the deed, and its number.
    event_on date not null,
    document_number text not null,
    -- Where a person moved to.
    destination integer,
    recorded_at timestamptz not null,
    constraint life_event_is_of_a_resident foreign key (resident_id) references resident,
    constraint life_event_kind_is_known check (kind in ('DEATH', 'MOVE_OUT')),
    constraint life_event_move_has_a_destination check ((destination is not null) = (kind = 'MOVE_OUT'))
);
create index life_event_of_a_resident on life_event (resident_id, recorded_at);
