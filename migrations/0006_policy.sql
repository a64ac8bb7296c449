-- The ministry's rules as data: versions with an area and a time, and in each what becomes of every class of applicants.

create table policy_version (
    version integer primary key,
    -- 0 is the nation, 35 a province, 3575 a district. Of the versions in force the smallest area's counts, whole.
    area integer not null,
    -- Local days of the district, both included; without a last day it is in force until another one follows.
    valid_from date not null,
    valid_to date,
    state text not null,
    -- Which date is a request's seniority; it is fixed when the request is made.
    tie_break text not null,
    -- Requests that come into the queue from one site on one local day; null is no limit.
    daily_quota integer,
    -- ISO weekdays, 1 is Monday.
    closed_weekdays smallint[] not null,
    holidays date[] not null,
    -- The letter that ordered it.
    source text not null,
    proposed_at timestamptz not null,
    -- The two-person act that put it in force; the founding version has none.
    approval_id uuid,
    constraint policy_version_area_is_one check (area = 0 or area between 11 and 99 or area between 1101 and 9999),
    constraint policy_version_runs_forward check (valid_from <= valid_to),
    constraint policy_version_state_is_known check (state in ('PROPOSED', 'ACTIVE')),
    constraint policy_version_tie_break_is_known check (tie_break in ('ENROLMENT', 'CERTIFICATE', 'REQUEST')),
    constraint policy_version_quota_is_sane check (daily_quota between 0 and 100000),
    constraint policy_version_weekdays_are_iso check (closed_weekdays <@ '{1,2,3,4,5,6,7}'::smallint[]),
    constraint policy_version_opens_some_day check (cardinality(closed_weekdays) < 7),
    constraint policy_version_holidays_fit check (cardinality(holidays) <= 100),
    -- One version of one area on one day.
    constraint policy_version_is_the_only_one exclude using gist (
        area with =, daterange(valid_from, valid_to, '[]') with &&
    ) where (state = 'ACTIVE')
);

create table policy_class (
    version integer not null,
    -- The order of the classes, from 1: the first one is served first.
    place smallint not null,
    applicant_class text not null,
    outcome text not null,
    documents text[] not null,
    -- The window on the local date of the enrolment, both ends included; outside it a request is held.
    enrolled_from date,
    enrolled_to date,
    -- When a held request is released by itself: as far as the stock is above the open requests of the admitted classes,
    -- and so many days after it was made.
    release_above_demand boolean not null,
    release_after_days integer,
    primary key (version, applicant_class),
    constraint policy_class_has_its_place unique (version, place),
    constraint policy_class_is_of_a_version foreign key (version) references policy_version,
    constraint policy_class_is_known check (applicant_class in (
        'FIRST_ISSUE', 'RELOCATION', 'DATA_CHANGE', 'INTERIM_EXCHANGE', 'LOST', 'DAMAGED', 'REPLACE_DEFECTIVE'
    )),
    constraint policy_class_outcome_is_known check (outcome in ('ADMIT', 'HOLD', 'REFUSE')),
    -- Our own defect is mended whatever is short.
    constraint policy_class_replaces_what_is_defective check (applicant_class <> 'REPLACE_DEFECTIVE' or outcome = 'ADMIT'),
    constraint policy_class_documents_are_known check (documents <@ '{
        FAMILY_CARD_COPY,INTERIM_CERTIFICATE,PHONE_NUMBER,POLICE_REPORT,OLD_CARD,MOVE_CERTIFICATE,SUPPORTING_DEED
    }'::text[]),
    constraint policy_class_window_runs_forward check (enrolled_from <= enrolled_to),
    constraint policy_class_releases_what_is_held check (
        outcome = 'HOLD' or (not release_above_demand and release_after_days is null)
    ),
    constraint policy_class_waits_some_days check (release_after_days between 1 and 3650)
);

insert into policy_version (
    version, area, valid_from, state, tie_break, closed_weekdays, holidays, source, proposed_at
) values (
    1, 0, '2014-01-01', 'ACTIVE', 'ENROLMENT', '{}', '{}',
    'Kota Pasuruan, 18 April 2017: an interim certificate and a print-ready record are both required; first issues first',
    '2014-01-01T00:00:00Z'
);
insert into policy_class (version, place, applicant_class, outcome, documents, release_above_demand) values
    (1, 1, 'REPLACE_DEFECTIVE', 'ADMIT', '{OLD_CARD}', false),
    (1, 2, 'FIRST_ISSUE', 'ADMIT', '{INTERIM_CERTIFICATE}', false),
    (1, 3, 'INTERIM_EXCHANGE', 'ADMIT', '{INTERIM_CERTIFICATE}', false),
    (1, 4, 'RELOCATION', 'ADMIT', '{INTERIM_CERTIFICATE}', false),
    (1, 5, 'DATA_CHANGE', 'ADMIT', '{INTERIM_CERTIFICATE}', false),
    (1, 6, 'LOST', 'ADMIT', '{POLICE_REPORT}', false),
    (1, 7, 'DAMAGED', 'ADMIT', '{OLD_CARD}', false);

-- The version in force in a district on a local day. A function, because the lease selects by it in its own statement and
-- must never differ from what the decisions see.
create function policy_in_force(of_district integer, on_day date) returns integer language sql stable as $$
    select p.version
    from policy_version as p
    where p.area in (0, of_district / 100, of_district) and p.state = 'ACTIVE'
        and daterange(p.valid_from, p.valid_to, '[]') @> on_day
    order by p.area desc
    limit 1
$$;
