-- Who acts: persons, their accounts as officers, shifts, acts that need a second person, and the terminals.

-- A person who works for an office, by a keyed index of the NIK: two accounts of one person are one person.
create table officer_person (
    person_id uuid primary key,
    nik_index bytea not null,
    constraint officer_person_is_the_only_one unique (nik_index)
);

create table officer (
    officer_id uuid primary key,
    person_id uuid not null,
    -- 0 is the centre.
    district integer not null,
    -- Limits the officer to it.
    subdistrict integer,
    badge text not null,
    roles text[] not null,
    -- The last local day on which shifts open.
    last_day date,
    -- argon2id, in its PHC text form; absent where the office uses an OpenID provider.
    pin_hash text,
    -- The first PIN, which the registering officers know.
    pin_is_initial boolean not null default true,
    -- Wrong PINs since the last right one, and until when none is taken.
    pin_failures integer not null default 0,
    pin_locked_until timestamptz,
    -- The person's `sub` at the office's OpenID provider.
    subject text,
    registered_at timestamptz not null,
    ended_at timestamptz,
    constraint officer_is_a_person foreign key (person_id) references officer_person,
    constraint officer_badge_is_unique unique (district, badge),
    constraint officer_subject_is_unique unique (district, subject),
    -- For those who name an account and its person together.
    constraint officer_of_its_person unique (officer_id, person_id),
    -- And for those who name it with its office.
    constraint officer_of_its_office unique (officer_id, district),
    constraint officer_roles_are_known check (
        cardinality(roles) between 1 and 5
        and roles <@ '{COUNTER,PRINTER,STOCK,HEAD,AUDITOR,CONTRACTOR}'::text[]
    ),
    constraint officer_contractor_stands_alone_and_ends check (
        not 'CONTRACTOR' = any(roles) or (cardinality(roles) = 1 and last_day is not null)
    ),
    constraint officer_can_prove_it check (pin_hash is not null or subject is not null),
    constraint officer_subdistrict_is_in_its_district check (subdistrict / 100 = district)
);

-- An officer at work on one terminal. The id is what a client shows; it is random and good only with the certificate.
create table shift (
    shift_id uuid primary key,
    officer_id uuid not null,
    person_id uuid not null,
    district integer not null,
    terminal text not null,
    -- SHA-256 of the certificate with which it was opened.
    thumbprint bytea not null,
    -- Shifts live in the database's time, not in the office's.
    opened_at timestamptz not null default clock_timestamp(),
    ends_at timestamptz not null,
    closed_at timestamptz,
    constraint shift_is_of_an_officer foreign key (officer_id, person_id) references officer (officer_id, person_id),
    constraint shift_is_short check (ends_at <= opened_at + interval '12 hours'),
    constraint shift_thumbprint_is_whole check (octet_length(thumbprint) = 32)
);
create unique index shift_is_the_only_open_one on shift (officer_id) where closed_at is null;
-- What every server asks each second: which shifts were closed since.
create index shift_closed on shift (closed_at) where closed_at is not null;
-- Open shifts of a terminal.
create index shift_open_on_a_terminal on shift (terminal) where closed_at is null;

-- An act that needs a second person.
create table approval (
    approval_id uuid primary key,
    -- The office that it concerns; 0 is the centre. Its officers may approve it, and the centre's.
    district integer not null,
    -- If it is set, an officer of this office approves and nobody else: the other one of two, or the very same one.
    approving_office integer,
    method text not null,
    -- The request, sealed: it may hold a NIK.
    content bytea not null,
    -- Keyed digest of method and request; what an approver was shown.
    content_digest bytea not null,
    summary text not null,
    purpose text not null,
    state text not null default 'PENDING',
    requested_by uuid not null,
    requester_person uuid not null,
    -- Kept here, because who approves may not see the accounts of the author's office.
    requester_badge text not null,
    requested_on text not null,
    -- Both from one reading of the database's clock, which the statement that asks gives.
    requested_at timestamptz not null,
    expires_at timestamptz not null,
    approved_by uuid,
    approver_person uuid,
    approver_badge text,
    -- The approver's office.
    approved_in integer,
    approved_at timestamptz,
    resource text,
    constraint approval_state_is_known check (state in ('PENDING', 'DONE')),
    constraint approval_author_is_an_officer foreign key (requested_by, requester_person)
        references officer (officer_id, person_id),
    constraint approval_approver_is_an_officer foreign key (approved_by, approver_person)
        references officer (officer_id, person_id),
    constraint approval_approver_is_of_an_office foreign key (approved_by, approved_in)
        references officer (officer_id, district),
    constraint approval_is_of_the_right_office check (
        state = 'PENDING' or approving_office is null or coalesce(approved_in = approving_office, false)
    ),
    constraint approval_is_by_two_persons check (approver_person <> requester_person),
    constraint approval_is_in_time check (approved_at < expires_at),
    constraint approval_lasts_a_quarter_hour check (expires_at <= requested_at + interval '15 minutes'),
    constraint approval_done_is_whole check (
        (state = 'DONE') = (
            approved_by is not null and approver_person is not null and approved_at is not null and resource is not null
        )
    )
);
create index approval_pending on approval (district, requested_at, approval_id) where state = 'PENDING';
create index approval_pending_elsewhere on approval (approving_office, requested_at, approval_id)
    where state = 'PENDING' and approving_office is not null;

-- Terminals as they were seen.
create table terminal (
    terminal text primary key,
    district integer not null,
    first_seen_at timestamptz not null default clock_timestamp(),
    -- The newest certificate seen; one that begins after a revocation is good again.
    certificate_begins_at timestamptz not null,
    certificate_ends_at timestamptz not null
);
create index terminal_of_a_district on terminal (district, terminal);

-- A revoked terminal: certificates of it that began before are refused, a later one is good again.
create table terminal_revocation (
    approval_id uuid primary key,
    terminal text not null,
    district integer not null,
    revoked_at timestamptz not null default clock_timestamp(),
    constraint terminal_revocation_was_approved foreign key (approval_id) references approval
);
create index terminal_revocation_of_a_terminal on terminal_revocation (terminal, revoked_at);

-- What only two persons may do, in the tables that are older than the approvals.
alter table policy_version add constraint policy_version_was_approved
    foreign key (approval_id) references approval;
alter table seniority_change add constraint seniority_change_was_approved
    foreign key (approval_id) references approval;
alter table print_incident add constraint print_incident_was_approved
    foreign key (approval_id) references approval;
