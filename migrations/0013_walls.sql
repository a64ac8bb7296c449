-- The walls between districts, below the application's own checks: who may do what with which table, and which rows of it
-- are there at all. A row is visible where its district is the transaction's scope: `ektp.scope` is `nation` or a
-- district's number, set with `set local` in the round trip that begins the transaction. Without it there is no row.

-- Roles belong to the whole server, and two databases may be migrated at the same moment.
do $$
declare
    wanted text;
    is_too_free boolean;
begin
    foreach wanted in array '{ektp_serve,ektp_read,ektp_audit}'::text[] loop
        begin
            if not exists (select from pg_roles where rolname = wanted) then
                execute format('create role %I login noinherit', wanted);
            end if;
        exception when duplicate_object or unique_violation then
            null;
        end;
        select r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication
            or exists (select from pg_auth_members m where m.member = r.oid)
        into is_too_free from pg_roles r where r.rolname = wanted;
        if is_too_free then
            raise exception 'the role % exists with more rights than it may have', wanted
                using hint = 'alter role ' || wanted || ' nosuperuser nobypassrls nocreatedb nocreaterole noreplication, '
                    'and revoke its memberships';
        end if;
    end loop;
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to ektp_serve, ektp_read, ektp_audit', current_database());
end $$;

-- PUBLIC has nothing, and gets nothing of what comes later.
revoke all on schema public from public;
revoke all on all tables in schema public from public;
alter default privileges revoke all on functions from public;
do $$
declare
    ours regprocedure;
begin
    -- An extension's belong to who installed it, which need not be us.
    for ours in
        select p.oid from pg_proc as p
        where p.pronamespace = 'public'::regnamespace and pg_has_role(p.proowner, 'member')
    loop
        execute format('revoke all on function %s from public', ours);
    end loop;
end $$;
-- The owner too by name: foreign keys are checked in its name, wherever the schema itself came from.
grant usage on schema public to current_user, ektp_serve, ektp_read, ektp_audit;

-- The scope.

create function scope_of_nation() returns boolean language sql stable parallel safe as $$
    select coalesce(current_setting('ektp.scope', true) = 'nation', false)
$$;

-- The one district; null for the nation, and for callers that belong to no district (their scope is 0).
create function scope_district() returns integer language sql stable parallel safe as $$
    select case when current_setting('ektp.scope', true) ~ '^[1-9][0-9]{0,8}$'
        then current_setting('ektp.scope', true)::integer end
$$;

create function scope_covers(of_district integer) returns boolean language sql stable parallel safe as $$
    select scope_of_nation() or coalesce(of_district = scope_district(), false)
$$;

-- For the functions that run with the owner's rights, where no policy asks: stops who reaches beyond the scope. The owner's
-- own session has no scope.
create function must_be_in_scope(districts integer[]) returns void language plpgsql stable as $$
begin
    if session_user <> current_user and exists (
        select from unnest(districts) as d where d is not null and not scope_covers(d)
    ) then
        raise exception 'outside the scope' using errcode = 'insufficient_privilege';
    end if;
end $$;

-- The same for moves of serials: all locations in the scope, or all of them ends of the shipment, of which one is. Without a
-- shipment also the location of an open case whose end takes an officer of the scope: the centre's own count is in no shipment.
create function must_be_in_scope_or_of(of_shipment uuid, locations integer[]) returns void language plpgsql stable as $$
begin
    if of_shipment is null then
        perform must_be_in_scope(array(
            select district_of_location(l) from unnest(locations) as l
            where not scope_covers(district_of_location(l)) and not exists (
                select from stock_case as c
                where c.location = l and c.open_serials <> '{}' and scope_covers(c.counterpart)
            )
        ));
    elsif session_user <> current_user and not exists (
        select from shipment as s
        where s.shipment_id = of_shipment
            and (scope_covers(district_of_location(s.origin)) or scope_covers(s.district))
            and array_remove(array_remove(array_remove(locations, null), s.origin), s.destination) = '{}'
    ) then
        raise exception 'outside the scope' using errcode = 'insufficient_privilege';
    end if;
end $$;

create function must_be_of_nation() returns void language plpgsql stable as $$
begin
    if session_user <> current_user and not scope_of_nation() then
        raise exception 'outside the scope' using errcode = 'insufficient_privilege';
    end if;
end $$;

-- Whose an answer under a request id is: repeats come with the same certificate and therefore with the same scope.
alter table request add column scope text not null default coalesce(current_setting('ektp.scope', true), '');

-- What reaches beyond one district by its nature: each tells exactly what its act needs.

