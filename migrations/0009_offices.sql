-- The rows that every office has from the start; run again whenever the list of areas was loaded.

-- Which data files are loaded, by their digest, so that `ektp migrate` loads each release once.
create table loaded_data (
    name text primary key,
    digest bytea not null
);

create function open_offices() returns void
language sql as $$
    insert into feed_head (district)
    select 0 union all select code::integer from area where code between 10 and 9999
    on conflict do nothing;
    insert into queue (district)
    select code::integer from area where code between 1000 and 9999
    on conflict do nothing;
    -- The centre's store, one for each province and district, one for each subdistrict.
    insert into location (location, district)
    select 0, 0
    union all select code::integer, code::integer from area where code between 10 and 9999
    union all select code::integer, (code / 100)::integer from area where code between 100000 and 999999
    on conflict do nothing;
$$;
