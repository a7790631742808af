-- The supplier's side of the network and the books: counterparties, invoices that are objects, payments that are entries.

alter table sellers
    add column dispatch_channel  text not null default 'EMAIL',
    -- The HSN or SAC of an invoice without lines: every line on the network needs one.
    add column default_hsn       text;
alter table sellers add constraint sellers_dispatch_channel_known check (dispatch_channel in ('EMAIL', 'BHARAT_CONNECT'));
alter table sellers add constraint sellers_default_hsn_shape check (default_hsn ~ '^([0-9]{4}|[0-9]{6}|[0-9]{8})$');

-- What the network last said of an invoice; null where it was never sent over it. network_hold says why it may not be
-- cancelled in the books alone.
alter table invoices
    add column network_status   text,
    add column network_hold     text,
    add column buyer_response   text,
    add column buyer_remarks    text;
alter table invoices add constraint invoices_network_hold_known check (
    network_hold in ('PAYMENT_UNDER_WAY', 'PAID_ON_NETWORK', 'FINANCED'));
alter table invoices add constraint invoices_buyer_response_known check (buyer_response in ('ACCEPT', 'REJECT', 'RETURN'));

create table network_counterparties (
    seller_id    text        not null,
    customer_id  text        not null,
    b2b_id       text        not null,
    source       text        not null,
    learnt_from  text,
    changed_at   timestamptz not null,
    changed_by   text        not null,
    constraint network_counterparties_pk primary key (seller_id, customer_id),
    constraint network_counterparties_customer_fk foreign key (seller_id, customer_id)
        references customers (seller_id, customer_id),
    constraint network_counterparties_source_known check (source in ('EXPLICIT', 'LEARNT'))
);
comment on table network_counterparties is 'A customer''s address on the network. What somebody set is never overwritten by what was learnt.';

create table network_invoices (
    seller_id    text        not null,
    invoice_id   text        not null,
    round        smallint    not null,
    object_id    text        not null,
    message_id   text        not null,
    delivery_id  text        not null,
    pending      text,
    digest       text,
    revision     integer     not null default 0,
    created_at   timestamptz not null,
    changed_at   timestamptz not null,
    constraint network_invoices_pk primary key (seller_id, invoice_id, round),
    constraint network_invoices_object_once unique (seller_id, object_id),
    constraint network_invoices_invoice_fk foreign key (seller_id, invoice_id) references invoices (seller_id, invoice_id)
);
create index network_invoices_by_message on network_invoices (seller_id, message_id);
comment on table network_invoices is 'The objects an invoice was sent as: another round only where the network refused the one before. pending is the digest of what is on its way, digest of what the buyer has, revision the last move the books followed.';

create table network_postings (
    seller_id   text          not null,
    payment_id  text          not null,
    invoice_id  text          not null,
    part        smallint      not null,
    kind        text          not null,
    reference   text          not null,
    amount      numeric(18,2) not null,
    posted      numeric(18,2) not null,
    covered     numeric(18,2) not null,
    excess      numeric(18,2) not null,
    entry_id    text,
    at          timestamptz   not null,
    constraint network_postings_pk primary key (seller_id, payment_id, invoice_id, part),
    constraint network_postings_invoice_fk foreign key (seller_id, invoice_id) references invoices (seller_id, invoice_id),
    constraint network_postings_add_up check (amount = posted + covered + excess)
);
create index network_postings_by_invoice on network_postings (seller_id, invoice_id);
comment on table network_postings is 'What a confirmed payment did to an invoice, part by part, once: posted as an entry, covered by an entry that stood already, or more than was owed and kept on account (domain section 11).';

do $$
declare t text;
begin
    foreach t in array array['network_counterparties', 'network_invoices', 'network_postings'] loop
        execute format('alter table %I enable row level security', t);
        execute format('create policy %I on %I using (seller_id = current_setting(''hundi.seller_id'', true)) '
                       'with check (seller_id = current_setting(''hundi.seller_id'', true))', t || '_of_seller', t);
    end loop;
end $$;
