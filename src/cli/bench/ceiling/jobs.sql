-- The barest queue: a job has a number and a state, and the waiting ones an index.

set client_min_messages = warning;
drop table if exists bench_job;
create table bench_job (id bigint primary key, state text not null) with (fillfactor = 50);
insert into bench_job select n, 'waiting' from generate_series(1, current_setting('bench.jobs')::bigint) as n;
create index on bench_job (id) where state = 'waiting';
analyze bench_job;
