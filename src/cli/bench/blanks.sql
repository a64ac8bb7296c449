-- One printer's blanks in its district's stock, in one run.

insert into custody (serials, location, state)
select int8range(current_setting('bench.serial')::bigint,
        current_setting('bench.serial')::bigint + current_setting('bench.blanks')::bigint),
    current_setting('bench.district')::integer, 'IN_STOCK';
