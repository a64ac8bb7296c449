-- Moves runs one after the other, each in a call of its own as an office's act makes it, in the order in which they are given;
-- answers how many moved. A month ago, so that no office's stock runs low by the use of the last two weeks.
select count(*)
from unnest($1::bigint[], $2::bigint[], $3::integer[], $4::integer[]) as w (first, last, from_location, to_location)
cross join lateral move_custody(
    array[$5::text], array[w.first], array[w.last], array[w.from_location], array[$6::text], array[w.to_location],
    array[$7::text], array[null::uuid], 'BENCH', clock_timestamp() - interval '30 days', gen_random_uuid(), $8::uuid, $9::uuid
) as m
where m.assigned is not null
