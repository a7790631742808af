-- The first schema: sellers and who may act for them, customers, invoices, imports, deliveries, and the rows that
-- every change leaves behind (events, audit, idempotency keys).
--
-- Rules kept by tests/architecture/test_schema.py (design §4.1, §6): seller_id is text, not null and first in every
-- primary and unique key; row-level security on every tenant table; every constraint has a name of ours; no triggers,
-- no sequences; foreign keys between tenant tables carry seller_id.

create extension if not exists pg_trgm;
create extension if not exists btree_gin;

-- ---------------------------------------------------------------- binding and the directory

create function bind_seller(p_seller text) returns void language plpgsql as $$
begin
    -- EXECUTE and not set_config: Citus propagates SET LOCAL inside a transaction, not the function (design §6).
    execute format('set local hundi.seller_id = %L', p_seller);
end $$;

create table directory (
    kind       text  not null,
    key_hash   bytea not null,
    seller_id  text  not null,
    constraint directory_pk primary key (kind, key_hash),
    constraint directory_kind_known check (kind in
        ('login', 'api_client', 'refresh_token', 'invoice_link', 'file_link', 'webhook_intake', 'seller'))
);
comment on table directory is 'What must be found before the seller is known. No tenant data: a hash and whose it is.';

create function directory_find(p_kind text, p_key_hash bytea) returns text
    language sql stable security definer set search_path = pg_catalog, public as
$$ select seller_id from public.directory where kind = p_kind and key_hash = p_key_hash $$;

create function directory_put(p_kind text, p_key_hash bytea) returns boolean
    language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    -- The row always names the bound seller, so nobody can point a key at somebody else's data.
    insert into public.directory (kind, key_hash, seller_id)
    values (p_kind, p_key_hash, current_setting('hundi.seller_id'))
    on conflict on constraint directory_pk do nothing;
    return found;
end $$;

create function directory_drop(p_kind text, p_key_hash bytea) returns void
    language sql security definer set search_path = pg_catalog, public as $$
    delete from public.directory
     where kind = p_kind and key_hash = p_key_hash and seller_id = current_setting('hundi.seller_id') $$;

-- ---------------------------------------------------------------- sellers and their people

create table sellers (
    seller_id        text        not null,
    legal_name       text        not null,
    trade_name       text,
    pan              text,
    amount_mismatch  text        not null default 'error',
    unknown_resends  smallint    not null default 1,
    reply_to         text,
    e_invoice_from   date,
    created_at       timestamptz not null,
    constraint sellers_pk primary key (seller_id),
    constraint sellers_id_shape check (seller_id ~ '^CEK[A-Z0-9]{7}$'),
    constraint sellers_amount_mismatch_known check (amount_mismatch in ('error', 'warn')),
    constraint sellers_unknown_resends_range check (unknown_resends between 0 and 9)
);

create table registrations (
    seller_id        text        not null,
    registration_id  text        not null,
    is_default       boolean     not null,
    gstin            text,
    legal_name       text        not null,
    trade_name       text,
    pan              text,
    udyam_number     text,
    address_line1    text        not null,
    address_line2    text,
    city             text        not null,
    pin_code         text        not null,
    state_code       text        not null,
    email            text,
    phone            text,
    bank_holder      text,
    bank_account     bytea,
    bank_ifsc        text,
    bank_name        text,
    upi_vpa          text,
    upi_max_amount   numeric(18,2) not null default 100000.00,
    signatory_name   text,
    lut_number       text,
    created_at       timestamptz not null,
    constraint registrations_pk primary key (seller_id, registration_id),
    constraint registrations_seller_fk foreign key (seller_id) references sellers (seller_id)
);
create unique index registrations_one_default on registrations (seller_id) where is_default;
create unique index registrations_gstin_once on registrations (seller_id, gstin) where gstin is not null;

create table number_series (
    seller_id        text not null,
    series_id        text not null,
    registration_id  text not null,
    doc_type         text not null,
    pattern          text not null,
    is_default       boolean not null,
    created_at       timestamptz not null,
    constraint number_series_pk primary key (seller_id, series_id),
    constraint number_series_registration_fk foreign key (seller_id, registration_id)
        references registrations (seller_id, registration_id),
    constraint number_series_doc_type_known check (doc_type in ('INV', 'CRN', 'DBN'))
);
create unique index number_series_one_default on number_series (seller_id, registration_id, doc_type) where is_default;

