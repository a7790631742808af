-- The whole Accounts Receivable API: attachments, approval policies, entries with their particulars, voided numbers,
-- reminders' next run, per-client limits, and the indexes that searches stand on.

-- ---------------------------------------------------------------- invoices and their money

alter table invoices
    add column deleted_at       timestamptz,
    add column minimum_part     numeric(18,2),
    add column status_reason    text,
    add column approval_round   smallint not null default 1;
alter table invoices add constraint invoices_minimum_part_positive check (minimum_part is null or minimum_part > 0);

alter table invoice_entries
    add column reference        text,
    add column received_on      date,
    add column tds_section      text,
    add column tan              text,
    add column certificate_no   text,
    add column reverses         text;

-- What the usual searches stand on (bench/search.py prints their plans). Every one begins with the seller.
-- Amounts have none: a seller's rows are found by its key and sorted, and each index costs the bulk engine a fifth of its speed.
create index invoices_by_number on invoices (seller_id, number_key, invoice_id);
create index invoices_by_invoice_date on invoices (seller_id, invoice_date, invoice_id);
create index invoices_text on invoices
    using gin (seller_id, (lower(invoice_number || ' ' || coalesce(description, ''))) gin_trgm_ops)
    with (gin_pending_list_limit = 16384);
create index customers_text on customers using gin (seller_id, (lower(legal_name)) gin_trgm_ops);

create table voided_numbers (
    seller_id        text        not null,
    registration_id  text        not null,
    fy               smallint    not null,
    doc_type         text        not null,
    number_key       text        not null,
    invoice_id       text        not null,
    reason           text        not null,
    voided_at        timestamptz not null,
    voided_by        text        not null,
    constraint voided_numbers_pk primary key (seller_id, registration_id, fy, doc_type, number_key),
    constraint voided_numbers_registration_fk foreign key (seller_id, registration_id)
        references registrations (seller_id, registration_id)
);
comment on table voided_numbers is 'The register of numbers that were issued and will never be used: deleted or cancelled documents (domain section 6).';

-- ---------------------------------------------------------------- attachments

create table attachments (
    seller_id      text        not null,
    attachment_id  text        not null,
    invoice_id     text        not null,
    file_id        text        not null,
    source         text        not null,
    original_name  text        not null,
    file_ext       text        not null,
    content_type   text        not null,
    size           bigint      not null,
    sha256         bytea       not null,
    is_primary     boolean     not null,
    shared         boolean     not null,
    deleted        boolean     not null default false,
    reference_id   text,
    remarks        text,
    created_at     timestamptz not null,
    created_by     text        not null,
    modified_at    timestamptz not null,
    modified_by    text        not null,
    constraint attachments_pk primary key (seller_id, attachment_id),
    constraint attachments_invoice_fk foreign key (seller_id, invoice_id) references invoices (seller_id, invoice_id),
    constraint attachments_file_fk foreign key (seller_id, file_id) references stored_files (seller_id, file_id),
    constraint attachments_source_known check (source in ('TALLY_INVOICE', 'UPLOAD', 'API', 'SYSTEM'))
);
create index attachments_by_invoice on attachments (seller_id, invoice_id);
create unique index attachments_one_primary on attachments (seller_id, invoice_id) where is_primary and not deleted;

-- ---------------------------------------------------------------- approval

create table approval_policies (
    seller_id    text          not null,
    policy_id    text          not null,
    name         text          not null,
    from_amount  numeric(18,2) not null,
    to_amount    numeric(18,2),
    steps        text[]        not null,
    active       boolean       not null default true,
    created_at   timestamptz   not null,
    created_by   text          not null,
    constraint approval_policies_pk primary key (seller_id, policy_id),
    constraint approval_policies_seller_fk foreign key (seller_id) references sellers (seller_id),
    constraint approval_policies_steps_known check (
        steps in (array['MAKER', 'CHECKER', 'APPROVER'], array['MAKER', 'APPROVER'], array['CHECKER', 'APPROVER'],
                  array['APPROVER'])),
    constraint approval_policies_band check (from_amount >= 0 and (to_amount is null or to_amount > from_amount))
);

create table approval_decisions (
    seller_id   text        not null,
    invoice_id  text        not null,
    round       smallint    not null,
    step        text        not null,
    decided_by  text        not null,
    decision    text        not null,
    remarks     text,
    decided_at  timestamptz not null,
    constraint approval_decisions_pk primary key (seller_id, invoice_id, round, step),
    -- Maker, checker and approver of one round are three different people, whatever the application thinks.
    constraint approval_decisions_one_step_each unique (seller_id, invoice_id, round, decided_by),
    constraint approval_decisions_invoice_fk foreign key (seller_id, invoice_id)
        references invoices (seller_id, invoice_id),
    constraint approval_decisions_step_known check (step in ('MAKER', 'CHECKER', 'APPROVER')),
    constraint approval_decisions_decision_known check (decision in ('APPROVED', 'REJECTED'))
);

-- ---------------------------------------------------------------- reminders, limits, settings, imports

alter table customer_reminders
    add column next_run_on  date,
    add column created_at   timestamptz,
    add column created_by   text,
    add column modified_at  timestamptz,
    add column modified_by  text;

alter table api_clients
    add column rate_per_minute  integer not null default 6000,
    add column burst            integer not null default 600;
alter table api_clients add constraint api_clients_rate_positive check (rate_per_minute > 0 and burst > 0);

alter table sellers
    add column logo_file_id      text,
    add column e_invoice_policy  text not null default 'warn';
alter table sellers add constraint sellers_e_invoice_policy_known check (e_invoice_policy in ('refuse', 'warn'));

alter table imports drop constraint imports_kind_known;
alter table imports add constraint imports_kind_known check (kind in ('invoices', 'customers', 'customer_updates'));

do $$
declare t text;
begin
    foreach t in array array['voided_numbers', 'attachments', 'approval_policies', 'approval_decisions'] loop
        execute format('alter table %I enable row level security', t);
        execute format('create policy %I on %I using (seller_id = current_setting(''hundi.seller_id'', true)) '
                       'with check (seller_id = current_setting(''hundi.seller_id'', true))', t || '_of_seller', t);
    end loop;
end $$;
