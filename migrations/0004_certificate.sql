-- Interim certificates (surat keterangan): that one has run out is read from its date and never stored.

create table interim_certificate (
    certificate_id uuid primary key,
    district integer not null,
    resident_id uuid not null,
    number text not null,
    state text not null,
    issued_on date not null,
    expires_on date not null,
    -- The enrolment's state at issue, printed in the corner of the paper.
    enrolment_state text not null,
    issued_at timestamptz not null,
    constraint interim_certificate_is_of_a_resident foreign key (resident_id) references resident,
    constraint interim_certificate_number_is_unique unique (number),
    constraint interim_certificate_state_is_known check (state in ('ACTIVE', 'RENEWED', 'SURRENDERED', 'REVOKED')),
    constraint interim_certificate_runs_forward check (issued_on < expires_on)
);
create unique index interim_certificate_is_the_only_active_one on interim_certificate (resident_id) where state = 'ACTIVE';
-- All that a person ever held: the order of the queue may go by the issue of one.
create index interim_certificate_of_a_resident on interim_certificate (resident_id);

-- The running number of a district's year; its row lock makes the numbers dense.
create table certificate_counter (
    district integer not null,
    year integer not null,
    last integer not null,
    primary key (district, year)
);