create table number_counters (
    seller_id   text   not null,
    series_id   text   not null,
    fy          smallint not null,
    next_value  bigint not null,
    constraint number_counters_pk primary key (seller_id, series_id, fy),
    constraint number_counters_series_fk foreign key (seller_id, series_id)
        references number_series (seller_id, series_id)
);

create table users (
    seller_id      text        not null,
    user_id        text        not null,
    username       text        not null,
    display_name   text        not null,
    email          text,
    mobile         text,
    password_hash  text        not null,
    status         text        not null default 'ACTIVE',
    failed_count   smallint    not null default 0,
    locked_until   timestamptz,
    created_at     timestamptz not null,
    constraint users_pk primary key (seller_id, user_id),
    constraint users_username_once unique (seller_id, username),
    constraint users_seller_fk foreign key (seller_id) references sellers (seller_id),
    constraint users_status_known check (status in ('ACTIVE', 'INACTIVE'))
);
comment on table users is 'A person, kept under the seller who created the account (home); memberships say where they work.';

create table memberships (
    seller_id       text        not null,
    user_id         text        not null,
    home_seller_id  text        not null,
    username        text        not null,
    display_name    text        not null,
    email           text,
    mobile          text,
    roles           text[]      not null,
    created_at      timestamptz not null,
    revoked_at      timestamptz,
    constraint memberships_pk primary key (seller_id, user_id),
    constraint memberships_seller_fk foreign key (seller_id) references sellers (seller_id),
    constraint memberships_roles_known check (roles <@ array
        ['owner', 'admin', 'maker', 'checker', 'approver', 'viewer', 'developer']::text[])
);

create table api_clients (
    seller_id    text        not null,
    client_id    text        not null,
    name         text        not null,
    secret_hash  bytea       not null,
    roles        text[]      not null,
    created_at   timestamptz not null,
    revoked_at   timestamptz,
    constraint api_clients_pk primary key (seller_id, client_id),
    constraint api_clients_seller_fk foreign key (seller_id) references sellers (seller_id),
    constraint api_clients_roles_known check (roles <@ array
        ['owner', 'admin', 'maker', 'checker', 'approver', 'viewer', 'developer']::text[])
);

create table partner_grants (
    seller_id          text        not null,
    partner_seller_id  text        not null,
    roles              text[]      not null,
    granted_by         text        not null,
    created_at         timestamptz not null,
    revoked_at         timestamptz,
    constraint partner_grants_pk primary key (seller_id, partner_seller_id),
    constraint partner_grants_seller_fk foreign key (seller_id) references sellers (seller_id),
    constraint partner_grants_roles_known check (roles <@ array
        ['admin', 'maker', 'checker', 'approver', 'viewer', 'developer']::text[])
);

create table refresh_tokens (
    seller_id   text        not null,
    token_hash  bytea       not null,
    family_id   text        not null,
    client_id   text        not null,
    user_id     text,
    created_at  timestamptz not null,
    expires_at  timestamptz not null,
    used_at     timestamptz,
    constraint refresh_tokens_pk primary key (seller_id, token_hash)
);
create index refresh_tokens_family on refresh_tokens (seller_id, family_id);

create table token_revocations (
    seller_id   text        not null,
    subject     text        not null,
    not_before  timestamptz not null,
    constraint token_revocations_pk primary key (seller_id, subject)
);
comment on table token_revocations is 'Access tokens of a subject (user, client, token family) issued before not_before are void.';

create function bind_actor(p_seller text, p_subjects text[], p_issued timestamptz) returns void language plpgsql as $$
begin
    execute format('set local hundi.seller_id = %L', p_seller);
    if exists (select 1 from token_revocations r
                where r.seller_id = p_seller and r.subject = any (p_subjects) and r.not_before > p_issued) then
        raise exception 'token revoked' using errcode = 'HU401';
    end if;
end $$;

-- ---------------------------------------------------------------- customers

