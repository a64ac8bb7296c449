update bench_job set state = 'claimed'
where id = (select id from bench_job where state = 'waiting' order by id limit 1 for update skip locked)
returning id \gset
update bench_job set state = 'done' where id = :id;
