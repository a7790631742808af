-- Companies that reach the network by way of a provider (EnKash, Zwitch) instead of the central unit of this installation.

create table network_connections (
    seller_id      text        not null,
    kind           text        not null,
    base_url       text        not null,
    -- Sealed JSON: what the provider knows the company by.
    credentials    bytea       not null,
    b2b_ids        text[]      not null,
    -- Whoever brings a webhook knows this; only its hash is kept, here and in the directory.
    intake_hash    bytea       not null,
    -- Sealed: the secret the provider signs its webhooks with (Standard Webhooks), where it does.
    signing_secret bytea,
    -- Sealed: the access token in use, and when it ends.
    token          bytea,
    token_until    timestamptz,
    last_error     text,
    last_error_at  timestamptz,
    created_at     timestamptz not null,
    modified_at    timestamptz not null,
    modified_by    text        not null,
    constraint network_connections_pk primary key (seller_id),
    constraint network_connections_seller_fk foreign key (seller_id) references sellers (seller_id),
    constraint network_connections_kind_known check (kind in ('enkash', 'zwitch')),
    constraint network_connections_token_whole check ((token is null) = (token_until is null))
);
comment on table network_connections is 'Whose messages go through which provider; a company without a row trades through the central unit.';

create table network_messages (
    seller_id    text        not null,
    message_id   text        not null,
    call         text        not null,
    about        text[]      not null,
    parcel       bytea       not null,
    progress     text        not null,
    due          timestamptz not null,
    attempts     integer     not null default 0,
    -- An attempt had no answer that can be believed: the provider may have the message.
    unsure       boolean     not null default false,
    provider_id  text,
    detail       text,
    created_at   timestamptz not null,
    changed_at   timestamptz not null,
    constraint network_messages_pk primary key (seller_id, message_id),
    constraint network_messages_progress_known check (progress in ('QUEUED', 'SENT', 'IN DOUBT', 'ANSWERED'))
);
create index network_messages_by_due on network_messages (seller_id, due, message_id) where progress = 'QUEUED';
create index network_messages_by_provider on network_messages (seller_id, provider_id) where provider_id is not null;
create index network_messages_open on network_messages (seller_id, call) where progress <> 'ANSWERED';
comment on table network_messages is 'A company''s own messages to its provider, and how far each has come.';

create table network_received (
    seller_id    text        not null,
    received_id  text        not null,
    source       text        not null,
    -- What makes two webhooks the same: a digest of name and body, or the provider's own event id.
    mark         text        not null,
    hook         text        not null,
    body         text        not null,
    outcome      text        not null,
    -- What has to come first: an object, a provider's name for one, or the provider's id of a message of ours.
    waits_for    text[]      not null,
    code         text,
    detail       text,
    at           timestamptz not null,
    changed_at   timestamptz not null,
    constraint network_received_pk primary key (seller_id, received_id),
    constraint network_received_once unique (seller_id, source, mark),
    constraint network_received_outcome_known check (outcome in ('TAKEN', 'KEPT', 'DISMISSED'))
);
create index network_received_kept on network_received (seller_id, received_id) where outcome = 'KEPT';
comment on table network_received is 'Webhooks of a provider, each once. KEPT: it contradicts what is known here and had no effect.';

create table network_aliases (
    seller_id  text not null,
    source     text not null,
    alias      text not null,
    object_id  text not null,
    constraint network_aliases_pk primary key (seller_id, source, alias)
);
create index network_aliases_by_object on network_aliases (seller_id, object_id);
comment on table network_aliases is 'A provider''s own names for objects.';

do $$
declare t text;
begin
    foreach t in array array['network_connections', 'network_messages', 'network_received', 'network_aliases'] loop
        execute format('alter table %I enable row level security', t);
        execute format('create policy %I on %I using (seller_id = current_setting(''hundi.seller_id'', true)) '
                       'with check (seller_id = current_setting(''hundi.seller_id'', true))', t || '_of_seller', t);
    end loop;
end $$;
