-- An officer who prints, serves and keeps the store, with an open shift on the terminal's certificate.

with person as (
    insert into officer_person (person_id, nik_index)
    values (current_setting('bench.officer')::uuid, decode(md5(current_setting('bench.officer')), 'hex'))
), account as (
    insert into officer (
        officer_id, person_id, district, badge, roles, pin_hash, pin_is_initial, registered_at
    )
    values (
        current_setting('bench.officer')::uuid, current_setting('bench.officer')::uuid,
        current_setting('bench.district')::integer,
        'B-' || upper(left(md5(current_setting('bench.officer')), 12)), '{COUNTER,PRINTER,STOCK}', 'none', false, clock_timestamp()
    )
)
insert into shift (shift_id, officer_id, person_id, district, terminal, thumbprint, ends_at)
values (
    current_setting('bench.shift')::uuid, current_setting('bench.officer')::uuid, current_setting('bench.officer')::uuid,
    current_setting('bench.district')::integer, current_setting('bench.terminal'),
    decode(current_setting('bench.thumbprint'), 'hex'), clock_timestamp() + interval '11 hours'
);