create table customers (
    seller_id          text        not null,
    customer_id        text        not null,
    unique_ref_no      text,
    legal_name         text        not null,
    trade_name         text,
    gstin              text,
    pan                text,
    treatment          text        not null,
    address            text,
    state_code         text,
    pin_code           text,
    shipping_address   text,
    shipping_state     text,
    shipping_pin_code  text,
    contact_number     text,
    account_number     bytea,
    ifsc               text,
    customer_company_id text,
    external_source    boolean     not null default false,
    terms_days         smallint,
    tan                text,
    udyam_number       text,
    udyam_class        text,
    assigned_agent     text,
    branch_codes       text[]      not null default '{}',
    has_key_contacts   boolean     not null default false,
    status             text        not null default 'ACTIVE',
    deleted_at         timestamptz,
    created_at         timestamptz not null,
    created_by         text        not null,
    modified_at        timestamptz not null,
    modified_by        text        not null,
    version            integer     not null default 1,
    constraint customers_pk primary key (seller_id, customer_id),
    constraint customers_id_shape check (customer_id ~ '^KC[A-Z0-9]{14}$'),
    constraint customers_seller_fk foreign key (seller_id) references sellers (seller_id),
    constraint customers_status_known check (status in ('ACTIVE', 'INACTIVE')),
    constraint customers_treatment_known check (treatment in
        ('REGISTERED', 'COMPOSITION', 'SEZ', 'UNREGISTERED', 'CONSUMER', 'OVERSEAS'))
);
create unique index customers_ref_once on customers (seller_id, unique_ref_no) where unique_ref_no is not null;
create index customers_by_gstin on customers (seller_id, gstin) where gstin is not null;
create index customers_by_name on customers (seller_id, upper(legal_name));

create table customer_contacts (
    seller_id         text     not null,
    customer_id       text     not null,
    contact_id        text     not null,
    position          smallint not null,
    legal_name        text     not null,
    name              text     not null,
    email             text,
    mobile            text     not null,
    mail_enabled      boolean  not null,
    sms_enabled       boolean  not null,
    whatsapp_enabled  boolean  not null,
    via               text,
    deleted           boolean  not null default false,
    constraint customer_contacts_pk primary key (seller_id, customer_id, contact_id),
    constraint customer_contacts_customer_fk foreign key (seller_id, customer_id)
        references customers (seller_id, customer_id)
);

create table customer_reminders (
    seller_id            text     not null,
    customer_id          text     not null,
    reminder_id          text     not null,
    reminder_type        text,
    due_date_difference  integer,
    reminder_interval    integer,
    reminder_time        text,
    stage                text,
    deleted              boolean  not null default false,
    constraint customer_reminders_pk primary key (seller_id, customer_id, reminder_id),
    constraint customer_reminders_customer_fk foreign key (seller_id, customer_id)
        references customers (seller_id, customer_id),
    constraint customer_reminders_type_known check (reminder_type in ('ONCE', 'RECURRING'))
);

-- ---------------------------------------------------------------- invoices