-- A NIK is the nation's: an office learns which district has enrolled a person and since when, and of its own people who
-- it is.
create function nik_holders(indexes bytea[])
returns table (nik_index bytea, resident_id uuid, district integer, enrolled_on date)
language sql stable as $$
    select n.nik_index, case when scope_covers(n.district) then n.resident_id end, n.district, n.enrolled_on
    from resident_nik as n
    where n.nik_index = any(indexes)
$$;

-- Where a serial is, if it is within the scope. A function, because under the policies the search by range may not use its
-- index: who is let in first could see by its errors what was searched. Not in plain SQL, which would be planned at each call.
create function custody_of_serial(of_serial bigint) returns table (location integer, state text)
language plpgsql stable set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
    return query
    select c.location, c.state
    from custody as c
    where c.serials @> of_serial and scope_covers(district_of_location(c.location));
end $$;

-- The whole life of a serial that is within the scope now: also what it was at the centre and on its way.
create function movements_of_serial(of_serial bigint, at_most bigint) returns setof movement
language plpgsql stable set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
    return query
    select m.*
    from movement as m
    where m.serials @> of_serial and exists (select from custody_of_serial(of_serial))
    order by m.recorded_at, m.location, m.number
    limit at_most;
end $$;

-- A stretch of a location's ledger, if the location is in the scope. The movements stay out of reach otherwise: they tell whom
-- other offices deal with.
create function movements_of_location(of_location integer, after bigint, of_kind text, at_most bigint) returns setof movement
language sql stable set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
    select m.*
    from movement as m
    where m.location = of_location and m.number > after and (of_kind is null or m.kind = of_kind)
        and scope_covers(district_of_location(of_location))
    order by m.number
    limit at_most
$$;

-- What happened later to serials of a movement that is in the scope, oldest first.
create function movements_since(of_location integer, of_number bigint, at_most bigint) returns setof movement
language sql stable set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
    select l.*
    from movement as m
    join movement as l on l.serials && m.serials and l.recorded_at > m.recorded_at
    where m.location = of_location and m.number = of_number and scope_covers(district_of_location(of_location))
    order by l.recorded_at, l.location, l.number
    limit at_most
$$;

-- Whether there is such a location: known to all, for everybody may be sent blanks.
create function is_location(of_location integer) returns boolean language sql stable as $$
    select exists (select from location as l where l.location = of_location)
$$;

-- How many blanks were bound at these locations in each of the days before a moment: 0 is the last 24 hours. The movements
-- themselves are nobody's to read.
create function daily_use(locations integer[], before timestamptz, days integer)
returns table (days_ago integer, used bigint)
language sql stable as $$
    select floor(extract(epoch from before - m.moved_at) / 86400)::integer, count(*)
    from unnest(locations) as l (location)
    join movement as m on m.location = l.location and m.kind = 'BOUND'
        and m.moved_at > before - make_interval(days => days) and m.moved_at <= before
    where scope_covers(district_of_location(l.location))
    group by 1
$$;

-- What was sent for requests that are in the scope. A function, because a province sees its district's request but not the
-- centre's shipment for it.
create function shipments_of_requests(requests uuid[])
returns table (blank_request_id uuid, dispatched bigint, dispatched_at timestamptz, received bigint, received_at timestamptz)
language sql stable as $$
    select s.blank_request_id, sum(s.dispatched_quantity)::bigint, max(s.dispatched_at), sum(s.received_quantity)::bigint,
        max(s.ended_at)
    from shipment as s
    join blank_request as r on r.blank_request_id = s.blank_request_id
    where s.blank_request_id = any(requests) and s.state <> 'CANCELLED'
        and (scope_covers(r.district) or scope_covers(r.province))
    group by s.blank_request_id
$$;

-- The person of an officer's NIK, who may have an account in another district already: two accounts, one person.
create function person_of_officer(of_index bytea, fresh uuid) returns uuid
language plpgsql as $$
declare
    found_id uuid;
begin
    insert into officer_person (person_id, nik_index) values (fresh, of_index) on conflict (nik_index) do nothing;
    select p.person_id into strict found_id from officer_person as p where p.nik_index = of_index;
    return found_id;
end $$;

-- The floor of a ledger is the last number in the days that go. A commit around midnight may have left a smaller number
-- in a later day; that one is below the floor as well and goes with its own day.
create function feed_move_floors(keep_days integer) returns bigint
language plpgsql as $$
declare
    moved bigint;
