-- Cards that await their holders, the notices and tasks that call them, and the handover, once.

create table collection (
    collection_id uuid primary key,
    district integer not null,
    subdistrict integer not null,
    village bigint not null,
    location integer not null,
    resident_id uuid not null,
    print_request_id uuid not null,
    serial bigint not null,
    state text not null,
    opened_at timestamptz not null,
    constraint collection_is_of_a_card foreign key (serial) references card (serial),
    constraint collection_is_the_only_one_of_a_card unique (serial),
    constraint collection_state_is_known check (state in ('AWAITING', 'HANDED_OVER'))
);
create index collection_awaiting on collection (district, opened_at, collection_id) where state = 'AWAITING';
-- What a life event looks for.
create index collection_of_a_holder on collection (resident_id) where state = 'AWAITING';

-- One message for each printed card whose holder left a number (S0-13); sent by a chore, never inside the act.
create table notice (
    collection_id uuid primary key,
    district integer not null,
    state text not null,
    attempts integer not null default 0,
    -- Not tried before this (the database's time): a lease while a chore sends it, then the wait after a failure, and
    -- infinity once the holder has come.
    due_at timestamptz not null default clock_timestamp(),
    queued_at timestamptz not null,
    sent_at timestamptz,
    constraint notice_is_of_a_collection foreign key (collection_id) references collection,
    constraint notice_state_is_known check (state in ('QUEUED', 'SENT')),
    constraint notice_sent_has_a_time check ((state = 'SENT') = (sent_at is not null))
);
create index notice_to_send on notice (due_at) where state = 'QUEUED';

-- For a holder without a number: the village's officer tells the person (S0-14).
create table contact_task (
    contact_task_id uuid primary key,
    collection_id uuid not null,
    district integer not null,
    village bigint not null,
    opened_at timestamptz not null,
    -- The holder came: nobody needs to be told any more.
    closed_at timestamptz,
    constraint contact_task_is_of_a_collection foreign key (collection_id) references collection,
    constraint contact_task_is_the_only_one unique (collection_id)
);
create index contact_task_in_order on contact_task (district, opened_at, contact_task_id) where closed_at is null;

create table challenge (
    challenge_id uuid primary key,
    collection_id uuid not null,
    district integer not null,
    terminal text not null,
    nonce bytea not null,
    expires_at timestamptz not null,
    failed_matches integer not null default 0,
    constraint challenge_is_of_a_collection foreign key (collection_id) references collection,
    -- A new challenge replaces the old one.
    constraint challenge_is_the_only_one unique (collection_id),
    constraint challenge_nonce_is_long check (octet_length(nonce) = 32)
);

create table handover (
    collection_id uuid primary key,
    -- The challenge itself is gone; under its id a repeat still finds the receipt.
    challenge_id uuid not null,
    district integer not null,
    serial bigint not null,
    terminal text not null,
    reader_id text not null,
    match_score integer not null,
    certificate_surrendered boolean not null,
    handed_over_at timestamptz not null,
    constraint handover_is_of_a_collection foreign key (collection_id) references collection,
    constraint handover_used_its_challenge_once unique (challenge_id),
    -- One handover per card.
    constraint handover_happens_once unique (serial)
);
