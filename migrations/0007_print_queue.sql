-- The queue of each district, every interval that a request ever spent in it, and the evidence of its order.

-- One row per district; leasing locks it, which makes the order exact, and numbers the dispatches.
create table queue (
    district integer primary key,
    dispatches bigint not null default 0
) with (fillfactor = 20);

create table print_request (
    print_request_id uuid primary key,
    district integer not null,
    subdistrict integer not null,
    -- The counter that took it; the daily quota is the site's.
    site text not null,
    resident_id uuid not null,
    applicant_class text not null,
    -- The date that counts within the class; kept through every attempt, hold and new policy.
    seniority_at timestamptz not null,
    requested_at timestamptz not null,
    -- The local date of the enrolment, for the policy's window.
    enrolled_on date not null,
    state text not null,
    -- Never before the last one's, whatever a server's clock says.
    state_at timestamptz not null,
    -- Why it is held; several may hold it at once.
    hold_reasons text[] not null default '{}',
    cancel_reason text,
    -- Raised whenever state, reasons, class or seniority change; each has its row in request_stage.
    stage integer not null default 1,
    attempt integer not null default 1,
    -- Under which it was last admitted, held or released.
    policy_version integer not null,
    identity_version integer not null,
    facts_version integer not null,
    -- Raised by every lease; later calls must name it.
    fence bigint not null default 0,
    lease_holder text,
    lease_location integer,
    lease_expires_at timestamptz,
    serial bigint,
    constraint print_request_has_the_verdict foreign key (resident_id, identity_version)
        references print_ready (resident_id, identity_version),
    constraint print_request_has_a_policy foreign key (policy_version) references policy_version (version),
    constraint print_request_class_is_known check (applicant_class in (
        'FIRST_ISSUE', 'RELOCATION', 'DATA_CHANGE', 'INTERIM_EXCHANGE', 'LOST', 'DAMAGED', 'REPLACE_DEFECTIVE'
    )),
    constraint print_request_state_is_known check (
        state in ('QUEUED', 'HELD', 'LEASED', 'BOUND', 'IN_DOUBT', 'PRINTED', 'CANCELLED')
    ),
    constraint print_request_hold_has_reasons check ((cardinality(hold_reasons) > 0) = (state = 'HELD')),
    constraint print_request_hold_reasons_are_known check (hold_reasons <@ '{
        CLASS_HELD,ENROLMENT_WINDOW,QUOTA,OFFICE_CLOSED,AWAITING_CENTRE,MOVED_OUT,INCIDENT
    }'::text[]),
    constraint print_request_cancel_has_a_reason check ((cancel_reason is not null) = (state = 'CANCELLED')),
    constraint print_request_cancel_reason_is_known check (cancel_reason in ('WITHDRAWN', 'DECEASED')),
    constraint print_request_lease_is_whole check (
        case when state in ('LEASED', 'BOUND', 'IN_DOUBT')
            then lease_holder is not null and lease_location is not null and lease_expires_at is not null
            else lease_holder is null and lease_location is null and lease_expires_at is null
        end
    ),
    constraint print_request_serial_is_bound check ((serial is not null) = (state in ('BOUND', 'IN_DOUBT', 'PRINTED'))),
    constraint print_request_counts_from_one check (attempt >= 1 and stage >= 1)
);
create unique index print_request_is_the_only_open_one on print_request (resident_id)
    where state not in ('PRINTED', 'CANCELLED');
-- What a person ever asked for: an incident of an older request stops the newer one too.
create index print_request_of_a_resident on print_request (resident_id);
-- The order of the queue: (class, seniority, id); the policy says in which order the classes are walked.
create index print_request_in_order on print_request (district, state, applicant_class, seniority_at, print_request_id);
-- Who waits for a day of a site.
create index print_request_waits_for_a_day on print_request (district, site)
    where state = 'HELD' and hold_reasons <@ '{QUOTA,OFFICE_CLOSED}';
-- What the review looks for: held for the class, held for the window, and queued before a window was drawn.
create index print_request_class_held on print_request (district, applicant_class, requested_at)
    where state = 'HELD' and 'CLASS_HELD' = any(hold_reasons);
create index print_request_outside on print_request (district, applicant_class, enrolled_on)
    where state = 'HELD' and 'ENROLMENT_WINDOW' = any(hold_reasons);
create index print_request_queued_by_enrolment on print_request (district, applicant_class, enrolled_on)
    where state = 'QUEUED';
-- What the chore that ends leases looks for.
create index print_request_leased on print_request (lease_expires_at) where state in ('LEASED', 'BOUND');

-- Every interval that a request spent in one state for one set of reasons: it ends where the next stage begins, so the
-- intervals join without gap or overlap by their form.
create table request_stage (
    print_request_id uuid not null,
    stage integer not null,
    district integer not null,
    state text not null,
    hold_reasons text[] not null default '{}',
    -- The place that the request had from then on.
    applicant_class text not null,
    seniority_at timestamptz not null,
    -- Business time.
    began_at timestamptz not null,
    -- Of a lease its holder; the n-th lease of a request has the fence n.
    lease_holder text,
    -- Whose transaction wrote it and when by the database's clock: what a dispatch saw is decided by its snapshot.
    written_by xid8 not null default pg_current_xact_id(),
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (print_request_id, stage),
    constraint request_stage_is_of_a_request foreign key (print_request_id) references print_request,
    constraint request_stage_counts_from_one check (stage >= 1)
);
-- A replay of a day needs the requests that moved since.
create index request_stage_of_a_day on request_stage (district, began_at);
-- Nothing changes its state without leaving a stage. The statements write both at once.
alter table print_request add constraint print_request_stands_in_its_stage
    foreign key (print_request_id, stage) references request_stage (print_request_id, stage);

