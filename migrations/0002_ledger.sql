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
    -- The revision of each topic's last event; index = topic number (1 queue, 2 stock, 3 collections, 4 enrolments,
    -- 5 audit heads, 6 alarms).
    topic_heads bigint[] not null default '{0,0,0,0,0,0}',
    -- The district's audit chain (0010) ends here; in the same row, so that closing an act locks and writes one row.
    audit_head bigint not null default 0,
    audit_digest bytea not null default '\x',
    constraint feed_head_is_not_below_its_floor check (0 <= floor and floor <= head),
    constraint feed_head_knows_six_topics check (cardinality(topic_heads) = 6)
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
    constraint feed_event_topic_is_known check (topic between 1 and 6),
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
