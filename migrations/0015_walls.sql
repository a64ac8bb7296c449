-- The walls between districts, below the application's own checks: who may do what with which table, and which rows of it
-- are there at all. A row is visible where its district is the transaction's scope (0013).

-- The doors and the acts run with the owner's rights. Their search path is fixed: who calls cannot put tables of their own in the way.
do $$
declare
    name text;
begin
    foreach name in array '{
        close_work,close_refused,disclose,drop_disclosure_counts,feed_partitions,audit_partitions,feed_move_floors,feed_drop_partitions,
        move_custody,bind_cards,nik_holders,custody_of_serial,life_of_serial,movements_of_location,movements_since,
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