-- Submission asks for every card that a person ever had.
create index card_of_a_resident on card (resident_id);

-- Every decision of policy about a person: admitted, held, released, refused; with what it saw.
create table print_decision (
    decision_id uuid primary key,
    district integer not null,
    resident_id uuid not null,
    print_request_id uuid,
    applicant_class text not null,
    policy_version integer not null,
    outcome text not null,
    -- Of a refusal its one reason, of a hold all.
    reasons text[] not null,
    -- The facts that the decision saw: states and dates, nothing personal.
    facts jsonb not null,
    decided_at timestamptz not null,
    constraint print_decision_has_a_policy foreign key (policy_version) references policy_version (version),
    constraint print_decision_outcome_is_known check (outcome in ('ADMITTED', 'HELD', 'RELEASED', 'REFUSED')),
    constraint print_decision_names_its_request check ((print_request_id is null) = (outcome = 'REFUSED')),
    constraint print_decision_says_why check ((cardinality(reasons) > 0) = (outcome in ('HELD', 'REFUSED')))
);
create index print_decision_of_a_resident on print_decision (resident_id, decided_at);
create index print_decision_by_outcome on print_decision (district, outcome, decided_at);

-- How much of a site's daily quota is used; the row's lock counts exactly.
create table quota_use (
    district integer not null,
    site text not null,
    day date not null,
    admitted integer not null,
    primary key (district, site, day),
    constraint quota_use_counts_up check (admitted >= 0)
);

-- Every act of leasing that gave something, numbered in the order of its queue, with what it saw.
create table dispatch (
    district integer not null,
    number bigint not null,
    -- The local day.
    day date not null,
    policy_version integer not null,
    terminal text not null,
    -- Who stood at the terminal.
    officer_id uuid,
    location integer not null,
    wanted integer not null,
    -- For how many the store had blanks.
    room integer not null,
    -- In the order of the queue.
    leased uuid[] not null,
    -- Which transactions the walk through the queue saw, and which one it was itself: that one did not see what it wrote.
    saw pg_snapshot not null,
    written_by xid8 not null default pg_current_xact_id(),
    dispatched_at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (district, number),
    constraint dispatch_has_a_policy foreign key (policy_version) references policy_version (version),
    constraint dispatch_is_a_batch check (cardinality(leased) between 1 and 100)
);
create index dispatch_of_a_day on dispatch (district, day, number);

-- Whom a dispatch passed over, and why: they stood before the last one that it gave. A held request counts under the first
-- of its reasons; of the queued and of the held the most senior 1,000 are looked at.
create table dispatch_pass (
    district integer not null,
    number bigint not null,
    reason text not null,
    passed integer not null,
    most_senior uuid not null,
    primary key (district, number, reason),
    constraint dispatch_pass_is_of_a_dispatch foreign key (district, number) references dispatch,
    constraint dispatch_pass_passes_somebody check (passed > 0),
    constraint dispatch_pass_reason_is_known check (reason in (
        'CLASS_HELD', 'ENROLMENT_WINDOW', 'QUOTA', 'OFFICE_CLOSED', 'AWAITING_CENTRE', 'MOVED_OUT', 'INCIDENT',
        'NOT_RESIDENT', 'NOT_PRINT_READY', 'CARD_UNDER_WAY', 'LEFT_MEANWHILE'
    ))
);

-- The order changed by hand: a two-person act with a reason.
create table seniority_change (
    approval_id uuid primary key,
    district integer not null,
    print_request_id uuid not null,
    -- The stage that began with it.
    stage integer not null,
    reason text not null,
    seniority_before timestamptz not null,
    seniority_after timestamptz not null,
    changed_at timestamptz not null,
    constraint seniority_change_is_a_stage foreign key (print_request_id, stage) references request_stage,
    constraint seniority_change_reason_is_known check (
        reason in ('RECORDED_WRONGLY', 'DISASTER', 'MEDICAL', 'COURT_ORDER')
    )
);
create index seniority_change_of_a_request on seniority_change (print_request_id, stage);

-- A printer reported a card under a fence that was no longer good: a physical card may exist.
create table print_incident (
    incident_id uuid primary key,
    district integer not null,
    print_request_id uuid not null,
    -- What the printer said.
    fence bigint not null,
    serial bigint not null,
    terminal text not null,
    reported_at timestamptz not null,
    state text not null default 'OPEN',
    finding text,
    resolved_at timestamptz,
    approval_id uuid,
    constraint print_incident_is_of_a_request foreign key (print_request_id) references print_request,
    constraint print_incident_is_told_once unique (print_request_id, fence, serial),
    constraint print_incident_state_is_known check (state in ('OPEN', 'RESOLVED')),
    constraint print_incident_finding_is_known check (finding in ('NO_CARD', 'CARD_DESTROYED')),
    constraint print_incident_resolved_is_whole check (
        (state = 'RESOLVED') = (finding is not null and resolved_at is not null and approval_id is not null)
    )
);
create index print_incident_open on print_incident (print_request_id) where state = 'OPEN';
