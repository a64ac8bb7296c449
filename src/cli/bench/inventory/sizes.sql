-- The tables of the custody and of its ledger with all their indexes, the largest first.
select c.relname::text, coalesce(a.amname::text, 'table'), pg_relation_size(c.oid)
from pg_class as c
left join pg_am as a on a.oid = c.relam and c.relkind = 'i'
where c.oid in ('custody'::regclass, 'movement'::regclass)
    or c.oid in (
        select i.indexrelid from pg_index as i where i.indrelid in ('custody'::regclass, 'movement'::regclass)
    )
order by 3 desc, 1
