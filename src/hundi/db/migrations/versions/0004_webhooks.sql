-- Webhooks: who wants to hear of what, what is to be said, and how each attempt to say it ended.

create table webhook_endpoints (
    seller_id        text        not null,
    endpoint_id      text        not null,
    url              text        not null,
    description      text,
    event_types      text[]      not null,
    status           text        not null,
    disabled_reason  text,
    -- Sealed: the shared secret and the Ed25519 key, and those before the last rotation while they still sign.
    secret           bytea       not null,
    signing_key      bytea       not null,
    public_key       text        not null,
    old_secret       bytea,
    old_signing_key  bytea,
    old_until        timestamptz,
    -- When the unbroken row of failures began; null: the last attempt was taken, or there was none.
    failing_since    timestamptz,
    created_at       timestamptz not null,
    created_by       text        not null,
    modified_at      timestamptz not null,
    modified_by      text        not null,
    deleted_at       timestamptz,
    constraint webhook_endpoints_pk primary key (seller_id, endpoint_id),
    constraint webhook_endpoints_seller_fk foreign key (seller_id) references sellers (seller_id),
    constraint webhook_endpoints_status_known check (status in ('ENABLED', 'DISABLED')),
    constraint webhook_endpoints_types_some check (cardinality(event_types) between 1 and 50),
    constraint webhook_endpoints_rotation_whole check (
        (old_secret is null) = (old_until is null) and (old_signing_key is null) = (old_until is null))
);
comment on table webhook_endpoints is 'Addresses a seller wants to be told at, and the keys that sign what is told.';

create table webhook_cursors (
    seller_id   text        not null,
    -- Events up to here were looked at once, soon after they were written …
    quick_id    text        not null,
    -- … and up to here once more, when no transaction that could still add an earlier one is open.
    settled_id  text        not null,
    settled_at  timestamptz not null,
    constraint webhook_cursors_pk primary key (seller_id)
);
comment on table webhook_cursors is 'How far a seller''s events were turned into webhooks.';

create table webhook_messages (
    seller_id    text        not null,
    message_id   text        not null,
    event_id     text,
    type         text        not null,
    object_kind  text        not null,
    object_id    text        not null,
    at           timestamptz not null,
    data         jsonb       not null,
    -- The body is data alone, as a network prints it; its particulars are in the headers only.
    bare         boolean     not null,
    -- Goes behind the endpoint's own path.
    path         text,
    constraint webhook_messages_pk primary key (seller_id, message_id)
);
create unique index webhook_messages_event_once on webhook_messages (seller_id, event_id) where event_id is not null;
comment on table webhook_messages is 'What is to be told; message_id is the webhook-id of every delivery of it.';

create table webhook_lanes (
    seller_id      text   not null,
    endpoint_id    text   not null,
    object_kind    text   not null,
    object_id      text   not null,
    last_sequence  bigint not null,
    last_position  bigint not null,
    constraint webhook_lanes_pk primary key (seller_id, endpoint_id, object_kind, object_id),
    constraint webhook_lanes_endpoint_fk foreign key (seller_id, endpoint_id)
        references webhook_endpoints (seller_id, endpoint_id)
);
comment on table webhook_lanes is 'One object at one endpoint: its row''s lock keeps deliveries in order, its counters number them.';

create table webhook_deliveries (
    seller_id    text        not null,
    delivery_id  text        not null,
    endpoint_id  text        not null,
    message_id   text        not null,
    object_kind  text        not null,
    object_id    text        not null,
    -- What the receiver is told; a replay repeats it.
    sequence     bigint      not null,
    -- The order in the lane; every delivery has its own.
    position     bigint      not null,
    state        text        not null,
    attempts     smallint    not null,
    -- When it may be sent; while it is being sent, when that began.
    due_at       timestamptz not null,
    detail       text,
    created_at   timestamptz not null,
    settled_at   timestamptz,
    replay_of    text,
    constraint webhook_deliveries_pk primary key (seller_id, delivery_id),
    constraint webhook_deliveries_lane_fk foreign key (seller_id, endpoint_id, object_kind, object_id)
        references webhook_lanes (seller_id, endpoint_id, object_kind, object_id),
    constraint webhook_deliveries_message_fk foreign key (seller_id, message_id)
        references webhook_messages (seller_id, message_id),
    constraint webhook_deliveries_position_once unique (seller_id, endpoint_id, object_kind, object_id, position),
    constraint webhook_deliveries_state_known check (state in ('PENDING', 'SENDING', 'DELIVERED', 'FAILED')),
    constraint webhook_deliveries_settled_when_done check ((settled_at is not null) = (state in ('DELIVERED', 'FAILED')))
);
create index webhook_deliveries_open on webhook_deliveries (seller_id, endpoint_id, object_kind, object_id, position)
    where state in ('PENDING', 'SENDING');
create index webhook_deliveries_under_way on webhook_deliveries (seller_id, endpoint_id, due_at) where state = 'SENDING';
create index webhook_deliveries_due on webhook_deliveries (seller_id, due_at) where state in ('PENDING', 'SENDING');
create index webhook_deliveries_by_endpoint on webhook_deliveries (seller_id, endpoint_id, delivery_id);
create index webhook_deliveries_by_message on webhook_deliveries (seller_id, message_id);

create table webhook_attempts (
    seller_id    text        not null,
    delivery_id  text        not null,
    attempt_no   smallint    not null,
    started_at   timestamptz not null,
    finished_at  timestamptz,
    outcome      text,
    status       smallint,
    ms           integer,
    response     text,
    detail       text,
    constraint webhook_attempts_pk primary key (seller_id, delivery_id, attempt_no),
    constraint webhook_attempts_delivery_fk foreign key (seller_id, delivery_id)
        references webhook_deliveries (seller_id, delivery_id),
    constraint webhook_attempts_outcome_known check (
        outcome in ('TAKEN', 'GONE', 'ANSWERED', 'NO_ANSWER', 'NOT_SENT', 'REFUSED', 'LOST')),
    constraint webhook_attempts_finished_whole check ((finished_at is null) = (outcome is null))
);
comment on table webhook_attempts is 'Written before the call; without an outcome the call may be under way.';

create function sellers_with_webhook_work(p_before text, p_settle_before timestamptz) returns setof text
    language sql stable security definer set search_path = pg_catalog, public as $$
    select c.seller_id from public.webhook_cursors c
     where c.settled_at < p_settle_before
        or exists (select 1 from public.events e
                    where e.seller_id = c.seller_id and e.event_id > c.quick_id and e.event_id < p_before) $$;
comment on function sellers_with_webhook_work is 'Whose events wait to be turned into webhooks. Names only.';

do $$
declare t text;
begin
    foreach t in array array['webhook_endpoints', 'webhook_cursors', 'webhook_messages', 'webhook_lanes',
                             'webhook_deliveries', 'webhook_attempts'] loop
        execute format('alter table %I enable row level security', t);
        execute format('create policy %I on %I using (seller_id = current_setting(''hundi.seller_id'', true)) '
                       'with check (seller_id = current_setting(''hundi.seller_id'', true))', t || '_of_seller', t);
    end loop;
end $$;