create table invoices (
    seller_id                text          not null,
    invoice_id               text          not null,
    registration_id          text          not null,
    customer_id              text          not null,
    external_id              text,
    doc_type                 text          not null default 'INV',
    fy                       smallint      not null,
    invoice_number           text          not null,
    number_key               text          not null,
    invoice_date             timestamptz   not null,
    due_date                 date          not null,
    po_number                text,
    po_date                  date,
    payable_reference_id     text,
    description              text,
    email_address            text,
    mobile_number            text,
    cc_emails                text[],
    gst_exclusive            boolean       not null default true,
    reverse_charge           boolean       not null default false,
    base_amount              numeric(18,2) not null,
    cgst                     numeric(18,2) not null default 0,
    sgst                     numeric(18,2) not null default 0,
    igst                     numeric(18,2) not null default 0,
    cess                     numeric(18,2) not null default 0,
    discount                 numeric(18,2) not null default 0,
    other_charges            numeric(18,2) not null default 0,
    tcs                      numeric(18,2) not null default 0,
    round_off                numeric(18,2) not null default 0,
    tds                      numeric(18,2) not null default 0,
    gst_rate                 numeric(6,3),
    taxable_value            numeric(18,2) not null,
    invoice_value            numeric(18,2) not null,
    net_amount               numeric(18,2) not null,
    total_received           numeric(18,2) not null default 0,
    balance                  numeric(18,2) not null,
    place_of_supply          text,
    supply_type              text,
    ship_to_name             text,
    ship_to_address          text,
    ship_to_pin              text,
    ship_to_state            text,
    irn                      text,
    ack_no                   text,
    ack_date                 timestamptz,
    signed_qr                text,
    eway_bill_no             text,
    approval_status          text          not null default 'APPROVER_APPROVED',
    receivable_status        text          not null default 'PENDING',
    dispatch_status          text          not null default 'NOT_DISPATCHED',
    payout_status            text          not null default 'NOT_INITIATED',
    partial_payment_allowed  boolean       not null default false,
    charge_customer          boolean       not null default false,
    via                      text,
    created_via              text          not null,
    branch_code              text,
    attachment_file_name     text,
    link_version             smallint      not null default 0,
    dispatched_at            timestamptz,
    import_id                text,
    row_no                   bigint,
    content_hash             bytea,
    created_at               timestamptz   not null,
    created_by               text          not null,
    modified_at              timestamptz   not null,
    modified_by              text          not null,
    version                  integer       not null default 1,
    constraint invoices_pk primary key (seller_id, invoice_id),
    constraint invoices_registration_fk foreign key (seller_id, registration_id)
        references registrations (seller_id, registration_id),
    constraint invoices_customer_fk foreign key (seller_id, customer_id) references customers (seller_id, customer_id),
    constraint invoices_number_once unique (seller_id, registration_id, fy, doc_type, number_key),
    constraint invoices_doc_type_known check (doc_type = 'INV'),
    constraint invoices_number_key_upper check (number_key = upper(invoice_number)),
    constraint invoices_due_after_date check (due_date >= (invoice_date at time zone 'Asia/Kolkata')::date),
    constraint invoices_amounts_not_negative check (least(base_amount, cgst, sgst, igst, cess, discount, other_charges,
        tcs, tds, taxable_value, invoice_value, net_amount, total_received) >= 0),
    constraint invoices_balance_range check (balance between 0 and net_amount),
    constraint invoices_approval_known check (approval_status in
        ('APPROVER_APPROVAL_PENDING', 'APPROVER_APPROVED', 'APPROVER_REJECTED', 'BANK_APPROVED',
         'CHECKER_APPROVAL_PENDING', 'CHECKER_APPROVED', 'CHECKER_REJECTED', 'MAKER_APPROVAL_PENDING',
         'MAKER_APPROVED', 'MAKER_REJECTED')),
    constraint invoices_receivable_known check (receivable_status in
        ('PENDING', 'PARTIALLY_PAID', 'PAID', 'DISPUTED', 'CANCELLED', 'WRITTEN_OFF')),
    constraint invoices_paid_means_settled check (receivable_status <> 'PAID' or balance = 0),
    constraint invoices_dispatch_known check (dispatch_status in
        ('NOT_DISPATCHED', 'QUEUED', 'DISPATCHED', 'FAILED', 'UNKNOWN')),
    constraint invoices_payout_known check (payout_status in
        ('NOT_INITIATED', 'INITIATED', 'PROCESSING', 'PAID', 'FAILED')),
    constraint invoices_created_via_known check (created_via in
        ('API', 'BULK_UPLOAD', 'CONSOLE', 'CLI', 'BHARAT_CONNECT', 'TALLY', 'RECURRING'))
);
create unique index invoices_external_once on invoices (seller_id, external_id) where external_id is not null;
create index invoices_by_customer on invoices (seller_id, customer_id, invoice_id);
create index invoices_by_due on invoices (seller_id, due_date, invoice_id);

create table invoice_items (
    seller_id      text          not null,
    invoice_id     text          not null,
    line_no        smallint      not null,
    description    text          not null,
    hsn_code       text,
    is_service     boolean       not null default false,
    quantity       numeric(18,3),
    unit           text,
    unit_price     numeric(20,4),
    discount       numeric(18,2) not null default 0,
    taxable_value  numeric(18,2) not null,
    gst_rate       numeric(6,3)  not null default 0,
    cgst           numeric(18,2) not null default 0,
    sgst           numeric(18,2) not null default 0,
    igst           numeric(18,2) not null default 0,
    cess           numeric(18,2) not null default 0,
    item_total     numeric(18,2) not null,
    constraint invoice_items_pk primary key (seller_id, invoice_id, line_no),
    constraint invoice_items_invoice_fk foreign key (seller_id, invoice_id) references invoices (seller_id, invoice_id)
);

