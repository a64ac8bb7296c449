-- The policy's rules as far as the queue needs them, and the queue.

create table policy_version (
    version integer primary key,
    valid_from date not null,
    -- The classes in the order in which they are served.
    class_order text[] not null,
    interim_certificate_required boolean not null,
    source text not null,
    constraint policy_version_orders_classes check (cardinality(class_order) between 1 and 16)
);
insert into policy_version (version, valid_from, class_order, interim_certificate_required, source) values
    (1, '2014-01-01', '{FIRST_ISSUE,RELOCATION,DATA_CHANGE}', true,
     'Kota Pasuruan, 18 April 2017: an interim certificate and a print-ready record are both required; first issues first');

-- The version in force on a day. A function, because two features select by it and must never differ.
create function policy_in_force(on_day date)
returns table (version integer, class_order text[], interim_certificate_required boolean)
language sql stable as $$
    select p.version, p.class_order, p.interim_certificate_required
    from policy_version p
    where p.valid_from <= on_day
    order by p.valid_from desc, p.version desc
    limit 1
$$;

-- One row per district; leasing locks it, which makes the order exact.
create table queue (
    district integer primary key
);

create table print_request (
    print_request_id uuid primary key,
    district integer not null,
    subdistrict integer not null,
    resident_id uuid not null,
    applicant_class text not null,
    -- Receipt of the enrolment; kept through every attempt.
    seniority_at timestamptz not null,
    state text not null,
    state_at timestamptz not null,
    attempt integer not null default 1,
    policy_version integer not null,
    identity_version integer not null,
    facts_version integer not null,
    -- Raised by every lease; later calls must name it.
    fence bigint not null default 0,
    lease_holder text,
    lease_location integer,
    lease_expires_at timestamptz,
    serial bigint,
    constraint print_request_has_the_verdict foreign key (resident_id, identity_version)
        references print_ready (resident_id, identity_version),
    constraint print_request_has_a_policy foreign key (policy_version) references policy_version (version),
    constraint print_request_class_is_known check (applicant_class in ('FIRST_ISSUE', 'RELOCATION', 'DATA_CHANGE')),
    constraint print_request_state_is_known check (state in ('QUEUED', 'LEASED', 'BOUND', 'IN_DOUBT', 'PRINTED')),
    constraint print_request_lease_is_whole check (
        case when state in ('LEASED', 'BOUND', 'IN_DOUBT')
            then lease_holder is not null and lease_location is not null and lease_expires_at is not null
            else lease_holder is null and lease_location is null and lease_expires_at is null
        end
    ),
    constraint print_request_serial_is_bound check ((serial is not null) = (state in ('BOUND', 'IN_DOUBT', 'PRINTED'))),
    constraint print_request_attempt_counts_from_one check (attempt >= 1)
);
create unique index print_request_is_the_only_open_one on print_request (resident_id) where state <> 'PRINTED';
-- The order of the queue: (class, seniority, id); the policy says in which order the classes are walked.
create index print_request_in_order on print_request (district, state, applicant_class, seniority_at, print_request_id);
-- What the chore that ends leases looks for.
create index print_request_leased on print_request (lease_expires_at) where state in ('LEASED', 'BOUND');

-- Submission asks for every card that a person ever had.
create index card_of_a_resident on card (resident_id);

-- Refusals by policy: saved and counted, with what the decision saw.
create table print_decision (
    decision_id uuid primary key,
    district integer not null,
    resident_id uuid not null,
    applicant_class text not null,
    policy_version integer not null,
    reason text not null,
    -- The facts that the decision saw: states and dates, nothing personal.
    facts jsonb not null,
    decided_at timestamptz not null,
    constraint print_decision_has_a_policy foreign key (policy_version) references policy_version (version)
);
create index print_decision_by_reason on print_decision (district, reason, decided_at);
