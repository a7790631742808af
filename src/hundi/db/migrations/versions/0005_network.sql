-- The B2B network. A company's side are tenant tables as all others. The central unit has a schema of its own, keyed by
-- object id and by home: it knows businesses, not sellers, and may as well live in a database of its own (design §5).

-- ---------------------------------------------------------------- a company's side

create table network_objects (
    seller_id     text           not null,
    object_id     text           not null,
    kind          text           not null,
    number        text           not null,
    supplier      text           not null,
    buyer         text           not null,
    role          text           not null,
    status        text           not null,
    version       integer        not null,
    revision      integer        not null,
    total         numeric(18,2),
    due           numeric(18,2),
    key           text,
    data          jsonb          not null,
    document      jsonb          not null,
    created_at    timestamptz    not null,
    changed_at    timestamptz    not null,
    constraint network_objects_pk primary key (seller_id, object_id),
    constraint network_objects_seller_fk foreign key (seller_id) references sellers (seller_id),
    constraint network_objects_kind_known check (kind in ('INVOICE', 'PAYMENT', 'PURCHASE ORDER', 'NOTE',
        'FINANCING REQUEST', 'BID', 'BUSINESS', 'B2B ID')),
    constraint network_objects_role_known check (role in ('SUPPLIER', 'BUYER', 'BOTH', 'INITIATOR', 'FA',
        'OWNER')),
    constraint network_objects_revision_from_one check (revision >= 1 and version >= 0)
);
create index network_objects_by_kind on network_objects (seller_id, kind, created_at, object_id);
create index network_objects_by_status on network_objects (seller_id, status, kind, role, created_at);
create index network_objects_by_key on network_objects (seller_id, key) where key is not null;
comment on table network_objects is 'A company''s copy of what it trades: data is what the rules decide by, document the published JSON it was last sent with. It changes by the central unit''s word only.';

create table network_events (
    seller_id   text          not null,
    object_id   text          not null,
    revision    integer       not null,
    event       text          not null,
    actor       text          not null,
    before      text          not null,
    after       text          not null,
    version     integer       not null,
    amount      numeric(18,2),
    at          timestamptz   not null,
    message_id  text          not null,
    constraint network_events_pk primary key (seller_id, object_id, revision)
);
comment on table network_events is 'Every move of every object, in order of revision.';

create table network_outbox (
    seller_id  text         not null,
    parcel_id  text         not null,
    receiver   text         not null,
    parcel     bytea        not null,
    due        timestamptz  not null,
    attempts   integer      not null default 0,
    constraint network_outbox_pk primary key (seller_id, parcel_id)
);
create index network_outbox_by_due on network_outbox (seller_id, due, parcel_id);

create table network_awaiting (
    seller_id   text        not null,
    message_id  text        not null,
    object_id   text        not null,
    since       timestamptz not null,
    constraint network_awaiting_pk primary key (seller_id, object_id, message_id)
);
create index network_awaiting_by_message on network_awaiting (seller_id, message_id);
comment on table network_awaiting is 'Messages of ours whose answer has not come yet, by the objects they are about.';

create table network_inbox (
    seller_id  text        not null,
    sender     text        not null,
    parcel_id  text        not null,
    digest     text        not null,
    at         timestamptz not null,
    constraint network_inbox_pk primary key (seller_id, sender, parcel_id)
);
comment on table network_inbox is 'Parcels that were taken over, so that one that comes again has no effect.';

create table network_heights (
    seller_id  text   not null,
    sender     text   not null,
    lane       text   not null,
    height     bigint not null,
    constraint network_heights_pk primary key (seller_id, sender, lane)
);
comment on table network_heights is 'The last parcel of each lane that took effect.';

create table network_numbers (
    seller_id  text   not null,
    receiver   text   not null,
    lane       text   not null,
    last       bigint not null,
    constraint network_numbers_pk primary key (seller_id, receiver, lane)
);
comment on table network_numbers is 'The last parcel of each lane that was sent.';

create table network_held (
    seller_id  text   not null,
    sender     text   not null,
    parcel_id  text   not null,
    places     text[] not null,
    parcel     bytea  not null,
    constraint network_held_pk primary key (seller_id, sender, parcel_id)
);
comment on table network_held is 'Parcels that came before their turn; places are lane#number.';

-- ---------------------------------------------------------------- the central unit

create schema central;
comment on schema central is 'The network''s central unit: registry, routing, the authoritative copy of each object.';

create table central.homes (
    home        text        not null,
    public_key  bytea       not null,
    address     text,
    created_at  timestamptz not null,
    constraint homes_pk primary key (home),
    constraint homes_key_is_ed25519 check (octet_length(public_key) = 32)
);
comment on table central.homes is 'Parties of other servers. Companies of this one need no row: their keys follow from the installation''s secret.';

create table central.objects (
    object_id   text        not null,
    kind        text        not null,
    status      text        not null,
    version     integer     not null,
    revision    integer     not null,
    data        jsonb       not null,
    document    jsonb       not null,
    created_at  timestamptz not null,
    changed_at  timestamptz not null,
    constraint objects_pk primary key (object_id)
);

create table central.events (
    object_id   text          not null,
    revision    integer       not null,
    event       text          not null,
    actor       text          not null,
    before      text          not null,
    after       text          not null,
    version     integer       not null,
    amount      numeric(18,2),
    at          timestamptz   not null,
    message_id  text          not null,
    constraint central_events_pk primary key (object_id, revision)
);

create table central.claims (
    key        text not null,
    object_id  text not null,
    constraint claims_pk primary key (key)
);
comment on table central.claims is 'What may be held once: document numbers, UTRs, business identifiers.';

create table central.words (
    parameter  text not null,
    value      text not null,
    object_id  text not null,
    constraint words_pk primary key (parameter, value, object_id)
);
comment on table central.words is 'What a business is found by in a search, in capitals.';

create table central.outbox (
    parcel_id  text         not null,
    receiver   text         not null,
    parcel     bytea        not null,
    due        timestamptz  not null,
    attempts   integer      not null default 0,
    constraint outbox_pk primary key (parcel_id)
);
create index outbox_by_due on central.outbox (receiver, due, parcel_id);

create table central.inbox (
    sender     text        not null,
    parcel_id  text        not null,
    digest     text        not null,
    at         timestamptz not null,
    constraint inbox_pk primary key (sender, parcel_id)
);

create table central.heights (
    sender  text   not null,
    lane    text   not null,
    height  bigint not null,
    constraint heights_pk primary key (sender, lane)
);

create table central.numbers (
    receiver  text   not null,
    lane      text   not null,
    last      bigint not null,
    constraint numbers_pk primary key (receiver, lane)
);

create table central.held (
    sender     text   not null,
    parcel_id  text   not null,
    places     text[] not null,
    parcel     bytea  not null,
    constraint held_pk primary key (sender, parcel_id)
);

do $$
declare t text;
begin
    foreach t in array array['network_objects', 'network_events', 'network_outbox', 'network_awaiting', 'network_inbox',
                             'network_heights', 'network_numbers', 'network_held'] loop
        execute format('alter table %I enable row level security', t);
        execute format('create policy %I on %I using (seller_id = current_setting(''hundi.seller_id'', true)) '
                       'with check (seller_id = current_setting(''hundi.seller_id'', true))', t || '_of_seller', t);
    end loop;
end $$;
