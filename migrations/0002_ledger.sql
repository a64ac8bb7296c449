-- The district ledger: what the Watch streams are fed from. Mechanism only; no rule of the office lives here.

-- One row; a new id after every restore, so that a resume token of another history is recognised.
create table feed (
    only_row boolean primary key default true,
    feed_id uuid not null,
    constraint feed_has_one_row check (only_row)
);
insert into feed (feed_id) values (gen_random_uuid());

-- One row for each district and one (0) for acts that concern no district. Its lock numbers the events: number n + 1 can
-- be taken only after the holder of n has ended, so no reader can see n + 1 without n.
create table feed_head (
    district integer primary key,
    head bigint not null default 0,
    digest bytea not null default '\x',
    -- Everything at or below the floor has been dropped; its digest stays, so that a token exactly there still resumes.
    floor bigint not null default 0,
    floor_digest bytea not null default '\x',
    -- The revision of each topic's last event; index = topic number (1 queue, 2 stock, 3 collections, 4 enrolments).
    topic_heads bigint[] not null default '{0,0,0,0}',
    constraint feed_head_is_not_below_its_floor check (0 <= floor and floor <= head),
    constraint feed_head_knows_four_topics check (cardinality(topic_heads) = 4)
    -- Low fill: every commit of a district updates its row, and a free slot on the page keeps that update cheap (HOT).
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create table feed_event (
    district integer not null,
    revision bigint not null,
    day date not null,
    topic smallint not null,
    -- The topic's revision before this event.
    prior_revision bigint not null,
    -- This is the commit's last event of the topic.
    last_in_commit boolean not null,
    -- Ids and states only: no name, no NIK, no phone number.
    body bytea not null,
    digest bytea not null,
    at timestamptz not null,
    -- The day stands last: a key that starts with it would make readers merge and sort all partitions.
    primary key (district, revision, day),
    constraint feed_event_topic_is_known check (topic between 1 and 4),
    constraint feed_event_prior_is_lower check (prior_revision < revision),
    constraint feed_event_body_is_small check (octet_length(body) <= 4096)
) partition by range (day);

-- Makes the partitions of today and the next days. Safe to run at any time, by several servers at once.
create function feed_partitions(days_ahead integer) returns integer
language plpgsql as $$
declare
    day date;
    made integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('feed_partitions'));
    -- From yesterday: a commit that began before midnight may write after it, and the other way round.
    for day in select generate_series(current_date - 1, current_date + days_ahead, interval '1 day')::date loop
        if to_regclass(format('feed_event_%s', to_char(day, 'YYYYMMDD'))) is null then
            execute format(
                'create table feed_event_%s partition of feed_event for values from (%L) to (%L)',
                to_char(day, 'YYYYMMDD'), day, day + 1
            );
            made := made + 1;
        end if;
    end loop;
    return made;
end $$;

-- Appends one commit's events of one district: locks the head, numbers densely, chains SHA-256. Returns the new head.
-- It must be the last thing before COMMIT: the district's other writers wait from here on.
create function feed_append(of_district integer, topics smallint[], bodies bytea[]) returns bigint
language plpgsql as $$
declare
    n integer := cardinality(topics);
    h bigint;
    c bytea;
    heads bigint[];
    prior bigint;
    last_of bigint[] := '{0,0,0,0}';
    priors bigint[] := '{}';
    digests bytea[] := '{}';
begin
    if n is null or n < 1 or n > 500 or n <> cardinality(bodies) then
        raise exception 'a commit appends 1 to 500 events to a district';
    end if;
    select head, digest, topic_heads into strict h, c, heads
    from feed_head where district = of_district for no key update;
    for i in 1..n loop
        prior := heads[topics[i]];
        c := sha256(c || int8send(h + i) || int2send(topics[i]) || bodies[i]);
        heads[topics[i]] := h + i;
        last_of[topics[i]] := i;
        priors := priors || prior;
        digests := digests || c;
    end loop;
    insert into feed_event (district, revision, day, topic, prior_revision, last_in_commit, body, digest, at)
    select of_district, h + e.i, current_date, e.topic, e.prior, last_of[e.topic] = e.i, e.body, e.digest, clock_timestamp()
    from unnest(topics, bodies, priors, digests) with ordinality as e (topic, body, prior, digest, i);
    update feed_head set head = h + n, digest = c, topic_heads = heads where district = of_district;
    return h + n;
end $$;

-- The answers to requests: the same request id with the same content gets the first answer again. One table, not
-- partitioned, so that the key holds over all days; a chore deletes old rows.
create table request (
    caller text not null,
    request_id uuid not null,
    method text not null,
    -- Keyed digest of the content: a plain hash of a NIK could be searched for.
    content_digest bytea not null,
    received_at timestamptz not null default clock_timestamp(),
    -- Absent while the act is under way; never visible so to others, because the act's commit fills it.
    answer_code integer,
    answer bytea,
    committed_revision bigint,
    primary key (caller, request_id),
    constraint request_answer_is_complete check ((answer_code is null) = (answer is null))
);
create index request_by_age on request (received_at);

-- Closes a unit of work in one round trip: the stored answers (an import closes many requests at once), then each
-- district's ledger in ascending order. `home` is the caller's own ledger, whose new revision is kept beside the answers.
-- Returns the districts' new heads.
create function close_work(
    of_caller text, requests uuid[], codes integer[], answers bytea[], home integer,
    districts integer[], topics smallint[], bodies bytea[]
) returns table (district integer, head bigint)
language plpgsql as $$
declare
    home_head bigint := 0;
    of_topics smallint[];
    of_bodies bytea[];
begin
    for district, of_topics, of_bodies in
        select e.d, array_agg(e.t order by e.i), array_agg(e.b order by e.i)
        from unnest(districts, topics, bodies) with ordinality as e (d, t, b, i)
        group by e.d
        order by e.d
    loop
        head := feed_append(district, of_topics, of_bodies);
        if district = home then
            home_head := head;
        end if;
        return next;
    end loop;
    update request as r set answer_code = a.code, answer = a.bytes, committed_revision = home_head
    from unnest(requests, codes, answers) as a (id, code, bytes)
    where r.caller = of_caller and r.request_id = a.id;
end $$;