create table invoice_entries (
    seller_id   text          not null,
    invoice_id  text          not null,
    entry_id    text          not null,
    kind        text          not null,
    amount      numeric(18,2) not null,
    note        text,
    created_at  timestamptz   not null,
    created_by  text          not null,
    constraint invoice_entries_pk primary key (seller_id, invoice_id, entry_id),
    constraint invoice_entries_invoice_fk foreign key (seller_id, invoice_id)
        references invoices (seller_id, invoice_id),
    constraint invoice_entries_kind_known check (kind in
        ('RECEIPT', 'OPENING', 'TDS_INCOME_TAX', 'TDS_GST', 'CREDIT_NOTE', 'DISCOUNT', 'ADVANCE', 'ROUND_OFF',
         'WRITE_OFF', 'REVERSAL')),
    constraint invoice_entries_amount_sign check (amount <> 0 and (kind <> 'REVERSAL' or amount < 0))
);
comment on table invoice_entries is 'Append-only: what reduces a balance. balance = net_amount - sum(amount), domain §3.';

create table invoice_links (
    seller_id   text        not null,
    link_hash   bytea       not null,
    invoice_id  text        not null,
    version     smallint    not null,
    created_at  timestamptz not null,
    constraint invoice_links_pk primary key (seller_id, link_hash),
    constraint invoice_links_invoice_fk foreign key (seller_id, invoice_id) references invoices (seller_id, invoice_id)
);

-- ---------------------------------------------------------------- what every change leaves behind

create table events (
    seller_id    text        not null,
    event_id     text        not null,
    at           timestamptz not null,
    type         text        not null,
    object_kind  text        not null,
    object_id    text        not null,
    data         jsonb       not null,
    constraint events_pk primary key (seller_id, event_id)
);

create table audit_log (
    seller_id    text        not null,
    audit_id     text        not null,
    at           timestamptz not null,
    actor        text        not null,
    action       text        not null,
    object_kind  text        not null,
    object_id    text        not null,
    before       jsonb,
    after        jsonb,
    request_id   text,
    constraint audit_log_pk primary key (seller_id, audit_id)
);
create index audit_log_by_object on audit_log (seller_id, object_id);

create table audit_seals (
    seller_id   text        not null,
    seal_no     bigint      not null,
    audit_id    text        not null,
    hash        bytea       not null,
    sealed_at   timestamptz not null,
    constraint audit_seals_pk primary key (seller_id, seal_no),
    constraint audit_seals_row_once unique (seller_id, audit_id)
);

create table idempotency_keys (
    seller_id     text        not null,
    key           text        not null,
    subject       text        not null,
    request_hash  bytea       not null,
    status        smallint,
    reply         bytea,
    facts         jsonb,
    import_id     text,
    created_at    timestamptz not null,
    constraint idempotency_keys_pk primary key (seller_id, subject, key)
);
create index idempotency_keys_by_age on idempotency_keys (seller_id, created_at);

-- ---------------------------------------------------------------- files and imports

create table stored_files (
    seller_id     text        not null,
    file_id       text        not null,
    file_key      text        not null,
    name          text        not null,
    content_type  text        not null,
    size          bigint      not null,
    created_at    timestamptz not null,
    constraint stored_files_pk primary key (seller_id, file_id)
);

create table file_links (
    seller_id   text        not null,
    link_hash   bytea       not null,
    file_id     text        not null,
    expires_at  timestamptz not null,
    constraint file_links_pk primary key (seller_id, link_hash),
    constraint file_links_file_fk foreign key (seller_id, file_id) references stored_files (seller_id, file_id)
);

create table imports (
    seller_id      text        not null,
    import_id      text        not null,
    kind           text        not null,
    state          text        not null,
    file_key       text        not null,
    file_name      text        not null,
    file_hash      bytea       not null,
    file_size      bigint      not null,
    actor          jsonb       not null,
    options        jsonb       not null default '{}',
    total_count    bigint,
    result         jsonb,
    refusal        jsonb,
    created_at     timestamptz not null,
    started_at     timestamptz,
    finished_at    timestamptz,
    constraint imports_pk primary key (seller_id, import_id),
    constraint imports_kind_known check (kind in ('invoices')),
    constraint imports_state_known check (state in ('RECEIVED', 'RUNNING', 'DONE', 'REFUSED'))
);

create table import_chunks (
    seller_id      text          not null,
    import_id      text          not null,
    chunk_no       integer       not null,
    first_row      bigint        not null,
    last_row       bigint        not null,
    success_count  bigint        not null,
    failure_count  bigint        not null,
    warn_count     bigint        not null,
    total_amount   numeric(20,2) not null,
    part_key       text          not null,
    applied_at     timestamptz   not null,
    constraint import_chunks_pk primary key (seller_id, import_id, chunk_no),
    constraint import_chunks_import_fk foreign key (seller_id, import_id) references imports (seller_id, import_id)
);
comment on table import_chunks is 'One row for each applied chunk, in the same commit as its invoices: a chunk cannot be applied twice.';

