-- The audit log: who did what, and who saw whom. One chain of digests per district, written in the act's own transaction
-- beside the ledger's events; and the functions that close an act, which write both. Mechanism only.

create table audit (
    district integer not null,
    -- Dense: 1, 2, 3 … in each district.
    number bigint not null,
    at timestamptz not null,
    -- ACT: something was done or refused. READ: an answer with personal data is about to leave.
    kind text not null,
    -- The terminal's identity, or `system` for the server's own chores.
    terminal text not null,
    officer_id uuid,
    shift_id uuid,
    method text not null,
    request_id uuid,
    -- The decision: the gRPC code and, of a refusal, its reason.
    code integer not null,
    reason text not null,
    -- What it was about, as noun/id with commas between them. Never a name, a NIK or a phone number.
    resources text not null,
    trace_id text not null,
    digest bytea not null,
    primary key (district, number, at),
    constraint audit_kind_is_known check (kind in ('ACT', 'READ')),
    constraint audit_numbers_from_one check (number >= 1)
) partition by range (at);

-- Makes the partitions of this month and the next ones. Safe to run at any time, by several servers at once.
create function audit_partitions(months_ahead integer) returns integer
language plpgsql as $$
declare
    first date;
    made integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('audit_partitions'));
    for first in
        select generate_series(
            date_trunc('month', current_date - 1), date_trunc('month', current_date) + make_interval(months => months_ahead),
            interval '1 month'
        )::date
    loop
        if to_regclass(format('audit_%s', to_char(first, 'YYYYMM'))) is null then
            execute format(
                'create table audit_%s partition of audit for values from (%L) to (%L)',
                to_char(first, 'YYYYMM'), first, (first + interval '1 month')::date
            );
            made := made + 1;
        end if;
    end loop;
    return made;
end $$;

-- Appends to one district's ledger and to its audit chain, under one lock of the head row: numbers densely, chains SHA-256.
-- Returns the ledger's head. It must be the last thing before COMMIT: the district's other writers wait from here on.
--
-- The digest of an audit row covers the digest before it and the row's text: its columns in order with the unit separator
-- (0x1f) between them, the time as microseconds since 1970; `ektp audit verify` computes it again.
create function ledger_append(
    of_district integer, topics smallint[], bodies bytea[],
    of_kind text, of_terminal text, of_officer uuid, of_shift uuid, of_method text, of_trace text,
    requests uuid[], codes integer[], reasons text[], about text[]
) returns bigint
language plpgsql as $$
declare
    events integer := coalesce(cardinality(topics), 0);
    entries integer := coalesce(cardinality(codes), 0);
    h bigint;
    c bytea;
    heads bigint[];
    ah bigint;
    ac bytea;
    last_of bigint[] := '{0,0,0,0,0,0}';
    priors bigint[] := '{}';
    digests bytea[] := '{}';
    moment timestamptz := clock_timestamp();
    micros text := (extract(epoch from moment) * 1000000)::bigint::text;
    audit_digests bytea[] := '{}';
begin
    if events > 500 or events <> coalesce(cardinality(bodies), 0) then
        raise exception 'a commit appends at most 500 events to a district';
    end if;
    select f.head, f.digest, f.topic_heads, f.audit_head, f.audit_digest into strict h, c, heads, ah, ac
    from feed_head as f where f.district = of_district for no key update;
    for i in 1..events loop
        priors := priors || heads[topics[i]];
        c := sha256(c || int8send(h + i) || int2send(topics[i]) || bodies[i]);
        heads[topics[i]] := h + i;
        last_of[topics[i]] := i;
        digests := digests || c;
    end loop;
    if events > 0 then
        insert into feed_event (district, revision, day, topic, prior_revision, last_in_commit, body, digest, at)
        select of_district, h + e.i, current_date, e.topic, e.prior, last_of[e.topic] = e.i, e.body, e.digest, clock_timestamp()
        from unnest(topics, bodies, priors, digests) with ordinality as e (topic, body, prior, digest, i);
    end if;
    for i in 1..entries loop
        ac := sha256(ac || convert_to(concat_ws(
            E'\x1f', of_district::text, (ah + i)::text, micros, of_kind, of_terminal, coalesce(of_officer::text, ''),
            coalesce(of_shift::text, ''), of_method, coalesce(requests[i]::text, ''), codes[i]::text, reasons[i], about[i],
            of_trace
        ), 'UTF8'));
        audit_digests := audit_digests || ac;
    end loop;
    if entries > 0 then
        insert into audit (
            district, number, at, kind, terminal, officer_id, shift_id, method, request_id, code, reason, resources,
            trace_id, digest
        )
        select of_district, ah + e.i, moment, of_kind, of_terminal, of_officer, of_shift, of_method, e.request, e.code,
            e.reason, e.about, of_trace, e.digest
        from unnest(requests, codes, reasons, about, audit_digests) with ordinality
            as e (request, code, reason, about, digest, i);
    end if;
    update feed_head as f
    set head = h + events, digest = c, topic_heads = heads, audit_head = ah + entries, audit_digest = ac
    where f.district = of_district;
    return h + events;
