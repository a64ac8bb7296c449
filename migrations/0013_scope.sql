-- Who comes to the database, and with which scope: `ektp.scope` is `nation` or a district's number, set with `set local` in
-- the round trip that begins the transaction. Without it there is no row (0015).

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
