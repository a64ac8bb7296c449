-- A district's print-ready people with their requests in the queue, behind those who stand there. Written past the server:
-- what is measured begins at the lease. The settings bench.* say how many, where, and how many came before.

with person as materialized (
    select gen_random_uuid() as resident, gen_random_uuid() as enrolment, gen_random_uuid() as request, n,
        timestamptz '2017-01-02 01:00 UTC' + (current_setting('bench.before')::bigint + n) * interval '1 second' as received
    from generate_series(1, current_setting('bench.people')::integer) as n
), resident_row as (
    insert into resident (
        resident_id, district, subdistrict, village, birth_date, sex, sealed, has_phone, recorded_at
    )
    select p.resident, current_setting('bench.district')::integer, current_setting('bench.subdistrict')::integer,
        current_setting('bench.subdistrict')::bigint * 10000 + 1001, date '1990-01-01', 'FEMALE', '\x00', false, p.received
    from person as p
), nik as (
    insert into resident_nik (nik_index, resident_id, district, enrolled_on)
    select decode(md5(p.resident::text), 'hex'), p.resident, current_setting('bench.district')::integer, date '2017-01-02'
    from person as p
), enrolment_row as (
    insert into enrolment (
        enrolment_id, district, subdistrict, village, resident_id, state, state_at, biometric_package, captured_at, received_at
    )
    select p.enrolment, current_setting('bench.district')::integer, current_setting('bench.subdistrict')::integer,
        current_setting('bench.subdistrict')::bigint * 10000 + 1001, p.resident, 'PRINT_READY', p.received, 'bench',
        p.received, p.received
    from person as p
), verdict as (
    insert into print_ready (resident_id, identity_version, enrolment_id, decided_at, decided_by)
    select p.resident, 1, p.enrolment, p.received, 'bench'
    from person as p
), asked as (
    insert into print_request (
        print_request_id, district, subdistrict, site, resident_id, applicant_class, seniority_at, requested_at,
        enrolled_on, state, state_at, policy_version, identity_version, facts_version
    )
    select p.request, current_setting('bench.district')::integer, current_setting('bench.subdistrict')::integer, 'office',
        p.resident, 'FIRST_ISSUE', p.received, p.received, p.received::date, 'QUEUED', p.received, 1, 1, 1
    from person as p
)
insert into request_stage (print_request_id, stage, district, state, applicant_class, seniority_at, began_at)
select p.request, 1, current_setting('bench.district')::integer, 'QUEUED', 'FIRST_ISSUE', p.received, p.received
from person as p;