end $$;

-- Closes a unit of work in one round trip: each district's ledger in ascending order, the audit rows (one for each answer,
-- in the chain of `audit_district`), then the stored answers (an import closes many requests at once). `home` is the
-- caller's own ledger, whose new revision is kept beside the answers. Returns the districts' new heads.
create function close_work(
    of_caller text, certificate_begins timestamptz, of_officer uuid, of_shift uuid, of_method text, of_trace text,
    audit_district integer, audit_requests uuid[], audit_codes integer[], reasons text[], about text[],
    requests uuid[], codes integer[], answers bytea[], home integer,
    districts integer[], topics smallint[], bodies bytea[]
) returns table (district integer, head bigint)
language plpgsql as $$
declare
    home_head bigint := 0;
    of_topics smallint[];
    of_bodies bytea[];
    audits boolean;
begin
    -- It runs with the owner's rights (0015), so it asks itself: an act writes to the ledgers of its scope. What a district
    -- may tell beyond it is an alarm, to the centre, and what became of blanks that it gives to another office or has from
    -- there (topic 2); and callers of no district stand in the centre's chain.
    perform must_be_in_scope(array(
        select d from unnest(districts, topics) as u (d, t) where not (t = 2 or d = 0 and t = 6)
    ));
    perform must_be_in_scope(array[case when audit_district <> 0 or scope_district() is not null then audit_district end]);
    -- What ended while the act was under way still carries it; what had ended before does not.
    if exists (
        select from terminal_revocation as t
        where t.terminal = of_caller and t.revoked_at >= certificate_begins and t.revoked_at < now()
    ) then
        raise exception 'the terminal was revoked' using errcode = 'EK003';
    end if;
    if of_shift is not null and not exists (
        select from shift as s
        where s.shift_id = of_shift and s.terminal = of_caller
            and (s.closed_at is null or s.closed_at >= now()) and s.ends_at > now()
    ) then
        raise exception 'the shift has ended' using errcode = 'EK001';
    end if;
    for district, of_topics, of_bodies in
        select e.d, array_agg(e.t order by e.i) filter (where e.i > 0), array_agg(e.b order by e.i) filter (where e.i > 0)
        from (
            select u.d, u.t, u.b, u.i
            from unnest(districts, topics, bodies) with ordinality as u (d, t, b, i)
            union all
            select audit_district, null, null, 0 where cardinality(audit_codes) > 0
        ) as e
        group by e.d
        order by e.d
    loop
        audits := district = audit_district;
        head := ledger_append(
            district, of_topics, of_bodies, 'ACT', of_caller, of_officer, of_shift, of_method, of_trace,
            case when audits then audit_requests end, case when audits then audit_codes end,
            case when audits then reasons end, case when audits then about end
        );
        if of_topics is not null then
            if district = home then
                home_head := head;
            end if;
            return next;
        end if;
    end loop;
    -- One by one, by the whole key: joined, or as an array, a plan of the first day reads all that the caller ever asked.
    for place in 1 .. cardinality(requests) loop
        update request as r set answer_code = codes[place], answer = answers[place], committed_revision = home_head
        where r.caller = of_caller and r.request_id = requests[place];
    end loop;
end $$;

-- Stores a refusal whose act was rolled back, with its audit row; answers whether it is the first answer.
create function close_refused(
    of_caller text, of_officer uuid, of_shift uuid, of_method text, of_trace text, audit_district integer,
    of_request uuid, of_digest bytea, of_code integer, of_reason text, of_answer bytea
) returns boolean
language plpgsql as $$
begin
    perform must_be_in_scope(array[case when audit_district <> 0 or scope_district() is not null then audit_district end]);
    insert into request (caller, request_id, method, content_digest, answer_code, answer, committed_revision)
    values (of_caller, of_request, of_method, of_digest, of_code, of_answer, 0)
    on conflict do nothing;
    if not found then
        return false;
    end if;
    perform ledger_append(
        audit_district, null, null, 'ACT', of_caller, of_officer, of_shift, of_method, of_trace,
        array[of_request], array[of_code], array[of_reason], array['']
    );
    return true;