-- ---------------------------------------------------------------- deliveries

create table deliveries (
    seller_id    text        not null,
    delivery_id  text        not null,
    customer_id  text        not null,
    channel      text        not null,
    grouping     text        not null,
    state        text        not null,
    message_id   text        not null,
    recipients   jsonb,
    attempts     smallint    not null default 0,
    detail       text,
    created_at   timestamptz not null,
    created_by   text        not null,
    settled_at   timestamptz,
    constraint deliveries_pk primary key (seller_id, delivery_id),
    constraint deliveries_customer_fk foreign key (seller_id, customer_id) references customers (seller_id, customer_id),
    constraint deliveries_channel_known check (channel in ('EMAIL', 'SMS', 'WHATSAPP', 'LINK', 'BHARAT_CONNECT')),
    constraint deliveries_grouping_known check (grouping in ('invoice', 'customer')),
    constraint deliveries_state_known check (state in ('QUEUED', 'SENDING', 'SENT', 'FAILED', 'UNKNOWN'))
);

create table delivery_invoices (
    seller_id    text     not null,
    invoice_id   text     not null,
    round        smallint not null,
    delivery_id  text     not null,
    constraint delivery_invoices_pk primary key (seller_id, invoice_id, round),
    constraint delivery_invoices_delivery_fk foreign key (seller_id, delivery_id)
        references deliveries (seller_id, delivery_id),
    constraint delivery_invoices_invoice_fk foreign key (seller_id, invoice_id)
        references invoices (seller_id, invoice_id)
);
create index delivery_invoices_by_delivery on delivery_invoices (seller_id, delivery_id);
comment on table delivery_invoices is 'Round 1 is the dispatch, each asked-for resend the next; the key keeps a round from being queued twice.';

create table delivery_attempts (
    seller_id    text        not null,
    delivery_id  text        not null,
    attempt_no   smallint    not null,
    started_at   timestamptz not null,
    outcome      text,
    detail       text,
    finished_at  timestamptz,
    constraint delivery_attempts_pk primary key (seller_id, delivery_id, attempt_no),
    constraint delivery_attempts_delivery_fk foreign key (seller_id, delivery_id)
        references deliveries (seller_id, delivery_id),
    constraint delivery_attempts_outcome_known check (outcome in ('ACCEPTED', 'REJECTED', 'UNREACHABLE', 'UNKNOWN'))
);

-- ---------------------------------------------------------------- the hot write: one round trip

create function next_number(p_seller text, p_series text, p_fy smallint, p_count bigint) returns bigint
    language plpgsql as $$
declare v_next bigint;
begin
    insert into number_counters as c (seller_id, series_id, fy, next_value) values (p_seller, p_series, p_fy, 1 + p_count)
    on conflict on constraint number_counters_pk do update set next_value = c.next_value + excluded.next_value - 1
    returning c.next_value into v_next;
    return v_next - p_count;
end $$;
comment on function next_number is 'Takes p_count numbers and gives the first. Gapless: the row lock is held to the commit, and a rollback gives them back.';

create function render_number(p_pattern text, p_fy smallint, p_n bigint) returns text language plpgsql immutable as $$
declare
    v_next  text := lpad(((p_fy + 1) % 100)::text, 2, '0');
    v_this  text := lpad((p_fy % 100)::text, 2, '0');
    v_dated text := replace(replace(replace(p_pattern, '{2026-27}', p_fy::text || '-' || v_next),
                                    '{26-27}', v_this || '-' || v_next), '{2627}', v_this || v_next);
    v_width integer := coalesce((regexp_match(v_dated, '\{n:([0-9]+)\}'))[1]::integer, 0);
begin
    if p_n > (case when v_width = 0 then 999999 else power(10, v_width) - 1 end) then
        raise exception 'series_exhausted' using errcode = 'HU422';
    end if;
    return regexp_replace(v_dated, '\{n(:[0-9]+)?\}', lpad(p_n::text, greatest(v_width, length(p_n::text)), '0'));
end $$;
comment on function render_number is 'The same as hundi.gst.numbers.render_number, for createInvoice in one round trip; a test compares them.';

