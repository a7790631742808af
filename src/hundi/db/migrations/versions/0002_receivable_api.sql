-- The whole Accounts Receivable API: attachments, approval policies, entries with their particulars, voided numbers,
-- reminders' next run, per-client limits, and the indexes that searches stand on.

-- ---------------------------------------------------------------- invoices and their money

alter table invoices
    add column deleted_at       timestamptz,
    add column minimum_part     numeric(18,2),
    add column status_reason    text,
    add column approval_round   smallint not null default 1,
    -- Who stands for the present round as its maker: the one who sent it in again or changed its figures; null = created_by.
    add column submitted_by     text;
alter table invoices add constraint invoices_minimum_part_positive check (minimum_part is null or minimum_part > 0);

alter table invoice_entries
    add column reference        text,
    add column received_on      date,
    add column tds_section      text,
    add column tan              text,
    add column certificate_no   text,
    -- What a TDS certificate says; the amount beside it is what that does to the balance (domain section 3).
    add column certified        numeric(18,2),
    add column reverses         text;
-- A certificate over exactly the expected tax changes nothing, and is recorded all the same.
alter table invoice_entries drop constraint invoice_entries_amount_sign;
alter table invoice_entries add constraint invoice_entries_amount_sign check (
    (amount <> 0 or certified is not null) and (kind <> 'REVERSAL' or amount < 0));
alter table invoice_entries add constraint invoice_entries_certified_kind check (
    (certified is not null) <= (kind in ('TDS_INCOME_TAX', 'TDS_GST')));
create unique index invoice_entries_reversed_once on invoice_entries (seller_id, invoice_id, reverses)
    where reverses is not null;
-- Less tax deducted than expected comes back to the balance, so that may pass the net amount, never the document's value.
alter table invoices drop constraint invoices_balance_range;
alter table invoices add constraint invoices_balance_range check (balance between 0 and invoice_value);

-- What the usual searches stand on (bench/search.py prints their plans). Every one begins with the seller.
-- Amounts have none: a seller's rows are found by its key and sorted, and each index costs the bulk engine a fifth of its speed.
create index invoices_waiting on invoices (seller_id, invoice_id)
    where approval_status in ('MAKER_APPROVAL_PENDING', 'CHECKER_APPROVAL_PENDING', 'APPROVER_APPROVAL_PENDING');
create index invoices_by_number on invoices (seller_id, number_key, invoice_id);
create index invoices_by_invoice_date on invoices (seller_id, invoice_date, invoice_id);
create index invoices_text on invoices
    using gin (seller_id, (lower(invoice_number || ' ' || coalesce(description, ''))) gin_trgm_ops)
    with (gin_pending_list_limit = 16384);
create index customers_text on customers using gin (seller_id, (lower(legal_name)) gin_trgm_ops);
create index invoices_by_created on invoices (seller_id, created_at, invoice_id);
create index invoices_by_po on invoices (seller_id, po_number) where po_number is not null;

-- Searches look here. Row-level security lets no index be used for a condition whose operator may leak (LIKE, and every
-- comparison of numeric), so on the tables themselves the trigrams and the amounts would be read row by row. A view runs
-- with its owner's rights and keeps to the bound seller by its own condition: the same net, woven so that indexes fit
-- through it. It is read only (upgrade.py grants SELECT and nothing else), and it gives what a search tests and orders
-- by; the rows that are shown are fetched from the table by their ids.
create view searchable_invoices as
    select seller_id, invoice_id, registration_id, customer_id, external_id, invoice_number, number_key, invoice_date,
           due_date, po_number, description, base_amount, net_amount, total_received, balance, approval_status,
           receivable_status, dispatch_status, payout_status, via, created_via, branch_code, dispatched_at, created_at
      from invoices
     where seller_id = current_setting('hundi.seller_id', true)
       and deleted_at is null;