end $$;

-- Persons whose data were answered, by who asked and the office's day; the quota's count, shared by all servers.
create table disclosure_count (
    day date not null,
    -- officer/<person>, terminal/<identity> or district/<code>.
    subject text not null,
    persons integer not null,
    primary key (day, subject)
);

-- Persons who exist only as a trap: nobody has a reason to read them.
create table honeytoken (
    resident_id uuid primary key,
    district integer not null,
    planted_at timestamptz not null default clock_timestamp(),
    constraint honeytoken_is_a_resident foreign key (resident_id) references resident
);

-- One answer with personal data is about to leave: counts its persons against each subject's limit, writes its audit row,
-- and raises the alarm where a trap is among them. Answers the first subject whose quota is reached (then nothing was
-- counted and nothing may leave), and whether the alarm was raised.
create function disclose(
    of_district integer, of_terminal text, of_officer uuid, of_shift uuid, of_method text, of_trace text,
    residents uuid[], subjects text[], limits integer[], of_day date, alarm bytea
) returns table (reached text, alarmed boolean)
language plpgsql as $$
declare
    wanted integer := cardinality(residents);
begin
    perform must_be_in_scope(array[case when of_district <> 0 or scope_district() is not null then of_district end]);
    -- In ascending order of the ledgers: the centre's, for the alarm, before the district's.
    alarmed := exists (select from honeytoken as h where h.resident_id = any(residents));
    select s.subject into reached
    from unnest(subjects, limits) with ordinality as s (subject, quota, place)
    left join disclosure_count as c on c.day = of_day and c.subject = s.subject
    where coalesce(c.persons, 0) + wanted > s.quota
    order by s.place
    limit 1;
    if reached is null then
        begin
            insert into disclosure_count as c (day, subject, persons)
            select of_day, s.subject, wanted from unnest(subjects) as s (subject) order by s.subject
            on conflict (day, subject) do update set persons = c.persons + excluded.persons;
            -- Twins may have counted meanwhile; now that the rows are ours, the sum decides.
            select s.subject into reached
            from unnest(subjects, limits) with ordinality as s (subject, quota, place)
            join disclosure_count as c on c.day = of_day and c.subject = s.subject
            where c.persons > s.quota
            order by s.place
            limit 1;
            if reached is not null then
                raise exception 'quota' using errcode = 'EK002';
            end if;
        exception when sqlstate 'EK002' then
            null;
        end;
    end if;
    if alarmed then
        perform ledger_append(0, array[6::smallint], array[alarm], null, null, null, null, null, null, null, null, null, null);
    end if;
    perform ledger_append(
        of_district, null, null, 'READ', of_terminal, of_officer, of_shift, of_method, of_trace,
        array[null::uuid], array[case when reached is null then 0 else 8 end],
        array[case when reached is null then '' else 'QUOTA_REACHED' end],
        array[(select coalesce(string_agg('resident/' || r, ',' order by r), '') from unnest(residents) as r)]
    );
    return next;
end $$;

-- The signed heads over all chains, one a minute. What they prove needs no trust in this table: a copy of each stands in
-- the witness file and with every terminal that keeps them.
create table audit_tree_head (
    number bigint primary key,
    made_at timestamptz not null,
    -- Which chains, in ascending order, and how far each had come.
    districts integer[] not null,
    numbers bigint[] not null,
    row_count bigint not null,
    root bytea not null,
    prior_root bytea not null,
    signature bytea not null,
    public_key bytea not null,
    constraint audit_tree_head_numbers_from_one check (number >= 1),
    constraint audit_tree_head_is_whole check (
        cardinality(districts) = cardinality(numbers) and octet_length(root) = 32 and octet_length(signature) = 64
        and octet_length(public_key) = 32 and octet_length(prior_root) in (0, 32)
    )
);

-- When the log began; the first head is due a minute later. Who serves may not read the rows themselves.
create function audit_began() returns timestamptz language sql stable as $$
    select min(at) from audit
$$;