create function create_invoice(
    p_seller        text,
    p_subjects      text[],
    p_issued        timestamptz,
    p_idempotent    text,          -- the subject the key belongs to
    p_key           text,
    p_request_hash  bytea,
    p_row           jsonb,         -- the row by column; what is not in it is null
    p_gstin         text,          -- which registration; null = the default one
    p_net_off       boolean,       -- the netAmount that was sent differs by more than a rupee
    p_entry_ids     text[],
    p_entry_kinds   text[],
    p_entry_amounts numeric[],
    p_items         jsonb,         -- an array of the lines by column, or null
    p_event_id      text,
    p_audit_id      text,
    p_request_id    text
) returns jsonb language plpgsql as $$
-- One call, one commit: seller bound, token checked for revocation, key claimed, number taken, rows written. Gives the
-- facts of the new invoice as JSON; the reply is made from them, now and at every replay of the key (design §3, §4.3).
-- Refusals are exceptions of SQLSTATE HU4xx whose message is the code.
declare
    v_row       invoices := jsonb_populate_record(null::invoices, p_row);
    v_customer  customers;
    v_seller    sellers;
    v_reg       registrations;
    v_series    number_series;
    v_stored    idempotency_keys;
    v_facts     jsonb;
    v_name      text;
    v_email     text;
    v_mobile    text;
begin
    perform bind_actor(p_seller, p_subjects, p_issued);
    if p_key is not null then
        insert into idempotency_keys as k (seller_id, subject, key, request_hash, created_at)
        values (p_seller, p_idempotent, p_key, p_request_hash, v_row.created_at)
        on conflict on constraint idempotency_keys_pk do update
            set request_hash = excluded.request_hash, created_at = excluded.created_at,
                status = null, reply = null, facts = null, import_id = null
            where k.created_at < excluded.created_at - interval '24 hours';
        if not found then
            select * into v_stored from idempotency_keys k
             where k.seller_id = p_seller and k.subject = p_idempotent and k.key = p_key;
            if v_stored.request_hash <> p_request_hash then
                raise exception 'key_reused' using errcode = 'HU422';
            elsif v_stored.facts is null then
                raise exception 'key_in_flight' using errcode = 'HU409';
            end if;
            return v_stored.facts || jsonb_build_object('replayed', true);
        end if;
    end if;

    select * into v_seller from sellers s where s.seller_id = p_seller;
    if p_net_off and v_seller.amount_mismatch = 'error' then
        raise exception 'amount_mismatch' using errcode = 'HU400';
    end if;
    select * into v_customer from customers c
     where c.seller_id = p_seller and c.customer_id = v_row.customer_id and c.deleted_at is null;
    if not found then
        raise exception 'customer_not_found' using errcode = 'HU404';
    elsif v_customer.status <> 'ACTIVE' then
        raise exception 'customer_inactive' using errcode = 'HU422';
    end if;
    if p_gstin is null then
        select * into v_reg from registrations r where r.seller_id = p_seller and r.is_default;
    else
        select * into v_reg from registrations r where r.seller_id = p_seller and r.gstin = p_gstin;
    end if;
    if v_reg.registration_id is null then
        raise exception 'registration_not_found' using errcode = 'HU404';
    end if;
    v_row.registration_id := v_reg.registration_id;

    if v_row.invoice_number is null then
        select * into v_series from number_series n
         where n.seller_id = p_seller and n.registration_id = v_reg.registration_id and n.doc_type = 'INV' and n.is_default;
        if not found then
            raise exception 'no_series' using errcode = 'HU422';
        end if;
        -- A number somebody typed by hand is passed over; the counter's row lock keeps others of the series waiting.
        loop
            v_row.invoice_number := render_number(v_series.pattern, v_row.fy,
                                                  next_number(p_seller, v_series.series_id, v_row.fy, 1));
            exit when not exists (select 1 from invoices i
                                   where i.seller_id = p_seller and i.registration_id = v_reg.registration_id
                                     and i.fy = v_row.fy and i.doc_type = v_row.doc_type
                                     and i.number_key = upper(v_row.invoice_number));
        end loop;
    end if;
    v_row.number_key := upper(v_row.invoice_number);
    -- Place of supply in the order of domain section 2; what was sent and the ship-to state are resolved by the caller.
    v_row.place_of_supply := coalesce(v_row.place_of_supply, v_row.ship_to_state,
                                      nullif(left(v_customer.gstin, 2), '99'), nullif(v_customer.state_code, '99'));

    insert into invoices select v_row.*;
    if p_items is not null then
        insert into invoice_items select i.* from jsonb_populate_recordset(null::invoice_items, p_items) i;
    end if;
    if cardinality(p_entry_ids) > 0 then
        insert into invoice_entries (seller_id, invoice_id, entry_id, kind, amount, created_at, created_by)
        select p_seller, v_row.invoice_id, e.id, e.kind, e.amount, v_row.created_at, v_row.created_by
          from unnest(p_entry_ids, p_entry_kinds, p_entry_amounts) as e (id, kind, amount);
    end if;

    select m.display_name, m.email, m.mobile into v_name, v_email, v_mobile
      from memberships m where m.seller_id = p_seller and m.user_id = v_row.created_by;
    if not found then
        select a.name into v_name from api_clients a where a.seller_id = p_seller and a.client_id = v_row.created_by;
    end if;
    v_facts := jsonb_strip_nulls(to_jsonb(v_row) || jsonb_build_object(
        'created_by_name', v_name, 'created_by_email', v_email, 'created_by_mobile', v_mobile,
        'modified_by_name', v_name, 'modified_by_email', v_email, 'modified_by_mobile', v_mobile,
        'customer_legal_name', v_customer.legal_name, 'has_key_contacts', v_customer.has_key_contacts,
        'customer_gstin', v_customer.gstin, 'customer_state', v_customer.state_code,
        'customer_treatment', v_customer.treatment, 'seller_state', v_reg.state_code));
    insert into events (seller_id, event_id, at, type, object_kind, object_id, data)
    values (p_seller, p_event_id, v_row.created_at, 'invoice.created', 'invoice', v_row.invoice_id,
            jsonb_build_object('invoiceNumber', v_row.invoice_number, 'netAmount', v_row.net_amount));
    insert into audit_log (seller_id, audit_id, at, actor, action, object_kind, object_id, after, request_id)
    values (p_seller, p_audit_id, v_row.created_at, v_row.created_by, 'invoice.create', 'invoice', v_row.invoice_id,
            v_facts, p_request_id);
    if p_key is not null then
        update idempotency_keys set status = 200, facts = v_facts
         where seller_id = p_seller and subject = p_idempotent and key = p_key;
    end if;
    return v_facts;