begin
    perform must_keep_what_was_promised(keep_days);
    -- In ascending order, as every writer locks them.
    with last as (
        select h.district, e.revision, e.digest
        from feed_head as h
        cross join lateral (
            select v.revision, v.digest
            from feed_event as v
            where v.district = h.district and v.revision > h.floor and v.day < clock_timestamp()::date - keep_days
            order by v.revision desc
            limit 1
        ) as e
        order by h.district
        for no key update of h
    )
    update feed_head as h set floor = last.revision, floor_digest = last.digest
    from last
    where h.district = last.district;
    get diagnostics moved = row_count;
    return moved;
end $$;

-- Dropping waits for all who use the table, and whoever comes later waits behind it: better to try again later.
create function feed_drop_partitions(keep_days integer, at_most bigint) returns bigint
language plpgsql set lock_timeout = '500ms' as $$
declare
    partition text;
    dropped bigint := 0;
begin
    perform must_keep_what_was_promised(keep_days);
    for partition in
        select c.relname
        from pg_inherits as i
        join pg_class as c on c.oid = i.inhrelid
        where i.inhparent = 'feed_event'::regclass and c.relname ~ '^feed_event_[0-9]{8}$'
            and to_date(right(c.relname, 8), 'YYYYMMDD') < clock_timestamp()::date - keep_days
        order by c.relname
        limit at_most
    loop
        execute format('drop table %I', partition);
        dropped := dropped + 1;
    end loop;
    return dropped;
end $$;

-- Tokens are promised 14 days: who serves may not cut the ledgers shorter, whatever it says.
create function must_keep_what_was_promised(keep_days integer) returns void language plpgsql stable as $$
begin
    perform must_be_of_nation();
    if session_user <> current_user and keep_days < 14 then
        raise exception 'the ledgers are kept for 14 days' using errcode = 'insufficient_privilege';
    end if;
end $$;

-- These run with the owner's rights. Their search path is fixed: who calls cannot put tables of their own in the way.
do $$
declare
    name text;
begin
    foreach name in array '{
        close_work,close_refused,disclose,feed_partitions,audit_partitions,feed_move_floors,feed_drop_partitions,
        move_custody,bind_cards,nik_holders,custody_of_serial,movements_of_serial,movements_of_location,movements_since,
        is_location,in_stock_of_sender,moved_since,daily_use,shipments_of_requests,
        person_of_officer,
        audit_began,flows_of_area
    }'::text[] loop
        execute format('alter function %I security definer set search_path = public, pg_temp', btrim(name, E' \n'));
        execute format('grant execute on function %I to ektp_serve', btrim(name, E' \n'));
    end loop;
end $$;
grant execute on function scope_of_nation, scope_district, scope_covers, district_of_location
    to ektp_serve, ektp_read, ektp_audit;
grant execute on function policy_in_force to ektp_serve;

-- Which rows. For the owner all, so that the functions above work where the owner is no superuser.
do $$
declare
    walled record;
    named constant text := '(select scope_of_nation()) or %s = (select scope_district())';
begin
    for walled in
        select t.name, t.rule from (
            select u.name, format(named, 'district') as rule
            from unnest('{
                feed_head,feed_event,resident,resident_nik,enrolment,interim_certificate,certificate_counter,location,
                card,queue,print_request,request_stage,print_decision,quota_use,dispatch,dispatch_pass,
                seniority_change,print_incident,life_event,collection,notice,contact_task,challenge,handover,audit,
                honeytoken,officer,shift,terminal,terminal_revocation,destruction,stock_count
            }'::text[]) as u (name)
            union all
            select u.name, format(named, 'district_of_location(location)')
            from unnest('{custody,movement,delivery,store_spoilage}'::text[]) as u (name)
            union all
            values
                -- Both of its offices see it.
                ('shipment', format(named, 'district') || ' or ' || format(named, 'district_of_location(origin)')),
                ('stock_case', format(named, 'district') || ' or ' || format(named, 'counterpart')),
                ('stock_case_settlement', format(named, 'district') || ' or ' || format(named, 'counterpart')),
                ('approval', format(named, 'district') || ' or ' || format(named, 'approving_office')),
                -- The province is informed of what its districts ask for.
                ('blank_request', format(named, 'district') || ' or ' || format(named, 'province')),
                ('request', '(select scope_of_nation()) or scope = (select current_setting(''ektp.scope'', true))'),
                -- Whoever sees the person sees the verdict; the person's own policy says who.
                ('print_ready', '(select scope_of_nation()) or exists ('
                    'select from resident as r where r.resident_id = print_ready.resident_id)'),
                -- Ids and digests over all chains; every certificate may fetch and keep them. Only the centre adds.
                ('audit_tree_head', null),
                -- The rules are everybody's to read and the centre's to write (S4-5).
                ('policy_version', null),
                ('policy_class', null),
                -- Reached through functions alone.
                ('officer_person', 'false'),
                ('disclosure_count', 'false')
        ) as t (name, rule)
    loop
        execute format('alter table %I enable row level security', walled.name);
        execute format('alter table %I force row level security', walled.name);
        execute format('create policy owner_sees_all on %I to current_user using (true) with check (true)', walled.name);
        if walled.rule is not null then
            execute format(
                'create policy scope_sees_its_own on %I to ektp_serve, ektp_read using (%s) with check (%2$s)',
                walled.name, walled.rule
            );
        end if;
    end loop;