create view searchable_customers as
    select seller_id, customer_id, unique_ref_no, legal_name, trade_name, gstin, pan, state_code, contact_number,
           assigned_agent, status, deleted_at, created_at
      from customers
     where seller_id = current_setting('hundi.seller_id', true);

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
    made_by     text        not null,
    decided_at  timestamptz not null,
    constraint approval_decisions_pk primary key (seller_id, invoice_id, round, step),
    -- Maker, checker and approver of one round are three different people, whatever the application thinks.
    constraint approval_decisions_one_step_each unique (seller_id, invoice_id, round, decided_by),
    -- ... and whoever made or last changed the invoice is its maker, also where the policy asks for no MAKER step.
    constraint approval_decisions_maker_apart check (step = 'MAKER' or decided_by <> made_by),
    constraint approval_decisions_invoice_fk foreign key (seller_id, invoice_id)
        references invoices (seller_id, invoice_id),
    constraint approval_decisions_step_known check (step in ('MAKER', 'CHECKER', 'APPROVER')),
    constraint approval_decisions_decision_known check (decision in ('APPROVED', 'REJECTED'))
);

-- createInvoice as in 0001, and the approval an invoice is born with, still in one round trip.
create or replace function create_invoice(
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
    v_steps     text[];
    v_first     integer;
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
    -- Locked as its foreign key locks it anyway, but before it is looked at: a customer that is just being deleted or
    -- deactivated is waited for, and then seen as it is.
    select * into v_customer from customers c
     where c.seller_id = p_seller and c.customer_id = v_row.customer_id and c.deleted_at is null for key share;
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

    -- The policy of the amount decides with which approval it is born (domain section 4); what was asked for came along
    -- in the row. A later step may be asked for only past the maker's own, which is then the creator's.
    v_first := 1;
    select p.steps into v_steps from approval_policies p
     where p.seller_id = p_seller and p.active and v_row.net_amount >= p.from_amount
       and (p.to_amount is null or v_row.net_amount < p.to_amount)
     order by p.from_amount desc limit 1;
    if v_steps is null then
        v_row.approval_status := 'APPROVER_APPROVED';
    else
        if v_row.approval_status is not null then
            select min(s.n) into v_first from unnest(v_steps) with ordinality as s (step, n)
             where array_position(array['MAKER', 'CHECKER', 'APPROVER'], s.step)
                >= array_position(array['MAKER', 'CHECKER', 'APPROVER'],
                                  substring(v_row.approval_status from '^(MAKER|CHECKER|APPROVER)_APPROVAL_PENDING$'));
            if v_first is null or v_first > 2 or (v_first = 2 and v_steps[1] <> 'MAKER') then
                raise exception 'approval_not_writable' using errcode = 'HU403';
            end if;
        end if;
        v_row.approval_status := v_steps[v_first] || '_APPROVAL_PENDING';
    end if;

    insert into invoices select v_row.*;
    if v_first = 2 then
        insert into approval_decisions (seller_id, invoice_id, round, step, decided_by, decision, made_by, decided_at)
        values (p_seller, v_row.invoice_id, v_row.approval_round, 'MAKER', v_row.created_by, 'APPROVED',
                v_row.created_by, v_row.created_at);
    end if;
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

-- ---------------------------------------------------------------- customers

-- Account numbers are sealed, so they are found by a keyed hash (HMAC under the installation's secret, with the seller in it).
alter table customers add column account_hash bytea;
-- A deleted customer gives its reference back: what was entered wrongly can be entered again.
drop index customers_ref_once;
create unique index customers_ref_once on customers (seller_id, unique_ref_no)
    where unique_ref_no is not null and deleted_at is null;
create index customers_by_account on customers (seller_id, account_hash) where account_hash is not null;
create index customers_by_pan on customers (seller_id, pan) where pan is not null;
create index customers_by_created on customers (seller_id, created_at, customer_id);
create index customers_by_modified on customers (seller_id, modified_at, customer_id);
-- E-mail addresses and telephone numbers have no index: under row-level security the planner takes only leakproof conditions
-- into one, and lower(), right() and LIKE are none. A search for them reads the seller's own customers, no others.

-- ---------------------------------------------------------------- reminders, limits, settings, imports

alter table customer_reminders
    add column next_run_on  date,
    add column created_at   timestamptz,
    add column created_by   text,
    add column modified_at  timestamptz,
    add column modified_by  text;

alter table api_clients
    add column rate_per_minute    integer not null default 600000,
    add column burst              integer not null default 20000,
    add column old_secret_hash    bytea,
    add column old_secret_until   timestamptz;
alter table api_clients add constraint api_clients_rate_positive check (rate_per_minute > 0 and burst > 0);

alter table sellers
    add column logo_file_id      text,
    add column e_invoice_policy  text not null default 'refuse';
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