end $$;

-- ---------------------------------------------------------------- the operator's own questions, across sellers

create function sellers_to_seal(p_before text) returns setof text
    language sql stable security definer set search_path = pg_catalog, public as $$
    select s.seller_id from public.sellers s
     where exists (
           select 1 from public.audit_log a
            where a.seller_id = s.seller_id and a.audit_id < p_before
              and a.audit_id > coalesce((select x.audit_id from public.audit_seals x
                                          where x.seller_id = s.seller_id order by x.seal_no desc limit 1), '')) $$;
comment on function sellers_to_seal is 'Whose audit rows, born before p_before, wait for their seal. Names only.';

create function purge_expired(p_now timestamptz) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public as $$
declare v_count bigint; v_total bigint := 0;
begin
    delete from public.idempotency_keys where created_at < p_now - interval '48 hours';
    get diagnostics v_count = row_count;
    v_total := v_total + v_count;
    delete from public.refresh_tokens where expires_at < p_now - interval '7 days';
    get diagnostics v_count = row_count;
    v_total := v_total + v_count;
    with gone as (delete from public.file_links where expires_at < p_now returning link_hash)
    delete from public.directory d using gone where d.kind = 'file_link' and d.key_hash = gone.link_hash;
    get diagnostics v_count = row_count;
    return v_total + v_count;
end $$;
comment on function purge_expired is 'Housekeeping: keys past their 24 hours, dead refresh tokens, links to files that expired.';

do $$
declare t text;
begin
    for t in select c.table_name from information_schema.columns c
              join information_schema.tables x using (table_schema, table_name)
             where c.table_schema = 'public' and c.column_name = 'seller_id' and x.table_type = 'BASE TABLE'
               and c.table_name <> 'directory'
    loop
        execute format('alter table %I enable row level security', t);
        execute format('create policy %I on %I using (seller_id = current_setting(''hundi.seller_id'', true)) '
                       'with check (seller_id = current_setting(''hundi.seller_id'', true))', t || '_of_seller', t);
    end loop;
end $$;