end $$;
create policy everyone_sees_heads on audit_tree_head for select to ektp_serve, ektp_read, ektp_audit using (true);
create policy everyone_reads_rules on policy_version for select to ektp_serve, ektp_read using (true);
create policy everyone_reads_rules on policy_class for select to ektp_serve, ektp_read using (true);
create policy centre_writes_rules on policy_version for insert to ektp_serve with check ((select scope_of_nation()));
create policy centre_writes_rules on policy_class for insert to ektp_serve with check ((select scope_of_nation()));
create policy centre_activates_rules on policy_version for update to ektp_serve using ((select scope_of_nation()));
create policy centre_adds_heads on audit_tree_head for insert to ektp_serve with check ((select scope_of_nation()));
create policy auditor_sees_all on audit for select to ektp_audit using (true);
create policy auditor_sees_all on feed_head for select to ektp_audit using (true);

-- What the server does, and no more. A lock of rows needs the right to update a column; where nothing is ever changed it is
-- given on one column alone.
grant select on feed, feed_head, feed_event, custody to ektp_serve;
-- The centre writes them; the policy below says so.
grant select, insert, update (state, valid_to, approval_id) on policy_version to ektp_serve;
grant select, insert on policy_class to ektp_serve;
grant select, delete on request to ektp_serve;
-- Not the answer: that is filled in by the act's end alone.
grant insert (caller, request_id, method, content_digest), update (received_at) on request to ektp_serve;
grant select, insert,
    update (subdistrict, village, birth_date, sex, sealed, has_phone, identity_version, facts_version, life)
    on resident to ektp_serve;
grant select, insert on resident_nik, print_ready, delivery, handover, terminal_revocation, audit_tree_head,
    stock_case_settlement, store_spoilage, destruction to ektp_serve;
grant select, insert, update on enrolment, interim_certificate, certificate_counter, shipment, print_request, collection,
    notice, contact_task, officer, shift, approval, terminal, stock_case, stock_count, blank_request to ektp_serve;
grant select, insert, update, delete on challenge to ektp_serve;
grant select, insert on print_decision, request_stage, dispatch, dispatch_pass, seniority_change, life_event to ektp_serve;
grant select, insert, update on print_incident, quota_use to ektp_serve;
grant select, update (spoilage, state) on card to ektp_serve;
grant select, insert (location, district), update (movements) on location to ektp_serve;
grant select, update (dispatches) on queue to ektp_serve;

-- For reports: states, places and times. Nothing sealed, no index of a NIK, no answer, no PIN.
grant select on feed, feed_head, feed_event, policy_version, policy_class, area, location, custody, movement, delivery, shipment, stock_case,
    stock_count, stock_case_settlement, store_spoilage, destruction, blank_request,
    queue, print_decision, request_stage, quota_use, dispatch, dispatch_pass, seniority_change, print_incident,
    certificate_counter, audit_tree_head to ektp_read;
grant select (enrolment_id, district, subdistrict, state, reason, state_at, captured_at, received_at) on enrolment to ektp_read;
grant select (certificate_id, district, state, issued_on, expires_on, issued_at) on interim_certificate to ektp_read;
grant select (print_request_id, district, subdistrict, site, applicant_class, seniority_at, requested_at, enrolled_on,
    state, state_at, hold_reasons, cancel_reason, stage, attempt, policy_version, serial) on print_request to ektp_read;
grant select (serial, district, location, print_request_id, state, bound_at, spoilage) on card to ektp_read;
grant select (collection_id, district, subdistrict, location, serial, state, opened_at) on collection to ektp_read;
grant select (collection_id, district, state, attempts, queued_at, sent_at) on notice to ektp_read;
grant select (contact_task_id, collection_id, district, opened_at, closed_at) on contact_task to ektp_read;
grant select (collection_id, district, serial, terminal, handed_over_at) on handover to ektp_read;

grant select on audit, audit_tree_head, feed_head, feed to ektp_audit;

-- The server asks whether it fits the database. The list of migrations is not there where psql applied them.
do $$
begin
    if to_regclass('_sqlx_migrations') is not null then
        grant select on _sqlx_migrations to ektp_serve;
    end if;
end $$;
